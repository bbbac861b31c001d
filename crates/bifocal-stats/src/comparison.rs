//! The detectors that others use, for an honest comparison on the same values: a fixed threshold, a rolling z-test,
//! CUSUM, Page-Hinkley and a Kolmogorov-Smirnov window. Nothing here gates an alert.
//!
//! None of them promises how often it alarms by chance: the textbook limits (z at 1.96, KS at 5%) hold for one look,
//! not for one after every value. [`Comparison::calibrated`] sets the limit by a bootstrap of reference values, which
//! is the fair way to compare delays; the limits of habit are what people run.
//!
//! All watch for a fall. An alarm is a statistic at or above the limit.

use serde::{Deserialize, Serialize};

mod window;

use window::Recent;

/// Paths that a calibration draws.
const PATHS: u32 = 200;
/// The share of paths that see no alarm within the mean time to one: exp(-1), for times that are nearly exponential.
const QUIET_SHARE: f64 = 0.367_879_441_171_442_33;
/// Least standard deviation that a z-test divides by.
const SD_MIN: f64 = 1e-6;
/// The limit of habit of a z-test, two-sided 5% at one look.
const Z_LIMIT: f64 = 1.96;
/// The 5% limit of the two-sample Kolmogorov-Smirnov statistic, to be multiplied by sqrt(1/n + 1/m).
const KS_LIMIT: f64 = 1.358;

/// A detector for comparison, in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    statistic: Statistic,
    limit: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Statistic {
    /// How far the mean of a window lies below a floor.
    FixedThreshold { floor: f64, recent: Recent },
    /// How many standard errors the mean of a window lies below the reference's.
    RollingZ { mean: f64, sd: f64, recent: Recent },
    /// S <- max(0, S + (mean - x) - allowance).
    Cusum { mean: f64, allowance: f64, sum: f64 },
    /// The sum of (running mean - x - allowance) above its lowest point.
    PageHinkley { allowance: f64, n: u64, mean: f64, sum: f64, lowest: f64 },
    /// The largest amount by which the window's distribution function exceeds the reference's.
    KsWindow { reference: Vec<f64>, recent: Recent },
}

impl Comparison {
    /// Alarms while the mean of the newest `window` values is at or below `floor`.
    pub fn fixed_threshold(window: usize, floor: f64) -> Self {
        Self { statistic: Statistic::FixedThreshold { floor, recent: Recent::new(window) }, limit: 0.0 }
    }

    /// Alarms while the mean of the newest `window` values lies 1.96 standard errors below the reference's `mean`.
    pub fn rolling_z(window: usize, mean: f64, sd: f64) -> Self {
        let sd = if sd > SD_MIN { sd } else { SD_MIN };
        Self { statistic: Statistic::RollingZ { mean, sd, recent: Recent::new(window) }, limit: Z_LIMIT }
    }

    /// CUSUM that ignores an eighth of a standard deviation. The limit of habit is 5 standard deviations.
    pub fn cusum(mean: f64, sd: f64) -> Self {
        let sd = if sd > SD_MIN { sd } else { SD_MIN };
        Self { statistic: Statistic::Cusum { mean, allowance: 0.125 * sd, sum: 0.0 }, limit: 5.0 * sd }
    }

    /// Page-Hinkley, which learns the mean as it goes and ignores a twentieth of a standard deviation. The limit of
    /// habit is 10 standard deviations.
    pub fn page_hinkley(sd: f64) -> Self {
        let sd = if sd > SD_MIN { sd } else { SD_MIN };
        let statistic =
            Statistic::PageHinkley { allowance: 0.05 * sd, n: 0, mean: 0.0, sum: 0.0, lowest: 0.0 };
        Self { statistic, limit: 10.0 * sd }
    }

    /// The newest `window` values against `reference`, at the 5% limit of one look. `None` without a reference.
    pub fn ks_window(window: usize, reference: &[f64]) -> Option<Self> {
        let mut reference: Vec<f64> = reference.iter().copied().filter(|x| x.is_finite()).collect();
        reference.sort_by(f64::total_cmp);
        let window = window.max(1);
        let limit = KS_LIMIT * (1.0 / reference.len() as f64 + 1.0 / window as f64).sqrt();
        let statistic = Statistic::KsWindow { reference, recent: Recent::new(window) };
        limit.is_finite().then_some(Self { statistic, limit })
    }

    /// The same detector with a limit that a stream like `reference` crosses once in `values_to_alarm` values on
    /// average: the exp(-1) quantile of the highest statistic of 200 bootstrap paths of that length. `uniform` gives
    /// numbers in [0, 1). An empty reference changes nothing.
    pub fn calibrated(
        mut self,
        reference: &[f64],
        values_to_alarm: u32,
        mut uniform: impl FnMut() -> f64,
    ) -> Self {
        self.reset();
        let mut highest: Vec<f64> = (0..PATHS)
            .filter_map(|_| {
                let mut path = self.clone();
                let peaks = (0..values_to_alarm).filter_map(|_| path.update(*pick(reference, uniform())?));
                peaks.max_by(f64::total_cmp)
            })
            .collect();
        highest.sort_by(f64::total_cmp);
        if let Some(limit) = highest.get(quantile_index(highest.len())) {
            // An alarm needs to reach the limit, so it lies just above the quantile.
            self.limit = limit.next_up();
        }
        self
    }

    /// For people: `fixed threshold`, `rolling z`, …
    pub fn name(&self) -> &'static str {
        match &self.statistic {
            Statistic::FixedThreshold { .. } => "fixed threshold",
            Statistic::RollingZ { .. } => "rolling z",
            Statistic::Cusum { .. } => "CUSUM",
            Statistic::PageHinkley { .. } => "Page-Hinkley",
            Statistic::KsWindow { .. } => "KS window",
        }
    }

    /// The limit in force.
    pub fn limit(&self) -> f64 {
        self.limit
    }

    /// Takes a value and gives the statistic; `None` while a window is not full. What is not finite is left out.
    pub fn update(&mut self, x: f64) -> Option<f64> {
        if !x.is_finite() {
            return None;
        }
        match &mut self.statistic {
            Statistic::FixedThreshold { floor, recent } => recent.push(x).map(|mean| *floor - mean),
            Statistic::RollingZ { mean, sd, recent } => {
                let n = recent.length() as f64;
                recent.push(x).map(|now| (*mean - now) / *sd * n.sqrt())
            }
            Statistic::Cusum { mean, allowance, sum } => {
                *sum = (*sum + *mean - x - *allowance).max(0.0);
                Some(*sum)
            }
            Statistic::PageHinkley { allowance, n, mean, sum, lowest } => {
                *n += 1;
                *mean += (x - *mean) / *n as f64;
                *sum += *mean - x - *allowance;
                *lowest = lowest.min(*sum);
                Some(*sum - *lowest)
            }
            Statistic::KsWindow { reference, recent } => {
                recent.push(x)?;
                Some(above(recent.values(), reference))
            }
        }
    }

    /// Takes a value and says whether it alarms now.
    pub fn step(&mut self, x: f64) -> bool {
        self.update(x).is_some_and(|statistic| statistic >= self.limit)
    }

    /// Forgets the values; keeps reference and limit.
    pub fn reset(&mut self) {
        match &mut self.statistic {
            Statistic::FixedThreshold { recent, .. }
            | Statistic::RollingZ { recent, .. }
            | Statistic::KsWindow { recent, .. } => recent.clear(),
            Statistic::Cusum { sum, .. } => *sum = 0.0,
            Statistic::PageHinkley { n, mean, sum, lowest, .. } => {
                (*n, *mean, *sum, *lowest) = (0, 0.0, 0.0, 0.0);
            }
        }
    }
}

/// The largest excess of the distribution function of `values` over that of `reference`, which is sorted.
fn above(values: &[f64], reference: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut below = 0;
    let mut most = 0.0f64;
    for (i, x) in sorted.iter().enumerate() {
        while reference.get(below).is_some_and(|r| r <= x) {
            below += 1;
        }
        // With equal values the last of them counts.
        let here = (i + 1) as f64 / sorted.len() as f64;
        most = most.max(here - below as f64 / reference.len() as f64);
    }
    most
}

fn pick(values: &[f64], uniform: f64) -> Option<&f64> {
    #[expect(clippy::cast_possible_truncation, reason = "at most the number of values")]
    let index = (uniform * values.len() as f64) as usize;
    values.get(index.min(values.len().saturating_sub(1)))
}

fn quantile_index(n: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "below the number of paths")]
    let index = (QUIET_SHARE * n as f64) as usize;
    index
}

#[cfg(test)]
mod tests;
