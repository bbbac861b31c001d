//! Inferences and their scores.

use std::collections::BTreeMap;

use bifocal_model::{
    Completeness, ErrorClass, EvaluatorKind, Inference, Message, Redaction, Score, Source, Timestamp,
    TokenSource, Verdict,
};
use bifocal_store::{Person, Redacted, Scored};
use serde::Serialize;

use crate::limits::{ANSWER_CHARS, QUESTION_CHARS};
use crate::rows::LabelRow;

/// One inference; the optional fields at the end only when it is asked for by its id.
#[derive(Clone, Debug, Serialize)]
pub struct InferenceRow {
    /// Its id.
    pub id: String,
    /// Target id.
    pub target: String,
    /// The target's name.
    pub target_name: String,
    /// When the request arrived.
    pub time: Timestamp,
    /// How it was seen.
    pub source: Source,
    /// Who asked.
    pub tenant: Option<String>,
    /// Time to first token.
    pub ttft_seconds: Option<f64>,
    /// Mean gap between chunks.
    pub itl_seconds: Option<f64>,
    /// End to end.
    pub duration_seconds: Option<f64>,
    /// Tokens of the prompt.
    pub input_tokens: Option<u32>,
    /// Who counted them.
    pub input_tokens_source: Option<TokenSource>,
    /// Tokens of the answer.
    pub output_tokens: Option<u32>,
    /// Who counted them.
    pub output_tokens_source: Option<TokenSource>,
    /// Why the model stopped.
    pub finish_reason: Option<String>,
    /// The status the client saw.
    pub status: Option<u16>,
    /// Why it failed.
    pub error_class: Option<ErrorClass>,
    /// Whether it was a stream.
    pub streamed: bool,
    /// Whether all of it was captured.
    pub completeness: Completeness,
    /// The model that the server says it served.
    pub served_model: Option<String>,
    /// The last message of the user, its head.
    pub question: String,
    /// The answer; its head in lists.
    pub answer: String,
    /// What evaluators say.
    pub scores: Vec<ScoreRow>,
    /// The conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<Vec<Message<Redacted>>>,
    /// What the redaction took out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redactions: Option<Vec<Redaction>>,
    /// Labels of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// With which probability it was captured.
    pub capture_probability: f64,
    /// What people say of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<LabelRow>>,
}

/// One score.
#[derive(Clone, Debug, Serialize)]
pub struct ScoreRow {
    /// Of which inference.
    pub inference: String,
    /// Of which target.
    pub target: String,
    /// The time of the inference.
    pub time: Timestamp,
    /// About what.
    pub dimension: String,
    /// The evaluator's kind.
    pub kind: EvaluatorKind,
    /// The evaluator's name.
    pub evaluator: String,
    /// The evaluator's fingerprint.
    pub fingerprint: String,
    /// In [0, 1]; `null` when there is none.
    pub value: Option<f64>,
    /// Against the mark.
    pub pass: Option<bool>,
    /// A category.
    pub label: Option<String>,
    /// Its words.
    pub explanation: Option<String>,
    /// Why there is no score.
    pub failure: Option<&'static str>,
    /// With which probability the inference came to be scored.
    pub inclusion_probability: f64,
    /// What it cost.
    pub cost_usd: Option<f64>,
}

impl InferenceRow {
    /// For a list: heads of the texts.
    pub(crate) fn brief(call: &Inference<Redacted>, scores: &[Scored]) -> Self {
        let question = call.messages.iter().rev().find(|message| message.role == "user");
        let question = question.or_else(|| call.messages.last()).map_or("", |message| message.text.as_str());
        Self {
            id: call.id.to_string(),
            target: call.target.id().to_string(),
            target_name: call.target.name().to_owned(),
            time: call.time,
            source: call.identity.source,
            tenant: call.tenant.clone(),
            ttft_seconds: call.timing.ttft_seconds,
            itl_seconds: call.timing.itl_seconds,
            duration_seconds: call.timing.duration_seconds,
            input_tokens: call.usage.input.map(|tokens| tokens.count),
            input_tokens_source: call.usage.input.map(|tokens| tokens.source),
            output_tokens: call.usage.output.map(|tokens| tokens.count),
            output_tokens_source: call.usage.output.map(|tokens| tokens.source),
            finish_reason: call.finish_reason.as_ref().map(|reason| reason.name().to_owned()),
            status: call.status,
            error_class: call.error,
            streamed: call.streamed,
            completeness: call.completeness.clone(),
            served_model: call.labels.get("served_model").cloned(),
            question: head(question, QUESTION_CHARS),
            answer: head(call.answer.as_str(), ANSWER_CHARS),
            scores: scores.iter().map(|score| ScoreRow::from(&**score)).collect(),
            messages: None,
            redactions: None,
            labels: None,
            capture_probability: call.capture_probability.get(),
            people: None,
        }
    }

    /// With everything.
    pub(crate) fn whole(call: &Inference<Redacted>, scores: &[Scored], people: &[Person]) -> Self {
        Self {
            answer: call.answer.as_str().to_owned(),
            messages: Some(call.messages.clone()),
            redactions: Some(call.redactions.clone()),
            labels: Some(call.labels.clone()),
            people: Some(people.iter().map(|label| LabelRow::from(&**label)).collect()),
            ..Self::brief(call, scores)
        }
    }
}

impl From<&Score<Redacted>> for ScoreRow {
    fn from(score: &Score<Redacted>) -> Self {
        let (label, explanation, failure) = match &score.verdict {
            Verdict::Scored { label, explanation, .. } => (label.clone(), explanation.clone(), None),
            Verdict::Failed { failure, .. } => (None, None, Some(failure.name())),
        };
        Self {
            inference: score.inference.to_string(),
            target: score.target.id().to_string(),
            time: score.time,
            dimension: score.dimension.to_string(),
            kind: score.kind,
            evaluator: score.evaluator.clone(),
            fingerprint: score.fingerprint.to_string(),
            value: score.value().map(|value| value.get()),
            pass: score.passed(),
            label,
            explanation: explanation.map(|text| text.as_str().to_owned()),
            failure,
            inclusion_probability: score.inclusion.get(),
            cost_usd: score.cost.usd,
        }
    }
}

/// The first characters of a text.
fn head(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_texts_are_cut_between_characters() {
        for limit in [QUESTION_CHARS, ANSWER_CHARS] {
            assert_eq!(head(&"ü".repeat(limit), limit).chars().count(), limit);
            assert_eq!(head(&"ü".repeat(limit + 1), limit).chars().count(), limit);
        }
    }
}
