//! Variables of dashboards: which data source, which endpoints, which components.

use serde_json::{Value, json};

use super::desired::Flavour;
use super::query::CALLS;

/// The variables of a flavour. `source` is the uid of the data source that is chosen at first.
pub(super) fn variables(flavour: Flavour, source: Option<&str>) -> Vec<Value> {
    let mut all = vec![data_source(flavour, source)];
    match flavour {
        Flavour::Prometheus => all.extend([
            labels("endpoint", "Endpoint", "label_values(bifocal_target_state_code, endpoint)"),
            labels(
                "inference_component",
                "Inference component",
                r#"label_values(bifocal_target_state_code{endpoint=~"$endpoint"}, inference_component)"#,
            ),
            labels(
                "model",
                "Model",
                r#"label_values(bifocal_target_state_code{endpoint=~"$endpoint"}, model)"#,
            ),
        ]),
        Flavour::CloudWatch => all.extend([
            region(),
            dimension("endpoint", "Endpoint", "EndpointName", json!({})),
            components(),
            choice("publish_seconds", "Metrics every (s)", &["60", "30", "10"]),
            choice("gpu_dimension", "GPU dimension", &["GpuId", "AcceleratorId"]),
            text("gpus_per_instance", "GPUs of an instance", "1"),
            text("usd_per_instance_hour", "USD an hour of an instance", "1"),
        ]),
    }
    all
}

fn data_source(flavour: Flavour, source: Option<&str>) -> Value {
    let mut variable = json!({
        "name": "datasource", "label": "Data source", "type": "datasource", "query": flavour.source_type(),
        "refresh": 1, "hide": 0,
    });
    if let Some(uid) = source {
        variable["current"] = json!({"text": uid, "value": uid, "selected": true});
    }
    variable
}

/// Values of a label; with all of them chosen also targets that have none.
fn labels(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name, "label": label, "type": "query",
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "query": {"query": query, "refId": "StandardVariableQuery"},
        "definition": query,
        "multi": true, "includeAll": true, "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"], "selected": true},
        "refresh": 2, "sort": 1, "hide": 0,
    })
}

fn of_cloudwatch(name: &str, label: &str, query: Value) -> Value {
    json!({
        "name": name, "label": label, "type": "query",
        "datasource": {"type": "cloudwatch", "uid": "${datasource}"},
        "query": query, "refresh": 1, "sort": 1, "hide": 0, "multi": false, "includeAll": false,
    })
}

fn region() -> Value {
    let mut variable = of_cloudwatch(
        "region",
        "Region",
        json!({"queryType": "regions", "refId": "region", "region": "default"}),
    );
    variable["current"] = json!({"text": "default", "value": "default", "selected": true});
    variable
}

fn dimension(name: &str, label: &str, key: &str, filters: Value) -> Value {
    let query = json!({
        "queryType": "dimensionValues", "refId": name, "region": "$region", "namespace": CALLS,
        "metricName": "ModelLatency", "dimensionKey": key, "dimensionFilters": filters,
    });
    of_cloudwatch(name, label, query)
}

fn components() -> Value {
    let mut variable = dimension("component", "Inference component", "InferenceComponentName", json!({}));
    variable["multi"] = json!(true);
    variable["includeAll"] = json!(true);
    variable["current"] = json!({"text": ["All"], "value": ["$__all"], "selected": true});
    variable
}

fn choice(name: &str, label: &str, values: &[&str]) -> Value {
    let option = |value: &str, selected: bool| json!({"text": value, "value": value, "selected": selected});
    let options: Vec<Value> = values.iter().enumerate().map(|(i, value)| option(value, i == 0)).collect();
    json!({
        "name": name, "label": label, "type": "custom", "query": values.join(","), "options": options,
        "current": option(values[0], true), "hide": 0, "multi": false, "includeAll": false,
    })
}

fn text(name: &str, label: &str, value: &str) -> Value {
    let option = json!({"text": value, "value": value, "selected": true});
    json!({
        "name": name, "label": label, "type": "textbox", "query": value, "options": [option], "current": option, "hide": 0,
    })
}
