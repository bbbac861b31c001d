//! The cheap judge beside a stream: what it says of many answers, by which the mean of the judge's own scores is estimated.
//!
//! The answers that the cheap judge scored are a sample of all, and those that the judge scored a sample of them, by the same keyed
//! draw. With f the cheap score, the estimate is lambda mean(f over the cheap sample) + mean(Y - lambda f over the judged):
//! [`bifocal_stats::design::shown`] with the cheap sample as what is known of all (PPI++, arXiv 2311.01453). It is the mean of the
//! judge's scores, whatever the cheap judge says; only its width depends on how the two go together. Scores of two cheap judges
//! are never pooled: another fingerprint begins anew.
//!
//! Assumes that the cheap judge was not fitted on the answers of the window. Broken by one that is away for a part of it.

use std::collections::VecDeque;

use bifocal_model::{Fingerprint, InferenceId, Probability, Score, Timestamp};
use bifocal_stats::planner::{Choice, Rung, choose};
use bifocal_stats::{Moments, PairSums};
use serde::{Deserialize, Serialize};

use crate::limits::CHEAP_MAX;

/// Two-sided error of the interval of the correlation.
const ALPHA: f64 = 0.05;
/// Newest cheap scores that a judged answer's own is looked for among: both come in one batch.
const NEAR: usize = 64;
/// Pairs below which nothing is planned.
const PAIRS_MIN: u64 = 30;
/// More cheap calls for each judged answer are not asked for.
const MOST: f64 = 100.0;

/// A cheap judge that scores many answers where the judge scores few: the estimate is the mean of the judge's scores, and its
/// interval is as narrow as the two go together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LadderView {
    /// Which.
    pub evaluator: String,
    /// Its newest scores.
    pub n: u64,
    /// Answers that both scored.
    pub pairs: u64,
    /// Squared correlation of their scores on the same answers, in [0, 1].
    pub rho2: f64,
    /// Lower end of its 95% interval.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Price of a call of it over that of a call of the judge; `None` before both were paid.
    pub price_ratio: Option<f64>,
    /// Calls of it for each of the judge that cost least at equal width; `None` below 30 pairs.
    pub per_judged: Option<f64>,
    /// The same in words.
    pub advice: String,
}

/// Cheap scores of one stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ladder {
    evaluator: String,
    fingerprint: Option<Fingerprint>,
    scores: VecDeque<CheapScore>,
    /// Cheap scores, judged answers with one, and what they cost together, in dollars or else tokens.
    cost: [f64; 2],
    paid: [f64; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct CheapScore {
    time: Timestamp,
    inference: InferenceId,
    value: f64,
    /// Captured and drawn for the cheap judge.
    probability: Probability,
    class: u16,
}

impl Ladder {
    /// Takes what the cheap judge says; `true` when the oldest had to go.
    pub(crate) fn take<T>(&mut self, score: &Score<T>, class: u16) -> bool {
        let Some(value) = score.value() else { return false };
        if self.fingerprint != Some(score.fingerprint) {
            *self = Self {
                evaluator: score.evaluator.clone(),
                fingerprint: Some(score.fingerprint),
                ..Self::default()
            };
        }
        self.pay(0, score);
        let is_full = self.scores.len() == CHEAP_MAX;
        if is_full {
            self.scores.pop_front();
        }
        self.scores.push_back(CheapScore {
            time: score.time,
            inference: score.inference,
            value: value.get(),
            probability: score.probability(),
            class,
        });
        is_full
    }

    /// What the cheap judge said of an answer that the judge has scored now.
    pub(crate) fn of<T>(&mut self, judged: &Score<T>) -> Option<f64> {
        self.fingerprint?;
        self.pay(1, judged);
        let near = self.scores.iter().rev().take(NEAR);
        near.into_iter().find(|cheap| cheap.inference == judged.inference).map(|cheap| cheap.value)
    }

    fn pay<T>(&mut self, whose: usize, score: &Score<T>) {
        let tokens = f64::from(score.cost.input_tokens) + f64::from(score.cost.output_tokens);
        let cost = score.cost.usd.unwrap_or(tokens);
        if let (Some(sum), Some(n), true) = (self.cost.get_mut(whose), self.paid.get_mut(whose), cost > 0.0) {
            *sum += cost;
            *n += 1.0;
        }
    }

    /// Cheap scores between two moments, both inclusive, by class.
    pub(crate) fn by_class(&self, from: Timestamp, to: Timestamp, classes: usize) -> Vec<Moments> {
        let mut all = vec![Moments::default(); classes];
        for cheap in self.scores.iter().filter(|cheap| cheap.time >= from && cheap.time <= to) {
            if let Some(moments) = all.get_mut(usize::from(cheap.class)) {
                moments.add(cheap.value, cheap.probability.weight());
            }
        }
        all
    }

    /// Whether there is no cheap judge.
    pub(crate) fn is_empty(&self) -> bool {
        self.fingerprint.is_none()
    }

    /// Price of a cheap call over that of the judge's; `None` before both were paid.
    fn price_ratio(&self) -> Option<f64> {
        let [cheap, judge] = [0, 1].map(|of| (self.paid[of] > 0.0).then(|| self.cost[of] / self.paid[of]));
        cheap.zip(judge).map(|(cheap, judge)| cheap / judge)
    }

    /// What is shown of it, and what is planned; `None` without a cheap judge. `pairs`: judge and cheap judge on the same answers.
    pub(crate) fn view(&self, pairs: &PairSums, judged: f64, all: f64) -> Option<LadderView> {
        self.fingerprint?;
        let price_ratio = self.price_ratio();
        let (lower, upper) = if pairs.n() > 3 { pairs.rho2_interval(ALPHA) } else { (0.0, 1.0) };
        let enough = pairs.n() >= PAIRS_MIN;
        // With the lower end: a correlation by chance must not be paid for.
        let choice = price_ratio.filter(|_| enough).map(|price_ratio| {
            choose(&[Rung { rho2: lower.clamp(0.0, 1.0), price_ratio }], judged.max(1.0), all.max(judged))
        });
        let per_judged = choice.map(|choice| match choice {
            Choice::StrongAlone => 1.0,
            Choice::Rung(_, mix) => mix.cheap_per_strong.clamp(1.0, MOST),
        });
        Some(LadderView {
            evaluator: self.evaluator.clone(),
            n: self.scores.len() as u64,
            pairs: pairs.n(),
            rho2: if pairs.n() > 3 { pairs.rho2() } else { 0.0 },
            lower,
            upper,
            price_ratio,
            per_judged,
            advice: choice.map_or_else(|| "not known yet".to_owned(), |choice| choice.to_string()),
        })
    }
}

#[cfg(test)]
mod tests;
