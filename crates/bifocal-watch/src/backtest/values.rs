//! The judged values of one stream, for one interval over all of a history.
//!
//! While there is room they are kept, in order, with their strata, and the estimate is that of
//! [`bifocal_stats::design`]: prediction-powered where every line has a proxy. Beyond the room it rests on sums alone.

use bifocal_model::{Timestamp, Window};
use bifocal_stats::design::{self, Stratum, shown};
use bifocal_stats::moments::Moments;
use bifocal_stats::pairs::PairSums;
use bifocal_stats::sums::from_sums;

use super::line::Judged;
use super::report::EstimateReport;

const ALPHA: f64 = 0.05;
/// Strata that an estimate tells apart; the rest is taken together.
const STRATA: usize = 50;
/// With fewer lines than this share of what the judged ones stand for, unjudged ones are not in the file.
const WHOLE: f64 = 0.8;

/// Judged values in progress.
#[derive(Debug, Default)]
pub(super) struct Values {
    kept: Vec<design::Judged>,
    judged: u64,
    lines: u64,
    sums: Moments,
    pairs: PairSums,
    strata: Vec<Cell>,
}

/// One stratum.
#[derive(Debug, Default)]
struct Cell {
    number: u32,
    lines: u64,
    judged_weight: f64,
    proxies: Moments,
}

impl Values {
    /// A line came, judged or not. Gives the place of its stratum.
    pub(super) fn line(&mut self, stratum: u32, proxy: Option<f64>) -> usize {
        self.lines += 1;
        let at = self.strata.iter().position(|cell| cell.number == stratum).unwrap_or_else(|| {
            if self.strata.len() < STRATA {
                self.strata.push(Cell { number: stratum, ..Cell::default() });
            }
            self.strata.len() - 1
        });
        if let Some(cell) = self.strata.get_mut(at) {
            cell.lines += 1;
            if let Some(proxy) = proxy {
                cell.proxies.add(proxy, 1.0);
            }
        }
        at
    }

    /// The line was judged. `keep`: whether there is room.
    pub(super) fn judged(&mut self, judged: Judged, at: usize, proxy: Option<f64>, keep: bool) {
        let Judged { score, pi } = judged;
        self.judged += 1;
        self.sums.add(score, pi.weight());
        if let Some(cell) = self.strata.get_mut(at) {
            cell.judged_weight += pi.weight();
        }
        if let Some(proxy) = proxy {
            self.pairs.add(score, proxy, pi.weight());
        }
        if keep {
            self.kept.push(design::Judged { value: score, probability: pi, stratum: at, proxy });
        }
    }

    /// Whether all are kept: once one is dropped, the interval rests on sums.
    pub(super) fn keeps_all(&self) -> bool {
        self.kept.len() as u64 == self.judged
    }

    /// The mean of all; `None` where nothing was judged.
    pub(super) fn estimate(&self, newest: Timestamp) -> Option<EstimateReport> {
        let window = Window { start: Timestamp::default(), end: newest };
        let estimate = if self.keeps_all() {
            // Where unjudged lines are missing, what the judged ones stand for is all that is known of the traffic.
            let whole = self.lines as f64 >= WHOLE * self.sums.w;
            let stratum = |cell: &Cell| {
                let proxied = whole && cell.proxies.n == cell.lines;
                Stratum {
                    total: if whole { cell.lines as f64 } else { cell.judged_weight },
                    proxies: if proxied { cell.proxies } else { Moments::default() },
                }
            };
            let strata: Vec<Stratum> = self.strata.iter().map(stratum).collect();
            shown(&self.kept, &strata, window, ALPHA).ok()?
        } else {
            from_sums(&self.sums, self.sums.w, window, ALPHA)?
        };
        Some(EstimateReport {
            value: estimate.value,
            lower: estimate.lower,
            upper: estimate.upper,
            method: estimate.method,
        })
    }

    /// Squared correlation of proxy and score; `None` below 3 pairs and without spread.
    pub(super) fn rho2(&self) -> Option<f64> {
        let (yy, yx, xx) = self.pairs.covariances()?;
        let rho2 = yx * yx / (yy * xx);
        let spread = yy > 1e-12 && xx > 1e-12 && self.pairs.n() >= 3;
        (spread && rho2.is_finite()).then_some(rho2.min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::Probability;

    use super::*;

    const ALL: Probability = Probability::ONE;

    /// `n` lines of which every tenth is judged with `pi`; unjudged ones are there or not.
    fn values(n: u32, pi: f64, unjudged: bool, proxied: bool) -> Values {
        let pi = Probability::new(pi).unwrap();
        let mut values = Values::default();
        let mut state = 7u64;
        let mut below = move |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((state >> 33) % n).unwrap()
        };
        for _ in 0..n {
            // A proxy that is nearly the score, and a score that depends on the stratum.
            let stratum = below(2);
            let score = 0.4 + 0.3 * f64::from(stratum) + 0.2 * f64::from(below(101)) / 100.0;
            let proxy = proxied.then_some(score + 0.01 * f64::from(below(13)) / 13.0);
            let judged = below(10) == 0;
            if judged || unjudged {
                let at = values.line(stratum, proxy);
                if judged {
                    values.judged(Judged { score, pi }, at, proxy, true);
                }
            }
        }
        values
    }

    #[test]
    fn proxies_of_every_line_narrow_the_interval() {
        let width = |values: &Values| {
            let estimate = values.estimate(Timestamp::default()).unwrap();
            assert!((estimate.value - 0.65).abs() < 0.03, "{estimate:?}");
            estimate.upper - estimate.lower
        };
        let (with, without) = (values(5_000, 0.1, true, true), values(5_000, 0.1, true, false));
        assert!(width(&with) < 0.6 * width(&without), "{} {}", width(&with), width(&without));
        assert!(with.rho2().unwrap() > 0.95 && without.rho2().is_none());
        // Judged lines alone: what they stand for, and no predictions of the others.
        let alone = values(5_000, 0.1, false, true);
        assert!(width(&alone) > 0.9 * width(&without));
    }

    #[test]
    fn a_value_that_is_dropped_leaves_sums() {
        let mut values = values(2_000, 0.1, true, false);
        let before = values.estimate(Timestamp::default()).unwrap();
        let at = values.line(0, None);
        values.judged(Judged { score: 0.5, pi: ALL }, at, None, false);
        assert!(!values.keeps_all());
        let after = values.estimate(Timestamp::default()).unwrap();
        assert!((after.value - before.value).abs() < 0.03 && after.lower < after.upper);
        assert!(Values::default().estimate(Timestamp::default()).is_none());
    }

    #[test]
    fn strata_beyond_the_limit_are_taken_together() {
        let mut values = Values::default();
        for i in 0..200u32 {
            let at = values.line(i, None);
            values.judged(Judged { score: f64::from(i % 5) / 4.0, pi: ALL }, at, None, true);
        }
        assert_eq!(values.strata.len(), STRATA);
        assert!(values.estimate(Timestamp::default()).is_some_and(|e| (e.value - 0.5).abs() < 0.1));
    }
}
