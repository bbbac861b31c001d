"""Prints what CloudWatch at the given address has in the namespaces of quality: {namespace: {metric: ...}}."""
import datetime, json, sys

import boto3

client = boto3.client(
    "cloudwatch", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
)
now = datetime.datetime.now(datetime.timezone.utc)
hour = datetime.timedelta(hours=1)
found = {}
for page in client.get_paginator("list_metrics").paginate():
    for metric in page["Metrics"]:
        statistics = client.get_metric_statistics(
            **metric, StartTime=now - hour, EndTime=now + hour, Period=7200, Statistics=["Average"]
        )
        points = sorted(statistics["Datapoints"], key=lambda point: point["Timestamp"])
        found.setdefault(metric["Namespace"], {})[metric["MetricName"]] = {
            "dimensions": {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]},
            "average": points[-1]["Average"] if points else None,
        }
print(json.dumps(found))
