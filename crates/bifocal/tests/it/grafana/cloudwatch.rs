//! Queries of the CloudWatch dashboards against a simulated account: the metrics are there under exactly these sets of
//! dimensions, they are those that Bifocal itself reads, and counting samples gives the scenario's GPUs.

use std::collections::BTreeSet;
use std::sync::Arc;

use bifocal_aws::{Aws, Credentials, Dimension, Endpoints, Metric, MetricQuery, MetricStat};
use bifocal_infra::cloudwatch::{Detail, Watched, choose};
use bifocal_model::{Component, Span, TargetKey};
use bifocal_publish::grafana::{Desired, Flavour, Kind, Options};
use bifocal_sim::sagemaker::control::Policy;
use bifocal_telemetry::{Clock, SystemClock, TaskGroup, Telemetry};
use serde_json::Value;

use crate::sagemaker::account;

/// Read by nothing else of Bifocal's: invocations over copies is the same.
const NOT_READ: [&str; 1] = ["InvocationsPerCopy"];

fn queries() -> Vec<Value> {
    let options = Options { flavours: vec![Flavour::CloudWatch], ..Options::default() };
    let objects = Desired::of(&options).objects;
    let dashboards = objects.iter().filter(|object| object.kind == Kind::Dashboard);
    let panels = dashboards.flat_map(|dashboard| dashboard.body["panels"].as_array().unwrap());
    panels.flat_map(|panel| panel["targets"].as_array().into_iter().flatten()).cloned().collect()
}

/// Queries of SageMaker's own metrics, as metric and statistic of the component `qwen`.
fn of_sagemaker(queries: &[Value]) -> BTreeSet<(Metric, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let builders = queries.iter().filter(|query| query["metricEditorMode"] == 0);
    let own = builders.filter(|query| !text(&query["namespace"]).contains("inference-quality"));
    own.map(|query| {
        let dimensions = query["dimensions"].as_object().unwrap().iter();
        let metric = Metric {
            namespace: text(&query["namespace"]),
            metric_name: text(&query["metricName"]),
            dimensions: dimensions
                .map(|(name, value)| Dimension {
                    name: name.clone(),
                    value: text(&value[0]).replace("$component", "qwen"),
                })
                .collect(),
        };
        (metric, text(&query["statistic"]))
    })
    .collect()
}

/// Namespace, names of dimensions, and name of the metric of each SEARCH with a schema.
fn searched(queries: &[Value]) -> BTreeSet<(String, Vec<String>, String)> {
    let mut all = BTreeSet::new();
    for expression in queries.iter().filter_map(|query| query["expression"].as_str()) {
        for search in expression.split("SEARCH('{").skip(1) {
            let (schema, rest) = search.split_once('}').unwrap();
            let mut names = schema.split(',').map(|name| name.replace("$gpu_dimension", "GpuId"));
            let namespace = names.next().unwrap();
            let mut dimensions: Vec<String> = names.collect();
            dimensions.sort();
            let metric = rest.split('"').nth(1).unwrap().to_owned();
            assert!(
                rest.contains("EndpointName=\"$endpoint\"', 'SampleCount', 60)) * $publish_seconds / 60")
            );
            all.insert((namespace, dimensions, metric));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudwatch_queries_find_the_metrics_of_an_account() {
    let tasks = TaskGroup::new();
    let account = account(&tasks, Policy::open()).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let endpoints = Endpoints::at(&account.address).unwrap();
    let aws =
        Aws::with_credentials("us-east-1", keys, endpoints, Arc::clone(&clock), Telemetry::new()).unwrap();
    let queries = queries();
    let asked = of_sagemaker(&queries);
    assert!(asked.len() >= 8, "{asked:?}");

    // Exactly this set of dimensions has points.
    let end = clock.now() - Span::from_mins(5);
    let points = async |metric: &Metric, stat: &str| -> Vec<f64> {
        let metric_stat = MetricStat { metric: metric.clone(), period: 60, stat: stat.to_owned() };
        let query = MetricQuery { id: "a".into(), metric_stat };
        let series = aws.metric_data(&[query], end - Span::from_mins(5), end).await.unwrap();
        series.iter().flat_map(|series| series.points().map(|(_, value)| value)).collect()
    };
    for (metric, stat) in &asked {
        assert!(!points(metric, stat).await.is_empty(), "{metric:?} {stat}");
    }

    // Each is what Bifocal itself would read of the component.
    let metrics: Vec<Metric> = asked.iter().map(|(metric, _)| metric.clone()).collect();
    let target = TargetKey::of_model("sagemaker/123456789012/us-east-1", "qwen").with(|names| {
        names.endpoint = "llm-prod".into();
        names.component = Component::InferenceComponent("qwen".into());
    });
    let choice = choose(&metrics, &[Watched { target, gpus_per_instance: Some(4.0) }], Detail::Target);
    for metric in &metrics {
        let is_read = choice.series.iter().any(|series| series.metric == *metric);
        assert_eq!(is_read, !NOT_READ.contains(&metric.metric_name.as_str()), "{metric:?}");
    }

    // Samples x publishing interval / period: the GPUs and instances of the scenario.
    let searched = searched(&queries);
    assert_eq!(searched.len(), 2, "{searched:?}");
    let mut counted = Vec::new();
    for (namespace, dimensions, name) in &searched {
        let listed = aws.list_metrics(namespace, &[]).await.unwrap();
        let of_schema = listed.iter().filter(|metric| {
            metric.metric_name == *name
                && metric.dimension_names() == *dimensions
                && metric.dimension("EndpointName") == Some("llm-prod")
        });
        let mut samples = 0.0;
        for metric in of_schema {
            samples += points(metric, "SampleCount").await[0];
        }
        counted.push(samples * 10.0 / 60.0);
    }
    let truth = &account.phases[0].truth;
    assert_eq!(counted, [2.0, truth.gpus_used], "instances, then GPUs");
    assert!((2.0 * 4.0 - counted[1] - truth.gpus_free).abs() < 1e-9);
    tasks.stop_and_join().await;
}
