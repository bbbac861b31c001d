//! Can a classifier tell the window from the reference? If it cannot, nothing that it can see has changed.
//!
//! Ridge-penalised logistic regression, fitted by Newton's method on standardised columns, and cross-fitted: each point is scored
//! by a model that has not seen it. The area under its ROC curve (AUC) is the probability that it ranks a point of the window
//! above one of the reference: 0.5 without a change.

use crate::error::Error;
use crate::limits::{DIMENSIONS, POINTS};

use super::linear::{dot, solve};
use super::mmd::check;
use super::seeded::Seeded;

const FOLDS: usize = 5;
const STEPS: usize = 25;

/// The classifier to be trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DomainClassifier {
    /// Penalty on the squared weights of standardised columns, in units of points.
    pub ridge: f64,
}

/// How well the two samples are told apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Separation {
    /// Mean over the folds of the area under the ROC curve of points that the fold's model has not seen.
    pub auc: f64,
    /// P(AUC as large) without a change, by the normal limit of the rank-sum of one half of the points, scored by a model of the
    /// other half: the areas of the folds depend on each other in a way that no simple law describes.
    pub p_value: f64,
    /// The weight of each standardised column in a model of all points: which columns tell them apart, and how.
    pub weights: Vec<f64>,
}

impl Default for DomainClassifier {
    fn default() -> Self {
        Self { ridge: 1.0 }
    }
}

impl DomainClassifier {
    /// Trains on two samples of points; folds are drawn from `seed`.
    ///
    /// # Errors
    /// [`Error::TooFew`] below 10 points on a side, [`Error::TooMany`] above 20,000 points or 256 dimensions,
    /// [`Error::DimensionsDiffer`], [`Error::NoSpread`] when no column varies.
    pub fn separate(
        &self,
        reference: &[Vec<f64>],
        window: &[Vec<f64>],
        seed: u64,
    ) -> Result<Separation, Error> {
        let (have, need) = (reference.len().min(window.len()), 2 * FOLDS);
        if have < need {
            return Err(Error::TooFew { have, need });
        }
        let all = reference.len() + window.len();
        if all > POINTS {
            return Err(Error::TooMany { have: all, limit: POINTS });
        }
        let dimensions = reference.first().map_or(0, Vec::len);
        if dimensions > DIMENSIONS {
            return Err(Error::TooMany { have: dimensions, limit: DIMENSIONS });
        }
        let mut points: Vec<Point<'_>> = Vec::with_capacity(all);
        let mut random = Seeded::new(seed);
        for (side, is_window) in [(reference, false), (window, true)] {
            let mut folds: Vec<usize> = (0..side.len()).map(|i| i % FOLDS).collect();
            random.shuffle(&mut folds);
            for (i, (values, fold)) in side.iter().zip(folds).enumerate() {
                check(values, dimensions)?;
                // Every other point, so that a trend within a sample is in both halves.
                points.push(Point { values, is_window, fold, is_second_half: i % 2 == 1 });
            }
        }
        let mut auc = 0.0;
        for fold in 0..FOLDS {
            auc += self.unseen(&points, dimensions, |point| point.fold == fold)?.0 / FOLDS as f64;
        }
        let (half, variance) = self.unseen(&points, dimensions, |point| point.is_second_half)?;
        let z = (half - 0.5) / variance.sqrt();
        let weights = Model::fit(points.iter(), dimensions, self.ridge)?.weights;
        Ok(Separation { auc, p_value: upper_tail(z), weights })
    }

    /// The area of some points under a model of the others, and its variance without a change.
    fn unseen(
        &self,
        points: &[Point<'_>],
        dimensions: usize,
        is_scored: impl Fn(&Point<'_>) -> bool,
    ) -> Result<(f64, f64), Error> {
        let model = Model::fit(points.iter().filter(|point| !is_scored(point)), dimensions, self.ridge)?;
        let scored = points.iter().filter(|point| is_scored(point));
        Ok(area(scored.map(|point| (model.score(point.values), point.is_window))))
    }
}

struct Point<'a> {
    values: &'a [f64],
    is_window: bool,
    fold: usize,
    is_second_half: bool,
}

struct Model {
    means: Vec<f64>,
    /// 1 / standard deviation, 0 for a constant column.
    scales: Vec<f64>,
    weights: Vec<f64>,
    intercept: f64,
}

impl Model {
    fn fit<'a>(
        points: impl Iterator<Item = &'a Point<'a>> + Clone,
        dimensions: usize,
        ridge: f64,
    ) -> Result<Self, Error> {
        let n = points.clone().count() as f64;
        let mean = |of: &dyn Fn(&Point<'_>) -> f64| points.clone().map(of).sum::<f64>() / n;
        let means: Vec<f64> = (0..dimensions).map(|j| mean(&|point| point.values[j])).collect();
        let variances = (0..dimensions).map(|j| mean(&|point| (point.values[j] - means[j]).powi(2)));
        let scales: Vec<f64> = variances
            .zip(&means)
            // A constant column leaves a variance of rounding errors.
            .map(|(v, m)| if v > 1e-24 * (1.0 + m * m) { 1.0 / v.sqrt() } else { 0.0 })
            .collect();
        if scales.iter().all(|scale| *scale == 0.0) {
            return Err(Error::NoSpread);
        }
        let mut model = Self { means, scales, weights: vec![0.0; dimensions], intercept: 0.0 };
        let rows: Vec<(Vec<f64>, f64)> = points
            .map(|point| (model.standardised(point.values), if point.is_window { 1.0 } else { 0.0 }))
            .collect();
        let size = dimensions + 1;
        for _ in 0..STEPS {
            let mut hessian = vec![0.0; size * size];
            let mut gradient = vec![0.0; size];
            for (row, label) in &rows {
                let p = 1.0 / (1.0 + (-dot(row, &model.weights) - model.intercept).exp());
                let weight = (p * (1.0 - p)).max(1e-10);
                for i in 0..size {
                    let x = row.get(i).copied().unwrap_or(1.0);
                    gradient[i] += x * (label - p);
                    for j in 0..=i {
                        hessian[i * size + j] += weight * x * row.get(j).copied().unwrap_or(1.0);
                    }
                }
            }
            for j in 0..dimensions {
                hessian[j * size + j] += ridge.max(1e-6);
                gradient[j] -= ridge.max(1e-6) * model.weights[j];
            }
            let Some(step) = solve(hessian, gradient) else { break };
            for (weight, change) in model.weights.iter_mut().zip(&step) {
                *weight += change;
            }
            model.intercept += step[dimensions];
            if step.iter().all(|change| change.abs() < 1e-8) {
                break;
            }
        }
        Ok(model)
    }

    fn standardised(&self, values: &[f64]) -> Vec<f64> {
        values
            .iter()
            .zip(&self.means)
            .zip(&self.scales)
            .map(|((x, mean), scale)| (x - mean) * scale)
            .collect()
    }

    fn score(&self, values: &[f64]) -> f64 {
        dot(&self.standardised(values), &self.weights)
    }
}

/// The area under the ROC curve with ties at a half, and its variance without a change.
fn area(scored: impl Iterator<Item = (f64, bool)>) -> (f64, f64) {
    let mut scored: Vec<(f64, bool)> = scored.collect();
    scored.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let m = scored.iter().filter(|(_, is_window)| *is_window).count() as f64;
    let n = scored.len() as f64 - m;
    let (mut wins, mut below, mut ties) = (0.0, 0.0, 0.0);
    for group in scored.chunk_by(|(a, _), (b, _)| a == b) {
        let windows = group.iter().filter(|(_, is_window)| *is_window).count() as f64;
        let references = group.len() as f64 - windows;
        wins += windows * (below + 0.5 * references);
        below += references;
        ties += (group.len() as f64).powi(3) - group.len() as f64;
    }
    let all = n + m;
    let variance = (all + 1.0 - ties / (all * (all - 1.0)).max(1.0)) / (12.0 * n * m);
    (wins / (n * m), variance)
}

/// P(Z >= z) of a standard normal, by Abramowitz and Stegun 26.2.17: off by less than 7.5e-8.
fn upper_tail(z: f64) -> f64 {
    if z.is_nan() {
        return 1.0;
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let polynomial = series.iter().rev().fold(0.0, |sum, c| (sum + c) * t);
    let tail = (polynomial * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()).clamp(0.0, 1.0);
    if z >= 0.0 { tail } else { 1.0 - tail }
}
