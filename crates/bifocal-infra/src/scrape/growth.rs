//! What counters grew by since the last page.

use std::collections::HashMap;

use bifocal_model::{Span, Timestamp};

use crate::limits::SERIES;
use crate::scrape::sheet::Place;

/// A series that is unseen for so long is forgotten: copies come and go, and their names would fill the room of those
/// that are there. One that comes back begins anew.
pub(crate) const FORGOTTEN_AFTER: Span = Span::from_mins(15);
/// Between two looks for such ones.
const LOOK_EVERY: Span = Span::from_mins(1);

/// The counters of earlier pages, by a name of their own.
#[derive(Clone, Debug, Default)]
pub(super) struct Growths {
    last: HashMap<u64, Counted>,
    /// When the page before this one was read; `None` before the first.
    before: Option<Timestamp>,
    now: Timestamp,
    /// When unseen series were looked for.
    looked: Timestamp,
    /// Series that this page shows for the first time: they may have begun since the last page.
    fresh: Vec<Fresh>,
    created: HashMap<u64, Timestamp>,
    left_out: u64,
    resets: u64,
}

#[derive(Clone, Copy, Debug)]
struct Counted {
    value: f64,
    time: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Fresh {
    began: u64,
    place: Place,
    value: f64,
}

/// What is known of a counter's growth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Growth {
    /// So much, in so many seconds.
    By {
        /// In the counter's unit.
        amount: f64,
        /// Since it was last seen.
        seconds: f64,
    },
    /// It is new, was reset, or no time passed.
    Unknown,
    /// To be told when the whole page is read.
    Late,
}

impl Growths {
    /// A new page begins.
    pub(super) fn turn(&mut self, now: Timestamp) {
        if now.since(self.looked) >= LOOK_EVERY {
            // What stood on the last page is not unseen, however long ago that was.
            let is_seen =
                |counted: &Counted| counted.time >= self.now || now.since(counted.time) < FORGOTTEN_AFTER;
            self.last.retain(|_, counted| is_seen(counted));
            self.looked = now;
        }
        // The first page has none before it. `Timestamp::default` is no time of a page.
        self.before = (!self.last.is_empty()).then_some(self.now);
        self.now = now;
        self.fresh.clear();
        self.created.clear();
    }

    /// What a series had come to when it was not shown, as is known of it now. What stood on a page stays as it was.
    pub(super) fn recall(&mut self, key: u64, time: Timestamp, value: f64) {
        if self.last.len() < SERIES {
            self.last.entry(key).or_insert(Counted { value, time });
        }
    }

    /// The growth of one series. `began` names the series that says when it began.
    pub(super) fn of(&mut self, key: u64, began: u64, place: Place, value: f64) -> Growth {
        if self.last.len() >= SERIES && !self.last.contains_key(&key) {
            self.left_out += 1;
            return Growth::Unknown;
        }
        let Some(before) = self.last.insert(key, Counted { value, time: self.now }) else {
            if self.before.is_none() {
                return Growth::Unknown;
            }
            self.fresh.push(Fresh { began, place, value });
            return Growth::Late;
        };
        let (amount, seconds) = (value - before.value, self.now.since(before.time).as_secs_f64());
        if amount < 0.0 {
            // The server was restarted. How much was lost in between is not known.
            self.resets += 1;
            return Growth::Unknown;
        }
        if seconds > 0.0 { Growth::By { amount, seconds } } else { Growth::Unknown }
    }

    /// When a counter began, as the page says.
    pub(super) fn created(&mut self, began: u64, time: Timestamp) {
        if self.before.is_some_and(|before| time > before) {
            self.created.insert(began, time);
        }
    }

    /// The growths of series that were shown for the first time: from 0 where they began since the last page.
    pub(super) fn late(&mut self, now: Timestamp) -> Vec<(Place, Growth)> {
        let Some(before) = self.before else { return Vec::new() };
        let seconds = now.since(before).as_secs_f64();
        let growth = |fresh: &Fresh| {
            let is_new = seconds > 0.0 && self.created.contains_key(&fresh.began);
            if is_new { Growth::By { amount: fresh.value, seconds } } else { Growth::Unknown }
        };
        self.fresh.iter().map(|fresh| (fresh.place, growth(fresh))).collect()
    }

    /// Series past the limit since the last call.
    pub(super) fn take_left_out(&mut self) -> u64 {
        std::mem::take(&mut self.left_out)
    }

    /// Resets since the last call.
    pub(super) fn take_resets(&mut self) -> u64 {
        std::mem::take(&mut self.resets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_that_is_unseen_for_long_is_forgotten_and_makes_room() {
        let mut growths = Growths::default();
        let mut at = Timestamp::from_secs(1_000);
        growths.turn(at);
        let place = Place::for_test();
        growths.of(1, 0, place, 5.0);
        growths.of(2, 0, place, 5.0);
        // One is shown every minute, the other never again.
        for minute in 1..=15 {
            assert_eq!(growths.last.len(), 2, "minute {minute}");
            at = at + Span::from_mins(1);
            growths.turn(at);
            let grown = growths.of(1, 0, place, 5.0 + f64::from(minute));
            assert_eq!(grown, Growth::By { amount: 1.0, seconds: 60.0 });
        }
        assert_eq!(growths.last.len(), 1);
        assert_eq!(growths.of(2, 0, place, 50.0), Growth::Late, "it begins anew");
    }

    #[test]
    fn pages_at_a_long_interval_make_rates() {
        let mut growths = Growths::default();
        let place = Place::for_test();
        let hour = Span::from_mins(60);
        growths.turn(Timestamp::from_secs(3_600));
        growths.of(1, 0, place, 5.0);
        growths.turn(Timestamp::from_secs(3_600) + hour);
        assert_eq!(growths.of(1, 0, place, 41.0), Growth::By { amount: 36.0, seconds: 3_600.0 });
    }
}
