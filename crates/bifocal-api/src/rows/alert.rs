//! Alerts.

use bifocal_model::Timestamp;
use bifocal_watch::AlertView;
use bifocal_watch::alert::{Severity, Status};
use bifocal_watch::mute::MutedView;
use serde::Serialize;

use crate::state::Delivery;

/// One alert.
#[derive(Clone, Debug, Serialize)]
pub struct AlertRow {
    /// The same from its beginning to its end.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// How bad.
    pub severity: Severity,
    /// Target id.
    pub target: String,
    /// The target's name.
    pub target_name: String,
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
    /// How long it must hold.
    pub for_seconds: u32,
    /// Whether its pages fall under the budget.
    pub budgeted: bool,
    /// What keeps it from being told now: a silence, maintenance, another alert.
    pub muted: Option<MutedView>,
    /// Whether it fired and nobody was told.
    pub untold: bool,
    /// Where it is written what to do: an address, or a path of this server.
    pub runbook: Option<String>,
    /// Who was told.
    pub deliveries: Vec<Delivery>,
}

impl AlertRow {
    pub(crate) fn of(view: &AlertView, deliveries: Vec<Delivery>) -> Self {
        Self {
            id: view.id.clone(),
            rule: view.rule.clone(),
            severity: view.severity,
            target: view.target.id().to_string(),
            target_name: view.target.name().to_owned(),
            status: view.status,
            since: view.since,
            resolved_at: view.resolved_at,
            summary: view.summary.clone(),
            when: view.when.clone(),
            for_seconds: view.for_seconds,
            budgeted: view.budgeted,
            muted: view.muted.clone(),
            untold: view.untold,
            runbook: view.runbook.clone(),
            deliveries,
        }
    }
}
