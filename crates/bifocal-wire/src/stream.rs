//! A streamed answer, put together as the bytes come in.
//!
//! Chunks of OpenAI (chat and completions), token events of TGI, JSON lines of LMI; usage in the last chunk;
//! `[DONE]`; errors in the middle. Only the first of several answers is put together.

use bifocal_model::{FinishReason, TokenCount, Usage};

use crate::error::WireError;
use crate::limits::{ANSWER_BYTES, head};
use crate::loose::aside;
use crate::openai::{CallResponse, Choice, Details, ErrorBody, Reply, error_of, finish_reason, usage};
use crate::{jsonlines, sse};

/// How the pieces of a stream are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Server-sent events.
    Sse,
    /// One JSON object a line.
    JsonLines,
}

/// What some bytes brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Bytes added to the answer's text.
    pub text_bytes_added: usize,
    /// Chunks among them that carried anything the model produced: text, reasoning, a tool call.
    pub chunks_with_text: u32,
    /// Whether the model produced anything in them: the first such bytes end the time to first token.
    pub has_text: bool,
    /// Whether the server has said that the answer is whole.
    pub done: bool,
}

/// Puts a streamed answer together. `push` fails only where a limit is hit, and goes on failing then.
#[derive(Debug)]
pub struct StreamDecoder {
    lines: Lines,
    answer: Answer,
}

#[derive(Debug)]
enum Lines {
    Sse(sse::Decoder),
    JsonLines(jsonlines::Decoder),
}

#[derive(Debug, Default)]
struct Answer {
    response: CallResponse,
    delta: Delta,
    chunks_with_text: u32,
    calls_tools: bool,
    bad_events: u32,
}

impl StreamKind {
    /// The kind that a `Content-Type` names; `None` for a response in one piece.
    pub fn of_content_type(content_type: &str) -> Option<Self> {
        let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "text/event-stream" => Some(Self::Sse),
            "application/jsonlines"
            | "application/jsonl"
            | "application/x-ndjson"
            | "application/x-jsonlines" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

impl StreamDecoder {
    /// At the start of a stream.
    pub fn new(kind: StreamKind) -> Self {
        let lines = match kind {
            StreamKind::Sse => Lines::Sse(sse::Decoder::default()),
            StreamKind::JsonLines => Lines::JsonLines(jsonlines::Decoder::default()),
        };
        Self { lines, answer: Answer::default() }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Delta, WireError> {
        let answer = &mut self.answer;
        answer.delta = Delta::default();
        match &mut self.lines {
            Lines::Sse(decoder) => decoder.feed(bytes, &mut |event| answer.take_event(event))?,
            Lines::JsonLines(decoder) => decoder.feed(bytes, &mut |line: &[u8]| answer.take_data(line))?,
        }
        answer.delta.done = answer.response.complete;
        Ok(answer.delta)
    }

    /// Events so far that were not the JSON they should be; they are left out.
    pub fn bad_events(&self) -> u32 {
        self.answer.bad_events
    }

    /// The end of the stream, or as much of it as there was.
    pub fn finish(mut self) -> CallResponse {
        let answer = &mut self.answer;
        match &mut self.lines {
            Lines::Sse(decoder) => decoder.end(&mut |event| answer.take_event(event)),
            Lines::JsonLines(decoder) => decoder.end(&mut |line: &[u8]| answer.take_data(line)),
        }
        self.answer.into_response()
    }
}

impl Answer {
    fn take_event(&mut self, event: sse::EventView<'_>) {
        if event.kind == b"error" && self.response.error.is_none() {
            let text = String::from_utf8_lossy(event.data);
            // Where the data says no more than its kind, the kind is the error.
            self.take_data(event.data);
            self.response.error.get_or_insert_with(|| ErrorBody::new(None, &text));
            return;
        }
        self.take_data(event.data);
    }

    fn take_data(&mut self, data: &[u8]) {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.response.complete = true;
            return;
        }
        let reply = std::str::from_utf8(data).ok().and_then(|text| serde_json::from_str(text).ok());
        match reply {
            Some(reply) => self.take_reply(reply),
            None => self.bad_events = self.bad_events.saturating_add(1),
        }
    }

    fn take_reply(&mut self, reply: Reply<'_>) {
        if self.response.error.is_none() {
            self.response.error = error_of(&reply);
        }
        if self.response.served_model.is_none() {
            self.response.served_model = reply.model.name();
        }
        let Usage { input, output } = usage(reply.usage, reply.details);
        self.response.usage.input = input.or(self.response.usage.input);
        self.response.usage.output = output.or(self.response.usage.output);

        for choice in reply.choices.into_iter().flatten().filter(Choice::is_first) {
            self.take_choice(choice);
        }
        if let Some(token) = reply.token.filter(|token| !token.special.is_true()) {
            self.add(&token.text.text_or_empty(), false);
        }
        self.add(&reply.outputs.text_or_empty(), false);
        if let Some(whole) = reply.generated_text.text() {
            self.take_whole(&whole);
            let details = aside::<Details<'_>>(reply.details);
            self.end_with(details.and_then(|details| finish_reason(details.finish_reason)));
            self.response.complete = true;
        }
    }

    fn take_choice(&mut self, choice: Choice<'_>) {
        let said = choice.delta.or(choice.message).unwrap_or_default();
        let calls_tools = said.calls_tools();
        let thinks = said.thinks();
        self.calls_tools |= calls_tools;
        let spoken = said.content.text().or_else(|| choice.text.text()).or_else(|| said.refusal.text());
        self.add(&spoken.unwrap_or_default(), thinks || calls_tools);
        if let Some(reason) = finish_reason(choice.finish_reason) {
            self.end_with(Some(reason));
            self.response.complete = true;
        }
    }

    fn add(&mut self, text: &str, produced_more: bool) {
        if text.is_empty() && !produced_more {
            return;
        }
        self.chunks_with_text = self.chunks_with_text.saturating_add(1);
        self.delta.chunks_with_text = self.delta.chunks_with_text.saturating_add(1);
        self.delta.has_text = true;
        self.response.has_text = true;
        // Once cut, nothing more is added: a gap in the middle would read as a sentence.
        if !self.response.truncated {
            let kept = head(text, ANSWER_BYTES.saturating_sub(self.response.text.len()));
            self.response.text.push_str(kept);
            self.delta.text_bytes_added += kept.len();
            self.response.truncated = kept.len() < text.len();
        }
    }

    /// The last line of LMI and TGI repeats the whole answer: it counts where no token came before it.
    fn take_whole(&mut self, whole: &str) {
        if self.response.text.is_empty() {
            self.add(whole, false);
        }
    }

    fn end_with(&mut self, reason: Option<FinishReason>) {
        self.response.finish_reason = reason.or_else(|| self.response.finish_reason.take());
    }

    fn into_response(self) -> CallResponse {
        let mut response = self.response;
        let stopped = response.finish_reason == Some(FinishReason::Stop);
        if self.calls_tools && response.text.is_empty() && stopped {
            response.finish_reason = Some(FinishReason::ToolCalls);
        }
        if response.error.is_none() {
            response.error = response.error_by_finish();
        }
        if response.usage.output.is_none() && self.chunks_with_text > 0 {
            response.usage.output = Some(TokenCount::estimate(self.chunks_with_text));
        }
        response
    }
}

#[cfg(test)]
mod tests;
