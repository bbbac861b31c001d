//! Endpoints and inference components in the words of the control plane.

use serde_json::{Map, Value, json};

use super::policy::Asked;
use super::{Refusal, World};
use crate::sagemaker::scenario::ComponentTruth;

impl World {
    pub(super) fn sagemaker(&self, operation: &str, text: &dyn Fn(&str) -> String) -> Result<Value, Refusal> {
        // The names of endpoints are in lower case in their ARNs.
        let arn = |kind: &str, field: &str| self.arn(kind, &text(field).to_lowercase());
        let on = |action, resource: &str, call: &dyn Fn() -> Result<Value, Refusal>| {
            self.call(Asked { action, resource, context: &[] }, call)
        };
        match operation {
            "ListEndpoints" => {
                on("sagemaker:ListEndpoints", "*", &|| Ok(self.list_endpoints(&text("NameContains"))))
            }
            "DescribeEndpoint" => on("sagemaker:DescribeEndpoint", &arn("endpoint", "EndpointName"), &|| {
                self.endpoint(&text("EndpointName"))
            }),
            "DescribeEndpointConfig" => {
                on("sagemaker:DescribeEndpointConfig", &arn("endpoint-config", "EndpointConfigName"), &|| {
                    self.config(&text("EndpointConfigName"))
                })
            }
            "ListInferenceComponents" => on("sagemaker:ListInferenceComponents", "*", &|| {
                Ok(self.list_components(&text("EndpointNameEquals")))
            }),
            "DescribeInferenceComponent" => on(
                "sagemaker:DescribeInferenceComponent",
                &arn("inference-component", "InferenceComponentName"),
                &|| self.component(&text("InferenceComponentName")),
            ),
            _ => Err(Refusal::new("UnknownOperationException", operation)),
        }
    }

    fn arn(&self, kind: &str, name: &str) -> String {
        format!("arn:aws:sagemaker:{}:{}:{kind}/{name}", self.scenario.region, self.scenario.account)
    }

    /// A configuration never changes under one name: one for each set of instance types.
    fn config_name(&self, phase: usize) -> String {
        let types = |i: usize| self.scenario.phases[i].pools.keys().collect::<Vec<_>>();
        let first = (0..=phase).find(|i| types(*i) == types(phase)).unwrap_or(phase);
        format!("{}-config-{first}", self.scenario.endpoint.name)
    }

    fn list_endpoints(&self, contains: &str) -> Value {
        let endpoint = &self.scenario.endpoint;
        let (since, ..) = self.phase();
        let names = self.twins().into_iter().map(|twin| format!("{}{twin}", endpoint.name));
        let listed = names.filter(|name| name.contains(contains)).map(|name| {
            json!({
                "EndpointName": name, "EndpointArn": self.arn("endpoint", &name),
                "CreationTime": 1_795_000_000, "LastModifiedTime": since.as_secs_f64(), "EndpointStatus": "InService",
            })
        });
        json!({ "Endpoints": listed.collect::<Vec<_>>() })
    }

    fn endpoint(&self, name: &str) -> Result<Value, Refusal> {
        let endpoint = &self.scenario.endpoint;
        if self.twin_of(name, &endpoint.name).is_none() {
            let arn = self.arn("endpoint", name);
            return Err(Refusal::new("ValidationException", format!("Could not find endpoint \"{arn}\".")));
        }
        let (since, i, phase) = self.phase();
        let mut variant = json!({
            "VariantName": endpoint.variant, "CurrentWeight": 1.0, "DesiredWeight": 1.0,
            "CurrentInstanceCount": phase.instances(), "DesiredInstanceCount": phase.instances(),
            "ManagedInstanceScaling": self.scaling(),
        });
        if phase.pools.len() > 1 {
            let pools = phase.pools.iter();
            let pools: Vec<Value> = pools
                .map(|(kind, count)| json!({"InstanceType": kind, "CurrentInstanceCount": count}))
                .collect();
            variant["InstancePools"] = Value::Array(pools);
        }
        let mut said = json!({
            "EndpointName": name, "EndpointArn": self.arn("endpoint", name),
            "EndpointConfigName": self.config_name(i), "EndpointStatus": "InService",
            "CreationTime": 1_795_000_000, "LastModifiedTime": since.as_secs_f64(),
            "ProductionVariants": [variant], "MetricsConfig": self.metrics_config(),
        });
        if let Some(capture) = &endpoint.capture {
            said["DataCaptureConfig"] = json!({
                "EnableCapture": true, "CaptureStatus": "Started",
                "KmsKeyId": capture.key.as_deref().unwrap_or_default(),
                "CurrentSamplingPercentage": capture.percent, "DestinationS3Uri": capture.destination,
            });
        }
        Ok(said)
    }

    fn scaling(&self) -> Value {
        let endpoint = &self.scenario.endpoint;
        json!({"Status": "ENABLED", "MinInstanceCount": endpoint.min_instances, "MaxInstanceCount": endpoint.max_instances})
    }

    fn metrics_config(&self) -> Value {
        let endpoint = &self.scenario.endpoint;
        json!({"EnableEnhancedMetrics": endpoint.enhanced, "MetricPublishFrequencyInSeconds": endpoint.publish_every_seconds})
    }

    fn config(&self, name: &str) -> Result<Value, Refusal> {
        let Some(i) = (0..self.scenario.phases.len()).find(|i| self.config_name(*i) == name) else {
            let message = format!("Could not find endpoint configuration \"{name}\".");
            return Err(Refusal::new("ValidationException", message));
        };
        let phase = &self.scenario.phases[i];
        let mut variant = json!({
            "VariantName": self.scenario.endpoint.variant, "InitialVariantWeight": 1.0,
            "InitialInstanceCount": phase.instances().max(1), "ManagedInstanceScaling": self.scaling(),
        });
        let types: Vec<&String> = phase.pools.keys().collect();
        if let [only] = types[..] {
            variant["InstanceType"] = json!(only);
        } else {
            let pools = types.iter().enumerate();
            let pools: Vec<Value> =
                pools.map(|(n, kind)| json!({"InstanceType": kind, "Priority": n + 1})).collect();
            variant["InstancePools"] = Value::Array(pools);
        }
        let mut said = json!({
            "EndpointConfigName": name, "EndpointConfigArn": self.arn("endpoint-config", name),
            "CreationTime": 1_795_000_000, "ProductionVariants": [variant],
            "MetricsConfig": self.metrics_config(),
        });
        if let Some(capture) = &self.scenario.endpoint.capture {
            said["DataCaptureConfig"] = json!({
                "EnableCapture": true, "InitialSamplingPercentage": capture.percent,
                "DestinationS3Uri": capture.destination,
                "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
            });
        }
        Ok(said)
    }

    fn list_components(&self, endpoint: &str) -> Value {
        let (since, _, phase) = self.phase();
        let of_twin = |twin: String| {
            let name = format!("{}{twin}", self.scenario.endpoint.name);
            phase.components.iter().map(move |component| (name.clone(), format!("{}{twin}", component.name)))
        };
        let all = self.twins().into_iter().flat_map(of_twin);
        let asked = all.filter(|(of, _)| endpoint.is_empty() || endpoint == of);
        let listed = asked.map(|(of, component)| {
            json!({
                "InferenceComponentName": component,
                "InferenceComponentArn": self.arn("inference-component", &component),
                "EndpointName": of, "EndpointArn": self.arn("endpoint", &of),
                "VariantName": self.scenario.endpoint.variant, "InferenceComponentStatus": "InService",
                "CreationTime": 1_795_000_000, "LastModifiedTime": since.as_secs_f64(),
            })
        });
        json!({ "InferenceComponents": listed.collect::<Vec<_>>() })
    }

    fn component(&self, name: &str) -> Result<Value, Refusal> {
        let (since, _, phase) = self.phase();
        let twin = |component: &ComponentTruth| self.twin_of(name, &component.name);
        let found = phase.components.iter().find_map(|component| Some((component, twin(component)?)));
        let Some((component, twin)) = found else {
            let arn = self.arn("inference-component", name);
            let message = format!("Could not find inference component \"{arn}\".");
            return Err(Refusal::new("ValidationException", message));
        };
        // Where there are several types, each component says where its copies are, also one that is on one type alone.
        let is_mixed = phase.pools.len() > 1;
        let endpoint = format!("{}{twin}", self.scenario.endpoint.name);
        let mut body = json!({
            "InferenceComponentName": name, "InferenceComponentArn": self.arn("inference-component", name),
            "EndpointName": endpoint, "EndpointArn": self.arn("endpoint", &endpoint),
            "VariantName": self.scenario.endpoint.variant, "InferenceComponentStatus": "InService",
            "CreationTime": 1_795_000_000, "LastModifiedTime": since.as_secs_f64(),
            "RuntimeConfig": runtime(component, is_mixed),
        });
        let of_type = |kind: Option<&String>| {
            let mut specification = specification(component);
            if let Some(kind) = kind {
                specification.insert("InstanceType".into(), json!(kind));
            }
            Value::Object(specification)
        };
        if is_mixed && component.base.is_none() {
            body["Specifications"] = component.copies.keys().map(|kind| of_type(Some(kind))).collect();
        } else {
            body["Specification"] = of_type(None);
        }
        Ok(body)
    }
}

fn specification(component: &ComponentTruth) -> Map<String, Value> {
    let mut specification = Map::new();
    let container = json!({
        "DeployedImage": {"SpecifiedImage": "repo/vllm:0.32", "ResolvedImage": "repo/vllm@sha256:00"},
        "Environment": {"HF_TOKEN": "hf_secret"},
    });
    specification.insert("Container".into(), container);
    if let Some(base) = &component.base {
        specification.insert("BaseInferenceComponentName".into(), json!(base));
        return specification;
    }
    let mut needs = json!({"MinMemoryRequiredInMb": 16384, "NumberOfCpuCoresRequired": 4.0});
    if let Some(accelerators) = component.accelerators {
        needs["NumberOfAcceleratorDevicesRequired"] = json!(f64::from(accelerators));
    }
    specification.insert("ComputeResourceRequirements".into(), needs);
    specification
}

fn runtime(component: &ComponentTruth, is_mixed: bool) -> Value {
    let mut runtime = json!({"DesiredCopyCount": component.copies(), "CurrentCopyCount": component.copies()});
    if is_mixed {
        let placed = component.copies.iter();
        runtime["PlacementStatus"] =
            placed.map(|(kind, count)| json!({"InstanceType": kind, "CurrentCopyCount": count})).collect();
    }
    runtime
}
