//! What one copy can carry while it keeps the objectives.

use serde::Serialize;

use super::line::Line;
use super::{Interval, NoAdvice, Objectives};

/// Share of the KV cache above which a server queues and preempts.
const KV_CACHE_FULL: f64 = 0.85;
/// How far beyond what was seen a copy is trusted where the KV cache's use is known.
const BEYOND_SEEN: f64 = 2.0;
/// Load must have changed by this much, as a share of its mean, before a line is drawn beyond what was seen.
const SPREAD_MIN: f64 = 0.05;

/// What one copy can carry.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Capacity {
    /// Requests in flight at once on one copy.
    pub concurrency: f64,
    /// The most that was seen on one copy while the objectives were kept (the 98th percentile of the intervals).
    pub seen: f64,
    /// What bounds it.
    pub bound: Bound,
    /// Whether it is more than was seen.
    pub is_extrapolated: bool,
    /// By how much each request in flight slows the others, as a share of the time on an empty copy.
    pub slowed_by_each: f64,
}

/// What bounds what a copy can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// More was never seen.
    Seen,
    /// The time to the first token.
    Ttft,
    /// The inter-token latency.
    Itl,
    /// The time from end to end.
    Duration,
    /// The KV cache.
    KvCache,
}

impl Interval {
    /// Requests in flight on one copy: as measured, else arrivals times duration (Little's law).
    pub(super) fn concurrency_by_copy(&self) -> Option<f64> {
        if !(self.copies > 0.0 && self.seconds > 0.0) {
            return None;
        }
        let by_duration = self.duration_mean_seconds.map(|seconds| self.requests * seconds / self.seconds);
        let all = self.concurrency.or(by_duration)?;
        (all.is_finite() && all >= 0.0).then(|| all / self.copies)
    }

    fn kept(&self, objectives: &Objectives) -> bool {
        let kept =
            |limit: Option<f64>, seen: Option<f64>| limit.is_none_or(|limit| seen.is_none_or(|s| s <= limit));
        kept(objectives.ttft_p95_seconds, self.ttft_p95_seconds)
            && kept(objectives.itl_p95_seconds, self.itl_p95_seconds)
            && kept(objectives.duration_p95_seconds, self.duration_p95_seconds)
            && self.waiting.is_none_or(|waiting| waiting < 1.0)
    }
}

impl Capacity {
    /// Learns from intervals. Each latency with an objective gives a line over the concurrency of a copy; the copy can
    /// carry what keeps all lines, with 95% of the intervals, below their objectives.
    pub(super) fn learn(intervals: &[Interval], objectives: &Objectives) -> Result<Self, NoAdvice> {
        type Latency = (Bound, Option<f64>, fn(&Interval) -> Option<f64>);
        let latencies: [Latency; 3] = [
            (Bound::Ttft, objectives.ttft_p95_seconds, |i| i.ttft_p95_seconds),
            (Bound::Itl, objectives.itl_p95_seconds, |i| i.itl_p95_seconds),
            (Bound::Duration, objectives.duration_p95_seconds, |i| i.duration_p95_seconds),
        ];
        if latencies.iter().all(|(_, limit, _)| limit.is_none()) {
            return Err(NoAdvice::NoObjective);
        }
        let busy = || intervals.iter().filter(|i| i.requests > 0.0);
        let points = |of: &dyn Fn(&Interval) -> Option<f64>| -> Vec<(f64, f64)> {
            let point = |i: &Interval| {
                let (x, y) = (i.concurrency_by_copy()?, of(i)?);
                y.is_finite().then_some((x, y))
            };
            busy().filter_map(point).collect()
        };
        // Inter-token latency tells how requests slow each other. Durations do so too, but they grow with the length of
        // answers, and so does what is in flight: their line is too steep, and the advice too careful.
        let speed = Line::through(&points(&|i| i.itl_p95_seconds));
        let speed = speed.or_else(|| Line::through(&points(&|i| i.duration_mean_seconds)));
        let Some(speed) = speed.filter(|speed| speed.at(0.0) > 0.0) else {
            return Err(NoAdvice::NoConcurrency);
        };
        let looked_at =
            |i: &&Interval| latencies.iter().any(|(_, limit, of)| limit.is_some() && of(i).is_some());
        let mut kept: Vec<f64> = busy()
            .filter(looked_at)
            .filter(|i| i.kept(objectives))
            .filter_map(Interval::concurrency_by_copy)
            .collect();
        if kept.len() < 10 {
            return Err(NoAdvice::NeverKept);
        }
        kept.sort_by(f64::total_cmp);
        // Not the most: one interval may have been lucky.
        let seen = kept[(kept.len() - 1) * 98 / 100];
        let mut limits = Vec::new();
        for (bound, limit, of) in latencies {
            if let (Some(limit), Some(line)) = (limit, Line::through(&points(&of))) {
                limits.push((line.reaches(limit), bound));
            }
        }
        let cache = Line::through(&points(&|i| i.kv_cache_usage));
        match cache.filter(|cache| cache.spread >= SPREAD_MIN && speed.spread >= SPREAD_MIN) {
            Some(cache) => {
                limits.push((cache.reaches(KV_CACHE_FULL), Bound::KvCache));
                limits.push((BEYOND_SEEN * seen, Bound::Seen));
            }
            None => limits.push((seen, Bound::Seen)),
        }
        let (concurrency, bound) =
            limits.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).ok_or(NoAdvice::NeverKept)?;
        if concurrency <= 0.0 {
            return Err(NoAdvice::NeverKept);
        }
        Ok(Self {
            concurrency,
            seen,
            bound,
            is_extrapolated: concurrency > seen,
            slowed_by_each: speed.slope / speed.at(0.0),
        })
    }

    /// What an interval asks for: the requests in flight that there would be if they did not slow each other. It does
    /// not depend on how many copies there were. Requests that waited slowed nobody.
    pub(super) fn demand(&self, interval: &Interval) -> Option<f64> {
        let all = interval.concurrency_by_copy()?;
        let running = (all - interval.waiting.unwrap_or(0.0) / interval.copies).max(0.0);
        Some(all * interval.copies / (1.0 + self.slowed_by_each * running))
    }

    /// The demand that one copy can carry.
    pub(super) fn demand_of_copy(&self) -> f64 {
        self.concurrency / (1.0 + self.slowed_by_each * self.concurrency)
    }
}
