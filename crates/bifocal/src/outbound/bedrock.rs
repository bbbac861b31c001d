//! The way to a judge on Amazon Bedrock: what is asked in the form of a chat completion is asked through Converse, and the
//! answer is given back in the form of a chat completion.

use std::sync::Arc;

use bifocal_aws::bedrock::{Bounds, Converse, Conversed, OutputConfig, Said, Text};
use bifocal_aws::{Aws, Error, Kind, Options};
use bifocal_evaluate::judge::{BoxFuture, Reply, Transport, TransportError};
use bifocal_telemetry::{Clock, Telemetry};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// A judge on Bedrock.
#[derive(Debug)]
pub struct BedrockJudge {
    region: Option<String>,
    aws: OnceCell<Aws>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
}

/// What is read of a chat completion's request.
#[derive(Deserialize)]
struct Asked {
    model: String,
    messages: Vec<Message>,
    max_tokens: u32,
    #[serde(default)]
    temperature: f64,
    #[serde(default)]
    response_format: Option<ResponseFormat>,
}

#[derive(Deserialize)]
struct Message {
    role: String,
    content: String,
}

#[derive(Deserialize)]
struct ResponseFormat {
    json_schema: JsonSchema,
}

#[derive(Deserialize)]
struct JsonSchema {
    name: String,
    schema: Value,
}

impl BedrockJudge {
    /// In a region; nothing is connected to yet.
    pub fn new(region: Option<String>, clock: Arc<dyn Clock>, telemetry: Telemetry) -> Self {
        Self { region, aws: OnceCell::new(), clock, telemetry }
    }

    async fn ask(&self, body: &[u8]) -> Result<Reply, TransportError> {
        let Ok(asked) = serde_json::from_slice::<Asked>(body) else { return Ok(refused(400)) };
        let options = Options { region: self.region.clone(), ..Options::default() };
        let connect = || Aws::connect(&options, Arc::clone(&self.clock), self.telemetry.clone());
        let answered = match self.aws.get_or_try_init(connect).await {
            Ok(aws) => aws.converse(&asked.model, &question(&asked)).await,
            Err(err) => Err(err),
        };
        match answered {
            Ok(answer) => Ok(Reply { status: 200, body: completion(&answer).to_string().into_bytes() }),
            Err(err) => status(&err).map(refused).ok_or(TransportError::Unreachable),
        }
    }
}

fn question(asked: &Asked) -> Converse {
    let (system, said): (Vec<&Message>, Vec<&Message>) =
        asked.messages.iter().partition(|message| message.role == "system");
    let said = said
        .into_iter()
        .map(|message| Said { role: message.role.clone(), content: vec![Text::of(&message.content)] });
    let form = asked.response_format.as_ref().map(|format| &format.json_schema);
    Converse {
        messages: said.collect(),
        system: system.into_iter().map(|message| Text::of(&message.content)).collect(),
        inference_config: Bounds { max_tokens: asked.max_tokens, temperature: asked.temperature },
        output_config: form.map(|form| OutputConfig::json(&form.name, &form.schema)),
    }
}

fn completion(answer: &Conversed) -> Value {
    let finish_reason = match answer.stop_reason.as_str() {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "content_filtered" | "guardrail_intervened" => "content_filter",
        _ => "stop",
    };
    json!({
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": answer.text()},
            "finish_reason": finish_reason,
        }],
        "usage": {"prompt_tokens": answer.usage.input_tokens, "completion_tokens": answer.usage.output_tokens},
    })
}

fn refused(status: u16) -> Reply {
    Reply { status, body: Vec::new() }
}

/// The status that a chat completion's server would have answered with; `None` when nobody answered.
pub(super) fn status(err: &Error) -> Option<u16> {
    match err {
        Error::Service { status, .. } => Some(*status),
        _ => match err.kind() {
            Kind::Throttled => Some(429),
            Kind::Unavailable | Kind::Ambiguous | Kind::Configuration => None,
            Kind::NotFound => Some(404),
            Kind::Refused => Some(400),
            Kind::Malformed => Some(502),
            _ => Some(403),
        },
    }
}

impl Transport for BedrockJudge {
    fn post<'a>(
        &'a self,
        _path: &'a str,
        body: Vec<u8>,
        _headers: &'a [(&'a str, &'a str)],
    ) -> BoxFuture<'a, Result<Reply, TransportError>> {
        Box::pin(async move { self.ask(&body).await })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        let text = r#"{"model":"m","messages":[{"role":"system","content":"be fair"},{"role":"user","content":"judge"}],
            "temperature":0,"max_tokens":512,"response_format":{"type":"json_schema","json_schema":{"name":"verdict","schema":{"type":"object"}}}}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_chat_completion_is_asked_through_converse() {
        let body = serde_json::to_value(question(&asked())).unwrap();
        assert_eq!(
            body,
            json!({
                "messages": [{"role": "user", "content": [{"text": "judge"}]}],
                "system": [{"text": "be fair"}],
                "inferenceConfig": {"maxTokens": 512, "temperature": 0.0},
                "outputConfig": {"textFormat": {
                    "type": "json_schema",
                    "structure": {"jsonSchema": {"name": "verdict", "schema": "{\"type\":\"object\"}"}},
                }},
            })
        );
    }

    #[test]
    fn an_answer_is_given_back_as_a_chat_completion_without_the_thoughts() {
        let text = r#"{"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},
            {"text":"{\"score\": 4}"}]}},"stopReason":"max_tokens","usage":{"inputTokens":90,"outputTokens":12,"totalTokens":102},
            "metrics":{"latencyMs":3}}"#;
        let completion = completion(&serde_json::from_str(text).unwrap());
        assert_eq!(completion["choices"][0]["message"]["content"], "{\"score\": 4}");
        assert_eq!(completion["choices"][0]["finish_reason"], "length");
        assert_eq!(completion["usage"], json!({"prompt_tokens": 90, "completion_tokens": 12}));
    }
}
