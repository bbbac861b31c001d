//! The book of alerts: where every rule stands for every target, and what is over.

use std::collections::VecDeque;

use bifocal_expr::Outcome as Truth;
use bifocal_model::{Cause, Event, EventKind, TargetKey, Timestamp, Window};
use serde::{Deserialize, Serialize};

use super::Quantiles;
use crate::alert::{Notification, Rule, SignalValues, Standing, Status, Transition, step};
use crate::limits::RESOLVED_ALERTS_MAX;
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
}

impl AlertBook {
    /// Looks at every rule for every target.
    pub(crate) fn look<Q: Quantiles>(
        &mut self,
        rules: &[Rule],
        views: &[TargetView],
        quantiles: &Q,
        window: Window,
        events: &mut Vec<Event>,
    ) -> Vec<Notification> {
        let mut notifications = Vec::new();
        for view in views {
            let values = SignalValues { view, quantiles, window };
            for rule in rules {
                let holds = match rule.condition.evaluate(&values) {
                    Ok(Truth::True) => Some(true),
                    Ok(Truth::False) => Some(false),
                    Ok(Truth::NoData) | Err(_) => None,
                };
                // One word a tick: what is told with an alert and not as an event of its own, a replay would tell again.
                if let Some((transition, entry)) = self.step(rule, view, holds, window.end) {
                    events.push(event(transition, &entry, window.end));
                    notifications.push(notification(transition, rule, &entry, window.end));
                } else if let Some(entry) = self.update(rule, view) {
                    events.push(updated(&entry, window.end));
                    notifications.push(update(rule, &entry, window.end));
                }
            }
        }
        notifications
    }

    /// An event of the journal: what a tick decided before a restart stands again.
    pub(crate) fn restore(&mut self, event: &Event) {
        use EventKind::{AlertFired, AlertResolved, AlertUpdated};
        let (AlertFired | AlertResolved | AlertUpdated, Some(target)) = (event.kind, &event.target) else {
            return;
        };
        let Some((since, rule)) = read_id(&event.id) else { return };
        let at = self.standing.iter().position(|entry| entry.rule == rule && entry.target == *target);
        if event.kind == EventKind::AlertUpdated {
            if let Some(entry) = at.and_then(|at| self.standing.get_mut(at)) {
                entry.told = read_cause(&event.id);
            }
        } else if event.kind == EventKind::AlertResolved {
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
            });
        }
    }

    /// Firing and pending ones, worst and newest first, then those that are over.
    pub(crate) fn views(&self, rules: &[Rule]) -> Vec<AlertView> {
        let mut standing: Vec<AlertView> = self.standing.iter().filter_map(|e| e.view(rules)).collect();
        standing.sort_by_key(|alert| {
            (
                alert.status != Status::Firing,
                std::cmp::Reverse(alert.severity),
                std::cmp::Reverse(alert.since),
            )
        });
        standing.extend(self.over.iter().rev().filter_map(|entry| entry.view(rules)));
        standing
    }

    /// What the channels were told of the alerts that fire now.
    pub(crate) fn standing_notifications(&self, rules: &[Rule], now: Timestamp) -> Vec<Notification> {
        let firing = self.standing.iter().filter(|entry| entry.standing.status == Status::Firing);
        let told = firing.filter_map(|entry| {
            let rule = rules.iter().find(|rule| rule.config.name == entry.rule)?;
            Some(notification(Transition::Fired, rule, entry, now))
        });
        told.collect()
    }

    fn step(
        &mut self,
        rule: &Rule,
        view: &TargetView,
        holds: Option<bool>,
        now: Timestamp,
    ) -> Option<(Transition, Entry)> {
        let name = &rule.config.name;
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
                    summary: view.sentence.clone(),
                    told: Cause::Pending,
                });
                self.standing.last_mut()?
            }
        };
        entry.standing = after;
        if holds == Some(true) {
            entry.summary.clone_from(&view.sentence);
        }
        transition.map(|transition| (transition, entry.clone()))
    }

    /// A firing alert about answers whose cause has become known since it was told: it is told again, once per cause.
    fn update(&mut self, rule: &Rule, view: &TargetView) -> Option<Entry> {
        let cause = view.incident()?.attribution.cause;
        let same = |entry: &&mut Entry| {
            entry.rule == rule.config.name
                && entry.target == view.key
                && entry.standing.status == Status::Firing
        };
        let entry = self.standing.iter_mut().find(same).filter(|_| rule.budgeted)?;
        if cause == Cause::Pending || cause == entry.told {
            return None;
        }
        entry.told = cause;
        entry.summary.clone_from(&view.incident()?.sentence);
        Some(entry.clone())
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

impl Entry {
    fn id(&self) -> String {
        format!("{}:{}:{}", self.target.id(), self.standing.since.as_nanos(), self.rule)
    }

    /// `None` when the rule is no longer configured.
    fn view(&self, rules: &[Rule]) -> Option<AlertView> {
        let rule = rules.iter().find(|rule| rule.config.name == self.rule)?;
        Some(AlertView {
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
        })
    }
}

fn event(transition: Transition, entry: &Entry, now: Timestamp) -> Event {
    let (kind, word) = match transition {
        Transition::Fired => (EventKind::AlertFired, "fired"),
        Transition::Resolved => (EventKind::AlertResolved, "resolved"),
    };
    Event {
        time: now,
        kind,
        target: Some(entry.target.clone()),
        id: format!("{word}:{}", entry.id()),
        summary: format!("alert {} {word}: {}", entry.rule, entry.summary),
    }
}

fn updated(entry: &Entry, now: Timestamp) -> Event {
    Event {
        time: now,
        kind: EventKind::AlertUpdated,
        target: Some(entry.target.clone()),
        id: format!("{}:{}", entry.told.name(), entry.id()),
        summary: format!("alert {}: {}", entry.rule, entry.summary),
    }
}

/// The cause, from an id such as `judge:<target>:<nanoseconds>:<rule>`.
fn read_cause(id: &str) -> Cause {
    use Cause::{DataPath, Judge, Mix, Pending, System, Undecided};
    let word = id.split(':').next().unwrap_or_default();
    [System, Judge, Mix, DataPath, Undecided]
        .into_iter()
        .find(|cause| cause.name() == word)
        .unwrap_or(Pending)
}

fn update(rule: &Rule, entry: &Entry, now: Timestamp) -> Notification {
    let idempotency_key = format!("{}:cause:{}", entry.id(), entry.told.name());
    Notification { idempotency_key, ..notification(Transition::Fired, rule, entry, now) }
}

/// The start and the rule's name, from an id such as `fired:<target>:<nanoseconds>:<rule>`.
fn read_id(id: &str) -> Option<(Timestamp, &str)> {
    let mut parts = id.splitn(4, ':');
    let since = parts.nth(2)?.parse().ok()?;
    Some((Timestamp::from_nanos(since), parts.next()?))
}

fn notification(transition: Transition, rule: &Rule, entry: &Entry, now: Timestamp) -> Notification {
    let status = match transition {
        Transition::Fired => Status::Firing,
        Transition::Resolved => Status::Resolved,
    };
    let word = if status == Status::Firing { "firing" } else { "resolved" };
    Notification {
        idempotency_key: format!("{}:{word}", entry.id()),
        alert_id: entry.id(),
        rule: entry.rule.clone(),
        target: entry.target.clone(),
        severity: rule.config.severity,
        status,
        since: entry.standing.since,
        time: now,
        summary: entry.summary.clone(),
        when: rule.config.when.clone(),
        channels: rule.config.channels.clone(),
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
            };
            book.close(entry, since);
        }
        assert_eq!(book.over.len(), RESOLVED_ALERTS_MAX);
        assert_eq!(book.over[0].standing.since, Timestamp::from_secs(1));
    }
}
