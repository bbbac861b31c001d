//! What a person did to alerts and incidents. It stands in the journal like anything that was seen, so that it
//! survives a restart and is done before it is answered.

use serde::{Deserialize, Serialize};

use crate::severity::Severity;
use crate::target::TargetKey;
use crate::time::Timestamp;

/// Something that a person did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// The same however often it arrives; the id of a silence that it makes.
    pub id: String,
    /// When.
    pub time: Timestamp,
    /// Who, as they call themselves.
    pub by: String,
    /// What.
    pub deed: Deed,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Messages of some alerts are not sent for a while.
    Silence(Silencing),
    /// A silence ended before its end.
    EndSilence {
        /// Its id.
        silence: String,
    },
    /// Somebody looks after an incident.
    Acknowledge {
        /// Its id.
        incident: String,
    },
    /// Somebody says something about an incident.
    Comment {
        /// Its id.
        incident: String,
        /// What.
        text: String,
    },
    /// An incident is over for people, whatever its detector says.
    Close {
        /// Its id.
        incident: String,
        /// What came of it.
        note: String,
    },
}

/// Which alerts are silenced, how long and why. An alert is silenced when every field that is there matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silencing {
    /// The alert rule's name.
    pub rule: Option<String>,
    /// The target.
    pub target: Option<TargetKey>,
    /// The rule's severity.
    pub severity: Option<Severity>,
    /// Why.
    pub reason: String,
    /// From when on.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
}
