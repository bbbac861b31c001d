//! Reads the map's file, checks it and indexes it by the names that pages may hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use bifocal_model::signal;
use serde::Deserialize;

use super::{Across, Kind, Map, Role, Rule, Server, Term, Unit};

/// What is wrong with a map.
#[derive(Debug, thiserror::Error)]
pub enum MapError {
    /// The file cannot be read.
    #[error("read the map of signals")]
    Toml(#[source] Box<toml::de::Error>),
    /// A row contradicts itself or the registry.
    #[error("row `{signal}` of server `{server}`: {what}")]
    Row {
        /// The server's name.
        server: String,
        /// The signal's name.
        signal: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// The map that comes with the binary.
#[expect(clippy::expect_used, reason = "the file is part of the binary, and a test reads it")]
pub fn builtin() -> &'static Map {
    static MAP: LazyLock<Map> =
        LazyLock::new(|| Map::parse(include_str!("../signals.toml")).expect("the built-in map is valid"));
    &MAP
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    server: Vec<FileServer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileServer {
    name: String,
    title: String,
    prefixes: Vec<String>,
    model_labels: Vec<String>,
    #[serde(default)]
    part_labels: Vec<String>,
    #[serde(default)]
    host_labels: Vec<String>,
    #[serde(default)]
    same_in: Vec<String>,
    series: Vec<FileRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRow {
    signal: String,
    names: Vec<String>,
    #[serde(default)]
    per: Vec<String>,
    kind: Kind,
    unit: Unit,
    across: Option<Across>,
    part: Option<String>,
    #[serde(default)]
    part_labels: Vec<String>,
    #[serde(default)]
    only: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    not: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    complement: bool,
    #[serde(default)]
    note: String,
}

impl Map {
    /// Reads a map.
    pub fn parse(text: &str) -> Result<Self, MapError> {
        let file: File = toml::from_str(text).map_err(|err| MapError::Toml(Box::new(err)))?;
        let mut map = Self {
            version: file.version,
            servers: Vec::new(),
            rules: Vec::new(),
            names: HashMap::new(),
            beginnings: Vec::new(),
        };
        for server in file.server {
            let index = map.servers.len();
            let name = server.name.clone();
            for row in server.series {
                let signal = row.signal.clone();
                let rule = rule(index, row, &server.part_labels, &server.same_in)
                    .map_err(|what| MapError::Row { server: name.clone(), signal, what })?;
                map.index(&rule, &server.prefixes);
                map.rules.push(rule);
            }
            map.servers.push(Server {
                name,
                title: server.title,
                prefixes: server.prefixes,
                model_labels: server.model_labels,
                host_labels: server.host_labels,
            });
        }
        Ok(map)
    }

    fn index(&mut self, rule: &Rule, prefixes: &[String]) {
        let index = self.rules.len();
        let mut rank = 0;
        for (spelling, names) in rule.spellings.iter().enumerate() {
            // One divisor serves all spellings, or each has its own.
            let per = rule.per.get(spelling).or_else(|| rule.per.first());
            for prefix in prefixes {
                for (i, name) in names.split(" + ").enumerate() {
                    let role = Role { rule: index, rank, summand: small(i), term: Term::Value };
                    self.add_value(rule.kind, role, &format!("{prefix}{name}"));
                }
                let summands: Vec<&str> = per.map(|per| per.split(" + ").collect()).unwrap_or_default();
                for (i, name) in summands.iter().enumerate() {
                    let term = Term::Per { of: small(summands.len()) };
                    let role = Role { rule: index, rank, summand: small(i), term };
                    self.add_spelt(&format!("{prefix}{name}"), is_counter(rule.kind), role);
                }
                rank += 1;
            }
        }
    }

    fn add_value(&mut self, kind: Kind, role: Role, name: &str) {
        let base = name.strip_suffix("_total").unwrap_or(name);
        if kind == Kind::Histogram {
            for (suffix, term) in [("_bucket", Term::Bucket), ("_sum", Term::Sum), ("_count", Term::Count)] {
                self.add(format!("{name}{suffix}"), Role { term, ..role });
            }
        } else if let Some(start) = name.strip_suffix('*') {
            self.beginnings.push((start.to_owned(), role));
        } else {
            self.add_spelt(name, is_counter(kind), role);
        }
        if kind == Kind::Histogram || is_counter(kind) {
            self.add(format!("{base}_created"), Role { term: Term::Created, ..role });
        }
    }

    /// A counter is known with and without `_total`.
    fn add_spelt(&mut self, name: &str, is_counter: bool, role: Role) {
        let base = name.strip_suffix("_total").unwrap_or(name);
        if is_counter {
            self.add(format!("{base}_total"), role);
            self.add(base.to_owned(), role);
        } else {
            self.add(name.to_owned(), role);
        }
    }

    fn add(&mut self, name: String, role: Role) {
        let roles = self.names.entry(name).or_default();
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
}

fn is_counter(kind: Kind) -> bool {
    matches!(kind, Kind::Counter | Kind::CounterRatio)
}

fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn rule(
    server: usize,
    row: FileRow,
    part_labels: &[String],
    same_in: &[String],
) -> Result<Rule, &'static str> {
    let signal = signal::find(&row.signal).ok_or("no such signal in the registry")?;
    let is_pooled = matches!(row.kind, Kind::GaugeRatio | Kind::CounterRatio | Kind::Histogram);
    let across = match (row.across, is_pooled) {
        (Some(Across::Apart), _) => Across::Apart,
        (None, true) => Across::Pool,
        (Some(across), false) if across != Across::Pool => across,
        _ => return Err("`across` is missing, or not what this kind does"),
    };
    let is_divided = matches!(row.kind, Kind::GaugeRatio | Kind::CounterRatio);
    let has_size = row.unit == Unit::MebibytesOrBytes;
    if row.per.is_empty() == (is_divided || has_size) {
        return Err("`per` belongs to ratios and to mebibytes_or_bytes, and to no other");
    }
    if row.per.len() > 1 && row.per.len() != row.names.len() {
        return Err("`per` has one spelling, or as many as `names`");
    }
    if row.names.is_empty() || row.complement && !is_divided {
        return Err("there are no `names`, or `complement` stands without a quotient");
    }
    if !fits(row.unit, row.kind, signal.unit) {
        return Err("the server's unit cannot become the signal's");
    }
    let mut only = row.only;
    for label in same_in {
        // Rank 0 is always there; the others repeat it.
        only.insert(label.clone(), vec![String::new(), "0".to_owned()]);
    }
    Ok(Rule {
        server,
        signal,
        spellings: row.names,
        per: row.per,
        kind: row.kind,
        unit: row.unit,
        across,
        part: row.part,
        part_labels: if row.part_labels.is_empty() { part_labels.to_vec() } else { row.part_labels },
        only,
        not: row.not,
        complement: row.complement,
        note: row.note,
    })
}

/// Whether a unit of a server, read in this way, is the signal's unit but for a factor.
fn fits(unit: Unit, kind: Kind, signal: &str) -> bool {
    let is_rate = kind == Kind::Counter;
    match unit {
        Unit::Seconds | Unit::Milliseconds | Unit::Microseconds => !is_rate && signal == "seconds",
        Unit::Ratio | Unit::Percent => !is_rate && signal == "ratio",
        Unit::Requests if is_rate => matches!(signal, "requests_per_second" | "per_second"),
        Unit::Requests => signal == "requests",
        Unit::Tokens => is_rate && signal == "tokens_per_second",
        Unit::Bytes | Unit::MebibytesOrBytes => !is_rate && signal == "bytes",
        Unit::Celsius => !is_rate && signal == "celsius",
        Unit::Watts => !is_rate && signal == "watts",
    }
}
