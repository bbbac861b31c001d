//! The end of an alert in words: what was, from when to when, and the last that was said of it. Whoever reads it may have missed
//! the beginning, and must not take for the present what is over.

use bifocal_model::{Span, StateName, Timestamp};

use super::Entry;
use crate::alert::Rule;
use crate::snapshot::TargetView;

/// What an alert of this rule says afterwards: `answers of qwen were worse`.
pub(super) fn was(rule: &Rule, view: &TargetView) -> String {
    let name = &view.name;
    if rule.is_about_harm() {
        return format!("answers of {name} were judged clearly harmful");
    }
    if rule.watches_judges() {
        return format!("the judge of {name} scored its anchors otherwise than before");
    }
    if rule.watches_drift() {
        return format!("what {name} was asked or answered had drifted");
    }
    if rule.budgeted {
        return format!("answers of {name} were worse");
    }
    let words = match view.state {
        StateName::Outage => "was failing",
        StateName::Overloaded => "was overloaded",
        StateName::ServiceDegraded => "was slow",
        StateName::Wasteful => "wasted its hardware",
        _ => "",
    };
    if rule.is_about_state() && !words.is_empty() {
        return format!("{name} {words}");
    }
    format!("`{}` held for {name}", rule.config.name)
}

/// What is said of an alert that is over. It was over when its condition ended, a minute before that was sure.
pub(super) fn over(entry: &Entry, now: Timestamp) -> String {
    let until = entry.standing.clear_since.unwrap_or(now);
    format!("{} {}{}", began(entry), from_to(entry.standing.since, until), last_word(entry))
}

/// The same where nobody looks at the rule any more.
pub(super) fn given_up(entry: &Entry, now: Timestamp) -> String {
    let (rule, span) = (&entry.rule, from_to(entry.standing.since, now));
    format!("the rule `{rule}` is not configured any more; {} {span}{}", began(entry), last_word(entry))
}

fn began(entry: &Entry) -> String {
    match entry.was.as_str() {
        "" => format!("`{}` held for {}", entry.rule, entry.target.name()),
        was => was.to_owned(),
    }
}

fn last_word(entry: &Entry) -> String {
    match entry.summary.as_str() {
        "" => ".".to_owned(),
        summary => format!(". The last word while it lasted: {summary}"),
    }
}

/// "from 13:51 to 14:12 UTC (21 min)"; with the days where they are two.
fn from_to(from: Timestamp, to: Timestamp) -> String {
    let (start, end) = (from.to_string(), to.to_string());
    let part = |text: &str, range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
    let days = (part(&start, 0..10), part(&end, 0..10));
    let (from_clock, to_clock) = (part(&start, 11..16), part(&end, 11..16));
    let lasted = lasted(to.since(from));
    if days.0 == days.1 {
        format!("from {from_clock} to {to_clock} UTC ({lasted})")
    } else {
        format!("from {} {from_clock} to {} {to_clock} UTC ({lasted})", days.0, days.1)
    }
}

/// "40 s", "21 min", "3 h 5 min", "2 d 4 h".
fn lasted(span: Span) -> String {
    let secs = span.as_nanos() / 1_000_000_000;
    let two = |large: i64, large_unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{large} {large_unit}"),
        _ => format!("{large} {large_unit} {small} {small_unit}"),
    };
    match secs {
        ..90 => format!("{} s", secs.max(0)),
        90..5_400 => format!("{} min", (secs + 30) / 60),
        5_400..172_800 => two(secs / 3_600, "h", secs % 3_600 / 60, "min"),
        _ => two(secs / 86_400, "d", secs % 86_400 / 3_600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::TargetKey;

    use super::*;
    use crate::alert::{Standing, Status};

    #[test]
    fn an_end_says_what_was_from_when_to_when() {
        let start = Timestamp::from_secs(1_800_000_000);
        let standing = |secs| Standing {
            status: Status::Firing,
            since: start,
            clear_since: Some(start + Span::from_secs(secs)),
        };
        let mut entry = Entry::new("slow", &TargetKey::of_model("local", "qwen"), standing(1_260));
        assert_eq!(over(&entry, start), "`slow` held for qwen from 08:00 to 08:21 UTC (21 min).");
        entry.was = "answers of qwen were worse".into();
        entry.summary = "relevance is lower by 0.05 to 0.11.".into();
        let last = "The last word while it lasted: relevance is lower by 0.05 to 0.11.";
        let said = over(&entry, start);
        assert_eq!(said, format!("answers of qwen were worse from 08:00 to 08:21 UTC (21 min). {last}"));
        entry.standing = standing(100_000);
        let said = over(&entry, start);
        assert!(said.contains("from 2027-01-15 08:00 to 2027-01-16 11:46 UTC (27 h 46 min)"), "{said}");
        let said = given_up(&entry, start + Span::from_secs(40));
        assert_eq!(
            said,
            format!(
                "the rule `slow` is not configured any more; answers of qwen were worse from 08:00 to 08:00 UTC (40 s). {last}"
            )
        );
    }

    #[test]
    fn spans_are_told_in_two_units_at_most() {
        for (secs, said) in
            [(40, "40 s"), (1_260, "21 min"), (11_100, "3 h 5 min"), (7_200, "2 h"), (187_200, "2 d 4 h")]
        {
            assert_eq!(lasted(Span::from_secs(secs)), said);
        }
    }
}
