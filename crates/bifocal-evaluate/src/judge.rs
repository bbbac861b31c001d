//! The judge: a language model with a rubric, asked about a sample of the answers.
//!
//! One request per dimension. [`Judge::request`] and [`Judge::read`] are pure, so that a run in process and the
//! [`JudgeService`] say the same of the same answer; the service adds the queue, the budget, retries and the clock.
//!
//! The judged text is data: it stands in the user's message between markers that carry a random nonce, the rubric is
//! repeated behind it, what could pass for a chat template is taken apart, and only a structured reply is read.

mod anchors;
mod breaker;
mod budget;
mod cheap_waits;
mod config;
mod pairs;
mod parse;
mod prompt;
mod queue;
mod repair;
mod rubric;
mod sanitize;
mod second;
mod service;
mod transport;
mod way;

use bifocal_model::{
    Cost, Dimension, EvaluatorKind, Failure, Fingerprint, Inference, InferenceId, Probability, Score,
    TargetKey, Timestamp, Verdict,
};
use bifocal_redact::Redacted;

use crate::context::ContextMap;
use crate::{Choice, Error};
use prompt::Prompts;
use rubric::{OwnPrompt, OwnReply};

pub use anchors::{Anchor, AnchorDesk, Anchors, Errand};
pub(crate) use breaker::{Breaker, Permit, is_away};
pub use breaker::{Circuit, Standing};
pub use budget::{Budget, Cap, Spent};
pub use cheap_waits::CheapWait;
pub use config::{CheapJudge, JudgeConfig, Prices, Provider, ResponseFormat, SecondJudge};
pub use pairs::{Order, Pair, Pairs};
pub use queue::JudgeQueue;
pub use rubric::{Rubric, Rubrics};
pub use second::{Confirmer, SEVERE};
pub use service::{Cheap, JudgeService, Parts, Second};
pub use transport::{BoxFuture, PATH, Reply, Transport, TransportError};
pub use way::JudgeState;

/// Tokens into and out of a judge for one dimension of one answer where none was seen yet: the means of strong judgements of
/// open-ended chat (WildBench).
pub const JUDGEMENT_TOKENS: [u32; 2] = [1_712, 229];

/// A judge: its configuration, its rubrics and the fingerprint of each.
#[derive(Debug)]
pub struct Judge {
    config: JudgeConfig,
    prices: Option<Prices>,
    evaluator: String,
    prompts: Prompts,
    rubrics: Vec<(Rubric, Fingerprint)>,
    contexts: ContextMap,
}

/// One question to the judge, and what its answer has to carry.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgeRequest {
    /// The body of `POST {base_url}/chat/completions`.
    pub body: Vec<u8>,
    /// What it asks about.
    pub dimension: Dimension,
    /// Which judge it asks.
    pub fingerprint: Fingerprint,
    /// Tokens that it may cost at most, as far as can be told before: bytes / 4 in, and the longest verdict out.
    pub estimated_tokens: u64,
    subject: Subject,
}

/// What is judged.
#[derive(Clone, Debug, PartialEq)]
struct Subject {
    inference: InferenceId,
    target: TargetKey,
    time: Timestamp,
    capture: Probability,
    inclusion: Probability,
    stratum: String,
}

/// When a reply came and how long it took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    /// When the score is made.
    pub now: Timestamp,
    /// How long the judge took, seconds.
    pub latency_seconds: f64,
}

impl Judge {
    /// With the rubrics of its dimensions.
    pub fn new(config: JudgeConfig, rubrics: &Rubrics) -> Result<Self, Error> {
        config.check()?;
        let prompts = Prompts::new()?;
        let mut chosen = Vec::new();
        for dimension in &config.dimensions {
            let rubric = rubrics.get(dimension)?.clone();
            let score = rubric.pass_score.to_string();
            let (text, parameters) = (rubric.text(), Prompts::parameters(&config));
            let mut parts = vec![
                "judge",
                "openai",
                &config.model,
                &rubric.dimension,
                &rubric.version,
                &text,
                &score,
                Prompts::SYSTEM,
                Prompts::USER,
                &parameters,
                parse::VERSION,
                repair::VERSION,
            ];
            // Added only where they are given: a judge without them is the one that it was before there were any.
            if let Some(own) = &rubric.own_prompt {
                parts.extend(["prompt/1", own.source()]);
            }
            if let Some(own) = &rubric.own_reply {
                parts.extend(["reply/1", own.text()]);
            }
            let fingerprint = Fingerprint::of(&parts);
            chosen.push((rubric, fingerprint));
        }
        let prices = config.prices();
        let evaluator = format!("judge:{}", config.model);
        Ok(Self { config, prices, evaluator, prompts, rubrics: chosen, contexts: ContextMap::default() })
    }

    /// As a judge that finds the context of answers where this map says. Rubrics that show it get another fingerprint.
    #[must_use]
    pub fn with_contexts(mut self, contexts: ContextMap) -> Self {
        if let Some(map) = contexts.fingerprint() {
            let shows = |rubric: &Rubric| rubric.own_prompt.as_ref().is_some_and(OwnPrompt::shows_context);
            for (_, fingerprint) in self.rubrics.iter_mut().filter(|(rubric, _)| shows(rubric)) {
                *fingerprint = Fingerprint::of(&["context", &fingerprint.to_string(), &map.to_string()]);
            }
        }
        self.contexts = contexts;
        self
    }

    /// Its configuration.
    pub fn config(&self) -> &JudgeConfig {
        &self.config
    }

    /// What its tokens cost, where that is known.
    pub fn prices(&self) -> Option<Prices> {
        self.prices
    }

    /// Its dimensions with the fingerprint of each.
    pub fn dimensions(&self) -> impl Iterator<Item = (Dimension, Fingerprint)> {
        self.rubrics.iter().map(|(rubric, fingerprint)| (Dimension::new(&rubric.dimension), *fingerprint))
    }

    /// The question about one dimension of one answer. The nonce must be unknown to whoever wrote the answer.
    pub fn request(
        &self,
        inference: &Inference<Redacted>,
        choice: &Choice,
        dimension: &Dimension,
        nonce: [u8; 16],
    ) -> Result<JudgeRequest, Error> {
        let (rubric, fingerprint) = self.rubric(dimension)?;
        let body = self.prompts.body(&self.config, rubric, &self.contexts, inference, nonce)?;
        let tokens_in = body.len() as u64 / 4;
        Ok(JudgeRequest {
            body,
            dimension: dimension.clone(),
            fingerprint: *fingerprint,
            estimated_tokens: tokens_in + u64::from(prompt::VERDICT_TOKENS),
            subject: Subject {
                inference: inference.id,
                target: inference.target.clone(),
                time: inference.time,
                capture: inference.capture_probability,
                inclusion: choice.draw.inclusion,
                stratum: choice.stratum.clone(),
            },
        })
    }

    /// The question about one dimension of one anchor.
    pub fn anchor_request(
        &self,
        anchor: &Anchor,
        dimension: &Dimension,
        nonce: [u8; 16],
    ) -> Result<JudgeRequest, Error> {
        self.request(&anchor.inference, &Anchor::choice(), dimension, nonce)
    }

    /// The score that a reply holds, or the typed failure that it is.
    pub fn read(&self, request: &JudgeRequest, status: u16, body: &[u8], taken: Taken) -> Score<String> {
        let rubric = self.rubric(&request.dimension).map(|(rubric, _)| rubric).ok();
        let terms = parse::Terms {
            pass_score: rubric.map_or(5.0, |rubric| rubric.pass_score),
            scoring: self.scoring(),
            own: self.own_reply(request),
        };
        let parse::Read { verdict, input_tokens, output_tokens } = parse::read(status, body, terms);
        let usd = self.prices.map(|prices| prices.usd(input_tokens, output_tokens));
        self.score(request, verdict, Cost { usd, input_tokens, output_tokens }, taken)
    }

    /// The body of a second turn that asks for the same grade in a form that can be read; `None` where the first reply can be, or
    /// where there is nothing to repair.
    pub fn repair(&self, request: &JudgeRequest, reply: &[u8], score: &Score<String>) -> Option<Vec<u8>> {
        let own = self.own_reply(request);
        repair::of(&request.body, parse::said(reply).as_deref(), &score.verdict, own)
            .map(|repair| repair.body)
    }

    /// The typed failure that a call without a reply is.
    pub fn unanswered(&self, request: &JudgeRequest, error: TransportError, taken: Taken) -> Score<String> {
        let failure = match error {
            TransportError::Timeout => Failure::Timeout,
            TransportError::Unreachable => Failure::Unreachable,
        };
        self.score(request, Verdict::Failed { failure, detail: error.to_string() }, Cost::default(), taken)
    }

    /// The form of the reply that the rubric of a question gives, where it gives one.
    fn own_reply(&self, request: &JudgeRequest) -> Option<&OwnReply> {
        self.rubric(&request.dimension).ok()?.0.own_reply.as_ref()
    }

    fn scoring(&self) -> parse::Scoring {
        if self.config.logprobs { parse::Scoring::Expected } else { parse::Scoring::Written }
    }

    fn rubric(&self, dimension: &Dimension) -> Result<&(Rubric, Fingerprint), Error> {
        let found = self.rubrics.iter().find(|(rubric, _)| rubric.dimension == dimension.as_str());
        found.ok_or_else(|| Error::NoRubric {
            dimension: dimension.to_string(),
            known: self.config.dimensions.join(", "),
        })
    }

    fn score(
        &self,
        request: &JudgeRequest,
        verdict: Verdict<String>,
        cost: Cost,
        taken: Taken,
    ) -> Score<String> {
        let subject = request.subject.clone();
        Score {
            inference: subject.inference,
            target: subject.target,
            evaluator: self.evaluator.clone(),
            fingerprint: request.fingerprint,
            kind: EvaluatorKind::Judge,
            dimension: request.dimension.clone(),
            verdict,
            inclusion: subject.inclusion,
            capture: subject.capture,
            stratum: subject.stratum,
            time: subject.time,
            scored_at: taken.now,
            latency_seconds: taken.latency_seconds,
            cost,
        }
    }
}

#[cfg(test)]
mod tests;
