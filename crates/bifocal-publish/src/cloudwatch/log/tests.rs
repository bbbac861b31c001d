use std::sync::Arc;

use bifocal_model::{
    Completeness, Component, Cost, Dimension, Failure, Findings, Fingerprint, FormatAsked, Identity,
    Inference, Message, Probability, Score, Source, Timing, TokenCount, TokenSource, Usage,
};
use bifocal_store::Redacted;

use super::*;
use crate::cloudwatch::{Datum, Put, Unit, WriteBack};

fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(1_800_000_000 + second)
}

fn target() -> TargetKey {
    TargetKey::of_model("sagemaker/123456789012/us-east-1", "qwen").with(|names| {
        names.endpoint = "llm-prod".into();
        names.component = Component::InferenceComponent("qwen".into());
    })
}

fn score(second: i64, dimension: &str, verdict: Verdict<Redacted>, kind: EvaluatorKind) -> Record {
    Record::Score(Arc::new(Score::<Redacted> {
        inference: InferenceId::v7(at(second), [0; 10]),
        target: target(),
        evaluator: "judge:small".into(),
        fingerprint: Fingerprint(7),
        kind,
        dimension: Dimension::new(dimension),
        verdict,
        inclusion: Probability::new(0.2).unwrap(),
        capture: Probability::new(0.5).unwrap(),
        stratum: String::new(),
        time: at(second),
        scored_at: at(second + 3),
        latency_seconds: 0.25,
        cost: Cost::default(),
    }))
}

fn scored(value: f64, words: &str) -> Verdict<Redacted> {
    let explanation = Some(text(words));
    Verdict::Scored {
        value: bifocal_model::Unit::new(value).unwrap(),
        pass: value >= 0.5,
        label: None,
        explanation,
    }
}

/// As the store reads it back.
fn text(text: &str) -> Redacted {
    serde_json::from_value(json!(text)).unwrap()
}

fn call(second: i64, answer: &str) -> Call {
    Arc::new(Inference {
        id: InferenceId::v7(at(second), [0; 10]),
        identity: Identity { source: Source::Proxy, key: "k".into() },
        target: target(),
        labels: BTreeMap::new(),
        tenant: None,
        time: at(second),
        messages: vec![
            Message { role: "system".into(), text: text("be kind") },
            Message { role: "user".into(), text: text("how far is the moon?") },
        ],
        answer: text(answer),
        finish_reason: None,
        usage: Usage { input: Some(TokenCount { count: 9, source: TokenSource::Server }), output: None },
        timing: Timing { ttft_seconds: None, itl_seconds: None, duration_seconds: Some(0.75) },
        status: Some(200),
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Free,
        streamed: false,
        redactions: Vec::new(),
        findings: Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    })
}

fn json_of(entry: &Entry) -> Value {
    serde_json::from_str(&entry.message).unwrap()
}

fn logging() -> WriteBackConfig {
    WriteBackConfig { logs: true, ..WriteBackConfig::default() }
}

#[test]
fn a_judged_answer_is_one_event_with_all_that_was_said_of_it() {
    let mut book = WriteBack::new(logging());
    book.apply(&score(1, "relevance", scored(0.75, "it answers"), EvaluatorKind::Judge));
    assert_eq!(book.take_logs(), (Vec::new(), 0), "more may be said of it");
    book.apply(&score(1, "composite", scored(0.5, "mean"), EvaluatorKind::Composite));
    let failed = Verdict::Failed { failure: Failure::Timeout, detail: "60 s".into() };
    book.apply(&score(1, "safety", failed, EvaluatorKind::Judge));
    book.apply(&score(1, "empty", scored(1.0, ""), EvaluatorKind::Heuristic));
    let (judged, left_out) = book.take_logs();
    assert_eq!((judged.len(), left_out), (1, 0));
    let entry = judged[0].entry(&logging(), Some(&call(1, "384,400 km")));
    assert_eq!(entry.group, "/aws/sagemaker/inference-quality/qwen");
    assert_eq!(entry.millis, 1_800_000_004_000);
    let event = json_of(&entry);
    assert_eq!(event["type"], "quality_evaluation");
    assert_eq!(
        (&event["prompt"], &event["response"]),
        (&json!("how far is the moon?"), &json!("384,400 km"))
    );
    assert_eq!(event["scores"], json!({"composite": 0.5, "relevance": 0.75}));
    assert_eq!(event["passed"], json!({"composite": true, "relevance": true}));
    assert_eq!(event["failed"], json!({"safety": "timeout"}));
    assert_eq!(event["explanations"]["relevance"], "it answers");
    assert_eq!(
        (&event["weight"], &event["latency_ms"], &event["input_tokens"]),
        (&json!(10.0), &json!(750.0), &json!(9))
    );
    assert_eq!(event.get("ttft_ms"), None, "absent is not zero");
    assert_eq!(event.get("output_tokens"), None);
    assert_eq!((&event["endpoint"], &event["inference_component"]), (&json!("llm-prod"), &json!("qwen")));
    // Taken once.
    assert_eq!(book.take_logs().0, []);
    assert_eq!(book.take_logs().0, []);
}

#[test]
fn without_text_and_without_logs() {
    let mut book = WriteBack::new(logging());
    book.apply(&score(1, "relevance", scored(0.75, "secret words"), EvaluatorKind::Judge));
    book.take_logs();
    let config = WriteBackConfig { log_text: false, ..logging() };
    let entry = book.take_logs().0[0].entry(&config, Some(&call(1, "secret answer")));
    assert!(!entry.message.contains("secret") && !entry.message.contains("moon"), "{}", entry.message);
    assert_eq!(json_of(&entry)["scores"]["relevance"], 0.75);

    let mut off = WriteBack::new(WriteBackConfig { write: true, ..WriteBackConfig::default() });
    off.apply(&score(1, "relevance", scored(0.75, ""), EvaluatorKind::Judge));
    off.take_logs();
    assert_eq!(off.take_logs().0, []);
}

/// limit log_text_bytes
#[test]
fn a_long_text_is_cut_between_letters() {
    let mut book = WriteBack::new(logging());
    book.apply(&score(1, "relevance", scored(0.75, ""), EvaluatorKind::Judge));
    book.take_logs();
    let judged = &book.take_logs().0[0];
    let long = format!("x{}", "é".repeat(LOG_TEXT_BYTES));
    let event = json_of(&judged.entry(&logging(), Some(&call(1, &long))));
    assert_eq!(event["response"].as_str().map(str::len), Some(LOG_TEXT_BYTES - 1));
    let whole = json_of(&judged.entry(&logging(), Some(&call(1, &"x".repeat(LOG_TEXT_BYTES)))));
    assert_eq!(whole["response"].as_str().map(str::len), Some(LOG_TEXT_BYTES));
}

/// limit logged_waiting
#[test]
fn of_too_many_that_wait_the_oldest_goes() {
    let mut book = WriteBack::new(logging());
    for second in 0..i64::try_from(LOGGED_WAITING_MAX).unwrap() + 3 {
        book.apply(&score(second, "relevance", scored(0.75, ""), EvaluatorKind::Judge));
    }
    book.take_logs();
    let (judged, _) = book.take_logs();
    assert_eq!(judged.len(), LOGGED_WAITING_MAX);
    assert_eq!(judged[0].time, at(3));
}

#[test]
fn metrics_stand_in_the_embedded_format_one_event_for_each_set_of_dimensions() {
    let datum = |metric: &str, component: &str, unit, value| Datum {
        metric: metric.into(),
        dimensions: vec![("InferenceComponentName", component.into()), ("EndpointName", "llm-prod".into())],
        time: at(0),
        unit,
        value,
    };
    let many = put::Value::Many { n: 4.0, sum: 10.0, min: 1.0, max: 4.0 };
    let put = Put {
        namespace: "quality".into(),
        data: vec![
            datum("relevance_score", "qwen", Unit::None, put::Value::One(0.75)),
            datum("quality_evaluation_latency", "qwen", Unit::Milliseconds, many),
            datum("relevance_score", "llama b", Unit::None, put::Value::One(0.5)),
        ],
    };
    let entries = embedded(&logging(), &put);
    assert_eq!(entries.len(), 2);
    let groups: Vec<&str> = entries.iter().map(|entry| entry.group.as_str()).collect();
    assert_eq!(groups, ["/aws/sagemaker/inference-quality/llama_b", "/aws/sagemaker/inference-quality/qwen"]);
    let event = json_of(&entries[1]);
    assert_eq!(
        (&event["relevance_score"], &event["quality_evaluation_latency"]),
        (&json!(0.75), &json!(2.5))
    );
    assert_eq!(
        (&event["InferenceComponentName"], &event["EndpointName"]),
        (&json!("qwen"), &json!("llm-prod"))
    );
    let directive = &event["_aws"]["CloudWatchMetrics"][0];
    assert_eq!(event["_aws"]["Timestamp"], 1_800_000_000_000_i64);
    assert_eq!(directive["Namespace"], "quality");
    assert_eq!(directive["Dimensions"], json!([["InferenceComponentName", "EndpointName"]]));
    assert_eq!(
        directive["Metrics"][1],
        json!({"Name": "quality_evaluation_latency", "Unit": "Milliseconds", "StorageResolution": 60})
    );
}
