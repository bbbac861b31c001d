//! Rules on the text of an answer, run on all traffic. They find hard failures; they do not predict what a judge
//! would say (rho^2 at most 0.04 on open-ended chat), and nothing here pretends that they do.
//!
//! Each gives 1 where the answer is free of the failure and a label that says which sign was found.

mod code_fence;
mod conversation;
mod empty;
mod format;
mod groundedness;
mod injection;
mod language_match;
mod leaks;
mod prompt_echo;
mod readability;
mod refusal;
mod relevance;
mod repetition;
mod subject;
mod tokens;
mod tool_calls;
mod toxicity;
mod truncated;
mod words;

use bifocal_model::evaluator::EVALUATORS;
use bifocal_model::{Evaluator, Findings, Fingerprint, Inference, Score, Timestamp, Unit, Verdict};
use bifocal_redact::Redacted;

use crate::context::ContextMap;
use crate::limits::HEURISTIC_BYTES;
use subject::Subject;

pub(crate) use refusal::is_refusal;

/// One rule: its row of the registry and the code behind it.
#[derive(Clone, Copy, Debug)]
pub struct Heuristic {
    /// What it is.
    pub evaluator: &'static Evaluator,
    evaluate: fn(&Subject<'_>) -> Option<Finding>,
}

/// What a rule found.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Finding {
    value: f64,
    label: Option<&'static str>,
}

/// What all rules said of one inference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// What was good, and numbers without a mark: they travel with the inference.
    pub findings: Findings,
    /// What fell short of good.
    pub scores: Vec<Score<Redacted>>,
    /// Whether the answer speaks to its judge: then no judge is asked about it.
    pub suspected_injection: bool,
}

/// The registry's rows by their numbers, so that none can be mistaken for another.
const fn heuristic(number: usize, evaluate: fn(&Subject<'_>) -> Option<Finding>) -> Heuristic {
    Heuristic { evaluator: &EVALUATORS[number], evaluate }
}

const INJECTION: Heuristic = heuristic(5, injection::evaluate);
const GROUNDEDNESS: Heuristic = heuristic(15, groundedness::evaluate);

/// All rules, in the order of the registry.
pub const HEURISTICS: [Heuristic; 23] = [
    heuristic(0, empty::evaluate),
    heuristic(1, truncated::evaluate),
    heuristic(2, refusal::evaluate),
    heuristic(3, repetition::evaluate),
    heuristic(4, format::evaluate),
    INJECTION,
    heuristic(6, code_fence::evaluate),
    heuristic(7, language_match::evaluate),
    heuristic(8, leaks::personal_data),
    heuristic(9, leaks::secrets),
    heuristic(10, toxicity::evaluate),
    heuristic(11, prompt_echo::evaluate),
    heuristic(12, readability::evaluate),
    heuristic(13, relevance::lexical),
    heuristic(14, relevance::ngrams),
    GROUNDEDNESS,
    heuristic(16, conversation::repeated_question),
    heuristic(17, conversation::user_correction),
    heuristic(18, tool_calls::evaluate),
    heuristic(19, tokens::probability),
    heuristic(20, tokens::least),
    heuristic(21, tokens::p5),
    heuristic(22, tokens::entropy),
];

/// What every rule that applies says of an inference; nothing for a call that failed.
pub fn all(inference: &Inference<Redacted>, scored_at: Timestamp) -> Said {
    all_with(inference, &ContextMap::default(), scored_at)
}

/// As [`all`], with the context of answers where this map says. Under a map of one's own groundedness is another evaluator, so
/// that its values are never pooled with those of before: it leaves scores of its own.
pub fn all_with(inference: &Inference<Redacted>, contexts: &ContextMap, scored_at: Timestamp) -> Said {
    let mut said = Said::default();
    if !inference.has_answer() {
        return said;
    }
    let subject = Subject::of(inference, contexts);
    let own_map = contexts.fingerprint();
    for heuristic in &HEURISTICS {
        let Some(finding) = (heuristic.evaluate)(&subject) else { continue };
        let evaluator = heuristic.evaluator;
        match evaluator.mark {
            None if own_map.is_some() && evaluator.number == GROUNDEDNESS.evaluator.number => {
                let score = evaluator.score(inference, finding.verdict(evaluator), scored_at);
                let parts =
                    [score.fingerprint, own_map.unwrap_or(score.fingerprint)].map(|part| part.to_string());
                let fingerprint = Fingerprint::of(&parts.each_ref().map(String::as_str));
                said.scores.push(Score { fingerprint, ..score });
            }
            None => said.findings.value(evaluator, Unit::clamped(finding.value)),
            Some(_) if finding.value >= 1.0 => said.findings.pass(evaluator),
            Some(_) => {
                said.suspected_injection |= evaluator.number == INJECTION.evaluator.number;
                let verdict = finding.verdict(evaluator);
                said.scores.push(evaluator.score(inference, verdict, scored_at));
            }
        }
    }
    said
}

/// Whether the answer speaks to its judge.
pub fn suspects_injection(inference: &Inference<Redacted>) -> bool {
    inference.has_answer()
        && injection::evaluate(&Subject::of(inference, &ContextMap::default()))
            .is_some_and(|finding| finding.value < 1.0)
}

impl Heuristic {
    /// What it says; `None` where it does not apply.
    pub fn evaluate(&self, inference: &Inference<Redacted>) -> Option<Verdict<Redacted>> {
        if !inference.has_answer() {
            return None;
        }
        let finding = (self.evaluate)(&Subject::of(inference, &ContextMap::default()))?;
        Some(finding.verdict(self.evaluator))
    }
}

impl Finding {
    const GOOD: Self = Self { value: 1.0, label: None };

    const fn bad(label: &'static str) -> Self {
        Self { value: 0.0, label: Some(label) }
    }

    const fn number(value: f64) -> Self {
        Self { value, label: None }
    }

    fn verdict(&self, evaluator: &Evaluator) -> Verdict<Redacted> {
        let value = Unit::clamped(self.value);
        let pass = evaluator.mark.is_none_or(|mark| value.get() >= mark);
        Verdict::Scored { value, pass, label: self.label.map(str::to_owned), explanation: None }
    }
}

/// The part of the answer that rules look at.
fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(HEURISTIC_BYTES)).unwrap_or(text)
}

#[cfg(test)]
mod tests;
