//! What counters grew by since the last page.

use std::collections::HashMap;

use bifocal_model::Timestamp;

use crate::limits::SERIES;
use crate::scrape::sheet::Place;

/// The counters of earlier pages, by a name of their own.
#[derive(Clone, Debug, Default)]
pub(super) struct Growths {
    last: HashMap<u64, Counted>,
    /// When the page before this one was read; `None` before the first.
    before: Option<Timestamp>,
    now: Timestamp,
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
        // The first page has none before it. `Timestamp::default` is no time of a page.
        self.before = (!self.last.is_empty()).then_some(self.now);
        self.now = now;
        self.fresh.clear();
        self.created.clear();
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
