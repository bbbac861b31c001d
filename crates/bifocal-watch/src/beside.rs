//! Other detectors beside ours, on the same judged values: what a fixed threshold and a rolling z-test would have paged.
//!
//! They gate nothing. A page is the moment in which such a detector begins to alarm; it is "alone" when our own detector
//! is not in alarm then and does not raise one within the next 500 judged values.

use std::collections::VecDeque;

use bifocal_model::Timestamp;
use bifocal_stats::comparison::Comparison;
use serde::{Deserialize, Serialize};

use crate::snapshot::ComparisonView;

/// Judged values in the window of both.
const WINDOW: usize = 100;
/// How far below the baseline's mean people put a fixed threshold.
const BELOW: f64 = 0.05;
/// An alarm of ours within so many judged values after a page makes that page no lonely one.
const SOON: u64 = 500;

/// The detectors beside one stream.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Beside {
    since: Timestamp,
    /// Judged values seen.
    n: u64,
    others: Vec<Other>,
    /// Alarms of our own.
    alarms: u64,
    in_alarm: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Other {
    detector: Comparison,
    alarms_now: bool,
    pages: u64,
    alone: u64,
    /// Lonely pages that one of our alarms may still join, by the count of values at them.
    recent: VecDeque<u64>,
}

impl Beside {
    /// A baseline was frozen: the others are set against it too. Counts go on.
    pub(crate) fn set(&mut self, mean: f64, sd: f64, time: Timestamp) {
        let detectors =
            [Comparison::fixed_threshold(WINDOW, mean - BELOW), Comparison::rolling_z(WINDOW, mean, sd)];
        if self.others.is_empty() {
            self.since = time;
            self.others = detectors.into_iter().map(Other::new).collect();
            return;
        }
        for (other, detector) in self.others.iter_mut().zip(detectors) {
            (other.detector, other.alarms_now) = (detector, false);
        }
    }

    /// Takes a judged value behind our own detector, which is in alarm or not.
    pub(crate) fn take(&mut self, value: f64, in_alarm: bool) {
        if self.others.is_empty() {
            return;
        }
        self.n += 1;
        let raised = in_alarm && !self.in_alarm;
        self.alarms += u64::from(raised);
        self.in_alarm = in_alarm;
        for other in &mut self.others {
            other.take(value, self.n, in_alarm, raised);
        }
    }

    /// The counts.
    pub(crate) fn views(&self) -> Vec<ComparisonView> {
        let view = |other: &Other| ComparisonView {
            detector: other.detector.name().to_owned(),
            pages: other.pages,
            alone: other.alone,
            since: self.since,
        };
        self.others.iter().map(view).collect()
    }

    /// Alarms of our own since the same time.
    pub(crate) fn alarms(&self) -> u64 {
        self.alarms
    }
}

impl Other {
    fn new(detector: Comparison) -> Self {
        Self { detector, alarms_now: false, pages: 0, alone: 0, recent: VecDeque::new() }
    }

    fn take(&mut self, value: f64, n: u64, in_alarm: bool, raised: bool) {
        while self.recent.front().is_some_and(|page| n - page > SOON) {
            self.recent.pop_front();
        }
        if raised {
            self.alone -= self.recent.len() as u64;
            self.recent.clear();
        }
        let alarms = self.detector.step(value);
        if alarms && !self.alarms_now {
            self.pages += 1;
            if !in_alarm {
                self.alone += 1;
                self.recent.push_back(n);
            }
        }
        self.alarms_now = alarms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values in 0..1 with mean 0.5, evenly spread and in a fixed order without pattern at the window's length.
    fn value(i: u64) -> f64 {
        (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn counts(beside: &Beside) -> Vec<(u64, u64)> {
        beside.views().iter().map(|view| (view.pages, view.alone)).collect()
    }

    #[test]
    fn pages_are_beginnings_and_join_an_alarm_that_comes_soon() {
        let mut beside = Beside::default();
        beside.take(0.1, false);
        assert!(beside.views().is_empty(), "nothing without a baseline");
        beside.set(0.5, 0.29, Timestamp::from_secs(9));
        (0..300).for_each(|i| beside.take(value(i), false));
        assert_eq!(counts(&beside), [(0, 0), (0, 0)], "a quiet stretch");
        (0..100).for_each(|_| beside.take(0.1, false));
        assert_eq!(counts(&beside), [(1, 1), (1, 1)], "one beginning each");
        beside.take(0.1, true);
        assert_eq!((counts(&beside), beside.alarms()), (vec![(1, 0), (1, 0)], 1), "ours came soon after");
        (0..200).for_each(|i| beside.take(value(i), false));
        (0..100).for_each(|_| beside.take(0.1, false));
        (0..SOON + 1).for_each(|_| beside.take(0.1, false));
        beside.take(0.1, true);
        assert_eq!((counts(&beside), beside.alarms()), (vec![(2, 1), (2, 1)], 2), "ours came too late");
        assert_eq!(beside.views()[1].detector, "rolling z");
        assert_eq!(beside.views()[0].since, Timestamp::from_secs(9));
    }
}
