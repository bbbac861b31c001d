//! Probes: frozen prompts that are asked again and again, and what is known of their answers.
//!
//! The life of one: a prompt of the file is asked at the endpoint itself, past the recording proxy, so that no figure of the
//! traffic holds it; its answer is checked against its reference, and the result is a score of a stream of its own. The
//! same prompts each time take the difficulty of the questions out of the comparison, and need no traffic and no judge.

mod check;
mod file;

use bifocal_model::{
    Cost, Dimension, EvaluatorKind, Failure, Fingerprint, InferenceId, Probability, Score, TargetKey,
    Timestamp, Unit, Verdict, fnv1a,
};
use serde::Deserialize;
use serde_json::json;

use crate::judge::{Reply, TransportError};
use crate::limits::PROBE_ANSWER_CHARS;
use check::Check;

/// Changes with every change of how answers are checked.
const VERSION: &str = "1";

/// A file of prompts, ready to be asked.
#[derive(Clone, Debug)]
pub struct Probe {
    dimension: Dimension,
    evaluator: String,
    fingerprint: Fingerprint,
    prompts: Vec<Prompt>,
}

#[derive(Clone, Debug)]
struct Prompt {
    id: String,
    messages: Vec<serde_json::Value>,
    check: Check,
}

/// How a prompt is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Manner {
    /// The model as it is requested.
    pub model: String,
    /// Longest answer, tokens.
    pub max_tokens: u32,
    /// 0 is the same answer each time, as far as the server can.
    pub temperature: f64,
}

/// One prompt that was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which prompt, from 0.
    pub at: usize,
    /// Of which target.
    pub target: TargetKey,
    /// When.
    pub time: Timestamp,
    /// How long it took, seconds.
    pub latency_seconds: f64,
    /// What came back.
    pub reply: Result<Reply, TransportError>,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    content: Option<String>,
}

impl Probe {
    /// The name of a probe's stream.
    pub fn dimension_of(name: &str) -> String {
        format!("probe_{name}")
    }

    /// How many prompts it has.
    pub fn prompts(&self) -> usize {
        self.prompts.len()
    }

    /// What makes it the probe that it is: another file, or another way of asking, is another stream.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The body of `POST …/chat/completions` for one prompt.
    pub fn body(&self, at: usize, manner: &Manner) -> Vec<u8> {
        let messages = self.prompts.get(at).map_or(&[][..], |prompt| &prompt.messages);
        let body = json!({
            "model": manner.model, "messages": messages, "stream": false,
            "max_tokens": manner.max_tokens, "temperature": manner.temperature,
        });
        body.to_string().into_bytes()
    }

    /// What an answer is worth, or the typed failure that there is none.
    pub fn score(&self, asked: &Asked) -> Score<String> {
        let verdict = match &asked.reply {
            Err(TransportError::Timeout) => failed(Failure::Timeout, "no answer in time"),
            Err(TransportError::Unreachable) => failed(Failure::Unreachable, "no connection"),
            Ok(reply) if !(200..300).contains(&reply.status) => {
                failed(Failure::Provider, &format!("the server answered with status {}", reply.status))
            }
            Ok(reply) => match answer(&reply.body) {
                Some(answer) => self.verdict(asked.at, &answer),
                None => failed(Failure::Unparsable, "the reply is no chat completion"),
            },
        };
        self.scored(asked, verdict)
    }

    /// The verdict on an answer.
    fn verdict(&self, at: usize, answer: &str) -> Verdict<String> {
        let Some(prompt) = self.prompts.get(at) else {
            return failed(Failure::Unparsable, "there is no such prompt");
        };
        let value = prompt.check.value(answer);
        Verdict::Scored {
            value: Unit::clamped(value),
            pass: value >= 0.5,
            label: Some(prompt.id.clone()),
            explanation: Some(answer.chars().take(PROBE_ANSWER_CHARS).collect()),
        }
    }

    fn scored(&self, asked: &Asked, verdict: Verdict<String>) -> Score<String> {
        let id = self.prompts.get(asked.at).map_or("", |prompt| prompt.id.as_str());
        let keys = [self.fingerprint.0.to_le_bytes(), (asked.at as u64).to_le_bytes()];
        let hash =
            fnv1a(keys.into_iter().flatten().chain(id.bytes()).chain(asked.target.id().to_string().bytes()));
        let mut random = [0; 10];
        random[2..].copy_from_slice(&hash.to_le_bytes());
        Score {
            inference: InferenceId::v7(asked.time, random),
            target: asked.target.clone(),
            evaluator: self.evaluator.clone(),
            fingerprint: self.fingerprint,
            kind: EvaluatorKind::Reference,
            dimension: self.dimension.clone(),
            verdict,
            inclusion: Probability::ONE,
            capture: Probability::ONE,
            stratum: String::new(),
            time: asked.time,
            scored_at: asked.time,
            latency_seconds: asked.latency_seconds,
            cost: Cost::default(),
        }
    }
}

fn failed(failure: Failure, detail: &str) -> Verdict<String> {
    Verdict::Failed { failure, detail: detail.to_owned() }
}

/// The text of a chat completion; an answer without text is an empty one.
fn answer(body: &[u8]) -> Option<String> {
    let completion: Completion = serde_json::from_slice(body).ok()?;
    completion.choices.into_iter().next().map(|choice| choice.message.content.unwrap_or_default())
}

#[cfg(test)]
mod tests;
