//! OTLP over HTTP: `ExportMetricsServiceRequest` and `ExportLogsServiceRequest`. Field numbers are those of opentelemetry-proto
//! 1.x; names of attributes follow the semantic conventions of generative AI (status: development), with our own under
//! `bifocal.`.

use std::collections::BTreeMap;

use bifocal_model::Timestamp;

use super::protobuf::Message;
use super::{Evaluation, Series, SeriesKind};

/// AGGREGATION_TEMPORALITY_CUMULATIVE.
const CUMULATIVE: u64 = 2;
/// SEVERITY_NUMBER_INFO, and WARN for a judgement that failed.
const INFO: u64 = 9;
const WARN: u64 = 13;

/// What an attribute holds.
enum Held<'a> {
    Text(&'a str),
    Number(f64),
    Truth(bool),
}

/// The body for `/v1/metrics`. `since`: when the counters began at zero.
pub fn metrics_body(series: &[Series], since: Timestamp, now: Timestamp) -> Vec<u8> {
    let mut families: BTreeMap<&str, Vec<&Series>> = BTreeMap::new();
    for one in series {
        families.entry(one.family.as_str()).or_default().push(one);
    }
    let mut request = Message::default();
    request.inner(1, |resource_metrics| {
        resource_metrics.inner(1, resource);
        resource_metrics.inner(2, |scope_metrics| {
            scope_metrics.inner(1, scope);
            for (name, series) in &families {
                scope_metrics.inner(2, |metric| {
                    metric.text(1, name);
                    match series.first().map(|one| one.kind) {
                        Some(SeriesKind::Counter) => metric.inner(7, |sum| {
                            series
                                .iter()
                                .for_each(|one| sum.inner(1, |point| number(point, one, since, now)));
                            sum.whole(2, CUMULATIVE);
                            sum.whole(3, u64::from(!is_balance(name)));
                        }),
                        Some(SeriesKind::Histogram) => metric.inner(9, |histogram| {
                            for (labels, parts) in by_labels(series) {
                                histogram.inner(1, |point| buckets(point, &labels, &parts, since, now));
                            }
                            histogram.whole(2, CUMULATIVE);
                        }),
                        _ => metric.inner(5, |gauge| {
                            series
                                .iter()
                                .for_each(|one| gauge.inner(1, |point| number(point, one, since, now)));
                        }),
                    }
                });
            }
        });
    });
    request.into_bytes()
}

/// The body for `/v1/logs`: each judgement as an event `gen_ai.evaluation.result`.
pub fn evaluations_body(evaluations: &[Evaluation]) -> Vec<u8> {
    let mut request = Message::default();
    request.inner(1, |resource_logs| {
        resource_logs.inner(1, resource);
        resource_logs.inner(2, |scope_logs| {
            scope_logs.inner(1, scope);
            evaluations.iter().for_each(|evaluation| scope_logs.inner(2, |record| event(record, evaluation)));
        });
    });
    request.into_bytes()
}

fn event(record: &mut Message, evaluation: &Evaluation) {
    record.fixed64(1, nanos(evaluation.time));
    record.whole(2, if evaluation.verdict.is_ok() { INFO } else { WARN });
    let mut put = |name: &str, held: Held<'_>| record.inner(6, |pair| attribute(pair, name, &held));
    put("event.name", Held::Text("gen_ai.evaluation.result"));
    put("gen_ai.evaluation.name", Held::Text(&evaluation.dimension));
    match evaluation.verdict {
        Ok((value, pass)) => {
            put("gen_ai.evaluation.score.value", Held::Number(value));
            put("gen_ai.evaluation.score.label", Held::Text(if pass { "pass" } else { "fail" }));
            put("bifocal.evaluation.pass", Held::Truth(pass));
        }
        Err(why) => put("error.type", Held::Text(why)),
    }
    if let Some(words) = &evaluation.explanation {
        put("gen_ai.evaluation.explanation", Held::Text(words));
    }
    let (name, fingerprint, kind) = &evaluation.evaluator;
    let (inclusion, capture) = evaluation.probabilities;
    let target = &evaluation.target;
    for (name, text) in [
        ("gen_ai.response.id", evaluation.inference.as_str()),
        ("gen_ai.request.model", target.model()),
        ("bifocal.evaluator.name", name),
        ("bifocal.evaluator.fingerprint", fingerprint),
        ("bifocal.evaluator.kind", kind),
        ("bifocal.stratum", &evaluation.stratum),
        ("bifocal.target.origin", &target.origin),
        ("bifocal.target.endpoint", &target.endpoint),
        ("bifocal.target.variant", &target.variant),
        ("bifocal.target.inference_component", target.inference_component()),
    ] {
        if !text.is_empty() {
            put(name, Held::Text(text));
        }
    }
    put("bifocal.inclusion_probability", Held::Number(inclusion));
    put("bifocal.capture_probability", Held::Number(capture));
    record.fixed64(11, nanos(evaluation.time));
    record.text(12, "gen_ai.evaluation.result");
}

fn resource(resource: &mut Message) {
    for (name, text) in [("service.name", "bifocal"), ("service.version", env!("CARGO_PKG_VERSION"))] {
        resource.inner(1, |pair| attribute(pair, name, &Held::Text(text)));
    }
}

fn scope(scope: &mut Message) {
    scope.text(1, "bifocal");
    scope.text(2, env!("CARGO_PKG_VERSION"));
}

fn attribute(pair: &mut Message, name: &str, held: &Held<'_>) {
    pair.text(1, name);
    pair.inner(2, |value| match held {
        Held::Text(text) => value.text(1, text),
        Held::Truth(is) => value.whole(2, u64::from(*is)),
        Held::Number(number) => value.double(4, *number),
    });
}

/// The ledger counts since its data folder was made, not since this process began, and one of its columns (what waits) goes down.
fn is_balance(family: &str) -> bool {
    family == "bifocal_ledger_total"
}

fn number(point: &mut Message, one: &Series, since: Timestamp, now: Timestamp) {
    if one.kind == SeriesKind::Counter && !is_balance(&one.family) {
        point.fixed64(2, nanos(since));
    }
    point.fixed64(3, nanos(now));
    point.double(4, one.value);
    for (name, value) in one.labels.iter().filter(|(_, value)| !value.is_empty()) {
        point.inner(7, |pair| attribute(pair, name, &Held::Text(value)));
    }
}

type Labels = Vec<(String, String)>;

/// The parts of each histogram of a family, by its labels without `le`.
fn by_labels<'a>(series: &[&'a Series]) -> BTreeMap<Labels, Vec<&'a Series>> {
    let mut all: BTreeMap<Labels, Vec<&Series>> = BTreeMap::new();
    for one in series {
        let labels = one.labels.iter().filter(|(name, _)| name != "le").cloned().collect();
        all.entry(labels).or_default().push(one);
    }
    all
}

/// Buckets hold all below their bound there, and those between two bounds here. Weighted counts are rounded.
fn buckets(point: &mut Message, labels: &Labels, parts: &[&Series], since: Timestamp, now: Timestamp) {
    let mut below: Vec<(f64, f64)> = parts
        .iter()
        .filter_map(|part| {
            let (_, bound) = part.labels.iter().find(|(name, _)| name == "le")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().ok()? };
            Some((bound, part.value))
        })
        .collect();
    below.sort_by(|a, b| a.0.total_cmp(&b.0));
    let cumulative: Vec<u64> = below.iter().map(|(_, count)| rounded(*count)).collect();
    let counts = cumulative
        .iter()
        .enumerate()
        .map(|(i, count)| count.saturating_sub(if i == 0 { 0 } else { cumulative[i - 1] }));
    point.fixed64(2, nanos(since));
    point.fixed64(3, nanos(now));
    point.fixed64(4, cumulative.last().copied().unwrap_or_default());
    if let Some(sum) = parts.iter().find(|part| part.name.ends_with("_sum")) {
        point.double(5, sum.value);
    }
    point.packed64(6, counts.collect::<Vec<_>>().into_iter());
    let bounds = below.iter().filter(|(bound, _)| bound.is_finite()).map(|(bound, _)| bound.to_bits());
    point.packed64(7, bounds.collect::<Vec<_>>().into_iter());
    for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        point.inner(9, |pair| attribute(pair, name, &Held::Text(value)));
    }
}

fn rounded(count: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; cut at the ends")]
    let whole = count.round().max(0.0) as u64;
    whole
}

fn nanos(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or_default()
}
