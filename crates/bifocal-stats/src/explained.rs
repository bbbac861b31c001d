//! How much of a judge's scores cheap signals explain: rho^2, which is what they could save of the judge's calls.
//!
//! A ridge regression on standardised signals foretells each score *before* it learns from it, so that rho^2 is of scores that
//! the fit has not seen (Dawid, "Statistical theory: the prequential approach", 1984). Its interval is Fisher's
//! ("On the probable error of a coefficient of correlation", 1921), squared: exact for normal pairs, near enough for scores in
//! [0, 1] with some spread (`the_interval_covers`). The share of judgements saved at equal width is rho^2 / (1 + n/N), n
//! judged of N (Angelopoulos et al., PPI++, arXiv 2311.01453).
//!
//! Assumes: pairs are of one judge and of one target (pooled over models rho^2 is of telling models apart, and many times
//! larger); old pairs fade, so a change of either shows within some thousand judged. rho^2 is of linear effects alone: other
//! predictors may explain more.

use crate::distribution::normal_quantile;
use crate::drift::linear::solve;
use crate::estimate::Interval;

/// Weight of the shrinkage towards "signals say nothing", in judged answers. A choice: rho^2 of 0.17 on WildBench and 0.02 on
/// AlpacaEval were measured with it, and no other weight was tried.
const RIDGE: f64 = 50.0;
/// Judged before anything is foretold, and between two fits.
const FIRST_FIT: u64 = 100;
const REFIT: u64 = 50;
/// Signals beyond it are cut to it, so that sums of squares stay finite.
const LARGEST: f64 = 1e6;
/// Foretold scores before rho^2 is told.
const LEAST_PAIRS: f64 = 100.0;
/// From this weight on everything fades by half, so that some thousand newest answers speak.
const MEMORY: f64 = 4_000.0;

/// A regression of a judge's scores on cheap signals, in progress. Costs d^2 a judged answer and d^3 every fifty.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// Learnt from, faded.
    n: f64,
    seen: u64,
    /// Means of the signals, and last that of the score.
    means: Vec<f64>,
    /// Sums of products about the means: row by row, the lower triangle.
    moments: Vec<f64>,
    fit: Option<Fit>,
    pairs: Pairs,
}

/// A linear prediction.
#[derive(Clone, Debug)]
struct Fit {
    weights: Vec<f64>,
    intercept: f64,
}

/// Sums over (score, prediction).
#[derive(Clone, Copy, Debug, Default)]
struct Pairs {
    n: f64,
    y: f64,
    x: f64,
    yy: f64,
    yx: f64,
    xx: f64,
}

/// How much is explained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rho2 {
    /// Squared correlation of scores and predictions, 0 where it is not positive.
    pub value: f64,
    /// Its interval.
    pub interval: Interval,
    /// Foretold scores behind it.
    pub n: f64,
}

impl Explained {
    /// Takes what was known of an answer and the judge's score of it. Signals that are not finite count as 0, large ones are cut; an answer
    /// with another number of signals than the first one, or without a finite score, is left out.
    pub fn take(&mut self, signals: &[f64], score: f64) {
        if self.means.is_empty() {
            self.means = vec![0.0; signals.len() + 1];
            self.moments = vec![0.0; self.means.len() * (self.means.len() + 1) / 2];
        }
        if signals.len() + 1 != self.means.len() || !score.is_finite() {
            return;
        }
        let known = |x: &f64| if x.is_finite() { x.clamp(-LARGEST, LARGEST) } else { 0.0 };
        let row: Vec<f64> = signals.iter().map(known).chain([score]).collect();
        if let Some(fit) = &self.fit {
            self.pairs.add(score, fit.predict(&row));
        }
        self.learn(&row);
        if self.seen >= FIRST_FIT && self.seen.is_multiple_of(REFIT) {
            self.fit = self.fitted();
        }
    }

    /// rho^2 with its interval of level 1 - alpha; `None` before a hundred scores were foretold.
    pub fn rho2(&self, alpha: f64) -> Option<Rho2> {
        let Pairs { n, .. } = self.pairs;
        if n < LEAST_PAIRS {
            return None;
        }
        let rho = self.pairs.correlation();
        let interval = squared_correlation(rho, n, alpha);
        Some(Rho2 { value: rho.max(0.0).powi(2), interval, n })
    }

    /// Welford's update of means and products.
    fn learn(&mut self, row: &[f64]) {
        self.seen += 1;
        self.n += 1.0;
        let deltas: Vec<f64> = row.iter().zip(&self.means).map(|(x, mean)| x - mean).collect();
        self.means.iter_mut().zip(&deltas).for_each(|(mean, delta)| *mean += delta / self.n);
        let share = 1.0 - 1.0 / self.n;
        let mut at = 0;
        for (i, a) in deltas.iter().enumerate() {
            for b in deltas.iter().take(i + 1) {
                if let Some(moment) = self.moments.get_mut(at) {
                    *moment += share * a * b;
                }
                at += 1;
            }
        }
        if self.n >= MEMORY {
            self.n *= 0.5;
            self.moments.iter_mut().for_each(|moment| *moment *= 0.5);
            self.pairs.fade();
        }
    }

    /// The sum of products of two columns about their means.
    fn moment(&self, i: usize, j: usize) -> f64 {
        let (i, j) = (i.max(j), i.min(j));
        self.moments.get(i * (i + 1) / 2 + j).copied().unwrap_or_default()
    }

    /// The ridge regression on what was learnt so far; `None` where scores do not vary.
    fn fitted(&self) -> Option<Fit> {
        let columns = self.means.len().checked_sub(1)?;
        if self.moment(columns, columns) <= 1e-12 * self.n {
            return None;
        }
        let sds: Vec<f64> = (0..columns).map(|i| (self.moment(i, i) / self.n).sqrt()).collect();
        // A signal that never varies gets no weight.
        let scaled = |i: usize, x: f64| if sds[i] > 1e-9 { x / sds[i] } else { 0.0 };
        let mut a = vec![0.0; columns * columns];
        for i in 0..columns {
            for j in 0..columns {
                a[i * columns + j] = scaled(i, scaled(j, self.moment(i, j)));
            }
            a[i * columns + i] += RIDGE;
        }
        let b = (0..columns).map(|i| scaled(i, self.moment(i, columns))).collect();
        let weights: Vec<f64> =
            solve(a, b)?.into_iter().enumerate().map(|(i, beta)| scaled(i, beta)).collect();
        let shift: f64 = weights.iter().zip(&self.means).map(|(weight, mean)| weight * mean).sum();
        Some(Fit { weights, intercept: self.means.last()? - shift })
    }
}

impl Rho2 {
    /// The share of judgements that predictions of all answers would save at equal width.
    pub fn saving(&self, judged: f64, all: f64) -> f64 {
        let share = if all > 0.0 { (judged / all).clamp(0.0, 1.0) } else { 1.0 };
        self.value / (1.0 + share)
    }
}

impl Fit {
    /// Of a row; what stands behind the signals is not looked at.
    fn predict(&self, row: &[f64]) -> f64 {
        self.intercept + self.weights.iter().zip(row).map(|(weight, x)| weight * x).sum::<f64>()
    }
}

impl Pairs {
    fn add(&mut self, y: f64, x: f64) {
        self.n += 1.0;
        self.y += y;
        self.x += x;
        self.yy += y * y;
        self.yx += y * x;
        self.xx += x * x;
    }

    fn fade(&mut self) {
        for sum in [&mut self.n, &mut self.y, &mut self.x, &mut self.yy, &mut self.yx, &mut self.xx] {
            *sum *= 0.5;
        }
    }

    /// 0 where either does not vary.
    fn correlation(&self) -> f64 {
        let Self { n, y, x, yy, yx, xx } = *self;
        let (of_y, of_x) = (yy - y * y / n, xx - x * x / n);
        if of_y <= 1e-12 * n || of_x <= 1e-15 * n {
            return 0.0;
        }
        ((yx - y * x / n) / (of_y * of_x).sqrt()).clamp(-1.0, 1.0)
    }
}

/// Fisher's interval of a correlation, squared; a negative correlation of score and prediction explains nothing.
fn squared_correlation(rho: f64, n: f64, alpha: f64) -> Interval {
    let margin = normal_quantile(1.0 - 0.5 * alpha) / (n - 3.0).max(1.0).sqrt();
    let end = |z: f64| z.tanh().max(0.0).powi(2);
    let z = rho.clamp(-0.999_999, 0.999_999).atanh();
    Interval::new(end(z - margin), end(z + margin))
}

#[cfg(test)]
mod tests;
