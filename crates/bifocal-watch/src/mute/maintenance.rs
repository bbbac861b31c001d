//! Maintenance windows of the configuration: once, or every week.

use bifocal_model::{Span, TargetKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::{MutedBy, MutedView};
use crate::Error;
use crate::alert::Hold;
use crate::limits::MAINTENANCE_HOURS_MAX;

const DAY: Span = Span::from_secs(24 * 3600);

/// `[[maintenance]]`: a time in which alerts are shown and not told. Either `from` and `to`, or `at` and `for` with the days
/// of the week on which it begins; all times are UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaintenanceConfig {
    /// Its name, shown with the alerts that it mutes.
    pub name: String,
    /// Targets, by name, id or endpoint; `*` stands for anything. Empty: all.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Alert rules, by name. Empty: all.
    #[serde(default)]
    pub rules: Vec<String>,
    /// Once: from this time on, RFC 3339 in quotes.
    pub from: Option<Timestamp>,
    /// Once: until this time.
    pub to: Option<Timestamp>,
    /// Every week: the days on which it begins. Empty: every day.
    #[serde(default)]
    pub days: Vec<Day>,
    /// Every week: when it begins, `HH:MM`.
    pub at: Option<String>,
    /// Every week: how long it takes, such as `2h`.
    #[serde(rename = "for")]
    pub hold: Option<Hold>,
}

/// A day of the week, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Day {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Day {
    /// Of the day that a time lies in. The first day of the epoch was a Thursday.
    fn of(time: Timestamp) -> Self {
        const FROM_THURSDAY: [Day; 7] =
            [Day::Thu, Day::Fri, Day::Sat, Day::Sun, Day::Mon, Day::Tue, Day::Wed];
        let days = time.as_nanos().div_euclid(DAY.as_nanos()).rem_euclid(7);
        usize::try_from(days).ok().and_then(|day| FROM_THURSDAY.get(day).copied()).unwrap_or(Day::Thu)
    }
}

/// A window that was checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MaintenanceWindow {
    name: String,
    targets: Vec<String>,
    rules: Vec<String>,
    when: When,
}

#[derive(Clone, Debug, PartialEq)]
enum When {
    Once { from: Timestamp, to: Timestamp },
    Weekly { days: Vec<Day>, at: Span, length: Span },
}

impl MaintenanceWindow {
    /// Checks a window against the names of all rules.
    pub(crate) fn of(config: &MaintenanceConfig, rules: &[&str]) -> Result<Self, Error> {
        let wrong = |what: String| Error::Maintenance { name: config.name.clone(), what };
        if let Some(unknown) = config.rules.iter().find(|name| !rules.contains(&name.as_str())) {
            return Err(wrong(format!("there is no alert rule `{unknown}`")));
        }
        let when = match (config.from, config.to, &config.at, config.hold) {
            (Some(from), Some(to), None, None) if config.days.is_empty() => {
                if from >= to {
                    return Err(wrong("`from` is not before `to`".to_owned()));
                }
                When::Once { from, to }
            }
            (None, None, Some(at), Some(hold)) => {
                let Some(at) = time_of_day(at) else {
                    return Err(wrong(format!("`at` is `{at}`, no time of day such as 02:00")));
                };
                let longest = Span::from_secs(i64::from(MAINTENANCE_HOURS_MAX) * 3600);
                if hold.as_secs() == 0 || hold.span() > longest {
                    let what = format!("`for` is {hold}; it must be between 1s and {MAINTENANCE_HOURS_MAX}h");
                    return Err(wrong(what));
                }
                When::Weekly { days: config.days.clone(), at, length: hold.span() }
            }
            _ => {
                let what =
                    "write `from` and `to` for one time, or `at` and `for` (with `days`, or every day)";
                return Err(wrong(what.to_owned()));
            }
        };
        let (name, targets, rules) = (config.name.clone(), config.targets.clone(), config.rules.clone());
        Ok(Self { name, targets, rules, when })
    }

    /// What it says of a rule's alert of a target at a moment.
    pub(super) fn mutes(&self, rule: &str, target: &TargetKey, now: Timestamp) -> Option<MutedView> {
        let until = self.ends_after(now)?;
        let of_rule = self.rules.is_empty() || self.rules.iter().any(|name| name == rule);
        let of_target = || {
            let id = target.id().to_string();
            let names = [target.name(), id.as_str(), target.endpoint.as_str()];
            self.targets.iter().any(|pattern| names.iter().any(|name| is_like(pattern, name)))
        };
        (of_rule && (self.targets.is_empty() || of_target())).then(|| MutedView {
            by: MutedBy::Maintenance,
            name: self.name.clone(),
            owner: None,
            reason: None,
            until: Some(until),
        })
    }

    /// When it ends, if it has begun and is not over.
    fn ends_after(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.when {
            When::Once { from, to } => (*from <= now && now < *to).then_some(*to),
            When::Weekly { days, at, length } => {
                let today = now.floor_to(DAY);
                let back = i64::from(MAINTENANCE_HOURS_MAX / 24);
                let begins = (0..=back).map(|day| today - Span::from_secs(day * 24 * 3600) + *at);
                let mut ends = begins
                    .filter(|begin| *begin <= now && (days.is_empty() || days.contains(&Day::of(*begin))))
                    .map(|begin| begin + *length)
                    .filter(|end| now < *end);
                ends.next()
            }
        }
    }
}

/// `HH:MM` after midnight.
fn time_of_day(text: &str) -> Option<Span> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |digits: &str, below: i64| {
        let is_two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: i64 = is_two.then(|| digits.parse().ok()).flatten()?;
        (0..below).contains(&number).then_some(number)
    };
    Some(Span::from_mins(two(hours, 24)? * 60 + two(minutes, 60)?))
}

/// Whether a name is like a pattern in which `*` stands for anything.
fn is_like(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(text: &str) -> Result<MaintenanceWindow, String> {
        let config: MaintenanceConfig = serde_json::from_str(text).map_err(|err| err.to_string())?;
        MaintenanceWindow::of(&config, &["outage", "slow"]).map_err(|err| err.to_string())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_weekly_window_begins_on_its_days_and_crosses_midnight() {
        let sunday = window(r#"{"name": "w", "days": ["sun"], "at": "23:00", "for": "2h"}"#).unwrap();
        for (time, ends) in [
            ("2026-11-29T22:59:59Z", None),
            ("2026-11-29T23:00:00Z", Some("2026-11-30T01:00:00Z")),
            ("2026-11-30T00:59:59Z", Some("2026-11-30T01:00:00Z")),
            ("2026-11-30T01:00:00Z", None),
            ("2026-11-30T23:30:00Z", None),
        ] {
            assert_eq!(sunday.ends_after(at(time)), ends.map(at), "{time}");
        }
        let daily = window(r#"{"name": "w", "at": "02:00", "for": "30m"}"#).unwrap();
        assert!(daily.ends_after(at("2026-11-25T02:29:00Z")).is_some(), "every day");
        let longest = window(r#"{"name": "w", "days": ["mon"], "at": "00:00", "for": "168h"}"#).unwrap();
        assert!(
            longest.ends_after(at("2026-11-29T23:59:59Z")).is_some(),
            "a whole week is the most: maintenance_hours"
        );
    }

    #[test]
    fn it_mutes_its_rules_and_targets() {
        let text = r#"{"name": "upgrade", "targets": ["qw*"], "rules": ["outage"],
                       "from": "2026-11-29T02:00:00Z", "to": "2026-11-29T04:00:00Z"}"#;
        let (once, inside) = (window(text).unwrap(), at("2026-11-29T03:00:00Z"));
        let (qwen, other) = (TargetKey::of_model("o", "qwen"), TargetKey::of_model("o", "gpt"));
        let muted = once.mutes("outage", &qwen, inside).unwrap();
        assert_eq!(muted.said(), "maintenance `upgrade` until 2026-11-29T04:00:00Z");
        assert!(
            once.mutes("slow", &qwen, inside).is_none() && once.mutes("outage", &other, inside).is_none()
        );
        assert!(once.mutes("outage", &qwen, at("2026-11-29T04:00:00Z")).is_none());
        let everything = window(r#"{"name": "w", "at": "02:00", "for": "2h"}"#).unwrap();
        assert!(everything.mutes("slow", &other, inside).is_some());
    }

    #[test]
    fn mistakes_are_told() {
        let too_long = format!(r#"{{"name": "w", "at": "02:00", "for": "{}h"}}"#, MAINTENANCE_HOURS_MAX + 1);
        for (text, said) in [
            (r#"{"name": "w"}"#, "write `from` and `to`"),
            (r#"{"name": "w", "at": "02:00"}"#, "write `from` and `to`"),
            (r#"{"name": "w", "at": "2:00", "for": "1h"}"#, "no time of day"),
            (r#"{"name": "w", "at": "24:00", "for": "1h"}"#, "no time of day"),
            (r#"{"name": "w", "at": "+1:00", "for": "1h"}"#, "no time of day"),
            (r#"{"name": "w", "at": "01:+5", "for": "1h"}"#, "no time of day"),
            (&too_long, "between 1s and 168h"),
            (r#"{"name": "w", "at": "02:00", "for": "0s"}"#, "between 1s and 168h"),
            (r#"{"name": "w", "rules": ["x"], "at": "02:00", "for": "1h"}"#, "no alert rule `x`"),
            (r#"{"name": "w", "days": ["sunday"], "at": "02:00", "for": "1h"}"#, "sunday"),
            (r#"{"name": "w", "from": "2026-11-29T04:00:00Z", "to": "2026-11-29T02:00:00Z"}"#, "not before"),
        ] {
            let refused = window(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, name, is) in [
            ("qwen", "qwen", true),
            ("qwen", "qwen2", false),
            ("*", "", true),
            ("qw*", "qwen", true),
            ("*en", "qwen", true),
            ("q*e*n", "qwen", true),
            ("q*x*n", "qwen", false),
            ("qwen*qwen", "qwen", false),
        ] {
            assert_eq!(is_like(pattern, name), is, "{pattern} {name}");
        }
    }
}
