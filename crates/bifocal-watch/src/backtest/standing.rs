//! The conditions under which the budget of false pages holds, looked at over a whole history.

use std::collections::BTreeMap;

use bifocal_stats::conditions::{Condition, Requirement, Standing};
use serde::Serialize;

/// One condition over all streams.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ConditionReport {
    /// Which.
    pub requirement: Requirement,
    /// The worst standing of any stream.
    pub standing: Standing,
    /// Streams on which it holds.
    pub holds: u64,
    /// Streams on which it cannot be told.
    pub unknown: u64,
    /// Streams on which it does not hold.
    pub broken: u64,
    /// What was found on the first stream with the worst standing.
    pub detail: String,
    /// That stream's target.
    pub target: String,
}

/// Adds up the conditions of streams.
#[derive(Debug, Default)]
pub(super) struct Standings {
    by: BTreeMap<Requirement, ConditionReport>,
}

impl Standings {
    /// Takes those of a stream.
    pub(super) fn add(&mut self, target: &str, conditions: &[Condition]) {
        for condition in conditions {
            let all = self.by.entry(condition.requirement).or_insert_with(|| ConditionReport {
                requirement: condition.requirement,
                standing: condition.standing,
                holds: 0,
                unknown: 0,
                broken: 0,
                detail: condition.detail.clone(),
                target: target.to_owned(),
            });
            match condition.standing {
                Standing::Holds => all.holds += 1,
                Standing::Unknown => all.unknown += 1,
                Standing::Broken => all.broken += 1,
            }
            if condition.standing > all.standing {
                all.standing = condition.standing;
                all.detail.clone_from(&condition.detail);
                target.clone_into(&mut all.target);
            }
        }
    }

    /// In their order.
    pub(super) fn finish(self) -> Vec<ConditionReport> {
        self.by.into_values().collect()
    }
}
