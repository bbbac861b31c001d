//! What others collect: metrics to an OTLP endpoint or by Prometheus remote write, and each judgement as an OTLP event.
//!
//! Everything here makes bytes; the binary sends them, with a bounded queue and back-off. Both protocols are protobuf, of which
//! these few messages need three wire types: they are written by hand (`protobuf`) and read back in tests by the real
//! receivers.

mod evaluations;
mod otlp;
mod protobuf;
mod remote_write;

pub use evaluations::{Evaluation, EvaluationBook};
pub use otlp::{evaluations_body, metrics_body};
pub use remote_write::remote_write_body;

use serde::{Deserialize, Serialize};

/// One series of `/metrics` at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The family: of a histogram without `_bucket`, `_sum`, `_count`.
    pub family: String,
    /// The name as it stands on the page.
    pub name: String,
    /// Labels, without the name.
    pub labels: Vec<(String, String)>,
    /// The value.
    pub value: f64,
    /// Of which type the family is.
    pub kind: SeriesKind,
}

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeriesKind {
    /// It only grows while the process lives.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Counts by upper bound.
    Histogram,
}

/// `[otlp]`: where OpenTelemetry goes. Since 0.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtlpConfig {
    /// The receiver over HTTP, `http://127.0.0.1:4318`: `/v1/metrics` and `/v1/logs` are added.
    pub endpoint: String,
    /// Name of the environment variable with headers, `name=value` with commas between.
    #[serde(default)]
    pub headers_env: Option<String>,
    /// Seconds from one export to the next; default 30.
    #[serde(default = "thirty")]
    pub every_seconds: u32,
    /// Whether what `/metrics` says is sent; default true.
    #[serde(default = "yes")]
    pub metrics: bool,
    /// Whether each judgement is sent as `gen_ai.evaluation.result`; default true.
    #[serde(default = "yes")]
    pub evaluations: bool,
    /// Whether the judge's words, redacted, go with it; default false: they may quote an answer.
    #[serde(default)]
    pub explanations: bool,
}

/// `[remote_write]`: a Prometheus that takes what `/metrics` says. Since 0.2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteWriteConfig {
    /// Where: `http://127.0.0.1:9090/api/v1/write`.
    pub url: String,
    /// Name of the environment variable with a bearer token.
    #[serde(default)]
    pub token_env: Option<String>,
    /// Seconds from one write to the next; default 30.
    #[serde(default = "thirty")]
    pub every_seconds: u32,
}

fn thirty() -> u32 {
    30
}

fn yes() -> bool {
    true
}

/// The series of a page of `/metrics`, given its lines as a parser read them. A line whose family has no type is left out.
pub fn series_of<'a>(
    page: &str,
    lines: impl IntoIterator<Item = (&'a str, Vec<(String, String)>, f64)>,
) -> Vec<Series> {
    let kinds: std::collections::HashMap<&str, SeriesKind> = page
        .lines()
        .filter_map(|line| {
            let (name, kind) = line.strip_prefix("# TYPE ")?.split_once(' ')?;
            let kind = match kind {
                "counter" => SeriesKind::Counter,
                "gauge" => SeriesKind::Gauge,
                "histogram" => SeriesKind::Histogram,
                _ => return None,
            };
            Some((name, kind))
        })
        .collect();
    let family = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|end| name.strip_suffix(end));
        let mut histograms = parts.filter(|base| kinds.get(base) == Some(&SeriesKind::Histogram));
        let base = histograms.next().map(str::to_owned);
        base.map_or_else(
            || Some((name.to_owned(), *kinds.get(name)?)),
            |base| Some((base, SeriesKind::Histogram)),
        )
    };
    let one = |(name, labels, value): (&str, Vec<(String, String)>, f64)| {
        let (family, kind) = family(name)?;
        Some(Series { family, name: name.to_owned(), labels, value, kind })
    };
    lines.into_iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_find_their_families() {
        let page = "# TYPE h histogram\n# TYPE c_count gauge\n# TYPE t_total counter\n";
        let line = |name: &'static str| (name, Vec::new(), 1.0);
        let all = series_of(page, ["h_bucket", "h_sum", "c_count", "t_total", "unknown"].map(line));
        let said: Vec<(&str, SeriesKind)> = all.iter().map(|s| (s.family.as_str(), s.kind)).collect();
        use SeriesKind::{Counter, Gauge, Histogram};
        assert_eq!(said, [("h", Histogram), ("h", Histogram), ("c_count", Gauge), ("t_total", Counter)]);
    }
}
