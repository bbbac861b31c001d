//! The newest readings of what the watch does not keep: GPU memory, copies, instances, idle cost.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use bifocal_model::{Reading, ReadingSubject, Source, Span, TargetKey, Timestamp};
use bifocal_watch::Snapshot;

use super::exposition::with;
use super::text::Text;
use crate::limits::EXPOSED_READINGS_MAX;

/// A scrape speaks of now for so long.
const FRESH: Span = Span::from_mins(2);
/// What AWS is asked for every few minutes, for so long.
const FRESH_POLLED: Span = Span::from_mins(15);

const GPU_MEMORY: &str = "gpu_memory_used_ratio";

/// Signal, metric and help of what a target has one number of.
const OF_TARGETS: [(&str, &str, &str); 2] = [
    ("copies", "bifocal_copies", "copies of the component that run"),
    ("copies_wanted", "bifocal_copies_wanted", "copies of the component that were asked for"),
];

/// The same of what an endpoint has one number of; the reading's part is the endpoint.
const OF_ENDPOINTS: [(&str, &str, &str); 2] = [
    ("instances", "bifocal_instances", "instances of the endpoint that run"),
    ("cost_idle_usd_per_hour", "bifocal_cost_idle_usd_per_hour", "cost of the GPUs that no component holds"),
];

/// The newest reading of each series that is exposed.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    newest: BTreeMap<Series, Newest>,
    /// Readings of series that there was no room for, since they were counted last.
    left_out: Cell<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    signal: &'static str,
    subject: ReadingSubject,
    part: String,
}

#[derive(Clone, Copy, Debug)]
struct Newest {
    time: Timestamp,
    value: f64,
    fresh_for: Span,
}

fn exposed(signal: &str) -> Option<&'static str> {
    let names = OF_TARGETS.iter().chain(&OF_ENDPOINTS).map(|(signal, ..)| *signal);
    names.chain([GPU_MEMORY]).find(|name| *name == signal)
}

impl Readings {
    /// Takes a reading if it is newer than what is there.
    pub(super) fn take(&mut self, reading: &Reading) {
        let Some(signal) = exposed(&reading.signal) else { return };
        let series = Series { signal, subject: reading.subject.clone(), part: reading.part.clone() };
        let is_known = self.newest.contains_key(&series);
        if !is_known && self.newest.len() >= EXPOSED_READINGS_MAX {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        let polled = matches!(reading.source, Source::CloudWatch | Source::SageMaker);
        let newest = Newest {
            time: reading.time,
            value: reading.value,
            fresh_for: if polled { FRESH_POLLED } else { FRESH },
        };
        let held = self.newest.entry(series).or_insert(newest);
        if newest.time >= held.time {
            *held = newest;
        }
    }

    /// Readings that there was no room for, to be counted.
    pub(super) fn take_left_out(&self) -> u64 {
        self.left_out.take()
    }

    /// What is fresh, of targets that the watch knows.
    pub(super) fn render(&self, text: &mut Text, snapshot: &Snapshot) {
        for (signal, name, help) in OF_TARGETS {
            text.family(name, "gauge", help);
            for view in &snapshot.targets {
                for (_, value) in self.of_target(signal, &view.key, snapshot.now) {
                    text.sample(name, &with(&view.key, &[]), value);
                }
            }
        }
        for (signal, name, help) in OF_ENDPOINTS {
            text.family(name, "gauge", help);
            for (origin, endpoint) in endpoints(snapshot) {
                let subject = ReadingSubject::Origin(origin.to_owned());
                if let Some(value) = self.of(signal, &subject, endpoint, snapshot.now) {
                    text.sample(name, &[("origin", origin), ("endpoint", endpoint)], value);
                }
            }
        }
        let name = "bifocal_gpu_memory_used_ratio";
        text.family(name, "gauge", "share of the GPU's memory in use; without a number the mean of all");
        for view in &snapshot.targets {
            for (gpu, value) in self.of_target(GPU_MEMORY, &view.key, snapshot.now) {
                text.sample(name, &with(&view.key, &[("gpu", gpu)]), value);
            }
        }
    }

    fn of(&self, signal: &'static str, subject: &ReadingSubject, part: &str, now: Timestamp) -> Option<f64> {
        let series = Series { signal, subject: subject.clone(), part: part.to_owned() };
        self.newest.get(&series).filter(|newest| newest.is_fresh(now)).map(|newest| newest.value)
    }

    /// By part, what is a target's own; where it has none, what its origin says of all its targets.
    fn of_target(&self, signal: &'static str, key: &TargetKey, now: Timestamp) -> Vec<(&str, f64)> {
        let parts = |subject: ReadingSubject| -> Vec<(&str, f64)> {
            let first = Series { signal, subject, part: String::new() };
            let same = |series: &Series| series.signal == first.signal && series.subject == first.subject;
            let found = self.newest.range(first.clone()..).take_while(|(series, _)| same(series));
            let fresh = found.filter(|(_, newest)| newest.is_fresh(now));
            fresh.map(|(series, newest)| (series.part.as_str(), newest.value)).collect()
        };
        let own = parts(ReadingSubject::Target(key.clone()));
        if own.is_empty() { parts(ReadingSubject::Origin(key.origin.clone())) } else { own }
    }
}

impl Newest {
    fn is_fresh(&self, now: Timestamp) -> bool {
        self.time >= now - self.fresh_for
    }
}

/// Each endpoint of the snapshot once, with its origin.
pub(super) fn endpoints(snapshot: &Snapshot) -> BTreeSet<(&str, &str)> {
    snapshot.targets.iter().map(|view| (view.key.origin.as_str(), view.key.endpoint.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(signal: &str, subject: ReadingSubject, part: &str, second: i64, value: f64) -> Reading {
        Reading {
            signal: signal.into(),
            subject,
            part: part.into(),
            time: Timestamp::from_secs(second),
            value,
            source: Source::Scrape,
        }
    }

    #[test]
    fn the_newest_counts_while_it_is_fresh_and_a_late_one_changes_nothing() {
        let key = TargetKey::of_model("local", "qwen");
        let mut readings = Readings::default();
        for (second, value) in [(100, 0.5), (160, 0.75), (130, 0.25)] {
            let subject = ReadingSubject::Target(key.clone());
            readings.take(&reading(GPU_MEMORY, subject, "0", second, value));
        }
        let at = |second| readings.of_target(GPU_MEMORY, &key, Timestamp::from_secs(second));
        assert_eq!(at(170), [("0", 0.75)]);
        assert_eq!(at(160 + 120), [("0", 0.75)]);
        assert_eq!(at(161 + 120), [], "absent is not the last value");
        let other = TargetKey::of_model("local", "llama");
        assert_eq!(readings.of_target(GPU_MEMORY, &other, Timestamp::from_secs(170)), []);
    }

    #[test]
    fn what_an_origin_says_holds_for_targets_without_a_number_of_their_own() {
        let (own, without) = (TargetKey::of_model("local", "a"), TargetKey::of_model("local", "b"));
        let mut readings = Readings::default();
        readings.take(&reading(GPU_MEMORY, ReadingSubject::Origin("local".into()), "0", 100, 0.9));
        readings.take(&reading(GPU_MEMORY, ReadingSubject::Target(own.clone()), "1", 100, 0.1));
        let at = |key| readings.of_target(GPU_MEMORY, key, Timestamp::from_secs(100));
        assert_eq!((at(&own), at(&without)), (vec![("1", 0.1)], vec![("0", 0.9)]));
    }

    #[test]
    fn there_is_room_for_so_many_series_and_the_rest_is_counted() {
        let mut readings = Readings::default();
        let origin = || ReadingSubject::Origin("local".into());
        for i in 0..=EXPOSED_READINGS_MAX {
            readings.take(&reading(GPU_MEMORY, origin(), &i.to_string(), 100, 0.5));
        }
        readings.take(&reading(GPU_MEMORY, origin(), "0", 101, 0.75));
        readings.take(&reading("itl_seconds", origin(), "", 101, 0.75));
        assert_eq!((readings.newest.len(), readings.take_left_out()), (EXPOSED_READINGS_MAX, 1));
        assert_eq!(readings.of(GPU_MEMORY, &origin(), "0", Timestamp::from_secs(101)), Some(0.75));
    }
}
