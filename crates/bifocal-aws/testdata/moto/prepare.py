"""Makes an account with boto3: argument 1 is the emulator's address."""
import sys

import boto3

make = lambda service: boto3.client(service, endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")

sagemaker, s3 = make("sagemaker"), make("s3")
role = "arn:aws:iam::123456789012:role/serving"
sagemaker.create_model(ModelName="qwen", PrimaryContainer={"Image": "repo/vllm:0.32"}, ExecutionRoleArn=role)
for n in range(12):
    sagemaker.create_endpoint_config(
        EndpointConfigName=f"config-{n}",
        ProductionVariants=[{"VariantName": "AllTraffic", "ModelName": "qwen", "InstanceType": "ml.g4dn.xlarge", "InitialInstanceCount": 2, "InitialVariantWeight": 1}],
        DataCaptureConfig={"EnableCapture": True, "InitialSamplingPercentage": 25, "DestinationS3Uri": "s3://capture/prod", "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}]},
    )
    sagemaker.create_endpoint(EndpointName=f"llm-{n}", EndpointConfigName=f"config-{n}")
s3.create_bucket(Bucket="capture")
for n in range(1005):
    s3.put_object(Bucket="capture", Key=f"prod/llm 0/AllTraffic/2026/11/24/12/{n:04}-a+b=c&d.jsonl", Body=b"line %d\n" % n)
