//! The service axis: are requests answered, and in time?
//!
//! Requests fall into ten-second buckets. An objective "p95 within 2 s" is the statement that at most 5% of
//! requests take longer; it is called missed when the lower end of a one-sided 99% binomial bound of that share
//! lies above 5%, so that a handful of slow requests in a quiet hour is no incident. The same holds for errors.

use std::collections::VecDeque;

use bifocal_model::{ErrorClass, Inference, Service, Span, Timestamp};
use bifocal_stats::binomial;
use serde::{Deserialize, Serialize};

use crate::config::Objectives;

const BUCKET: Span = Span::from_secs(10);
/// A "p95 within x" objective allows this share above x.
const SLOW_SHARE_ALLOWED: f64 = 0.05;
/// One-sided error of the bounds that decide the axis.
const ALPHA: f64 = 0.01;

/// What the newest requests were like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceWindow {
    buckets: VecDeque<Bucket>,
    /// When the newest request began.
    pub(crate) last: Option<Timestamp>,
}

/// Requests of ten seconds. Counts are of captured requests: bounds need the numbers that were really seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Bucket {
    start: Timestamp,
    requests: u64,
    /// The same, each divided by its capture probability.
    weighted: f64,
    failed: u64,
    throttled: u64,
    unreachable: u64,
    timed_first_token: u64,
    slow_first_token: u64,
    timed: u64,
    slow: u64,
    within_objectives: u64,
    output_tokens: f64,
}

/// What the window says now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ServiceReport {
    pub(crate) requests: u64,
    pub(crate) weighted: f64,
    pub(crate) requests_per_second: Option<f64>,
    pub(crate) output_tokens_per_second: Option<f64>,
    pub(crate) error_ratio: Option<f64>,
    pub(crate) within_objectives: Option<f64>,
    pub(crate) throttled_ratio: f64,
    pub(crate) reasons: Vec<String>,
}

impl ServiceWindow {
    /// Takes one call into account; gives whether it met the objectives, where that can be said. A call that is older than the
    /// window leaves no trace here.
    pub(crate) fn add<T>(&mut self, call: &Inference<T>, objectives: &Objectives) -> Option<bool> {
        self.last = self.last.max(Some(call.time));
        if call.error == Some(ErrorClass::ClientGone) {
            return None;
        }
        let failed = !call.succeeded();
        let slow_first =
            call.timing.ttft_seconds.map(|seconds| seconds > objectives.ttft_p95_seconds && !failed);
        let slow =
            call.timing.duration_seconds.map(|seconds| seconds > objectives.duration_p95_seconds && !failed);
        let met = !failed && slow_first != Some(true) && slow != Some(true);
        let Some(bucket) = self.bucket_mut(call.time.floor_to(BUCKET), objectives) else { return Some(met) };
        bucket.requests += 1;
        bucket.weighted += call.capture_probability.weight();
        bucket.failed += u64::from(failed);
        bucket.throttled += u64::from(call.error == Some(ErrorClass::Throttled));
        bucket.unreachable += u64::from(call.error == Some(ErrorClass::Unreachable));
        bucket.timed_first_token += u64::from(slow_first.is_some());
        bucket.slow_first_token += u64::from(slow_first == Some(true));
        bucket.timed += u64::from(slow.is_some());
        bucket.slow += u64::from(slow == Some(true));
        bucket.within_objectives += u64::from(met);
        let tokens = call.usage.output.map_or(0, |tokens| tokens.count);
        bucket.output_tokens += f64::from(tokens) * call.capture_probability.weight();
        Some(met)
    }

    /// The axis and the numbers behind it.
    pub(crate) fn report(&self, now: Timestamp, objectives: &Objectives) -> (Service, ServiceReport) {
        let length = Span::from_secs_f64(objectives.window_seconds);
        let sum = self.sum_since(now - length);
        let mut report =
            ServiceReport { requests: sum.requests, weighted: sum.weighted, ..Default::default() };
        if sum.requests == 0 {
            return (Service::Unknown, report);
        }
        let requests = sum.requests as f64;
        report.requests_per_second = Some(sum.weighted / objectives.window_seconds);
        report.output_tokens_per_second = Some(sum.output_tokens / objectives.window_seconds);
        report.error_ratio = Some(sum.failed as f64 / requests);
        report.within_objectives = Some(sum.within_objectives as f64 / requests);
        report.throttled_ratio = sum.throttled as f64 / requests;
        if sum.requests < objectives.requests_min {
            let (n, minutes, min) = (sum.requests, objectives.window_seconds / 60.0, objectives.requests_min);
            report
                .reasons
                .push(format!("{n} requests in the last {minutes:.0} min; {min} are needed to say anything"));
            return (Service::Unknown, report);
        }
        let service = decide(&sum, objectives, &mut report.reasons);
        (service, report)
    }

    fn sum_since(&self, start: Timestamp) -> Bucket {
        let mut sum = Bucket::default();
        for bucket in self.buckets.iter().filter(|bucket| bucket.start >= start) {
            sum.requests += bucket.requests;
            sum.weighted += bucket.weighted;
            sum.failed += bucket.failed;
            sum.throttled += bucket.throttled;
            sum.unreachable += bucket.unreachable;
            sum.timed_first_token += bucket.timed_first_token;
            sum.slow_first_token += bucket.slow_first_token;
            sum.timed += bucket.timed;
            sum.slow += bucket.slow;
            sum.within_objectives += bucket.within_objectives;
            sum.output_tokens += bucket.output_tokens;
        }
        sum
    }

    /// The bucket of this start, made where it is missing; `None` when it is older than all that are kept.
    fn bucket_mut(&mut self, start: Timestamp, objectives: &Objectives) -> Option<&mut Bucket> {
        let newest = self.buckets.back().map_or(start, |bucket| bucket.start.max(start));
        let oldest_kept = newest - Span::from_secs_f64(objectives.window_seconds) - BUCKET;
        while self.buckets.front().is_some_and(|bucket| bucket.start < oldest_kept) {
            self.buckets.pop_front();
        }
        if start < oldest_kept {
            return None;
        }
        let at = self.buckets.partition_point(|bucket| bucket.start < start);
        if self.buckets.get(at).is_none_or(|bucket| bucket.start != start) {
            self.buckets.insert(at, Bucket { start, ..Default::default() });
        }
        self.buckets.get_mut(at)
    }
}

fn decide(sum: &Bucket, objectives: &Objectives, reasons: &mut Vec<String>) -> Service {
    let failing = binomial::lower(sum.failed, sum.requests, ALPHA) > objectives.error_ratio;
    if failing {
        reasons.push(format!(
            "{} of {} requests failed{}; objective {}",
            sum.failed,
            sum.requests,
            if sum.unreachable > 0 { ", upstream unreachable" } else { "" },
            percent(objectives.error_ratio),
        ));
        return Service::Failing;
    }
    let mut slow = false;
    for (name, over, of, limit) in [
        ("first token later than", sum.slow_first_token, sum.timed_first_token, objectives.ttft_p95_seconds),
        ("answer later than", sum.slow, sum.timed, objectives.duration_p95_seconds),
    ] {
        if of > 0 && binomial::lower(over, of, ALPHA) > SLOW_SHARE_ALLOWED {
            reasons.push(format!("{name} {limit} s in {over} of {of} requests; objective: at most 5%"));
            slow = true;
        }
    }
    if slow { Service::Slow } else { Service::Ok }
}

fn percent(ratio: f64) -> String {
    format!("{}%", (ratio * 1000.0).round() / 10.0)
}

#[cfg(test)]
mod tests;
