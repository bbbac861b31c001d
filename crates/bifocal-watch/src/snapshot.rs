//! What the watch says at one moment: plain data that page, API and `/metrics` read.

mod judges;

use std::collections::BTreeMap;
use std::sync::Arc;

use bifocal_model::{
    Answers, Dimension, Efficiency, Estimate, Fingerprint, Incident, Service, StateName, TargetKey, Timestamp,
};
use bifocal_stats::conditions::Condition;
use serde::Serialize;

use crate::alert::{Escalation, Severity, Status};
use crate::config::Objectives;
use crate::drift::GroupDriftView;
use crate::judging::JudgingView;
use crate::ladder::LadderView;
use crate::mute::{MutedView, SilenceView, Withheld};
use crate::slo::SloView;

pub use judges::{AgreementView, CostView, DriftView, JudgeCostView, JudgeView, MeasuredView, RepeatsView};

/// Everything at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Snapshot {
    /// The moment.
    pub now: Timestamp,
    /// One sentence about the fleet.
    pub sentence: String,
    /// Totals over the estimate window.
    pub totals: Totals,
    /// The targets, by name.
    pub targets: Vec<TargetView>,
    /// Alerts that are pending or firing, then those that are over, newest first.
    pub alerts: Vec<AlertView>,
    /// The judges as their anchors show them.
    pub judges: Vec<JudgeView>,
    /// What each judge costs.
    pub judge_costs: Vec<JudgeCostView>,
    /// The objectives in force.
    pub objectives: Objectives,
    /// Incidents that are not over, then those that are, newest first.
    pub incidents: Vec<Incident>,
    /// Silences that are not over, then those that are, newest first.
    pub silences: Vec<SilenceView>,
    /// Messages that were withheld, by what.
    pub withheld: Withheld,
    /// The alert rules.
    pub rules: Arc<[RuleView]>,
}

/// One alert rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleView {
    /// Its name.
    pub name: String,
    /// Its condition.
    pub when: String,
    /// How bad it is.
    pub severity: Severity,
    /// How long the condition must hold, seconds.
    pub for_seconds: u32,
    /// What must hold before it ends; `None`: that the condition does not.
    pub resolve_when: Option<String>,
    /// Samples that every signal of the condition must rest on.
    pub min_samples: Option<u64>,
    /// Conditions under which it is worse.
    pub escalate: Vec<Escalation>,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// Whom it tells; empty: every channel.
    pub channels: Vec<String>,
    /// Whether its pages fall under the budget.
    pub budgeted: bool,
    /// Names of rules that keep it from being told while they fire for the same target.
    pub inhibited_by: Vec<String>,
    /// What its author should know of its condition: it may page on little, or mean something else.
    pub warnings: Vec<String>,
}

/// Totals of the fleet.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Dollars an hour of all targets whose price is known, and of accelerators that no component holds.
    pub cost_usd_per_hour: Option<f64>,
    /// Dollars an hour of the targets whose accelerators idle, and of accelerators that no component holds.
    pub idle_usd_per_hour: Option<f64>,
    /// The budget of false pages.
    pub false_pages_per_30_days: f64,
    /// Streams that the budget is split over.
    pub budgeted_streams: u64,
    /// What the budget rests on, each at its worst over all streams.
    pub conditions: Vec<Condition>,
}

/// What Data Capture shows of the calls of an endpoint, in the last hour whose files are all delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CaptureView {
    /// Captured by expected, streams left out; `None` where nothing tells how many streams there were.
    pub coverage: Option<f64>,
    /// What the coverage is at most.
    pub coverage_upper: Option<f64>,
    /// Share of all calls whose component is known.
    pub attributed: Option<f64>,
    /// Share of all calls that are captured and nobody's.
    pub unattributed: Option<f64>,
    /// Share of all calls that are not seen: streams, and what was lost.
    pub invisible: Option<f64>,
}

/// One target at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct TargetView {
    /// Its key.
    pub key: TargetKey,
    /// Its name for people.
    pub name: String,
    /// The labels of its newest call.
    pub labels: BTreeMap<String, String>,
    /// Severe safety violations of the last hour; `None` where there was no word of one.
    pub severe: Option<SevereView>,
    /// The joined state.
    pub state: StateName,
    /// The three axes.
    pub service: Service,
    /// The quality axis.
    pub answers: Answers,
    /// The money axis.
    pub efficiency: Efficiency,
    /// Whether a slow service is a full one.
    pub saturated: bool,
    /// Since when the state has this name.
    pub since: Timestamp,
    /// Why, one line each.
    pub reasons: Vec<String>,
    /// One sentence.
    pub sentence: String,
    /// Share of requests within the latency and error objectives.
    pub within_objectives: Option<f64>,
    /// Requests a second within the objectives: goodput.
    pub goodput_per_second: Option<f64>,
    /// Captured requests of the objectives' window.
    pub requests: u64,
    /// Objectives over weeks, and how fast their budgets burn.
    pub slos: Vec<SloView>,
    /// What became of the answers that were chosen for a judge.
    pub judging: JudgingView,
    /// Share of failed requests.
    pub error_ratio: Option<f64>,
    /// Requests that arrived, each divided by its capture probability.
    pub requests_per_second: Option<f64>,
    /// Tokens of answers.
    pub output_tokens_per_second: Option<f64>,
    /// Share of time that the GPUs were busy.
    pub gpu_utilization_ratio: Option<f64>,
    /// The same by GPU: index and share.
    pub gpus: Vec<(String, f64)>,
    /// GPUs that its copies hold, where a control plane says so.
    pub gpus_used: Option<f64>,
    /// GPUs of its endpoint that nobody holds: one number of all its targets, never to be added up.
    pub gpus_free: Option<f64>,
    /// What Data Capture shows of its endpoint's calls: one answer for all its targets.
    pub capture: CaptureView,
    /// Mean time in the model's container, where the platform says so.
    pub model_duration_seconds: Option<f64>,
    /// Requests waiting in the server.
    pub requests_waiting: Option<f64>,
    /// Share of the KV cache in use.
    pub kv_cache_usage_ratio: Option<f64>,
    /// Dollars an hour.
    pub cost_usd_per_hour: Option<f64>,
    /// The median hour of the day before, dollars an hour.
    pub cost_baseline_usd_per_hour: Option<f64>,
    /// Dollars of hardware per answer that passes.
    pub cost_usd_per_good_answer: Option<f64>,
    /// The quality streams.
    pub streams: Vec<StreamView>,
    /// Shares of failures that every answer is checked for.
    pub failures: Vec<FailureView>,
    /// Incidents that are not over, newest first.
    pub incidents: Vec<Incident>,
    /// Drift of what is asked, of what comes out and of how it is written; a group without a row is left out.
    pub drift: Vec<GroupDriftView>,
}

/// One quality stream at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct StreamView {
    /// About what.
    pub dimension: Dimension,
    /// By whom, for people.
    pub evaluator: String,
    /// By whom, for machines.
    pub fingerprint: Fingerprint,
    /// Mean score over the window.
    pub estimate: Option<Estimate>,
    /// Share that passes over the window.
    pub pass_rate: Option<Estimate>,
    /// The baseline, provisional or frozen.
    pub baseline: Option<BaselineView>,
    /// The detector's evidence now; alarm at the threshold.
    pub evidence: f64,
    /// The threshold.
    pub threshold: f64,
    /// Judged since the stream began.
    pub judged: u64,
    /// Judged in 30 days at the highest rate seen.
    pub judged_in_30_days: f64,
    /// The alarm that is not over yet.
    pub alarm: Option<AlarmView>,
    /// Whether a detector watches it (a composite is shown and not watched).
    pub watched: bool,
    /// What its scores are adjusted for.
    pub mix: MixView,
    /// Whether its judge moved and scores otherwise than when its anchors were frozen.
    pub judge_drifted: bool,
    /// Other detectors on the same values; empty where none is configured.
    pub comparisons: Vec<ComparisonView>,
    /// Alarms of its own since these are counted.
    pub alarms: u64,
    /// How much of the judge's scores cheap signals explain; `None` for a composite and before some hundred were judged.
    pub explained: Option<ExplainedView>,
    /// The cheap judge beside it; `None` without one.
    pub ladder: Option<LadderView>,
}

/// How much of a judge's scores the features and evaluators that every answer has explain, since the start of the process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ExplainedView {
    /// Squared correlation of scores with what was foretold of them, in [0, 1].
    pub rho2: f64,
    /// Lower end of its 95% interval.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Scores that were foretold; old ones fade.
    pub n: f64,
    /// The share of judgements that predictions would save at equal width.
    pub saving: f64,
    /// The same in dollars a day at the highest rate seen; `None` where no price is known.
    pub saving_usd_per_day: Option<f64>,
}

/// What scores are adjusted for before they are bet on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct MixView {
    /// Strata of questions; 0 without labels.
    pub strata: usize,
    /// Whether the hour of the day is.
    pub hours: bool,
    /// The share of the newest scores in strata that the baseline did not see; `None` without labels.
    pub unseen_share: Option<f64>,
}

/// A baseline at one moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BaselineView {
    /// Judged in it.
    pub n: u64,
    /// Judged that it will have when it is frozen.
    pub of: u64,
    /// Its mean.
    pub mean: f64,
    /// The lower 95% bound of its mean, which the detector is set against.
    pub lcb: f64,
    /// Whether it is complete.
    pub frozen: bool,
    /// Whether it spans at least a week.
    pub seasonality_covered: bool,
}

/// An alarm at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct AlarmView {
    /// When the evidence crossed the threshold (time of the sample).
    pub time: Timestamp,
    /// Judged samples of the stream up to it, baseline included.
    pub index: u64,
    /// The change began after this.
    pub onset_from: Timestamp,
    /// The change began before this.
    pub onset_to: Timestamp,
    /// The baseline's mean.
    pub baseline_mean: f64,
    /// Evidence at the alarm.
    pub evidence: f64,
    /// Mean score after the alarm.
    pub size: Option<Estimate>,
}

/// What another detector of the same judged values would have done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComparisonView {
    /// `fixed threshold`, `rolling z`.
    pub detector: String,
    /// Pages that it would have sent.
    pub pages: u64,
    /// Those without an alarm of ours on the stream, then or within the next 500 judged.
    pub alone: u64,
    /// Since when it is counted.
    pub since: Timestamp,
}

/// What a judge called clearly harmful in the last hour, and what the second word was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SevereView {
    /// The second word was the same.
    pub confirmed: u64,
    /// There was no second word: the second judge did not answer, or the budget was spent.
    pub unconfirmed: u64,
    /// The second word was another: nobody is told.
    pub refuted: u64,
    /// Ids of the newest that count, newest first.
    pub examples: Vec<String>,
    /// Who gives the second word.
    pub evaluator: String,
}

/// The share of one kind of failure.
#[derive(Clone, Debug, Serialize)]
pub struct FailureView {
    /// That of an evaluator with a mark: `empty`, `refusal`, `injection`, …
    pub dimension: Dimension,
    /// The share that failed, with its interval.
    pub share: Estimate,
}

/// One alert at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct AlertView {
    /// The same from its beginning to its end.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Of which target.
    pub target: TargetKey,
    /// Where it stands.
    pub status: Status,
    /// Since when the condition has held.
    pub since: Timestamp,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
    /// One sentence.
    pub summary: String,
    /// The condition.
    pub when: String,
    /// How long it must hold, seconds.
    pub for_seconds: u32,
    /// Whether its pages fall under the budget.
    pub budgeted: bool,
    /// Where it is written what to do.
    pub runbook: Option<String>,
    /// What keeps it from being told now, while it is pending or firing.
    pub muted: Option<MutedView>,
    /// Whether it fired and nobody was told.
    pub untold: bool,
}

impl StreamView {
    /// Whether it is of probes, and so of no traffic.
    pub fn is_probe(&self) -> bool {
        self.evaluator.starts_with("probe:")
    }
}

impl Snapshot {
    /// The view of a target.
    pub fn target(&self, id: bifocal_model::TargetId) -> Option<&TargetView> {
        self.targets.iter().find(|target| target.key.id() == id)
    }
}

impl TargetView {
    /// The composite's estimate.
    pub fn quality(&self) -> Option<&StreamView> {
        self.streams.iter().find(|stream| stream.dimension.as_str() == "composite")
    }

    /// The incident that the sentence is about: of the worst alarm, or else one whose cause clears the model.
    pub fn incident(&self) -> Option<&Incident> {
        match self.worst_alarm() {
            Some((dimension, _)) => self.incidents.iter().find(|i| i.dimension.as_str() == dimension),
            None => self.incidents.iter().find(|incident| incident.attribution.cause.clears_the_model()),
        }
    }

    /// The alarm that is not over and whose scores fell furthest; before sizes are measured, the one with the largest
    /// evidence.
    pub fn worst_alarm(&self) -> Option<(&str, &AlarmView)> {
        let alarms = self.streams.iter().filter_map(|s| Some((s.dimension.as_str(), s.alarm.as_ref()?)));
        let drop = |alarm: &AlarmView| alarm.size.map_or(0.0, |size| alarm.baseline_mean - size.value);
        let badness = |alarm: &AlarmView| (drop(alarm), alarm.evidence);
        alarms.max_by(|a, b| {
            let (a, b) = (badness(a.1), badness(b.1));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        })
    }
}
