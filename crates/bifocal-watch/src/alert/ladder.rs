//! How bad an alert is: the worst level whose condition has held for long enough. One alert at a time: a worse level raises the
//! alert that is there, and it stays raised until it ends.

use bifocal_expr::Context;
use bifocal_expr::Outcome as Truth;
use bifocal_model::{Severity, Timestamp};
use serde::{Deserialize, Serialize};

use super::rule::Rule;
use super::standing::Look;

/// Since when each level of a rule has held; levels beyond the end have not. Most rules hold for nobody: their ladders hold
/// nothing, and cost nothing to make.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ladder(Vec<Option<Timestamp>>);

impl Ladder {
    /// Looks at every level of a rule. With too few samples there is no data.
    pub(crate) fn look(
        &mut self,
        rule: &Rule,
        values: &dyn Context,
        is_enough: bool,
        now: Timestamp,
    ) -> Climb {
        // A level that the rule has no more has not held when it comes back.
        self.0.truncate(rule.levels.len());
        let truth = |condition: &bifocal_expr::Expression| match condition.evaluate(values) {
            Truth::True => Some(true),
            Truth::False => Some(false),
            Truth::NoData => None,
        };
        let mut climb =
            Climb { look: Look { holds: Some(false), is_ripe: false, recovered: Some(true) }, worst: None };
        for (i, level) in rule.levels.iter().enumerate() {
            let before = self.0.get(i).copied().flatten();
            let holds = if is_enough { truth(&level.condition) } else { None };
            let since = match holds {
                // A clock that was set back makes the moment one of the future: the span begins anew.
                Some(true) => before.filter(|since| *since <= now).or(Some(now)),
                Some(false) => None,
                None => before,
            };
            if since != before {
                self.0.resize(self.0.len().max(i + 1), None);
                self.0[i] = since;
            }
            climb.look.holds = match (climb.look.holds, holds) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (None, _) | (_, None) => None,
                _ => Some(false),
            };
            let has_held = since.is_some_and(|since| now.since(since) >= level.hold.span());
            if holds == Some(true) && has_held {
                climb.look.is_ripe = true;
                climb.worst = climb.worst.max(Some(level.severity));
            }
        }
        if climb.look.holds == Some(false)
            && let Some(recovery) = &rule.recovery
        {
            climb.look.recovered = truth(recovery);
        }
        climb
    }

    /// Whether no level has begun to hold.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }
}

/// What a look at all levels gave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Climb {
    pub(crate) look: Look,
    /// The worst level that has held for long enough.
    pub(crate) worst: Option<Severity>,
}
