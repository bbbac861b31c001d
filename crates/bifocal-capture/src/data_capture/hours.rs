//! How many captured calls each hour holds, told once the hour's files are all delivered.

use std::collections::BTreeMap;

use bifocal_model::{Span, Timestamp, Window};

use super::attribution::By;

pub(super) const HOUR: Span = Span::from_mins(60);
/// Files come minutes after their calls. Half an hour after its end an hour is taken as delivered.
const DELIVERED_AFTER: Span = Span::from_mins(30);

/// Captured calls of one hour of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// By what they were attributed.
    pub by: BTreeMap<By, u64>,
    /// Lines that could not be read: captured, and nobody's.
    pub unreadable: u64,
    /// Whether a file of the hour was counted elsewhere (before a restart) or not at all. Such an hour tells nothing.
    pub is_partial: bool,
}

/// An hour of which all files were counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hour {
    /// The hour.
    pub window: Window,
    /// What was captured.
    pub tally: Tally,
}

impl Hour {
    /// The last hour whose files are all delivered at this time.
    pub fn last_delivered(now: Timestamp) -> Window {
        let end = (now - DELIVERED_AFTER).floor_to(HOUR);
        Window { start: end - HOUR, end }
    }
}

impl Tally {
    /// Captured calls of which something says whose they are.
    pub fn attributed(&self) -> u64 {
        self.by.iter().filter(|(by, _)| **by != By::Nothing).map(|(_, n)| n).sum()
    }

    /// Captured calls of which nothing does.
    pub fn unattributed(&self) -> u64 {
        self.by.get(&By::Nothing).copied().unwrap_or(0) + self.unreadable
    }

    pub(super) fn add(&mut self, by: &BTreeMap<By, u64>, unreadable: u64) {
        for (by, count) in by {
            *self.by.entry(*by).or_default() += count;
        }
        self.unreadable += unreadable;
    }
}

/// The hours that are not over.
#[derive(Debug, Default)]
pub(super) struct Hours {
    open: BTreeMap<Timestamp, Tally>,
    /// Up to here all hours were told.
    told: Option<Timestamp>,
}

impl Hours {
    /// The tally of an hour; `None` of one that was told already.
    pub(super) fn at(&mut self, hour: Timestamp) -> Option<&mut Tally> {
        let is_open = self.told.is_none_or(|told| hour >= told);
        is_open.then(|| self.open.entry(hour).or_default())
    }

    /// Takes out the hours that are delivered, oldest first.
    pub(super) fn delivered(&mut self, now: Timestamp) -> Vec<Hour> {
        let mut hours = Vec::new();
        while let Some(first) = self.open.first_entry() {
            let window = Window { start: *first.key(), end: *first.key() + HOUR };
            if now < window.end + DELIVERED_AFTER {
                break;
            }
            hours.push(Hour { window, tally: first.remove() });
            self.told = Some(window.end);
        }
        hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_told_once_and_only_when_its_files_are_there() {
        let start: Timestamp = "2026-02-19T01:00:00Z".parse().unwrap();
        let mut hours = Hours::default();
        hours.at(start).unwrap().add(&BTreeMap::from([(By::Model, 3), (By::Nothing, 2)]), 1);
        hours.at(start + HOUR).unwrap().add(&BTreeMap::from([(By::InferenceId, 1)]), 0);
        assert_eq!(hours.delivered(start + HOUR + DELIVERED_AFTER - Span::from_secs(1)), []);
        let told = hours.delivered(start + HOUR + DELIVERED_AFTER);
        let [hour] = &told[..] else { panic!("{told:?}") };
        assert_eq!((hour.window.start, hour.window.end), (start, start + HOUR));
        assert_eq!((hour.tally.attributed(), hour.tally.unattributed()), (3, 3));
        assert!(hours.at(start).is_none(), "what comes later is not counted for it");
        assert_eq!(hours.delivered(start + HOUR + DELIVERED_AFTER), []);
        assert!(hours.at(start + HOUR).is_some());
        assert_eq!(Hour::last_delivered(start + HOUR + DELIVERED_AFTER), told[0].window);
    }
}
