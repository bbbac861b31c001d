//! The dialects of containers: what the script answers as OpenAI's bytes, said in the words of another family.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::exchange::{Chunk, Response};
use crate::openai::quoted;

/// How a container speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// vLLM or SGLang: OpenAI's JSON on `/invocations`; streams are server-sent events.
    OpenAi,
    /// LMI (DJL Serving): `inputs`; an object; streams are JSON lines.
    Lmi,
    /// TGI: `inputs`; a list; streams are server-sent events of tokens.
    Tgi,
    /// Older DJL: `outputs`; streams are JSON lines without a last word.
    Djl,
}

/// What was said, with the moments of its pieces.
#[derive(Debug)]
struct Spoken {
    /// Seconds after the request, and the text.
    pieces: Vec<(f64, String)>,
    finish_reason: String,
    input_tokens: u64,
    output_tokens: u64,
    ended: f64,
}

impl Family {
    /// A successful response of OpenAI's as this family writes it.
    pub(super) fn say(self, response: Response) -> Response {
        if self == Self::OpenAi {
            return response;
        }
        let is_streamed = response.is_streamed();
        let spoken = Spoken::read(&response);
        if is_streamed { self.streamed(&spoken) } else { self.whole(&spoken) }
    }

    fn whole(self, spoken: &Spoken) -> Response {
        let text = quoted(&spoken.text());
        let details = spoken.details();
        let body = match self {
            Self::Djl => format!("{{\"outputs\": [{text}]}}"),
            Self::Tgi => format!("[{{\"generated_text\":{text},\"details\":{details}}}]"),
            Self::Lmi | Self::OpenAi => format!("{{\"generated_text\": {text}, \"details\": {details}}}"),
        };
        Response::json(200, spoken.ended, body)
    }

    fn streamed(self, spoken: &Spoken) -> Response {
        let last = spoken.pieces.len().saturating_sub(1);
        let mut chunks = Vec::new();
        for (n, (delay_seconds, text)) in spoken.pieces.iter().enumerate() {
            let is_last = n == last;
            let whole = if is_last { quoted(&spoken.text()) } else { "null".to_owned() };
            let details = if is_last { spoken.details() } else { "null".to_owned() };
            let text = quoted(text);
            let line = match self {
                Self::Djl => format!("{{\"outputs\": [{text}]}}\n"),
                Self::Tgi => format!(
                    "data:{{\"index\":{n},\"token\":{{\"id\":{n},\"text\":{text},\"logprob\":-0.25,\"special\":false}},\"generated_text\":{whole},\"details\":{details}}}\n\n"
                ),
                Self::Lmi | Self::OpenAi if is_last => format!(
                    "{{\"token\": {{\"id\": {n}, \"text\": {text}, \"log_prob\": -0.25}}, \"generated_text\": {whole}, \"details\": {details}}}\n"
                ),
                Self::Lmi | Self::OpenAi => {
                    format!("{{\"token\": {{\"id\": {n}, \"text\": {text}, \"log_prob\": -0.25}}}}\n")
                }
            };
            chunks.push(Chunk { delay_seconds: *delay_seconds, bytes: Bytes::from(line) });
        }
        let content_type = match self {
            Self::Tgi => "text/event-stream",
            Self::Lmi | Self::Djl | Self::OpenAi => "application/jsonlines",
        };
        Response { status: 200, content_type, chunks }
    }
}

impl Spoken {
    fn read(response: &Response) -> Self {
        let mut spoken = Self {
            pieces: Vec::new(),
            finish_reason: "stop".to_owned(),
            input_tokens: 0,
            output_tokens: 0,
            ended: response.duration_seconds(),
        };
        for Chunk { delay_seconds, bytes } in &response.chunks {
            let text = String::from_utf8_lossy(bytes);
            let bodies = text.lines().map(|line| line.strip_prefix("data: ").unwrap_or(line));
            for value in bodies.filter_map(|body| serde_json::from_str::<Value>(body).ok()) {
                spoken.take(*delay_seconds, &value);
            }
        }
        spoken
    }

    fn take(&mut self, delay_seconds: f64, value: &Value) {
        let choice = &value["choices"][0];
        let text = [&choice["delta"]["content"], &choice["message"]["content"], &choice["text"]];
        let text = text.into_iter().find_map(Value::as_str).unwrap_or_default();
        if !text.is_empty() {
            self.pieces.push((delay_seconds, text.to_owned()));
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            reason.clone_into(&mut self.finish_reason);
        }
        let usage = &value["usage"];
        self.input_tokens = usage["prompt_tokens"].as_u64().unwrap_or(self.input_tokens);
        self.output_tokens = usage["completion_tokens"].as_u64().unwrap_or(self.output_tokens);
    }

    fn text(&self) -> String {
        self.pieces.iter().map(|(_, text)| text.as_str()).collect()
    }

    fn details(&self) -> String {
        let reason = if self.finish_reason == "stop" { "eos_token" } else { &self.finish_reason };
        json!({"finish_reason": reason, "generated_tokens": self.output_tokens, "input_length": self.input_tokens})
            .to_string()
    }
}
