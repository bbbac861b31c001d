//! What one minute of one target adds up to. Cells add: minutes become steps, steps become windows.

use std::sync::Arc;

use bifocal_model::{ErrorClass, Inference, Score, Timestamp};
use serde::{Deserialize, Serialize};

use super::moments::{Moments, StreamKey};
use super::sketch::Sketch;
use crate::limits::STREAMS_PER_MINUTE;

/// Sums of one target over a minute or any number of minutes. Weighted numbers count each call as
/// 1 / capture probability.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Calls in the journal.
    pub calls: u64,
    /// Calls that they stand for.
    pub requests: f64,
    /// Σ w², for the variance of weighted counts.
    pub requests_w2: f64,
    /// Requests by hundreds of their status: index 0 holds those without one, 2 holds 2xx, …
    pub by_status: [f64; 6],
    /// Requests by error class, in order of the class.
    pub by_error: Vec<(ErrorClass, f64)>,
    /// Tokens of prompts.
    pub input_tokens: f64,
    /// Requests whose input tokens are known.
    pub input_counted: f64,
    /// Tokens of answers.
    pub output_tokens: f64,
    /// Requests whose output tokens are known.
    pub output_counted: f64,
    /// Time to first token, seconds.
    pub ttft: Sketch,
    /// Inter-token latency, seconds.
    pub itl: Sketch,
    /// End to end, seconds.
    pub duration: Sketch,
    /// Scores by stream, in order of the stream.
    pub scores: Vec<(Arc<StreamKey>, Moments)>,
}

impl Cell {
    /// Adds a call.
    pub fn add_inference<T>(&mut self, inference: &Inference<T>) {
        let weight = inference.capture_probability.weight();
        self.calls += 1;
        self.requests += weight;
        self.requests_w2 += weight * weight;
        let class = inference.status.map_or(0, |status| usize::from(status / 100).min(5));
        self.by_status[class] += weight;
        if let Some(error) = inference.error {
            add_to(&mut self.by_error, error, weight);
        }
        if let Some(tokens) = inference.usage.input {
            self.input_tokens += weight * f64::from(tokens.count);
            self.input_counted += weight;
        }
        if let Some(tokens) = inference.usage.output {
            self.output_tokens += weight * f64::from(tokens.count);
            self.output_counted += weight;
        }
        let timing = &inference.timing;
        let measured = [
            (&mut self.ttft, timing.ttft_seconds),
            (&mut self.itl, timing.itl_seconds),
            (&mut self.duration, timing.duration_seconds),
        ];
        for (sketch, seconds) in measured {
            if let Some(seconds) = seconds {
                sketch.add(seconds, weight);
            }
        }
    }

    /// Adds a score. `false` when there are too many streams: the score is then in the lake only.
    pub(crate) fn add_score<T>(&mut self, score: &Score<T>, key: impl FnOnce() -> Arc<StreamKey>) -> bool {
        if let Some((_, moments)) = self.scores.iter_mut().find(|(key, _)| key.is_of(score)) {
            moments.add(score);
            return true;
        }
        if self.scores.len() as u64 >= STREAMS_PER_MINUTE {
            return false;
        }
        let key = key();
        let at = self.scores.partition_point(|(other, _)| *other < key);
        let mut moments = Moments::default();
        moments.add(score);
        self.scores.insert(at, (key, moments));
        true
    }

    /// Adds another cell.
    pub fn merge(&mut self, other: &Self) {
        self.calls += other.calls;
        self.requests += other.requests;
        self.requests_w2 += other.requests_w2;
        for (sum, more) in self.by_status.iter_mut().zip(other.by_status) {
            *sum += more;
        }
        for &(class, weight) in &other.by_error {
            add_to(&mut self.by_error, class, weight);
        }
        self.input_tokens += other.input_tokens;
        self.input_counted += other.input_counted;
        self.output_tokens += other.output_tokens;
        self.output_counted += other.output_counted;
        self.ttft.merge(&other.ttft);
        self.itl.merge(&other.itl);
        self.duration.merge(&other.duration);
        for (key, moments) in &other.scores {
            match self.scores.binary_search_by(|(other, _)| other.cmp(key)) {
                Ok(at) => self.scores[at].1.merge(moments),
                Err(at) => self.scores.insert(at, (Arc::clone(key), *moments)),
            }
        }
    }

    /// Requests that failed through the service's fault.
    pub fn failures(&self) -> f64 {
        let against = self.by_error.iter().filter(|(class, _)| class.counts_against_service());
        against.fold(0.0, |sum, (_, weight)| sum + weight)
    }

    /// Share of requests that failed through the service's fault; `None` without requests.
    pub fn error_ratio(&self) -> Option<f64> {
        (self.requests > 0.0).then(|| (self.failures() / self.requests).clamp(0.0, 1.0))
    }

    /// The sums of one stream.
    pub fn stream(&self, key: &StreamKey) -> Option<&Moments> {
        self.scores.iter().find(|(other, _)| **other == *key).map(|(_, moments)| moments)
    }
}

fn add_to(sums: &mut Vec<(ErrorClass, f64)>, class: ErrorClass, weight: f64) {
    match sums.binary_search_by_key(&class, |&(class, _)| class) {
        Ok(at) => sums[at].1 += weight,
        Err(at) => sums.insert(at, (class, weight)),
    }
}

/// The points of one series of readings within a minute or any number of minutes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Points {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// The newest.
    pub last: f64,
    /// The time of the newest.
    pub last_time: Timestamp,
}

impl Points {
    /// One point.
    pub fn one(value: f64, time: Timestamp) -> Self {
        Self { count: 1, sum: value, min: value, max: value, last: value, last_time: time }
    }

    /// Adds other points.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if other.last_time >= self.last_time {
            self.last = other.last;
            self.last_time = other.last_time;
        }
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.sum / self.count as f64
    }
}
