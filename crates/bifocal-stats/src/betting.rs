//! Confidence by betting: nobody gets rich by betting on a fair game, so a mean against which the observed scores
//! would have made us rich is refused.
//!
//! Theorem (WSR, theorem 3): for values in [0, 1] with conditional mean m, the capitals
//! K+ = prod(1 + lam+_i (x_i - m)) and K- = prod(1 - lam-_i (x_i - m)) with bets from the past only are martingales;
//! by Ville's inequality (K+ + K-) / 2, and so max(K+, K-) / 2, reaches 1 / alpha with probability at most alpha, ever.
//! The set of all m that were never refused is a confidence sequence.
//!
//! Assumes values in [0, 1] with one conditional mean, in the order of arrival. Broken by a mean that changes (an
//! empty set says so) and by an order that depends on the values. No distribution and no least n is assumed.
//!
//! K+ falls and K- grows with m, so what is never refused is an interval. The one-shot interval finds its ends by
//! bisection; the sequence keeps log-capitals on a grid of 400 steps and widens by one step.

use bifocal_model::{Estimate, Method, Window};
use serde::{Deserialize, Serialize};

use crate::estimate::Interval;
use crate::limits::BETTING_GRID;

/// Bets are cut to this share of what would risk ruin: lam+ <= c / m, lam- <= c / (1 - m).
const CUT: f64 = 0.75;
#[expect(clippy::cast_possible_truncation, reason = "400")]
const GRID: usize = BETTING_GRID as usize;
/// The one-shot bound is found to 2^-28, on the refused and so the safe side.
const BISECTIONS: u32 = 28;

/// The running mean and variance that the bets go by, with one pseudo-value: mu_i = (1/2 + sum x) / (i + 1),
/// s2_i = (1/4 + sum (x_j - mu_j)^2) / (i + 1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Plugin {
    n: u64,
    sum: f64,
    squares: f64,
}

impl Plugin {
    pub(crate) fn n(&self) -> u64 {
        self.n
    }

    pub(crate) fn mean(&self) -> f64 {
        (0.5 + self.sum) / (self.n as f64 + 1.0)
    }

    pub(crate) fn add(&mut self, x: f64) {
        self.n += 1;
        self.sum += x;
        self.squares += (x - self.mean()).powi(2);
    }

    fn variance(&self) -> f64 {
        (0.25 + self.squares) / (self.n as f64 + 1.0)
    }

    /// The next bet of a confidence sequence: sqrt(2 log(2 / alpha) / (s2_{i-1} i log(1 + i))).
    pub(crate) fn sequence_bet(&self, alpha: f64) -> f64 {
        let i = self.n as f64 + 1.0;
        (2.0 * (2.0 / alpha).ln() / (self.variance() * i * i.ln_1p())).sqrt()
    }
}

/// Two-sided interval of the mean of values in [0, 1] at level 1 - alpha, for a number of values that was not chosen
/// by looking at them; all of [0, 1] without values. Values outside are cut, NaN is left out.
pub fn interval(values: &[f64], alpha: f64) -> Interval {
    let alpha = alpha.clamp(1e-12, 0.5);
    let lower = lower_bound(values, 0.5 * alpha);
    // The upper bound of x is one minus the lower bound of 1 - x.
    let mirrored: Vec<f64> = values.iter().map(|x| 1.0 - x).collect();
    let upper = 1.0 - lower_bound(&mirrored, 0.5 * alpha);
    if lower <= upper {
        return Interval::new(lower, upper);
    }
    // Both sides refuse everything: the values do not have one mean. What is left is where they cross.
    Interval::new(upper, lower)
}

/// One-sided lower bound of the mean of values in [0, 1] at level 1 - alpha, for a fixed number of values; 0 without
/// values.
///
/// The bets are those of STaR (Voracek and Orabona, arXiv 2505.22422): at each value the stake is the best one to get
/// from the present capital to 1 / alpha in the values that are left. They depend on the past only, so that each
/// single mean is wrongly refused with probability at most alpha, as with any bets. The bound lies some 1.7 standard
/// errors below the mean, where bets that are chosen in advance lie 2.2 below and the normal bound 1.64.
///
/// Bisection takes the refused means for an interval. With bets chosen in advance that is a theorem; with these it is
/// an observation, without an exception in simulations and property tests.
pub fn lower_bound(values: &[f64], alpha: f64) -> f64 {
    let alpha = alpha.clamp(1e-12, 0.5);
    let stakes = stakes(values);
    if !refuses(&stakes, 0.0, alpha) {
        return 0.0;
    }
    let (mut refused, mut kept) = (0.0, 1.0);
    for _ in 0..BISECTIONS {
        let middle = 0.5 * (refused + kept);
        if refuses(&stakes, middle, alpha) {
            refused = middle;
        } else {
            kept = middle;
        }
    }
    refused
}

/// A value and what its bet goes by: 2 / (s2_{i-1} (n - i + 1)).
struct Stake {
    x: f64,
    precision: f64,
}

fn stakes(values: &[f64]) -> Vec<Stake> {
    let mut plugin = Plugin::default();
    let mut stakes: Vec<Stake> = values
        .iter()
        .filter(|x| !x.is_nan())
        .map(|x| {
            let variance = plugin.variance();
            let x = x.clamp(0.0, 1.0);
            plugin.add(x);
            Stake { x, precision: 2.0 / variance }
        })
        .collect();
    for (stake, left) in stakes.iter_mut().rev().zip(1u32..) {
        stake.precision /= f64::from(left);
    }
    stakes
}

/// Whether the capital K+ against the mean m ever reaches 1 / alpha.
fn refuses(stakes: &[Stake], m: f64, alpha: f64) -> bool {
    let most = if m > 0.0 { CUT / m } else { f64::INFINITY };
    // The logarithm of what the capital has yet to be multiplied by.
    let mut missing = -alpha.ln();
    for Stake { x, precision } in stakes {
        let bet = (missing * precision).sqrt().min(most);
        missing -= (bet * (x - m)).ln_1p();
        if missing <= 0.0 {
            return true;
        }
    }
    false
}

/// A hedged betting confidence sequence in progress: holds at all times at once, so it may be looked at after every
/// value and may gate an alert. It starts at a window's start or at a baseline's reset, never across a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BettingSequence {
    alpha: f64,
    plugin: Plugin,
    /// Log-capitals of the bets that the mean is above the grid point.
    above: Vec<f64>,
    /// Log-capitals of the bets that the mean is below the grid point.
    below: Vec<f64>,
    /// Grid points `first..end` were never refused.
    first: usize,
    end: usize,
}

impl BettingSequence {
    /// At level 1 - alpha.
    pub fn new(alpha: f64) -> Self {
        Self {
            alpha: alpha.clamp(1e-12, 0.5),
            plugin: Plugin::default(),
            above: vec![0.0; GRID + 1],
            below: vec![0.0; GRID + 1],
            first: 0,
            end: GRID + 1,
        }
    }

    /// Takes a value, cut to [0, 1]; NaN is left out. O(grid points that are left).
    pub fn update(&mut self, x: f64) {
        if x.is_nan() {
            return;
        }
        let x = x.clamp(0.0, 1.0);
        let bet = self.plugin.sequence_bet(self.alpha);
        self.plugin.add(x);
        let points = self.above.iter_mut().zip(&mut self.below).enumerate();
        for (j, (above, below)) in points.take(self.end).skip(self.first) {
            let m = j as f64 / GRID as f64;
            // c / 0 is infinite, and the least of it and the bet is the bet.
            *above += (bet.min(CUT / m) * (x - m)).ln_1p();
            *below += (-bet.min(CUT / (1.0 - m)) * (x - m)).ln_1p();
        }
        let rich = (2.0 / self.alpha).ln();
        while self.first < self.end && self.above.get(self.first).is_some_and(|capital| *capital >= rich) {
            self.first += 1;
        }
        while self.first < self.end && self.below.get(self.end - 1).is_some_and(|capital| *capital >= rich) {
            self.end -= 1;
        }
    }

    /// How many values it took.
    pub fn n(&self) -> u64 {
        self.plugin.n()
    }

    /// The interval now; all of [0, 1] before the first value. `None` once every mean was refused: the values did not
    /// have one mean, so something changed.
    pub fn interval(&self) -> Option<Interval> {
        if self.first >= self.end {
            return None;
        }
        let step = 1.0 / GRID as f64;
        Some(Interval::new((self.first as f64 - 1.0) * step, self.end as f64 * step))
    }

    /// The mean so far with this interval. `None` before the first value and once every mean was refused.
    pub fn estimate(&self, n_total: f64, window: Window) -> Option<Estimate> {
        if self.n() == 0 {
            return None;
        }
        let value = (self.plugin.sum / self.n() as f64).clamp(0.0, 1.0);
        let Interval { lower, upper } = self.interval()?.holding(value);
        let n_total = if n_total.is_finite() { n_total.max(self.n() as f64) } else { self.n() as f64 };
        let method = Method::BettingSequence;
        Some(Estimate { value, lower, upper, n_judged: self.n(), n_total, method, window })
    }
}

#[cfg(test)]
mod tests;
