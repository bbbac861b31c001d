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

/// A text that was generated, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generated<'a> {
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
        let body = format!(
            "{{\"id\":\"chatcmpl-{:016x}\",\"object\":\"chat.completion\",\"created\":{},\"model\":{},\
             \"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":{},\"refusal\":null}},\
             \"logprobs\":null,\"finish_reason\":{}}}],\"usage\":{}}}",
            self.id,
            created_secs(self.created),
            quoted(self.model),
            quoted(self.text),
            quoted(self.finish_reason),
            self.usage()
        );
        Response::json(200, self.duration_seconds(), body)
    }

    /// The answer as server-sent events: the first token alone, then some at once, then reason, usage and end.
    pub(crate) fn streamed(&self) -> Response {
        let head = format!(
            "data: {{\"id\":\"chatcmpl-{:016x}\",\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{},",
            self.id,
            created_secs(self.created),
            quoted(self.model)
        );
        let event = |out: &mut String, delta: &str, finish: &str| {
            let _ = write!(
                out,
                "{head}\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}]}}\n\n"
            );
        };
        let mut pieces = Vec::new();
        let (mut rest, mut sent, mut size) = (self.text, 0, 1);
        while !rest.is_empty() {
            let piece = self::head(rest, size);
            rest = &rest[piece.len()..];
            sent += tokens(piece);
            size = TOKENS_PER_CHUNK;
            let mut bytes = String::new();
            if pieces.is_empty() {
                event(&mut bytes, "{\"role\":\"assistant\",\"content\":\"\"}", "null");
            }
            event(&mut bytes, &format!("{{\"content\":{}}}", quoted(piece)), "null");
            pieces.push((self.ttft_seconds + self.itl_seconds * (sent - 1) as f64, bytes));
        }
        if pieces.is_empty() {
            pieces.push((self.ttft_seconds, String::new()));
        }
        if let Some((_, bytes)) = pieces.last_mut() {
            event(bytes, "{\"content\":\"\"}", &quoted(self.finish_reason));
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
