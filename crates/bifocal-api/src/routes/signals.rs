//! Both lenses of one target on one time axis.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use bifocal_model::signal::{Lens, SIGNALS, find};
use bifocal_model::{EvaluatorKind, Fingerprint, Span, Timestamp, Window};
use bifocal_store::{Cell, Moments, ReadingSeries, StreamKey};
use serde::{Deserialize, Serialize};

use super::asking::{blocking, target, window};
use super::parameters::{Path, Query};
use crate::error::ApiError;
use crate::limits::SERIES_POINTS_MAX;
use crate::rows::EventRow;
use crate::state::ApiState;

const EVENTS_SHOWN: usize = 200;
/// Scores that half of a band's steps should hold.
const BAND_JUDGED: u64 = 100;
/// A band keeps at least so many steps.
const BAND_STEPS_MIN: usize = 8;

/// `from`, `to` (RFC 3339) and `step` (seconds).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    from: Option<String>,
    to: Option<String>,
    step: Option<f64>,
}

/// Everything of one target over a window.
#[derive(Debug, Serialize)]
pub(crate) struct Signals {
    from: Timestamp,
    to: Timestamp,
    step_seconds: f64,
    series: Vec<Series>,
    bands: Vec<Band>,
    events: Vec<EventRow>,
}

/// One line: seconds since 1970 and a value, `null` where there is no data.
#[derive(Debug, Serialize)]
struct Series {
    signal: &'static str,
    unit: &'static str,
    lens: Lens,
    stat: &'static str,
    part: String,
    points: Vec<(f64, Option<f64>)>,
}

/// A quality line with its interval: seconds, value, lower, upper, judged.
#[derive(Debug, Serialize)]
struct Band {
    dimension: String,
    kind: EvaluatorKind,
    baseline: Option<f64>,
    points: Vec<(f64, f64, f64, f64, u64)>,
}

/// `GET /api/v1/targets/{id}/signals`
pub(crate) async fn of_target(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<Signals>, ApiError> {
    let snapshot = (state.snapshot)();
    let view = target(&snapshot, &id)?.clone();
    let window = window(asked.from.as_ref(), asked.to.as_ref(), state.clock.now(), Span::from_mins(60))?;
    let step = step(asked.step, window)?;
    let (reader, key) = (state.reader.clone(), view.key.clone());
    let (cells, readings) = blocking(move || {
        Ok((reader.series(&key, window, step)?, reader.reading_series(&key, window, step)?))
    })
    .await?;
    let baselines: BTreeMap<String, f64> = view
        .streams
        .iter()
        .filter_map(|stream| Some((stream.dimension.to_string(), stream.baseline?.mean)))
        .collect();
    let mut series = from_cells(&cells, step);
    series.extend(readings.iter().filter_map(from_readings));
    let events = state.reader.events(Some(&view.key), window, EVENTS_SHOWN);
    Ok(Json(Signals {
        from: window.start,
        to: window.end,
        step_seconds: step.as_secs_f64(),
        series,
        bands: bands(&cells, step, &baselines),
        events: events.iter().map(EventRow::from).collect(),
    }))
}

/// A step of a picture, in whole minutes: some 60 of them.
pub(crate) fn chart_step(from: Timestamp, to: Timestamp) -> Span {
    Span::from_secs_f64((to.since(from).as_secs_f64() / 3600.0).ceil().max(1.0) * 60.0)
}

/// The steps of one quality stream: middle, mean, ends of the interval; and how long a step became.
pub(crate) fn points_of(
    cells: &[(Timestamp, Cell)],
    step: Span,
    dimension: &str,
    fingerprint: Fingerprint,
) -> (Vec<(f64, f64, f64, f64)>, f64) {
    let of = |cell: &Cell| {
        let streams = cell.streams();
        let same = |(key, _): &&(Arc<StreamKey>, Moments)| same_stream(key, fingerprint, dimension);
        streams.iter().find(same).map(|(_, moments)| *moments)
    };
    let steps: Vec<(Timestamp, Option<Moments>)> =
        cells.iter().map(|(time, cell)| (*time, of(cell))).collect();
    let points = band_points(&steps, step);
    let joined = joined(&steps);
    let points = points.into_iter().map(|(time, mean, lower, upper, _)| (time, mean, lower, upper)).collect();
    (points, step.as_secs_f64() * joined as f64)
}

/// The step asked for, in whole minutes, or one that gives about 120 points; never more than the limit of points.
fn step(asked: Option<f64>, window: Window) -> Result<Span, ApiError> {
    let seconds = window.length().as_secs_f64();
    let wanted = asked.unwrap_or(seconds / 120.0);
    if !(wanted.is_finite() && wanted > 0.0) {
        return Err(ApiError::bad_request("`step` is no number of seconds above 0", "leave it out"));
    }
    let coarsest_needed = seconds / SERIES_POINTS_MAX as f64;
    let minutes = (wanted.max(coarsest_needed) / 60.0).ceil().max(1.0);
    Ok(Span::from_secs_f64(minutes * 60.0))
}

/// What is drawn of a cell: signal, statistic, value.
type Pick = (&'static str, &'static str, fn(&Cell, f64) -> Option<f64>);

const PICKS: &[Pick] = &[
    ("ttft_seconds", "p50", |cell, _| cell.ttft.quantile(0.5)),
    ("ttft_seconds", "p95", |cell, _| cell.ttft.quantile(0.95)),
    ("duration_seconds", "p50", |cell, _| cell.duration.quantile(0.5)),
    ("duration_seconds", "p95", |cell, _| cell.duration.quantile(0.95)),
    ("itl_seconds", "p50", |cell, _| cell.itl.quantile(0.5)),
    ("requests_per_second", "rate", |cell, seconds| Some(cell.requests / seconds)),
    ("error_ratio", "mean", |cell, _| cell.error_ratio()),
    ("input_tokens_per_second", "rate", |cell, s| (cell.input_counted > 0.0).then(|| cell.input_tokens / s)),
    ("output_tokens_per_second", "rate", |cell, s| {
        (cell.output_counted > 0.0).then(|| cell.output_tokens / s)
    }),
];

fn from_cells(cells: &[(Timestamp, Cell)], step: Span) -> Vec<Series> {
    let seconds = step.as_secs_f64();
    // Steps before the first and after the last call hold no data, not zero requests.
    let first = cells.iter().position(|(_, cell)| cell.calls > 0);
    let last = cells.iter().rposition(|(_, cell)| cell.calls > 0);
    let (Some(first), Some(last)) = (first, last) else { return Vec::new() };
    let lines = PICKS.iter().filter_map(|&(name, stat, pick)| {
        let point = |(i, (time, cell)): (usize, &(Timestamp, Cell))| {
            let inside = (first..=last).contains(&i);
            (time.as_secs_f64(), if inside { pick(cell, seconds) } else { None })
        };
        line(name, stat, String::new(), cells.iter().enumerate().map(point).collect())
    });
    lines.collect()
}

fn from_readings(readings: &ReadingSeries) -> Option<Series> {
    let points = readings.steps.iter();
    let points =
        points.map(|(time, points)| (time.as_secs_f64(), points.as_ref().map(|p| p.mean()))).collect();
    line(&readings.key.signal, "mean", readings.key.part.clone(), points)
}

/// A line, unless it is empty or of no known signal.
fn line(name: &str, stat: &'static str, part: String, points: Vec<(f64, Option<f64>)>) -> Option<Series> {
    let signal = find(name)?;
    let some = points.iter().any(|(_, value)| value.is_some());
    some.then_some(Series { signal: signal.name, unit: signal.unit, lens: signal.lens, stat, part, points })
}

/// One band for each quality dimension, of its evaluator that scored most in the window: fingerprints are never
/// pooled.
fn bands(cells: &[(Timestamp, Cell)], step: Span, baselines: &BTreeMap<String, f64>) -> Vec<Band> {
    let mut bands = Vec::new();
    let cells: Vec<_> = cells.iter().map(|(time, cell)| (*time, cell.streams())).collect();
    // Evaluators of the configuration's own are in no registry.
    let known = SIGNALS.iter().filter(|signal| signal.lens == Lens::Quality).map(|signal| signal.name);
    let own: BTreeSet<&str> = cells
        .iter()
        .flat_map(|(_, streams)| streams)
        .filter(|(key, _)| matches!(key.kind, EvaluatorKind::Heuristic | EvaluatorKind::Reference))
        .map(|(key, _)| key.dimension.as_str())
        .filter(|name| find(name).is_none())
        .collect();
    for name in known.chain(own) {
        let mut counts = BTreeMap::new();
        for (key, moments) in cells.iter().flat_map(|(_, streams)| streams) {
            if key.dimension.as_str() == name {
                *counts.entry((key.fingerprint, key.kind)).or_insert(0) += moments.n;
            }
        }
        let Some((&(fingerprint, kind), _)) = counts.iter().max_by_key(|(_, n)| **n) else { continue };
        let of = |streams: &[(Arc<StreamKey>, Moments)]| -> Option<Moments> {
            let same = |(key, _): &&(_, _)| same_stream(key, fingerprint, name);
            streams.iter().find(same).map(|(_, moments)| *moments)
        };
        let steps: Vec<(Timestamp, Option<Moments>)> =
            cells.iter().map(|(time, streams)| (*time, of(streams))).collect();
        let baseline = baselines.get(name).copied();
        let points = band_points(&steps, step);
        bands.push(Band { dimension: name.to_owned(), kind, baseline, points });
    }
    bands
}

/// Steps are joined until half of those with scores hold 100, or until eight are left: an interval of three
/// scores tells nothing, and a chart of such intervals hides the line.
fn band_points(steps: &[(Timestamp, Option<Moments>)], step: Span) -> Vec<(f64, f64, f64, f64, u64)> {
    let joined = joined(steps);
    let chunk = |chunk: &[(Timestamp, Option<Moments>)]| {
        let (start, last) = (chunk.first()?.0, chunk.last()?.0);
        let window = Window { start, end: last + step };
        let estimate = sum_of(chunk).mean_estimate(window)?;
        let middle = 0.5 * (window.start.as_secs_f64() + window.end.as_secs_f64());
        Some((middle, estimate.value, estimate.lower, estimate.upper, estimate.n_judged))
    };
    steps.chunks(joined).filter_map(chunk).collect()
}

/// How many steps become one.
fn joined(steps: &[(Timestamp, Option<Moments>)]) -> usize {
    let mut joined = 1;
    while steps.len() / (2 * joined) >= BAND_STEPS_MIN && median_n(steps, joined) < BAND_JUDGED {
        joined *= 2;
    }
    joined
}

fn median_n(steps: &[(Timestamp, Option<Moments>)], joined: usize) -> u64 {
    let mut counts: Vec<u64> = steps.chunks(joined).map(|chunk| sum_of(chunk).n).filter(|n| *n > 0).collect();
    counts.sort_unstable();
    counts.get(counts.len() / 2).copied().unwrap_or(0)
}

fn sum_of(chunk: &[(Timestamp, Option<Moments>)]) -> Moments {
    let mut sum = Moments::default();
    chunk.iter().filter_map(|(_, moments)| moments.as_ref()).for_each(|moments| sum.merge(moments));
    sum
}

fn same_stream(
    key: &std::sync::Arc<bifocal_store::StreamKey>,
    fingerprint: bifocal_model::Fingerprint,
    dimension: &str,
) -> bool {
    key.fingerprint == fingerprint && key.dimension.as_str() == dimension
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thin_steps_are_joined_and_full_ones_are_not() {
        let minutes = |n: u64| -> Vec<(Timestamp, Option<Moments>)> {
            let moments = Moments {
                n,
                w: n as f64,
                wx: 0.9 * n as f64,
                wx2: 0.85 * n as f64,
                w2: n as f64,
                w2x: 0.9 * n as f64,
                w2x2: 0.85 * n as f64,
                ..Moments::default()
            };
            (0..60).map(|i| (Timestamp::from_secs(60 * i), Some(moments))).collect()
        };
        assert_eq!(band_points(&minutes(150), Span::from_mins(1)).len(), 60);
        let joined = band_points(&minutes(30), Span::from_mins(1));
        assert_eq!((joined.len(), joined[0].4), (15, 120));
        assert_eq!(band_points(&minutes(1), Span::from_mins(1)).len(), 15, "at least eight steps are left");
    }

    #[test]
    fn a_step_is_whole_minutes_and_within_the_limit_api_series_points() {
        let week = Window::ending_at(Timestamp::from_secs(0), Span::from_mins(7 * 24 * 60));
        let points = |asked| week.length().as_secs_f64() / step(asked, week).unwrap().as_secs_f64();
        assert!(points(Some(60.0)) <= SERIES_POINTS_MAX as f64);
        assert!(points(None) <= 120.0);
        let hour = Window::ending_at(Timestamp::from_secs(0), Span::from_mins(60));
        assert_eq!(step(Some(90.0), hour).unwrap(), Span::from_mins(2));
        for wrong in [0.0, -1.0, f64::NAN] {
            assert!(step(Some(wrong), hour).is_err());
        }
    }
}
