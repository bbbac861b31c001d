//! Targets, their streams and events.

use std::collections::BTreeMap;

use bifocal_model::{Answers, Estimate, Event, EventKind, Timestamp};
use bifocal_watch::{
    AlarmView, CaptureView, ExplainedView, FailureView, GroupDriftView, JudgingView, LadderView, Objectives,
    SevereView, SloView, StreamView, TargetView,
};
use serde::Serialize;

/// One target.
#[derive(Clone, Debug, Serialize)]
pub struct TargetRow {
    /// Short id for addresses.
    pub id: String,
    /// Where it is.
    pub origin: String,
    /// The endpoint.
    pub endpoint: String,
    /// The production variant, empty where there is none.
    pub variant: String,
    /// The inference component, empty where the model is the key.
    pub inference_component: String,
    /// The model as requested, empty where a component is the key.
    pub model: String,
    /// Component or model: what a person would say.
    pub name: String,
    /// Labels of its newest call.
    pub labels: BTreeMap<String, String>,
    /// The joined state.
    pub state: &'static str,
    /// The three axes.
    pub service: &'static str,
    /// The quality axis.
    pub answers: &'static str,
    /// Judged so far, while learning.
    pub answers_n: Option<u64>,
    /// Judged wanted, while learning.
    pub answers_of: Option<u64>,
    /// The money axis.
    pub efficiency: &'static str,
    /// Whether a slow service is a full one.
    pub saturated: bool,
    /// Since when the state has this name.
    pub since: Timestamp,
    /// Why, one line each.
    pub reasons: Vec<String>,
    /// 95th percentile of the time to first token over the objectives' window.
    pub ttft_p95_seconds: Option<f64>,
    /// 95th percentile of the end-to-end latency.
    pub duration_p95_seconds: Option<f64>,
    /// Share of failed requests.
    pub error_ratio: Option<f64>,
    /// Requests that arrived.
    pub requests_per_second: Option<f64>,
    /// Tokens of answers.
    pub output_tokens_per_second: Option<f64>,
    /// Share of time that the GPUs were busy.
    pub gpu_utilization_ratio: Option<f64>,
    /// GPUs that its copies hold.
    pub gpus_used: Option<f64>,
    /// GPUs of its endpoint that nobody holds: the same number on each of its targets.
    pub gpus_free: Option<f64>,
    /// What Data Capture shows of the calls of its endpoint.
    pub capture: CaptureView,
    /// Mean time in the model's container, as the platform measures it.
    pub model_duration_seconds: Option<f64>,
    /// Dollars an hour.
    pub cost_usd_per_hour: Option<f64>,
    /// Dollars of hardware per answer that passes.
    pub cost_usd_per_good_answer: Option<f64>,
    /// Share of requests within the objectives.
    pub within_objectives: Option<f64>,
    /// Requests a second within the objectives: goodput.
    pub goodput_per_second: Option<f64>,
    /// The composite's estimate.
    pub quality: Option<Estimate>,
    /// The mean of the baselines of the judged dimensions.
    pub baseline: Option<f64>,
    /// Pairs of share within objectives and quality over the last six hours, oldest first.
    pub trail: Vec<(Option<f64>, Option<f64>)>,
    /// Requests a second over the last hour, oldest first.
    pub load: Vec<f64>,
}

/// One target with everything.
#[derive(Clone, Debug, Serialize)]
pub struct TargetDetail {
    /// The row.
    #[serde(flatten)]
    pub row: TargetRow,
    /// One sentence.
    pub sentence: String,
    /// The objectives in force.
    pub objectives: Objectives,
    /// Objectives over weeks: what is left of each budget, and how fast it burns.
    pub slos: Vec<SloView>,
    /// What became of the answers that were chosen for a judge.
    pub judging: JudgingView,
    /// The quality streams.
    pub streams: Vec<StreamRow>,
    /// Shares of failures that every answer is checked for.
    pub failures: Vec<FailureRow>,
    /// Answers of the last hour that a judge called clearly harmful, with the second word on them.
    pub severe: Option<SevereView>,
    /// Drift of what is asked, of what comes out and of how it is written.
    pub drift: Vec<GroupDriftView>,
    /// The newest events.
    pub events: Vec<EventRow>,
}

/// One quality stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamRow {
    /// About what.
    pub dimension: String,
    /// By whom.
    pub evaluator: String,
    /// By whom, for machines.
    pub fingerprint: String,
    /// Mean score.
    pub estimate: Option<Estimate>,
    /// Share that passes.
    pub pass_rate: Option<Estimate>,
    /// The baseline.
    pub baseline: Option<BaselineRow>,
    /// The detector's evidence.
    pub evidence: f64,
    /// Alarm at this.
    pub threshold: f64,
    /// Judged since the stream began.
    pub judged: u64,
    /// Whether a detector watches it.
    pub watched: bool,
    /// The alarm that is not over.
    pub alarm: Option<AlarmRow>,
    /// How much of the judge's scores cheap signals explain, and what that would save.
    pub explained: Option<ExplainedView>,
    /// The cheap judge beside the judge; null without one.
    pub ladder: Option<LadderView>,
}

/// A baseline.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BaselineRow {
    /// Judged in it.
    pub n: u64,
    /// Judged wanted.
    pub of: u64,
    /// Mean.
    pub mean: f64,
    /// Lower 95% bound.
    pub lcb: f64,
    /// Whether it is complete.
    pub frozen: bool,
    /// Whether it spans a week.
    pub seasonality_covered: bool,
}

/// An alarm.
#[derive(Clone, Debug, Serialize)]
pub struct AlarmRow {
    /// When.
    pub time: Timestamp,
    /// Judged samples up to it.
    pub index: u64,
    /// It began after this.
    pub onset_from: Timestamp,
    /// It began before this.
    pub onset_to: Timestamp,
    /// The mean after the alarm.
    pub size: Option<Estimate>,
}

/// A failure's share.
#[derive(Clone, Debug, Serialize)]
pub struct FailureRow {
    /// Which.
    pub dimension: String,
    /// The share that failed.
    pub share: Estimate,
}

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub struct EventRow {
    /// When.
    pub time: Timestamp,
    /// Its kind.
    pub kind: EventKind,
    /// Target id.
    pub target: Option<String>,
    /// Its id.
    pub id: String,
    /// One line.
    pub summary: String,
}

/// What the store adds to a snapshot's row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) ttft_p95_seconds: Option<f64>,
    pub(crate) duration_p95_seconds: Option<f64>,
    pub(crate) trail: Vec<(Option<f64>, Option<f64>)>,
    pub(crate) load: Vec<f64>,
}

impl TargetRow {
    pub(crate) fn of(view: &TargetView, measured: Measured) -> Self {
        let (answers_n, answers_of) = match view.answers {
            Answers::Learning { n, of } => (Some(n), Some(of)),
            _ => (None, None),
        };
        let means: Vec<f64> = view
            .streams
            .iter()
            .filter(|stream| !stream.is_probe())
            .filter_map(|stream| stream.baseline.map(|b| b.mean))
            .collect();
        Self {
            id: view.key.id().to_string(),
            origin: view.key.origin.clone(),
            endpoint: view.key.endpoint.clone(),
            variant: view.key.variant.clone(),
            inference_component: view.key.inference_component().to_owned(),
            model: view.key.model().to_owned(),
            name: view.name.clone(),
            labels: view.labels.clone(),
            state: view.state.name(),
            service: view.service.name(),
            answers: view.answers.name(),
            answers_n,
            answers_of,
            efficiency: view.efficiency.name(),
            saturated: view.saturated,
            since: view.since,
            reasons: view.reasons.clone(),
            ttft_p95_seconds: measured.ttft_p95_seconds,
            duration_p95_seconds: measured.duration_p95_seconds,
            error_ratio: view.error_ratio,
            requests_per_second: view.requests_per_second,
            output_tokens_per_second: view.output_tokens_per_second,
            gpu_utilization_ratio: view.gpu_utilization_ratio,
            gpus_used: view.gpus_used,
            gpus_free: view.gpus_free,
            capture: view.capture,
            model_duration_seconds: view.model_duration_seconds,
            cost_usd_per_hour: view.cost_usd_per_hour,
            cost_usd_per_good_answer: view.cost_usd_per_good_answer,
            within_objectives: view.within_objectives,
            goodput_per_second: view.goodput_per_second,
            quality: view.quality().and_then(|stream| stream.estimate),
            baseline: (!means.is_empty()).then(|| means.iter().sum::<f64>() / means.len() as f64),
            trail: measured.trail,
            load: measured.load,
        }
    }
}

impl From<&StreamView> for StreamRow {
    fn from(view: &StreamView) -> Self {
        Self {
            dimension: view.dimension.to_string(),
            evaluator: view.evaluator.clone(),
            fingerprint: view.fingerprint.to_string(),
            estimate: view.estimate,
            pass_rate: view.pass_rate,
            baseline: view.baseline.map(|b| BaselineRow {
                n: b.n,
                of: b.of,
                mean: b.mean,
                lcb: b.lcb,
                frozen: b.frozen,
                seasonality_covered: b.seasonality_covered,
            }),
            evidence: view.evidence,
            threshold: view.threshold,
            judged: view.judged,
            watched: view.watched,
            alarm: view.alarm.as_ref().map(AlarmRow::from),
            explained: view.explained,
            ladder: view.ladder.clone(),
        }
    }
}

impl From<&AlarmView> for AlarmRow {
    fn from(view: &AlarmView) -> Self {
        Self {
            time: view.time,
            index: view.index,
            onset_from: view.onset_from,
            onset_to: view.onset_to,
            size: view.size,
        }
    }
}

impl From<&FailureView> for FailureRow {
    fn from(view: &FailureView) -> Self {
        Self { dimension: view.dimension.to_string(), share: view.share }
    }
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        Self {
            time: event.time,
            kind: event.kind,
            target: event.target.as_ref().map(|key| key.id().to_string()),
            id: event.id.clone(),
            summary: event.summary.clone(),
        }
    }
}
