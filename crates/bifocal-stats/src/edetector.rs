//! The alarm: a bettor who bets all the time that the mean has just left the baseline. His expected wealth under
//! "still normal" is known, so his wealth is the evidence, and a threshold on it is a false-alarm rate.
//!
//! Theorem (SRR, arXiv 2203.03532): let the null be that each X_t has conditional mean at least m0 given the past,
//! and X_t <= c. For lam_k = g_k / (c - m0), g_k in (0, 1), the factors L_k = 1 + lam_k (m0 - X_t) are non-negative
//! with conditional mean at most 1. Shiryaev-Roberts evidence M_k <- L_k (M_k + 1), M = mean of the M_k, makes M_t - t
//! a supermartingale, so that the mean time to a false alarm at M >= A is at least A, and the probability of a false
//! alarm within T values is at most T / A. No independence, no distribution and no variance is assumed.
//!
//! Broken by an m0 above the true mean (use a lower confidence bound), by a mix of traffic that changes, and by
//! looking at more values than the threshold was made for. Values above c are cut to c, which is valid when m0 is the
//! baseline of the cut values.
//!
//! A CUSUM twin, C_k <- L_k max(C_k, 1), runs beside each bet and tells the onset: the last time at which the richest
//! one started over. [`Detector::onset_set`] gives the range of starts that the values support.
//!
//! Evidence is kept as plain f64, not as logarithms: it is cut at 1e290, where every threshold was passed long ago,
//! and cutting evidence downward keeps the theorem.

use serde::{Deserialize, Serialize};

mod onset;

pub use onset::OnsetSet;

const BETS: usize = 10;
/// The bets g_k as shares of what would risk ruin: ten values from 0.01 to 0.9 in equal ratios, 90^(k/9) / 100.
const SHARES: [f64; BETS] = [
    0.01,
    0.016_486_864_043_382_53,
    0.027_181_668_598_497_983,
    0.044_814_047_465_571_64,
    0.073_884_310_779_857_12,
    0.121_812_058_676_652_73,
    0.200_829_885_024_650_82,
    0.331_105_501_024_956_45,
    0.545_889_137_941_451_1,
    0.9,
];
const EVIDENCE_MAX: f64 = 1e290;
/// Least distance between null and bound, on the scale of scores: a null at the bound would make bets infinite.
const ROOM_MIN: f64 = 1e-6;
/// Most that one value may win, as a multiple of what it may lose.
const WIN_MAX: f64 = 1e6;

/// A one-sided detector in progress. Under 240 bytes, tens of nanoseconds per value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detector {
    side: Side,
    null: f64,
    bound: f64,
    n: u64,
    evidence: [f64; BETS],
    cusum: [f64; BETS],
    /// Saturates: a start later than 4e9 values is not told apart.
    onset: [u32; BETS],
}

/// What one value did.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The evidence against the null now: finite, at least 0.
    pub evidence: f64,
    /// Whether it has reached the threshold.
    pub alarm: bool,
}

/// Two detectors on one stream, which bet that the mean fell and that it rose. Their mean evidence has the same
/// guarantee as that of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TwoSided {
    fall: Detector,
    rise: Detector,
}

/// Where the bettor expects the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Side {
    Below,
    Above,
}

impl Detector {
    /// Watches for a mean below `m0` of values that are at most `upper`. The null is mean >= `m0`; an `m0` closer than
    /// 1e-6 to `upper` is lowered to that, which errs to the safe side.
    pub fn degradation(m0: f64, upper: f64) -> Self {
        Self::new(Side::Below, finite(m0).min(finite(upper) - ROOM_MIN), finite(upper))
    }

    /// Watches for a mean above `m1` of values that are at least `lower`: the mirror image. The null is mean <= `m1`;
    /// an `m1` closer than 1e-6 to `lower` is raised to that.
    pub fn improvement(m1: f64, lower: f64) -> Self {
        Self::new(Side::Above, finite(m1).max(finite(lower) + ROOM_MIN), finite(lower))
    }

    /// Watches for the return of a stream in alarm: the null is that the mean is still at most `m0 - tolerance`,
    /// of values that are at least 0.
    pub fn recovery(m0: f64, tolerance: f64) -> Self {
        Self::improvement(m0 - tolerance, 0.0)
    }

    /// Takes a value and gives the evidence, finite and at least 0. NaN is left out. Evidence goes on after it reached
    /// a threshold; who acted on it calls [`reset`](Self::reset).
    pub fn update(&mut self, x: f64) -> f64 {
        let Some(win) = self.win(x) else { return self.evidence() };
        let now = u32::try_from(self.n).unwrap_or(u32::MAX);
        let twins = self.cusum.iter_mut().zip(&mut self.onset);
        for ((share, evidence), (cusum, onset)) in SHARES.iter().zip(&mut self.evidence).zip(twins) {
            let factor = 1.0 + share * win;
            *evidence = ((*evidence + 1.0) * factor).min(EVIDENCE_MAX);
            if *cusum <= 1.0 {
                (*cusum, *onset) = (1.0, now);
            }
            *cusum = (*cusum * factor).min(EVIDENCE_MAX);
        }
        self.n += 1;
        self.evidence()
    }

    /// [`update`](Self::update), compared with a threshold.
    pub fn step(&mut self, x: f64, threshold: f64) -> Step {
        let evidence = self.update(x);
        Step { evidence, alarm: evidence >= threshold }
    }

    /// The evidence against the null: the mean of the ten bets.
    pub fn evidence(&self) -> f64 {
        self.evidence.iter().sum::<f64>() / BETS as f64
    }

    /// The mean that it bets against.
    pub fn null(&self) -> f64 {
        self.null
    }

    /// Values since it was made or reset.
    pub fn n(&self) -> u64 {
        self.n
    }

    /// The most likely first value of the change: its index among the values since the detector was made or reset,
    /// from 0. `None` while no bet is ahead. A point without an interval.
    pub fn onset_index(&self) -> Option<u64> {
        let richest = self.cusum.iter().zip(&self.onset).max_by(|(a, _), (b, _)| a.total_cmp(b));
        richest.filter(|(cusum, _)| **cusum > 1.0).map(|(_, onset)| u64::from(*onset))
    }

    /// Starts over against the same null.
    pub fn reset(&mut self) {
        *self = Self::new(self.side, self.null, self.bound);
    }

    /// What a value wins in units of what it may lose at most: at least -1. `None` for NaN.
    fn win(&self, x: f64) -> Option<f64> {
        let win = match self.side {
            Side::Below => (self.null - x) / (self.bound - self.null),
            Side::Above => (x - self.null) / (self.null - self.bound),
        };
        (!x.is_nan()).then(|| win.clamp(-1.0, WIN_MAX))
    }

    fn new(side: Side, null: f64, bound: f64) -> Self {
        Self { side, null, bound, n: 0, evidence: [0.0; BETS], cusum: [0.0; BETS], onset: [0; BETS] }
    }
}

impl TwoSided {
    /// Watches for any change of a mean `m0` of values in [`lower`, `upper`].
    pub fn new(m0: f64, lower: f64, upper: f64) -> Self {
        Self::between(m0, m0, lower, upper)
    }

    /// Watches for a mean outside of [`low`, `high`], of values in [`lower`, `upper`]: the bounds of a mean that is
    /// learnt, widened by what does no harm.
    pub fn between(low: f64, high: f64, lower: f64, upper: f64) -> Self {
        Self { fall: Detector::degradation(low, upper), rise: Detector::improvement(high, lower) }
    }

    /// Values since it was made or reset.
    pub fn n(&self) -> u64 {
        self.fall.n()
    }

    /// Takes a value and gives the evidence.
    pub fn update(&mut self, x: f64) -> f64 {
        self.fall.update(x);
        self.rise.update(x);
        self.evidence()
    }

    /// The evidence against an unchanged mean.
    pub fn evidence(&self) -> f64 {
        0.5 * (self.fall.evidence() + self.rise.evidence())
    }

    /// The side with more evidence: whether the mean fell (or else rose).
    pub fn fell(&self) -> bool {
        self.fall.evidence() >= self.rise.evidence()
    }

    /// The onset on the side with more evidence.
    pub fn onset_index(&self) -> Option<u64> {
        if self.fell() { self.fall.onset_index() } else { self.rise.onset_index() }
    }

    /// Starts over.
    pub fn reset(&mut self) {
        self.fall.reset();
        self.rise.reset();
    }
}

/// Anything that is no number counts as 0, so that no later number becomes NaN.
fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

#[cfg(test)]
mod tests;
