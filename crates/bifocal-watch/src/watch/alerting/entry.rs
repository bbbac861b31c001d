//! One alert: a rule and a target, with what was told of it.

use std::collections::BTreeMap;

use bifocal_model::{Cause, Severity, TargetKey, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::alert::{Ladder, Rule, Standing, Status};
use crate::snapshot::AlertView;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(super) rule: String,
    pub(super) target: TargetKey,
    pub(super) standing: Standing,
    pub(super) resolved_at: Option<Timestamp>,
    pub(super) summary: String,
    /// What its end says that was: `answers of qwen were worse`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) was: String,
    /// The cause that the channels were told.
    #[serde(default)]
    pub(super) told: Cause,
    /// It fires and nobody was told, for it was muted.
    #[serde(default)]
    pub(super) untold: bool,
    /// The newest cause that was not told, for the alert is muted.
    #[serde(default)]
    pub(super) withheld: Cause,
    /// Since when each level of its rule has held.
    #[serde(default, skip_serializing_if = "Ladder::is_idle")]
    pub(super) ladder: Ladder,
    /// How bad it has become; `None`: as bad as its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) raised: Option<Severity>,
    /// How bad the channels were told that it is; `None`: as bad as its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) told_severity: Option<Severity>,
    /// Whether that was a message of its own: one that began as bad as it is was told once.
    #[serde(default)]
    pub(super) raise_was_told: bool,
    /// How bad it has become while it was muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) withheld_severity: Option<Severity>,
}

impl Entry {
    pub(super) fn new(rule: &str, target: &TargetKey, standing: Standing) -> Self {
        Self {
            rule: rule.to_owned(),
            target: target.clone(),
            standing,
            resolved_at: None,
            summary: String::new(),
            was: String::new(),
            told: Cause::Pending,
            untold: false,
            withheld: Cause::Pending,
            ladder: Ladder::default(),
            raised: None,
            told_severity: None,
            raise_was_told: false,
            withheld_severity: None,
        }
    }

    pub(super) fn id(&self) -> String {
        format!("{}:{}:{}", self.target.id(), self.standing.since.as_nanos(), self.rule)
    }

    pub(super) fn fires(&self) -> bool {
        self.standing.status == Status::Firing
    }

    /// How bad it is.
    pub(super) fn severity(&self, rule: &Rule) -> Severity {
        self.raised.unwrap_or(rule.config.severity)
    }

    /// How bad it is, where that is worse than what the channels were told.
    pub(super) fn to_be_raised(&self, rule: &Rule) -> Option<Severity> {
        let told = self.told_severity.unwrap_or(rule.config.severity);
        self.raised.filter(|raised| *raised > told)
    }

    pub(super) fn view(&self, rule: &Rule) -> AlertView {
        AlertView {
            id: self.id(),
            rule: self.rule.clone(),
            severity: self.severity(rule),
            target: self.target.clone(),
            status: self.standing.status,
            since: self.standing.since,
            resolved_at: self.resolved_at,
            summary: self.summary.clone(),
            when: rule.config.when.clone(),
            for_seconds: rule.config.hold.as_secs(),
            budgeted: rule.budgeted,
            runbook: rule.config.runbook.clone(),
            muted: None,
            untold: self.untold,
        }
    }
}

/// Alerts by target, so that a look at one target touches no other; saved as a plain list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Standings(pub(super) BTreeMap<TargetKey, Vec<Entry>>);

impl Standings {
    pub(super) fn of(&self, target: &TargetKey) -> &[Entry] {
        self.0.get(target).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Entry> {
        self.0.values().flatten()
    }

    /// All alerts of a target, to be put back.
    pub(super) fn take(&mut self, target: &TargetKey) -> Vec<Entry> {
        self.0.remove(target).unwrap_or_default()
    }

    pub(super) fn put(&mut self, target: &TargetKey, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.0.insert(target.clone(), entries);
        }
    }
}

impl Serialize for Standings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.all())
    }
}

impl<'de> Deserialize<'de> for Standings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut standings = Self::default();
        for entry in Vec::<Entry>::deserialize(deserializer)? {
            standings.0.entry(entry.target.clone()).or_default().push(entry);
        }
        Ok(standings)
    }
}
