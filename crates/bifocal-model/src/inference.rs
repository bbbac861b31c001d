//! One request and its response.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evaluator::Findings;
use crate::finish::{ErrorClass, FinishReason};
use crate::id::{Identity, InferenceId};
use crate::probability::Probability;
use crate::signs::Signs;
use crate::target::TargetKey;
use crate::time::Timestamp;

/// One request and its response. `T` is the type of its texts: `String` between the wire and the redaction,
/// `bifocal_redact::Redacted` from there on. Store, judge and API only take the latter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inference<T> {
    /// Our id.
    pub id: InferenceId,
    /// What makes it the same one when it arrives twice.
    pub identity: Identity,
    /// What was asked.
    pub target: TargetKey,
    /// `served_model` and whatever else describes this call; a change of one is an event, not a new target.
    pub labels: BTreeMap<String, String>,
    /// Who asked, from a configurable header.
    pub tenant: Option<String>,
    /// When the request arrived.
    pub time: Timestamp,
    /// The conversation as sent, oldest first; a bare prompt is one `user` message.
    pub messages: Vec<Message<T>>,
    /// The answer's text; empty when there was none.
    pub answer: T,
    /// Why the model stopped, when it said so.
    pub finish_reason: Option<FinishReason>,
    /// Tokens in and out.
    pub usage: Usage,
    /// How long things took; empty for sources that carry no latency.
    pub timing: Timing,
    /// HTTP status that the client saw; `None` where the source has none.
    pub status: Option<u16>,
    /// Why it failed; `None` when it did not.
    pub error: Option<ErrorClass>,
    /// Whether all of it was captured.
    pub completeness: Completeness,
    /// With which probability it was captured at all (Data Capture's percentage); every count divides by it.
    pub capture_probability: Probability,
    /// The format that the request demanded.
    pub format_asked: FormatAsked,
    /// Whether the client asked for a stream.
    pub streamed: bool,
    /// What the redaction took out: kinds and counts, never values.
    pub redactions: Vec<Redaction>,
    /// What the evaluators that look at every answer found, but for what has a score of its own. Nothing before they ran.
    #[serde(default, skip_serializing_if = "Findings::is_empty")]
    pub findings: Findings,
    /// How it stood in the draw for a judge, whether it was drawn or not; `None` where no evaluation rule was for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chance: Option<Chance>,
    /// What its bytes show beside its text; gone once it was evaluated.
    #[serde(skip)]
    pub signs: Signs,
}

/// How an answer stood in the draw for a judge. With the keyed hash of its id this replays the decision: it is judged where the
/// hash, in [0, 1), is at least 1 - `inclusion`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// The stratum that it belongs to, see [`crate::stratum`].
    pub stratum: String,
    /// With which probability it was to be judged.
    pub inclusion: Probability,
    /// With which probability every answer of its target was to be judged then, at least: those whose draw passes this one are
    /// a sample of the traffic as it is, and the others were added for a floor or because they are worth a look.
    pub base: Probability,
}

/// The role of messages that hold what a client handed over in a field of the request beside the conversation. No message of a
/// client has it.
pub const CONTEXT_ROLE: &str = "context";

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message<T> {
    /// `system`, `user`, `assistant`, `tool`, or [`CONTEXT_ROLE`].
    pub role: String,
    /// Its text; parts that are no text are left out.
    pub text: T,
}

/// Tokens in and out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompt.
    pub input: Option<TokenCount>,
    /// Tokens of the answer.
    pub output: Option<TokenCount>,
}

/// A number of tokens and who counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCount {
    /// How many.
    pub count: u32,
    /// Who counted.
    pub source: TokenSource,
}

/// Who counted the tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenSource {
    /// The server's `usage`.
    Server,
    /// Our own rough count (chunks of a stream, or bytes / 4): marked wherever it is shown.
    Estimate,
}

/// Latencies in seconds, as the client saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// Time to first token: request to the first chunk with text. Streams only.
    pub ttft_seconds: Option<f64>,
    /// Inter-token latency: the mean gap between chunks with text after the first. Streams only.
    pub itl_seconds: Option<f64>,
    /// End to end.
    pub duration_seconds: Option<f64>,
}

/// Whether all of the call was captured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// Request and response, to the end.
    Complete,
    /// The response was longer than the capture limit: its head is here.
    AnswerTruncated,
    /// Only a request was captured (Data Capture configured so, or the output was lost).
    RequestOnly,
    /// Only a response was captured.
    ResponseOnly,
}

/// The format that a request demanded of its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormatAsked {
    /// None in particular.
    #[default]
    Free,
    /// JSON (`response_format`, `guided_json`, or a grammar).
    Json,
}

/// How many findings of one kind the redaction replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// `email`, `phone`, `card`, `iban`, `cloud_key`, `bearer_token`, `private_key`.
    pub kind: String,
    /// In the answer (`true`) or in the request (`false`).
    pub in_answer: bool,
    /// How many.
    pub count: u32,
}

impl TokenCount {
    /// Counted by the server.
    pub fn server(count: u32) -> Self {
        Self { count, source: TokenSource::Server }
    }

    /// Counted by us.
    pub fn estimate(count: u32) -> Self {
        Self { count, source: TokenSource::Estimate }
    }
}

impl<T> Inference<T> {
    /// Whether the service answered: it counts as good for availability.
    pub fn succeeded(&self) -> bool {
        !self.error.is_some_and(ErrorClass::counts_against_service)
    }

    /// Whether there is an answer to evaluate: a call that did not fail and whose response was captured.
    pub fn has_answer(&self) -> bool {
        self.error.is_none() && self.completeness != Completeness::RequestOnly
    }

    /// The same inference with its texts turned into another type (the redaction does this).
    pub fn map_texts<U>(self, mut request: impl FnMut(T) -> U, answer: impl FnOnce(T) -> U) -> Inference<U> {
        let messages = self.messages.into_iter();
        Inference {
            messages: messages.map(|m| Message { role: m.role, text: request(m.text) }).collect(),
            answer: answer(self.answer),
            id: self.id,
            identity: self.identity,
            target: self.target,
            labels: self.labels,
            tenant: self.tenant,
            time: self.time,
            finish_reason: self.finish_reason,
            usage: self.usage,
            timing: self.timing,
            status: self.status,
            error: self.error,
            completeness: self.completeness,
            capture_probability: self.capture_probability,
            format_asked: self.format_asked,
            streamed: self.streamed,
            redactions: self.redactions,
            findings: self.findings,
            chance: self.chance,
            signs: self.signs,
        }
    }
}
