//! The request to a judge.

use std::fmt::Write as _;

use bifocal_model::Inference;
use bifocal_redact::Redacted;
use minijinja::{Environment, context};
use serde_json::json;

use super::config::JudgeConfig;
use super::rubric::Rubric;
use super::sanitize::sanitize;
use crate::Error;
use crate::limits::{ANSWER_CHARS, QUESTION_CHARS};

/// Tokens that the judge may answer with; measured judges write 229 on average, p95 303.
pub(super) const VERDICT_TOKENS: u32 = 512;

/// Alternatives asked for at each token: the five grades and as many strays.
const TOP_LOGPROBS: u32 = 10;

/// The templates, read once.
#[derive(Debug)]
pub(crate) struct Prompts {
    system: String,
    templates: Environment<'static>,
}

const USER_NAME: &str = "user";

impl Prompts {
    pub(crate) const SYSTEM: &'static str = include_str!("templates/system.jinja");
    pub(crate) const USER: &'static str = include_str!("templates/user.jinja");
    /// The parameters of the call, for the fingerprint.
    pub(crate) const PARAMETERS: &'static str = "temperature=0 max_tokens=512 response_format=json_schema/1";
    /// The same where the score is the mean by the tokens' probabilities.
    pub(crate) const PARAMETERS_LOGPROBS: &'static str =
        "temperature=0 max_tokens=512 response_format=json_schema/1 top_logprobs=10 score=expected/1";

    pub(crate) fn new() -> Result<Self, Error> {
        let mut templates = Environment::new();
        templates.add_template(USER_NAME, Self::USER).map_err(Error::Prompt)?;
        let system = templates.render_str(Self::SYSTEM, context! {}).map_err(Error::Prompt)?;
        Ok(Self { system, templates })
    }

    /// The body of one request. The judged text is in the user's message only. `logprobs`: the probabilities of the tokens are
    /// asked for.
    pub(crate) fn body(
        &self,
        JudgeConfig { model, logprobs, .. }: &JudgeConfig,
        rubric: &Rubric,
        inference: &Inference<Redacted>,
        nonce: [u8; 16],
    ) -> Result<Vec<u8>, Error> {
        let template = self.templates.get_template(USER_NAME).map_err(Error::Prompt)?;
        let user = template
            .render(context! {
                dimension => rubric.dimension.as_str(),
                rubric => rubric.text(),
                nonce => hex(nonce),
                question => sanitize(&question(inference), QUESTION_CHARS),
                answer => sanitize(inference.answer.as_str(), ANSWER_CHARS),
            })
            .map_err(Error::Prompt)?;
        let mut body = json!({
            "model": model,
            "messages": [{"role": "system", "content": self.system}, {"role": "user", "content": user}],
            "temperature": 0,
            "max_tokens": VERDICT_TOKENS,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": true, "schema": {
                    "type": "object",
                    // The reason comes first: a score that follows its reason is the better one.
                    "properties": {"reason": {"type": "string"}, "score": {"type": "number"}},
                    "required": ["reason", "score"],
                    "additionalProperties": false,
                }},
            },
        });
        if *logprobs {
            body["logprobs"] = json!(true);
            body["top_logprobs"] = json!(TOP_LOGPROBS);
        }
        serde_json::to_vec(&body).map_err(Error::Request)
    }
}

/// What was asked: the one message as it is, or the conversation with its roles.
fn question(inference: &Inference<Redacted>) -> String {
    if let [only] = inference.messages.as_slice() {
        return only.text.as_str().to_owned();
    }
    let mut conversation = String::new();
    for message in &inference.messages {
        // The role is the caller's text too.
        let role: String = message.role.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
        let _ = writeln!(conversation, "[{role}] {}", message.text);
    }
    conversation.trim_end().to_owned()
}

fn hex(nonce: [u8; 16]) -> String {
    nonce.iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
