"""Topic, bus and queues in moto, and what came into the queues: `queues.py ENDPOINT make|read`."""
import json
import sys

import boto3

ENDPOINT, WHAT = sys.argv[1:]


def client(name):
    return boto3.client(name, region_name="us-east-1", endpoint_url=ENDPOINT, aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")


sqs = client("sqs")
if WHAT == "make":
    arns = {}
    for name in ("of-topic", "of-bus"):
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        arns[name] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns = client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arns["of-topic"])
    events = client("events")
    events.put_rule(Name="bifocal", EventPattern=json.dumps({"source": ["bifocal"]}), State="ENABLED")
    events.put_targets(Rule="bifocal", Targets=[{"Id": "1", "Arn": arns["of-bus"]}])
    print(json.dumps({"topic": topic}))
else:
    found = {}
    for name in ("of-topic", "of-bus"):
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        found[name] = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
    print(json.dumps(found))
