"""Runs conformance cases with a plain signer; test/conformance/README.md says what is read and written."""

import base64
import hashlib
import io
import json
import os
import platform
import struct
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from urllib.parse import quote

MAX_INLINE_BYTES = 1_000_000
UNKNOWN_KEY = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
ARGUMENT_HEADERS = {
    "invocationType": "X-Amz-Invocation-Type",
    "logType": "X-Amz-Log-Type",
    "clientContext": "X-Amz-Client-Context",
    "tenantId": "X-Amz-Tenant-Id",
}


def payload_of(case):
    """The bytes that a case sends; None for none."""
    if "payloadBytes" in case:
        return b'"' + b"x" * (case["payloadBytes"] - 2) + b'"'
    return case["payload"].encode() if "payload" in case else None


def key_pair_of(case):
    key_id, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    fault = case.get("credentials")
    if fault == "wrong-secret":
        return key_id, "wrong"
    if fault == "unknown-key":
        return UNKNOWN_KEY
    if fault == "other-tenant":
        return os.environ["OTHER_ACCESS_KEY_ID"], os.environ["OTHER_SECRET_ACCESS_KEY"]
    return key_id, secret


def url_of(case):
    name = quote(case["function"], safe="")
    throttled = case.get("endpoint") == "throttle"
    origin = os.environ["POSTERN_THROTTLE_ENDPOINT" if throttled else "POSTERN_ENDPOINT"]
    if case["operation"] == "InvokeAsync":
        return f"{origin}/2014-11-13/functions/{name}/invoke-async/"
    query = f"?Qualifier={quote(case['qualifier'], safe='')}" if "qualifier" in case else ""
    if case["operation"] == "InvokeWithResponseStream":
        return f"{origin}/2021-11-15/functions/{name}/response-streaming-invocations{query}"
    return f"{origin}/2015-03-31/functions/{name}/invocations{query}"


def headers_of(case):
    """Header lines, in their order."""
    lines = [] if payload_of(case) is None else [("Content-Type", "application/json")]
    lines += [(name, case[field]) for field, name in ARGUMENT_HEADERS.items() if field in case]
    return lines + [tuple(line) for line in case.get("headers", [])]


def send_by_requests(case):
    import requests
    from requests_aws4auth import AWS4Auth

    headers = dict(headers_of(case))
    if case.get("credentials") == "skewed-clock":
        headers["X-Amz-Date"] = (datetime.now(timezone.utc) - timedelta(hours=1)).strftime("%Y%m%dT%H%M%SZ")
    auth = AWS4Auth(*key_pair_of(case), os.environ["AWS_REGION"], "lambda")
    answer = requests.post(url_of(case), data=payload_of(case), headers=headers, auth=auth, timeout=60)
    return answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content


def send_by_curl(case):
    import pycurl

    body, headers = io.BytesIO(), {}

    def take_header(line):
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()

    payload = payload_of(case)
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url_of(case))
    curl.setopt(pycurl.POST, 1)
    curl.setopt(pycurl.POSTFIELDSIZE_LARGE, len(payload or b""))
    curl.setopt(pycurl.POSTFIELDS, payload or b"")
    curl.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers_of(case)])
    curl.setopt(pycurl.AWS_SIGV4, f"aws:amz:{os.environ['AWS_REGION']}:lambda")
    curl.setopt(pycurl.USERPWD, ":".join(key_pair_of(case)))
    curl.setopt(pycurl.TIMEOUT, 60)
    curl.setopt(pycurl.WRITEDATA, body)
    curl.setopt(pycurl.HEADERFUNCTION, take_header)
    curl.perform()
    status = curl.getinfo(pycurl.RESPONSE_CODE)
    curl.close()
    return status, headers, body.getvalue()


def events_of(body):
    """The chunks and the end of an event stream: prelude of lengths and checksum, headers, payload, checksum."""
    chunks, end, at = [], None, 0
    while at < len(body):
        total, header_bytes = struct.unpack_from(">II", body, at)
        headers = body[at + 12 : at + 12 + header_bytes]
        payload = body[at + 12 + header_bytes : at + total - 4]
        if b"PayloadChunk" in headers:
            chunks.append(payload)
        else:
            end = json.loads(payload)
        at += total
    return chunks, end


def payload_members(payload):
    """How an outcome tells of an answer's bytes."""
    if len(payload) <= MAX_INLINE_BYTES:
        return {"payloadBase64": base64.b64encode(payload).decode()}
    return {"payloadSha256": hashlib.sha256(payload).hexdigest(), "payloadBytes": len(payload)}


def decoded(log):
    return base64.b64decode(log).decode() if log else None


def outcome_of(case, status, headers, body):
    if status >= 400:
        parsed = json.loads(body)
        name = headers.get("x-amzn-errortype", f"HTTP {status}").partition(":")[0]
        message = parsed.get("message") or parsed.get("Message") or ""
        return {"error": {"name": name, "status": status, "message": message}}
    head = {"status": status, "executedVersion": headers.get("x-amz-executed-version")}
    if case["operation"] == "InvokeWithResponseStream":
        chunks, end = events_of(body)
        told = end or {}
        return {
            **head,
            "functionError": told.get("ErrorCode"),
            "log": decoded(told.get("LogResult")),
            **payload_members(b"".join(chunks)),
            "chunks": len(chunks),
            "complete": end is not None,
        }
    return {
        **head,
        "functionError": headers.get("x-amz-function-error"),
        "log": decoded(headers.get("x-amz-log-result")),
        **payload_members(body),
    }


def run(send, case):
    try:
        return outcome_of(case, *send(case))
    except Exception as error:  # The contract: whatever else fails is told under the language's name for it.
        return {"error": {"name": type(error).__name__, "message": str(error)}}


def sdk_of(signer):
    if signer == "curl":
        import pycurl

        return pycurl.version.split(" ")[1].replace("/", " ") + f", pycurl {version('pycurl')}"
    return f"requests-aws4auth {version('requests-aws4auth')}"


def main():
    signer, cases_file = sys.argv[1:]
    send = {"requests-aws4auth": send_by_requests, "curl": send_by_curl}[signer]
    print(json.dumps({"sdk": sdk_of(signer), "runtime": f"Python {platform.python_version()}"}), flush=True)
    with open(cases_file, encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        outcome = {"id": case["id"], **run(send, case)}
        print(json.dumps({name: value for name, value in outcome.items() if value is not None}), flush=True)


main()
