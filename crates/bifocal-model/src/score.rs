//! What evaluators say of an inference.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{InferenceId, fnv1a};
use crate::probability::{Probability, Unit};
use crate::target::TargetKey;
use crate::time::Timestamp;

/// What a score is about: `relevance`, `safety`, `professional_tone`, `composite`, `empty`, `refusal`, …
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Dimension(pub Cow<'static, str>);

/// What makes two evaluators the same one: kind, version, model, prompt hash, parameters and parser, hashed.
/// Scores of different fingerprints are never pooled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub u64);

/// The kind of an evaluator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvaluatorKind {
    /// A rule on the text, run on all traffic.
    Heuristic,
    /// A language model with a rubric, run on a sample.
    Judge,
    /// A weighted mean of other scores of the same inference.
    Composite,
    /// A check of an answer to a frozen prompt against what is known of it: a probe.
    Reference,
    /// A second word on what a judge called clearly harmful. It is part of no mean.
    Confirmation,
    /// What a cheaper judge says, by which the mean of the judge's own scores is estimated more closely. It is part of no mean.
    Cheap,
}

impl EvaluatorKind {
    /// The name in exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heuristic => "heuristic",
            Self::Judge => "judge",
            Self::Composite => "composite",
            Self::Reference => "reference",
            Self::Confirmation => "confirmation",
            Self::Cheap => "cheap",
        }
    }
}

/// One evaluator's word on one dimension of one inference. `T` is the type of its explanation, as in
/// [`crate::Inference`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score<T> {
    /// Of which inference.
    pub inference: InferenceId,
    /// Of which target.
    pub target: TargetKey,
    /// Who says so, for people: `judge:small-judge`, `heuristic:refusal`.
    pub evaluator: String,
    /// Who says so, for machines.
    pub fingerprint: Fingerprint,
    /// Its kind.
    pub kind: EvaluatorKind,
    /// About what.
    pub dimension: Dimension,
    /// What it says.
    pub verdict: Verdict<T>,
    /// With which probability this inference came to be scored, given that it was captured.
    pub inclusion: Probability,
    /// The inference's capture probability; the weight of the score is 1 / (inclusion x capture).
    pub capture: Probability,
    /// The stratum it was sampled from.
    pub stratum: String,
    /// The time of the inference (event time).
    pub time: Timestamp,
    /// When the score was made.
    pub scored_at: Timestamp,
    /// How long the evaluator took, seconds.
    pub latency_seconds: f64,
    /// What it cost.
    pub cost: Cost,
}

/// A score or the reason why there is none; never a NaN and never a made-up zero.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict<T> {
    /// A score.
    Scored {
        /// In [0, 1], 1 is good.
        value: Unit,
        /// Against the rubric's mark.
        pass: bool,
        /// A category where the evaluator has one: `strict`, `fenced`, `lenient`, …
        label: Option<String>,
        /// Its words.
        explanation: Option<T>,
    },
    /// No score, and why.
    Failed {
        /// The kind of failure.
        failure: Failure,
        /// What happened, without any text of prompt or answer.
        detail: String,
    },
}

/// Why an evaluator has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The judge's answer could not be read as a score.
    Unparsable,
    /// The judge gave a score outside of its scale.
    OutOfScale,
    /// The judge refused to judge.
    Refused,
    /// The judge answered with an error status of its own (5xx).
    Provider,
    /// The judge asks for fewer calls (429).
    RateLimited,
    /// The judge does not take the question, or not from us (4xx).
    Rejected,
    /// No answer in time.
    Timeout,
    /// No connection.
    Unreachable,
    /// The day's budget was spent.
    NoBudget,
}

/// What a score cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Dollars, where the price is known.
    pub usd: Option<f64>,
    /// Tokens into the judge.
    pub input_tokens: u32,
    /// Tokens out of the judge.
    pub output_tokens: u32,
}

/// An inference was chosen to be judged: the promise that the ledger holds against scores, failures and shed work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Which inference.
    pub inference: InferenceId,
    /// Of which target.
    pub target: TargetKey,
    /// The time of the inference.
    pub time: Timestamp,
    /// Which judge (fingerprint per dimension).
    pub judges: Vec<(Dimension, Fingerprint)>,
    /// With which probability it was chosen.
    pub inclusion: Probability,
    /// From which stratum.
    pub stratum: String,
    /// The random number in [0, 1) that decided, for replay.
    pub draw: f64,
    /// Chosen, but not judged, and why; `None` when it went to the judge.
    pub shed: Option<Shed>,
}

/// Why chosen work was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shed {
    /// The daily budget was spent.
    Budget,
    /// The judge's queue was full.
    QueueFull,
    /// It waited longer than the limit.
    Expired,
    /// The answer speaks to its judge: what a judge would say of it is worth nothing.
    SuspectedInjection,
}

impl Dimension {
    /// From a name.
    pub fn new(name: &str) -> Self {
        Self(Cow::Owned(name.to_owned()))
    }

    /// From a name that the code knows: nothing is copied.
    pub const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Fingerprint {
    /// Of the parts that make an evaluator what it is.
    pub fn of(parts: &[&str]) -> Self {
        Self(fnv1a(parts.iter().flat_map(|part| part.bytes().chain([0u8]))))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl<T> Score<T> {
    /// The value, when there is one.
    pub fn value(&self) -> Option<Unit> {
        match &self.verdict {
            Verdict::Scored { value, .. } => Some(*value),
            Verdict::Failed { .. } => None,
        }
    }

    /// Whether it passed, when it was scored.
    pub fn passed(&self) -> Option<bool> {
        match &self.verdict {
            Verdict::Scored { pass, .. } => Some(*pass),
            Verdict::Failed { .. } => None,
        }
    }

    /// Inclusion in the sample at all: captured and then chosen.
    pub fn probability(&self) -> Probability {
        self.inclusion.and_independent(self.capture)
    }

    /// The same score with its explanation turned into another type.
    pub fn map_text<U>(self, text: impl FnOnce(T) -> U) -> Score<U> {
        let verdict = match self.verdict {
            Verdict::Scored { value, pass, label, explanation } => {
                Verdict::Scored { value, pass, label, explanation: explanation.map(text) }
            }
            Verdict::Failed { failure, detail } => Verdict::Failed { failure, detail },
        };
        Score {
            verdict,
            inference: self.inference,
            target: self.target,
            evaluator: self.evaluator,
            fingerprint: self.fingerprint,
            kind: self.kind,
            dimension: self.dimension,
            inclusion: self.inclusion,
            capture: self.capture,
            stratum: self.stratum,
            time: self.time,
            scored_at: self.scored_at,
            latency_seconds: self.latency_seconds,
            cost: self.cost,
        }
    }
}

impl Failure {
    /// The name used in ledger and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unparsable => "unparsable",
            Self::OutOfScale => "out_of_scale",
            Self::Refused => "refused",
            Self::Provider => "provider",
            Self::RateLimited => "rate_limited",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::NoBudget => "no_budget",
        }
    }
}

impl Shed {
    /// The name used in ledger and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::QueueFull => "queue_full",
            Self::Expired => "expired",
            Self::SuspectedInjection => "suspected_injection",
        }
    }
}
