//! The bytes of the OpenAI dialect, as a vLLM server writes them. Written here on its own, never with the code that reads
//! them, so that the two can disagree and a test can notice.

use std::fmt::Write as _;

use bifocal_model::Timestamp;
use bytes::Bytes;

use crate::exchange::{Chunk, Response};

/// Tokens that a server sends at once, so that a fast clock needs no timer for each token.
const TOKENS_PER_CHUNK: usize = 10;
/// Characters that count as one token.
const CHARS_PER_TOKEN: usize = 4;

/// Which of the two ways of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Completions,
}

/// A text that was generated, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generated<'a> {
    pub dialect: Dialect,
    pub id: u64,
    pub model: &'a str,
    pub created: Timestamp,
    pub text: &'a str,
    pub prompt_tokens: usize,
    pub finish_reason: &'a str,
    pub ttft_seconds: f64,
    pub itl_seconds: f64,
}

/// Tokens of a text, about four characters each.
pub(crate) fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(CHARS_PER_TOKEN)
}

/// The first so many tokens of a text.
pub(crate) fn head(text: &str, tokens: usize) -> &str {
    text.char_indices().nth(tokens * CHARS_PER_TOKEN).map_or(text, |(at, _)| &text[..at])
}

/// A text as a JSON string, with its quotes.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn created_secs(time: Timestamp) -> i64 {
    time.as_nanos() / 1_000_000_000
}

impl Generated<'_> {
    fn usage(&self) -> String {
        let (input, output) = (self.prompt_tokens, tokens(self.text));
        format!(
            "{{\"prompt_tokens\":{input},\"total_tokens\":{},\"completion_tokens\":{output}}}",
            input + output
        )
    }

    fn duration_seconds(&self) -> f64 {
        self.ttft_seconds + self.itl_seconds * tokens(self.text).saturating_sub(1) as f64
    }

    /// The answer in one piece, sent when its last token is there.
    pub(crate) fn whole(&self) -> Response {
        let text = quoted(self.text);
        let (prefix, object, said) = match self.dialect {
            Dialect::Chat => (
                "chatcmpl",
                "chat.completion",
                format!("\"message\":{{\"role\":\"assistant\",\"content\":{text},\"refusal\":null}}"),
            ),
            Dialect::Completions => ("cmpl", "text_completion", format!("\"text\":{text}")),
        };
        let body = format!(
            "{{\"id\":\"{prefix}-{:016x}\",\"object\":\"{object}\",\"created\":{},\"model\":{},\
             \"choices\":[{{\"index\":0,{said},\"logprobs\":null,\"finish_reason\":{}}}],\"usage\":{}}}",
            self.id,
            created_secs(self.created),
            quoted(self.model),
            quoted(self.finish_reason),
            self.usage()
        );
        Response::json(200, self.duration_seconds(), body)
    }

    /// One server-sent event with some text; `finish` is JSON.
    fn event(&self, head: &str, text: &str, finish: &str) -> String {
        let text = quoted(text);
        let said = match self.dialect {
            Dialect::Chat => format!("\"delta\":{{\"content\":{text}}}"),
            Dialect::Completions => format!("\"text\":{text}"),
        };
        format!(
            "{head}\"choices\":[{{\"index\":0,{said},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
        )
    }

    /// The answer as server-sent events: the first token alone, then some at once, then reason, usage and end.
    pub(crate) fn streamed(&self) -> Response {
        let (prefix, object) = match self.dialect {
            Dialect::Chat => ("chatcmpl", "chat.completion.chunk"),
            Dialect::Completions => ("cmpl", "text_completion"),
        };
        let head = format!(
            "data: {{\"id\":\"{prefix}-{:016x}\",\"object\":\"{object}\",\"created\":{},\"model\":{},",
            self.id,
            created_secs(self.created),
            quoted(self.model)
        );
        let mut pieces = Vec::new();
        let (mut rest, mut sent, mut size) = (self.text, 0, 1);
        while !rest.is_empty() {
            let piece = self::head(rest, size);
            rest = &rest[piece.len()..];
            sent += tokens(piece);
            size = TOKENS_PER_CHUNK;
            let mut bytes = String::new();
            if pieces.is_empty() && self.dialect == Dialect::Chat {
                // The role comes in an event of its own, together with the first token.
                let _ = write!(
                    bytes,
                    "{head}\"choices\":[{{\"index\":0,\"delta\":{{\"role\":\"assistant\",\"content\":\"\"}},\"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
                );
            }
            bytes.push_str(&self.event(&head, piece, "null"));
            pieces.push((self.ttft_seconds + self.itl_seconds * (sent - 1) as f64, bytes));
        }
        if pieces.is_empty() {
            pieces.push((self.ttft_seconds, String::new()));
        }
        if let Some((_, bytes)) = pieces.last_mut() {
            bytes.push_str(&self.event(&head, "", &quoted(self.finish_reason)));
            let _ = write!(bytes, "{head}\"choices\":[],\"usage\":{}}}\n\ndata: [DONE]\n\n", self.usage());
        }
        let chunk = |(delay_seconds, bytes)| Chunk { delay_seconds, bytes: Bytes::from(bytes) };
        let chunks = pieces.into_iter().map(chunk).collect();
        Response { status: 200, content_type: "text/event-stream", chunks }
    }
}

/// An error as vLLM words it.
pub(crate) fn error(status: u16, delay_seconds: f64, kind: &str, message: &str) -> Response {
    let body = format!(
        "{{\"error\":{{\"message\":{},\"type\":{},\"param\":null,\"code\":{status}}}}}",
        quoted(message),
        quoted(kind)
    );
    Response::json(status, delay_seconds, body)
}
