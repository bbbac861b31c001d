"""boto3 against a simulated SageMaker runtime, straight or through the proxy. Prints one JSON object.

usage: aws_client.py WAY ADDRESS   WAY: straight | aws-host | token | wrong
"""
import json, sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

AWS_HOST = "runtime.sagemaker.us-east-1.amazonaws.com"
INPUTS = json.dumps({"inputs": "How do I cancel my yearly subscription?", "parameters": {"max_new_tokens": 64}})
CHAT = json.dumps({"messages": [{"role": "user", "content": "How do I cancel my yearly subscription?"}]})

way, address = sys.argv[1:]
client = boto3.client(
    "sagemaker-runtime", region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    endpoint_url=f"http://{AWS_HOST}" if way == "aws-host" else f"http://{address}",
    config=Config(retries={"total_max_attempts": 1}),
)


def to_proxy(request, **_):
    """The request is signed for AWS's host; it goes to the proxy."""
    request.url = request.url.replace(AWS_HOST, address)
    request.headers["Host"] = AWS_HOST


if way == "aws-host":
    client.meta.events.register("before-send.sagemaker-runtime", to_proxy)
if way == "token":
    client.meta.events.register(
        "before-sign.sagemaker-runtime", lambda request, **_: request.headers.add_header("x-bifocal-token", "secret-1"))


def whole(component, body, id):
    answer = client.invoke_endpoint(
        EndpointName="llm-prod", InferenceComponentName=component, ContentType="application/json", Body=body, InferenceId=id)
    return {"body": answer["Body"].read().decode(), "variant": answer["InvokedProductionVariant"]}


def streamed(component, body, id):
    answer = client.invoke_endpoint_with_response_stream(
        EndpointName="llm-prod", InferenceComponentName=component, ContentType="application/json", Body=body, InferenceId=id)
    parts, error = [], None
    try:
        for event in answer["Body"]:
            parts.append(event["PayloadPart"]["Bytes"])
    except EventStreamError as caught:
        error = str(caught)
    return {"body": b"".join(parts).decode(), "parts": len(parts), "error": error, "content_type": answer.get("ContentType")}


said = {}
try:
    for component, body in [("lmi-ic", INPUTS), ("tgi-ic", INPUTS), ("open-ic", CHAT)]:
        said[f"whole {component}"] = whole(component, body, f"whole-{component}")
        said[f"streamed {component}"] = streamed(component, body, f"streamed-{component}")
    said["streamed weak-ic"] = streamed("weak-ic", INPUTS, "streamed-weak-ic")
except ClientError as caught:
    said["refused"] = str(caught)
print(json.dumps(said))
