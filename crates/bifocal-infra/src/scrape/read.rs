//! One page becomes readings. No clock, no I/O.

use std::collections::{BTreeMap, HashMap};

use bifocal_model::{Reading, ReadingSubject, Source, TargetKey, Timestamp};
use bifocal_wire::WireError;
use bifocal_wire::prometheus::{self, Sample};

use crate::limits::SERIES;
use crate::scrape::map::{self, Combine, Entry, Meaning};

/// Turns pages of one upstream into readings. It remembers the counters of the last page.
#[derive(Clone, Debug)]
pub struct Scraper {
    origin: String,
    targets: HashMap<String, TargetKey>,
    last: HashMap<SeriesKey, Counted>,
    left_out: u64,
}

type SeriesKey = (&'static str, Vec<(String, String)>);

#[derive(Clone, Copy, Debug)]
struct Counted {
    value: f64,
    time: Timestamp,
}

/// Values of one signal of one subject on this page.
#[derive(Clone, Copy, Debug, Default)]
struct Gathered {
    sum: f64,
    count: u32,
    mean: bool,
}

impl Scraper {
    /// For the pages of one upstream. A series whose model `targets` names is that target's; another named model
    /// is the target of its own name; a series without a model belongs to the origin.
    pub fn new(origin: &str, targets: HashMap<String, TargetKey>) -> Self {
        Self { origin: origin.to_owned(), targets, last: HashMap::new(), left_out: 0 }
    }

    /// The readings of a page that was fetched at `now`.
    pub fn read(&mut self, page: &[u8], now: Timestamp) -> Result<Vec<Reading>, WireError> {
        let samples = prometheus::parse(page)?.samples;
        let mut gathered: BTreeMap<(&'static str, ReadingSubject, String), Gathered> = BTreeMap::new();
        for sample in &samples {
            let Some(entry) = map::find(&sample.name) else { continue };
            let Some(value) = self.value(entry, sample, &samples, now) else { continue };
            let subject = self.subject(entry, sample);
            let part = part(entry, sample);
            let slot = gathered.entry((entry.signal, subject, part)).or_default();
            slot.sum += value;
            slot.count += 1;
            slot.mean = entry.combine != Combine::Sum;
        }
        let reading = |((signal, subject, part), slot): ((&str, ReadingSubject, String), Gathered)| Reading {
            signal: signal.to_owned(),
            subject,
            part,
            time: now,
            value: if slot.mean { slot.sum / f64::from(slot.count) } else { slot.sum },
            source: Source::Scrape,
        };
        Ok(gathered.into_iter().map(reading).collect())
    }

    /// Series that were not followed because the page has more than the limit.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Forgets the counters. After a gap the first page makes no rates: a mean over the gap would hide what
    /// happened in it.
    pub fn forget(&mut self) {
        self.last.clear();
    }

    fn value(
        &mut self,
        entry: &'static Entry,
        sample: &Sample,
        page: &[Sample],
        now: Timestamp,
    ) -> Option<f64> {
        let value = sample.value;
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        match entry.meaning {
            Meaning::Gauge { factor } => Some(value * factor),
            Meaning::ShareWith { rest } => {
                let rest =
                    page.iter().find(|other| other.name == rest && part(entry, other) == part(entry, sample));
                let whole = value + rest?.value;
                (whole.is_finite() && whole > 0.0).then(|| value / whole)
            }
            Meaning::Counter => self.rate(entry, sample, now),
        }
    }

    fn rate(&mut self, entry: &'static Entry, sample: &Sample, now: Timestamp) -> Option<f64> {
        let mut labels = sample.labels.clone();
        labels.sort();
        let key = (entry.series, labels);
        if self.last.len() >= SERIES && !self.last.contains_key(&key) {
            self.left_out += 1;
            return None;
        }
        let before = self.last.insert(key, Counted { value: sample.value, time: now })?;
        let seconds = now.since(before.time).as_secs_f64();
        let grown = sample.value - before.value;
        // Smaller than before: the server was restarted. How much was lost in between is not known.
        (grown >= 0.0 && seconds > 0.0).then(|| grown / seconds)
    }

    fn subject(&self, entry: &Entry, sample: &Sample) -> ReadingSubject {
        let named = (!entry.model_label.is_empty()).then(|| sample.label(entry.model_label)).flatten();
        let Some(model) = named.filter(|model| !model.is_empty()) else {
            return ReadingSubject::Origin(self.origin.clone());
        };
        let own = || TargetKey::of_model(&self.origin, model);
        ReadingSubject::Target(self.targets.get(model).cloned().unwrap_or_else(own))
    }
}

fn part(entry: &Entry, sample: &Sample) -> String {
    entry.part_labels.iter().find_map(|label| sample.label(label)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
