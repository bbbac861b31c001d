//! What the handlers ask.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use bifocal_model::Timestamp;
use bifocal_store::{Intake, Reader, SmallState};
use bifocal_telemetry::Clock;
use bifocal_watch::Snapshot;
use serde::Serialize;

use crate::demo::DemoControl;
use crate::labels::LabelDesk;

type Source<T> = Arc<dyn Fn() -> T + Send + Sync>;

/// Everything the API reads. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    /// The newest snapshot of the watch.
    pub snapshot: Source<Arc<Snapshot>>,
    /// The store.
    pub reader: Reader,
    /// What is kept beside the journal: container logs of incidents.
    pub small_state: SmallState,
    /// The way into the journal, for what people do.
    pub intake: Intake,
    /// The clock of everything shown.
    pub clock: Arc<dyn Clock>,
    /// The text of `/metrics`.
    pub metrics: Source<String>,
    /// The same as OpenMetrics, with exemplars.
    pub open_metrics: Source<String>,
    /// Whether sources are connected and the store takes records.
    pub ready: Source<Result<(), String>>,
    /// What the judge has spent today.
    pub judge_spend: JudgeSpend,
    /// How judging is allotted.
    pub judge_pace: JudgePace,
    /// What became of the newest notifications, by their alerts' ids.
    pub deliveries: Source<Deliveries>,
    /// Whoever looks and then acts holds it, so that nothing changes in between.
    pub acts: Arc<tokio::sync::Mutex<()>>,
    /// Takes what people say of answers.
    pub labels: Arc<dyn LabelDesk>,
    /// Incidents on request, in the demo.
    pub demo: Option<Arc<dyn DemoControl>>,
    /// The token that clients must send.
    pub token: Option<Arc<str>>,
}

/// What the judge has spent today; `None` without a judge.
pub type JudgeSpend = Source<Option<SpendNow>>;
/// How judging is allotted; `None` where nothing is judged.
pub type JudgePace = Source<Option<Judging>>;

/// What became of notifications, by the ids of alerts.
pub type Deliveries = HashMap<String, Vec<Delivery>>;

/// The judge's spending of one UTC day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpendNow {
    /// Dollars, where prices are known.
    pub usd: Option<f64>,
    /// Tokens in and out.
    pub tokens: u64,
    /// The cap in dollars, where it is one.
    pub cap_usd: Option<f64>,
    /// The cap in tokens, where it is one.
    pub cap_tokens: Option<u64>,
    /// The day, `YYYY-MM-DD`.
    pub day: String,
    /// What the day will have cost at the pace of now, dollars, where the cap is in dollars.
    pub forecast_usd: Option<f64>,
    /// The same in tokens, where the cap is.
    pub forecast_tokens: Option<f64>,
    /// Strata whose floor today's budget does not reach.
    pub below_floor: u64,
    /// The same of yesterday, when it was over.
    pub below_floor_yesterday: u64,
    /// Chosen answers that wait for the judge.
    pub waiting: u64,
    /// How the judges stand.
    pub judges: Vec<JudgeNow>,
}

/// How one judge stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgeNow {
    /// Which judge, as its scores name it.
    pub evaluator: String,
    /// `first`, or `second` for who confirms severe violations.
    pub role: String,
    /// `closed`: it is asked; `open`: it does not answer and is left alone; `half_open`: one call tries.
    pub circuit: String,
    /// Since when it has not answered.
    pub away_since: Option<Timestamp>,
    /// Calls that failed in a row.
    pub failures: u32,
    /// Why the newest of them failed.
    pub last_failure: Option<String>,
    /// When it is tried next, while it does not answer.
    pub next_try: Option<Timestamp>,
    /// It refused a schema for its reply and is asked without since.
    pub without_schema: bool,
}

/// How judging is allotted today.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Judging {
    /// When the rates were settled.
    pub settled: Option<Timestamp>,
    /// The share of all answers that is judged now, at least.
    pub core: f64,
    /// Strata, those with most answers first.
    pub strata: Vec<JudgedStratum>,
}

/// One stratum of a target today.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgedStratum {
    /// The target's id.
    pub target: String,
    /// Which stratum.
    pub stratum: String,
    /// Answers that could be judged.
    pub answers: u64,
    /// Of those, chosen.
    pub chosen: u64,
    /// Of the chosen, answered by the judge.
    pub judged: u64,
    /// Of the chosen, given up.
    pub shed: u64,
    /// With which probability one is chosen now.
    pub inclusion: f64,
    /// Judgements a day that are asked for.
    pub floor: u64,
    /// How many the floor lacks today, of the answers that there were.
    pub lacks: u64,
    /// How many it lacked yesterday.
    pub lacked_yesterday: u64,
}

/// One channel's delivery of one alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delivery {
    /// The channel's name.
    pub channel: String,
    /// `delivered`, `pending` or `failed`.
    pub outcome: String,
    /// When it was delivered.
    pub at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// Those of them that may have arrived although nothing confirms it: whoever listens may have it more than once.
    pub unanswered: u32,
}

impl ApiState {
    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("demo", &self.demo).finish_non_exhaustive()
    }
}
