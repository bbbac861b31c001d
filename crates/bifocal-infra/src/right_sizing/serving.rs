//! A simulated server to test advice against: copies with continuous batching, a KV cache, and a queue each. It shares
//! nothing with the code that advises: requests are served one by one, and latencies are what comes out.

use std::collections::{BinaryHeap, VecDeque};

use bifocal_model::Timestamp;

use super::{Interval, Objectives};

/// One request of a trace.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) at: f64,
    pub(super) input: f64,
    pub(super) output: f64,
}

/// Seconds of a decode step: alone, and for each request in the batch.
const STEP: (f64, f64) = (0.030, 0.001_5);
/// Prompt tokens a second.
const PREFILL: f64 = 15_000.0;
/// Tokens that the KV cache of one copy holds.
const CACHE: f64 = 160_000.0;
const BATCH_MAX: usize = 256;
/// Length of an interval.
const SECONDS: f64 = 60.0;

#[derive(Debug, Default)]
struct Copy {
    now: f64,
    /// Tokens that each request in the batch has been given since the start.
    tokens: f64,
    /// Negative end in tokens (the heap's largest is the first to end), with the request's index.
    batch: BinaryHeap<(Ordered, usize)>,
    queue: VecDeque<usize>,
    used: f64,
    in_flight_seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Ordered(f64);

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Default)]
struct Served {
    ttft: f64,
    admitted: f64,
    itl: f64,
    duration: f64,
}

impl Copy {
    fn step(&self) -> f64 {
        STEP.0 + STEP.1 * self.batch.len() as f64
    }

    fn in_flight(&self) -> usize {
        self.batch.len() + self.queue.len()
    }

    fn advance(&mut self, to: f64, requests: &[Request], served: &mut [Served]) {
        while let Some((end, index)) = self.batch.peek().copied() {
            let ends = self.now + (-end.0 - self.tokens).max(0.0) * self.step();
            if ends > to {
                break;
            }
            self.in_flight_seconds += (ends - self.now) * self.in_flight() as f64;
            (self.now, self.tokens) = (ends, -end.0);
            self.batch.pop();
            let (request, out) = (&requests[index], &mut served[index]);
            self.used -= request.input + request.output;
            let prefill = request.input / PREFILL;
            out.itl = (ends - out.admitted) / request.output.max(1.0);
            out.duration = ends - request.at + prefill;
            self.admit(requests, served);
        }
        if !self.batch.is_empty() {
            self.tokens += (to - self.now) / self.step();
        }
        self.in_flight_seconds += (to - self.now) * self.in_flight() as f64;
        self.now = to;
    }

    fn admit(&mut self, requests: &[Request], served: &mut [Served]) {
        while let Some(&index) = self.queue.front() {
            let request = &requests[index];
            let tokens = request.input + request.output;
            let fits = self.batch.is_empty() || self.used + tokens <= CACHE && self.batch.len() < BATCH_MAX;
            if !fits {
                break;
            }
            self.queue.pop_front();
            self.used += tokens;
            self.batch.push((Ordered(-(self.tokens + request.output)), index));
            let out = &mut served[index];
            out.admitted = self.now;
            out.ttft = self.now - request.at + request.input / PREFILL + self.step();
        }
    }
}

/// Serves requests, in order of their arrival, on so many copies. The intervals that a monitor would have seen.
pub(super) fn serve(requests: &[Request], copies: usize) -> Vec<Interval> {
    let mut fleet: Vec<Copy> = (0..copies).map(|_| Copy::default()).collect();
    let mut served = vec![Served::default(); requests.len()];
    let mut intervals: Vec<Interval> = Vec::new();
    let mut end = SECONDS;
    let mut of_interval: Vec<std::ops::Range<usize>> = Vec::new();
    let mut first = 0;
    for (index, request) in requests.iter().enumerate() {
        while request.at >= end {
            intervals.push(close(&mut fleet, end, requests, &mut served, index - first));
            of_interval.push(first..index);
            first = index;
            end += SECONDS;
        }
        for copy in &mut fleet {
            copy.advance(request.at, requests, &mut served);
        }
        let least = fleet.iter_mut().min_by_key(|copy| copy.in_flight()).unwrap();
        least.queue.push_back(index);
        least.admit(requests, &mut served);
    }
    // What is in flight ends.
    for copy in &mut fleet {
        copy.advance(end + 36_000.0, requests, &mut served);
    }
    for (interval, range) in intervals.iter_mut().zip(of_interval) {
        let of = |pick: fn(&Served) -> f64| -> Vec<f64> { served[range.clone()].iter().map(pick).collect() };
        let durations = of(|s| s.duration);
        if !durations.is_empty() {
            interval.duration_mean_seconds = Some(durations.iter().sum::<f64>() / durations.len() as f64);
        }
        interval.ttft_p95_seconds = p95(of(|s| s.ttft));
        interval.itl_p95_seconds = p95(of(|s| s.itl));
        interval.duration_p95_seconds = p95(durations);
    }
    intervals
}

fn close(
    fleet: &mut [Copy],
    end: f64,
    requests: &[Request],
    served: &mut [Served],
    arrived: usize,
) -> Interval {
    let (mut flight, mut used, mut waiting) = (0.0, 0.0, 0.0);
    let copies = fleet.len() as f64;
    for copy in fleet {
        copy.advance(end, requests, served);
        flight += std::mem::take(&mut copy.in_flight_seconds);
        used += copy.used / CACHE / copies;
        waiting += copy.queue.len() as f64;
    }
    #[expect(clippy::cast_possible_truncation, reason = "seconds of a few days")]
    let start = Timestamp::from_secs((end - SECONDS) as i64);
    Interval {
        start,
        seconds: SECONDS,
        requests: arrived as f64,
        copies,
        concurrency: Some(flight / SECONDS),
        kv_cache_usage: Some(used),
        waiting: Some(waiting),
        ..Interval::default()
    }
}

/// The share of hours whose requests' 95th percentiles broke an objective, as the intervals' own say: an hour is broken
/// when intervals with more than 5% of its requests are.
pub(super) fn broken_share(intervals: &[Interval], objectives: &Objectives) -> f64 {
    let hours: Vec<&[Interval]> =
        intervals.chunks(60).filter(|hour| hour.iter().any(|i| i.requests > 0.0)).collect();
    let broken = hours.iter().filter(|hour| {
        let is_over =
            |limit: Option<f64>, seen: Option<f64>| matches!((limit, seen), (Some(l), Some(s)) if s > l);
        let total: f64 = hour.iter().map(|i| i.requests).sum();
        let over = hour.iter().filter(|i| {
            is_over(objectives.ttft_p95_seconds, i.ttft_p95_seconds)
                || is_over(objectives.itl_p95_seconds, i.itl_p95_seconds)
                || is_over(objectives.duration_p95_seconds, i.duration_p95_seconds)
        });
        over.map(|i| i.requests).sum::<f64>() > 0.05 * total
    });
    broken.count() as f64 / hours.len() as f64
}

fn p95(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(values[(last * 95).div_ceil(100)])
}
