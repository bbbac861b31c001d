//! Silences: what somebody does not want to be told for a while, with their name, a reason and an end.

use std::collections::VecDeque;

use bifocal_model::{Act, Deed, Event, EventKind, Severity, Silencing, Span, TargetKey, Timestamp};
use bifocal_telemetry::Telemetry;
use serde::{Deserialize, Serialize};

use super::{MutedBy, MutedView, Withheld, read_withheld};
use crate::limits::{
    ACT_NAME_CHARS, ACT_TEXT_CHARS, SILENCE_DAYS_MAX, SILENCES_OVER_MAX, SILENCES_STANDING_MAX,
};

/// All silences, and how many messages were withheld.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SilenceBook {
    standing: Vec<Silence>,
    over: VecDeque<Silence>,
    withheld: Withheld,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Silence {
    id: String,
    owner: String,
    made: Timestamp,
    of: Silencing,
    ended: Option<Ended>,
    withheld: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ended {
    by: String,
    at: Timestamp,
}

/// Where a silence stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SilenceStatus {
    /// It has not begun.
    Scheduled,
    /// It mutes.
    Active,
    /// It is over.
    Over,
}

/// One silence at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SilenceView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub status: SilenceStatus,
    /// Whose it is.
    pub owner: String,
    /// When it was made.
    pub made: Timestamp,
    /// What it mutes, why and how long.
    pub of: Silencing,
    /// Who ended it before its end.
    pub ended_by: Option<String>,
    /// When they did.
    pub ended_at: Option<Timestamp>,
    /// Messages that it withheld.
    pub withheld: u64,
}

/// What is wrong with a silence that somebody wants at `now`, and what to do about it; `standing` others are not over.
pub fn check_silence(
    owner: &str,
    of: &Silencing,
    standing: usize,
    now: Timestamp,
) -> Result<(), (String, String)> {
    let wrong = |what: String, hint: String| Err((what, hint));
    let days = Span::from_secs(SILENCE_DAYS_MAX * 24 * 3600);
    if of.rule.is_none() && of.target.is_none() && of.severity.is_none() {
        return wrong(
            "a silence of everything".to_owned(),
            "name an alert rule, a target or a severity; for all of it write a [[maintenance]] window"
                .to_owned(),
        );
    }
    if !is_said(owner, ACT_NAME_CHARS) {
        let what = format!("`owner` must have 1 to {ACT_NAME_CHARS} characters that can be seen");
        return wrong(what, "say who answers for the silence".to_owned());
    }
    if !is_said(&of.reason, ACT_TEXT_CHARS) {
        let what = format!("`reason` must have 1 to {ACT_TEXT_CHARS} characters that can be seen");
        return wrong(what, "say why nobody is to be told".to_owned());
    }
    if of.end <= of.start || of.end <= now {
        return wrong("the silence ends before it begins".to_owned(), "give an end in the future".to_owned());
    }
    if of.end.since(of.start) > days || of.start > now + days {
        let what = format!("a silence begins and ends within {SILENCE_DAYS_MAX} days");
        return wrong(what, "make it shorter, and a new one when it is over".to_owned());
    }
    if standing >= SILENCES_STANDING_MAX {
        let what = format!("there are {SILENCES_STANDING_MAX} silences that are not over");
        return wrong(what, "end some of them, or silence a severity or a target as a whole".to_owned());
    }
    Ok(())
}

/// Whether a text says something that can be read: some characters, at most so many, and none that is not seen or that turns
/// others round. A name of such is nobody's, or looks like another one.
pub fn is_said(text: &str, chars: usize) -> bool {
    let unseen = |c: char| {
        (c.is_control() && !matches!(c, '\n' | '\t'))
            || matches!(
                c,
                '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                    | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                    | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
                    | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
            )
    };
    let said = text.trim();
    (1..=chars).contains(&said.chars().count())
        && !said.chars().any(unseen)
        && said.chars().any(|c| !c.is_whitespace())
}

impl Silence {
    fn end(&self) -> Timestamp {
        self.ended.as_ref().map_or(self.of.end, |ended| ended.at.min(self.of.end))
    }

    fn status(&self, now: Timestamp) -> SilenceStatus {
        if now >= self.end() {
            SilenceStatus::Over
        } else if now >= self.of.start {
            SilenceStatus::Active
        } else {
            SilenceStatus::Scheduled
        }
    }

    fn is_of(&self, rule: &str, severity: Severity, target: &TargetKey) -> bool {
        self.of.rule.as_ref().is_none_or(|name| name == rule)
            && self.of.target.as_ref().is_none_or(|key| key == target)
            && self.of.severity.is_none_or(|silenced| silenced == severity)
    }

    fn view(&self, now: Timestamp) -> SilenceView {
        SilenceView {
            id: self.id.clone(),
            status: self.status(now),
            owner: self.owner.clone(),
            made: self.made,
            of: self.of.clone(),
            ended_by: self.ended.as_ref().map(|ended| ended.by.clone()),
            ended_at: self.ended.as_ref().map(|ended| ended.at),
            withheld: self.withheld,
        }
    }
}

impl SilenceBook {
    /// Takes what a person did, and gives the event that tells of it. What has arrived before changes nothing.
    pub(crate) fn take(&mut self, act: &Act, telemetry: &Telemetry) -> Option<Event> {
        self.put_away(act.time);
        let summary = match &act.deed {
            Deed::Silence(of) => {
                if self.standing.iter().chain(&self.over).any(|known| known.id == act.id) {
                    return None;
                }
                if self.standing.len() >= SILENCES_STANDING_MAX {
                    telemetry.limit_hit("watch_silences");
                    return None;
                }
                self.standing.push(Silence {
                    id: act.id.clone(),
                    owner: act.by.clone(),
                    made: act.time,
                    of: of.clone(),
                    ended: None,
                    withheld: 0,
                });
                format!("{} silenced {} until {}: {}", act.by, what(of), of.end, of.reason)
            }
            Deed::EndSilence { silence } => {
                let found = self.standing.iter_mut().find(|known| known.id == *silence)?;
                if found.ended.is_some() {
                    return None;
                }
                found.ended = Some(Ended { by: act.by.clone(), at: act.time });
                format!("{} ended the silence of {}", act.by, what(&found.of))
            }
            Deed::Acknowledge { .. } | Deed::Comment { .. } | Deed::Close { .. } => return None,
        };
        Some(Event {
            time: act.time,
            kind: EventKind::Person,
            target: match &act.deed {
                Deed::Silence(of) => of.target.clone(),
                _ => None,
            },
            id: format!("act:{}", act.id),
            summary,
        })
    }

    /// An event of the journal: a message that was withheld counts.
    pub(crate) fn restore(&mut self, event: &Event) {
        self.withheld.count(event);
        if let Some((_, id)) = read_withheld(event).filter(|(kind, _)| *kind == "silence") {
            let mut all = self.standing.iter_mut().chain(&mut self.over);
            if let Some(silence) = all.find(|silence| silence.id == id) {
                silence.withheld += 1;
            }
        }
    }

    /// What silences a rule's alert of a target; of several the one that ends last.
    pub(super) fn mutes(
        &self,
        rule: &str,
        severity: Severity,
        target: &TargetKey,
        now: Timestamp,
    ) -> Option<MutedView> {
        let active = self.standing.iter().filter(|silence| silence.status(now) == SilenceStatus::Active);
        let silence =
            active.filter(|silence| silence.is_of(rule, severity, target)).max_by_key(|s| s.end())?;
        Some(MutedView {
            by: MutedBy::Silence,
            name: silence.id.clone(),
            owner: Some(silence.owner.clone()),
            reason: Some(silence.of.reason.clone()),
            until: Some(silence.end()),
        })
    }

    /// Those that are not over, the one that ends first leading, then those that are, newest first.
    pub(crate) fn views(&self, now: Timestamp) -> Vec<SilenceView> {
        let all = self.standing.iter().chain(&self.over);
        let mut views: Vec<SilenceView> = all.map(|silence| silence.view(now)).collect();
        views.sort_by_key(|view| {
            let end = view.ended_at.unwrap_or(view.of.end).as_nanos();
            let is_over = view.status == SilenceStatus::Over;
            (is_over, if is_over { end.saturating_neg() } else { end })
        });
        views
    }

    /// Messages that were withheld, by what.
    pub(crate) fn withheld(&self) -> Withheld {
        self.withheld
    }

    /// Those that are over leave for the list of the past, whose oldest leave at its limit.
    fn put_away(&mut self, now: Timestamp) {
        let (over, standing) = std::mem::take(&mut self.standing)
            .into_iter()
            .partition(|s| s.status(now) == SilenceStatus::Over);
        self.standing = standing;
        let over: Vec<Silence> = over;
        self.over.extend(over);
        while self.over.len() > SILENCES_OVER_MAX {
            self.over.pop_front();
        }
    }
}

/// "outage of qwen", "all critical alerts".
fn what(of: &Silencing) -> String {
    let alerts = match (&of.rule, of.severity) {
        (Some(rule), _) => format!("`{rule}`"),
        (None, Some(severity)) => format!("all {} alerts", severity.name()),
        (None, None) => "all alerts".to_owned(),
    };
    match &of.target {
        Some(target) => format!("{alerts} of {}", target.name()),
        None => alerts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn later(hours: i64) -> Timestamp {
        NOW + Span::from_secs(hours * 3600)
    }

    fn of_rule(rule: &str, hours: i64) -> Silencing {
        Silencing {
            rule: Some(rule.to_owned()),
            target: None,
            severity: None,
            reason: "upgrade".to_owned(),
            start: NOW,
            end: later(hours),
        }
    }

    fn act(id: &str, time: Timestamp, deed: Deed) -> Act {
        Act { id: id.to_owned(), time, by: "ana".to_owned(), deed }
    }

    #[test]
    fn a_silence_is_of_what_every_field_matches() {
        let mut book = SilenceBook::default();
        let (qwen, other) = (TargetKey::of_model("o", "qwen"), TargetKey::of_model("o", "gpt"));
        let of = Silencing {
            target: Some(qwen.clone()),
            severity: Some(Severity::Critical),
            ..of_rule("outage", 2)
        };
        let made = book.take(&act("s1", NOW, Deed::Silence(of)), &Telemetry::new()).unwrap();
        assert_eq!(made.summary, "ana silenced `outage` of qwen until 2027-01-15T10:00:00Z: upgrade");
        let muted = |rule: &str, severity, target: &TargetKey, time| book.mutes(rule, severity, target, time);
        let outage = muted("outage", Severity::Critical, &qwen, NOW).unwrap();
        assert_eq!(outage.said(), "silenced by ana until 2027-01-15T10:00:00Z");
        assert!(muted("outage", Severity::Critical, &other, NOW).is_none(), "another target");
        assert!(muted("outage", Severity::Warning, &qwen, NOW).is_none(), "another severity");
        assert!(muted("slow", Severity::Critical, &qwen, NOW).is_none(), "another rule");
        assert!(muted("outage", Severity::Critical, &qwen, later(2)).is_none(), "it is over");
    }

    #[test]
    fn it_ends_early_once_and_what_arrives_twice_changes_nothing() {
        let (mut book, telemetry) = (SilenceBook::default(), Telemetry::new());
        let made = act("s1", NOW, Deed::Silence(of_rule("outage", 8)));
        assert!(book.take(&made, &telemetry).is_some() && book.take(&made, &telemetry).is_none());
        let end = act("e1", later(1), Deed::EndSilence { silence: "s1".to_owned() });
        assert_eq!(book.take(&end, &telemetry).unwrap().summary, "ana ended the silence of `outage`");
        assert!(book.take(&act("e2", later(2), end.deed.clone()), &telemetry).is_none());
        let views = book.views(later(1));
        assert_eq!((views.len(), views[0].status), (1, SilenceStatus::Over));
        assert_eq!((views[0].ended_by.as_deref(), views[0].ended_at), (Some("ana"), Some(later(1))));
    }

    #[test]
    fn the_limits_watch_silences_and_watch_silences_over_hold() {
        let (mut book, telemetry) = (SilenceBook::default(), Telemetry::new());
        for i in 0..=SILENCES_STANDING_MAX {
            book.take(&act(&format!("s{i}"), NOW, Deed::Silence(of_rule("outage", 1))), &telemetry);
        }
        assert_eq!(book.standing.len(), SILENCES_STANDING_MAX);
        assert_eq!(telemetry.value(bifocal_telemetry::Metric::LimitHits, &["watch_silences"]), 1);
        for i in 0..=SILENCES_OVER_MAX {
            let hour = i64::try_from(i).unwrap() + 2;
            let of = Silencing { start: later(hour), end: later(hour + 1), ..of_rule("outage", 1) };
            book.take(&act(&format!("t{i}"), later(hour), Deed::Silence(of)), &telemetry);
        }
        assert_eq!((book.over.len(), book.standing.len()), (SILENCES_OVER_MAX, 1));
    }

    #[test]
    fn what_nobody_should_ask_for_is_refused() {
        let said = |owner: &str, of: Silencing, standing| {
            check_silence(owner, &of, standing, NOW).err().map(|(what, _)| what).unwrap_or_default()
        };
        assert_eq!(said("ana", of_rule("outage", 1), 0), "");
        assert!(said(" ", of_rule("outage", 1), 0).contains("`owner`"));
        for unseen in ["\u{200b}", "\u{2060}\u{feff}", "an\u{202e}a", "\u{3164}", "a\u{0}b"] {
            assert!(said(unseen, of_rule("outage", 1), 0).contains("can be seen"), "{unseen:?}");
        }
        for seen in ["Ana María", "李雷", "o'neil (sre)"] {
            assert_eq!(said(seen, of_rule("outage", 1), 0), "", "{seen:?}");
        }
        assert!(said(&"x".repeat(ACT_NAME_CHARS + 1), of_rule("outage", 1), 0).contains("`owner`"));
        let long = Silencing { reason: "x".repeat(ACT_TEXT_CHARS + 1), ..of_rule("outage", 1) };
        assert!(said("ana", long, 0).contains("`reason`"));
        assert!(said("ana", Silencing { rule: None, ..of_rule("outage", 1) }, 0).contains("everything"));
        assert!(said("ana", of_rule("outage", 0), 0).contains("before it begins"));
        assert!(said("ana", of_rule("outage", 24 * SILENCE_DAYS_MAX + 1), 0).contains("within 30 days"));
        assert!(said("ana", of_rule("outage", 1), SILENCES_STANDING_MAX).contains("not over"));
    }
}
