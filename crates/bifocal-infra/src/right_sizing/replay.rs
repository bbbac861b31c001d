//! Hours of load, carried by another number of copies in thought.

use std::collections::BTreeMap;

use bifocal_model::Timestamp;

use super::{Capacity, Interval};

/// Share of an hour's requests in intervals that are short of copies, from which on the hour is broken. An hour's
/// 95th percentile moves when 5% of its requests do.
const SHORT_SHARE: f64 = 0.01;

/// One hour with requests.
#[derive(Clone, Debug)]
pub(super) struct Hour {
    pub(super) start: Timestamp,
    loads: Vec<Load>,
}

/// What an interval asked for.
#[derive(Clone, Copy, Debug)]
struct Load {
    seconds: f64,
    requests: f64,
    demand: f64,
}

/// Hours in order. Intervals without requests are quiet time of their hour; those of which nobody knows what was in
/// flight are left out.
pub(super) fn hours(intervals: &[Interval], capacity: &Capacity) -> Vec<Hour> {
    let mut hours: BTreeMap<i64, Vec<&Interval>> = BTreeMap::new();
    for interval in intervals.iter().filter(|interval| interval.seconds > 0.0) {
        let hour = interval.start.as_nanos().div_euclid(3_600 * 1_000_000_000);
        hours.entry(hour).or_default().push(interval);
    }
    let load = |interval: &&Interval| {
        let requests = interval.requests.max(0.0);
        let quiet = (requests == 0.0).then_some(0.0);
        let demand = capacity.demand(interval).or(quiet)?;
        Some(Load { seconds: interval.seconds, requests, demand })
    };
    let hour = |(hour, mut intervals): (i64, Vec<&Interval>)| {
        intervals.sort_by_key(|interval| interval.start);
        let loads: Vec<Load> = intervals.iter().filter_map(load).collect();
        let has_requests = loads.iter().any(|load| load.requests > 0.0);
        has_requests.then(|| Hour { start: Timestamp::from_secs(hour * 3_600), loads })
    };
    hours.into_iter().filter_map(hour).collect()
}

/// Which hours would have been short of copies. What waits at the end of an interval is carried into the next. What
/// fluctuates within an interval is part of the latencies that the capacity was learnt from.
pub(super) fn broken(hours: &[Hour], capacity: &Capacity, copies: f64) -> Vec<bool> {
    let carried = copies * capacity.demand_of_copy();
    // Demand times seconds that waits.
    let mut waiting = 0.0_f64;
    let mut all = Vec::with_capacity(hours.len());
    for hour in hours {
        let (mut short, mut total) = (0.0, 0.0);
        for load in &hour.loads {
            let is_short = waiting > 0.0 || load.demand > carried;
            waiting = (waiting + (load.demand - carried) * load.seconds).max(0.0);
            total += load.requests;
            if is_short {
                short += load.requests;
            }
        }
        all.push(short > SHORT_SHARE * total);
    }
    all
}
