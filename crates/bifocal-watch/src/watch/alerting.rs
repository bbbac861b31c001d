//! The book of alerts: where every rule stands for every target, and what is over.

use std::collections::VecDeque;

use bifocal_expr::Outcome as Truth;
use bifocal_model::{Cause, Event, EventKind, TargetKey, Timestamp, Window};
use serde::{Deserialize, Serialize};

mod words;

use super::Quantiles;
use crate::alert::{Notification, Rule, SignalValues, Standing, Status, Transition, step};
use crate::limits::RESOLVED_ALERTS_MAX;
use crate::mute::{MutedView, Mutes};
use crate::snapshot::{AlertView, TargetView};

/// All alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AlertBook {
    standing: Vec<Entry>,
    over: VecDeque<Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Entry {
    rule: String,
    target: TargetKey,
    standing: Standing,
    resolved_at: Option<Timestamp>,
    summary: String,
    /// The cause that the channels were told.
    #[serde(default)]
    told: Cause,
    /// It fires and nobody was told, for it was muted.
    #[serde(default)]
    untold: bool,
    /// The newest cause that was not told, for the alert is muted.
    #[serde(default)]
    withheld: Cause,
}

impl AlertBook {
    /// Looks at every rule for every target.
    pub(crate) fn look<Q: Quantiles>(
        &mut self,
        rules: &[Rule],
        views: &[TargetView],
        quantiles: &Q,
        window: Window,
        mutes: &Mutes<'_>,
        events: &mut Vec<Event>,
    ) -> Vec<Notification> {
        let mut notifications = Vec::new();
        for view in views {
            let values = SignalValues { view, quantiles, window };
            let look = |rule: &Rule| match rule.condition.evaluate(&values) {
                Ok(Truth::True) => Some(true),
                Ok(Truth::False) => Some(false),
                Ok(Truth::NoData) | Err(_) => None,
            };
            // First all rules move, for one that fires in this moment inhibits the others of this moment.
            let turns: Vec<_> =
                rules.iter().map(|rule| self.step(rule, &values, look(rule), window.end)).collect();
            for (rule, turn) in rules.iter().zip(turns) {
                // Most rules fire for nobody: what mutes them need not be asked.
                let is_quiet = turn.is_none() && !self.fires(&rule.config.name, &view.key);
                let muted = if is_quiet { None } else { self.muted(rule, &view.key, mutes) };
                // One word a tick: what is told with an alert and not as an event of its own, a replay would tell again.
                let told = match turn {
                    Some((transition, entry)) => {
                        events.push(words::event(transition, &entry, window.end));
                        self.tell(rule, transition, entry, muted, events, window.end)
                    }
                    None if is_quiet => None,
                    None => self.catch_up(rule, view, muted, events, window.end),
                };
                notifications.extend(told);
            }
        }
        notifications.extend(self.end_without_rule(rules, events, window.end));
        notifications
    }

    /// Alerts whose rule is not configured any more end: nobody would ever look at them again. Whoever was told of the
    /// beginning is told of the end, and as nothing says any more who that was, all channels are.
    fn end_without_rule(
        &mut self,
        rules: &[Rule],
        events: &mut Vec<Event>,
        now: Timestamp,
    ) -> Vec<Notification> {
        let is_known = |entry: &Entry| rules.iter().any(|rule| rule.config.name == entry.rule);
        let (kept, gone) = std::mem::take(&mut self.standing).into_iter().partition::<Vec<_>, _>(is_known);
        self.standing = kept;
        let mut told = Vec::new();
        for entry in gone.into_iter().filter(|entry| entry.standing.status == Status::Firing) {
            let mut entry = self.close(entry, now);
            "its rule is not configured any more".clone_into(&mut entry.summary);
            events.push(words::event(Transition::Resolved, &entry, now));
            if !entry.untold {
                told.push(words::ended(&entry, now));
            }
        }
        told
    }

    /// What the channels get of a beginning or an end. A beginning that is muted is withheld, and an end is told to those
    /// who were told of the beginning.
    fn tell(
        &mut self,
        rule: &Rule,
        transition: Transition,
        entry: Entry,
        muted: Option<MutedView>,
        events: &mut Vec<Event>,
        now: Timestamp,
    ) -> Option<Notification> {
        match (transition, muted) {
            (Transition::Resolved, _) if entry.untold => None,
            (Transition::Fired, Some(muted)) => {
                events.push(words::withheld(&entry, "firing", &muted, now));
                self.firing_mut(rule, &entry.target)?.untold = true;
                None
            }
            _ => Some(words::notification(transition, rule, &entry, now)),
        }
    }

    /// What the channels get of an alert that goes on firing: a beginning that was withheld, once nothing mutes it; the
    /// cause, once it is known, and once per cause.
    fn catch_up(
        &mut self,
        rule: &Rule,
        view: &TargetView,
        muted: Option<MutedView>,
        events: &mut Vec<Event>,
        now: Timestamp,
    ) -> Option<Notification> {
        let incident = view.incident().filter(|_| rule.budgeted);
        let cause = incident.map_or(Cause::Pending, |incident| incident.attribution.cause);
        let entry = self.firing_mut(rule, &view.key)?;
        if entry.untold {
            // One whose condition has just ended is over in a minute: nobody needs to hear of it.
            if muted.is_some() || entry.standing.clear_since.is_some() {
                return None;
            }
            (entry.untold, entry.told) = (false, cause);
            events.push(words::told(entry, now));
            return Some(words::notification(Transition::Fired, rule, entry, now));
        }
        if cause == Cause::Pending || cause == entry.told {
            return None;
        }
        if let Some(muted) = muted {
            if entry.withheld != cause {
                entry.withheld = cause;
                events.push(words::withheld(entry, cause.name(), &muted, now));
            }
            return None;
        }
        entry.told = cause;
        entry.summary.clone_from(&incident?.sentence);
        events.push(words::updated(entry, now));
        Some(words::update(rule, entry, now))
    }

    /// What keeps a rule's alert of a target from being told now.
    fn muted(&self, rule: &Rule, target: &TargetKey, mutes: &Mutes<'_>) -> Option<MutedView> {
        mutes.of(rule, target, |name| self.fires(name, target))
    }

    fn fires(&self, rule: &str, target: &TargetKey) -> bool {
        let mut of_rule = self.standing.iter().filter(|entry| entry.rule == rule && entry.target == *target);
        of_rule.any(|entry| entry.standing.status == Status::Firing)
    }

    fn firing_mut(&mut self, rule: &Rule, target: &TargetKey) -> Option<&mut Entry> {
        let is_it = |entry: &&mut Entry| {
            entry.rule == rule.config.name
                && entry.target == *target
                && entry.standing.status == Status::Firing
        };
        self.standing.iter_mut().find(is_it)
    }

    /// An event of the journal: what a tick decided before a restart stands again.
    pub(crate) fn restore(&mut self, event: &Event) {
        use EventKind::{AlertFired, AlertResolved, AlertTold, AlertUpdated, AlertWithheld};
        let kinds = [AlertFired, AlertUpdated, AlertWithheld, AlertTold, AlertResolved];
        let Some(target) = event.target.as_ref().filter(|_| kinds.contains(&event.kind)) else { return };
        let Some((since, rule)) = words::read_id(&event.id) else { return };
        let at = self.standing.iter().position(|entry| entry.rule == rule && entry.target == *target);
        if matches!(event.kind, AlertUpdated | AlertWithheld | AlertTold) {
            let Some(entry) = at.and_then(|at| self.standing.get_mut(at)) else { return };
            match event.kind {
                AlertWithheld if words::read_word(&event.id) == "firing" => entry.untold = true,
                AlertWithheld => entry.withheld = words::read_cause(&event.id),
                _ => (entry.untold, entry.told) = (false, words::read_cause(&event.id)),
            }
        } else if event.kind == AlertResolved {
            if let Some(at) = at {
                let entry = self.standing.remove(at);
                self.close(entry, event.time);
            }
        } else if at.is_none_or(|at| self.standing[at].standing.status != Status::Firing) {
            self.standing.retain(|entry| entry.rule != rule || entry.target != *target);
            self.standing.push(Entry {
                rule: rule.to_owned(),
                target: target.clone(),
                standing: Standing { status: Status::Firing, since, clear_since: None },
                resolved_at: None,
                summary: event.summary.clone(),
                told: Cause::Pending,
                untold: false,
                withheld: Cause::Pending,
            });
        }
    }

    /// Firing and pending ones, worst and newest first, then those that are over.
    pub(crate) fn views(&self, rules: &[Rule], mutes: &Mutes<'_>) -> Vec<AlertView> {
        let view = |entry: &Entry| {
            let rule = rules.iter().find(|rule| rule.config.name == entry.rule)?;
            Some(AlertView { muted: self.muted(rule, &entry.target, mutes), ..entry.view(rule) })
        };
        let mut standing: Vec<AlertView> = self.standing.iter().filter_map(view).collect();
        standing.sort_by_key(|alert| {
            (
                alert.status != Status::Firing,
                std::cmp::Reverse(alert.severity),
                std::cmp::Reverse(alert.since),
            )
        });
        standing.extend(self.over.iter().rev().filter_map(|entry| {
            rules.iter().find(|rule| rule.config.name == entry.rule).map(|rule| entry.view(rule))
        }));
        standing
    }

    /// What the channels were told of the alerts that fire now.
    pub(crate) fn standing_notifications(&self, rules: &[Rule], now: Timestamp) -> Vec<Notification> {
        let firing =
            self.standing.iter().filter(|entry| entry.standing.status == Status::Firing && !entry.untold);
        let told = firing.filter_map(|entry| {
            let rule = rules.iter().find(|rule| rule.config.name == entry.rule)?;
            Some(words::notification(Transition::Fired, rule, entry, now))
        });
        told.collect()
    }

    fn step<Q: Quantiles>(
        &mut self,
        rule: &Rule,
        values: &SignalValues<'_, Q>,
        holds: Option<bool>,
        now: Timestamp,
    ) -> Option<(Transition, Entry)> {
        let (name, view) = (&rule.config.name, values.view);
        let at = self.standing.iter().position(|entry| entry.rule == *name && entry.target == view.key);
        let before = at.map(|at| self.standing[at].standing);
        let (after, transition) = step(before, holds, now, rule.config.hold.span());
        let Some(after) = after else {
            let entry = self.standing.remove(at?);
            return transition.map(|transition| (transition, self.close(entry, now)));
        };
        let entry = match at {
            Some(at) => &mut self.standing[at],
            None => {
                self.standing.push(Entry {
                    rule: name.clone(),
                    target: view.key.clone(),
                    standing: after,
                    resolved_at: None,
                    summary: String::new(),
                    told: Cause::Pending,
                    untold: false,
                    withheld: Cause::Pending,
                });
                self.standing.last_mut()?
            }
        };
        entry.standing = after;
        if holds == Some(true) {
            entry.summary = words::summary(rule, values);
        }
        // Harm is told with its count and an example, whatever else there is to say.
        if let (Some(true), Some(said)) = (holds, harm(rule, view)) {
            entry.summary = said;
        }
        transition.map(|transition| (transition, entry.clone()))
    }

    fn close(&mut self, mut entry: Entry, now: Timestamp) -> Entry {
        entry.standing.status = Status::Resolved;
        entry.resolved_at = Some(now);
        if self.over.len() == RESOLVED_ALERTS_MAX {
            self.over.pop_front();
        }
        self.over.push_back(entry.clone());
        entry
    }
}

/// What is told of harm, by a rule that is about it.
fn harm(rule: &Rule, view: &TargetView) -> Option<String> {
    view.severe.as_ref().filter(|_| rule.is_about_harm())?.sentence(&view.name)
}

impl Entry {
    fn id(&self) -> String {
        format!("{}:{}:{}", self.target.id(), self.standing.since.as_nanos(), self.rule)
    }

    fn view(&self, rule: &Rule) -> AlertView {
        AlertView {
            id: self.id(),
            rule: self.rule.clone(),
            severity: rule.config.severity,
            target: self.target.clone(),
            status: self.standing.status,
            since: self.standing.since,
            resolved_at: self.resolved_at,
            summary: self.summary.clone(),
            when: rule.config.when.clone(),
            for_seconds: rule.config.hold.as_secs(),
            budgeted: rule.budgeted,
            muted: None,
            untold: self.untold,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_resolved_alerts_leave_at_the_limit() {
        let mut book = AlertBook::default();
        let target = TargetKey::of_model("local", "m");
        for i in 0..=RESOLVED_ALERTS_MAX {
            let since = Timestamp::from_secs(i64::try_from(i).unwrap());
            let standing = Standing { status: Status::Firing, since, clear_since: None };
            let entry = Entry {
                rule: "r".into(),
                target: target.clone(),
                standing,
                resolved_at: None,
                summary: String::new(),
                told: Cause::Pending,
                untold: false,
                withheld: Cause::Pending,
            };
            book.close(entry, since);
        }
        assert_eq!(book.over.len(), RESOLVED_ALERTS_MAX);
        assert_eq!(book.over[0].standing.since, Timestamp::from_secs(1));
    }
}
