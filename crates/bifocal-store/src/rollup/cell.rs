//! What one minute of one target adds up to. Cells add: minutes become steps, steps become windows.

use std::sync::Arc;

use bifocal_model::{ErrorClass, Inference, Timestamp};
use serde::{Deserialize, Serialize};

use super::moments::{Moments, StreamKey};
use super::passed::{self, Passed};
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
    /// Scores by stream, in order of the stream. What evaluators found good is in `passed`; [`Self::streams`] joins both.
    pub scores: Vec<(Arc<StreamKey>, Moments)>,
    /// Answers by the set of evaluators that gave them 1 ([`bifocal_model::Findings::passed`]), in order of the set.
    #[serde(default)]
    pub passed: Vec<(u64, Passed)>,
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

    /// The sums of a stream, made where they are missing; `None` when there are too many streams: the score is then
    /// in the lake only.
    pub(crate) fn stream_mut(
        &mut self,
        is_it: impl Fn(&StreamKey) -> bool,
        key: impl FnOnce() -> Arc<StreamKey>,
    ) -> Option<&mut Moments> {
        let at = match self.scores.iter().position(|(key, _)| is_it(key)) {
            Some(at) => at,
            None if self.scores.len() as u64 >= STREAMS_PER_MINUTE => return None,
            None => {
                let key = key();
                let at = self.scores.partition_point(|(other, _)| *other < key);
                self.scores.insert(at, (key, Moments::default()));
                at
            }
        };
        Some(&mut self.scores[at].1)
    }

    /// Adds what the evaluators found on a call. `false` when there are too many streams.
    pub(crate) fn add_findings<T>(&mut self, inference: &Inference<T>) -> bool {
        let findings = &inference.findings;
        let weight = inference.capture_probability.weight();
        let mut all = true;
        for (evaluator, value) in findings.numbers() {
            let key = passed::key(evaluator);
            match self.stream_mut(|other| *other == *key, || Arc::clone(&key)) {
                Some(moments) => moments.add_value(value.get(), true, weight),
                None => all = false,
            }
        }
        all & (findings.passed == 0 || self.add_passed(findings.passed, Passed::one(weight)))
    }

    fn add_passed(&mut self, set: u64, more: Passed) -> bool {
        match self.passed.binary_search_by_key(&set, |(other, _)| *other) {
            Ok(at) => self.passed[at].1.merge(&more),
            Err(at) if (self.passed.len() as u64) < STREAMS_PER_MINUTE => self.passed.insert(at, (set, more)),
            // No room for another set: each evaluator by itself says the same at greater length.
            Err(_) => {
                for evaluator in bifocal_model::evaluator::passes(set) {
                    let key = passed::key(evaluator);
                    match self.stream_mut(|other| *other == *key, || Arc::clone(&key)) {
                        Some(moments) => moments.merge(&more.moments()),
                        None => return false,
                    }
                }
            }
        }
        true
    }

    /// The sums of every stream, in order of the stream.
    pub fn streams(&self) -> Vec<(Arc<StreamKey>, Moments)> {
        let mut all = Self { scores: self.scores.clone(), ..Self::default() };
        for (set, passed) in &self.passed {
            for evaluator in bifocal_model::evaluator::passes(*set) {
                all.merge_stream(&passed::key(evaluator), &passed.moments());
            }
        }
        all.scores
    }

    fn merge_stream(&mut self, key: &Arc<StreamKey>, moments: &Moments) {
        match self.scores.binary_search_by(|(other, _)| other.cmp(key)) {
            Ok(at) => self.scores[at].1.merge(moments),
            Err(at) => self.scores.insert(at, (Arc::clone(key), *moments)),
        }
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
            self.merge_stream(key, moments);
        }
        for (set, passed) in &other.passed {
            match self.passed.binary_search_by_key(set, |(other, _)| *other) {
                Ok(at) => self.passed[at].1.merge(passed),
                Err(at) => self.passed.insert(at, (*set, *passed)),
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
    pub fn stream(&self, key: &StreamKey) -> Option<Moments> {
        self.streams().into_iter().find(|(other, _)| **other == *key).map(|(_, moments)| moments)
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
