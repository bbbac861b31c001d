//! The JSON of a whole response or of one chunk of a stream: the fields of all families side by side.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::log_probs::LogProbs;
use crate::loose::{Loose, aside};

/// A response or a chunk.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Reply<'a> {
    #[serde(borrow, default)]
    pub(crate) model: Loose<'a>,
    #[serde(borrow)]
    pub(crate) choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow)]
    pub(crate) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) error: Option<&'a RawValue>,
    /// `error` in the `object` of an older vLLM.
    #[serde(borrow, default)]
    pub(crate) object: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) message: Loose<'a>,
    /// SageMaker's own spelling, beside the container's.
    #[serde(borrow, default, rename = "Message")]
    pub(crate) aws_message: Loose<'a>,
    #[serde(borrow, default, rename = "OriginalMessage")]
    pub(crate) original_message: Loose<'a>,
    /// FastAPI.
    #[serde(borrow, default)]
    pub(crate) detail: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) code: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) status: Loose<'a>,
    #[serde(borrow, default, rename = "OriginalStatusCode")]
    pub(crate) original_status_code: Loose<'a>,
    /// LMI and TGI: the whole answer; in a stream `null` up to the last line.
    #[serde(borrow, default)]
    pub(crate) generated_text: Loose<'a>,
    #[serde(borrow)]
    pub(crate) details: Option<&'a RawValue>,
    /// LMI and TGI: one token of a stream.
    #[serde(borrow)]
    pub(crate) token: Option<Token<'a>>,
    /// JumpStart's older text generation: a text, or a message with one.
    #[serde(borrow, default)]
    pub(crate) generation: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) generated_texts: Loose<'a>,
    /// Older DJL: pieces of text.
    #[serde(borrow, default)]
    pub(crate) outputs: Loose<'a>,
    /// The Responses API: items with content.
    #[serde(borrow, default)]
    pub(crate) output: Loose<'a>,
}

/// One of the answers; only the first is looked at.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Choice<'a> {
    #[serde(borrow, default)]
    pub(crate) index: Loose<'a>,
    /// A chunk has a `delta`, a whole response a `message`.
    #[serde(borrow)]
    pub(crate) delta: Option<Said<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Said<'a>>,
    #[serde(borrow, default)]
    pub(crate) text: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) finish_reason: Loose<'a>,
    #[serde(borrow)]
    pub(crate) logprobs: Option<&'a RawValue>,
}

/// What the model said: a message or a part of one.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Said<'a> {
    #[serde(borrow, default)]
    pub(crate) content: Loose<'a>,
    /// Newer servers say `reasoning`, older ones `reasoning_content`, some both.
    #[serde(borrow, default)]
    pub(crate) reasoning: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) reasoning_content: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) refusal: Loose<'a>,
    #[serde(borrow)]
    pub(crate) tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) function_call: Option<&'a RawValue>,
}

/// A token of an LMI or TGI stream.
#[derive(Debug, Deserialize)]
pub(crate) struct Token<'a> {
    #[serde(borrow, default)]
    pub(crate) text: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) special: Loose<'a>,
    /// LMI.
    #[serde(borrow, default)]
    log_prob: Loose<'a>,
    /// TGI.
    #[serde(borrow, default)]
    logprob: Loose<'a>,
}

/// `details` of LMI and TGI.
#[derive(Debug, Deserialize)]
pub(crate) struct Details<'a> {
    #[serde(borrow, default)]
    pub(crate) finish_reason: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) generated_tokens: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) prompt_tokens: Loose<'a>,
    /// TGI's word for the prompt's tokens.
    #[serde(borrow, default)]
    pub(crate) input_length: Loose<'a>,
    #[serde(borrow)]
    tokens: Option<&'a RawValue>,
}

/// `usage` of OpenAI and of the Responses API.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerUsage<'a> {
    #[serde(borrow, default)]
    pub(crate) prompt_tokens: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) completion_tokens: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) input_tokens: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) output_tokens: Loose<'a>,
}

/// An error as an object.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ServerError<'a> {
    #[serde(borrow, default)]
    pub(crate) message: Loose<'a>,
    #[serde(borrow, default)]
    pub(crate) code: Loose<'a>,
    #[serde(borrow, default, rename = "type")]
    pub(crate) kind: Loose<'a>,
}

impl<'a> Reply<'a> {
    /// The code and the message of an error, in whichever spelling there is.
    pub(crate) fn code_and_message(&self) -> (&Loose<'a>, &Loose<'a>) {
        const ABSENT: &Loose<'static> = &Loose::Absent;
        let codes = [&self.original_status_code, &self.code, &self.status];
        let messages = [&self.original_message, &self.message, &self.aws_message, &self.detail];
        let code = codes.into_iter().find(|code| code.count().is_some());
        let message = messages.into_iter().find(|message| message.is_present());
        (code.unwrap_or(ABSENT), message.unwrap_or(ABSENT))
    }
}

impl Token<'_> {
    /// Its natural logarithm of the probability, where the server gives one.
    pub(crate) fn log_prob(&self) -> Option<f64> {
        self.log_prob.number().or_else(|| self.logprob.number())
    }
}

impl Details<'_> {
    /// The log-probabilities of a whole answer's tokens.
    pub(crate) fn log_probs(&self) -> LogProbs {
        let tokens = aside::<Vec<Token<'_>>>(self.tokens).unwrap_or_default();
        tokens.iter().map(Token::log_prob).collect()
    }
}

impl Choice<'_> {
    /// Whether it is the first answer; servers that give one may leave the index out.
    pub(crate) fn is_first(&self) -> bool {
        self.index.count().is_none_or(|index| index == 0)
    }
}

impl Said<'_> {
    /// Whether it holds reasoning.
    pub(crate) fn thinks(&self) -> bool {
        let has_text = |loose: &Loose<'_>| matches!(loose, Loose::Text(text) if !text.is_empty());
        has_text(&self.reasoning) || has_text(&self.reasoning_content)
    }

    /// Whether a tool is called: `null` and `[]` call none.
    pub(crate) fn calls_tools(&self) -> bool {
        let calls = |raw: &RawValue| !matches!(raw.get(), "null" | "[]");
        self.tool_calls.is_some_and(calls) || self.function_call.is_some_and(calls)
    }
}
