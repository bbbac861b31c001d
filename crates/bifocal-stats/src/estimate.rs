//! The shown interval of a mean of judged scores, and the rule that chooses how it is made.
//!
//! The rule (n is Kish's effective number where weights differ, mean is the weighted mean):
//!
//! 1. n >= 50, n mean >= 30 and n (1 - mean) >= 30, and the scores are not all the same: Student's t. Below those
//!    numbers t intervals of skewed scores cover far less than they say (0.73 instead of 0.95 at worst).
//! 2. Otherwise the fixed-n betting interval on the judged scores, which covers at any n and any skew. When inclusion
//!    probabilities pi differ it bets on Z = Y pibar / pi (on (1 - Y) pibar / pi for means above 1/2) with
//!    pibar = n / sum(1/pi), the harmonic mean of pi over the judged, which estimates the mean of pi over all traffic:
//!    a judged item is drawn in proportion to its pi, so that E[Z | judged] = mean(Y).
//! 3. Where the largest pibar / pi exceeds 3 that bet gets wide. If then n mean >= 15 and n (1 - mean) >= 15, it is
//!    the asymptotic confidence sequence of the pseudo-outcomes mean + (judged / pi)(Y - mean) over all traffic.
//!    With less mass that one covers 91% where a few scores hold most of the weight, and the wide bet is shown.
//!
//! Assumes: pi is known and positive for every item, inclusions are independent of the scores given pi, items come
//! in the order of their arrival (betting goes by order: sorted by score it is broken), and scores of one window
//! have one mean. Clusters (many items of one conversation) make every one of the intervals too narrow.

use bifocal_model::{Estimate, Method, Probability, Window};
use serde::{Deserialize, Serialize};

use crate::asymptotic::{DEFAULT_TARGET_N, boundary};
use crate::betting;
use crate::design::{Judged, Stratum, shown};
use crate::distribution::student_t_quantile;
use crate::moments::Moments;

/// Judged scores below which no interval rests on the central limit theorem: below, t intervals of skewed scores
/// cover less than 93%.
pub(crate) const CLT_MIN_JUDGED: u64 = 50;
/// Least value of n mean and of n (1 - mean) for a t interval: the same for means near 0 or 1.
const CLT_MIN_MASS: f64 = 30.0;
/// Largest ratio of pibar to pi at which weighted scores are bet on: beyond, the interval is too wide to be of use.
const BETTING_MAX_WEIGHT_RATIO: f64 = 3.0;
/// Least value of n mean and of n (1 - mean) for an asymptotic sequence of weighted scores: below, it covers 91%
/// where a few scores hold most of the weight.
const ASYMPTOTIC_MIN_MASS: f64 = 15.0;

/// A judged score with its probability of being in the sample at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Weighted {
    /// The score, or 1 for passed and 0 for not. Cut to [0, 1]; NaN is left out.
    pub value: f64,
    /// Inclusion probability, capture and judge sampling together.
    pub probability: Probability,
}

/// A closed interval, lower <= upper.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

impl Interval {
    /// All of [0, 1]: nothing is known of a score's mean.
    pub const UNIT: Self = Self { lower: 0.0, upper: 1.0 };

    /// From two ends, cut to [0, 1]; ends that are no numbers become the ends of [0, 1].
    pub(crate) fn new(lower: f64, upper: f64) -> Self {
        let lower = if lower.is_nan() { 0.0 } else { lower.clamp(0.0, 1.0) };
        let upper = if upper.is_nan() { 1.0 } else { upper.clamp(0.0, 1.0) };
        Self { lower: lower.min(upper), upper: upper.max(lower) }
    }

    /// Widened so that it holds the point.
    pub(crate) fn holding(self, point: f64) -> Self {
        Self { lower: self.lower.min(point), upper: self.upper.max(point) }
    }

    /// Whether the point lies inside.
    pub fn contains(&self, point: f64) -> bool {
        self.lower <= point && point <= self.upper
    }

    /// Upper minus lower.
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }
}

/// The mean of the judged scores of one stratum, weighted by 1/pi (Hajek), with its interval at level 1 - alpha by the
/// rule above: [`shown`] without strata and predictions. `None` without samples. `n_total` is how many there were to
/// judge, for the record; less than the number of samples is not believed.
pub fn interval(samples: &[Weighted], n_total: f64, window: Window, alpha: f64) -> Option<Estimate> {
    let judged: Vec<Judged> = samples
        .iter()
        .map(|sample| Judged {
            value: sample.value,
            probability: sample.probability,
            stratum: 0,
            proxy: None,
        })
        .collect();
    shown(&judged, &[Stratum { total: n_total, ..Stratum::default() }], window, alpha).ok()
}

/// The t interval of a weighted mean from its sums alone, where the rule allows one; `None` where it asks for the
/// scores themselves.
pub fn student_t(moments: &Moments, alpha: f64) -> Option<Interval> {
    let (mean, n) = (moments.mean()?, moments.effective_n());
    if !allows_t(mean, n) {
        return None;
    }
    let standard_error = moments.standard_error()?;
    // Scores that are all the same say nothing of the rare other ones: the interval would be a point. Sums of
    // equal scores differ from zero variance by rounding only.
    if moments.sd()? < 1e-7 {
        return None;
    }
    let margin = student_t_quantile(1.0 - 0.5 * alpha, n - 1.0) * standard_error;
    Some(Interval::new(mean - margin, mean + margin))
}

/// Whether the rule allows a t interval for a weighted mean of this many effective scores.
pub(crate) fn allows_t(mean: f64, effective_n: f64) -> bool {
    effective_n >= CLT_MIN_JUDGED as f64
        && effective_n * mean >= CLT_MIN_MASS
        && effective_n * (1.0 - mean) >= CLT_MIN_MASS
}

/// The interval where the rule allows no t: scores in [0, 1] in the order of their arrival, each with its weight in the
/// mean, and the mean's standard error if there is one. Weights need not add up to 1.
pub(crate) fn skewed(
    weighed: &[(f64, f64)],
    mean: f64,
    standard_error: Option<f64>,
    alpha: f64,
) -> (Interval, Method) {
    let n = weighed.len() as f64;
    let sum: f64 = weighed.iter().map(|(_, weight)| weight).sum();
    let squares: f64 = weighed.iter().map(|(_, weight)| weight * weight).sum();
    let max_ratio = weighed.iter().map(|(_, weight)| weight * n / sum).fold(1.0, f64::max);
    let mass = sum * sum / squares * mean.min(1.0 - mean);
    if let Some(standard_error) = standard_error
        && max_ratio > BETTING_MAX_WEIGHT_RATIO
        && mass >= ASYMPTOTIC_MIN_MASS
    {
        // The boundary depends on time only through n / t*, so that it may be clocked in judged items.
        let margin = standard_error * boundary(n, DEFAULT_TARGET_N, alpha);
        return (Interval::new(mean - margin, mean + margin), Method::AsymptoticSequence);
    }
    // Of Y and 1 - Y the smaller one: most of the spread of the larger one times pibar / pi is that of pi alone.
    let mirrored = mean > 0.5;
    let scaled: Vec<f64> = weighed
        .iter()
        .map(|(value, weight)| (if mirrored { 1.0 - value } else { *value }) * (weight * n / sum) / max_ratio)
        .collect();
    let Interval { lower, upper } = betting::interval(&scaled, alpha);
    let (lower, upper) = (lower * max_ratio, upper * max_ratio);
    let interval =
        if mirrored { Interval::new(1.0 - upper, 1.0 - lower) } else { Interval::new(lower, upper) };
    (interval, Method::Betting)
}

#[cfg(test)]
mod tests;
