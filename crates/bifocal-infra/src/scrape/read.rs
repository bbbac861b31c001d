//! One page becomes readings. No clock, no I/O.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bifocal_model::{Reading, ReadingSubject, Source, Span, TargetKey, Timestamp};
use bifocal_wire::WireError;
use bifocal_wire::prometheus::{self, Line};

use crate::scrape::growth::{Growth, Growths};
use crate::scrape::map::{self, Kind, Map, Role, Rule, Term};
use crate::scrape::sheet::Sheet;

/// Turns pages of one upstream into readings. It remembers the counters of the last page.
#[derive(Clone, Debug)]
pub struct Scraper {
    map: &'static Map,
    origin: String,
    targets: HashMap<String, TargetKey>,
    /// Labels that name target and host whatever the server; `None`: the map's own.
    labels: Option<Labels>,
    /// With such labels: whose the series are that name no target.
    other: Option<TargetKey>,
    growths: Growths,
    oddities: Oddities,
}

/// Labels that whoever collected the series has put on all of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labels {
    pub(crate) target: &'static str,
    pub(crate) host: &'static str,
}

/// What pages held that made no reading, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Series past the limit.
    pub left_out: u64,
    /// Series that stood on a page twice; the first counts.
    pub duplicates: u64,
    /// Values outside of their signal's range, NaN and infinities.
    pub out_of_range: u64,
    /// Counters that fell: the server was restarted.
    pub resets: u64,
    /// Lines that could not be read.
    pub bad_lines: u64,
}

impl Scraper {
    /// For the pages of one upstream. A series whose model `targets` names is that target's; another named model
    /// is the target of its own name; a series without a model belongs to the origin.
    pub fn new(origin: &str, targets: HashMap<String, TargetKey>) -> Self {
        Self {
            map: map::builtin(),
            origin: origin.to_owned(),
            targets,
            labels: None,
            other: None,
            growths: Growths::default(),
            oddities: Oddities::default(),
        }
    }

    /// For series that name their target by a label of their collector. One that names none is `other`'s, and without an
    /// other one, or with a name that `targets` does not know, makes no reading.
    pub(crate) fn labelled(
        origin: &str,
        labels: Labels,
        targets: HashMap<String, TargetKey>,
        other: Option<TargetKey>,
    ) -> Self {
        Self { labels: Some(labels), other, ..Self::new(origin, targets) }
    }

    /// The readings of lines that were collected at `now`, from a source that is no page.
    pub(crate) fn read_lines<'l>(
        &mut self,
        lines: impl Iterator<Item = Line<'l>>,
        now: Timestamp,
        source: Source,
    ) -> Vec<Reading> {
        let map = self.map;
        let mut sheet = Sheet::new(map);
        self.growths.turn(now);
        for line in lines {
            self.see(&mut sheet, &line);
        }
        self.readings(sheet, now, source)
    }

    /// Takes buckets of histograms as they were at an earlier time, when they were not shown because nothing was in them.
    pub(crate) fn recall<'l>(&mut self, buckets: impl Iterator<Item = Line<'l>>, time: Timestamp) {
        for line in buckets {
            let hashes = Hashes::of(&line);
            for role in self.map.roles(&line.name).iter().filter(|role| role.term == Term::Bucket) {
                self.growths.recall(key(*role, role.term, hashes.labels), time, line.value);
            }
        }
    }

    /// The readings of a page that was fetched at `now`.
    pub fn read(&mut self, page: &[u8], now: Timestamp) -> Result<Vec<Reading>, WireError> {
        let map = self.map;
        let mut sheet = Sheet::new(map);
        self.growths.turn(now);
        let passed = prometheus::visit(page, |line| self.see(&mut sheet, line))?;
        self.oddities.bad_lines += passed.bad_lines;
        self.oddities.left_out += passed.left_out;
        Ok(self.readings(sheet, now, Source::Scrape))
    }

    fn see(&mut self, sheet: &mut Sheet<'static>, line: &Line<'_>) {
        let roles = self.map.roles(&line.name);
        if !roles.is_empty() {
            let hashes = Hashes::of(line);
            roles.iter().for_each(|role| self.take(sheet, *role, line, &hashes));
        }
    }

    fn readings(&mut self, mut sheet: Sheet<'static>, now: Timestamp, source: Source) -> Vec<Reading> {
        for (place, growth) in self.growths.late(now) {
            sheet.grown(place, growth);
        }
        self.oddities.left_out += self.growths.take_left_out();
        self.oddities.resets += self.growths.take_resets();
        let out = sheet.values();
        self.oddities.duplicates += out.duplicates;
        self.oddities.out_of_range += out.out_of_range;
        let reading = |((signal, model, part), value): ((&'static str, String, String), f64)| {
            let subject = self.subject(&model)?;
            Some(Reading { signal: signal.to_owned(), subject, part, time: now, value, source })
        };
        out.values.into_iter().filter_map(reading).collect()
    }

    /// What pages held that made no reading.
    pub fn oddities(&self) -> Oddities {
        self.oddities
    }

    /// Forgets the counters. After a gap the first page makes no rates: a mean over the gap would hide what
    /// happened in it.
    pub fn forget(&mut self) {
        self.growths = Growths::default();
    }

    fn take(&mut self, sheet: &mut Sheet<'_>, role: Role, line: &Line<'_>, hashes: &Hashes) {
        let rule = &self.map.rules[role.rule];
        if !counts(rule, role.term, line) {
            return;
        }
        let server = &self.map.servers[rule.server];
        let of = |own: &[String]| own.iter().find_map(|label| line.label(label));
        let (model, host) = match self.labels {
            // Where the map knows no hosts, theirs add up.
            Some(Labels { target, host }) => {
                (line.label(target), line.label(host).filter(|_| !server.host_labels.is_empty()))
            }
            None => (of(&server.model_labels), of(&server.host_labels)),
        };
        let (model, host) = (model.unwrap_or_default(), host.unwrap_or_default());
        let labels = if role.term == Term::Bucket { hashes.labels } else { hashes.without_le };
        if role.term == Term::Created {
            let began = Timestamp::from_secs(0) + Span::from_secs_f64(line.value);
            self.growths.created(key(role, Term::Value, hashes.without_le), began);
            return;
        }
        // Names that end in anything are series of their own.
        let ending = self.map.ending(&line.name);
        if !sheet.is_first(hash_of(&(key(role, role.term, labels), ending))) {
            return;
        }
        let part = match &rule.part {
            Some(part) => part.as_str(),
            None if rule.part_labels.is_empty() => ending,
            None => rule.part_labels.iter().find_map(|label| line.label(label)).unwrap_or_default(),
        };
        let bucket = if role.term == Term::Bucket { line.label("le").and_then(upper) } else { Some(0.0) };
        let Some(bucket) = bucket else { return };
        let place = sheet.place(role, (model, host, part), hashes.without_le, bucket);
        let is_growth = matches!(rule.kind, Kind::Counter | Kind::CounterRatio | Kind::Histogram);
        if !line.value.is_finite() || line.value < 0.0 {
            sheet.unreadable(place);
        } else if is_growth {
            let began = key(role, Term::Value, hashes.without_le);
            match self.growths.of(key(role, role.term, labels), began, place, line.value) {
                Growth::Late => {}
                growth => sheet.grown(place, growth),
            }
        } else {
            sheet.now(place, line.value);
        }
    }

    fn subject(&self, model: &str) -> Option<ReadingSubject> {
        let known = self.targets.get(model).cloned();
        let target = match self.labels {
            Some(_) if model.is_empty() => self.other.clone()?,
            Some(_) => known?,
            None if model.is_empty() => return Some(ReadingSubject::Origin(self.origin.clone())),
            None => known.unwrap_or_else(|| TargetKey::of_model(&self.origin, model)),
        };
        Some(ReadingSubject::Target(target))
    }
}

/// Whether the row wants this series.
fn counts(rule: &Rule, term: Term, line: &Line<'_>) -> bool {
    let holds = |(label, values): (&String, &Vec<String>)| {
        let value = line.label(label).unwrap_or_default();
        values.iter().any(|wanted| wanted == value)
    };
    let is_divisor = matches!(term, Term::Per { .. });
    (is_divisor || rule.only.iter().all(holds)) && !rule.not.iter().any(holds)
}

/// The labels of a series, whatever their order.
struct Hashes {
    labels: u64,
    without_le: u64,
}

impl Hashes {
    fn of(line: &Line<'_>) -> Self {
        let mut hashes = Self { labels: 0, without_le: 0 };
        for (key, value) in &line.labels {
            let hash = hash_of(&(key, value));
            hashes.labels = hashes.labels.wrapping_add(hash);
            if key != "le" {
                hashes.without_le = hashes.without_le.wrapping_add(hash);
            }
        }
        hashes
    }
}

/// Names a number of a series within a row.
fn key(role: Role, term: Term, labels: u64) -> u64 {
    hash_of(&(role.rule, role.rank, role.summand, term, labels))
}

/// Without a key of its own, so that the same pages give the same readings in every run.
fn hash_of(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// The upper end of a bucket.
fn upper(le: &str) -> Option<f64> {
    match le {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        _ => le.parse().ok().filter(|le: &f64| !le.is_nan()),
    }
}

#[cfg(test)]
mod tests;
