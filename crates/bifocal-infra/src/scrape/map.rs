//! The canonical map: which series of which server is which signal, in which unit, and how several become one.
//!
//! It is data: `signals.toml` beside this file says what each field means. Here it is read, checked and indexed by the
//! names that pages may hold. [`rows`] makes the tables of the guide from it.

mod load;
pub mod rows;

use std::collections::{BTreeMap, HashMap};

use bifocal_model::signal::Signal;
use serde::Deserialize;

pub use load::{MapError, builtin};

/// All that is known.
#[derive(Clone, Debug)]
pub struct Map {
    /// Grows with every change of a meaning.
    pub version: u32,
    /// The servers, in the order of the file.
    pub servers: Vec<Server>,
    /// The rows of all servers, in the order of the file.
    pub rules: Vec<Rule>,
    names: HashMap<String, Vec<Role>>,
    /// Names that end in anything: what they begin with.
    beginnings: Vec<(String, Role)>,
}

/// One kind of page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its name in the map.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What its series' names may begin with.
    pub prefixes: Vec<String>,
    /// Labels that name the model.
    pub model_labels: Vec<String>,
    /// Labels that name the host.
    pub host_labels: Vec<String>,
}

/// One row: how some series become one signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Index of the server.
    pub server: usize,
    /// What it becomes.
    pub signal: &'static Signal,
    /// Spellings in order of preference, as the file has them.
    pub spellings: Vec<String>,
    /// The same of what it is divided by.
    pub per: Vec<String>,
    /// How the values are read.
    pub kind: Kind,
    /// The server's unit.
    pub unit: Unit,
    /// What several series do.
    pub across: Across,
    /// A fixed name of the part.
    pub part: Option<String>,
    /// Labels that name the part, the first that is there counts.
    pub part_labels: Vec<String>,
    /// Series that count: label and its values.
    pub only: BTreeMap<String, Vec<String>>,
    /// Series that do not count.
    pub not: BTreeMap<String, Vec<String>>,
    /// Whether the value is 1 minus the quotient.
    pub complement: bool,
    /// What a reader should know.
    pub note: String,
}

/// How values become the signal's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The value now.
    Gauge,
    /// Growth per second.
    Counter,
    /// The value now by that of others.
    GaugeRatio,
    /// Growth by that of others.
    CounterRatio,
    /// Growth of sum by growth of count, and quantiles of the buckets' growth.
    Histogram,
}

/// The unit in which the server counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// Thousandths.
    Milliseconds,
    /// Millionths.
    Microseconds,
    /// From 0 to 1.
    Ratio,
    /// From 0 to 100.
    Percent,
    /// A number of requests.
    Requests,
    /// A number of tokens.
    Tokens,
    /// Bytes.
    Bytes,
    /// MiB or bytes, told apart by the size of the whole.
    MebibytesOrBytes,
    /// Degrees.
    Celsius,
    /// Watts.
    Watts,
}

/// What several series of one signal and one subject do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// They add up: requests of several engines. One that cannot be read makes the sum unknown.
    Sum,
    /// Their mean: caches of several engines of the same size.
    Mean,
    /// Each is a part of its own: a GPU.
    Apart,
    /// Sums are divided by sums.
    Pool,
}

/// What a name stands for in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// Index of the row.
    pub rule: usize,
    /// Which spelling: the least that a page holds counts.
    pub rank: u8,
    /// Which summand of `a + b`, from 0.
    pub summand: u8,
    /// Which of the row's numbers.
    pub term: Term,
}

/// The numbers of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Term {
    /// The value itself.
    Value,
    /// What it is divided by.
    Per {
        /// How many summands there are.
        of: u8,
    },
    /// A histogram's `_bucket`.
    Bucket,
    /// A histogram's `_sum`.
    Sum,
    /// A histogram's `_count`.
    Count,
    /// `_created`: when the counter began, in seconds since 1970.
    Created,
}

impl Map {
    /// What a name stands for; empty when it is not known.
    pub fn roles(&self, name: &str) -> &[Role] {
        if let Some(roles) = self.names.get(name) {
            return roles;
        }
        let begins =
            self.beginnings.iter().find(|(start, _)| name.len() > start.len() && name.starts_with(start));
        begins.map_or(&[], |(_, role)| std::slice::from_ref(role))
    }

    /// What follows the beginning of a name that ends in anything; empty for other names.
    pub(crate) fn ending<'n>(&self, name: &'n str) -> &'n str {
        let begins = self.beginnings.iter().find_map(|(start, _)| name.strip_prefix(start.as_str()));
        begins.unwrap_or_default()
    }
}

impl Unit {
    /// What one of it is in the signal's unit.
    pub fn factor(self) -> f64 {
        match self {
            Self::Milliseconds => 1e-3,
            Self::Microseconds => 1e-6,
            Self::Percent => 0.01,
            _ => 1.0,
        }
    }
}

#[cfg(test)]
mod tests;
