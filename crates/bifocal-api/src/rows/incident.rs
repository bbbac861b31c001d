//! Incidents.

use bifocal_model::{AlignedEvent, Cause, CheckOutcome, Difference, Incident, Said, Slice, Timestamp};
use serde::Serialize;

/// One incident.
#[derive(Clone, Debug, Serialize)]
pub struct IncidentRow {
    /// The same from its beginning to its end.
    pub id: String,
    /// Target id.
    pub target: String,
    /// The target's name.
    pub target_name: String,
    /// Of which dimension.
    pub dimension: String,
    /// When the alarm was raised.
    pub opened: Timestamp,
    /// When it ended.
    pub closed: Option<Timestamp>,
    /// The change began after this.
    pub onset_from: Timestamp,
    /// The change began before this.
    pub onset_to: Timestamp,
    /// Evidence at the alarm, no e-value.
    pub evidence: f64,
    /// The threshold that it reached.
    pub threshold: f64,
    /// The baseline's mean.
    pub baseline: f64,
    /// `pending`, `system`, `judge`, `mix`, `data_path`, `undecided`.
    pub cause: Cause,
    /// Why this cause, or what is missing.
    pub why: String,
    /// How much lower the scores are, measured after the alarm: positive is a fall.
    pub effect: Option<Difference>,
    /// What was looked at, in order.
    pub checks: Vec<CheckRow>,
    /// Of those, what was ruled out, each with its bound.
    pub ruled_out: Vec<String>,
    /// Slices that fell more than the rest.
    pub slices: Vec<Slice>,
    /// Events of the onset range: aligned with it, never its cause.
    pub aligned: Vec<AlignedEvent>,
    /// Ids of some of the worst answers after the alarm.
    pub examples: Vec<String>,
    /// One sentence.
    pub sentence: String,
    /// Who looks after it.
    pub acknowledged: Option<Said>,
    /// What was said of it, oldest first.
    pub comments: Vec<Said>,
    /// Who closed it and what came of it; `null` when it is open or ended by itself.
    pub closed_by: Option<Said>,
}

/// One possible cause that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct CheckRow {
    /// Which.
    pub of: Cause,
    /// `explains`, `ruled_out`, `unclear`, `not_checkable`.
    pub outcome: CheckOutcome,
    /// How much of the fall it makes.
    pub part: Option<Difference>,
    /// One line.
    pub line: String,
}

impl From<&Incident> for IncidentRow {
    fn from(incident: &Incident) -> Self {
        let attribution = &incident.attribution;
        let checks = attribution.checks.iter();
        let ruled_out = checks.clone().filter(|check| check.outcome == CheckOutcome::RuledOut);
        Self {
            id: incident.id.clone(),
            target: incident.target.id().to_string(),
            target_name: incident.target.name().to_owned(),
            dimension: incident.dimension.to_string(),
            opened: incident.opened,
            closed: incident.closed,
            onset_from: incident.onset_from,
            onset_to: incident.onset_to,
            evidence: incident.evidence,
            threshold: incident.threshold,
            baseline: incident.baseline,
            cause: attribution.cause,
            why: attribution.why.clone(),
            effect: attribution.effect,
            ruled_out: ruled_out.map(|check| check.line.clone()).collect(),
            checks: checks
                .map(|check| CheckRow {
                    of: check.of,
                    outcome: check.outcome,
                    part: check.part,
                    line: check.line.clone(),
                })
                .collect(),
            slices: attribution.slices.clone(),
            aligned: incident.aligned.clone(),
            examples: incident.examples.iter().map(ToString::to_string).collect(),
            sentence: incident.sentence.clone(),
            acknowledged: incident.handling.acknowledged.clone(),
            comments: incident.handling.comments.clone(),
            closed_by: incident.handling.closed.clone(),
        }
    }
}
