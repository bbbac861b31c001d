//! The dashboard of a template: both lenses of each component, above each other.

use bifocal_model::Dimension;
use serde_json::{Value, json};

use super::AlarmOptions;
use crate::cloudwatch::book::{DIMENSIONS, LATENCY, STATE, metric};
use crate::cloudwatch::config::ascii;

/// Columns of a dashboard of CloudWatch.
const COLUMNS: u32 = 24;
const HEIGHT: u32 = 6;

/// What a dashboard says of who made it.
pub(in crate::cloudwatch) const MARK: &str = "Made by `bifocal cloudwatch`";

const CALLS: &str = "AWS/SageMaker";
const HARDWARE: &str = "/aws/sagemaker/InferenceComponents";

/// Title, and of each line: namespace, metric, statistic.
type Native = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

const QUANTITY: [Native; 4] = [
    ("Model latency (µs)", &[(CALLS, "ModelLatency", "Average"), (CALLS, "ModelLatency", "p90")]),
    ("Invocations", &[(CALLS, "Invocations", "Sum"), (CALLS, "InvocationsPerCopy", "Sum")]),
    ("Errors", &[(CALLS, "Invocation4XXErrors", "Average"), (CALLS, "Invocation5XXErrors", "Average")]),
    (
        "GPU compute and memory (%)",
        &[
            (HARDWARE, "GPUUtilizationNormalized", "Average"),
            (HARDWARE, "GPUMemoryUtilizationNormalized", "Average"),
        ],
    ),
];

const SCORES: [(&str, &str); 4] = [
    ("Composite", "composite"),
    ("Safety", "safety"),
    ("Relevance", "relevance"),
    ("Professional tone", "professional_tone"),
];

/// The resource. The region is put in by CloudFormation.
pub(super) fn resource(options: &AlarmOptions) -> Value {
    let mut widgets = vec![json!({
        "type": "text", "x": 0, "y": 0, "width": COLUMNS, "height": 1,
        "properties": {"markdown": format!("{MARK}: what is changed here is overwritten by its next run")},
    })];
    let mut y = 1;
    for (endpoint, component) in &options.components {
        widgets.push(json!({
            "type": "text", "x": 0, "y": y, "width": COLUMNS, "height": 1,
            "properties": {"markdown": format!("## {component} of {endpoint}")},
        }));
        let rows =
            [quantity(component), scores(options, endpoint, component), extra(options, endpoint, component)];
        y += 1;
        for row in rows {
            let width = COLUMNS / u32::try_from(row.len()).unwrap_or(COLUMNS);
            for (i, properties) in (0..).zip(row) {
                widgets.push(json!({
                    "type": "metric", "x": i * width, "y": y, "width": width, "height": HEIGHT, "properties": properties,
                }));
            }
            y += HEIGHT;
        }
    }
    let body = json!({ "widgets": widgets }).to_string();
    json!({
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {"DashboardName": "bifocal-llm", "DashboardBody": {"Fn::Sub": body}},
    })
}

fn widget(title: &str, metrics: Vec<Value>) -> Value {
    json!({"title": title, "region": "${AWS::Region}", "view": "timeSeries", "period": 60, "metrics": metrics})
}

fn quantity(component: &str) -> Vec<Value> {
    let line = |(namespace, name, stat): &(&str, &str, &str)| json!([namespace, name, "InferenceComponentName", component, {"stat": stat, "label": format!("{name} {stat}")}]);
    QUANTITY.iter().map(|(title, lines)| widget(title, lines.iter().map(line).collect())).collect()
}

/// A line of what Bifocal writes.
fn written(options: &AlarmOptions, endpoint: &str, component: &str, name: &str, stat: &str) -> Value {
    let namespace = options.written.namespace.named(component, endpoint);
    let mut line = vec![json!(namespace), json!(name)];
    for (key, value) in DIMENSIONS.into_iter().zip([component, component, endpoint]) {
        line.extend([json!(key), json!(ascii(value))]);
    }
    line.push(json!({"stat": stat, "label": format!("{name} {stat}")}));
    Value::Array(line)
}

/// Scores before the article's bands.
fn scores(options: &AlarmOptions, endpoint: &str, component: &str) -> Vec<Value> {
    let each = SCORES.iter().map(|(title, dimension)| {
        let name = metric(&Dimension::new(dimension));
        let mut lines = vec![written(options, endpoint, component, &name, "Average")];
        if options.written.bounds {
            lines.extend(["lower", "upper"].map(|bound| {
                written(options, endpoint, component, &format!("{name}_{bound}"), "Average")
            }));
        }
        let mut widget = widget(title, lines);
        widget["yAxis"] = json!({"left": {"min": 0, "max": 1}});
        widget["annotations"] = json!({"horizontal": [
            {"value": 0.85, "label": "85%", "color": "#ff9896"}, {"value": 0.95, "label": "95%", "color": "#98df8a"},
        ]});
        widget
    });
    each.collect()
}

fn extra(options: &AlarmOptions, endpoint: &str, component: &str) -> Vec<Value> {
    let line = |name: &str, stat: &str| written(options, endpoint, component, name, stat);
    let mut row =
        vec![widget("Evaluation latency (ms)", vec![line(LATENCY, "Average"), line(LATENCY, "Maximum")])];
    if options.written.states {
        row.push(widget("State (0 healthy … 6 outage)", vec![line(STATE, "Maximum")]));
    }
    row
}
