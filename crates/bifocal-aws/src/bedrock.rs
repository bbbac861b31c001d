//! Bedrock: one question to a model, in the form that is the same for all of them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::JSON_BYTES;
use crate::operation::{Operation, Service};
use crate::protocol::{read_json, unbuildable};
use crate::s3::percent_encoded;

/// Asking again changes nothing but the bill.
const CONVERSE: Operation = Operation::read(Service::Bedrock, "Converse", "bedrock:InvokeModel");

/// The body of a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Converse {
    /// What was said, the user's last.
    pub messages: Vec<Said>,
    /// What the model is told before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub system: Vec<Text>,
    /// Bounds of the answer.
    pub inference_config: Bounds,
    /// The form of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_config: Option<OutputConfig>,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// `user` or `assistant`.
    pub role: String,
    /// Its parts.
    #[serde(default)]
    pub content: Vec<Text>,
}

/// A part of a message; parts that are no text (a model's thoughts, for one) are read as none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

/// Bounds of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Bounds {
    /// Tokens of it at most.
    pub max_tokens: u32,
    /// 0 to 1.
    pub temperature: f64,
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutputConfig {
    text_format: TextFormat,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct TextFormat {
    #[serde(rename = "type")]
    kind: &'static str,
    structure: Structure,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Structure {
    json_schema: JsonSchema,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct JsonSchema {
    name: String,
    /// The schema as text.
    schema: String,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Conversed {
    /// What the model said.
    pub output: Output,
    /// `end_turn`, `max_tokens`, `content_filtered`, `guardrail_intervened`, …
    pub stop_reason: String,
    /// Tokens.
    pub usage: TokenUsage,
}

/// What the model said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Output {
    /// The message.
    pub message: Said,
}

/// Tokens of a question and its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TokenUsage {
    /// Of the question.
    pub input_tokens: u32,
    /// Of the answer.
    pub output_tokens: u32,
}

impl Text {
    /// A part that is text.
    pub fn of(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()) }
    }
}

impl OutputConfig {
    /// JSON of this schema.
    pub fn json(name: &str, schema: &serde_json::Value) -> Self {
        let json_schema = JsonSchema { name: name.to_owned(), schema: schema.to_string() };
        Self { text_format: TextFormat { kind: "json_schema", structure: Structure { json_schema } } }
    }
}

impl Conversed {
    /// The text of all parts.
    pub fn text(&self) -> String {
        self.output.message.content.iter().filter_map(|part| part.text.as_deref()).collect()
    }
}

impl Aws {
    /// Asks a model, by its id or the id or ARN of an inference profile.
    pub async fn converse(&self, model: &str, question: &Converse) -> Result<Conversed, Error> {
        let action = CONVERSE.action;
        let mut url = self.inner.endpoints.base(Service::Bedrock, self.region())?;
        let path = format!("{}/model/{}/converse", url.path().trim_end_matches('/'), percent_encoded(model));
        url.set_path(&path);
        let body =
            serde_json::to_vec(question).map_err(|err| Error::Misuse { action, what: err.to_string() })?;
        let request = http::Request::post(url.as_str())
            .header("content-type", "application/json")
            .body(Bytes::from(body))
            .map_err(|err| unbuildable(&CONVERSE, &err))?;
        read_json(&CONVERSE, &self.call(&CONVERSE, &request, JSON_BYTES).await?)
    }
}
