//! Counts of good and bad by minute for six hours and by hour for a month: up to 44 kB each, and two for each target and
//! one more for each objective of answers.

use std::collections::VecDeque;

use bifocal_model::{Span, Timestamp};
use bifocal_stats::burn::Tally;
use serde::{Deserialize, Serialize};

use crate::limits::{SLO_HOURS, SLO_MINUTES};

const MINUTE: Span = Span::from_mins(1);
const HOUR: Span = Span::from_mins(60);
/// Windows up to this long are told by the minute.
const BY_MINUTE: Span = Span::from_mins(360);

/// Counts over time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rollup {
    minutes: VecDeque<Cell>,
    hours: VecDeque<Cell>,
}

/// Start in whole seconds, count, sum of weights, of bad ones, of squares. A tuple, for there are a thousand of them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Cell(i64, u64, f64, f64, f64);

impl Cell {
    fn tally(self) -> Tally {
        Tally { n: self.1, weight: self.2, bad: self.3, squares: self.4 }
    }
}

impl Rollup {
    /// Counts one thing that took place at a time. What is older than all that is kept is left out.
    pub(crate) fn add(&mut self, time: Timestamp, weight: f64, bad: bool) {
        add(&mut self.minutes, time.floor_to(MINUTE), SLO_MINUTES, weight, bad);
        add(&mut self.hours, time.floor_to(HOUR), SLO_HOURS, weight, bad);
    }

    /// When the first of what is kept took place, to the minute; of what is older than the minutes that are kept, to the hour.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        let at = |cell: &Cell, length: i64| Timestamp::from_secs(cell.0 + length);
        let by_hour = self.hours.front().map(|cell| at(cell, 3_600));
        let by_minute = self.minutes.front().map(|cell| at(cell, 0));
        by_hour.into_iter().chain(by_minute).min()
    }

    /// The window that ends at `now`, in whole minutes up to six hours, in whole hours beyond. What lies after `now`, as a clock
    /// that was set back leaves it, is not in it.
    pub(crate) fn over(&self, length: Span, now: Timestamp) -> Tally {
        let (cells, step) = if length <= BY_MINUTE { (&self.minutes, MINUTE) } else { (&self.hours, HOUR) };
        let first = seconds((now - length).floor_to(step) + step);
        let last = seconds(now.floor_to(step));
        let inside = cells.iter().rev().skip_while(|cell| cell.0 > last).take_while(|cell| cell.0 >= first);
        inside.fold(Tally::default(), |sum, cell| sum.and(cell.tally()))
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.as_nanos().div_euclid(1_000_000_000)
}

fn add(cells: &mut VecDeque<Cell>, start: Timestamp, keep: usize, weight: f64, bad: bool) {
    let start = seconds(start);
    let at = cells.partition_point(|cell| cell.0 < start);
    if cells.get(at).is_none_or(|cell| cell.0 != start) {
        if cells.len() == keep && at == 0 {
            return;
        }
        cells.insert(at, Cell(start, 0, 0.0, 0.0, 0.0));
    }
    if let Some(cell) = cells.get_mut(at) {
        cell.1 += 1;
        cell.2 += weight;
        cell.3 += if bad { weight } else { 0.0 };
        cell.4 += weight * weight;
    }
    if cells.len() > keep {
        cells.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_800_000_000 + secs)
    }

    #[test]
    fn windows_hold_what_took_place_in_them() {
        let mut rollup = Rollup::default();
        for minute in 0..600 {
            rollup.add(at(minute * 60), 2.0, minute % 10 == 0);
        }
        let now = at(599 * 60 + 59);
        let five = rollup.over(Span::from_mins(5), now);
        assert_eq!((five.n, five.weight, five.bad), (5, 10.0, 0.0));
        let hour = rollup.over(Span::from_mins(60), now);
        assert_eq!((hour.n, hour.bad), (60, 12.0));
        assert_eq!(rollup.over(Span::from_mins(360), now).n, 360);
        let days = rollup.over(Span::from_mins(3 * 24 * 60), now);
        assert_eq!((days.n, days.bad), (600, 120.0), "hours reach further than minutes");
        assert_eq!(rollup.over(Span::from_mins(60), at(-1)).n, 0, "before all of it");
    }

    #[test]
    fn late_ones_find_their_minute_and_one_of_the_future_hides_nothing() {
        let mut rollup = Rollup::default();
        rollup.add(at(600), 1.0, false);
        rollup.add(at(0), 1.0, true);
        rollup.add(at(605), 1.0, false);
        // A clock stood in the next century for a moment.
        rollup.add(at(3_000_000_000), 1.0, true);
        let now = at(610);
        assert_eq!(rollup.over(Span::from_mins(5), now).n, 2);
        let hour = rollup.over(Span::from_mins(60), now);
        assert_eq!((hour.n, hour.bad), (3, 1.0));
    }

    #[test]
    fn limit_slo_minutes_and_slo_hours() {
        let mut rollup = Rollup::default();
        for hour in 0..(SLO_HOURS as i64 + 5) {
            for minute in 0..2 {
                rollup.add(at(hour * 3600 + minute * 60), 1.0, false);
            }
        }
        assert_eq!((rollup.minutes.len(), rollup.hours.len()), (SLO_MINUTES, SLO_HOURS));
        rollup.add(at(0), 1.0, true);
        assert_eq!(rollup.hours.len(), SLO_HOURS, "older than all that is kept");
        assert!(rollup.hours.iter().all(|cell| cell.3 == 0.0));
    }
}
