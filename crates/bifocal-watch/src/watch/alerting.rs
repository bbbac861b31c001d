//! The book of alerts: where every rule stands for every target, and what is over.

use std::collections::VecDeque;

use bifocal_model::{Cause, Event, EventKind, Severity, Span, TargetKey, Timestamp, Window};
use serde::{Deserialize, Serialize};

mod entry;
mod past;
mod words;

use entry::{Entry, Standings};

use super::Quantiles;
use crate::alert::{Climb, Ladder, Notification, Rule, SignalValues, Standing, Status, Transition, step};
use crate::limits::RESOLVED_ALERTS_MAX;
use crate::mute::{MutedView, Mutes};
use crate::snapshot::{AlertView, TargetView};

/// Ends so long before the newest one are offered to the outbox again after an unclean stop.
const OFFERED_AGAIN: Span = Span::from_mins(10);
/// Ends that are older are offered to nobody: the outbox, which knows who has heard of them, forgets in the end.
const OFFERED_FOR: Span = Span::from_mins(14 * 24 * 60);

/// All alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AlertBook {
    standing: Standings,
    over: VecDeque<Entry>,
}

/// What one look at a rule changed.
struct Turn {
    transition: Transition,
    entry: Entry,
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
            let mut here = self.standing.take(&view.key);
            // First all rules move, for one that fires in this moment inhibits the others of this moment.
            let turns: Vec<_> =
                rules.iter().map(|rule| self.step(rule, &mut here, &values, window.end)).collect();
            for (rule, turn) in rules.iter().zip(turns) {
                // Most rules fire for nobody: what mutes them need not be asked.
                let at = here.iter().position(|entry| entry.rule == rule.config.name && entry.fires());
                if turn.is_none() && at.is_none() {
                    continue;
                }
                let severity = at.map_or(rule.config.severity, |at| here[at].severity(rule));
                let muted = muted(rule, severity, &view.key, &here, mutes);
                let firing = at.and_then(|at| here.get_mut(at));
                // One word a tick: what is told with an alert and not as an event of its own, a replay would tell again.
                let told = match turn {
                    Some(Turn { transition, entry }) => {
                        events.push(words::event(transition, rule, &entry, window.end));
                        tell(rule, transition, &entry, firing, muted, events, window.end)
                    }
                    None => firing.and_then(|entry| catch_up(rule, view, entry, muted, events, window.end)),
                };
                let incident = view.incident().filter(|_| rule.budgeted).map(|incident| incident.id.clone());
                notifications.extend(told.map(|told| Notification { incident, ..told }));
            }
            self.standing.put(&view.key, here);
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
        let is_gone = |entry: &Entry| rules.iter().all(|rule| rule.config.name != entry.rule);
        let targets: Vec<TargetKey> =
            self.standing.all().filter(|entry| is_gone(entry)).map(|entry| entry.target.clone()).collect();
        let mut told = Vec::new();
        for target in targets {
            let (gone, kept) = self.standing.take(&target).into_iter().partition::<Vec<_>, _>(is_gone);
            self.standing.put(&target, kept);
            for entry in gone.into_iter().filter(Entry::fires) {
                let summary = past::given_up(&entry, now);
                let entry = self.close(entry, summary, now);
                events.push(words::ended_event(&entry, now));
                if !entry.untold {
                    told.push(words::ended(&entry, now));
                }
            }
        }
        told
    }

    /// An event of the journal: what a tick decided before a restart stands again.
    pub(crate) fn restore(&mut self, event: &Event) {
        use EventKind::{AlertFired, AlertResolved, AlertTold, AlertUpdated, AlertWithheld};
        let kinds = [AlertFired, AlertUpdated, AlertWithheld, AlertTold, AlertResolved];
        let Some(target) = event.target.as_ref().filter(|_| kinds.contains(&event.kind)) else { return };
        let Some((since, rule)) = words::read_id(&event.id) else { return };
        let mut here = self.standing.take(target);
        let at = here.iter().position(|entry| entry.rule == rule);
        let severity = words::read_severity(&event.id);
        if matches!(event.kind, AlertUpdated | AlertWithheld | AlertTold) {
            if let Some(entry) = at.and_then(|at| here.get_mut(at)) {
                match event.kind {
                    AlertWithheld if words::read_word(&event.id) == "firing" => entry.untold = true,
                    AlertWithheld if severity.is_some() => entry.withheld_severity = severity,
                    AlertWithheld => entry.withheld = words::read_cause(&event.id),
                    AlertUpdated if severity.is_some() => {
                        (entry.raised, entry.told_severity) = (severity, severity);
                        entry.raise_was_told = true;
                    }
                    AlertTold => {
                        (entry.untold, entry.told) = (false, words::read_cause(&event.id));
                        (entry.raised, entry.told_severity) = (severity.or(entry.raised), severity);
                    }
                    _ => (entry.untold, entry.told) = (false, words::read_cause(&event.id)),
                }
            }
        } else if event.kind == AlertResolved {
            if let Some(at) = at {
                let entry = here.remove(at);
                let summary = words::read_summary(event);
                self.close(entry, summary, event.time);
            }
        } else if at.is_none_or(|at| !here[at].fires()) {
            here.retain(|entry| entry.rule != rule);
            let standing = Standing { status: Status::Firing, since, clear_since: None };
            let summary = words::read_summary(event);
            let new = Entry::new(rule, target, standing);
            here.push(Entry { summary, raised: severity, told_severity: severity, ..new });
        }
        self.standing.put(target, here);
    }

    /// Firing and pending ones, worst and newest first, then those that are over.
    pub(crate) fn views(&self, rules: &[Rule], mutes: &Mutes<'_>) -> Vec<AlertView> {
        let view = |entry: &Entry| {
            let rule = rules.iter().find(|rule| rule.config.name == entry.rule)?;
            let here = self.standing.of(&entry.target);
            let muted = muted(rule, entry.severity(rule), &entry.target, here, mutes);
            Some(AlertView { muted, ..entry.view(rule) })
        };
        let mut standing: Vec<AlertView> = self.standing.all().filter_map(view).collect();
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

    /// What the channels were told of the alerts that fire now, and of those that ended last, in that order: what was
    /// journalled before a crash and did not reach the outbox any more.
    pub(crate) fn owed_notifications(&self, rules: &[Rule], now: Timestamp) -> Vec<Notification> {
        let rule_of = |entry: &Entry| rules.iter().find(|rule| rule.config.name == entry.rule);
        let mut owed = Vec::new();
        for entry in self.standing.all().filter(|entry| entry.fires() && !entry.untold) {
            let Some(rule) = rule_of(entry) else { continue };
            owed.push(words::notification(Transition::Fired, rule, entry, now));
            if entry.raise_was_told {
                owed.push(words::raised(rule, entry, rule.config.severity, now));
            }
            if entry.told != Cause::Pending {
                owed.push(words::update(rule, entry, now));
            }
        }
        let newest = self.over.back().and_then(|entry| entry.resolved_at).unwrap_or_default();
        let just_over = self.over.iter().rev().take_while(|entry| {
            entry
                .resolved_at
                .is_some_and(|ended| newest.since(ended) <= OFFERED_AGAIN && now.since(ended) <= OFFERED_FOR)
        });
        for entry in just_over.filter(|entry| !entry.untold) {
            owed.push(match rule_of(entry) {
                Some(rule) => words::notification(Transition::Resolved, rule, entry, now),
                None => words::ended(entry, now),
            });
        }
        owed
    }

    /// One look at one rule for one target, whose alerts are `here`.
    fn step<Q: Quantiles>(
        &mut self,
        rule: &Rule,
        here: &mut Vec<Entry>,
        values: &SignalValues<'_, Q>,
        now: Timestamp,
    ) -> Option<Turn> {
        let (name, view) = (&rule.config.name, values.view);
        let at = here.iter().position(|entry| entry.rule == *name);
        let mut idle = Ladder::default();
        let ladder = at.map_or(&mut idle, |at| &mut here[at].ladder);
        let Climb { look, worst } = ladder.look(rule, values, values.is_enough(rule), now);
        let before = at.map(|at| here[at].standing);
        let (after, transition) = step(before, look, now);
        let Some(after) = after else {
            let entry = here.remove(at?);
            return transition.map(|transition| {
                let summary = past::over(&entry, now);
                Turn { transition, entry: self.close(entry, summary, now) }
            });
        };
        let at = at.unwrap_or_else(|| {
            here.push(Entry { ladder: idle, ..Entry::new(name, &view.key, after) });
            here.len() - 1
        });
        let entry = &mut here[at];
        entry.standing = after;
        if look.holds == Some(true) {
            entry.summary = words::summary(rule, values);
            entry.was = past::was(rule, view);
        }
        // Harm is told with its count and an example, whatever else there is to say.
        if let (Some(true), Some(said)) = (look.holds, harm(rule, view)) {
            entry.summary = said;
        }
        // Once raised it stays raised until its end.
        if entry.fires() {
            entry.raised = entry.raised.max(worst.filter(|worst| *worst > rule.config.severity));
        }
        transition.map(|transition| {
            entry.told_severity = entry.raised;
            Turn { transition, entry: entry.clone() }
        })
    }

    fn close(&mut self, entry: Entry, summary: String, now: Timestamp) -> Entry {
        let mut entry = Entry { summary, ..entry };
        entry.standing.status = Status::Resolved;
        entry.resolved_at = Some(now);
        if self.over.len() == RESOLVED_ALERTS_MAX {
            self.over.pop_front();
        }
        self.over.push_back(entry.clone());
        entry
    }
}

/// What keeps a rule's alert of a target from being told now. `here`: the target's alerts.
fn muted(
    rule: &Rule,
    severity: Severity,
    target: &TargetKey,
    here: &[Entry],
    mutes: &Mutes<'_>,
) -> Option<MutedView> {
    mutes.of(rule, severity, target, |name| here.iter().any(|entry| entry.rule == name && entry.fires()))
}

/// What the channels get of a beginning or an end. A beginning that is muted is withheld, and an end is told to those
/// who were told of the beginning.
fn tell(
    rule: &Rule,
    transition: Transition,
    entry: &Entry,
    firing: Option<&mut Entry>,
    muted: Option<MutedView>,
    events: &mut Vec<Event>,
    now: Timestamp,
) -> Option<Notification> {
    match (transition, muted) {
        (Transition::Resolved, _) if entry.untold => None,
        (Transition::Fired, Some(muted)) => {
            events.push(words::withheld(entry, "firing", &muted, now));
            firing?.untold = true;
            None
        }
        _ => Some(words::notification(transition, rule, entry, now)),
    }
}

/// What the channels get of an alert that goes on firing: a beginning that was withheld, once nothing mutes it; that it became
/// worse; the cause, once it is known, and once per cause.
fn catch_up(
    rule: &Rule,
    view: &TargetView,
    entry: &mut Entry,
    muted: Option<MutedView>,
    events: &mut Vec<Event>,
    now: Timestamp,
) -> Option<Notification> {
    let incident = view.incident().filter(|_| rule.budgeted);
    let cause = incident.map_or(Cause::Pending, |incident| incident.attribution.cause);
    if entry.untold {
        // One whose condition has just ended is over in a minute: nobody needs to hear of it.
        if muted.is_some() || entry.standing.clear_since.is_some() {
            return None;
        }
        (entry.untold, entry.told, entry.told_severity) = (false, cause, entry.raised);
        events.push(words::told(entry, now));
        return Some(words::notification(Transition::Fired, rule, entry, now));
    }
    if let Some(worse) = entry.to_be_raised(rule) {
        let Some(muted) = muted else {
            let before = entry.told_severity.unwrap_or(rule.config.severity);
            (entry.told_severity, entry.raise_was_told) = (Some(worse), true);
            events.push(words::raised_event(entry, worse, now));
            return Some(words::raised(rule, entry, before, now));
        };
        if entry.withheld_severity < Some(worse) {
            entry.withheld_severity = Some(worse);
            events.push(words::withheld(entry, worse.name(), &muted, now));
        }
        return None;
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

/// What is told of harm, by a rule that is about it.
fn harm(rule: &Rule, view: &TargetView) -> Option<String> {
    view.severe.as_ref().filter(|_| rule.is_about_harm())?.sentence(&view.name)
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
            book.close(Entry::new("r", &target, standing), String::new(), since);
        }
        assert_eq!(book.over.len(), RESOLVED_ALERTS_MAX);
        assert_eq!(book.over[0].standing.since, Timestamp::from_secs(1));
    }
}
