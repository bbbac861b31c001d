//! Roll-ups: sums per target and minute, and per series of readings and minute.
//!
//! The life of the data: a record adds to the *open* minutes; a seal writes the open minutes as rows of the lake
//! (so a late record makes a second row of its minute) and merges them into the *sealed* minutes. A restart
//! merges the lake's rows in the order of their seals and replays the journal into open minutes.
//! Invariant: both ways make the same additions in the same order, so the sums agree to the last bit.

mod cell;
mod moments;
mod passed;
mod sketch;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bifocal_model::{Inference, Reading, ReadingSubject, Score, Span, TargetKey, Timestamp, Window};
use serde::{Deserialize, Serialize};

pub use cell::{Cell, Points};
pub use moments::{Moments, StreamKey};
pub use passed::Passed;
pub use sketch::{RELATIVE_ERROR, Sketch};

use crate::limits::{READING_SERIES, ROLLUP_DAYS, TARGETS};

const NANOS_PER_MINUTE: i64 = 60_000_000_000;

/// Which series a reading belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeriesKey {
    /// Whose.
    pub subject: ReadingSubject,
    /// Which signal.
    pub signal: String,
    /// Which part (the GPU's index), else empty.
    pub part: String,
}

impl SeriesKey {
    /// The series of a reading.
    pub fn of(reading: &Reading) -> Self {
        Self { subject: reading.subject.clone(), signal: reading.signal.clone(), part: reading.part.clone() }
    }
}

/// Minutes since 1970.
pub(crate) type Minute = i64;

/// Sums by target and minute and by series and minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Minutes {
    pub(crate) targets: BTreeMap<TargetKey, BTreeMap<Minute, Cell>>,
    pub(crate) series: BTreeMap<SeriesKey, BTreeMap<Minute, Points>>,
}

/// Sealed and open minutes.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Rollups {
    pub(crate) sealed: Minutes,
    pub(crate) open: Minutes,
    /// One copy of each stream's name for all minutes.
    #[serde(skip)]
    streams: BTreeSet<Arc<StreamKey>>,
    /// Minutes before this one are in the lake only.
    pub(crate) resident_from: Minute,
}

pub(crate) fn minute_of(time: Timestamp) -> Minute {
    time.as_nanos().div_euclid(NANOS_PER_MINUTE)
}

pub(crate) fn time_of(minute: Minute) -> Timestamp {
    Timestamp::from_nanos(minute.saturating_mul(NANOS_PER_MINUTE))
}

impl Minutes {
    /// Adds every minute of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (target, minutes) in &other.targets {
            let mine = self.targets.entry(target.clone()).or_default();
            for (minute, cell) in minutes {
                mine.entry(*minute).or_default().merge(cell);
            }
        }
        for (series, minutes) in &other.series {
            let mine = self.series.entry(series.clone()).or_default();
            for (minute, points) in minutes {
                mine.entry(*minute).and_modify(|mine| mine.merge(points)).or_insert(*points);
            }
        }
    }

    fn newest(&self) -> Option<Minute> {
        let targets = self.targets.values().filter_map(|minutes| minutes.keys().next_back());
        let series = self.series.values().filter_map(|minutes| minutes.keys().next_back());
        targets.chain(series).copied().max()
    }

    fn forget_before(&mut self, minute: Minute) {
        self.targets.retain(|_, minutes| {
            *minutes = minutes.split_off(&minute);
            !minutes.is_empty()
        });
        self.series.retain(|_, minutes| {
            *minutes = minutes.split_off(&minute);
            !minutes.is_empty()
        });
    }
}

impl Rollups {
    /// Adds a call. `false` when a limit was reached and it went to `other`.
    pub(crate) fn add_inference<T>(&mut self, inference: &Inference<T>) -> bool {
        let (cell, own) = self.cell(&inference.target, inference.time);
        cell.add_inference(inference);
        cell.add_findings(inference) && own
    }

    /// Adds a score to the minute of its inference. `false` when a limit was reached.
    pub(crate) fn add_score<T>(&mut self, score: &Score<T>) -> bool {
        let known = self.streams.iter().find(|key| key.is_of(score)).cloned();
        let key = known.unwrap_or_else(|| {
            let key = Arc::new(StreamKey::of(score));
            self.streams.insert(Arc::clone(&key));
            key
        });
        let (cell, own) = self.cell(&score.target, score.time);
        let Some(moments) = cell.stream_mut(|key| key.is_of(score), || key) else { return false };
        moments.add(score);
        own
    }

    /// Adds a point. `false` when there are too many series and it was left out.
    pub(crate) fn add_reading(&mut self, reading: &Reading) -> bool {
        if !reading.value.is_finite() {
            return true;
        }
        let key = SeriesKey::of(reading);
        let known = self.open.series.contains_key(&key) || self.sealed.series.contains_key(&key);
        if !known && self.series_count() as u64 >= READING_SERIES {
            return false;
        }
        let points = Points::one(reading.value, reading.time);
        let minutes = self.open.series.entry(key).or_default();
        minutes.entry(minute_of(reading.time)).and_modify(|mine| mine.merge(&points)).or_insert(points);
        true
    }

    fn series_count(&self) -> usize {
        let sealed = &self.sealed.series;
        sealed.len() + self.open.series.keys().filter(|key| !sealed.contains_key(key)).count()
    }

    fn cell(&mut self, target: &TargetKey, time: Timestamp) -> (&mut Cell, bool) {
        let sealed = &self.sealed.targets;
        let open = &self.open.targets;
        let known = open.contains_key(target) || sealed.contains_key(target);
        let named = || {
            let new = open.keys().filter(|key| !sealed.contains_key(key));
            sealed.keys().chain(new).filter(|key| !key.is_other()).count()
        };
        let own = known || target.is_other() || (named() as u64) < TARGETS;
        let target = if own { target.clone() } else { TargetKey::other(&target.origin) };
        (self.open.targets.entry(target).or_default().entry(minute_of(time)).or_default(), own)
    }

    /// The open minutes have become rows of the lake.
    pub(crate) fn seal(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.add_sealed(&open);
        self.forget_old();
    }

    /// Merges rows of the lake, in the order in which they were sealed.
    pub(crate) fn add_sealed(&mut self, rows: &Minutes) {
        self.sealed.merge(rows);
    }

    /// Forgets minutes older than the limit; they stay in the lake.
    pub(crate) fn forget_old(&mut self) {
        let Some(newest) = self.sealed.newest() else { return };
        let minutes = i64::try_from(ROLLUP_DAYS * 24 * 60).unwrap_or(i64::MAX);
        // A late record may have brought an old minute back, so this is done even when the bound stays.
        self.resident_from = self.resident_from.max(newest.saturating_sub(minutes));
        self.sealed.forget_before(self.resident_from);
    }

    /// The sum of a target's minutes within a window; the window is widened to whole minutes.
    pub(crate) fn total(&self, target: &TargetKey, window: Window) -> Cell {
        let (from, to) = minutes_of(window);
        let mut sum = Cell::default();
        for minutes in [&self.sealed, &self.open].into_iter().filter_map(|m| m.targets.get(target)) {
            for cell in minutes.range(from..to).map(|(_, cell)| cell) {
                sum.merge(cell);
            }
        }
        sum
    }

    /// The points of a series within a window.
    pub(crate) fn points(&self, series: &SeriesKey, window: Window) -> Option<Points> {
        let (from, to) = minutes_of(window);
        let mut sum: Option<Points> = None;
        for minutes in [&self.sealed, &self.open].into_iter().filter_map(|m| m.series.get(series)) {
            for points in minutes.range(from..to).map(|(_, points)| points) {
                match &mut sum {
                    Some(sum) => sum.merge(points),
                    None => sum = Some(*points),
                }
            }
        }
        sum
    }

    /// Every series of which there are points.
    pub(crate) fn series(&self) -> BTreeSet<SeriesKey> {
        self.sealed.series.keys().chain(self.open.series.keys()).cloned().collect()
    }
}

/// The minutes that a window touches, half-open.
pub(crate) fn minutes_of(window: Window) -> (Minute, Minute) {
    let from = minute_of(window.start);
    let last = minute_of(window.end - Span::from_nanos(1));
    (from, last.saturating_add(1).max(from))
}
