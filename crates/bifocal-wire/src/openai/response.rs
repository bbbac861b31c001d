//! What a server answered, in one piece.

use bifocal_model::{FinishReason, TokenCount, Usage};
use serde_json::value::RawValue;

use super::log_probs::{LogProbs, log_probs_of_choice};
use super::reply::{Details, Reply, ServerError, ServerUsage};
use super::tools::ToolCalls;
use crate::error::WireError;
use crate::limits::{ERROR_BYTES, head};
use crate::loose::{Loose, aside};

/// Lists within lists of replies that are followed: JumpStart answers a batch of dialogs with two.
const NESTED_LISTS: u8 = 2;

/// A response of any family, whole or put together from a stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallResponse {
    /// The answer; empty where the model called a tool or said nothing. Reasoning is no part of it.
    pub text: String,
    /// Whether the model produced anything at all: text, reasoning, or a tool call.
    pub has_text: bool,
    /// Why it stopped, where the server said so.
    pub finish_reason: Option<FinishReason>,
    /// Tokens in and out; estimated where the server counted none.
    pub usage: Usage,
    /// The model as the server names it.
    pub served_model: Option<String>,
    /// An error in the body, also one under status 200 or in the middle of a stream.
    pub error: Option<ErrorBody>,
    /// Whether the server said that this is the end (of a whole response always).
    pub complete: bool,
    /// Whether `text` was cut at its limit.
    pub truncated: bool,
    /// How sure the model was of its tokens, where the request asked for that.
    pub log_probs: Option<LogProbs>,
    /// Its calls of tools.
    pub tool_calls: ToolCalls,
}

/// An error that a server put into a body. The message may quote the prompt: it must not be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorBody {
    /// An HTTP status in the body.
    pub code: Option<u16>,
    /// What it says.
    pub message: String,
}

/// The payload of an exception.
#[derive(serde::Deserialize)]
struct Exception<'a> {
    #[serde(borrow, default, rename = "Message", alias = "message")]
    message: Loose<'a>,
    #[serde(borrow, default, rename = "ErrorCode")]
    code: Loose<'a>,
}

impl CallResponse {
    /// Reads the body of a whole response.
    pub fn parse(body: &[u8]) -> Result<Self, WireError> {
        Self::parse_str(std::str::from_utf8(body)?)
    }

    /// As [`Self::parse`], of a text.
    pub(crate) fn parse_str(body: &str) -> Result<Self, WireError> {
        if body.trim_start().starts_with('[') {
            return Self::of_batch(replies(body)?);
        }
        Self::of_reply(serde_json::from_str(body).map_err(|err| WireError::json(&err))?)
    }

    /// A response that is no JSON.
    pub(crate) fn of_text(text: String) -> Self {
        let has_text = !text.is_empty();
        Self { text, has_text, complete: true, ..Self::default() }.with_estimate()
    }

    /// TGI answers in a list, and LMI gives one for a list of inputs: one call, its texts joined by line ends.
    fn of_batch(batch: Vec<Reply<'_>>) -> Result<Self, WireError> {
        let mut all: Option<Self> = None;
        for reply in batch {
            let one = Self::of_reply(reply)?;
            match &mut all {
                None => all = Some(one),
                Some(all) => {
                    all.text.push('\n');
                    all.text.push_str(&one.text);
                    all.has_text |= one.has_text;
                    all.error = all.error.take().or(one.error);
                    all.usage.output = sum(all.usage.output, one.usage.output);
                    if let Some(more) = one.log_probs {
                        all.log_probs.get_or_insert_default().add_all(more);
                    }
                }
            }
        }
        all.ok_or(WireError::UnknownPayload)
    }

    fn of_reply(reply: Reply<'_>) -> Result<Self, WireError> {
        let error = error_of(&reply);
        let mut response = Self {
            served_model: reply.model.name(),
            usage: usage(reply.usage, reply.details),
            complete: true,
            ..Self::default()
        };
        let details = aside::<Details<'_>>(reply.details);
        let generated = [reply.generated_text, reply.generation, reply.generated_texts, reply.outputs];
        if let Some(choices) = reply.choices {
            if let Some(choice) = choices.into_iter().find(super::Choice::is_first) {
                response.take_choice(choice);
            }
        } else if generated.iter().any(Loose::is_present) {
            let text = generated.into_iter().find_map(Loose::text);
            response.text = text.unwrap_or_default().into_owned();
            response.log_probs = details.as_ref().and_then(|details| details.log_probs().if_any());
            response.finish_reason = details.and_then(|details| finish_reason(details.finish_reason));
        } else if reply.output.is_present() {
            response.text = reply.output.text_or_empty().into_owned();
        } else if error.is_none() {
            return Err(WireError::UnknownPayload);
        }
        response.has_text |= !response.text.is_empty();
        response.error = error.or_else(|| response.error_by_finish());
        Ok(response.with_estimate())
    }

    fn take_choice(&mut self, choice: super::Choice<'_>) {
        self.finish_reason = finish_reason(choice.finish_reason);
        self.log_probs = log_probs_of_choice(choice.logprobs).if_any();
        let said = choice.delta.or(choice.message).unwrap_or_default();
        let calls_tools = said.calls_tools();
        self.tool_calls.take(said.tool_calls, said.function_call);
        self.has_text = calls_tools || said.thinks();
        let spoken = said.content.text().or_else(|| choice.text.text()).or_else(|| said.refusal.text());
        self.text = spoken.unwrap_or_default().into_owned();
        if calls_tools && self.text.is_empty() && self.finish_reason == Some(FinishReason::Stop) {
            self.finish_reason = Some(FinishReason::ToolCalls);
        }
    }

    /// LMI reports some failures as `finish_reason: "error"` under status 200.
    pub(crate) fn error_by_finish(&self) -> Option<ErrorBody> {
        let failed = matches!(&self.finish_reason, Some(FinishReason::Other(word)) if word == "error");
        failed.then(|| ErrorBody { code: None, message: "finish_reason is error".to_owned() })
    }

    /// Fills in the output tokens where the server counted none: bytes / 4.
    fn with_estimate(mut self) -> Self {
        if self.usage.output.is_none() && !self.text.is_empty() {
            let tokens = u32::try_from(self.text.len().div_ceil(4)).unwrap_or(u32::MAX);
            self.usage.output = Some(TokenCount::estimate(tokens));
        }
        self
    }
}

impl ErrorBody {
    pub(crate) fn new(code: Option<u32>, message: &str) -> Self {
        let code = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (100..=599).contains(code));
        Self { code, message: head(message, ERROR_BYTES).to_owned() }
    }

    /// What an event stream's exception says: `{"Message": …, "ErrorCode": …}`, or a text.
    pub(crate) fn of_exception(kind: &str, payload: &[u8]) -> Self {
        let text = String::from_utf8_lossy(payload);
        let said = serde_json::from_str::<Exception<'_>>(&text).ok();
        let (code, message) = said.map_or((None, None), |said| (said.code.name(), said.message.text()));
        let message = message.unwrap_or(std::borrow::Cow::Borrowed(&text));
        let code = code.map(|code| format!(" {code}")).unwrap_or_default();
        Self::new(None, &format!("{kind}{code}: {message}"))
    }

    /// A reply that is nothing but a report of a failure.
    pub(crate) fn of_report(reply: &Reply<'_>) -> Self {
        let (code, message) = reply.code_and_message();
        Self::new(code.count(), &message.clone().text_or_empty())
    }

    /// The error in a reply: an object, a text, or the reply itself (`{"code": 400, "message": …}`).
    pub(crate) fn of_fields(error: Option<&RawValue>, message: &Loose<'_>, code: &Loose<'_>) -> Option<Self> {
        let text = |loose: &Loose<'_>| loose.clone().text().unwrap_or_default().into_owned();
        if let Some(raw) = error.filter(|raw| raw.get() != "null") {
            if let Some(said) = aside::<ServerError<'_>>(Some(raw)) {
                let words = [said.message, said.kind].into_iter().filter_map(Loose::text);
                let words = words.filter(|words| !words.is_empty()).map(std::borrow::Cow::into_owned).next();
                return Some(Self::new(
                    said.code.count().or_else(|| code.count()),
                    &words.unwrap_or_default(),
                ));
            }
            let said = aside::<Loose<'_>>(Some(raw)).unwrap_or_default();
            return Some(Self::new(code.count(), &said.text_or_empty()));
        }
        let failed = code.count().is_some_and(|code| code >= 400);
        failed.then(|| Self::new(code.count(), &text(message)))
    }
}

/// The replies of a body: one, a list, or a list of lists of them.
pub(crate) fn replies(body: &str) -> Result<Vec<Reply<'_>>, WireError> {
    let mut all = Vec::new();
    take_replies(body, NESTED_LISTS, &mut all).map_err(|err| WireError::json(&err))?;
    Ok(all)
}

fn take_replies<'a>(body: &'a str, depth: u8, all: &mut Vec<Reply<'a>>) -> serde_json::Result<()> {
    if depth == 0 || !body.trim_start().starts_with('[') {
        all.push(serde_json::from_str(body)?);
        return Ok(());
    }
    for item in serde_json::from_str::<Vec<&RawValue>>(body)? {
        take_replies(item.get(), depth - 1, all)?;
    }
    Ok(())
}

/// The error in a reply that has one.
pub(crate) fn error_of(reply: &Reply<'_>) -> Option<ErrorBody> {
    let (code, message) = reply.code_and_message();
    let said = ErrorBody::of_fields(reply.error, message, code);
    // An older vLLM; FastAPI.
    let is_error = reply.object == Loose::Text("error".into()) || reply.detail.is_present();
    said.or_else(|| is_error.then(|| ErrorBody::of_report(reply)))
}

/// The reason as a word; what is no word is not kept, since it is stored as it is.
pub(crate) fn finish_reason(said: Loose<'_>) -> Option<FinishReason> {
    let word = said.name()?;
    let is_word = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    Some(FinishReason::from(if is_word { word } else { "other".to_owned() }))
}

/// Tokens as the server counted them.
pub(crate) fn usage(usage: Option<&RawValue>, details: Option<&RawValue>) -> Usage {
    let said = aside::<ServerUsage<'_>>(usage);
    let details = aside::<Details<'_>>(details);
    let input = said.as_ref().and_then(|u| u.prompt_tokens.count().or_else(|| u.input_tokens.count()));
    let output = said.as_ref().and_then(|u| u.completion_tokens.count().or_else(|| u.output_tokens.count()));
    let input = input.or_else(|| {
        details.as_ref().and_then(|d| d.prompt_tokens.count().or_else(|| d.input_length.count()))
    });
    let output = output.or_else(|| details.as_ref().and_then(|d| d.generated_tokens.count()));
    Usage { input: input.map(TokenCount::server), output: output.map(TokenCount::server) }
}

fn sum(a: Option<TokenCount>, b: Option<TokenCount>) -> Option<TokenCount> {
    match (a, b) {
        (Some(a), Some(b)) => Some(TokenCount {
            count: a.count.saturating_add(b.count),
            source: if a.source == b.source { a.source } else { bifocal_model::TokenSource::Estimate },
        }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
