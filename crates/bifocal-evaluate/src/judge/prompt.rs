//! The request to a judge.

use std::fmt::Write as _;

use bifocal_model::Inference;
use bifocal_redact::Redacted;
use minijinja::{Environment, context};
use serde_json::{Value, json};

use super::config::{JudgeConfig, ResponseFormat};
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
const PAIR_NAME: &str = "pair";

impl Prompts {
    pub(crate) const SYSTEM: &'static str = include_str!("templates/system.jinja");
    pub(crate) const USER: &'static str = include_str!("templates/user.jinja");
    const PAIR_SYSTEM: &'static str = include_str!("templates/pair_system.jinja");
    const PAIR_USER: &'static str = include_str!("templates/pair_user.jinja");
    /// The parameters of the call, for the fingerprint.
    pub(crate) fn parameters(config: &JudgeConfig) -> String {
        let form = match config.response_format {
            ResponseFormat::JsonSchema => "json_schema/1",
            ResponseFormat::JsonObject => "json_object",
            ResponseFormat::None => "none",
        };
        let scoring = if config.logprobs { " top_logprobs=10 score=expected/1" } else { "" };
        format!("temperature=0 max_tokens={VERDICT_TOKENS} response_format={form}{scoring}")
    }

    pub(crate) fn new() -> Result<Self, Error> {
        let mut templates = Environment::new();
        templates.add_template(USER_NAME, Self::USER).map_err(Error::Prompt)?;
        templates.add_template(PAIR_NAME, Self::PAIR_USER).map_err(Error::Prompt)?;
        let system = templates.render_str(Self::SYSTEM, context! {}).map_err(Error::Prompt)?;
        Ok(Self { system, templates })
    }

    /// The body of one request. The judged text is in the user's message only. `logprobs`: the probabilities of the tokens are
    /// asked for.
    pub(crate) fn body(
        &self,
        JudgeConfig { model, logprobs, response_format, .. }: &JudgeConfig,
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
        let mut body =
            request(model, &self.system, &user, *response_format, ("score", json!({"type": "number"})));
        if *logprobs {
            body["logprobs"] = json!(true);
            body["top_logprobs"] = json!(TOP_LOGPROBS);
        }
        serde_json::to_vec(&body).map_err(Error::Request)
    }

    /// The body of a question about two answers: the question, what is shown first, what is shown second.
    pub(crate) fn pair_body(
        &self,
        JudgeConfig { model, response_format, .. }: &JudgeConfig,
        rubric: &Rubric,
        [question, first, second]: [&Redacted; 3],
        nonce: [u8; 16],
    ) -> Result<Vec<u8>, Error> {
        let template = self.templates.get_template(PAIR_NAME).map_err(Error::Prompt)?;
        let user = template
            .render(context! {
                dimension => rubric.dimension.as_str(),
                rubric => rubric.question_text(),
                nonce => hex(nonce),
                question => sanitize(question.as_str(), QUESTION_CHARS),
                first => sanitize(first.as_str(), ANSWER_CHARS),
                second => sanitize(second.as_str(), ANSWER_CHARS),
            })
            .map_err(Error::Prompt)?;
        let better = ("better", json!({"type": "string", "enum": ["1", "2", "tie"]}));
        let body = request(model, Self::PAIR_SYSTEM.trim_end(), &user, *response_format, better);
        serde_json::to_vec(&body).map_err(Error::Request)
    }
}

fn request(model: &str, system: &str, user: &str, form: ResponseFormat, (key, kind): (&str, Value)) -> Value {
    let mut body = json!({
        "model": model,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
        "temperature": 0,
        "max_tokens": VERDICT_TOKENS,
    });
    match form {
        ResponseFormat::JsonSchema => {
            body["response_format"] = json!({
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": true, "schema": {
                    "type": "object",
                    // The reason comes first: a score that follows its reason is the better one.
                    "properties": {"reason": {"type": "string"}, key: kind},
                    "required": ["reason", key],
                    "additionalProperties": false,
                }},
            });
        }
        ResponseFormat::JsonObject => body["response_format"] = json!({"type": "json_object"}),
        ResponseFormat::None => {}
    }
    body
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
