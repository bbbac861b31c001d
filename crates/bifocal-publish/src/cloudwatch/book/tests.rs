use bifocal_model::{Component, Cost, InferenceId, Probability, Verdict, Window};
use bifocal_store::Redacted;
use bifocal_telemetry::Telemetry;
use bifocal_watch::{Quantiles, Watch, WatchConfig};

use super::*;
use crate::cloudwatch::Namespace;

struct NoQuantiles;

impl Quantiles for NoQuantiles {
    fn quantile(&self, _: &TargetKey, _: &str, _: f64, _: Window) -> Option<f64> {
        None
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + second)
}

fn target(component: &str) -> TargetKey {
    TargetKey::of_model("sagemaker/123456789012/us-east-1", component).with(|names| {
        names.endpoint = "llm-prod".into();
        names.component = Component::InferenceComponent(component.into());
    })
}

fn score(second: i64, component: &str, dimension: &str, value: f64, kind: EvaluatorKind) -> Record {
    Record::Score(std::sync::Arc::new(bifocal_model::Score::<Redacted> {
        inference: InferenceId::v7(at(second), [0; 10]),
        target: target(component),
        evaluator: "judge:small".into(),
        fingerprint: Fingerprint(7),
        kind,
        dimension: Dimension::new(dimension),
        verdict: Verdict::Scored {
            value: bifocal_model::Unit::new(value).unwrap(),
            pass: value >= 0.5,
            label: None,
            explanation: None,
        },
        inclusion: Probability::ONE,
        capture: Probability::ONE,
        stratum: String::new(),
        time: at(second),
        scored_at: at(second + 1),
        latency_seconds: 0.25 * (1.0 + (second % 2) as f64),
        cost: Cost::default(),
    }))
}

/// Both are told of every record; the watch ticks at `now`.
fn told(config: WriteBackConfig, records: &[Record], now: i64) -> (WriteBack, Vec<Put>, Snapshot) {
    let mut watch = Watch::new(WatchConfig::default(), Telemetry::new()).unwrap();
    let mut book = WriteBack::new(config);
    for record in records {
        watch.apply(record);
        book.apply(record);
    }
    let snapshot = watch.tick(at(now), &NoQuantiles).snapshot;
    book.settle();
    let puts = book.take(&snapshot);
    (book, puts, snapshot)
}

fn minute() -> Vec<Record> {
    let of = |second: i64| {
        let value = if second % 5 == 0 { 0.25 } else { 1.0 };
        [
            score(second, "qwen", "relevance", value, EvaluatorKind::Judge),
            score(second, "qwen", "composite", 0.75, EvaluatorKind::Composite),
            score(second, "gpt-oss", "safety", 1.0, EvaluatorKind::Judge),
            score(second, "gpt-oss", "refusal", 1.0, EvaluatorKind::Heuristic),
        ]
    };
    (0..60).flat_map(of).collect()
}

fn metrics(put: &Put) -> Vec<&str> {
    put.data.iter().map(|datum| datum.metric.as_str()).collect()
}

#[test]
fn a_minute_is_put_under_the_names_of_the_notebook() {
    let (_, puts, _) = told(WriteBackConfig::default(), &minute(), 60);
    let names: Vec<&str> = puts.iter().map(|put| put.namespace.as_str()).collect();
    let base = "/aws/sagemaker/inference-quality/";
    assert_eq!(names, [format!("{base}gpt-oss"), format!("{base}qwen")]);
    assert_eq!(metrics(&puts[0]), ["safety_score", "quality_evaluation_latency"]);
    assert_eq!(
        metrics(&puts[1]),
        ["composite_quality_score", "relevance_score", "quality_evaluation_latency"]
    );
    let relevance = &puts[1].data[1];
    assert_eq!((relevance.value, relevance.unit, relevance.time), (Value::One(0.85), Unit::None, at(60)));
    assert_eq!(
        relevance.dimensions,
        [
            ("InferenceComponentName", "qwen".to_owned()),
            ("InferenceComponentLabel", "qwen".to_owned()),
            ("EndpointName", "llm-prod".to_owned())
        ]
    );
    let latency = &puts[0].data[1];
    let all = Value::Many { n: 60.0, sum: 22_500.0, min: 250.0, max: 500.0 };
    assert_eq!((latency.value, latency.unit), (all, Unit::Milliseconds));
}

#[test]
fn what_nobody_judged_since_is_not_put_again() {
    let (mut book, _, snapshot) = told(WriteBackConfig::default(), &minute(), 60);
    assert_eq!(book.take(&snapshot), [], "absent is not zero");
    book.apply(&score(61, "qwen", "relevance", 1.0, EvaluatorKind::Judge));
    assert_eq!(book.take(&snapshot), [], "no snapshot has it yet");
    book.settle();
    let puts = book.take(&snapshot);
    assert_eq!(puts.len(), 1);
    assert_eq!(metrics(&puts[0]), ["relevance_score", "quality_evaluation_latency"]);
}

#[test]
fn bounds_counts_rates_and_a_second_namespace_are_asked_for() {
    let second_namespace = Some(Namespace::try_from("SageMaker/InferenceQuality".to_owned()).unwrap());
    let config = WriteBackConfig {
        second_namespace,
        bounds: true,
        pass_rates: true,
        counts: true,
        ..WriteBackConfig::default()
    };
    let (_, puts, _) = told(config, &minute(), 60);
    let second = puts.iter().find(|put| put.namespace == "SageMaker/InferenceQuality").unwrap();
    assert_eq!(
        puts.iter().map(|put| put.data.len()).sum::<usize>(),
        2 * second.data.len(),
        "both targets, twice"
    );
    let of = |metric: &str| {
        let found = second.data.iter().find(|datum| datum.metric == metric).unwrap();
        match found.value {
            Value::One(value) => value,
            Value::Many { .. } => f64::NAN,
        }
    };
    assert!(
        of("relevance_score_lower") < of("relevance_score")
            && of("relevance_score") < of("relevance_score_upper")
    );
    assert_eq!((of("relevance_score_judged"), of("relevance_pass_rate")), (60.0, 0.8));
}

#[test]
fn states_are_written_for_every_target_when_asked_for() {
    let config = WriteBackConfig { states: true, ..WriteBackConfig::default() };
    let (mut book, _, snapshot) = told(config, &minute(), 60);
    let puts = book.take(&snapshot);
    assert_eq!(puts.len(), 2, "also of those that nobody judged since");
    for put in puts {
        assert_eq!(metrics(&put), ["target_state"]);
        // No call was seen, so the state is unknown.
        assert_eq!((put.data[0].value, put.data[0].dimensions.len()), (Value::One(1.0), 3));
    }
}

/// Every metric of ours that a panel of Grafana's CloudWatch dashboards reads is put, with exactly the dimensions that
/// the panel names.
#[test]
fn panels_of_grafana_read_what_is_put() {
    use crate::grafana::{Desired, Flavour, Kind, Options};
    let written =
        WriteBackConfig { bounds: true, pass_rates: true, states: true, ..WriteBackConfig::default() };
    let mut records = minute();
    for dimension in ["safety", "professional_tone"] {
        records.extend((0..60).map(|second| score(second, "qwen", dimension, 1.0, EvaluatorKind::Judge)));
    }
    let (_, puts, _) = told(written.clone(), &records, 60);
    let options = Options { flavours: vec![Flavour::CloudWatch], written, ..Options::default() };
    let mut read = std::collections::BTreeSet::new();
    for dashboard in Desired::of(&options).objects.iter().filter(|object| object.kind == Kind::Dashboard) {
        let panels = dashboard.body["panels"].as_array().unwrap();
        for query in panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten()) {
            let namespace = query["namespace"].as_str().unwrap().replace("$component", "qwen");
            let Some(put) = puts.iter().find(|put| put.namespace == namespace) else {
                assert!(!namespace.contains("quality"), "{query}");
                continue;
            };
            let name = query["metricName"].as_str().unwrap();
            let datum = put.data.iter().find(|datum| datum.metric == name);
            let datum = datum.unwrap_or_else(|| panic!("{name} is not put"));
            let filled = query["dimensions"].to_string().replace("$component", "qwen");
            let asked: serde_json::Value =
                serde_json::from_str(&filled.replace("$endpoint", "llm-prod")).unwrap();
            let put =
                datum.dimensions.iter().map(|(name, value)| ((*name).to_owned(), vec![value.clone()].into()));
            assert_eq!(asked, serde_json::Value::Object(put.collect()));
            read.insert(name.to_owned());
        }
    }
    // Four scores with two bounds each, four pass rates, the latency, the state.
    assert_eq!(read.len(), 12 + 4 + 2, "{read:?}");
}

/// What is counted as billed is what is put.
#[test]
fn metrics_are_counted_as_they_are_put() {
    let records: Vec<Record> = (0..120)
        .flat_map(|second| {
            ["relevance", "safety", "composite"].map(|dimension| {
                let kind =
                    if dimension == "composite" { EvaluatorKind::Composite } else { EvaluatorKind::Judge };
                score(second, "qwen", dimension, if second % 5 == 0 { 0.25 } else { 1.0 }, kind)
            })
        })
        .collect();
    for bits in 0..16_u8 {
        let has = |bit: u8| bits & bit != 0;
        let config = WriteBackConfig {
            bounds: has(1),
            pass_rates: has(2),
            counts: has(4),
            states: has(8),
            second_namespace: has(1).then(|| Namespace::try_from("SageMaker/Quality".to_owned()).unwrap()),
            ..WriteBackConfig::default()
        };
        let (_, puts, _) = told(config.clone(), &records, 120);
        let put: usize = puts.iter().map(|put| metrics(put).len()).sum();
        assert_eq!((put, puts.len()), (config.metrics_of_target(2), config.namespaces(1)), "{config:?}");
    }
}
