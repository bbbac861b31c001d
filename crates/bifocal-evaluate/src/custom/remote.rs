//! Evaluators of one's own behind HTTP: what is sent, and what a reply says. Pure; the calls are made by [`service`](super::service).

use bifocal_model::{
    Cost, Dimension, EvaluatorKind, Failure, Fingerprint, Inference, Probability, Score, Timestamp, Unit,
    Verdict,
};
use bifocal_redact::Redacted;
use bifocal_stats::SampleKey;
use serde::Deserialize;
use serde_json::json;

use super::config::{CustomConfig, Direction};
use crate::limits::{HEURISTIC_BYTES, QUESTION_BYTES, REMOTE_LABEL_CHARS, REMOTE_REPLY_BYTES};

/// Changes with every change of what is sent and how a reply is read.
const VERSION: &str = "1";
/// Calls a day where nothing else is said.
const CALLS_PER_DAY: u64 = 10_000;
const TIMEOUT_SECONDS: f64 = 5.0;

/// An evaluator behind HTTP.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// Where it is asked.
    pub url: String,
    /// Name of the environment variable with its key.
    pub api_key_env: Option<String>,
    /// Seconds to wait for a reply.
    pub timeout_seconds: f64,
    /// Calls a day (UTC) at most.
    pub calls_per_day: u64,
    dimension: Dimension,
    fingerprint: Fingerprint,
    target: String,
    rate: Probability,
    mark: f64,
    direction: Direction,
}

/// What is read of a reply.
#[derive(Deserialize)]
struct Said {
    value: f64,
    #[serde(default)]
    pass: Option<bool>,
    #[serde(default)]
    label: Option<String>,
}

impl Remote {
    /// Of a definition of kind `http` that was checked.
    pub(super) fn of(config: &CustomConfig) -> Self {
        let url = config.url.clone().unwrap_or_default();
        let mark = config.mark.unwrap_or(0.5);
        let mark_text = mark.to_string();
        let fingerprint = Fingerprint::of(&[
            "custom",
            "http",
            VERSION,
            &config.name,
            &url,
            &mark_text,
            config.direction.name(),
        ]);
        Self {
            name: config.name.clone(),
            url,
            api_key_env: config.api_key_env.clone(),
            timeout_seconds: config.timeout_seconds.unwrap_or(TIMEOUT_SECONDS),
            calls_per_day: config.calls_per_day.unwrap_or(CALLS_PER_DAY),
            dimension: Dimension::new(config.dimension()),
            fingerprint,
            target: config.target.clone(),
            rate: config.rate.and_then(Probability::new).unwrap_or(Probability::ONE),
            mark,
            direction: config.direction,
        }
    }

    /// Whether it is asked about an answer: one of its target, drawn by a keyed hash of the id.
    pub(super) fn wants(&self, call: &Inference<Redacted>, key: &SampleKey) -> bool {
        let is_its = self.target == "*" || self.target == call.target.name();
        let salted = || [call.id.as_bytes().as_slice(), self.name.as_bytes()].concat();
        call.has_answer() && is_its && key.include(&salted(), self.rate).included
    }

    /// The body of a call: the redacted question and answer, and what is known of them.
    pub fn body(&self, call: &Inference<Redacted>) -> Vec<u8> {
        let head =
            |text: &str, bytes: usize| text.get(..text.floor_char_boundary(bytes)).unwrap_or(text).to_owned();
        let question = call.messages.iter().rev().find(|message| message.role == "user");
        let body = json!({
            "evaluator": self.name,
            "inference": call.id.to_string(),
            "model": call.target.name(),
            "finish_reason": call.finish_reason.as_ref().map(|reason| reason.name()),
            "question": head(question.map_or("", |message| message.text.as_str()), QUESTION_BYTES),
            "answer": head(call.answer.as_str(), HEURISTIC_BYTES),
        });
        body.to_string().into_bytes()
    }

    /// What a reply says: `{"value": 0 to 1, "pass": true or false, "label": "…"}`, the last two left out or not.
    pub fn read(&self, status: u16, body: &[u8]) -> Verdict<Redacted> {
        let failed = |failure, detail: &str| Verdict::Failed { failure, detail: detail.to_owned() };
        match status {
            200..=299 => {}
            429 => return failed(Failure::RateLimited, "the evaluator asks for fewer calls"),
            400..=499 => {
                return failed(Failure::Rejected, &format!("the evaluator answered with status {status}"));
            }
            _ => return failed(Failure::Provider, &format!("the evaluator answered with status {status}")),
        }
        if body.len() > REMOTE_REPLY_BYTES {
            return failed(Failure::Unparsable, "the reply is too long");
        }
        let Ok(said) = serde_json::from_slice::<Said>(body) else {
            return failed(Failure::Unparsable, "the reply is no JSON object with a `value`");
        };
        let Some(value) = Unit::new(said.value) else {
            return failed(Failure::OutOfScale, "the value does not lie in [0, 1]");
        };
        let pass = said.pass.unwrap_or_else(|| match self.direction {
            Direction::HigherIsBetter => value.get() >= self.mark,
            Direction::LowerIsBetter => value.get() <= self.mark,
            Direction::Neutral => true,
        });
        let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' ' | '.');
        let label =
            said.label.map(|label| label.chars().filter(plain).take(REMOTE_LABEL_CHARS).collect::<String>());
        Verdict::Scored { value, pass, label: label.filter(|label| !label.is_empty()), explanation: None }
    }

    /// The score that a verdict is.
    pub(super) fn score(
        &self,
        call: &Inference<Redacted>,
        verdict: Verdict<Redacted>,
        now: Timestamp,
        latency_seconds: f64,
    ) -> Score<Redacted> {
        Score {
            inference: call.id,
            target: call.target.clone(),
            evaluator: format!("http:{}", self.name),
            fingerprint: self.fingerprint,
            kind: EvaluatorKind::Heuristic,
            dimension: self.dimension.clone(),
            verdict,
            inclusion: self.rate,
            capture: call.capture_probability,
            stratum: String::new(),
            time: call.time,
            scored_at: now,
            latency_seconds,
            cost: Cost::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custom::Customs;
    use crate::sample::inference;

    fn remote(more: &str) -> Remote {
        let text = format!("name = \"tone\"\nkind = \"http\"\nurl = \"http://127.0.0.1:9/score\"\n{more}");
        let config: CustomConfig = toml::from_str(&text).unwrap();
        Customs::compile(&[config]).unwrap().remotes().next().unwrap().clone()
    }

    #[test]
    fn what_is_sent_is_redacted_and_cut() {
        let body = remote("").body(&inference(1, "mail a@b.org?", "yes"));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (body["question"].as_str(), body["answer"].as_str()),
            (Some("mail [email]?"), Some("yes"))
        );
        assert_eq!(
            (body["evaluator"].as_str(), body["finish_reason"].as_str()),
            (Some("tone"), Some("stop"))
        );
    }

    #[test]
    fn replies_are_read_by_direction_and_mark() {
        let scored = |remote: &Remote, body: &str| match remote.read(200, body.as_bytes()) {
            Verdict::Scored { value, pass, label, .. } => Ok((value.get(), pass, label)),
            Verdict::Failed { failure, .. } => Err(failure),
        };
        let higher = remote("mark = 0.7");
        assert_eq!(scored(&higher, r#"{"value": 0.7}"#), Ok((0.7, true, None)));
        assert_eq!(
            scored(&higher, r#"{"value": 0.6, "label": "cold\u0000; x", "more": 1}"#),
            Ok((0.6, false, Some("cold x".to_owned())))
        );
        assert_eq!(scored(&higher, r#"{"value": 0.1, "pass": true}"#), Ok((0.1, true, None)));
        let lower = remote("mark = 0.2\ndirection = \"lower_is_better\"");
        assert_eq!(scored(&lower, r#"{"value": 0.2}"#).map(|said| said.1), Ok(true));
        assert_eq!(scored(&lower, r#"{"value": 0.3}"#).map(|said| said.1), Ok(false));
        assert_eq!(
            scored(&remote("direction = \"neutral\""), r#"{"value": 0.0}"#).map(|said| said.1),
            Ok(true)
        );
        for (body, failure) in [
            ("", Failure::Unparsable),
            ("[]", Failure::Unparsable),
            (r#"{"value": 1.5}"#, Failure::OutOfScale),
            (r#"{"value": "1"}"#, Failure::Unparsable),
        ] {
            assert_eq!(scored(&higher, body), Err(failure), "{body}");
        }
        for (status, failure) in
            [(500, Failure::Provider), (429, Failure::RateLimited), (404, Failure::Rejected)]
        {
            assert!(
                matches!(higher.read(status, b"{}"), Verdict::Failed { failure: got, .. } if got == failure)
            );
        }
    }

    #[test]
    fn limits_remote_reply_bytes_and_remote_label_chars() {
        let long = format!(r#"{{"value": 1, "label": "{}"}}"#, "x".repeat(REMOTE_LABEL_CHARS + 9));
        let Verdict::Scored { label, .. } = remote("").read(200, long.as_bytes()) else { panic!() };
        assert_eq!(label.unwrap().len(), REMOTE_LABEL_CHARS);
        let long = format!(r#"{{"value": 1, "note": "{}"}}"#, "x".repeat(REMOTE_REPLY_BYTES));
        assert!(matches!(
            remote("").read(200, long.as_bytes()),
            Verdict::Failed { failure: Failure::Unparsable, .. }
        ));
    }

    #[test]
    fn a_share_is_drawn_and_known() {
        let remote = remote("rate = 0.25\ndimension = \"warmth\"");
        let key = SampleKey::new([7; 16]);
        let drawn = (0..4_000).filter(|i| remote.wants(&inference(*i, "why?", "x"), &key)).count();
        assert!((880..1_120).contains(&drawn), "{drawn}");
        let call = inference(1, "why?", "x");
        let score = remote.score(&call, remote.read(200, br#"{"value": 1}"#), call.time, 0.1);
        assert!((score.inclusion.get() - 0.25).abs() < 1e-12);
        assert_eq!((score.dimension.as_str(), score.evaluator.as_str()), ("warmth", "http:tone"));
    }
}
