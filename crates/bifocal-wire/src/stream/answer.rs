//! What the pieces of a stream add up to.

use bifocal_model::{FinishReason, TokenCount, Usage};

use crate::limits::{ANSWER_BYTES, head};
use crate::loose::{Loose, aside};
use crate::openai::{
    CallResponse, Choice, Details, ErrorBody, LogProbs, Reply, error_of, finish_reason, log_probs_of_choice,
    replies, usage,
};
use crate::sse;
use crate::stream::Delta;

#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) response: CallResponse,
    pub(super) delta: Delta,
    chunks_with_text: u32,
    calls_tools: bool,
    /// Whether a chunk was of a family whose last chunk says that it is the last.
    marks_its_end: bool,
    log_probs: LogProbs,
    pub(super) bad_events: u32,
}

impl Answer {
    pub(super) fn take_event(&mut self, event: sse::EventView<'_>) {
        if event.kind == b"error" && self.response.error.is_none() {
            let text = String::from_utf8_lossy(event.data);
            // Where the data says no more than its kind, the kind is the error.
            self.take_data(event.data);
            self.response.error.get_or_insert_with(|| ErrorBody::new(None, &text));
            return;
        }
        self.take_data(event.data);
    }

    pub(super) fn take_data(&mut self, data: &[u8]) {
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            self.response.complete = true;
            return;
        }
        let text = std::str::from_utf8(data).ok();
        if data.first() == Some(&b'[') {
            match text.and_then(|text| replies(text).ok()) {
                Some(replies) => replies.into_iter().for_each(|reply| self.take_reply(reply)),
                None => self.bad_events = self.bad_events.saturating_add(1),
            }
            return;
        }
        match text.and_then(|text| serde_json::from_str(text).ok()) {
            Some(reply) => self.take_reply(reply),
            None => self.bad_events = self.bad_events.saturating_add(1),
        }
    }

    /// A piece of an answer that is nothing but text.
    pub(super) fn take_text(&mut self, text: &str) {
        self.add(text, false);
    }

    /// The stream's own word that it failed: SageMaker's, not the model's.
    pub(super) fn take_failure(&mut self, kind: &str, payload: &[u8]) {
        if self.response.error.is_none() {
            self.response.error = Some(ErrorBody::of_exception(kind, payload));
        }
    }

    /// A stream of frames that ended cleanly is whole where its family has no last word of its own.
    pub(super) fn end_of_frames(&mut self) {
        let has_no_last_word = self.response.has_text && !self.marks_its_end;
        if has_no_last_word && self.response.error.is_none() {
            self.response.complete = true;
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

        self.marks_its_end |= reply.choices.is_some() || reply.token.is_some();
        for choice in reply.choices.into_iter().flatten().filter(Choice::is_first) {
            self.take_choice(choice);
        }
        if let Some(token) = reply.token {
            self.log_probs.add(token.log_prob());
            if !token.special.is_true() {
                self.add(&token.text.text_or_empty(), false);
            }
        }
        self.add(&reply.outputs.text_or_empty(), false);
        let whole = [reply.generated_text, reply.generation, reply.generated_texts];
        if let Some(whole) = whole.into_iter().find_map(Loose::text) {
            self.take_whole(&whole);
            let details = aside::<Details<'_>>(reply.details);
            if let Some(details) = &details
                && self.log_probs.tokens == 0
            {
                self.log_probs.add_all(details.log_probs());
            }
            self.end_with(details.and_then(|details| finish_reason(details.finish_reason)));
            self.response.complete = true;
        }
    }

    fn take_choice(&mut self, choice: Choice<'_>) {
        let said = choice.delta.or(choice.message).unwrap_or_default();
        let calls_tools = said.calls_tools();
        let thinks = said.thinks();
        self.calls_tools |= calls_tools;
        self.response.tool_calls.take(said.tool_calls, said.function_call);
        self.log_probs.add_all(log_probs_of_choice(choice.logprobs));
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

    pub(super) fn into_response(self) -> CallResponse {
        let mut response = self.response;
        response.log_probs = self.log_probs.if_any();
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
