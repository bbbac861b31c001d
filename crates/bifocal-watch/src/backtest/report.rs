//! What a replay found, in the form that scripts read. Fields are added, never renamed or removed.

use bifocal_model::{Difference, Method as IntervalMethod, Timestamp};
use bifocal_stats::conditions::Condition;
use serde::Serialize;

use super::beside::Method;
use super::delay::Delay;
use super::pages::FalsePages;
use super::rules::RuleReport;
use super::standing::ConditionReport;

pub use crate::alert::Severity;

/// A replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The evidence at which a stream alarms.
    pub threshold: f64,
    /// Alarms, in the order of their times.
    pub alarms: Vec<Alarm>,
    /// Streams, in the order of their names.
    pub streams: Vec<StreamReport>,
    /// What became of marked changes, one entry for each change and stream that it is about.
    pub delays: Vec<Delay>,
    /// Pages outside of marked changes.
    pub false_pages: FalsePages,
    /// The conditions under which the budget of false pages holds, and whether each was met.
    pub conditions: Vec<ConditionReport>,
    /// Bifocal and what others run, on the same values.
    pub methods: Vec<Method>,
    /// What each alert rule would have done.
    pub rules: Vec<RuleReport>,
    /// Times at which a judge was seen to score its anchors differently.
    pub judge_moves: Vec<JudgeMoveReport>,
    /// Whether changes were marked: without, every alarm counts as false.
    pub changes_marked: bool,
    /// What judging cost.
    pub judging: Judging,
    /// The lines of the history.
    pub input: Input,
}

/// A judge was seen to score frozen answers differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgeMoveReport {
    /// Which judge; empty where none is named.
    pub judge: String,
    /// On which dimension.
    pub dimension: String,
    /// Beside which target; empty for anchors that name none.
    pub target: String,
    /// The time of the re-score that showed it.
    pub t: Timestamp,
    /// Whether its scores fell (or else rose).
    pub fell: bool,
    /// The evidence: a sum over possible beginnings, no e-value.
    pub evidence: f64,
}

/// One alarm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alarm {
    /// Of which target.
    pub target: String,
    /// On which dimension.
    pub dimension: String,
    /// By which judge; empty where none is named.
    pub judge: String,
    /// The time of the sample that raised it.
    pub t: Timestamp,
    /// Judged samples of the stream up to it, baseline included.
    pub index: u64,
    /// The change began after this.
    pub onset_from: Timestamp,
    /// The change began at or before this.
    pub onset_to: Timestamp,
    /// `system`, `judge`, `mix` or `undecided`.
    pub cause: &'static str,
    /// Of the rule that would have told it: `critical` where answers may be worse, `warning` where the judge moved, `info`
    /// where other questions were asked.
    pub severity: Severity,
    /// Why this cause, or what is missing to tell it.
    pub why: String,
    /// How much lower scores are, measured after the alarm alone; before minus after.
    pub effect: Option<Difference>,
    /// Evidence at the alarm: a sum over possible beginnings, no e-value.
    pub evidence: f64,
    /// The baseline's mean.
    pub baseline: f64,
    /// When the recovery test fired; `null`: not in this history.
    pub recovered: Option<Timestamp>,
    /// The marked change that it is about; `null`: it counts as false.
    pub change: Option<String>,
    /// Events between `onset_from` and `onset_to`: aligned, not the cause.
    pub aligned: Vec<Aligned>,
}

/// An event in the range of an onset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Aligned {
    /// When.
    pub t: Timestamp,
    /// Its kind.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// One stream: a target, a dimension, a judge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StreamReport {
    /// The target.
    pub target: String,
    /// The dimension.
    pub dimension: String,
    /// The judge; empty where none is named.
    pub judge: String,
    /// Lines of it, judged or not.
    pub n: u64,
    /// Judged.
    pub judged: u64,
    /// The mean score over all of the history; `null` where nothing was judged.
    pub estimate: Option<EstimateReport>,
    /// Squared correlation of proxy and score within the stream; `null` below 3 pairs or without spread.
    pub rho2: Option<f64>,
    /// The baseline; `null` where it is too short to be looked at.
    pub baseline: Option<BaselineReport>,
    /// The conditions of the budget on it.
    pub conditions: Vec<Condition>,
    /// Alarms that it raised.
    pub alarms: u64,
}

/// A mean with its interval at 95%.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EstimateReport {
    /// The mean.
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// What made the interval.
    pub method: IntervalMethod,
}

/// What was learnt as normal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct BaselineReport {
    /// Judged in it.
    pub n: u64,
    /// Judged that complete it.
    pub of: u64,
    /// Its mean.
    pub mean: f64,
    /// The lower 95% bound that the detector bets against.
    pub lower: f64,
    /// Whether it is complete: before, nothing alarms.
    pub complete: bool,
}

/// What judging cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Judging {
    /// Judged answers.
    pub judged: u64,
    /// Anchors scored again.
    pub anchors: u64,
    /// Dollars for both; `null` where no price is known.
    pub usd: Option<f64>,
    /// Dollars in 30 days at this rate; `null` where no price or no time is known.
    pub usd_per_30_days: Option<f64>,
}

/// What became of the lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Input {
    /// Lines that hold something.
    pub lines: u64,
    /// Lines that could not be read and were left out.
    pub skipped: u64,
    /// Lines whose `id` was there before on the same stream: left out.
    pub duplicates: u64,
    /// Lines older than the newest of their stream: taken in the order in which they came.
    pub late: u64,
    /// Lines of streams beyond the limit: left out.
    pub beyond_limit: u64,
    /// Alarms beyond the limit, that are counted and not told.
    pub alarms_beyond_limit: u64,
    /// Names of fields that are not known.
    pub unknown_fields: Vec<String>,
}
