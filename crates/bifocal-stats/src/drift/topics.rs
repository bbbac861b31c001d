//! Topics: centres of a first stretch of vectors, learned once and frozen, so that a topic means the same next month.
//!
//! Mini-batch k-means (Sculley, WWW 2010) after a k-means++ start (Arthur and Vassilvitskii, SODA 2007). How the mix of topics
//! moved is [`jensen_shannon`](super::jensen_shannon) on the counts of [`Topics::nearest`].

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::{DIMENSIONS, POINTS};

use super::linear::squared_distance;
use super::mmd::check;
use super::seeded::Seeded;

const TOPICS_MAX: usize = 50;
const BATCH: usize = 256;
const ROUNDS: usize = 60;

/// How topics are learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicLearner {
    /// How many, 2 to 50.
    pub topics: usize,
    /// What start and batches are drawn from.
    pub seed: u64,
}

/// Frozen centres.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Topics {
    centres: Vec<Vec<f64>>,
}

impl TopicLearner {
    /// Learns from points.
    ///
    /// # Errors
    /// [`Error::TooFew`] below as many points as topics, or two topics; [`Error::TooMany`] above 50 topics, 20,000 points or 256
    /// dimensions; [`Error::DimensionsDiffer`]; [`Error::NoSpread`] when all points are equal.
    pub fn learn(&self, points: &[Vec<f64>]) -> Result<Topics, Error> {
        if points.len() < self.topics.max(2) || self.topics < 2 {
            return Err(Error::TooFew { have: points.len().min(self.topics), need: self.topics.max(2) });
        }
        let dimensions = points.first().map_or(0, Vec::len);
        for (have, limit) in [(self.topics, TOPICS_MAX), (points.len(), POINTS), (dimensions, DIMENSIONS)] {
            if have > limit {
                return Err(Error::TooMany { have, limit });
            }
        }
        for point in points {
            check(point, dimensions)?;
        }
        let mut random = Seeded::new(self.seed);
        let mut centres = start(points, self.topics, &mut random)?;
        let mut taken = vec![0.0; centres.len()];
        for _ in 0..ROUNDS {
            let batch: Vec<&Vec<f64>> = (0..BATCH).map(|_| &points[random.below(points.len())]).collect();
            let nearest: Vec<usize> = batch.iter().map(|point| nearest(&centres, point)).collect();
            for (point, at) in batch.into_iter().zip(nearest) {
                taken[at] += 1.0;
                for (centre, x) in centres[at].iter_mut().zip(point) {
                    *centre += (x - *centre) / taken[at];
                }
            }
        }
        Ok(Topics { centres })
    }
}

impl Topics {
    /// The topic of a point: the nearest centre.
    ///
    /// # Errors
    /// [`Error::DimensionsDiffer`] when the point has other dimensions than the centres.
    pub fn nearest(&self, point: &[f64]) -> Result<usize, Error> {
        check(point, self.centres.first().map_or(0, Vec::len))?;
        Ok(nearest(&self.centres, point))
    }

    /// How many points each topic has.
    ///
    /// # Errors
    /// [`Error::DimensionsDiffer`] as for [`nearest`](Self::nearest).
    pub fn mix(&self, points: &[Vec<f64>]) -> Result<Vec<u64>, Error> {
        let mut counts = vec![0; self.centres.len()];
        for point in points {
            counts[self.nearest(point)?] += 1;
        }
        Ok(counts)
    }

    /// How many topics: fewer than were asked for when there were fewer different points.
    pub fn len(&self) -> usize {
        self.centres.len()
    }

    /// Whether there is none; never after learning.
    pub fn is_empty(&self) -> bool {
        self.centres.is_empty()
    }
}

/// k-means++: each next centre is a point drawn in proportion to its squared distance to the centres so far.
fn start(points: &[Vec<f64>], topics: usize, random: &mut Seeded) -> Result<Vec<Vec<f64>>, Error> {
    let mut centres = vec![points[random.below(points.len())].clone()];
    let mut distances = vec![f64::INFINITY; points.len()];
    while centres.len() < topics {
        let newest = &centres[centres.len() - 1];
        for (distance, point) in distances.iter_mut().zip(points) {
            *distance = distance.min(squared_distance(newest, point));
        }
        let total: f64 = distances.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = random.uniform() * total;
        let drawn = distances.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        centres.push(points[drawn.unwrap_or(points.len() - 1)].clone());
    }
    if centres.len() < 2 {
        return Err(Error::NoSpread);
    }
    Ok(centres)
}

fn nearest(centres: &[Vec<f64>], point: &[f64]) -> usize {
    let distances = centres.iter().map(|centre| squared_distance(centre, point)).enumerate();
    distances.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(at, _)| at)
}
