//! Fleet and targets.

use axum::Json;
use axum::extract::State;
use bifocal_model::{Dimension, Estimate, Span, TargetKey, Timestamp, Window};
use bifocal_store::{Cell, Reader};
use bifocal_watch::{ComparisonView, Condition, JudgeCostView, JudgeView, Snapshot, StreamView, TargetView};
use serde::Serialize;

use super::asking::{blocking, target};
use super::parameters::Path;
use crate::error::ApiError;
use crate::rows::{EventRow, List, Measured, StreamRow, TargetDetail, TargetRow};
use crate::state::{ApiState, Judging, SpendNow};

const TRAIL: Span = Span::from_mins(6 * 60);
const TRAIL_STEP: Span = Span::from_mins(15);
const LOAD: Span = Span::from_mins(60);
const LOAD_STEP: Span = Span::from_secs(120);
const EVENTS_SHOWN: usize = 50;

/// Everything that the first page draws.
#[derive(Debug, Serialize)]
pub(crate) struct Fleet {
    now: Timestamp,
    simulated: bool,
    speed: f64,
    sentence: String,
    incidents_available: Vec<String>,
    totals: FleetTotals,
    items: Vec<TargetRow>,
}

#[derive(Debug, Serialize)]
struct FleetTotals {
    window_seconds: f64,
    requests: f64,
    judged: u64,
    cost_usd_per_hour: Option<f64>,
    idle_usd_per_hour: Option<f64>,
    dropped: u64,
    false_pages_per_30_days: f64,
    budgeted_streams: u64,
    judge_spend: Option<SpendNow>,
    /// What the budget of false pages rests on.
    conditions: Vec<Condition>,
    /// What other detectors of the same answers would have paged, all streams together.
    comparisons: Vec<ComparisonView>,
    /// Alarms of our own detectors since the same time.
    alarms: u64,
    judges: Vec<JudgeView>,
    judge_costs: Vec<JudgeCostView>,
}

fn streams(snapshot: &Snapshot) -> impl Iterator<Item = &StreamView> {
    snapshot.targets.iter().flat_map(|target| &target.streams)
}

/// The counts of each detector, added up over all streams.
fn comparisons(snapshot: &Snapshot) -> Vec<ComparisonView> {
    let mut sums: Vec<ComparisonView> = Vec::new();
    for one in streams(snapshot).flat_map(|stream| &stream.comparisons) {
        match sums.iter_mut().find(|sum| sum.detector == one.detector) {
            Some(sum) => {
                sum.pages += one.pages;
                sum.alone += one.alone;
                sum.since = sum.since.min(one.since);
            }
            None => sums.push(one.clone()),
        }
    }
    sums
}

/// `GET /api/v1/fleet`
pub(crate) async fn fleet(State(state): State<ApiState>) -> Result<Json<Fleet>, ApiError> {
    let snapshot = (state.snapshot)();
    let (items, requests, judged) = measured_rows(&state, &snapshot).await?;
    let received = state.reader.ledger().received;
    let dropped = received.values().flat_map(|line| line.dropped.values()).sum();
    let totals = FleetTotals {
        window_seconds: LOAD.as_secs_f64(),
        requests,
        judged,
        cost_usd_per_hour: snapshot.totals.cost_usd_per_hour,
        idle_usd_per_hour: snapshot.totals.idle_usd_per_hour,
        dropped,
        false_pages_per_30_days: snapshot.totals.false_pages_per_30_days,
        budgeted_streams: snapshot.totals.budgeted_streams,
        judge_spend: (state.judge_spend)(),
        conditions: snapshot.totals.conditions.clone(),
        comparisons: comparisons(&snapshot),
        alarms: streams(&snapshot).map(|stream| stream.alarms).sum(),
        judges: snapshot.judges.clone(),
        judge_costs: snapshot.judge_costs.clone(),
    };
    let demo = state.demo.as_ref();
    Ok(Json(Fleet {
        now: state.clock.now(),
        simulated: demo.is_some(),
        speed: demo.map_or(1.0, |demo| demo.speed()),
        sentence: snapshot.sentence.clone(),
        incidents_available: demo.map(|demo| demo.available()).unwrap_or_default(),
        totals,
        items,
    }))
}

/// `GET /api/v1/targets`
pub(crate) async fn list(State(state): State<ApiState>) -> Result<Json<List<TargetRow>>, ApiError> {
    let snapshot = (state.snapshot)();
    let (items, _, _) = measured_rows(&state, &snapshot).await?;
    Ok(Json(List::whole(items)))
}

/// `GET /api/v1/targets/{id}`
pub(crate) async fn one(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<Json<TargetDetail>, ApiError> {
    let snapshot = (state.snapshot)();
    let view = target(&snapshot, &id)?.clone();
    let now = state.clock.now();
    let window = Window::ending_at(now + Span::from_secs(1), Span::from_mins(7 * 24 * 60));
    let events = state.reader.events(Some(&view.key), window, EVENTS_SHOWN);
    let reader = state.reader.clone();
    let (key, objectives) = (view.key.clone(), snapshot.objectives.clone());
    let recent = Span::from_secs_f64(objectives.window_seconds);
    let measured = blocking(move || measure(&reader, &key, now, recent)).await?.0;
    Ok(Json(TargetDetail {
        sentence: view.sentence.clone(),
        objectives,
        slos: view.slos.clone(),
        judging: view.judging,
        streams: view.streams.iter().map(StreamRow::from).collect(),
        failures: view.failures.iter().map(Into::into).collect(),
        severe: view.severe.clone(),
        drift: view.drift.clone(),
        events: events.iter().map(EventRow::from).collect(),
        row: TargetRow::of(&view, measured),
    }))
}

/// One estimate of one target.
#[derive(Debug, Serialize)]
pub(crate) struct EstimateRow {
    target: String,
    target_name: String,
    dimension: Dimension,
    evaluator: String,
    fingerprint: String,
    estimate: Option<Estimate>,
    pass_rate: Option<Estimate>,
}

/// `GET /api/v1/estimates`
pub(crate) async fn estimates(State(state): State<ApiState>) -> Json<List<EstimateRow>> {
    let snapshot = (state.snapshot)();
    let streams = snapshot.targets.iter().flat_map(|view| view.streams.iter().map(move |s| (view, s)));
    let rows = streams.map(|(view, stream)| EstimateRow {
        target: view.key.id().to_string(),
        target_name: view.name.clone(),
        dimension: stream.dimension.clone(),
        evaluator: stream.evaluator.clone(),
        fingerprint: stream.fingerprint.to_string(),
        estimate: stream.estimate,
        pass_rate: stream.pass_rate,
    });
    Json(List::whole(rows.collect()))
}

/// The rows with what the store measures, requests and judged of the last hour.
async fn measured_rows(
    state: &ApiState,
    snapshot: &std::sync::Arc<Snapshot>,
) -> Result<(Vec<TargetRow>, f64, u64), ApiError> {
    let (reader, now, snapshot) = (state.reader.clone(), state.clock.now(), std::sync::Arc::clone(snapshot));
    blocking(move || {
        let recent = Span::from_secs_f64(snapshot.objectives.window_seconds);
        let (mut rows, mut requests, mut judged) = (Vec::new(), 0.0, 0);
        for view in &snapshot.targets {
            let (measured, hour) = measure(&reader, &view.key, now, recent)?;
            requests += hour.requests;
            judged += judged_in(view, &hour);
            rows.push(TargetRow::of(view, measured));
        }
        Ok((rows, requests, judged))
    })
    .await
}

/// Answers judged: the largest number of scores of any one judged dimension.
fn judged_in(view: &TargetView, cell: &Cell) -> u64 {
    let judged = view.streams.iter().filter(|stream| stream.watched && !stream.is_probe());
    let of = |stream: &bifocal_watch::StreamView| {
        let same = cell
            .scores
            .iter()
            .find(|(key, _)| key.fingerprint == stream.fingerprint && key.dimension == stream.dimension);
        same.map_or(0, |(_, moments)| moments.n)
    };
    judged.map(of).max().unwrap_or(0)
}

fn measure(
    reader: &Reader,
    key: &TargetKey,
    now: Timestamp,
    recent: Span,
) -> Result<(Measured, Cell), bifocal_store::Error> {
    let end = now + Span::from_secs(60);
    let newest = reader.total(key, Window::ending_at(end, recent))?;
    let hour = reader.total(key, Window::ending_at(end, LOAD))?;
    let trail = reader.series(key, Window::ending_at(now, TRAIL), TRAIL_STEP)?;
    let load = reader.series(key, Window::ending_at(now, LOAD), LOAD_STEP)?;
    let measured = Measured {
        ttft_p95_seconds: newest.ttft.quantile(0.95),
        duration_p95_seconds: newest.duration.quantile(0.95),
        trail: trail
            .iter()
            .map(|(_, cell)| (cell.error_ratio().map(|ratio| 1.0 - ratio), composite(cell)))
            .collect(),
        load: load.iter().map(|(_, cell)| cell.requests / LOAD_STEP.as_secs_f64()).collect(),
    };
    Ok((measured, hour))
}

fn composite(cell: &Cell) -> Option<f64> {
    let composites = cell.scores.iter().filter(|(key, _)| key.dimension.as_str() == "composite");
    composites.max_by_key(|(_, moments)| moments.n).and_then(|(_, moments)| moments.mean())
}

/// What judging costs today, and how it is allotted; both null where nothing is judged.
#[derive(Debug, Serialize)]
pub(crate) struct JudgingNow {
    spend: Option<SpendNow>,
    pace: Option<Judging>,
    /// What each judge costs, today and this month.
    costs: Vec<JudgeCostView>,
}

/// `GET /api/v1/judging`
pub(crate) async fn judging(State(state): State<ApiState>) -> Json<JudgingNow> {
    let costs = (state.snapshot)().judge_costs.clone();
    Json(JudgingNow { spend: (state.judge_spend)(), pace: (state.judge_pace)(), costs })
}

/// `GET /api/v1/judges`: the judges as their anchors show them.
pub(crate) async fn judges(State(state): State<ApiState>) -> Json<List<JudgeView>> {
    Json(List::whole((state.snapshot)().judges.clone()))
}
