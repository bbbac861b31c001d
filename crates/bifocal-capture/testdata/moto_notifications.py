"""Makes a bucket that tells a queue of what is written, and writes capture files there: argument 1 is the address.

Standard input: one JSON object a file, {"key": ..., "body": ...}. Printed is the queue's address.
"""
import json, sys

import boto3

make = lambda service: boto3.client(service, endpoint_url=sys.argv[1], region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")
s3, sqs = make("s3"), make("sqs")
queue = sqs.create_queue(QueueName="capture")["QueueUrl"]
arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
s3.create_bucket(Bucket="capture-bucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
s3.put_bucket_notification_configuration(
    Bucket="capture-bucket",
    NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
)
for line in sys.stdin:
    file = json.loads(line)
    s3.put_object(Bucket="capture-bucket", Key=file["key"], Body=file["body"].encode())
print(queue)
