//! The tables of the guide, made from the map.

use std::fmt::Write as _;

use bifocal_model::signal::{Direction, Lens, SIGNALS, Signal};

use super::{Across, Kind, Map, Rule, Unit};

/// `docs/guide/signals.md` as a whole. A test compares it with the file.
pub fn guide(map: &Map) -> String {
    let mut text = String::from(HEAD);
    let _ = write!(text, "\nThe map is version {}.\n", map.version);
    text.push_str("\n## Signals\n\n| signal | unit | better | range | meaning |\n|---|---|---|---|---|\n");
    for signal in SIGNALS.iter().filter(|signal| signal.lens == Lens::Quantity) {
        let Signal { name, unit, help, .. } = signal;
        let _ = writeln!(text, "| `{name}` | {unit} | {} | {} | {help} |", better(signal), range(signal));
    }
    text.push_str("\n## Sources\n\n");
    let titles = titles(map);
    let _ = writeln!(text, "| signal | {} |", titles.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(titles.len()));
    for signal in mapped(map) {
        let cells = titles.iter().map(|title| cell(map, signal, title));
        let _ = writeln!(text, "| `{}` | {} |", signal.name, cells.collect::<Vec<_>>().join(" | "));
    }
    text.push_str("\n## How each is read\n");
    for (index, server) in map.servers.iter().enumerate() {
        let _ = write!(text, "\n**{}**{}\n\n", server.title, subject(&server.model_labels));
        text.push_str("| series | signal | read as | unit | several | note |\n|---|---|---|---|---|---|\n");
        for rule in map.rules.iter().filter(|rule| rule.server == index) {
            let _ = writeln!(text, "{}", row(rule, &server.prefixes[0]));
        }
    }
    text
}

const HEAD: &str = "# Signals and where they come from

This page is made from the map in `crates/bifocal-infra/src/scrape/signals.toml` and from the registry of signals:
`cargo run -p bifocal-infra --example signals > docs/guide/signals.md`. A test fails when it is older than they are.

A server's page is read every few seconds. What a server counts in its own way (microseconds, percent, MiB, `_total` or not,
one series for each engine) becomes a signal with one unit and one meaning. Rules of reading:

- A series that is missing, NaN or infinite makes no reading. Zero is a value, absent is not zero.
- A counter becomes a rate between two pages. The first page, the first after an outage, and a page on which the counter fell
  (the server was restarted) make no rate. A counter that appears later counts from 0 when its `_created` says that it began
  since the last page.
- A sum of which one series cannot be read is unknown: a part of a sum is not the sum.
- Histograms of several engines are added before anything is divided. `mean` is the growth of the sum by the growth of the count;
  `p50`, `p95` and `p99` are drawn on a line inside of a bucket, as Prometheus does. No request, no reading.
- A series that stands on a page twice counts once. A value outside of its signal's range is left out and counted.
- Of several spellings of a series only the first that the page holds is used.
- Latencies from a server begin when the request reaches the server. Those that the proxy measures begin at the client's request.
  They are series of their own: a server's have the part `mean`, `p50`, `p95` or `p99`.
";

/// Titles of the servers, each once.
fn titles(map: &Map) -> Vec<&str> {
    let mut titles: Vec<&str> = Vec::new();
    for server in &map.servers {
        if !titles.contains(&server.title.as_str()) {
            titles.push(&server.title);
        }
    }
    titles
}

/// Signals that some server has, in the order of the registry.
fn mapped(map: &Map) -> impl Iterator<Item = &'static Signal> {
    SIGNALS.iter().filter(|signal| map.rules.iter().any(|rule| rule.signal.name == signal.name))
}

/// The series of one signal on one server's page.
fn cell(map: &Map, signal: &Signal, title: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for rule in map.rules.iter().filter(|rule| rule.signal.name == signal.name) {
        let server = &map.servers[rule.server];
        if server.title == title {
            let name = format!("`{}`", spelt(&rule.spellings[0], &server.prefixes[0]));
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.join(", ")
}

fn spelt(names: &str, prefix: &str) -> String {
    names.split(" + ").map(|name| format!("{prefix}{name}")).collect::<Vec<_>>().join(" + ")
}

fn row(rule: &Rule, prefix: &str) -> String {
    let names: Vec<String> =
        rule.spellings.iter().map(|names| format!("`{}`", spelt(names, prefix))).collect();
    let filters = |begin: &str, filters: &std::collections::BTreeMap<String, Vec<String>>| {
        let each = filters.iter().map(|(label, values)| {
            let values: Vec<&str> = values.iter().map(|v| if v.is_empty() { "none" } else { v }).collect();
            format!("; {begin} `{label}` {}", values.join(", "))
        });
        each.collect::<String>()
    };
    let part = rule.part.as_ref().map(|part| format!(" (part `{part}`)")).unwrap_or_default();
    format!(
        "| {}{}{} | `{}`{part} | {} | {} | {} | {} |",
        names.join(", else "),
        filters("only", &rule.only),
        filters("not", &rule.not),
        rule.signal.name,
        read_as(rule, prefix),
        unit(rule.unit),
        several(rule),
        rule.note,
    )
}

fn read_as(rule: &Rule, prefix: &str) -> String {
    let per = rule.per.first().map(|per| spelt(per, prefix)).unwrap_or_default();
    let quotient = |what: &str| {
        let begin = if rule.complement { "1 minus " } else { "" };
        format!("{begin}{what} divided by that of `{per}`")
    };
    match rule.kind {
        Kind::Gauge => "value".to_owned(),
        Kind::Counter => "growth per second".to_owned(),
        Kind::GaugeRatio => quotient("value"),
        Kind::CounterRatio => quotient("growth"),
        Kind::Histogram => "histogram".to_owned(),
    }
}

fn several(rule: &Rule) -> String {
    match rule.across {
        Across::Sum => "added".to_owned(),
        Across::Mean => "mean".to_owned(),
        Across::Pool => "pooled".to_owned(),
        Across::Apart if rule.part_labels.is_empty() => "apart".to_owned(),
        Across::Apart => format!("apart by `{}`", rule.part_labels[0]),
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "µs",
        Unit::Ratio => "ratio",
        Unit::Percent => "percent",
        Unit::Requests => "requests",
        Unit::Tokens => "tokens",
        Unit::Bytes => "bytes",
        Unit::MebibytesOrBytes => "MiB or bytes",
        Unit::Celsius => "°C",
        Unit::Watts => "W",
    }
}

fn subject(model_labels: &[String]) -> String {
    match model_labels.first() {
        Some(label) => format!(": the label `{label}` names the model"),
        None => ": names no model, so that its numbers are the whole server's".to_owned(),
    }
}

fn better(signal: &Signal) -> &'static str {
    match signal.direction {
        Direction::HigherIsBetter => "higher",
        Direction::LowerIsBetter => "lower",
        Direction::Neutral => "neither",
    }
}

fn range(signal: &Signal) -> String {
    match signal.range.max {
        Some(max) => format!("{} to {max}", signal.range.min),
        None => format!("from {}", signal.range.min),
    }
}
