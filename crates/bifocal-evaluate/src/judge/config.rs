//! What can be said about a judge.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bifocal_model::{Dimension, signal};
use serde::{Deserialize, Serialize};

use super::budget::Cap;
use crate::limits::{DIMENSIONS, HEADERS};
use crate::{Composite, Error};

/// Tokens a day when nothing else is said: about 100 answers on three dimensions, at 600 tokens a verdict.
const TOKENS_PER_DAY: u64 = 200_000;

/// `[judge]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JudgeConfig {
    /// Who serves it: `openai` is any OpenAI-compatible server, `bedrock` is Amazon Bedrock, `sagemaker` is an endpoint of Amazon
    /// SageMaker.
    pub provider: Provider,
    /// Base address of an OpenAI-compatible server, with its `/v1`.
    pub base_url: String,
    /// Region of Bedrock or SageMaker; default: that of the environment, of the profile or of the machine.
    pub region: Option<String>,
    /// Name of a SageMaker endpoint whose container takes and gives chat completions. Since 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Name of the inference component on it, where it has some. Since 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The judge's model; name a dated one where the provider has them, for a silent change is a change of judge.
    pub model: String,
    /// Name of the environment variable with its key.
    pub api_key_env: Option<String>,
    /// Headers beside those that every call has. A value that begins with `env:` is that of an environment variable, and one
    /// that looks like a secret must be. Since 0.2.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// Whether a score is the mean of the grades by their probabilities, where the server tells those of its tokens. Another
    /// judge than without. Since 0.2.
    pub logprobs: bool,
    /// How the server is told the form of a reply: `json_schema` (one that refuses it with status 400 is asked without), `json_object`
    /// or `none`. Another judge than with another. Since 0.2.
    pub response_format: ResponseFormat,
    /// Calls a minute at most; default: as many as `concurrency` allows. Since 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls_per_minute: Option<u32>,
    /// Share of the answers that is judged where no rule says otherwise, in (0, 1].
    pub rate: f64,
    /// What is judged; each has a rubric.
    pub dimensions: Vec<String>,
    /// File of anchors: frozen answers that are scored again and again, to tell when the judge itself moves.
    pub anchors: Option<PathBuf>,
    /// Share of what judging costs that goes to anchors, in [0, 0.5]; a sweep that an alarm asks for comes on top and is
    /// earned back.
    pub anchor_share: f64,
    /// Dollars a day at most; needs both prices.
    pub budget_usd_per_day: Option<f64>,
    /// Tokens a day at most; 200,000 when neither cap is given.
    pub budget_tokens_per_day: Option<u64>,
    /// Dollars an hour at most, beside the day's cap in dollars. Since 0.2.
    pub budget_usd_per_hour: Option<f64>,
    /// Tokens an hour at most, beside the day's cap in tokens. Since 0.2.
    pub budget_tokens_per_hour: Option<u64>,
    /// Dollars for a million tokens into the judge.
    pub usd_per_million_input_tokens: Option<f64>,
    /// Dollars for a million tokens out of the judge.
    pub usd_per_million_output_tokens: Option<f64>,
    /// Seconds to wait for one reply.
    pub timeout_seconds: f64,
    /// Calls at the same time.
    pub concurrency: usize,
    /// Weights of the dimensions in the composite; all the same when empty.
    pub weights: BTreeMap<String, f64>,
    /// From which value on a composite passes.
    pub composite_pass_mark: f64,
    /// A cheaper judge of the same dimensions, who scores many answers where this one scores few. Since 0.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cheap: Option<CheapJudge>,
    /// Another judge, who confirms what this one calls clearly harmful; without it this one is asked a second time.
    pub second: Option<SecondJudge>,
}

/// `[judge.second]`. Since 0.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecondJudge {
    /// Who serves it.
    pub provider: Provider,
    /// Base address of an OpenAI-compatible server, with its `/v1`.
    pub base_url: String,
    /// Region of Bedrock or SageMaker.
    pub region: Option<String>,
    /// Name of a SageMaker endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Name of the inference component on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Its model.
    pub model: String,
    /// Name of the environment variable with its key.
    pub api_key_env: Option<String>,
    /// Dollars for a million tokens into it; default: the judge's.
    pub usd_per_million_input_tokens: Option<f64>,
    /// Dollars for a million tokens out of it; default: the judge's.
    pub usd_per_million_output_tokens: Option<f64>,
}

/// `[judge.cheap]`. Since 0.2.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheapJudge {
    /// Who serves it.
    pub provider: Provider,
    /// Base address of an OpenAI-compatible server, with its `/v1`.
    pub base_url: String,
    /// Region of Bedrock or SageMaker.
    pub region: Option<String>,
    /// Name of a SageMaker endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Name of the inference component on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Its model; another than the judge's.
    pub model: String,
    /// Name of the environment variable with its key.
    pub api_key_env: Option<String>,
    /// Dollars for a million tokens into it.
    pub usd_per_million_input_tokens: Option<f64>,
    /// Dollars for a million tokens out of it.
    pub usd_per_million_output_tokens: Option<f64>,
    /// Answers that it scores for each one that the judge scores, 1 to 100; default: what costs least at equal width, by the
    /// correlation of both and their prices, 10 until that is known.
    pub per_judged: Option<f64>,
}

impl CheapJudge {
    /// As a judge of its own, with the dimensions and waits of the first.
    pub fn as_judge(&self, first: &JudgeConfig) -> JudgeConfig {
        JudgeConfig {
            provider: self.provider,
            base_url: self.base_url.clone(),
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
            component: self.component.clone(),
            model: self.model.clone(),
            api_key_env: self.api_key_env.clone(),
            usd_per_million_input_tokens: self.usd_per_million_input_tokens,
            usd_per_million_output_tokens: self.usd_per_million_output_tokens,
            dimensions: first.dimensions.clone(),
            timeout_seconds: first.timeout_seconds,
            concurrency: first.concurrency,
            ..JudgeConfig::default()
        }
    }
}

impl Default for SecondJudge {
    fn default() -> Self {
        Self {
            provider: Provider::Openai,
            base_url: String::new(),
            region: None,
            endpoint: None,
            component: None,
            model: "default".to_owned(),
            api_key_env: None,
            usd_per_million_input_tokens: None,
            usd_per_million_output_tokens: None,
        }
    }
}

impl SecondJudge {
    /// As a judge of its own, with the waits and prices of the first where it says nothing.
    pub fn as_judge(&self, first: &JudgeConfig) -> JudgeConfig {
        JudgeConfig {
            provider: self.provider,
            base_url: self.base_url.clone(),
            region: self.region.clone(),
            endpoint: self.endpoint.clone(),
            component: self.component.clone(),
            model: self.model.clone(),
            api_key_env: self.api_key_env.clone(),
            usd_per_million_input_tokens: self
                .usd_per_million_input_tokens
                .or(first.usd_per_million_input_tokens),
            usd_per_million_output_tokens: self
                .usd_per_million_output_tokens
                .or(first.usd_per_million_output_tokens),
            timeout_seconds: first.timeout_seconds,
            ..JudgeConfig::default()
        }
    }
}

/// Who serves a judge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Any OpenAI-compatible server.
    #[default]
    Openai,
    /// Amazon Bedrock, through Converse, signed with the credentials of the environment.
    Bedrock,
    /// An endpoint of Amazon SageMaker, through InvokeEndpoint, signed the same way.
    Sagemaker,
}

/// How a server is told the form of a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// By its JSON Schema.
    #[default]
    JsonSchema,
    /// As some JSON object.
    JsonObject,
    /// By the prompt alone.
    None,
}

/// What tokens cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    /// Dollars for a million tokens into the judge.
    pub usd_per_million_input: f64,
    /// Dollars for a million tokens out of the judge.
    pub usd_per_million_output: f64,
}

impl Default for JudgeConfig {
    fn default() -> Self {
        Self {
            provider: Provider::Openai,
            base_url: String::new(),
            region: None,
            endpoint: None,
            component: None,
            model: "default".to_owned(),
            api_key_env: None,
            headers: BTreeMap::new(),
            logprobs: false,
            response_format: ResponseFormat::JsonSchema,
            calls_per_minute: None,
            rate: 0.1,
            dimensions: ["relevance", "safety", "professional_tone"].map(str::to_owned).to_vec(),
            anchors: None,
            anchor_share: 0.05,
            budget_usd_per_day: None,
            budget_tokens_per_day: None,
            budget_usd_per_hour: None,
            budget_tokens_per_hour: None,
            usd_per_million_input_tokens: None,
            usd_per_million_output_tokens: None,
            timeout_seconds: 30.0,
            concurrency: 4,
            weights: BTreeMap::new(),
            composite_pass_mark: crate::composite::PASS_MARK,
            second: None,
            cheap: None,
        }
    }
}

impl JudgeConfig {
    /// What is judged by rubrics of one's own: dimensions that the registry of signals does not know.
    pub fn own_dimensions(&self) -> impl Iterator<Item = String> {
        self.dimensions.iter().filter(|name| signal::find(name).is_none()).cloned()
    }

    /// The prices, when both are known.
    pub fn prices(&self) -> Option<Prices> {
        Some(Prices {
            usd_per_million_input: self.usd_per_million_input_tokens?,
            usd_per_million_output: self.usd_per_million_output_tokens?,
        })
    }

    /// The daily cap.
    pub fn cap(&self) -> Cap {
        match (self.budget_usd_per_day, self.prices(), self.budget_tokens_per_day) {
            (Some(usd), Some(prices), _) => Cap::Usd { usd, prices },
            (_, _, tokens) => Cap::Tokens(tokens.unwrap_or(TOKENS_PER_DAY)),
        }
    }

    /// The hourly cap in the unit of the daily one.
    pub fn hourly_cap(&self) -> Option<f64> {
        match self.cap() {
            Cap::Usd { .. } => self.budget_usd_per_hour,
            Cap::Tokens(_) => self.budget_tokens_per_hour.map(|tokens| tokens as f64),
        }
    }

    /// Refuses what cannot be.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |setting, problem: &str| Err(Error::Setting { setting, problem: problem.to_owned() });
        let is_on_aws = self.provider != Provider::Openai;
        if is_on_aws && !(self.base_url.is_empty() && self.api_key_env.is_none()) {
            return wrong(
                "provider",
                "a judge on Bedrock or SageMaker has a region and credentials of AWS, no base_url and no key",
            );
        }
        if !is_on_aws && self.region.is_some() {
            return wrong("region", "only a judge on Bedrock or SageMaker has a region");
        }
        match (self.provider, &self.endpoint, &self.component) {
            (Provider::Sagemaker, None, _) => {
                return wrong("endpoint", "a judge on SageMaker is named by its endpoint");
            }
            (Provider::Sagemaker, Some(_), _) | (_, None, None) => {}
            _ => return wrong("endpoint", "only a judge on SageMaker has an endpoint and a component"),
        }
        if self.provider == Provider::Sagemaker && !self.headers.is_empty() {
            return wrong("headers", "InvokeEndpoint passes no headers on");
        }
        if self.provider == Provider::Bedrock && (self.logprobs || !self.headers.is_empty()) {
            return wrong("provider", "Converse takes no headers and tells no probabilities of tokens");
        }
        if self.provider == Provider::Bedrock && self.response_format == ResponseFormat::JsonObject {
            return wrong("response_format", "Converse takes a schema (`json_schema`) or nothing (`none`)");
        }
        if self.calls_per_minute == Some(0) {
            return wrong("calls_per_minute", "at least one call a minute is made");
        }
        if let Some((name, problem)) = bad_header(&self.headers) {
            return wrong("headers", &format!("`{name}`: {problem}"));
        }
        if !(self.rate > 0.0 && self.rate <= 1.0) {
            return wrong("rate", "the share of judged answers lies in (0, 1]");
        }
        if !(0.0..=0.5).contains(&self.anchor_share) {
            return wrong("anchor_share", "the share that goes to anchors lies in [0, 0.5]");
        }
        if self.dimensions.is_empty() || self.dimensions.len() > DIMENSIONS {
            return wrong("dimensions", "one to eight dimensions can be judged");
        }
        if self.dimensions.iter().enumerate().any(|(i, name)| self.dimensions[..i].contains(name)) {
            return wrong("dimensions", "a dimension is there twice");
        }
        if self.budget_usd_per_day.is_some() && self.budget_tokens_per_day.is_some() {
            return wrong("budget_usd_per_day", "give a cap in dollars or one in tokens, not both");
        }
        if self.budget_usd_per_day.is_some() && self.prices().is_none() {
            return wrong(
                "budget_usd_per_day",
                "a cap in dollars needs the price of input and output tokens",
            );
        }
        if self.budget_usd_per_hour.is_some() && self.budget_usd_per_day.is_none() {
            return wrong("budget_usd_per_hour", "an hourly cap in dollars goes with a daily one in dollars");
        }
        if self.budget_tokens_per_hour.is_some() && self.budget_usd_per_day.is_some() {
            return wrong(
                "budget_tokens_per_hour",
                "an hourly cap in tokens goes with a daily one in tokens",
            );
        }
        let numbers = [
            ("budget_usd_per_day", self.budget_usd_per_day),
            ("budget_usd_per_hour", self.budget_usd_per_hour),
            ("usd_per_million_input_tokens", self.usd_per_million_input_tokens),
            ("usd_per_million_output_tokens", self.usd_per_million_output_tokens),
        ];
        for (setting, number) in numbers {
            if number.is_some_and(|number| !number.is_finite() || number < 0.0) {
                return wrong(setting, "dollars are a number from 0 on");
            }
        }
        if !(self.timeout_seconds > 0.0 && self.timeout_seconds <= 600.0) {
            return wrong("timeout_seconds", "the wait for a reply lies in (0, 600] seconds");
        }
        if !(1..=512).contains(&self.concurrency) {
            return wrong("concurrency", "1 to 512 calls can run at the same time");
        }
        if let Some(cheap) = &self.cheap {
            if cheap.per_judged.is_some_and(|calls| !(1.0..=100.0).contains(&calls)) {
                return wrong("cheap", "`per_judged` lies in [1, 100]");
            }
            if cheap.model.is_empty() || (cheap.model == self.model && cheap.base_url == self.base_url) {
                return wrong("cheap", "the cheap judge has a model of its own");
            }
            let as_judge = cheap.as_judge(self);
            as_judge.check().map_err(|err| Error::Setting { setting: "cheap", problem: err.to_string() })?;
        }
        if let Some(second) = &self.second {
            if !self.dimensions.iter().any(|name| name == "safety") {
                return wrong("second", "a second judge confirms safety, which is not judged");
            }
            second
                .as_judge(self)
                .check()
                .map_err(|err| Error::Setting { setting: "second", problem: err.to_string() })?;
        }
        if let Some(name) = self.weights.keys().find(|name| !self.dimensions.contains(name)) {
            return wrong("weights", &format!("`{name}` has a weight but is not judged"));
        }
        Composite::new(&self.weights(), self.composite_pass_mark)?;
        Ok(())
    }

    /// The weight of each dimension in the composite: all the same where none is given.
    pub fn weights(&self) -> BTreeMap<Dimension, f64> {
        if self.weights.is_empty() {
            return self.dimensions.iter().map(|name| (Dimension::new(name), 1.0)).collect();
        }
        self.weights.iter().map(|(name, weight)| (Dimension::new(name), *weight)).collect()
    }
}

impl Prices {
    /// What this many tokens cost, dollars.
    pub fn usd(&self, input_tokens: u32, output_tokens: u32) -> f64 {
        (f64::from(input_tokens) * self.usd_per_million_input
            + f64::from(output_tokens) * self.usd_per_million_output)
            / 1e6
    }
}

/// The first header that cannot be sent, or must not be written down.
fn bad_header(headers: &BTreeMap<String, String>) -> Option<(&str, &'static str)> {
    const SECRET: [&str; 6] = ["key", "token", "secret", "auth", "password", "cookie"];
    if headers.len() > HEADERS {
        return headers.keys().last().map(|name| (name.as_str(), "at most 16 headers are sent"));
    }
    headers.iter().find_map(|(name, value)| {
        let is_plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        let lower = name.to_ascii_lowercase();
        let problem = if !is_plain {
            "a header's name has letters, digits, `-` and `_`"
        } else if value.chars().any(char::is_control) {
            "a header's value is one line"
        } else if !value.starts_with("env:") && SECRET.iter().any(|word| lower.contains(word)) {
            "a secret is named, not written: give `env:NAME` and put it into that variable"
        } else {
            return None;
        };
        Some((name.as_str(), problem))
    })
}
