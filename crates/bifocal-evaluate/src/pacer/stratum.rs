//! What is known of one stratum.

use bifocal_model::TargetKey;
use bifocal_stats::rates::Expected;
use serde::{Deserialize, Serialize};

use super::{Terms, boost};

/// Scores that a stratum's spread is shrunken by towards that of scores at large.
const SHRUNKEN_BY: f64 = 20.0;
/// The variance of scores at large: 0.2 squared.
const USUAL_VARIANCE: f64 = 0.04;
/// Weight of yesterday in the usual day.
const NEWEST: f64 = 0.5;
/// A stratum that is seen more seldom, in answers a day, is forgotten.
const FORGOTTEN: f64 = 0.02;
/// Scores and judgements are remembered as so many at the end of a day.
const REMEMBERED: f64 = 300.0;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Stratum {
    pub(super) target: TargetKey,
    pub(super) class: String,
    pub(super) terms: Option<Terms>,
    /// Answers of today, and of a usual day; `None` before the first is over.
    pub(super) today: f64,
    usual: Option<f64>,
    /// Of today's: chosen, and of those answered by the judge and given up.
    pub(super) chosen: u64,
    pub(super) judged: u64,
    pub(super) shed: u64,
    /// Judgements that yesterday's floor lacked.
    pub(super) lacked_yesterday: u64,
    /// Scores, their mean, and the sum of squares around it.
    n: f64,
    mean: f64,
    squares: f64,
    /// Judged answers that cost something, and what.
    pub(super) paid: f64,
    pub(super) cost: f64,
}

impl Stratum {
    pub(super) fn new(target: &TargetKey, class: &str) -> Self {
        Self {
            target: target.clone(),
            class: class.to_owned(),
            terms: None,
            today: 0.0,
            usual: None,
            chosen: 0,
            judged: 0,
            shed: 0,
            lacked_yesterday: 0,
            n: 0.0,
            mean: 0.0,
            squares: 0.0,
            paid: 0.0,
            cost: 0.0,
        }
    }

    pub(super) fn is(&self, target: &TargetKey, class: &str) -> bool {
        self.class == class && self.target == *target
    }

    pub(super) fn count(&mut self, terms: Terms) {
        self.terms = Some(terms);
        self.today += 1.0;
    }

    /// A score, or a failure, and what it cost. `is_first`: of this answer.
    pub(super) fn take(&mut self, value: Option<f64>, cost: f64, is_first: bool) {
        if is_first {
            self.judged += 1;
            self.paid += if cost > 0.0 { 1.0 } else { 0.0 };
        }
        self.cost += cost;
        let Some(value) = value else { return };
        self.n += 1.0;
        let off = value - self.mean;
        self.mean += off / self.n;
        self.squares += off * (value - self.mean);
    }

    /// What judgements cost is in another unit from now on.
    pub(super) fn forget_costs(&mut self) {
        (self.paid, self.cost) = (0.0, 0.0);
    }

    /// A day is over.
    pub(super) fn turn(&mut self) {
        let usual = self.usual.unwrap_or(self.today);
        self.usual = Some(usual + NEWEST * (self.today - usual));
        self.lacked_yesterday = self.unmet();
        (self.today, self.chosen, self.judged, self.shed) = (0.0, 0, 0, 0);
        let keep = |n: f64| (REMEMBERED / n.max(REMEMBERED)).min(1.0);
        let (scores, paid) = (keep(self.n), keep(self.paid));
        (self.n, self.squares) = (self.n * scores, self.squares * scores);
        (self.paid, self.cost) = (self.paid * paid, self.cost * paid);
    }

    pub(super) fn is_alive(&self) -> bool {
        self.usual.is_none_or(|usual| usual >= FORGOTTEN)
    }

    /// Its part of the traffic, by yesterday and today.
    pub(super) fn weight(&self) -> f64 {
        self.today + self.usual.unwrap_or(0.0)
    }

    pub(super) fn floor(&self) -> u64 {
        self.terms.map_or(0, |terms| terms.floor)
    }

    /// Judgements that the floor lacks, of the answers that there were.
    pub(super) fn unmet(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let answers = self.today as u64;
        self.floor().min(answers).saturating_sub(self.done())
    }

    fn done(&self) -> u64 {
        self.chosen.saturating_sub(self.shed)
    }

    pub(super) fn expected(&self, answers: f64, usual_cost: f64) -> Expected {
        let terms = self.terms.unwrap_or(Terms { rate: 1.0, oversample: 1.0, floor: 0 });
        let boost = boost(&self.class, &terms);
        let variance = (self.squares + SHRUNKEN_BY * USUAL_VARIANCE) / (self.n + SHRUNKEN_BY);
        let cost = (self.cost + SHRUNKEN_BY * usual_cost) / (self.paid + SHRUNKEN_BY);
        Expected {
            answers,
            sd: variance.sqrt(),
            cost,
            boost,
            lacks: self.floor().saturating_sub(self.done()) as f64,
            most: (terms.rate * boost).min(1.0),
        }
    }
}
