"""Lists and describes with boto3, and holds every answer against botocore's service models.

Argument 1 is the simulator's address. Prints one JSON object.
"""
import datetime
import json
import sys

import boto3
import botocore.session

OPTIONS = dict(endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")
LOADED = botocore.session.get_session()
seen = []


def check(value, shape, where):
    """Raw JSON against a shape: unknown names, wrong types, values outside an enum, missing required members."""
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), where
        for name, member in value.items():
            assert name in shape.members, f"{where}.{name} is not in the model"
            check(member, shape.members[name], f"{where}.{name}")
        for name in shape.required_members:
            assert name in value, f"{where}.{name} is missing"
    elif kind == "list":
        assert isinstance(value, list), where
        for i, member in enumerate(value):
            check(member, shape.member, f"{where}[{i}]")
    elif kind == "map":
        for name, member in value.items():
            check(member, shape.value, f"{where}.{name}")
    elif kind in ("integer", "long"):
        assert isinstance(value, int) and not isinstance(value, bool), where
    elif kind in ("float", "double", "timestamp"):
        assert isinstance(value, (int, float)) and not isinstance(value, bool), where
    elif kind == "boolean":
        assert isinstance(value, bool), where
    elif kind == "string":
        assert isinstance(value, str), where
        assert not shape.enum or value in shape.enum, f"{where}: {value!r} is not one of the enum"
    else:
        raise AssertionError(f"{where}: {kind}")


def client(service):
    made = boto3.client(service, **OPTIONS)
    model = LOADED.get_service_model(service)

    def after(http_response, parsed, model, **_):
        if http_response.status_code == 200 and model.output_shape is not None and service != "sts":
            check(json.loads(http_response.content), model.output_shape, model.name)
            seen.append(model.name)

    made.meta.events.register(f"response-received.{service}", lambda **_: None)
    made.meta.events.register(f"after-call.{service}", after)
    return made


sagemaker, cloudwatch, sts = client("sagemaker"), client("cloudwatch"), client("sts")
account = sts.get_caller_identity()["Account"]
endpoint = sagemaker.list_endpoints(NameContains="llm")["Endpoints"][0]["EndpointName"]
described = sagemaker.describe_endpoint(EndpointName=endpoint)
config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
names = [c["InferenceComponentName"] for c in sagemaker.list_inference_components(EndpointNameEquals=endpoint)["InferenceComponents"]]
components = [sagemaker.describe_inference_component(InferenceComponentName=name) for name in names]
try:
    sagemaker.describe_endpoint(EndpointName="no-such")
    missing = "found"
except sagemaker.exceptions.ClientError as error:
    missing = error.response["Error"]["Message"]
metrics = [m for page in cloudwatch.get_paginator("list_metrics").paginate(Namespace="AWS/SageMaker", RecentlyActive="PT3H") for m in page["Metrics"]]
end = datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0) - datetime.timedelta(minutes=1)
stat = lambda stat: {"Metric": {"Namespace": "AWS/SageMaker", "MetricName": "Invocations", "Dimensions": [{"Name": "InferenceComponentName", "Value": names[0]}]}, "Period": 60, "Stat": stat}
data = cloudwatch.get_metric_data(
    MetricDataQueries=[{"Id": "sum", "MetricStat": stat("Sum")}, {"Id": "samples", "MetricStat": stat("SampleCount")}],
    StartTime=end - datetime.timedelta(minutes=5), EndTime=end,
)["MetricDataResults"]
cloudwatch.put_metric_data(Namespace="own", MetricData=[{"MetricName": "m", "Timestamp": end, "Value": 0.5}, {"MetricName": "m", "Timestamp": end, "Value": 1.0}])
own = cloudwatch.get_metric_data(
    MetricDataQueries=[{"Id": "own", "MetricStat": {"Metric": {"Namespace": "own", "MetricName": "m"}, "Period": 60, "Stat": "Average"}}],
    StartTime=end, EndTime=end + datetime.timedelta(minutes=1),
)["MetricDataResults"]
print(json.dumps({
    "account": account, "endpoint": endpoint, "instances": described["ProductionVariants"][0]["CurrentInstanceCount"],
    "instance_type": config["ProductionVariants"][0].get("InstanceType"), "names": names,
    "copies": [c["RuntimeConfig"]["CurrentCopyCount"] for c in components], "missing": missing, "metrics": len(metrics),
    "sum": data[0]["Values"], "samples": data[1]["Values"], "own": own[0]["Values"], "seen": sorted(set(seen)),
}))
