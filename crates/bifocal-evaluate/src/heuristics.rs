//! Rules on the text of an answer, run on all traffic. They find hard failures; they do not predict what a judge
//! would say (rho^2 at most 0.04 on open-ended chat), and nothing here pretends that they do.
//!
//! Each gives 1 where the answer is free of the failure and a label that says which sign was found.

mod empty;
mod format;
mod refusal;
mod repetition;
mod truncated;

use bifocal_model::{
    Cost, Dimension, EvaluatorKind, Fingerprint, Inference, Probability, Score, Timestamp, Unit, Verdict,
};
use bifocal_redact::Redacted;

use crate::limits::HEURISTIC_BYTES;

pub(crate) use refusal::is_refusal;

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Heuristic {
    /// What it is about; 1 is good.
    pub dimension: &'static str,
    /// Changes with every change of what it says.
    pub version: &'static str,
    evaluate: fn(&Inference<Redacted>) -> Option<Finding>,
}

/// What a rule found.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Finding {
    value: f64,
    pass: bool,
    label: Option<&'static str>,
}

/// All rules.
pub const HEURISTICS: [Heuristic; 5] =
    [empty::HEURISTIC, truncated::HEURISTIC, refusal::HEURISTIC, repetition::HEURISTIC, format::HEURISTIC];

/// What every rule that applies says of an inference; nothing for a call that failed.
pub fn all(inference: &Inference<Redacted>, scored_at: Timestamp) -> Vec<Score<Redacted>> {
    HEURISTICS.iter().filter_map(|heuristic| heuristic.score(inference, scored_at)).collect()
}

impl Heuristic {
    /// What makes it the evaluator that it is.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&["heuristic", self.dimension, self.version])
    }

    /// What it says; `None` where it does not apply.
    pub fn evaluate(&self, inference: &Inference<Redacted>) -> Option<Verdict<Redacted>> {
        if !inference.has_answer() {
            return None;
        }
        let Finding { value, pass, label } = (self.evaluate)(inference)?;
        let label = label.map(str::to_owned);
        Some(Verdict::Scored { value: Unit::clamped(value), pass, label, explanation: None })
    }

    fn score(&self, inference: &Inference<Redacted>, scored_at: Timestamp) -> Option<Score<Redacted>> {
        let verdict = self.evaluate(inference)?;
        Some(Score {
            inference: inference.id,
            target: inference.target.clone(),
            evaluator: format!("heuristic:{}", self.dimension),
            fingerprint: self.fingerprint(),
            kind: EvaluatorKind::Heuristic,
            dimension: Dimension::known(self.dimension),
            verdict,
            inclusion: Probability::ONE,
            capture: inference.capture_probability,
            stratum: String::new(),
            time: inference.time,
            scored_at,
            latency_seconds: 0.0,
            cost: Cost::default(),
        })
    }
}

impl Finding {
    const GOOD: Self = Self { value: 1.0, pass: true, label: None };

    const fn bad(label: &'static str) -> Self {
        Self { value: 0.0, pass: false, label: Some(label) }
    }
}

/// The part of the answer that rules look at.
fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(HEURISTIC_BYTES)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
