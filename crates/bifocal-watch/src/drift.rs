//! Drift of one target: what is asked, what comes out and how it is written, each against a reference of its own, on every
//! inference.
//!
//! Life: the first 2,000 rows of features make the reference; then a [`DriftDetector`] bets against "nothing changed"; at
//! the threshold that the budget of false pages buys, the group has drifted. The detector starts over against the same
//! reference, and the drift is over when it stays quiet for long enough. A drift that stays is a new normal: after a long
//! time the reference is learned anew, and an event says so. Clocked in inferences and in their own time, never in ticks.
//!
//! Drift says that something is different, not that it is worse: no axis and no state depends on it.

use std::collections::VecDeque;

use bifocal_model::feature::FEATURES_VERSION;
use bifocal_model::{Event, EventKind, FeatureGroup, FeatureValues, Span, TargetKey, Timestamp};
use bifocal_stats::drift::{DriftDetector, Learning};
use serde::{Deserialize, Serialize};

use crate::limits::{DRIFT_MARKS_MAX, DRIFT_RECENT_MAX};

mod view;

pub use view::{DriftAlarmView, DriftStatus, FeatureDriftView, GroupDriftView};

/// Rows of a reference.
const REFERENCE: u64 = 2_000;
/// Probability that a reference misleads its detector.
const ALPHA: f64 = 0.05;
/// A drift is over when this many rows went by without an alarm …
const QUIET_MIN: u64 = 1_000;
/// … and this many times the rows that the last alarm took.
const QUIET_TIMES: u64 = 4;
/// A drift that has lasted for this many rows is the new normal.
const ADOPT: u64 = 50_000;
/// Rows between two marks of the time.
const MARK_EVERY: u64 = 16;
/// Rows between two looks at the budget.
const BUDGET_EVERY: u64 = 64;
/// The rate of inferences is measured over this span.
const RATE_SPAN: Span = Span::from_mins(10);
const RATE_SPANS_IN_30_DAYS: f64 = 30.0 * 24.0 * 6.0;

/// The drift of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Drift {
    /// Of the features that it was learned with: others mean something else.
    version: u32,
    groups: Vec<Group>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Group {
    group: FeatureGroup,
    /// Rows since the reference began to be learned.
    seen: u64,
    last: Timestamp,
    phase: Phase,
    alarm: Option<Alarm>,
    /// The threshold in force: it only ever grows, so that a growing rate never breaks the budget.
    threshold: f64,
    pace: Pace,
    /// The newest rows, for the page. What has no number is `None`: JSON has no NaN.
    recent: VecDeque<Vec<Option<f32>>>,
    /// Rows of the detector so far, and the time of the last of them, oldest first.
    marks: VecDeque<(u64, Timestamp)>,
    #[serde(skip)]
    shown: view::Shown,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Phase {
    Learning(Option<Learning>),
    Watching(Box<DriftDetector>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Alarm {
    time: Timestamp,
    /// Rows up to it, reference included.
    index: u64,
    onset_from: Timestamp,
    onset_to: Timestamp,
    evidence: f64,
    /// The feature with the most evidence.
    feature: usize,
    /// Rows from the onset to the last alarm, and rows since.
    took: u64,
    quiet: u64,
    /// Rows since the first alarm.
    lasted: u64,
}

/// The highest number of rows in ten minutes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Pace {
    span_start: Timestamp,
    in_span: u64,
    highest: u64,
}

impl Default for Drift {
    fn default() -> Self {
        Self { version: FEATURES_VERSION, groups: FeatureGroup::ALL.map(Group::new).to_vec() }
    }
}

impl Drift {
    /// Groups that are watched for each target: streams of the budget.
    pub(crate) const STREAMS: u64 = FeatureGroup::ALL.len() as u64;

    /// Whether a threshold is due: only then is `threshold` of [`take`](Self::take) asked.
    pub(crate) fn is_due(&self) -> bool {
        self.groups.iter().any(|group| group.seen.is_multiple_of(BUDGET_EVERY))
            || self.version != FEATURES_VERSION
    }

    /// Takes the features of an inference. `seed` is a hash of its id; `threshold` says what the budget buys for a number
    /// of rows in 30 days. Gives the events that it causes.
    pub(crate) fn take(
        &mut self,
        key: &TargetKey,
        time: Timestamp,
        values: &FeatureValues,
        seed: u64,
        threshold: impl Fn(f64) -> f64,
    ) -> Vec<Event> {
        if self.version != FEATURES_VERSION {
            *self = Self::default();
        }
        let rows = self.groups.iter_mut().filter_map(|group| {
            let row = values.of(group.group)?;
            group.take(key, time, row, seed ^ group.group as u64, &threshold)
        });
        rows.collect()
    }
}

impl Group {
    fn new(group: FeatureGroup) -> Self {
        Self {
            group,
            seen: 0,
            last: Timestamp::default(),
            phase: Phase::Learning(Learning::new(group.features().len()).ok()),
            alarm: None,
            threshold: 0.0,
            pace: Pace::default(),
            recent: VecDeque::new(),
            marks: VecDeque::new(),
            shown: view::Shown::default(),
        }
    }

    fn take(
        &mut self,
        key: &TargetKey,
        time: Timestamp,
        row: &[f64],
        seed: u64,
        threshold: impl Fn(f64) -> f64,
    ) -> Option<Event> {
        if self.seen.is_multiple_of(BUDGET_EVERY) {
            self.threshold = self.threshold.max(threshold(self.pace.in_30_days()));
        }
        self.seen += 1;
        self.last = self.last.max(time);
        self.pace.count(time);
        self.keep(row);
        match &mut self.phase {
            Phase::Learning(learning) => {
                let learning = learning.as_mut()?;
                learning.take(row);
                if learning.rows() < REFERENCE {
                    return None;
                }
                let detector =
                    learning.freeze().and_then(|reference| DriftDetector::new(reference, ALPHA)).ok()?;
                self.phase = Phase::Watching(Box::new(detector));
                self.event(key, time, EventKind::Baseline, "has a reference")
            }
            Phase::Watching(detector) => {
                let evidence = detector.observe(row, seed);
                let n = detector.n();
                if n.is_multiple_of(MARK_EVERY) || n == 1 {
                    self.mark(n, time);
                }
                if evidence >= self.threshold {
                    self.alarm(key, time, evidence)
                } else {
                    self.stay_quiet(key, time)
                }
            }
        }
    }

    /// The evidence has reached the threshold.
    fn alarm(&mut self, key: &TargetKey, time: Timestamp, evidence: f64) -> Option<Event> {
        let Phase::Watching(detector) = &mut self.phase else { return None };
        let n = detector.n();
        let (from, to) = detector.onset().unwrap_or((0, n));
        let feature = detector.by_column().first().map_or(0, |first| first.column);
        detector.reset();
        let took = n.saturating_sub(from).max(1);
        if let Some(alarm) = &mut self.alarm {
            (alarm.quiet, alarm.took) = (0, took);
            alarm.lasted += 1;
            self.marks.clear();
            return None;
        }
        let (onset_from, onset_to) = (self.time_before(from, time), self.time_after(to, time).min(time));
        self.marks.clear();
        let index = self.seen;
        self.alarm =
            Some(Alarm { time, index, onset_from, onset_to, evidence, feature, took, quiet: 0, lasted: 0 });
        self.event(key, time, EventKind::Alarm, "is not what it was")
    }

    /// A row without an alarm: a drift may be over, or have become the normal.
    fn stay_quiet(&mut self, key: &TargetKey, time: Timestamp) -> Option<Event> {
        let alarm = self.alarm.as_mut()?;
        alarm.quiet += 1;
        alarm.lasted += 1;
        if alarm.quiet >= QUIET_MIN.max(QUIET_TIMES * alarm.took) {
            self.alarm = None;
            return self.event(key, time, EventKind::Recovery, "is what it was again");
        }
        if alarm.lasted >= ADOPT {
            let event =
                self.event(key, time, EventKind::Baseline, "stayed different: its reference is learned anew");
            *self = Self { threshold: self.threshold, pace: self.pace, ..Self::new(self.group) };
            return event;
        }
        None
    }

    #[expect(clippy::cast_possible_truncation, reason = "seven digits are more than the page shows")]
    fn keep(&mut self, row: &[f64]) {
        if self.recent.len() == DRIFT_RECENT_MAX {
            self.recent.pop_front();
        }
        let finite = row.iter().map(|value| Some(*value as f32).filter(|value| value.is_finite()));
        self.recent.push_back(finite.collect());
    }

    /// At the limit every second mark leaves: the range of an onset becomes coarser, never wrong.
    fn mark(&mut self, n: u64, time: Timestamp) {
        if self.marks.len() == DRIFT_MARKS_MAX {
            let mut keep = false;
            self.marks.retain(|_| {
                keep = !keep;
                keep
            });
        }
        self.marks.push_back((n, time));
    }

    /// The time of the last mark before a row of the detector.
    fn time_before(&self, row: u64, otherwise: Timestamp) -> Timestamp {
        let at = self.marks.partition_point(|(n, _)| *n <= row.max(1));
        self.marks.get(at.saturating_sub(1)).map_or(otherwise, |(_, time)| *time)
    }

    /// The time of the first mark after a row of the detector.
    fn time_after(&self, row: u64, otherwise: Timestamp) -> Timestamp {
        let at = self.marks.partition_point(|(n, _)| *n <= row);
        self.marks.get(at).map_or(otherwise, |(_, time)| *time)
    }

    fn event(&self, key: &TargetKey, time: Timestamp, kind: EventKind, what: &str) -> Option<Event> {
        let (name, nanos) = (self.group.name(), time.as_nanos());
        let word = match kind {
            EventKind::Alarm => "alarm",
            EventKind::Recovery => "recovery",
            _ => "reference",
        };
        Some(Event {
            time,
            kind,
            target: Some(key.clone()),
            id: format!("drift:{word}:{}:{name}:{nanos}", key.id()),
            summary: format!("{name} of {} {what}", key.name()),
        })
    }
}

impl Pace {
    fn count(&mut self, time: Timestamp) {
        let start = time.floor_to(RATE_SPAN);
        if start > self.span_start {
            (self.span_start, self.in_span) = (start, 0);
        }
        self.in_span += 1;
        self.highest = self.highest.max(self.in_span);
    }

    fn in_30_days(&self) -> f64 {
        self.highest as f64 * RATE_SPANS_IN_30_DAYS
    }
}

#[cfg(test)]
mod tests;
