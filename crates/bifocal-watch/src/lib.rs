//! The watch: signals, baselines, detectors wired to streams, the joined state and the alert rules.
//!
//! Life of the data: the thread that owns the journal gives every durable record to [`Watch::apply`], in order.
//! Scores feed one [`stream`] per target, dimension and evaluator fingerprint (baseline, then e-detector, then
//! recovery); features of inferences feed the target's drift; calls and readings feed the [`service`] and [`efficiency`] axes. [`Watch::tick`] joins the axes into
//! a state, evaluates the alert rules and returns events (which go into the journal) and notifications (which go
//! into the outbox). [`Watch::snapshot`] is what page, API and `/metrics` read.
//!
//! Invariants: `apply` is a function of the records alone (no clock), so that a restart which replays the journal
//! arrives at the same bits; whatever a tick decides that must survive a restart leaves as an event; scores of
//! different fingerprints never meet (invariant 6).

mod agreement;
pub mod alert;
mod answered;
mod attribution;
pub mod backtest;
mod beside;
mod config;
mod drift;
mod efficiency;
mod explained;
mod judge_cost;
mod judge_level;
mod judging;
mod ladder;
mod limits;
pub mod mute;
mod pace;
mod promise;
mod recent;
mod sentence;
mod service;
mod severe;
mod shown;
mod slo;
mod snapshot;
mod stream;
mod target;
mod traffic;
mod unseen;
mod usual_cost;
mod watch;

pub use bifocal_stats::conditions::Condition;
pub use config::{AlertingConfig, Objectives, QualityConfig, WatchConfig};
pub use drift::{DriftAlarmView, DriftStatus, FeatureDriftView, GroupDriftView};
pub use judging::JudgingView;
pub use ladder::LadderView;
pub use limits::{ACT_NAME_CHARS, ACT_TEXT_CHARS, COMMENTS_MAX, LIMITS};
pub use mute::MaintenanceConfig;
pub use slo::{BurnView, Indicator, SloConfig, SloView, burn_rule, shipped_slos};
pub use snapshot::{
    AgreementView, AlarmView, AlertView, BaselineView, CaptureView, ComparisonView, CostView, DriftView,
    ExplainedView, FailureView, JudgeCostView, JudgeView, MeasuredView, MixView, RepeatsView, RuleView,
    SevereView, Snapshot, StreamView, TargetView, Totals,
};
pub use watch::{Outcome, Quantiles, Watch};

/// Why the watch could not be built or restored.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A rule's condition cannot be used.
    #[error("read alert rule `{rule}`")]
    Rule {
        /// The rule's name.
        rule: String,
        /// What is wrong with its condition, with line, column and a hint.
        #[source]
        err: bifocal_expr::ExprError,
    },
    /// Two rules have one name.
    #[error("read alert rules: `{rule}` is there twice")]
    DuplicateRule {
        /// The name.
        rule: String,
    },
    /// A key of a rule cannot be used.
    #[error("read alert rule `{rule}`: {what}")]
    RuleKey {
        /// The rule's name.
        rule: String,
        /// What is wrong.
        what: String,
    },
    /// A rule inhibits one that is not there, or itself.
    #[error("read `inhibits` and `inhibited_by` of alert rule `{rule}`: {what}")]
    Inhibition {
        /// The rule's name.
        rule: String,
        /// What is wrong.
        what: String,
    },
    /// A maintenance window cannot be used.
    #[error("read maintenance `{name}`: {what}")]
    Maintenance {
        /// The window's name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The saved state is of another version or damaged.
    #[error("restore the watch state")]
    Restore(#[source] serde_json::Error),
    /// The state could not be written as JSON.
    #[error("save the watch state")]
    Save(#[source] serde_json::Error),
}
