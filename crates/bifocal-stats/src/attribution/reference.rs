//! What the baseline was made of: its level with an interval, and its sums by stratum.

use std::collections::BTreeMap;

use bifocal_model::{Timestamp, Window, stratum};
use serde::{Deserialize, Serialize};

use super::effect::ALPHA_LOOK;
use super::inquiry::Sample;
use crate::estimate::{Weighted, interval};
use crate::limits::{STRATA_MAX, STRATA_NAMES};
use crate::moments::Moments;

/// The name of what has no room of its own.
const OTHER: &str = "other";

/// Sums by stratum. At most 200 names; what comes later is counted under `other`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Strata {
    names: Vec<String>,
    sums: Vec<Moments>,
}

/// The level of a baseline, with its interval at 99% (one of five looks at 95%).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// The weighted mean.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Samples in it.
    pub n: u64,
}

/// The samples of a baseline. They are kept until there are as many as wanted; what is left then are sums.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    wanted: u64,
    values: Vec<Weighted>,
    strata: Strata,
    level: Option<Level>,
}

impl Strata {
    /// Adds a value. Returns the number of its stratum.
    pub fn add(&mut self, name: &str, value: f64, weight: f64) -> usize {
        let at = self.index(name);
        if let Some(sums) = self.sums.get_mut(at) {
            sums.add(value, weight);
        }
        at
    }

    /// Sums by the part of the stratum that `key` keeps; at most 50 groups, the rest under `other`.
    pub fn grouped(&self, key: impl Fn(&str) -> String) -> BTreeMap<String, Moments> {
        let mut groups: BTreeMap<String, Moments> = BTreeMap::new();
        for (name, sums) in self.iter() {
            let group = key(name);
            let full = groups.len() as u64 >= STRATA_MAX && !groups.contains_key(&group);
            groups.entry(if full { OTHER.to_owned() } else { group }).or_default().merge(sums);
        }
        groups
    }

    /// Sums by what the askers bring.
    pub fn by_traffic(&self) -> BTreeMap<String, Moments> {
        self.grouped(stratum::traffic)
    }

    /// Sums of the strata that fit.
    pub fn of(&self, fits: impl Fn(&str) -> bool) -> Moments {
        let mut sums = Moments::default();
        self.iter().filter(|(name, _)| fits(name)).for_each(|(_, part)| sums.merge(part));
        sums
    }

    /// Names and sums.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Moments)> {
        self.names.iter().map(String::as_str).zip(&self.sums)
    }

    /// The name of a stratum by its number.
    pub fn name(&self, at: usize) -> &str {
        self.names.get(at).map_or(OTHER, String::as_str)
    }

    fn index(&mut self, name: &str) -> usize {
        let find = |names: &[String], name: &str| names.iter().position(|known| known == name);
        if let Some(at) = find(&self.names, name) {
            return at;
        }
        // The last places are for names without the facets that the split leaves aside: many tenants must not take away
        // the strata of the questions.
        let known = self.names.len() as u64;
        let short = stratum::traffic(name);
        let name = match known {
            _ if known < STRATA_NAMES - STRATA_MAX => name,
            _ if known < STRATA_NAMES - 1 || find(&self.names, &short).is_some() => &short,
            _ => OTHER,
        };
        find(&self.names, name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.sums.push(Moments::default());
            self.names.len() - 1
        })
    }
}

impl Reference {
    /// A reference of this many samples.
    pub fn new(wanted: u64) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes a sample until there are as many as wanted. NaN is left out.
    pub fn push(&mut self, sample: &Sample<'_>) {
        if self.level.is_some() || sample.value.is_nan() {
            return;
        }
        let value = sample.value.clamp(0.0, 1.0);
        self.strata.add(sample.stratum, value, sample.probability.weight());
        self.values.push(Weighted { value, probability: sample.probability });
        if self.values.len() as u64 >= self.wanted {
            self.level = level(&self.values);
            self.values = Vec::new();
        }
    }

    /// The level: of all wanted samples, or of those there are so far; `None` without any.
    pub fn level(&self) -> Option<Level> {
        self.level.or_else(|| level(&self.values))
    }

    /// The sums by stratum.
    pub fn strata(&self) -> &Strata {
        &self.strata
    }
}

/// The level of weighted values with its interval at [`ALPHA_LOOK`].
pub(super) fn level(values: &[Weighted]) -> Option<Level> {
    let window = Window { start: Timestamp::default(), end: Timestamp::default() };
    let estimate = interval(values, values.len() as f64, window, ALPHA_LOOK)?;
    Some(Level { value: estimate.value, lower: estimate.lower, upper: estimate.upper, n: estimate.n_judged })
}

#[cfg(test)]
mod tests {
    use bifocal_model::Probability;

    use super::*;

    #[test]
    fn strata_beyond_the_limits_strata_and_strata_names_are_counted_together() {
        let mut strata = Strata::default();
        for i in 0..300 {
            strata.add(&format!("stratum=s{i}"), 0.5, 1.0);
        }
        assert_eq!(strata.iter().count() as u64, STRATA_NAMES);
        let groups = strata.by_traffic();
        assert_eq!(groups.len() as u64, STRATA_MAX + 1);
        assert_eq!(groups.values().map(|sums| sums.n).sum::<u64>(), 300);
    }

    #[test]
    fn many_tenants_take_no_stratum_of_the_questions_away() {
        let mut strata = Strata::default();
        for i in 0..600 {
            let language = if i % 2 == 0 { "de" } else { "en" };
            strata.add(&format!("language={language};end=ok;tenant=t{i}"), 0.5, 1.0);
        }
        let groups = strata.by_traffic();
        assert_eq!(groups.keys().collect::<Vec<_>>(), ["language=de", "language=en"]);
        assert_eq!(groups["language=de"].n, 300);
    }

    #[test]
    fn a_complete_reference_keeps_sums_only_and_takes_no_more() {
        let mut reference = Reference::new(60);
        assert_eq!(reference.level(), None);
        for i in 0..80u32 {
            let value = f64::from(i % 5) / 4.0;
            let (time, probability) = (Timestamp::from_secs(i64::from(i)), Probability::ONE);
            reference.push(&Sample { time, value, probability, stratum: "de" });
        }
        let level = reference.level().unwrap();
        assert_eq!((level.n, level.value), (60, 0.5));
        assert!(level.lower < 0.5 && 0.5 < level.upper);
        assert!(reference.values.is_empty());
        assert_eq!(reference.strata().of(|name| name == "de").n, 60);
    }
}
