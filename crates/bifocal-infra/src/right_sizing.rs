//! How many copies the last days' load would have needed to keep the objectives.
//!
//! Life of an advice: [`Interval`]s (a minute or so of one target: requests, copies, concurrency, latencies) teach what
//! one copy can carry ([`capacity`]); each interval is then carried by 1, 2, … copies in thought ([`replay`]), with what
//! waits from one interval to the next, and the fewest copies that break an objective in at most 5% of the hours are
//! the [`Advice`]. Pure functions: no clock, no I/O.
//!
//! Invariants: a copy is never asked to carry more than it was seen to carry, or, where load changed and the KV cache's
//! use tells how far away its limit is, twice that; an hour in which copies would have been short counts as broken as a whole.

mod capacity;
mod line;
mod replay;

use bifocal_model::Timestamp;
use serde::Serialize;

pub use capacity::{Bound, Capacity};

use crate::cost::Figure;
use crate::limits::COPIES_MAX;

/// Hours that may break.
pub const BROKEN_SHARE: f64 = 0.05;
/// Hours with requests before anything is said.
pub const HOURS_MIN: usize = 12;

/// A short time of one target, as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Interval {
    /// When it began.
    pub start: Timestamp,
    /// How long it was.
    pub seconds: f64,
    /// Requests that arrived.
    pub requests: f64,
    /// Copies that ran.
    pub copies: f64,
    /// Requests in flight on all copies, those that wait among them, on average; `None`: taken from the mean duration.
    pub concurrency: Option<f64>,
    /// Mean time from end to end, seconds.
    pub duration_mean_seconds: Option<f64>,
    /// 95th percentile of the time to the first token.
    pub ttft_p95_seconds: Option<f64>,
    /// 95th percentile of the inter-token latency.
    pub itl_p95_seconds: Option<f64>,
    /// 95th percentile of the time from end to end.
    pub duration_p95_seconds: Option<f64>,
    /// Share of the KV cache in use.
    pub kv_cache_usage: Option<f64>,
    /// Requests that waited in the servers' queues.
    pub waiting: Option<f64>,
}

/// What is to be kept in every hour.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Objectives {
    /// 95th percentile of the time to the first token.
    pub ttft_p95_seconds: Option<f64>,
    /// 95th percentile of the inter-token latency.
    pub itl_p95_seconds: Option<f64>,
    /// 95th percentile of the time from end to end.
    pub duration_p95_seconds: Option<f64>,
}

/// How sure an advice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// No copy carries more than copies were seen to carry.
    Measured,
    /// A copy carries more than was seen, within what the KV cache leaves: take one step, and ask again.
    Extrapolated,
}

/// The copies that would have been enough.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// Copies that ran, on average.
    pub copies_now: f64,
    /// Copies that would have been enough at all times.
    pub copies: u32,
    /// Hours with requests that were looked at.
    pub hours: usize,
    /// Those that would have broken an objective with `copies`.
    pub hours_broken: usize,
    /// What one copy can carry, and what bounds it.
    pub capacity: Capacity,
    /// How sure it is.
    pub certainty: Certainty,
    /// What would have been saved an hour; negative: what is missing costs. Unknown without a price.
    pub saving: Figure,
    /// Copies for each hour that kept every objective in it, for scaling by the hour.
    pub by_hour: Vec<(Timestamp, u32)>,
}

/// Why nothing can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoAdvice {
    /// There is nothing to keep.
    #[error("no latency objective is set")]
    NoObjective,
    /// Too little was seen.
    #[error("fewer than {HOURS_MIN} hours with requests")]
    TooFewHours,
    /// Neither concurrency nor durations, or no copies.
    #[error("neither concurrency nor durations are known, or no copy ran")]
    NoConcurrency,
    /// The objective was broken whenever it was looked at, or never looked at.
    #[error("no interval kept the objectives: what a copy can carry is not known")]
    NeverKept,
    /// More copies than anybody asks for.
    #[error("more than {COPIES_MAX} copies would be needed")]
    TooMany,
}

/// The fewest copies that would have kept the objectives in at least 95% of the hours. `cost_per_copy` is of one hour.
pub fn advise(
    intervals: &[Interval],
    objectives: &Objectives,
    cost_per_copy: &Figure,
) -> Result<Advice, NoAdvice> {
    let capacity = Capacity::learn(intervals, objectives)?;
    let hours = replay::hours(intervals, &capacity);
    if hours.len() < HOURS_MIN {
        return Err(NoAdvice::TooFewHours);
    }
    let allowed = (hours.len() as f64 * BROKEN_SHARE).floor();
    let broken = |copies: u32| replay::broken(&hours, &capacity, f64::from(copies));
    // More copies never break more: the fewest is found by halving.
    let fits = |copies: u32| broken(copies).iter().filter(|is_broken| **is_broken).count() as f64 <= allowed;
    let copies = fewest(fits).ok_or(NoAdvice::TooMany)?;
    let by_hour = hours.iter().map(|hour| {
        let alone = std::slice::from_ref(hour);
        let needed = fewest(|copies| !replay::broken(alone, &capacity, f64::from(copies))[0]);
        Ok((hour.start, needed.ok_or(NoAdvice::TooMany)?))
    });
    let by_hour = by_hour.collect::<Result<Vec<_>, NoAdvice>>()?;
    let (copy_seconds, seconds) = intervals
        .iter()
        .fold((0.0, 0.0), |(copies, seconds), i| (copies + i.copies * i.seconds, seconds + i.seconds));
    let copies_now = copy_seconds / seconds;
    let certainty = if capacity.is_extrapolated { Certainty::Extrapolated } else { Certainty::Measured };
    Ok(Advice {
        copies_now,
        copies,
        hours: hours.len(),
        hours_broken: broken(copies).iter().filter(|is_broken| **is_broken).count(),
        capacity,
        certainty,
        saving: cost_per_copy.clone().times(copies_now - f64::from(copies), cost_per_copy.basis),
        by_hour,
    })
}

/// The least number that fits, when everything above it fits too.
fn fewest(fits: impl Fn(u32) -> bool) -> Option<u32> {
    let (mut below, mut above) = (0, 1);
    while !fits(above) {
        if above == COPIES_MAX {
            return None;
        }
        below = above;
        above = (above * 2).min(COPIES_MAX);
    }
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        if fits(middle) { above = middle } else { below = middle }
    }
    Some(above)
}

#[cfg(test)]
mod serving;
#[cfg(test)]
mod tests;
