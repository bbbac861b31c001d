//! Records and stores for tests.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bifocal_model::{
    Chance, Completeness, Cost, Dimension, ErrorClass, EvaluatorKind, Event, EventKind, Failure, Findings,
    Fingerprint, FinishReason, FormatAsked, Identity, Inference, InferenceId, Message, Probability, Reading,
    ReadingSubject, Score, Selection, Source, Span, TargetKey, Timestamp, Timing, TokenCount, Unit, Usage,
    Verdict,
};
use bifocal_redact::{Redacted, redact_inference, redact_score};
use bifocal_telemetry::{ManualClock, Telemetry};

use crate::{Options, Query, Reader, Record, Recovered, Store};

/// 2026-11-24T00:00:00Z
pub(crate) const DAY: i64 = 1_795_478_400;
pub(crate) const JUDGE: Fingerprint = Fingerprint(7);

pub(crate) fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(DAY + secs)
}

pub(crate) fn target(name: &str) -> TargetKey {
    TargetKey::of_model("local", name)
}

fn findings(i: u64) -> Findings {
    let passed = if i.is_multiple_of(8) { 0b1_0111 } else { 0b10_0111_1111 };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let value = (i % 10) as f32 / 9.0;
    Findings { passed, values: if i.is_multiple_of(2) { vec![(12, value), (13, 0.1)] } else { Vec::new() } }
}

/// Call number `i` at `secs`: all of it follows from the two numbers.
pub(crate) fn inference(i: u64, secs: i64) -> Inference<Redacted> {
    let identity = Identity { source: Source::DataCapture, key: format!("event-{i}") };
    let failed = i % 17 == 3;
    let text = |text: String| Message { role: "user".to_owned(), text };
    redact_inference(Inference {
        id: InferenceId::of_identity(&identity, at(secs)),
        identity,
        target: target(if i.is_multiple_of(3) { "large" } else { "small" }),
        labels: BTreeMap::from([("served_model".to_owned(), format!("m{}", i % 2))]),
        tenant: i.is_multiple_of(2).then(|| "acme".to_owned()),
        time: at(secs),
        messages: vec![text(format!("question {i} \u{1f600}")), text("and \"more\"".to_owned())],
        answer: format!("answer {i}\nwith lines"),
        finish_reason: (!failed)
            .then(|| FinishReason::from(if i.is_multiple_of(5) { "length" } else { "tired" }.to_owned())),
        usage: Usage {
            input: Some(TokenCount::server(u32::try_from(i % 900).unwrap())),
            output: (!i.is_multiple_of(4)).then(|| TokenCount::estimate(u32::try_from(i % 77).unwrap())),
        },
        timing: Timing {
            ttft_seconds: i.is_multiple_of(2).then_some(0.1 + (i % 37) as f64 * 0.013),
            itl_seconds: None,
            duration_seconds: Some(0.5 + (i % 11) as f64 * 0.37),
        },
        status: Some(if failed { 503 } else { 200 }),
        error: failed.then_some(ErrorClass::Upstream),
        completeness: Completeness::Complete,
        capture_probability: Probability::new(if i.is_multiple_of(7) { 0.3 } else { 1.0 }).unwrap(),
        format_asked: if i.is_multiple_of(6) { FormatAsked::Json } else { FormatAsked::Free },
        streamed: i.is_multiple_of(2),
        redactions: Vec::new(),
        findings: if failed { Findings::default() } else { findings(i) },
        chance: (!failed && i.is_multiple_of(2)).then(|| Chance {
            stratum: format!(
                "language=en;length=short;end={}",
                if i.is_multiple_of(5) { "truncated" } else { "ok" }
            ),
            inclusion: Probability::new(0.1 + (i % 7) as f64 * 0.1).unwrap(),
            base: Probability::new(0.1).unwrap(),
        }),
        signs: bifocal_model::Signs::default(),
    })
}

pub(crate) fn score_of(inference: &Inference<Redacted>, i: u64, dimension: &str) -> Score<Redacted> {
    let verdict = if i % 10 == 9 {
        Verdict::Failed { failure: Failure::Unparsable, detail: "no number".to_owned() }
    } else {
        Verdict::Scored {
            value: Unit::new((i % 10) as f64 / 9.0).unwrap(),
            pass: i % 10 > 4,
            label: i.is_multiple_of(3).then(|| "strict".to_owned()),
            explanation: Some(format!("because {i}")),
        }
    };
    redact_score(Score {
        inference: inference.id,
        target: inference.target.clone(),
        evaluator: "judge:small".to_owned(),
        fingerprint: JUDGE,
        kind: EvaluatorKind::Judge,
        dimension: Dimension::new(dimension),
        verdict,
        inclusion: Probability::new(0.25).unwrap(),
        capture: inference.capture_probability,
        stratum: "all".to_owned(),
        time: inference.time,
        scored_at: inference.time + Span::from_secs(2),
        latency_seconds: 0.25,
        cost: Cost { usd: i.is_multiple_of(2).then_some(0.001), input_tokens: 300, output_tokens: 20 },
    })
}

pub(crate) fn selection_of(inference: &Inference<Redacted>, dimensions: &[&str]) -> Selection {
    Selection {
        inference: inference.id,
        target: inference.target.clone(),
        time: inference.time,
        judges: dimensions.iter().map(|dimension| (Dimension::new(dimension), JUDGE)).collect(),
        inclusion: Probability::new(0.25).unwrap(),
        stratum: "all".to_owned(),
        draw: 0.125,
        shed: None,
    }
}

pub(crate) fn reading(i: u64, secs: i64) -> Reading {
    let subject = if i.is_multiple_of(2) {
        ReadingSubject::Target(target("small"))
    } else {
        ReadingSubject::Origin("local".to_owned())
    };
    Reading {
        signal: "gpu_utilization_ratio".to_owned(),
        subject,
        part: (i % 2).to_string(),
        time: at(secs),
        value: (i % 100) as f64 / 100.0,
        source: Source::Scrape,
    }
}

pub(crate) fn event(i: u64, secs: i64) -> Event {
    Event {
        time: at(secs),
        kind: EventKind::Deployment,
        target: i.is_multiple_of(2).then(|| target("small")),
        id: format!("deployment-{i}"),
        summary: "a new version".to_owned(),
    }
}

pub(crate) fn call(i: u64, secs: i64) -> Record {
    Record::Inference(Arc::new(inference(i, secs)))
}

pub(crate) fn score(i: u64, secs: i64, dimension: &str) -> Record {
    Record::Score(Arc::new(score_of(&inference(i, secs), i, dimension)))
}

pub(crate) fn select(i: u64, secs: i64, dimensions: &[&str]) -> Record {
    Record::Selection(selection_of(&inference(i, secs), dimensions))
}

pub(crate) fn options(dir: &Path) -> Options {
    Options::new(dir, Arc::new(ManualClock::new(at(7_200))))
}

pub(crate) fn open(dir: &Path) -> (Store, Recovered) {
    Store::open(options(dir), Telemetry::new()).unwrap()
}

/// Every call that a reader shows, oldest first, page by page.
pub(crate) fn all_calls(reader: &Reader, page: usize) -> Vec<Inference<Redacted>> {
    let mut found = Vec::new();
    let mut query = Query { limit: page, ..Query::default() };
    loop {
        let page = reader.inferences(&query).unwrap();
        found.extend(page.items.iter().map(|call| (**call).clone()));
        query.after = page.next;
        if page.next.is_none() {
            found.reverse();
            return found;
        }
    }
}
