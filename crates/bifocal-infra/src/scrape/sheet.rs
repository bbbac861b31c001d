//! What one page says, gathered by signal, model and part, until it is whole and becomes values.

mod histogram;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::scrape::growth::Growth;
use crate::scrape::map::{Across, Kind, Map, Role, Rule, Term, Unit};

use histogram::Pooled;

/// From here on a GPU's memory is counted in bytes: the largest has 300,000 MiB, the smallest eight billion bytes.
const BYTES_FROM: f64 = 1e7;

/// The numbers of one page.
#[derive(Debug)]
pub(super) struct Sheet<'m> {
    map: &'m Map,
    slots: Vec<(SlotKey, Slot)>,
    found: HashMap<SlotKey, usize>,
    seen: HashSet<u64>,
    names: Names,
    duplicates: u64,
}

/// Where a number belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    slot: usize,
    term: Term,
    summand: u8,
    /// Which engine's it is.
    engine: u64,
    /// The upper end of its bucket.
    bucket: f64,
}

#[cfg(test)]
impl Place {
    /// Any place, for tests of what does not look at it.
    pub(super) fn for_test() -> Self {
        Self { slot: 0, term: Term::Value, summand: 0, engine: 0, bucket: 0.0 }
    }
}

/// What a page came to.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// By signal, model and part.
    pub(super) values: BTreeMap<(&'static str, String, String), f64>,
    pub(super) duplicates: u64,
    pub(super) out_of_range: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct SlotKey {
    rule: usize,
    rank: u8,
    model: usize,
    host: usize,
    part: usize,
}

#[derive(Debug, Default)]
struct Slot {
    sum: f64,
    count: u32,
    per: f64,
    /// A bit for each summand of the divisor that was there.
    per_there: u32,
    per_of: u8,
    /// One of its series could not be read.
    unreadable: bool,
    pooled: Pooled,
}

/// Short names of models, hosts and parts.
#[derive(Debug, Default)]
struct Names {
    list: Vec<String>,
    found: HashMap<String, usize>,
}

impl Names {
    fn index(&mut self, name: &str) -> usize {
        if let Some(index) = self.found.get(name) {
            return *index;
        }
        self.list.push(name.to_owned());
        self.found.insert(name.to_owned(), self.list.len() - 1);
        self.list.len() - 1
    }
}

impl<'m> Sheet<'m> {
    pub(super) fn new(map: &'m Map) -> Self {
        Self {
            map,
            slots: Vec::new(),
            found: HashMap::new(),
            seen: HashSet::new(),
            names: Names::default(),
            duplicates: 0,
        }
    }

    /// Whether this number of this series is on the page for the first time.
    pub(super) fn is_first(&mut self, key: u64) -> bool {
        let is_first = self.seen.insert(key);
        self.duplicates += u64::from(!is_first);
        is_first
    }

    /// Where a number belongs: the row's, and the model's, host's and part's by name.
    pub(super) fn place(&mut self, role: Role, names: (&str, &str, &str), engine: u64, bucket: f64) -> Place {
        let (model, host, part) = names;
        let key = SlotKey {
            rule: role.rule,
            rank: role.rank,
            model: self.names.index(model),
            host: self.names.index(host),
            part: self.names.index(part),
        };
        let slot = *self.found.entry(key).or_insert_with(|| {
            self.slots.push((key, Slot::default()));
            self.slots.len() - 1
        });
        if let Term::Per { of } = role.term {
            self.slots[slot].1.per_of = of;
        }
        Place { slot, term: role.term, summand: role.summand, engine, bucket }
    }

    /// The value of a gauge.
    pub(super) fn now(&mut self, place: Place, value: f64) {
        self.slots[place.slot].1.add(place, value);
    }

    /// The growth of a counter.
    pub(super) fn grown(&mut self, place: Place, growth: Growth) {
        let (key, slot) = &mut self.slots[place.slot];
        let kind = self.map.rules[key.rule].kind;
        match growth {
            Growth::By { amount, .. } if kind == Kind::Histogram => {
                slot.pooled.add(place.engine, place.term, place.bucket, amount);
            }
            _ if kind == Kind::Histogram => slot.pooled.spoil(place.engine),
            Growth::By { amount, seconds } if kind == Kind::Counter => slot.add(place, amount / seconds),
            Growth::By { amount, .. } => slot.add(place, amount),
            Growth::Unknown | Growth::Late => slot.unreadable = true,
        }
    }

    /// A value that is none.
    pub(super) fn unreadable(&mut self, place: Place) {
        let (key, slot) = &mut self.slots[place.slot];
        let rule = &self.map.rules[key.rule];
        if rule.kind == Kind::Histogram {
            slot.pooled.spoil(place.engine);
        } else if rule.kind != Kind::Gauge || rule.across == Across::Sum {
            slot.unreadable = true;
        }
    }

    /// The page is whole.
    pub(super) fn values(mut self) -> Values {
        let mut out = Values { duplicates: self.duplicates, ..Values::default() };
        let hosts = hosts(&self.slots);
        self.slots.sort_by_key(|(key, _)| *key);
        for (key, slot) in &self.slots {
            let rule = &self.map.rules[key.rule];
            let mut part = self.names.list[key.part].clone();
            if hosts.get(&key.rule).is_some_and(|hosts| hosts.len() > 1) {
                part = format!("{}/{part}", self.names.list[key.host]);
            }
            for (statistic, value) in slot.values(rule) {
                let Some(value) = rule.signal.range.fit(value * factor(rule, slot)) else {
                    out.out_of_range += 1;
                    continue;
                };
                let part = if statistic.is_empty() { part.clone() } else { statistic.to_owned() };
                let model = self.names.list[key.model].clone();
                // The row, and in it the spelling, that stands first counts.
                out.values.entry((rule.signal.name, model, part)).or_insert(value);
            }
        }
        out
    }
}

impl Slot {
    fn add(&mut self, place: Place, value: f64) {
        if matches!(place.term, Term::Per { .. }) {
            self.per += value;
            self.per_there |= 1_u32.checked_shl(u32::from(place.summand)).unwrap_or(0);
        } else {
            self.sum += value;
            self.count += 1;
        }
    }

    /// Statistic (empty for the value itself) and value, in the server's unit.
    fn values(&self, rule: &Rule) -> Vec<(&'static str, f64)> {
        if rule.kind == Kind::Histogram {
            return self.pooled.values();
        }
        if self.unreadable || self.count == 0 {
            return Vec::new();
        }
        let is_whole = u32::from(self.per_of) == self.per_there.count_ones();
        let value = match rule.kind {
            Kind::GaugeRatio | Kind::CounterRatio if is_whole && self.per > 0.0 => {
                let quotient = self.sum / self.per;
                if rule.complement { 1.0 - quotient } else { quotient }
            }
            Kind::GaugeRatio | Kind::CounterRatio => return Vec::new(),
            _ if rule.across == Across::Sum => self.sum,
            _ => self.sum / f64::from(self.count),
        };
        vec![("", value)]
    }
}

fn factor(rule: &Rule, slot: &Slot) -> f64 {
    if rule.unit == Unit::MebibytesOrBytes && slot.per.max(slot.sum) < BYTES_FROM {
        return 1024.0 * 1024.0;
    }
    rule.unit.factor()
}

/// The hosts that each row was seen on.
fn hosts(slots: &[(SlotKey, Slot)]) -> HashMap<usize, HashSet<usize>> {
    let mut hosts: HashMap<usize, HashSet<usize>> = HashMap::new();
    for (key, _) in slots {
        hosts.entry(key.rule).or_default().insert(key.host);
    }
    hosts
}
