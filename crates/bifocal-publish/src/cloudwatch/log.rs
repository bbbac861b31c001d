//! What of the judged answers goes to CloudWatch Logs: one JSON event for each, with its question, its answer and what
//! judges said; and metrics in the embedded format, for those who do not want PutMetricData.
//!
//! An answer's event waits one round, so that the verdicts on its dimensions stand in one event. A verdict that comes later
//! makes a further one of the same inference.

use std::collections::BTreeMap;

use bifocal_model::{EvaluatorKind, InferenceId, TargetKey, Timestamp, Verdict};
use bifocal_store::{Call, Record};
use serde_json::{Map, Value, json};

use super::config::{Namespace, WriteBackConfig, component};
use super::put;
use crate::limits::{LOG_TEXT_BYTES, LOGGED_WAITING_MAX};

/// Judged answers that are to be written.
#[derive(Clone, Debug, Default)]
pub struct LogBook {
    /// Judged since the last round.
    coming: BTreeMap<InferenceId, Judged>,
    /// Judged before it.
    due: BTreeMap<InferenceId, Judged>,
    /// Left out, because too many wait.
    left_out: u64,
}

/// One answer and what was said of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Which.
    pub inference: InferenceId,
    /// Whose.
    pub target: TargetKey,
    /// When it was asked.
    pub time: Timestamp,
    /// When the last verdict came.
    pub scored_at: Timestamp,
    /// How many answers it stands for: 1 / (inclusion x capture).
    weight: f64,
    verdicts: BTreeMap<String, Said>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) evaluator: String,
    pub(super) value: Option<f64>,
    pub(super) pass: Option<bool>,
    pub(super) explanation: Option<String>,
    pub(super) failure: Option<Value>,
}

/// An event for a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The log group.
    pub group: String,
    /// When, milliseconds since 1970.
    pub millis: i64,
    /// JSON.
    pub message: String,
}

impl LogBook {
    pub(super) fn apply(&mut self, record: &Record) {
        let Record::Score(score) = record else { return };
        if !matches!(score.kind, EvaluatorKind::Judge | EvaluatorKind::Composite) {
            return;
        }
        let said = match &score.verdict {
            Verdict::Scored { value, pass, explanation, .. } => Said {
                evaluator: score.evaluator.clone(),
                value: Some(value.get()),
                pass: Some(*pass),
                explanation: explanation.as_ref().map(|words| words.as_str().to_owned()),
                failure: None,
            },
            Verdict::Failed { failure, .. } => Said {
                evaluator: score.evaluator.clone(),
                value: None,
                pass: None,
                explanation: None,
                failure: Some(json!(failure)),
            },
        };
        let known = if self.due.contains_key(&score.inference) { &mut self.due } else { &mut self.coming };
        let judged = known.entry(score.inference).or_insert_with(|| Judged {
            inference: score.inference,
            target: score.target.clone(),
            time: score.time,
            scored_at: score.scored_at,
            weight: 1.0 / (score.inclusion.get() * score.capture.get()),
            verdicts: BTreeMap::new(),
        });
        judged.scored_at = judged.scored_at.max(score.scored_at);
        judged.verdicts.insert(score.dimension.as_str().to_owned(), said);
        // The oldest goes: ids grow with time.
        while self.coming.len() + self.due.len() > LOGGED_WAITING_MAX {
            if self.due.pop_first().or_else(|| self.coming.pop_first()).is_none() {
                break;
            }
            self.left_out += 1;
        }
    }

    /// What was judged before the last round, and how many were left out since.
    pub fn take(&mut self) -> (Vec<Judged>, u64) {
        let due = std::mem::replace(&mut self.due, std::mem::take(&mut self.coming));
        (due.into_values().collect(), std::mem::take(&mut self.left_out))
    }
}

impl Judged {
    /// One that is not written, to see how long its event is.
    pub(super) fn for_size(
        inference: InferenceId,
        target: TargetKey,
        time: Timestamp,
        verdicts: BTreeMap<String, Said>,
    ) -> Self {
        Self { inference, target, time, scored_at: time, weight: 12.345, verdicts }
    }

    /// Its event. `call` is the inference, where it is still stored.
    pub fn entry(&self, config: &WriteBackConfig, call: Option<&Call>) -> Entry {
        let mut event = Map::new();
        let mut put = |key: &str, value: Value| {
            if !value.is_null() {
                event.insert(key.to_owned(), value);
            }
        };
        put("type", json!("quality_evaluation"));
        put("timestamp", json!(self.time.to_string()));
        put("inference_id", json!(self.inference.to_string()));
        put("endpoint", json!(self.target.endpoint));
        put("variant", json!(self.target.variant));
        put("inference_component", json!(component(&self.target)));
        put("weight", json!(self.weight));
        if let Some(call) = call {
            let seconds = |span: Option<f64>| span.map(|seconds| (seconds * 1e6).round() / 1e3);
            put("latency_ms", json!(seconds(call.timing.duration_seconds)));
            put("ttft_ms", json!(seconds(call.timing.ttft_seconds)));
            put("input_tokens", json!(call.usage.input.map(|tokens| tokens.count)));
            put("output_tokens", json!(call.usage.output.map(|tokens| tokens.count)));
            put("finish_reason", json!(call.finish_reason));
            if config.log_text {
                let question = call.messages.iter().rev().find(|message| message.role == "user");
                put("prompt", json!(question.map(|message| head(message.text.as_str()))));
                put("response", json!(head(call.answer.as_str())));
            }
        }
        let of = |pick: &dyn Fn(&Said) -> Value| {
            let said = self.verdicts.iter().map(|(dimension, said)| (dimension.clone(), pick(said)));
            let said: Map<String, Value> = said.filter(|(_, value)| !value.is_null()).collect();
            if said.is_empty() { Value::Null } else { Value::Object(said) }
        };
        put("scores", of(&|said| json!(said.value)));
        put("passed", of(&|said| json!(said.pass)));
        put("failed", of(&|said| said.failure.clone().unwrap_or_default()));
        put("evaluators", of(&|said| json!(said.evaluator)));
        if config.log_text {
            put("explanations", of(&|said| json!(said.explanation.as_deref().map(head))));
        }
        Entry {
            group: group(&config.log_group, &component(&self.target), &self.target.endpoint),
            millis: self.scored_at.as_nanos() / 1_000_000,
            message: Value::Object(event).to_string(),
        }
    }
}

/// The start of a text.
fn head(text: &str) -> &str {
    &text[..text.floor_char_boundary(LOG_TEXT_BYTES)]
}

/// The name of a log group: Logs takes letters, digits and `.-_/#` alone.
pub(super) fn group(template: &Namespace, component: &str, endpoint: &str) -> String {
    let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#');
    template.named(component, endpoint).chars().map(|c| if is_known(c) { c } else { '_' }).collect()
}

/// The events that make the metrics of a put in the embedded metric format: one for each set of dimensions. The format has
/// no statistic sets: of many values it is their mean.
pub fn embedded(config: &WriteBackConfig, put: &put::Put) -> Vec<Entry> {
    let mut sets: BTreeMap<Vec<(&str, String)>, Vec<&put::Datum>> = BTreeMap::new();
    for datum in &put.data {
        sets.entry(datum.dimensions.clone()).or_default().push(datum);
    }
    let entry = |(dimensions, data): (Vec<(&str, String)>, Vec<&put::Datum>)| {
        let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
        let metrics: Vec<Value> = data
            .iter()
            .map(|datum| json!({"Name": datum.metric, "Unit": datum.unit.name(), "StorageResolution": 60}))
            .collect();
        let millis = data.iter().map(|datum| datum.time.as_nanos() / 1_000_000).max().unwrap_or_default();
        let directive = json!([{"Namespace": put.namespace, "Dimensions": [names], "Metrics": metrics}]);
        let mut event = Map::new();
        event.insert("_aws".to_owned(), json!({"Timestamp": millis, "CloudWatchMetrics": directive}));
        event.insert("type".to_owned(), json!("metrics"));
        event.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        event.extend(data.iter().map(|datum| (datum.metric.clone(), json!(datum.value.mean()))));
        let of = |wanted: &str| {
            let found = dimensions.iter().find(|(name, _)| *name == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        let group = group(&config.log_group, of("InferenceComponentName"), of("EndpointName"));
        Entry { group, millis, message: Value::Object(event).to_string() }
    };
    sets.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests;
