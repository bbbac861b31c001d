"""What botocore's model of Bedrock's runtime has against a question and an answer of Converse: `converse.py JSON`."""
import json
import sys

import botocore.session
import botocore.validate

both = json.loads(sys.argv[1])
operation = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse")
check = botocore.validate.ParamValidator().validate
for value, shape in ({**both["question"], "modelId": "m"}, operation.input_shape), (both["answer"], operation.output_shape):
    print(check(value, shape).generate_report(), end="")
