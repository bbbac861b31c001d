//! Things that happened.

use serde::{Deserialize, Serialize};

use crate::target::TargetKey;
use crate::time::Timestamp;

/// Something that happened, to be aligned with what moved. It is never called a cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: Timestamp,
    /// Its kind.
    pub kind: EventKind,
    /// What it happened to; `None` for all.
    pub target: Option<TargetKey>,
    /// An id of the outside world (a deployment, a rule) or one made of kind and time.
    pub id: String,
    /// One line for people.
    pub summary: String,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A new version went out.
    Deployment,
    /// Copies or instances changed.
    Scaling,
    /// A label of a target changed (the served model, for one).
    LabelChange,
    /// Our own configuration changed.
    Configuration,
    /// The judge changed (a new fingerprint).
    Judge,
    /// A state was entered.
    StateChange,
    /// A quality detector crossed its threshold.
    Alarm,
    /// A quality detector's recovery test crossed its threshold.
    Recovery,
    /// The samples after an alarm told its cause, or that it cannot be told.
    Verdict,
    /// A baseline was frozen or reset.
    Baseline,
    /// An alert rule fired.
    AlertFired,
    /// The cause behind an alert that fires became known.
    AlertUpdated,
    /// A message about an alert was not sent: a silence, maintenance or another alert stands in its way.
    AlertWithheld,
    /// An alert whose message was withheld is told, for nothing stands in its way any more.
    AlertTold,
    /// An alert is over.
    AlertResolved,
    /// A person did something: a silence, for one.
    Person,
    /// Captured calls were dropped, so that no client waits.
    CaptureLoss,
    /// We started after an unclean stop.
    UncleanStop,
}
