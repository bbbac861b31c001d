//! Alerts in words: the events that a tick leaves in the journal, and the notifications of the channels.

use bifocal_model::{Cause, Event, EventKind, StateName, Timestamp};

use super::Entry;
use crate::alert::{Notification, Rule, Severity, SignalValues, Status, Transition};
use crate::mute::MutedView;
use crate::watch::Quantiles;

/// What an alert says: what its rule looked at, and how the target is. Where the target's sentence is about what the rule
/// tells, it stands alone.
pub(super) fn summary<Q: Quantiles>(rule: &Rule, values: &SignalValues<'_, Q>) -> String {
    let view = values.view;
    let seen: Vec<String> = rule.levels.iter().flat_map(|level| level.condition.looked_at(values)).collect();
    // Levels look at the same things.
    let seen: Vec<String> = seen
        .iter()
        .enumerate()
        .filter(|(i, said)| !seen[..*i].contains(said))
        .map(|(_, said)| said.clone())
        .collect();
    let says_it = rule.budgeted && !rule.watches_judges() && view.state == StateName::SilentDegradation;
    if says_it || seen.is_empty() {
        return view.sentence.clone();
    }
    format!("{}. {}", seen.join(", "), view.sentence)
}

pub(super) fn event(transition: Transition, rule: &Rule, entry: &Entry, now: Timestamp) -> Event {
    if transition == Transition::Resolved {
        return ended_event(entry, now);
    }
    let raised = entry.raised.filter(|raised| *raised > rule.config.severity);
    let raised = raised.map(|raised| format!(".{}", raised.name())).unwrap_or_default();
    Event {
        time: now,
        kind: EventKind::AlertFired,
        target: Some(entry.target.clone()),
        id: format!("fired{raised}:{}", entry.id()),
        summary: format!("alert {} fired: {}", entry.rule, entry.summary),
    }
}

pub(super) fn ended_event(entry: &Entry, now: Timestamp) -> Event {
    Event {
        time: now,
        kind: EventKind::AlertResolved,
        target: Some(entry.target.clone()),
        id: format!("resolved:{}", entry.id()),
        summary: format!("alert {} resolved: {}", entry.rule, entry.summary),
    }
}

/// An alert became worse.
pub(super) fn raised_event(entry: &Entry, worse: Severity, now: Timestamp) -> Event {
    Event {
        time: now,
        kind: EventKind::AlertUpdated,
        target: Some(entry.target.clone()),
        id: format!("raised.{}:{}", worse.name(), entry.id()),
        summary: format!("alert {} is {} now: {}", entry.rule, worse.name(), entry.summary),
    }
}

/// What the channels get of that. `before`: what they knew.
pub(super) fn raised(rule: &Rule, entry: &Entry, before: Severity, now: Timestamp) -> Notification {
    let idempotency_key = format!("{}:severity:{}", entry.id(), entry.severity(rule).name());
    let beginning = notification(Transition::Fired, rule, entry, now);
    Notification { idempotency_key, raised_from: Some(before), ..beginning }
}

/// What an alert said, from its event: `alert slow fired: …`.
pub(super) fn read_summary(event: &Event) -> String {
    let rule = read_id(&event.id).map_or("", |(_, rule)| rule);
    let said = ["fired", "resolved"]
        .iter()
        .find_map(|word| event.summary.strip_prefix(&format!("alert {rule} {word}: ")));
    said.unwrap_or(&event.summary).to_owned()
}

/// How bad an id of an event says that its alert is: `fired.critical:…`, `raised.critical:…`, `told.critical.system:…`.
pub(super) fn read_severity(id: &str) -> Option<Severity> {
    let first = id.split(':').next().unwrap_or_default();
    let named = |word: &str| Severity::ALL.into_iter().find(|severity| severity.name() == word);
    first.split('.').skip(1).find_map(named)
}

pub(super) fn updated(entry: &Entry, now: Timestamp) -> Event {
    Event {
        time: now,
        kind: EventKind::AlertUpdated,
        target: Some(entry.target.clone()),
        id: format!("{}:{}", entry.told.name(), entry.id()),
        summary: format!("alert {}: {}", entry.rule, entry.summary),
    }
}

/// A message was not sent: that of the beginning (`firing`) or of a cause.
pub(super) fn withheld(entry: &Entry, word: &str, muted: &MutedView, now: Timestamp) -> Event {
    Event {
        time: now,
        kind: EventKind::AlertWithheld,
        target: Some(entry.target.clone()),
        id: format!("withheld.{}.{word}:{}", muted.in_id(), entry.id()),
        summary: format!("alert {} not told: {}", entry.rule, muted.said()),
    }
}

/// An alert whose beginning was withheld is told after all.
pub(super) fn told(entry: &Entry, now: Timestamp) -> Event {
    let raised = entry.raised.map(|raised| format!(".{}", raised.name())).unwrap_or_default();
    Event {
        time: now,
        kind: EventKind::AlertTold,
        target: Some(entry.target.clone()),
        id: format!("told{raised}.{}:{}", entry.told.name(), entry.id()),
        summary: format!("alert {} told, for nothing mutes it any more: {}", entry.rule, entry.summary),
    }
}

/// The last word before the alert's id: `firing` of `withheld.silence.<id>.firing:…`, `judge` of `judge:…`.
pub(super) fn read_word(id: &str) -> &str {
    let first = id.split(':').next().unwrap_or_default();
    first.rsplit('.').next().unwrap_or_default()
}

/// The cause, from an id such as `judge:<target>:<nanoseconds>:<rule>` or `told.judge:…`.
pub(super) fn read_cause(id: &str) -> Cause {
    use Cause::{DataPath, Judge, Mix, Pending, System, Undecided};
    let word = read_word(id);
    [System, Judge, Mix, DataPath, Undecided]
        .into_iter()
        .find(|cause| cause.name() == word)
        .unwrap_or(Pending)
}

pub(super) fn update(rule: &Rule, entry: &Entry, now: Timestamp) -> Notification {
    let idempotency_key = format!("{}:cause:{}", entry.id(), entry.told.name());
    Notification { idempotency_key, ..notification(Transition::Fired, rule, entry, now) }
}

/// The start and the rule's name, from an id such as `fired:<target>:<nanoseconds>:<rule>`.
pub(super) fn read_id(id: &str) -> Option<(Timestamp, &str)> {
    let mut parts = id.splitn(4, ':');
    let since = parts.nth(2)?.parse().ok()?;
    Some((Timestamp::from_nanos(since), parts.next()?))
}

/// The end of an alert whose rule is gone.
pub(super) fn ended(entry: &Entry, now: Timestamp) -> Notification {
    Notification {
        idempotency_key: format!("{}:resolved", entry.id()),
        alert_id: entry.id(),
        rule: entry.rule.clone(),
        target: entry.target.clone(),
        severity: entry.raised.unwrap_or(Severity::Warning),
        raised_from: None,
        status: Status::Resolved,
        since: entry.standing.since,
        time: now,
        summary: entry.summary.clone(),
        when: String::new(),
        runbook: None,
        incident: None,
        channels: Vec::new(),
    }
}

pub(super) fn notification(
    transition: Transition,
    rule: &Rule,
    entry: &Entry,
    now: Timestamp,
) -> Notification {
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
        severity: entry.severity(rule),
        raised_from: None,
        status,
        since: entry.standing.since,
        time: now,
        summary: entry.summary.clone(),
        when: rule.config.when.clone(),
        runbook: rule.config.runbook.clone(),
        incident: None,
        channels: rule.config.channels.clone(),
    }
}
