//! Golden requests and answers: what is sent is what boto3 sends, what AWS answers is what is read.

use bifocal_model::Span;

use crate::testing::{Fake, Prepared};
use crate::{Datum, Dimension, DimensionFilter, Metric, MetricQuery, MetricStat, SampleSet};

macro_rules! golden {
    ($name:literal) => {
        include_str!(concat!("../../testdata/", $name))
    };
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn endpoints_are_listed_page_after_page() {
    let pages = [
        golden!("sagemaker/list_endpoints.1.response.json"),
        golden!("sagemaker/list_endpoints.2.response.json"),
    ];
    let fake = Fake::answering(pages.map(Prepared::ok)).await;
    let endpoints = fake.aws.list_endpoints(Some("llm")).await.unwrap();
    let names: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.endpoint_name.as_str()).collect();
    assert_eq!(names, ["llm-prod", "llm-staging"]);
    assert_eq!(endpoints[0].creation_time.unwrap().to_string(), "2026-11-20T08:00:00.5Z");
    let asked = fake.asked();
    assert_eq!(asked[0].headers["x-amz-target"], "SageMaker.ListEndpoints");
    assert_eq!(asked[0].headers["content-type"], "application/x-amz-json-1.1");
    assert!(asked[0].headers["authorization"].to_str().unwrap().contains(";host;"));
    assert_eq!(json(&asked[1].body), json(golden!("sagemaker/list_endpoints.2.request.json")));
}

#[tokio::test]
async fn an_endpoint_and_its_configuration_are_read() {
    let answers = [
        golden!("sagemaker/describe_endpoint.response.json"),
        golden!("sagemaker/describe_endpoint_config.response.json"),
    ];
    let fake = Fake::answering(answers.map(Prepared::ok)).await;
    let endpoint = fake.aws.describe_endpoint("llm-prod").await.unwrap();
    assert_eq!(endpoint.endpoint_status.as_deref(), Some("InService"));
    let variant = &endpoint.production_variants[0];
    let pools: Vec<_> = variant
        .instance_pools
        .iter()
        .map(|p| (p.instance_type.as_deref().unwrap(), p.current_instance_count))
        .collect();
    assert_eq!(pools, [("ml.g6.12xlarge", Some(2)), ("ml.g5.12xlarge", Some(1))]);
    assert_eq!(endpoint.data_capture_config.as_ref().unwrap().current_sampling_percentage, Some(25.0));
    assert_eq!(endpoint.metrics_config.as_ref().unwrap().metric_publish_frequency_in_seconds, Some(10));
    assert!(!endpoint.is_async && !variant.is_serverless && !endpoint.has_pending_deployment);
    let config = fake.aws.describe_endpoint_config("llm-prod-7").await.unwrap();
    assert_eq!(config.production_variants[0].model_name, None);
    assert_eq!(config.production_variants[0].instance_pools[1].priority, Some(2));
    assert_eq!(config.data_capture_config.unwrap().capture_options, ["Input", "Output"]);
    assert_eq!(json(&fake.asked()[1].body), serde_json::json!({ "EndpointConfigName": "llm-prod-7" }));
}

#[tokio::test]
async fn components_are_read_and_their_environment_is_not() {
    let answers = [
        golden!("sagemaker/list_inference_components.response.json"),
        golden!("sagemaker/describe_inference_component.response.json"),
        golden!("sagemaker/describe_adapter.response.json"),
    ];
    let fake = Fake::answering(answers.map(Prepared::ok)).await;
    let listed = fake.aws.list_inference_components(Some("llm-prod")).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        json(&fake.asked()[0].body),
        json(golden!("sagemaker/list_inference_components.request.json"))
    );
    let base = fake.aws.describe_inference_component("qwen").await.unwrap();
    let specification = base.specification.as_ref().unwrap();
    let needs = specification.compute_resource_requirements.as_ref().unwrap();
    assert_eq!(needs.number_of_accelerator_devices_required, Some(2.0));
    assert_eq!(base.runtime_config.as_ref().unwrap().current_copy_count, Some(3));
    assert_eq!(base.runtime_config.as_ref().unwrap().placement_status[0].current_copy_count, Some(2));
    assert!(!format!("{base:?}").contains("hf_secret"), "a container's environment was kept");
    assert!(!serde_json::to_string(&base).unwrap().contains("hf_secret"));
    let adapter = fake.aws.describe_inference_component("qwen-legal").await.unwrap();
    let specification = adapter.specification.unwrap();
    assert_eq!(specification.base_inference_component_name.as_deref(), Some("qwen"));
    assert_eq!(specification.compute_resource_requirements, None);
}

#[tokio::test]
async fn every_field_may_be_absent() {
    let fake = Fake::answering((0..5).map(|_| Prepared::ok("{}"))).await;
    assert_eq!(fake.aws.describe_endpoint("x").await.unwrap(), Default::default());
    assert_eq!(fake.aws.describe_endpoint_config("x").await.unwrap(), Default::default());
    assert_eq!(fake.aws.describe_inference_component("x").await.unwrap(), Default::default());
    assert_eq!(fake.aws.list_inference_components(None).await.unwrap(), []);
    assert_eq!(fake.aws.list_metrics("AWS/SageMaker", &[]).await.unwrap(), []);
}

fn metric(name: &str, dimensions: &[(&str, &str)]) -> Metric {
    let dimension = |&(name, value): &(&str, &str)| Dimension { name: name.into(), value: value.into() };
    Metric {
        namespace: "AWS/SageMaker".into(),
        metric_name: name.into(),
        dimensions: dimensions.iter().map(dimension).collect(),
    }
}

#[tokio::test]
async fn metrics_are_listed_once_each() {
    let fake = Fake::answering([Prepared::ok(golden!("cloudwatch/list_metrics.response.json"))]).await;
    let filter = DimensionFilter { name: "EndpointName".into(), value: Some("llm-prod".into()) };
    let metrics = fake.aws.list_metrics("AWS/SageMaker", &[filter]).await.unwrap();
    assert_eq!(
        metrics,
        [metric("Invocations", &[("EndpointName", "llm-prod"), ("VariantName", "AllTraffic")])]
    );
    assert_eq!(metrics[0].dimension_names(), ["EndpointName", "VariantName"]);
    assert_eq!(metrics[0].dimension("VariantName"), Some("AllTraffic"));
    let asked = &fake.asked()[0];
    assert_eq!(asked.headers["x-amz-target"], "GraniteServiceVersion20100801.ListMetrics");
    assert_eq!(asked.headers["content-type"], "application/x-amz-json-1.0");
    assert_eq!(json(&asked.body), json(golden!("cloudwatch/list_metrics.request.json")));
}

#[tokio::test]
async fn points_are_asked_for_and_what_is_billed_is_counted() {
    let pages = [
        golden!("cloudwatch/get_metric_data.1.response.json"),
        golden!("cloudwatch/get_metric_data.2.response.json"),
    ];
    let fake = Fake::answering(pages.map(Prepared::ok)).await;
    let query = MetricQuery {
        id: "m0".into(),
        metric_stat: MetricStat {
            metric: metric("Invocations", &[("InferenceComponentName", "qwen")]),
            period: 60,
            stat: "Sum".into(),
        },
    };
    let end = fake.now();
    let series =
        fake.aws.metric_data(std::slice::from_ref(&query), end - Span::from_mins(5), end).await.unwrap();
    assert_eq!(series[0].points().map(|(_, value)| value).collect::<Vec<_>>(), [3.0, 4.0, 5.0]);
    assert_eq!(json(&fake.asked()[0].body), json(golden!("cloudwatch/get_metric_data.request.json")));
    let billed = fake.telemetry.value(bifocal_telemetry::Metric::CloudwatchMetricsRequested, &[]);
    assert_eq!(billed, 2, "one query on two pages");
    let many = vec![query; 501];
    assert_eq!(fake.aws.metric_data(&many, end, end).await.unwrap_err().kind(), crate::Kind::Refused);
    assert_eq!(fake.telemetry.value(bifocal_telemetry::Metric::LimitHits, &["aws_queries_per_call"]), 1);
}

#[tokio::test]
async fn points_are_written() {
    let fake = Fake::answering([Prepared::ok("{}")]).await;
    let datum = |value, statistics| Datum {
        metric_name: "composite_quality_score".into(),
        dimensions: vec![Dimension { name: "InferenceComponentName".into(), value: "qwen".into() }],
        timestamp: fake.now(),
        value,
        statistics,
        unit: "None".into(),
    };
    let set = SampleSet { sample_count: 2.0, sum: 1.5, minimum: 0.5, maximum: 1.0 };
    let data = [datum(Some(0.75), None), datum(None, Some(set))];
    fake.aws.put_metric_data("/aws/sagemaker/inference-quality/qwen", &data).await.unwrap();
    assert_eq!(json(&fake.asked()[0].body), json(golden!("cloudwatch/put_metric_data.request.json")));
}

#[tokio::test]
async fn objects_are_addressed_as_they_are_signed() {
    let fake = Fake::answering([Prepared::ok(golden!("s3/list.response.xml")), Prepared::ok("12345")]).await;
    let page = fake.aws.list_objects("capture", "llm prod/", Some("a"), Some("t/=")).await.unwrap();
    assert_eq!(page.objects.len(), 2);
    let body = fake.aws.get_object("capture", "a b/c+d=é.jsonl", 5).await.unwrap().read().await.unwrap();
    assert_eq!(body, b"12345");
    let asked = fake.asked();
    assert_eq!(asked[0].method, "GET");
    assert_eq!(
        asked[0].path,
        "/capture?list-type=2&prefix=llm%20prod%2F&start-after=a&continuation-token=t%2F%3D"
    );
    assert_eq!(asked[1].path, "/capture/a%20b/c%2Bd%3D%C3%A9.jsonl");
    assert!(asked[1].headers.contains_key("x-amz-content-sha256"));
    assert!(fake.aws.get_object("capture", "a/../b", 5).await.is_err());
}

#[tokio::test]
async fn the_caller_is_told() {
    let fake = Fake::answering([Prepared::ok(golden!("sts/get_caller_identity.response.xml"))]).await;
    let identity = fake.aws.caller_identity().await.unwrap();
    assert_eq!(identity.account, "123456789012");
    assert_eq!(identity.arn, "arn:aws:sts::123456789012:assumed-role/watcher/bifocal");
    assert_eq!(fake.asked()[0].body, "Action=GetCallerIdentity&Version=2011-06-15");
}
