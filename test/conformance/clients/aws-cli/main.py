"""Runs conformance cases with the AWS CLI; test/conformance/README.md says what is read and written."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
AWS = [str(HERE / "venv/bin/python"), str(HERE / "venv/bin/aws")]
MAX_INLINE_BYTES = 1_000_000
UNKNOWN_KEY = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
OPTIONS = {
    "function": "--function-name",
    "qualifier": "--qualifier",
    "invocationType": "--invocation-type",
    "logType": "--log-type",
    "clientContext": "--client-context",
    "tenantId": "--tenant-id",
}
UNSUPPORTED = {
    "InvokeWithResponseStream": "the AWS CLI has no commands with event streams",
    "Presigned": "the AWS CLI presigns for S3 only",
}
ERROR = re.compile(r"An error occurred \((\w+)\) when calling the \w+ operation(?: \(reached max retries: (\d+)\))?: (.*)", re.S)
# The status of an error is not shown; with --debug the line of its connection is: "POST /... HTTP/1.1" 404
STATUS = re.compile(r'"POST \S+ HTTP/1\.1" (\d{3}) ')


def payload_of(case):
    """The bytes that a case sends; None for none."""
    if "payloadBytes" in case:
        return b'"' + b"x" * (case["payloadBytes"] - 2) + b'"'
    return case["payload"].encode() if "payload" in case else None


def environment_of(case):
    environment = dict(os.environ, AWS_DEFAULT_REGION=os.environ["AWS_REGION"], AWS_PAGER="")
    fault = case.get("credentials")
    if fault == "wrong-secret":
        environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
    if fault == "unknown-key":
        environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"] = UNKNOWN_KEY
    if fault == "other-tenant":
        environment["AWS_ACCESS_KEY_ID"] = os.environ["OTHER_ACCESS_KEY_ID"]
        environment["AWS_SECRET_ACCESS_KEY"] = os.environ["OTHER_SECRET_ACCESS_KEY"]
    if fault == "skewed-clock":
        environment["PYTHONPATH"] = str(HERE / "clock_behind")
    if case.get("retries") != "default":
        environment["AWS_MAX_ATTEMPTS"] = "1"
    return environment


def command_of(case, payload_file, answer_file):
    throttled = case.get("endpoint") == "throttle"
    endpoint = os.environ["POSTERN_THROTTLE_ENDPOINT" if throttled else "POSTERN_ENDPOINT"]
    globals_ = [*AWS, "--endpoint-url", endpoint, "--output", "json", "--debug", "lambda"]
    if case["operation"] == "InvokeAsync":
        return [*globals_, "invoke-async", "--function-name", case["function"], "--invoke-args", str(payload_file)]
    options = [part for field, option in OPTIONS.items() if field in case for part in (option, case[field])]
    if payload_of(case) is not None:
        options += ["--payload", f"fileb://{payload_file}"]
    return [*globals_, "invoke", *options, str(answer_file)]


def payload_members(payload):
    """How an outcome tells of an answer's bytes."""
    if len(payload) <= MAX_INLINE_BYTES:
        return {"payloadBase64": base64.b64encode(payload).decode()}
    return {"payloadSha256": hashlib.sha256(payload).hexdigest(), "payloadBytes": len(payload)}


def failure(stderr):
    """The error of a command that failed. The CLI shows no classes of errors, so `typed` is left out."""
    found = ERROR.search(stderr.rsplit("\n\n", 1)[-1]) or ERROR.search(stderr)
    if found is None:
        return {"error": {"name": "CommandFailed", "message": stderr[-500:].strip()}}
    name, retries, message = found.groups()
    statuses = STATUS.findall(stderr)
    error = {"name": name, "message": message.strip()}
    if statuses:
        error["status"] = int(statuses[-1])
    return {"error": error, "attempts": len(statuses) or int(retries or 0) + 1}


def run(case, folder):
    if case["operation"] in UNSUPPORTED:
        return {"unsupported": UNSUPPORTED[case["operation"]]}
    payload_file, answer_file = folder / "payload", folder / "answer"
    payload_file.write_bytes(payload_of(case) or b"")
    answer_file.unlink(missing_ok=True)
    command = command_of(case, payload_file, answer_file)
    done = subprocess.run(command, env=environment_of(case), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return failure(done.stderr)
    answer = json.loads(done.stdout)
    if case["operation"] == "InvokeAsync":
        return {"status": answer["Status"]}
    log = answer.get("LogResult")
    return {
        "status": answer["StatusCode"],
        "executedVersion": answer.get("ExecutedVersion"),
        "functionError": answer.get("FunctionError"),
        **payload_members(answer_file.read_bytes()),
        "log": base64.b64decode(log).decode() if log else None,
    }


def main():
    version = subprocess.run([*AWS, "--version"], capture_output=True, text=True, check=True).stdout.split()
    print(json.dumps({"sdk": version[0].replace("/", " "), "runtime": version[1].replace("/", " ")}), flush=True)
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            outcome = {"id": case["id"], **run(case, Path(folder))}
            print(json.dumps({name: value for name, value in outcome.items() if value is not None}), flush=True)


main()
