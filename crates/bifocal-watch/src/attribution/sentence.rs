//! The sentence of an incident.

use bifocal_model::{Cause, CheckOutcome, Difference, EventKind, Incident, Slice, Timestamp};

/// "relevance of qwen2.5-7b is lower by 0.05 to 0.11 (measured on 200 judged after the alarm); began between 13:51 and
/// 14:12 UTC; deployment d-123 lies in that span; judge drift above 0.01 ruled out; German prompts explain 80 to 100%."
pub(super) fn incident(incident: &Incident) -> String {
    let dimension = incident.dimension.as_str().replace('_', " ");
    let name = incident.target.name();
    let size = incident.attribution.effect.as_ref().map(size);
    let head = match (incident.attribution.cause, size) {
        (Cause::Judge, size) => format!(
            "{dimension} of {name} reads lower{} because {}",
            size.map(|size| format!(" by {size}")).unwrap_or_default(),
            incident.attribution.why
        ),
        (Cause::Mix, Some(size)) => {
            format!("{dimension} of {name} is lower by {size} because {}", incident.attribution.why)
        }
        (_, Some(size)) => format!("{dimension} of {name} is lower by {size}"),
        (_, None) => format!("{dimension} of {name} is lower (its size is not measured yet)"),
    };
    let mut parts = vec![head];
    parts.extend(what_else(incident));
    format!("{}.", parts.join("; "))
}

/// What is known besides the size: the onset, what is aligned with it, what was ruled out, which slices explain it.
fn what_else(incident: &Incident) -> Vec<String> {
    let mut parts = vec![began(incident.onset_from, incident.onset_to)];
    parts.extend(aligned(incident));
    let attribution = &incident.attribution;
    match attribution.cause {
        Cause::Judge | Cause::Mix => {
            parts.push("the model is not blamed and its baseline starts anew".to_owned())
        }
        Cause::DataPath => parts.push(attribution.why.clone()),
        Cause::Undecided => parts.push(format!("cause undecided: {}", attribution.why)),
        Cause::Pending | Cause::System => {}
    }
    let judge = attribution.checks.iter().find(|check| check.of == Cause::Judge);
    let cleared = judge.filter(|check| check.outcome == CheckOutcome::RuledOut);
    if let (Some(check), Cause::System | Cause::DataPath | Cause::Pending) = (cleared, attribution.cause) {
        parts.push(check.line.clone());
    }
    if !attribution.cause.clears_the_model() {
        parts.extend(attribution.slices.first().map(slice));
    }
    parts
}

/// "began between 13:51 and 14:12 UTC"; within one minute, "began at 13:51 UTC".
pub(crate) fn began(from: Timestamp, to: Timestamp) -> String {
    let (from, to) = (clock(from), clock(to));
    if from == to { format!("began at {from} UTC") } else { format!("began between {from} and {to} UTC") }
}

fn size(effect: &Difference) -> String {
    let (small, large) = (effect.lower.max(0.0), effect.upper.max(0.0));
    format!("{small:.2} to {large:.2} (measured on {} judged after the alarm)", effect.n_after)
}

fn aligned(incident: &Incident) -> Option<String> {
    let first = incident.aligned.first()?;
    let kind = match first.kind {
        EventKind::Deployment => "deployment",
        EventKind::Scaling => "scaling",
        EventKind::LabelChange => return Some(with_more(&first.summary, incident.aligned.len())),
        EventKind::Judge => return Some(with_more("a move of the judge", incident.aligned.len())),
        _ => "a change of configuration",
    };
    Some(with_more(&format!("{kind} {}", first.id), incident.aligned.len()))
}

fn with_more(what: &str, events: usize) -> String {
    match events {
        1 => format!("{what} lies in that span"),
        n => format!("{what} and {} more lie in that span", n - 1),
    }
}

fn slice(slice: &Slice) -> String {
    let facets: Vec<String> = bifocal_model::stratum::facets(&slice.name).map(facet).collect();
    format!(
        "{} explain {:.0} to {:.0}%",
        facets.join(", "),
        100.0 * slice.share_lower,
        100.0 * slice.share_upper
    )
}

fn facet((key, value): (&str, &str)) -> String {
    let language = match value {
        "de" => "German",
        "en" => "English",
        "fr" => "French",
        "es" => "Spanish",
        "it" => "Italian",
        "pt" => "Portuguese",
        "nl" => "Dutch",
        other => other,
    };
    match key {
        "language" => format!("{language} prompts"),
        "length" => format!("{value} prompts"),
        "stratum" => format!("{value} questions"),
        _ => format!("answers with {key} {value}"),
    }
}

fn clock(time: Timestamp) -> String {
    time.to_string().get(11..16).unwrap_or_default().to_owned()
}
