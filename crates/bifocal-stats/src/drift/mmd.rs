//! Maximum mean discrepancy of vectors (embeddings, hashed n-grams): how far apart two clouds are in the eyes of a Gaussian
//! kernel.
//!
//! Gretton et al., "A kernel two-sample test" (JMLR 2012), with random Fourier features (Rahimi and Recht, NIPS 2007): 256 cosines
//! whose mean over a cloud stands for the cloud, so that a stream costs a fixed sum and two streams are compared in one
//! step. The error of the kernel is about 1/sqrt(256) for a pair of points and averages out over many.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::{DIMENSIONS, POINTS};

use super::linear::{dot, squared_distance};
use super::seeded::Seeded;

const FEATURES: usize = 256;
const SHUFFLES: u32 = 200;
/// Pairs of points that the median distance is taken over.
const PAIRS: usize = 2_000;

/// The map from a vector to 256 cosines.
#[derive(Clone, Debug, PartialEq)]
pub struct FourierFeatures {
    dimensions: usize,
    /// Row by row.
    frequencies: Vec<f64>,
    phases: Vec<f64>,
}

/// The mean of a cloud's features. Adds up over workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeanEmbedding {
    n: u64,
    sums: Vec<f64>,
}

/// A kernel two-sample test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmd {
    /// The squared distance of the two means, at least 0. Without a change its expectation is about 1/n + 1/m.
    pub squared: f64,
    /// Share of 200 permutations (and the observed order) with a distance at least as large.
    pub p_value: f64,
}

impl FourierFeatures {
    /// For vectors of so many dimensions, a kernel exp(-|x - y|^2 / (2 bandwidth^2)) and frequencies drawn from `seed`.
    ///
    /// # Errors
    /// [`Error::TooMany`] above 256 dimensions, [`Error::NoSpread`] when the bandwidth is not positive and finite.
    pub fn new(dimensions: usize, bandwidth: f64, seed: u64) -> Result<Self, Error> {
        if dimensions > DIMENSIONS {
            return Err(Error::TooMany { have: dimensions, limit: DIMENSIONS });
        }
        if !(bandwidth.is_finite() && bandwidth > 0.0) {
            return Err(Error::NoSpread);
        }
        let mut random = Seeded::new(seed);
        let frequencies = (0..FEATURES * dimensions).map(|_| random.normal() / bandwidth).collect();
        let phases = (0..FEATURES).map(|_| std::f64::consts::TAU * random.uniform()).collect();
        Ok(Self { dimensions, frequencies, phases })
    }

    /// The features of a point.
    ///
    /// # Errors
    /// [`Error::DimensionsDiffer`] when the point has another number of dimensions or a number that is not finite.
    pub fn of(&self, point: &[f64]) -> Result<Vec<f64>, Error> {
        check(point, self.dimensions)?;
        let scale = (2.0 / FEATURES as f64).sqrt();
        let rows = self.frequencies.chunks_exact(self.dimensions.max(1));
        Ok(rows.zip(&self.phases).map(|(row, phase)| scale * (dot(row, point) + phase).cos()).collect())
    }
}

impl Default for MeanEmbedding {
    fn default() -> Self {
        Self { n: 0, sums: vec![0.0; FEATURES] }
    }
}

impl MeanEmbedding {
    /// Takes the features of a point.
    pub fn add(&mut self, features: &[f64]) {
        self.n += 1;
        for (sum, feature) in self.sums.iter_mut().zip(features) {
            *sum += feature;
        }
    }

    /// Takes all points of another.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += more;
        }
    }

    /// Points.
    pub fn count(&self) -> u64 {
        self.n
    }

    /// The squared distance to another mean.
    ///
    /// # Errors
    /// [`Error::EmptySample`] when one of the two has no point.
    pub fn squared_distance(&self, other: &Self) -> Result<f64, Error> {
        if self.n == 0 || other.n == 0 {
            return Err(Error::EmptySample);
        }
        let (n, m) = (self.n as f64, other.n as f64);
        Ok(self.sums.iter().zip(&other.sums).map(|(a, b)| (a / n - b / m).powi(2)).sum())
    }
}

/// Tests whether two clouds come from one distribution, by 200 permutations drawn from `seed`. Exact under that null,
/// whatever the distribution, for independent points.
///
/// # Errors
/// [`Error::EmptySample`], [`Error::TooMany`] above 20,000 points of both together, [`Error::DimensionsDiffer`].
pub fn mmd(a: &[Vec<f64>], b: &[Vec<f64>], features: &FourierFeatures, seed: u64) -> Result<Mmd, Error> {
    if a.is_empty() || b.is_empty() {
        return Err(Error::EmptySample);
    }
    if a.len() + b.len() > POINTS {
        return Err(Error::TooMany { have: a.len() + b.len(), limit: POINTS });
    }
    let mut points = a.iter().chain(b).map(|point| features.of(point)).collect::<Result<Vec<_>, _>>()?;
    let mut whole = MeanEmbedding::default();
    points.iter().for_each(|point| whole.add(point));
    let squared = |points: &[Vec<f64>]| {
        let mut left = MeanEmbedding::default();
        points[..a.len()].iter().for_each(|point| left.add(point));
        let sums = whole.sums.iter().zip(&left.sums).map(|(all, part)| all - part).collect();
        left.squared_distance(&MeanEmbedding { n: b.len() as u64, sums })
    };
    let observed = squared(&points)?;
    let mut random = Seeded::new(seed);
    let mut at_least = 1u32;
    for _ in 0..SHUFFLES {
        random.shuffle(&mut points);
        at_least += u32::from(squared(&points)? >= observed * (1.0 - 1e-12));
    }
    Ok(Mmd { squared: observed, p_value: f64::from(at_least) / f64::from(SHUFFLES + 1) })
}

/// The median distance of pairs of points, drawn from `seed`: the usual bandwidth.
///
/// # Errors
/// [`Error::TooFew`] below two points, [`Error::NoSpread`] when most points are equal.
pub fn median_distance(points: &[Vec<f64>], seed: u64) -> Result<f64, Error> {
    if points.len() < 2 {
        return Err(Error::TooFew { have: points.len(), need: 2 });
    }
    let mut random = Seeded::new(seed);
    let mut distances: Vec<f64> = (0..PAIRS)
        .map(|_| {
            let first = random.below(points.len());
            let second = (first + 1 + random.below(points.len() - 1)) % points.len();
            squared_distance(&points[first], &points[second]).sqrt()
        })
        .collect();
    distances.sort_unstable_by(f64::total_cmp);
    let median = distances[PAIRS / 2];
    if median.is_finite() && median > 0.0 { Ok(median) } else { Err(Error::NoSpread) }
}

/// Whether a point can be used.
pub(super) fn check(point: &[f64], dimensions: usize) -> Result<(), Error> {
    if point.len() == dimensions && point.iter().all(|x| x.is_finite()) {
        return Ok(());
    }
    Err(Error::DimensionsDiffer { have: point.iter().filter(|x| x.is_finite()).count(), need: dimensions })
}
