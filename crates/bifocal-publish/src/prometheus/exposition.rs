//! What `/metrics` says: counters since the process started, and the watch's snapshot.

use std::collections::BTreeMap;

use bifocal_model::invariant::Invariant;
use bifocal_model::{EvaluatorKind, Inference, Score, StateName, TargetKey};
use bifocal_store::Record;
use bifocal_telemetry::{Kind, Metric, Telemetry};
use bifocal_watch::{Snapshot, TargetView};

use super::histogram::Histogram;
use super::quantity;
use super::readings::Readings;
use super::text::{Exemplar, Form, Text};
use super::{alerts, drift, objectives};

/// Counters and histograms of what passed since the process started. A restart begins at zero, which Prometheus
/// takes as a counter's reset.
#[derive(Clone, Debug, Default)]
pub struct Exposition {
    targets: BTreeMap<TargetKey, Passed>,
    readings: Readings,
}

/// Of one target.
#[derive(Clone, Debug, Default)]
struct Passed {
    by_status: BTreeMap<&'static str, f64>,
    ttft: Histogram,
    duration: Histogram,
    input_tokens: f64,
    output_tokens: f64,
    judged: BTreeMap<(String, String), u64>,
    evaluation: Histogram,
}

/// One line of the ledger: source, outcome, reason, count.
pub type LedgerLine = (String, String, String, u64);

impl Exposition {
    /// Nothing has passed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts one durable record.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Inference(call) => self.targets.entry(call.target.clone()).or_default().call(call),
            Record::Score(score) => self.targets.entry(score.target.clone()).or_default().score(score),
            Record::Reading(reading) => self.readings.take(reading),
            _ => {}
        }
    }

    /// The whole page. Labels are bounded: targets by the watch's limit, everything else by short lists.
    pub fn render(
        &self,
        form: Form,
        snapshot: &Snapshot,
        ledger: &[LedgerLine],
        telemetry: &Telemetry,
    ) -> String {
        let mut text = Text::new(form);
        self.passed(&mut text);
        states(&mut text, snapshot);
        quality(&mut text, snapshot);
        drift::render(&mut text, snapshot);
        quantity::render(&mut text, snapshot);
        objectives::render(&mut text, snapshot);
        self.readings.render(&mut text, snapshot);
        let left_out = self.readings.take_left_out();
        if left_out > 0 {
            telemetry.count(Metric::LimitHits, &["exposed_readings"], left_out);
        }
        alerts::render(&mut text, snapshot);
        text.family("bifocal_ledger_total", "counter", "what became of received and of chosen items");
        for (source, outcome, reason, count) in ledger {
            let labels = [("source", source.as_str()), ("outcome", outcome), ("reason", reason)];
            text.sample("bifocal_ledger_total", &labels, *count as f64);
        }
        own(&mut text, telemetry);
        text.into_string()
    }

    fn passed(&self, text: &mut Text) {
        text.family(
            "bifocal_requests_total",
            "counter",
            "requests by class of status, weighted by 1 / capture probability",
        );
        for (key, passed) in &self.targets {
            for (class, count) in &passed.by_status {
                text.sample("bifocal_requests_total", &with(key, &[("status_class", class)]), *count);
            }
        }
        for (name, help, pick) in [
            (
                "bifocal_ttft_seconds",
                "time to first token",
                (|p: &Passed| p.ttft) as fn(&Passed) -> Histogram,
            ),
            ("bifocal_request_duration_seconds", "end-to-end latency", |p: &Passed| p.duration),
            ("bifocal_evaluation_duration_seconds", "time that a judgement took", |p: &Passed| p.evaluation),
        ] {
            text.family(name, "histogram", help);
            for (key, passed) in &self.targets {
                pick(passed).render(text, name, &with(key, &[]));
            }
        }
        text.family("bifocal_tokens_total", "counter", "tokens of prompts and answers");
        for (key, passed) in &self.targets {
            for (kind, count) in [("input", passed.input_tokens), ("output", passed.output_tokens)] {
                text.sample("bifocal_tokens_total", &with(key, &[("kind", kind)]), count);
            }
        }
        text.family("bifocal_quality_judged_total", "counter", "answers judged");
        for (key, passed) in &self.targets {
            for ((dimension, evaluator), count) in &passed.judged {
                let labels = with(key, &[("dimension", dimension), ("evaluator", evaluator)]);
                text.sample("bifocal_quality_judged_total", &labels, *count as f64);
            }
        }
    }
}

impl Passed {
    fn call<T>(&mut self, call: &Inference<T>) {
        let weight = call.capture_probability.weight();
        let class = match call.status {
            Some(200..=299) => "2xx",
            Some(300..=399) => "3xx",
            Some(400..=499) => "4xx",
            Some(500..) => "5xx",
            _ => "none",
        };
        *self.by_status.entry(class).or_default() += weight;
        let exemplar = |value| Exemplar { inference: call.id, value, time: call.time };
        if let Some(seconds) = call.timing.ttft_seconds {
            self.ttft.add(weight, exemplar(seconds));
        }
        if let Some(seconds) = call.timing.duration_seconds {
            self.duration.add(weight, exemplar(seconds));
        }
        self.input_tokens += call.usage.input.map_or(0.0, |tokens| f64::from(tokens.count)) * weight;
        self.output_tokens += call.usage.output.map_or(0.0, |tokens| f64::from(tokens.count)) * weight;
    }

    fn score<T>(&mut self, score: &Score<T>) {
        if score.kind == EvaluatorKind::Judge && score.value().is_some() {
            let key = (score.dimension.to_string(), score.evaluator.clone());
            *self.judged.entry(key).or_default() += 1;
            let (inference, time) = (score.inference, score.scored_at);
            self.evaluation.add(1.0, Exemplar { inference, value: score.latency_seconds, time });
        }
    }
}

fn states(text: &mut Text, snapshot: &Snapshot) {
    text.family("bifocal_target_state", "gauge", "1 for the state the target is in, 0 for the others");
    for view in &snapshot.targets {
        for state in StateName::ALL {
            let labels = with(&view.key, &[("state", state.name())]);
            text.sample("bifocal_target_state", &labels, f64::from(u8::from(view.state == state)));
        }
    }
    text.family("bifocal_target_state_code", "gauge", "the state as a number: 0 is healthy, higher is worse");
    for view in &snapshot.targets {
        text.sample("bifocal_target_state_code", &with(&view.key, &[]), f64::from(view.state.code()));
    }
    text.family("bifocal_target_axis", "gauge", "1 for the value of each of the three axes");
    for view in &snapshot.targets {
        let axes = [
            ("service", view.service.name()),
            ("answers", view.answers.name()),
            ("efficiency", view.efficiency.name()),
        ];
        for (axis, value) in axes {
            text.sample("bifocal_target_axis", &with(&view.key, &[("axis", axis), ("value", value)]), 1.0);
        }
    }
}

fn quality(text: &mut Text, snapshot: &Snapshot) {
    for (name, help, pass) in [
        ("bifocal_quality_score", "mean score with its 95% interval", false),
        ("bifocal_quality_pass_ratio", "share that passes with its 95% interval", true),
    ] {
        text.family(name, "gauge", help);
        for view in &snapshot.targets {
            for stream in &view.streams {
                let Some(estimate) = (if pass { stream.pass_rate } else { stream.estimate }) else {
                    continue;
                };
                let bounds =
                    [("value", estimate.value), ("lower", estimate.lower), ("upper", estimate.upper)];
                for (bound, number) in bounds {
                    let labels = [("dimension", stream.dimension.as_str()), ("bound", bound)];
                    text.sample(name, &with(&view.key, &labels), number);
                }
            }
        }
    }
    text.family(
        "bifocal_quality_evidence",
        "gauge",
        "evidence of the degradation detector; alarm at the threshold",
    );
    for (view, stream) in watched(snapshot) {
        let labels = with(&view.key, &[("dimension", stream.dimension.as_str())]);
        text.sample("bifocal_quality_evidence", &labels, stream.evidence);
    }
    text.family("bifocal_quality_evidence_threshold", "gauge", "evidence at which the detector alarms");
    for (view, stream) in watched(snapshot) {
        let labels = with(&view.key, &[("dimension", stream.dimension.as_str())]);
        text.sample("bifocal_quality_evidence_threshold", &labels, stream.threshold);
    }
}

fn watched(snapshot: &Snapshot) -> impl Iterator<Item = (&TargetView, &bifocal_watch::StreamView)> {
    let all = snapshot.targets.iter().flat_map(|view| view.streams.iter().map(move |stream| (view, stream)));
    all.filter(|(_, stream)| stream.watched)
}

fn own(text: &mut Text, telemetry: &Telemetry) {
    let mut last = None;
    for (metric, values, value) in telemetry.snapshot() {
        if last != Some(metric) {
            let kind = if metric.kind() == Kind::Counter { "counter" } else { "gauge" };
            text.family(metric.name(), kind, metric.help());
            last = Some(metric);
        }
        let labels: Vec<(&str, &str)> =
            metric.labels().iter().copied().zip(values.iter().map(String::as_str)).collect();
        text.sample(metric.name(), &labels, value as f64);
    }
    text.family("bifocal_invariants_broken_total", "counter", "named invariants found broken");
    for invariant in Invariant::ALL {
        let labels = [("invariant", invariant.name())];
        text.sample("bifocal_invariants_broken_total", &labels, invariant.broken() as f64);
    }
}

/// The labels of a target, then further ones.
pub(super) fn with<'a>(key: &'a TargetKey, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut labels = vec![
        ("origin", key.origin.as_str()),
        ("endpoint", key.endpoint.as_str()),
        ("variant", key.variant.as_str()),
        ("inference_component", key.inference_component()),
        ("model", key.model()),
    ];
    labels.extend_from_slice(more);
    labels
}
