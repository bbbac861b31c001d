//! What is normal for a stream: the mean of its first judged scores and a bound that the true mean hardly lies below.
//!
//! Life: the first scores are kept (at most a few hundred f64); from `provisional` of them on there is a baseline to
//! look at; with `full` of them it is frozen and the scores are dropped. A new judge, rubric or model starts a new
//! one; an old one is never updated, for it would learn a slow decline as normal.
//!
//! Why a bound: a detector that takes the mean of n scores for the truth breaks its promise for half of all
//! baselines. The 95% lower bound breaks it for at most 1 in 20 (measured at n = 500: 0 to 2%), and costs 18 to 69%
//! more delay. The bound is exact for scores of 0 and 1 and otherwise a t bound corrected for skew or a betting bound.
//! Assumes scores in [0, 1] with one mean, sampled in the same way as the later ones; broken by a baseline period
//! that is not representative, which is why it says whether it spans a week.
//!
//! Where scores come with strata of their questions, or span a day, the frozen baseline is that of scores adjusted for
//! stratum and hour ([`crate::mix`]): [`Baseline::adjust`] gives what the detector takes, and bound and range are
//! those of adjusted scores.
//!
//! A baseline that is [`cut_above`](Baseline::cut_above) and has no mix cuts scores at its 99.5% quantile, and bound and
//! range are those of cut scores: a score that hardly anybody gets costs no stake, and falls of scores that seldom reach
//! 1 are seen sooner.
//!
//! Invariant: the lower bound lies strictly below the mean, the upper one strictly above it.

use bifocal_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::mean_bound;
use crate::mix::{Cells, Mix};

/// Judged scores that make a baseline final: 95% of baselines of this size keep the promised false-alarm rate.
const FULL_JUDGED: u64 = 500;
/// Judged scores that make a provisional baseline: enough to warn, not to page, for 1 in 10 of them is too high.
const PROVISIONAL_JUDGED: u64 = 200;
/// One-sided level of the bound, unless [`Baseline::set_level`] says otherwise.
pub(crate) const ALPHA: f64 = 0.05;
/// Least distance of the bound from the mean.
const GAP_MIN: f64 = 1e-6;
/// Scores between two computations of the bound of a provisional baseline: each goes over all scores.
const BOUND_EVERY: u64 = 50;
/// The share of scores beyond the cut, and the least cut.
const CUT_BEYOND: f64 = 0.005;
const CUT_MIN: f64 = 1e-3;
/// From this span on the hours of the day are told apart.
const DAY: Span = Span::from_secs(24 * 3600);
const WEEK: Span = Span::from_secs(7 * 24 * 3600);

/// A baseline, growing or frozen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    provisional: u64,
    full: u64,
    n: u64,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    lcb: Option<f64>,
    /// Made when it is frozen.
    #[serde(default)]
    ucb: Option<f64>,
    first: Timestamp,
    last: Timestamp,
    /// The scores in the order of arrival, until the baseline is frozen.
    scores: Vec<f64>,
    /// Their strata and hours, until the baseline is frozen.
    #[serde(default)]
    cells: Cells,
    /// Whether scores are cut above, and at what once it is frozen.
    #[serde(default)]
    cuts: bool,
    #[serde(default)]
    cut: Option<f64>,
    /// What scores are adjusted for once it is frozen.
    #[serde(default)]
    mix: Option<Box<Mix>>,
    /// One-sided level of the bounds.
    level: f64,
    /// Whether hours of the day may be told apart.
    hours: bool,
}

impl Default for Baseline {
    fn default() -> Self {
        Self::new(PROVISIONAL_JUDGED, FULL_JUDGED)
    }
}

impl Baseline {
    /// Frozen at `full` scores (at least 1), to be looked at from `provisional` on (at most `full`).
    pub fn new(provisional: u64, full: u64) -> Self {
        let full = full.max(1);
        let (first, last) = (Timestamp::default(), Timestamp::default());
        let provisional = provisional.clamp(1, full);
        Self {
            provisional,
            full,
            n: 0,
            mean: 0.0,
            squares: 0.0,
            lcb: None,
            ucb: None,
            first,
            last,
            scores: Vec::new(),
            cells: Cells::default(),
            cuts: false,
            cut: None,
            mix: None,
            level: ALPHA,
            hours: true,
        }
    }

    /// The one-sided level of the bounds, in (0, 0.05]: how often a bound may lie on the wrong side of the mean. Has an
    /// effect until it is frozen.
    pub fn set_level(&mut self, level: f64) {
        if level > 0.0 {
            self.level = level.min(ALPHA);
        }
    }

    /// The same, with the hours of the day never told apart. An hour's effect rests on few scores, and the bound of the
    /// baseline does not hold for a time that is all in one hour.
    #[must_use]
    pub fn without_hours(mut self) -> Self {
        self.hours = false;
        self
    }

    /// The same, to be cut above: for who watches for a fall alone.
    #[must_use]
    pub fn cut_above(mut self) -> Self {
        self.cuts = true;
        self
    }

    /// Takes a score, cut to [0, 1], with the time of its inference. Does nothing once frozen, and with NaN.
    pub fn push(&mut self, score: f64, time: Timestamp) {
        self.push_in(score, None, time);
    }

    /// Takes a score with the stratum of its question: topic, template, tenant, language, never a property of the
    /// answer.
    pub fn push_in(&mut self, score: f64, stratum: Option<&str>, time: Timestamp) {
        if self.is_frozen() || score.is_nan() {
            return;
        }
        let score = score.clamp(0.0, 1.0);
        (self.first, self.last) =
            if self.n == 0 { (time, time) } else { (self.first.min(time), self.last.max(time)) };
        self.n += 1;
        let from_old_mean = score - self.mean;
        self.mean += from_old_mean / self.n as f64;
        self.squares += from_old_mean * (score - self.mean);
        self.scores.push(score);
        self.cells.push(stratum, time);
        if self.n == self.provisional
            || self.is_frozen()
            || (self.lcb.is_some() && self.n.is_multiple_of(BOUND_EVERY))
        {
            self.lcb = Some(mean_bound::lower(&self.scores, self.level));
        }
        self.lcb = self.lcb.map(|bound| bound.min(self.mean - GAP_MIN));
        if self.is_frozen() {
            self.freeze();
        }
    }

    fn freeze(&mut self) {
        let scores = std::mem::take(&mut self.scores);
        let cells = std::mem::take(&mut self.cells);
        let with_hours = self.hours && self.last.since(self.first) >= DAY;
        self.mix = cells.fit(&scores, self.mean, with_hours).map(Box::new);
        if self.cuts && self.mix.is_none() {
            let mut sorted = scores.clone();
            sorted.sort_by(f64::total_cmp);
            #[expect(clippy::cast_possible_truncation, reason = "a share of the number of scores")]
            let beyond = (CUT_BEYOND * scores.len() as f64) as usize;
            // Room for a bet, also where all scores are 0.
            self.cut = sorted.get(sorted.len().saturating_sub(1 + beyond)).map(|cut| cut.max(CUT_MIN));
        }
        let (lower, upper) = self.range();
        let unit: Vec<f64> = match &self.mix {
            Some(mix) => cells.adjusted(&scores, mix).map(|x| (x - lower) / (upper - lower)).collect(),
            None => scores.iter().map(|x| x.min(upper) / upper).collect(),
        };
        let of = |unit: f64| lower + (upper - lower) * unit;
        if self.mix.is_some() || self.cut.is_some() {
            self.lcb = Some(of(mean_bound::lower(&unit, self.level)).min(self.mean - GAP_MIN));
        }
        self.ucb = Some(of(mean_bound::upper(&unit, self.level)).max(self.mean + GAP_MIN));
    }

    /// What a detector takes for a score once the baseline is frozen: without the effects of its stratum and hour, or
    /// cut.
    pub fn adjust(&self, score: f64, stratum: Option<&str>, time: Timestamp) -> f64 {
        let adjusted = self.mix.as_ref().map_or(score, |mix| mix.adjust(score, stratum, time));
        self.cut.map_or(adjusted, |cut| adjusted.min(cut))
    }

    /// The least and the largest value that [`Self::adjust`] gives for scores in [0, 1].
    pub fn range(&self) -> (f64, f64) {
        self.mix.as_ref().map_or_else(|| (0.0, self.cut.unwrap_or(1.0)), |mix| mix.bounds())
    }

    /// What scores are adjusted for; `None` before it is frozen and where there is nothing.
    pub fn mix(&self) -> Option<&Mix> {
        self.mix.as_deref()
    }

    /// How many scores it rests on.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// How many scores freeze it.
    pub fn full(&self) -> u64 {
        self.full
    }

    /// Whether there are enough scores to look at it.
    pub fn is_provisional(&self) -> bool {
        self.n >= self.provisional && !self.is_frozen()
    }

    /// Whether it is final.
    pub fn is_frozen(&self) -> bool {
        self.n >= self.full
    }

    /// The mean; 0 before the first score.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation, with n / (n - 1); 0 below 2 scores.
    pub fn sd(&self) -> f64 {
        if self.n < 2 { 0.0 } else { (self.squares.max(0.0) / (self.n as f64 - 1.0)).sqrt() }
    }

    /// The one-sided 95% lower bound of the mean, strictly below the mean. Before there are enough scores, the bound
    /// that needs none: just below 0.
    pub fn lcb(&self) -> f64 {
        self.lcb.unwrap_or(-GAP_MIN)
    }

    /// The one-sided 95% upper bound of the mean, strictly above the mean; just above 1 before it is frozen.
    pub fn ucb(&self) -> f64 {
        self.ucb.unwrap_or(1.0 + GAP_MIN)
    }

    /// Time of the earliest inference in it.
    pub fn first(&self) -> Timestamp {
        self.first
    }

    /// Time of the latest inference in it.
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// Whether it spans a week, so that the difference of day and night and of weekdays is in it.
    pub fn seasonality_covered(&self) -> bool {
        self.last.since(self.first) >= WEEK
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn filled(scores: impl IntoIterator<Item = f64>) -> Baseline {
        let mut baseline = Baseline::default();
        for (score, second) in scores.into_iter().zip(0..) {
            baseline.push(score, at(second));
        }
        baseline
    }

    #[test]
    fn it_is_provisional_at_200_and_frozen_at_500() {
        let mut random = Random::new(21);
        let mut baseline = Baseline::default();
        for i in 1..=600u32 {
            baseline.push(random.power(2.0), at(i64::from(i)));
            assert_eq!(baseline.is_provisional(), (200..500).contains(&i));
            assert_eq!(baseline.is_frozen(), i >= 500);
            assert!(baseline.lcb() < baseline.mean(), "{i}");
        }
        assert_eq!((baseline.n(), baseline.first(), baseline.last()), (500, at(1), at(500)));
        assert!(baseline.scores.is_empty());
        assert!((baseline.mean() - 2.0 / 3.0).abs() < 0.03);
        assert!((baseline.sd() - (1.0f64 / 18.0).sqrt()).abs() < 0.02);
    }

    #[test]
    fn the_bound_is_not_far_below_the_mean() {
        let mut random = Random::new(24);
        let gaps = (0..40).map(|_| {
            let baseline = filled((0..500).map(|_| random.power(2.0)));
            (baseline.mean() - baseline.lcb()) / (baseline.sd() / 500f64.sqrt())
        });
        // In standard errors; a normal bound would lie 1.64 below.
        let gap = gaps.sum::<f64>() / 40.0;
        assert!((1.6..2.0).contains(&gap), "{gap}");
    }

    #[test]
    fn scores_that_are_all_the_same() {
        for score in [0.0, 0.3, 1.0] {
            let baseline = filled([score; 500]);
            assert_eq!((baseline.mean(), baseline.sd()), (score, 0.0));
            assert!(baseline.lcb() < score, "{score}");
            assert!(baseline.lcb() > score - 0.02, "{score}: {}", baseline.lcb());
        }
    }

    #[test]
    fn a_week_covers_the_seasons() {
        let mut baseline = Baseline::new(1, 3);
        baseline.push(0.5, at(1_000));
        assert!(!baseline.seasonality_covered());
        baseline.push(0.5, at(1_000 - 7 * 86_400 + 1));
        assert!(!baseline.seasonality_covered());
        baseline.push(0.5, at(1_001));
        assert!(baseline.seasonality_covered());
    }

    #[test]
    fn nothing_to_go_by() {
        let mut baseline = Baseline::default();
        baseline.push(f64::NAN, at(5));
        assert_eq!((baseline.n(), baseline.mean(), baseline.sd()), (0, 0.0, 0.0));
        assert!(baseline.lcb() < 0.0);
    }

    #[test]
    fn a_baseline_read_back_goes_on_bit_for_bit() {
        let mut random = Random::new(22);
        let mut baseline = filled((0..300).map(|_| random.uniform()));
        let json = serde_json::to_string(&baseline).unwrap();
        let mut copy: Baseline = serde_json::from_str(&json).unwrap();
        assert_eq!(copy, baseline);
        for i in 0..200 {
            let score = random.uniform();
            baseline.push(score, at(i));
            copy.push(score, at(i));
        }
        assert_eq!(copy, baseline);
        assert_eq!(copy.lcb().to_bits(), baseline.lcb().to_bits());
    }

    #[test]
    fn the_bound_is_above_the_truth_in_at_most_one_of_twenty() {
        let mut random = Random::new(23);
        let runs = 1_000u32;
        let too_high = (0..runs).filter(|_| filled((0..500).map(|_| random.power(0.25))).lcb() > 0.2).count();
        let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt();
        assert!(too_high as f64 / f64::from(runs) <= allowed, "{too_high}");
    }
}
