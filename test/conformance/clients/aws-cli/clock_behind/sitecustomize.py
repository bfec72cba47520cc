"""With its folder on PYTHONPATH, the clock of a Python program is one hour behind."""

import datetime


class Behind(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) - datetime.timedelta(hours=1)


datetime.datetime = Behind
