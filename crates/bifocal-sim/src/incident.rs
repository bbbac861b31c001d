//! What can go wrong on purpose, where, from when to when.
//!
//! Invariant: a condition at a time depends only on what was started and stopped before that time, so a later
//! switch never changes the past.

use std::fmt;
use std::str::FromStr;

use bifocal_model::Timestamp;

use crate::SimError;
use crate::limits::INCIDENTS;

/// A kind of incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Incident {
    /// Most answers are of the worse variant; latencies, errors and load are as before.
    SilentDegradation,
    /// More is asked than can be served: a queue grows and the first token comes late; answers are as before.
    Overload,
    /// Most requests are refused with status 503.
    Outage,
    /// The requests all but stop while the accelerators stay allocated.
    CostWaste,
    /// The server names another revision of the model; the answers are those of the old one.
    HarmlessDeployment,
    /// The model behind the judge's name becomes stricter; what is asked and answered stays. There is one judge for all
    /// components.
    JudgeSwap,
    /// Three of four questions come in German, which this fleet answers less well than English at all times.
    MixShift,
}

/// One incident on one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// What.
    pub incident: Incident,
    /// Where: a component's name.
    pub component: String,
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it; `None` while it lasts.
    pub until: Option<Timestamp>,
}

/// All incidents of a run so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incidents {
    occurrences: Vec<Occurrence>,
}

/// How fast a queue grows to its full length when an overload starts: the time constant in seconds.
const OVERLOAD_GROWS_SECS: f64 = 15.0;
/// How fast the queue is worked off when it ends.
const OVERLOAD_DRAINS_SECS: f64 = 20.0;
/// Below this share of its full length the queue counts as gone.
const OVERLOAD_GONE: f64 = 0.02;

impl Incident {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SilentDegradation,
        Self::Overload,
        Self::Outage,
        Self::CostWaste,
        Self::HarmlessDeployment,
        Self::JudgeSwap,
        Self::MixShift,
    ];

    /// The name in flags, buttons and the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SilentDegradation => "silent-degradation",
            Self::Overload => "overload",
            Self::Outage => "outage",
            Self::CostWaste => "cost-waste",
            Self::HarmlessDeployment => "harmless-deployment",
            Self::JudgeSwap => "judge-swap",
            Self::MixShift => "mix-shift",
        }
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Incident {
    type Err = SimError;

    fn from_str(name: &str) -> Result<Self, SimError> {
        let found = Self::ALL.into_iter().find(|incident| incident.name() == name);
        found.ok_or_else(|| SimError::UnknownIncident { name: name.chars().take(40).collect() })
    }
}

impl Incidents {
    /// None.
    pub fn none() -> Self {
        Self::default()
    }

    /// One incident that lasts to the end.
    pub fn one(incident: Incident, component: &str, from: Timestamp) -> Self {
        let mut incidents = Self::none();
        incidents.start(incident, component, from);
        incidents
    }

    /// Starts an incident; gives whether it started. One that is already active goes on, and past the limit of
    /// occurrences nothing starts.
    pub fn start(&mut self, incident: Incident, component: &str, from: Timestamp) -> bool {
        let full = self.occurrences.len() >= INCIDENTS;
        if full
            || self.active(from).any(|active| active.incident == incident && active.component == component)
        {
            return false;
        }
        self.occurrences.push(Occurrence { incident, component: component.to_owned(), from, until: None });
        true
    }

    /// Ends every incident that is active.
    pub fn stop_all(&mut self, at: Timestamp) {
        for occurrence in &mut self.occurrences {
            if occurrence.until.is_none() {
                occurrence.until = Some(at.max(occurrence.from));
            }
        }
    }

    /// Everything so far, in the order of its start.
    pub fn all(&self) -> &[Occurrence] {
        &self.occurrences
    }

    /// What is active at a time.
    pub fn active(&self, at: Timestamp) -> impl Iterator<Item = &Occurrence> {
        self.occurrences.iter().filter(move |occurrence| occurrence.is_active(at))
    }

    /// Whether an incident is active on a component.
    pub(crate) fn is_active(&self, incident: Incident, component: &str, at: Timestamp) -> bool {
        self.active(at).any(|active| active.incident == incident && active.component == component)
    }

    /// Whether the judge is another one than usual: there is one for all components.
    pub fn judge_is_swapped(&self, at: Timestamp) -> bool {
        self.active(at).any(|active| active.incident == Incident::JudgeSwap)
    }

    /// How long the queue of a component is, as a share of its full length in an overload.
    pub(crate) fn queue_level(&self, component: &str, at: Timestamp) -> f64 {
        let overloads = self.occurrences.iter().filter(|occurrence| {
            occurrence.incident == Incident::Overload && occurrence.component == component
        });
        let level = overloads.map(|overload| overload.queue_level(at)).fold(0.0, f64::max);
        if level < OVERLOAD_GONE { 0.0 } else { level }
    }
}

impl Occurrence {
    /// Whether it is active at a time.
    pub fn is_active(&self, at: Timestamp) -> bool {
        self.from <= at && self.until.is_none_or(|until| at < until)
    }

    /// The integral of the queue's level up to a time, in seconds; 0 where the incident is no overload.
    pub(crate) fn queue_integral(&self, at: Timestamp) -> f64 {
        if self.incident != Incident::Overload {
            return 0.0;
        }
        let grown = self.until.map_or(at, |until| until.min(at)).since(self.from).as_secs_f64();
        let drained = self.until.map_or(0.0, |until| at.since(until).as_secs_f64());
        let fill = 1.0 - (-grown / OVERLOAD_GROWS_SECS).exp();
        let while_growing = grown - OVERLOAD_GROWS_SECS * fill;
        while_growing + fill * OVERLOAD_DRAINS_SECS * (1.0 - (-drained / OVERLOAD_DRAINS_SECS).exp())
    }

    fn queue_level(&self, at: Timestamp) -> f64 {
        let grown = self.until.map_or(at, |until| until.min(at)).since(self.from).as_secs_f64();
        let drained = self.until.map_or(0.0, |until| at.since(until).as_secs_f64());
        (1.0 - (-grown / OVERLOAD_GROWS_SECS).exp()) * (-drained / OVERLOAD_DRAINS_SECS).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn names_read_back() {
        for incident in Incident::ALL {
            assert_eq!(incident.name().parse::<Incident>().unwrap(), incident);
        }
        assert!("meltdown".parse::<Incident>().is_err());
    }

    #[test]
    fn a_queue_grows_and_drains() {
        let mut incidents = Incidents::one(Incident::Overload, "a", at(100));
        assert_eq!(incidents.queue_level("a", at(100)), 0.0);
        assert!(incidents.queue_level("a", at(200)) > 0.99);
        assert_eq!(incidents.queue_level("b", at(200)), 0.0);
        incidents.stop_all(at(300));
        assert!(incidents.queue_level("a", at(320)) < 0.5);
        assert_eq!(incidents.queue_level("a", at(500)), 0.0);
    }

    #[test]
    fn the_same_incident_starts_once_and_the_limit_holds() {
        let mut incidents = Incidents::none();
        assert!(incidents.start(Incident::Outage, "a", at(1)));
        assert!(!incidents.start(Incident::Outage, "a", at(2)));
        for round in 1..INCIDENTS {
            let time = at(10 * i64::try_from(round).unwrap());
            incidents.stop_all(time);
            assert!(incidents.start(Incident::Outage, "a", time));
        }
        incidents.stop_all(at(1_000_000));
        assert!(!incidents.start(Incident::Outage, "a", at(1_000_001)));
        assert_eq!(incidents.all().len(), INCIDENTS);
    }
}
