"""Runs conformance cases with boto3; test/conformance/README.md says what is read and written."""

import base64
import hashlib
import json
import os
import platform
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from unittest import mock

import boto3
import botocore.compat
from botocore.config import Config
from botocore.exceptions import ClientError

MAX_INLINE_BYTES = 1_000_000
UNKNOWN_KEY = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
MEMBERS = {
    "function": "FunctionName",
    "qualifier": "Qualifier",
    "invocationType": "InvocationType",
    "logType": "LogType",
    "clientContext": "ClientContext",
    "tenantId": "TenantId",
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


def client_of(case):
    key_id, secret = key_pair_of(case)
    throttled = case.get("endpoint") == "throttle"
    once = {} if case.get("retries") == "default" else {"config": Config(retries={"total_max_attempts": 1})}
    return boto3.client(
        "lambda",
        endpoint_url=os.environ["POSTERN_THROTTLE_ENDPOINT" if throttled else "POSTERN_ENDPOINT"],
        region_name=os.environ["AWS_REGION"],
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        **once,
    )


def arguments_of(case):
    arguments = {member: case[field] for field, member in MEMBERS.items() if field in case}
    payload = payload_of(case)
    return arguments if payload is None else {**arguments, "Payload": payload}


def payload_members(payload):
    """How an outcome tells of an answer's bytes."""
    if len(payload) <= MAX_INLINE_BYTES:
        return {"payloadBase64": base64.b64encode(payload).decode()}
    return {"payloadSha256": hashlib.sha256(payload).hexdigest(), "payloadBytes": len(payload)}


def decoded(log):
    return base64.b64decode(log).decode() if log else None


def call(client, case):
    operation = case["operation"]
    if operation == "Presigned":
        return presigned(client, case)
    if operation == "InvokeAsync":
        answer = client.invoke_async(FunctionName=case["function"], InvokeArgs=payload_of(case))
        return {"status": answer["Status"]}
    if operation == "InvokeWithResponseStream":
        return streamed(client.invoke_with_response_stream(**arguments_of(case)))
    answer = client.invoke(**arguments_of(case))
    return {
        "status": answer["StatusCode"],
        "executedVersion": answer.get("ExecutedVersion"),
        "functionError": answer.get("FunctionError"),
        **payload_members(answer["Payload"].read()),
        "log": decoded(answer.get("LogResult")),
        "attempts": answer["ResponseMetadata"]["RetryAttempts"] + 1,
    }


def streamed(answer):
    chunks, end = [], None
    for event in answer["EventStream"]:
        if "PayloadChunk" in event:
            chunks.append(event["PayloadChunk"]["Payload"])
        end = event.get("InvokeComplete", end)
    return {
        "status": answer["StatusCode"],
        "executedVersion": answer.get("ExecutedVersion"),
        "functionError": (end or {}).get("ErrorCode"),
        **payload_members(b"".join(chunks)),
        "log": decoded((end or {}).get("LogResult")),
        "chunks": len(chunks),
        "complete": end is not None,
    }


def presigned(client, case):
    """Sends what the SDK presigned with plain HTTP."""
    if payload_of(case) is not None:
        return {"unsupported": "generate_presigned_url moves the payload into the query and signs an empty body"}
    url = client.generate_presigned_url("invoke", Params=arguments_of(case), ExpiresIn=900, HttpMethod="POST")
    headers = {"Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"", headers, method="POST")) as answer:
            version = answer.headers.get("X-Amz-Executed-Version")
            return {"status": answer.status, "executedVersion": version, **payload_members(answer.read())}
    except urllib.error.HTTPError as error:
        name = error.headers.get("x-amzn-ErrorType") or f"HTTP {error.code}"
        return {"error": {"name": name, "status": error.code, "message": error.read().decode()}}


def run(case):
    client = client_of(case)
    try:
        if case.get("credentials") == "skewed-clock":
            behind = botocore.compat.get_current_datetime() - timedelta(hours=1)
            with mock.patch("botocore.auth.get_current_datetime", lambda: behind):
                return call(client, case)
        return call(client, case)
    except ClientError as error:
        found, metadata = error.response["Error"], error.response["ResponseMetadata"]
        return {
            "error": {
                "name": found["Code"],
                "status": metadata["HTTPStatusCode"],
                "message": found.get("Message", ""),
                "typed": type(error) is not ClientError,
            },
            "attempts": metadata["RetryAttempts"] + 1,
        }
    except Exception as error:  # The contract: whatever else fails is told under the language's name for it.
        return {"error": {"name": type(error).__name__, "message": str(error)}}


def main():
    sdk = {"sdk": f"boto3 {boto3.__version__}", "runtime": f"Python {platform.python_version()}"}
    print(json.dumps(sdk), flush=True)
    with open(sys.argv[1], encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        outcome = {"id": case["id"], **run(case)}
        print(json.dumps({name: value for name, value in outcome.items() if value is not None}), flush=True)


main()
