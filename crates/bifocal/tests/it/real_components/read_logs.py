"""Prints what the log groups of quality at the given address hold: {group: {"days": ..., "streams": [...], "events": [...]}}.

With a second argument: a query of Logs Insights over the group `/aws/sagemaker/inference-quality/qwen-ic`, and its rows.
"""
import json, sys, time

import boto3

logs = boto3.client(
    "logs", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
)
found = {}
for group in logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/inference-quality/")["logGroups"]:
    name = group["logGroupName"]
    found[name] = {
        "days": group.get("retentionInDays"),
        "streams": [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=name)["logStreams"]],
        "events": [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=name)["events"]],
    }
print(json.dumps(found))
