//! Queries of panels: PromQL over our own metrics, and CloudWatch's.
//!
//! PromQL is written with three abbreviations, so that a query can be read: `@S` selects the chosen targets, `@E` the
//! chosen endpoints, `@L` are the labels of a target. A legend's `@N` is a target's name.

use serde_json::{Value, json};

/// Labels of a target.
pub(super) const LABELS: &str = "origin, endpoint, variant, inference_component, model";
const TARGETS: &str =
    r#"endpoint=~"$endpoint", inference_component=~"$inference_component", model=~"$model""#;
const ENDPOINTS: &str = r#"endpoint=~"$endpoint""#;
/// One of the two is empty.
const NAME: &str = "{{inference_component}}{{model}}";

/// One query of one panel, still without its letter and data source.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Query(pub(super) Value);

fn prometheus(expression: &str, legend: &str) -> Value {
    let expression = expression.replace("@S", TARGETS).replace("@E", ENDPOINTS).replace("@L", LABELS);
    json!({
        "editorMode": "code",
        "expr": expression,
        "legendFormat": legend.replace("@N", NAME),
    })
}

/// PromQL over a range.
pub(super) fn range(expression: &str, legend: &str) -> Query {
    let mut query = prometheus(expression, legend);
    query["range"] = json!(true);
    Query(query)
}

/// PromQL at one time.
pub(super) fn instant(expression: &str, legend: &str) -> Query {
    let mut query = prometheus(expression, legend);
    query["instant"] = json!(true);
    query["range"] = json!(false);
    Query(query)
}

/// The namespace of calls.
pub(super) const CALLS: &str = "AWS/SageMaker";
/// The namespace of the hardware of inference components.
pub(super) const COMPONENTS: &str = "/aws/sagemaker/InferenceComponents";

/// A metric of CloudWatch, of the chosen components: exactly this set of dimensions, for sets must never be added.
pub(super) fn metric(namespace: &str, name: &str, statistic: &str, label: &str) -> Query {
    of_cloudwatch(namespace, name, statistic, json!({"InferenceComponentName": ["$component"]}), label)
}

/// The same with other dimensions.
pub(super) fn of_cloudwatch(
    namespace: &str,
    name: &str,
    statistic: &str,
    dimensions: Value,
    label: &str,
) -> Query {
    Query(json!({
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "metricEditorMode": 0,
        "id": "",
        "region": "$region",
        "namespace": namespace,
        "metricName": name,
        "dimensions": dimensions,
        "matchExact": true,
        "statistic": statistic,
        "period": "60",
        "label": label,
    }))
}

/// CloudWatch's metric math.
pub(super) fn math(expression: &str, label: &str) -> Query {
    Query(json!({
        "queryMode": "Metrics",
        "metricQueryType": 0,
        "metricEditorMode": 1,
        "id": "",
        "region": "$region",
        "namespace": "",
        "metricName": "",
        "dimensions": {},
        "expression": expression,
        "matchExact": true,
        "statistic": "Average",
        "period": "60",
        "label": label,
    }))
}

/// CloudWatch's name of the component in a label.
pub(super) const COMPONENT: &str = "${PROP('Dim.InferenceComponentName')}";
