//! The sentence that a tired person can act on.

use bifocal_model::{Answers, Estimate, StateName};

use crate::attribution::began;
use crate::snapshot::{AlarmView, TargetView};

/// One sentence about the whole fleet.
pub(crate) fn fleet(targets: &[TargetView]) -> String {
    if targets.is_empty() {
        return "Nothing has been seen yet: send a request through the proxy.".to_owned();
    }
    let mut need: Vec<&TargetView> = targets.iter().filter(|target| is_trouble(target.state)).collect();
    need.sort_by_key(|target| StateName::ALL.iter().position(|state| *state == target.state));
    let Some(first) = need.first() else {
        let unknown = targets.iter().filter(|target| target.state == StateName::Unknown).count();
        let learning = targets.iter().filter(|t| matches!(t.answers, Answers::Learning { .. })).count();
        let count = match targets.len() {
            1 => "The one target is".to_owned(),
            2 if unknown == 0 => "Both targets are".to_owned(),
            n if unknown == 0 => format!("All {n} targets are"),
            n => format!("{} of {n} targets are", n - unknown),
        };
        if let (true, Some(little)) =
            (unknown == targets.len(), targets.iter().find(|t| !t.reasons.is_empty()))
        {
            return target(little);
        }
        if unknown == targets.len() {
            return "Nothing is known of any target now: no request and no reading lately.".to_owned();
        }
        let learning = match learning {
            0 => String::new(),
            n => format!(" {n} still learn what good answers are."),
        };
        return format!("{count} healthy.{learning}");
    };
    let noun = if targets.len() == 1 { "target" } else { "targets" };
    let verb = if need.len() == 1 { "needs" } else { "need" };
    format!("{} of {} {noun} {verb} you. First: {}", need.len(), targets.len(), target(first))
}

/// One sentence about one target.
pub(crate) fn target(view: &TargetView) -> String {
    let name = &view.name;
    let why = view.reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
    match view.state {
        StateName::SilentDegradation if measured(view).is_some() => {
            format!("{} Its service is fine.", measured(view).unwrap_or_default())
        }
        StateName::SilentDegradation => match view.worst_alarm() {
            Some((dimension, alarm)) => {
                format!("{name}: {} Its service is fine.", degradation(dimension, alarm))
            }
            None => format!("{name} answers worse; its service is fine."),
        },
        StateName::Outage => format!("{name} is failing{why}."),
        StateName::Overloaded => format!("{name} is overloaded{why}."),
        StateName::ServiceDegraded => format!("{name} is slow{why}."),
        StateName::Wasteful => format!("{name} answers well and wastes its hardware{why}."),
        StateName::Unknown if !view.reasons.is_empty() => format!("Too little is known of {name} yet{why}."),
        StateName::Unknown => format!("Nothing is known of {name} now: no request and no reading lately."),
        StateName::Healthy => match view.answers {
            Answers::Learning { n, of } => {
                format!(
                    "{name}: service within objectives; learning what good answers are ({n} of {of} judged)."
                )
            }
            Answers::Unknown => format!("{name}: service within objectives; no answer is judged."),
            _ => format!("{name} is healthy: service within objectives, answers as good as the baseline."),
        },
    }
}

/// The sentence of the incident, once its size is measured.
fn measured(view: &TargetView) -> Option<&str> {
    let incident = view.incident()?;
    incident.attribution.effect.map(|_| incident.sentence.as_str())
}

/// Judged after an alarm before its size is told: the first look of an incident.
const SIZE_JUDGED: u64 = 50;

/// "relevance is lower by 0.05 to 0.11 (measured on 160 judged after the alarm); began between 13:51 and 14:12."
fn degradation(dimension: &str, alarm: &AlarmView) -> String {
    // As for an incident: a handful says nothing of the size, and looking again and again would find what it looks for.
    let size = alarm.size.as_ref().filter(|size| size.n_judged >= SIZE_JUDGED);
    let size = match size {
        Some(size) => format!(
            "lower by {} (measured on {} judged after the alarm)",
            drop_range(alarm.baseline_mean, size),
            size.n_judged
        ),
        None => "lower (its size is not measured yet)".to_owned(),
    };
    let dimension = dimension.replace('_', " ");
    format!("{dimension} is {size}; {}.", began(alarm.onset_from, alarm.onset_to))
}

fn drop_range(baseline: f64, after: &Estimate) -> String {
    let small = (baseline - after.upper).max(0.0);
    let large = (baseline - after.lower).max(small);
    format!("{small:.2} to {large:.2}")
}

fn is_trouble(state: StateName) -> bool {
    !matches!(state, StateName::Healthy | StateName::Unknown)
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Method, Timestamp, Window};

    use super::*;

    #[test]
    fn a_size_is_told_from_the_first_look_on() {
        let at = Timestamp::from_secs(0);
        let alarm = |n_judged| AlarmView {
            time: at,
            index: 600,
            onset_from: at,
            onset_to: at,
            baseline_mean: 0.8,
            evidence: 1e6,
            size: Some(Estimate {
                value: 0.7,
                lower: 0.65,
                upper: 0.75,
                n_judged,
                n_total: 100.0,
                method: Method::StudentT,
                window: Window { start: at, end: at },
            }),
        };
        assert!(
            degradation("relevance", &alarm(49))
                .starts_with("relevance is lower (its size is not measured yet)")
        );
        assert!(
            degradation("relevance", &alarm(50))
                .starts_with("relevance is lower by 0.05 to 0.15 (measured on 50")
        );
    }
}
