//! Silences and alert rules.

use bifocal_model::{Severity, Timestamp};
use bifocal_watch::mute::{SilenceStatus, SilenceView};
use serde::Serialize;

/// One silence.
#[derive(Clone, Debug, Serialize)]
pub struct SilenceRow {
    /// Its id.
    pub id: String,
    /// `scheduled`, `active`, `over`.
    pub status: SilenceStatus,
    /// The alert rule; `null`: any.
    pub rule: Option<String>,
    /// Target id; `null`: any.
    pub target: Option<String>,
    /// The target's name.
    pub target_name: Option<String>,
    /// The severity; `null`: any.
    pub severity: Option<Severity>,
    /// Who answers for it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// When it was made.
    pub made: Timestamp,
    /// From when on.
    pub start: Timestamp,
    /// Until when, unless it is ended before.
    pub end: Timestamp,
    /// Who ended it before its end.
    pub ended_by: Option<String>,
    /// When they did.
    pub ended_at: Option<Timestamp>,
    /// Messages that it withheld.
    pub withheld: u64,
}

impl From<&SilenceView> for SilenceRow {
    fn from(view: &SilenceView) -> Self {
        Self {
            id: view.id.clone(),
            status: view.status,
            rule: view.of.rule.clone(),
            target: view.of.target.as_ref().map(|target| target.id().to_string()),
            target_name: view.of.target.as_ref().map(|target| target.name().to_owned()),
            severity: view.of.severity,
            owner: view.owner.clone(),
            reason: view.of.reason.clone(),
            made: view.made,
            start: view.of.start,
            end: view.of.end,
            ended_by: view.ended_by.clone(),
            ended_at: view.ended_at,
            withheld: view.withheld,
        }
    }
}
