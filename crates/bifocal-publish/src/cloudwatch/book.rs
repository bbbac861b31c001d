//! What was judged since the last minute, and what is put of it.

use std::collections::BTreeMap;

use bifocal_model::{Dimension, EvaluatorKind, Fingerprint, TargetKey, Timestamp};
use bifocal_store::Record;
use bifocal_watch::{Snapshot, StreamView, TargetView};

use super::config::{WriteBackConfig, ascii, component};
use super::log::{Judged, LogBook};
use super::put::{Datum, Put, Unit, Value, puts};

/// Follows the judged answers of all targets.
#[derive(Clone, Debug)]
pub struct WriteBack {
    config: WriteBackConfig,
    /// Judged since the last snapshot. Bounded by the watch's targets and the judge's dimensions, as what is due.
    coming: BTreeMap<TargetKey, Fresh>,
    /// Judged before it, and not put yet.
    due: BTreeMap<TargetKey, Fresh>,
    /// The answers themselves.
    log: LogBook,
}

#[derive(Clone, Debug, Default)]
struct Fresh {
    /// Who judged each dimension last: scores of two judges are never one metric's.
    judged: BTreeMap<Dimension, Fingerprint>,
    latency: Option<Latency>,
}

/// Milliseconds that judging took.
#[derive(Clone, Copy, Debug)]
struct Latency {
    n: f64,
    sum: f64,
    min: f64,
    max: f64,
}

impl WriteBack {
    /// Nothing was judged yet.
    pub fn new(config: WriteBackConfig) -> Self {
        Self { config, coming: BTreeMap::new(), due: BTreeMap::new(), log: LogBook::default() }
    }

    /// Notes one durable record.
    pub fn apply(&mut self, record: &Record) {
        if self.config.logs {
            self.log.apply(record);
        }
        if self.config.is_logs_alone() {
            return;
        }
        let Record::Score(score) = record else { return };
        if !matches!(score.kind, EvaluatorKind::Judge | EvaluatorKind::Composite) || score.value().is_none() {
            return;
        }
        let fresh = self.coming.entry(score.target.clone()).or_default();
        fresh.judged.insert(score.dimension.clone(), score.fingerprint);
        if score.kind == EvaluatorKind::Composite {
            return;
        }
        let millis = 1e3 * score.latency_seconds;
        if millis.is_finite() && millis >= 0.0 {
            fresh.latency.get_or_insert_with(Latency::default).join(Latency {
                n: 1.0,
                sum: millis,
                min: millis,
                max: millis,
            });
        }
    }

    /// A snapshot was published that has seen all records so far: they are due.
    pub fn settle(&mut self) {
        for (target, fresh) in std::mem::take(&mut self.coming) {
            let due = self.due.entry(target).or_default();
            due.judged.extend(fresh.judged);
            if let Some(latency) = fresh.latency {
                due.latency.get_or_insert_with(Latency::default).join(latency);
            }
        }
    }

    /// Judged answers to log now, and how many were left out because too many waited.
    pub fn take_logs(&mut self) -> (Vec<Judged>, u64) {
        self.log.take()
    }

    /// What to put now: of each target the estimates of the dimensions that are due.
    pub fn take(&mut self, snapshot: &Snapshot) -> Vec<Put> {
        let due = std::mem::take(&mut self.due);
        if self.config.is_logs_alone() {
            return Vec::new();
        }
        let namespaces = [Some(&self.config.namespace), self.config.second_namespace.as_ref()];
        let mut by_namespace: BTreeMap<String, Vec<Datum>> = BTreeMap::new();
        for view in &snapshot.targets {
            let mut data = match due.get(&view.key) {
                Some(fresh) => of_target(&self.config, view, fresh, snapshot.now),
                None => Vec::new(),
            };
            if self.config.states {
                data.push(Datum {
                    metric: STATE.to_owned(),
                    dimensions: dimensions(view),
                    time: snapshot.now,
                    unit: Unit::None,
                    value: Value::One(f64::from(view.state.code())),
                });
            }
            for namespace in namespaces.into_iter().flatten() {
                by_namespace.entry(namespace.of(&view.key)).or_default().extend(data.iter().cloned());
            }
        }
        by_namespace.into_iter().flat_map(|(namespace, data)| puts(&namespace, data)).collect()
    }
}

fn of_target(config: &WriteBackConfig, view: &TargetView, fresh: &Fresh, now: Timestamp) -> Vec<Datum> {
    let dimensions = dimensions(view);
    let datum = |metric: String, unit: Unit, value: Value| Datum {
        metric,
        dimensions: dimensions.clone(),
        time: now,
        unit,
        value,
    };
    let mut data = Vec::new();
    for (dimension, fingerprint) in &fresh.judged {
        let same =
            |stream: &&StreamView| stream.dimension == *dimension && stream.fingerprint == *fingerprint;
        let Some(stream) = view.streams.iter().find(same) else { continue };
        let metric = metric(dimension);
        if let Some(mean) = stream.estimate {
            data.push(datum(metric.clone(), Unit::None, Value::One(mean.value)));
            if config.bounds {
                data.push(datum(format!("{metric}_lower"), Unit::None, Value::One(mean.lower)));
                data.push(datum(format!("{metric}_upper"), Unit::None, Value::One(mean.upper)));
            }
            if config.counts {
                data.push(datum(format!("{metric}_judged"), Unit::Count, Value::One(mean.n_judged as f64)));
            }
        }
        if let (true, Some(passing)) = (config.pass_rates, stream.pass_rate) {
            let metric = pass_rate(dimension);
            if config.bounds {
                data.push(datum(format!("{metric}_lower"), Unit::None, Value::One(passing.lower)));
                data.push(datum(format!("{metric}_upper"), Unit::None, Value::One(passing.upper)));
            }
            data.push(datum(metric, Unit::None, Value::One(passing.value)));
        }
    }
    if let Some(Latency { n, sum, min, max }) = fresh.latency {
        let value = Value::Many { n, sum, min, max };
        data.push(datum(LATENCY.to_owned(), Unit::Milliseconds, value));
    }
    data
}

impl Default for Latency {
    fn default() -> Self {
        Self { n: 0.0, sum: 0.0, min: f64::INFINITY, max: 0.0 }
    }
}

impl Latency {
    fn join(&mut self, other: Self) {
        self.n += other.n;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// The state of a target as a number.
pub(crate) const STATE: &str = "target_state";
/// How long judging took.
pub(crate) const LATENCY: &str = "quality_evaluation_latency";
/// The dimensions of AWS's notebook.
pub(crate) const DIMENSIONS: [&str; 3] =
    ["InferenceComponentName", "InferenceComponentLabel", "EndpointName"];

/// The names of AWS's notebook, so that its dashboards and alarms find them.
pub(crate) fn metric(dimension: &Dimension) -> String {
    match dimension.as_str() {
        "composite" => "composite_quality_score".to_owned(),
        other => format!("{}_score", ascii(other)),
    }
}

/// The share that passes.
pub(crate) fn pass_rate(dimension: &Dimension) -> String {
    format!("{}_pass_rate", ascii(dimension.as_str()))
}

/// CloudWatch takes no empty value: what a target does not have is left out.
fn dimensions(view: &TargetView) -> Vec<(&'static str, String)> {
    let all = [component(&view.key), ascii(&view.name), ascii(&view.key.endpoint)];
    DIMENSIONS.into_iter().zip(all).filter(|(_, value)| !value.is_empty()).collect()
}

#[cfg(test)]
mod tests;
