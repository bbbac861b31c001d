//! Sums over windows and series of steps.

use bifocal_model::{ReadingSubject, Span, TargetKey, Timestamp, Window};

use super::Reader;
use crate::open::read_minutes;
use crate::rollup::{Cell, Minute, Minutes, Points, SeriesKey, minutes_of, time_of};
use crate::segment::{Opened, Table};
use crate::{Error, limits};

/// The points of one series of readings, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingSeries {
    /// Which.
    pub key: SeriesKey,
    /// Start of the step and its points; `None` where there are none.
    pub steps: Vec<(Timestamp, Option<Points>)>,
}

/// The steps of a window: whole minutes, at most `series_steps` of the limits, aligned to their length.
pub fn steps(window: Window, step: Span) -> Vec<Window> {
    const MINUTE: i64 = 60_000_000_000;
    let most = i64::try_from(limits::SERIES_STEPS).unwrap_or(i64::MAX);
    let least = window.length().as_nanos() / most + 1;
    let wanted = step.as_nanos().max(least).max(1);
    let step = Span::from_nanos(wanted.saturating_add(MINUTE - 1) / MINUTE * MINUTE);
    let mut steps = Vec::new();
    let mut start = window.start.floor_to(step);
    while start < window.end {
        steps.push(Window { start, end: start + step });
        start = start + step;
    }
    steps
}

impl Reader {
    /// The sum of a target over a window, to whole minutes.
    pub fn total(&self, target: &TargetKey, window: Window) -> Result<Cell, Error> {
        let cold = self.cold_minutes(window)?;
        Ok(self.sum(&cold, target, window))
    }

    /// The sums of a target step by step; a step without anything is an empty cell.
    pub fn series(
        &self,
        target: &TargetKey,
        window: Window,
        step: Span,
    ) -> Result<Vec<(Timestamp, Cell)>, Error> {
        let steps = steps(window, step);
        let cold = self.cold_minutes(window)?;
        Ok(steps.into_iter().map(|step| (step.start, self.sum(&cold, target, step))).collect())
    }

    /// The readings of a target and of its whole upstream, step by step.
    pub fn reading_series(
        &self,
        target: &TargetKey,
        window: Window,
        step: Span,
    ) -> Result<Vec<ReadingSeries>, Error> {
        let steps = steps(window, step);
        let (minutes, _) = self.cold_minutes(window)?;
        let is_of = |key: &SeriesKey| match &key.subject {
            ReadingSubject::Target(subject) => subject == target,
            ReadingSubject::Origin(origin) => *origin == target.origin,
        };
        let mut keys = self.hot().rollups.series();
        keys.extend(minutes.series.keys().cloned());
        keys.retain(is_of);
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let points = |step: Window| {
                let (from, to) = minutes_of(step);
                let hot = self.hot().rollups.points(&key, step);
                let cold = minutes.series.get(&key).into_iter().flat_map(|m| m.range(from..to));
                cold.map(|(_, points)| *points).chain(hot).reduce(|mut sum, points| {
                    sum.merge(&points);
                    sum
                })
            };
            let steps: Vec<_> = steps.iter().map(|&step| (step.start, points(step))).collect();
            if steps.iter().any(|(_, points)| points.is_some()) {
                found.push(ReadingSeries { key, steps });
            }
        }
        Ok(found)
    }

    /// Sealed minutes of a window that memory has forgotten, and the minute from which it remembers.
    fn cold_minutes(&self, window: Window) -> Result<(Minutes, Minute), Error> {
        let (resident_from, segments) = {
            let hot = self.hot();
            let resident_from = hot.rollups.resident_from;
            let reaches = minutes_of(window).0 < resident_from;
            (resident_from, if reaches { hot.segments.clone() } else { Vec::new() })
        };
        let mut minutes = Minutes::default();
        let end = window.end.min(time_of(resident_from));
        let tables = [Table::Rollups, Table::RollupScores, Table::RollupReadings];
        let wanted = segments.iter().filter(|s| tables.contains(&s.table) && s.overlaps(window.start, end));
        for segment in wanted {
            if let Some(opened) = Opened::open_unless_deleted(self.dir(), segment)? {
                read_minutes(&opened, segment.table, &mut minutes)?;
            }
        }
        for cells in minutes.targets.values_mut() {
            cells.split_off(&resident_from);
        }
        for points in minutes.series.values_mut() {
            points.split_off(&resident_from);
        }
        Ok((minutes, resident_from))
    }

    fn sum(&self, (cold, _): &(Minutes, Minute), target: &TargetKey, window: Window) -> Cell {
        let (from, to) = minutes_of(window);
        let mut sum = Cell::default();
        for (_, cell) in cold.targets.get(target).into_iter().flat_map(|m| m.range(from..to)) {
            sum.merge(cell);
        }
        sum.merge(&self.hot().rollups.total(target, window));
        sum
    }
}
