//! Alert rules: a condition per target, held for a while, with a severity and the channels that are told.

mod hold;
mod ladder;
mod pack;
mod rule;
mod signals;
mod standing;

pub use hold::Hold;
pub(crate) use ladder::{Climb, Ladder};
pub use pack::{runbook_of, shipped_rules, shipped_rules_over};
pub use rule::{Escalation, RuleConfig, Severity};
pub(crate) use rule::{Rule, compile};
pub use signals::valid_names;
pub(crate) use signals::{JudgedValues, Own, SignalValues, window};
pub use standing::Status;
pub(crate) use standing::{Standing, Transition, step};

use bifocal_model::{TargetKey, Timestamp};
use serde::{Deserialize, Serialize};

/// An alert began or ended: what the channels are told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// The same for every attempt to deliver it: receivers drop what they have seen.
    pub idempotency_key: String,
    /// The same for the beginning and the end of one alert.
    pub alert_id: String,
    /// The rule's name.
    pub rule: String,
    /// The target's key.
    pub target: TargetKey,
    /// How bad.
    pub severity: Severity,
    /// How bad it was before, where this says that it became worse.
    #[serde(default)]
    pub raised_from: Option<Severity>,
    /// `firing` or `resolved`.
    pub status: Status,
    /// When the condition began to hold.
    pub since: Timestamp,
    /// When this was decided.
    pub time: Timestamp,
    /// One sentence for people.
    pub summary: String,
    /// The rule's condition.
    pub when: String,
    /// Where it is written what to do: an address, or a path under the page's.
    #[serde(default)]
    pub runbook: Option<String>,
    /// The incident that it is about; `None`: none is open.
    #[serde(default)]
    pub incident: Option<String>,
    /// Whom to tell; empty: every channel.
    pub channels: Vec<String>,
}
