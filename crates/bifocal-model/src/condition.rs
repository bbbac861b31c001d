//! The joined state: three axes and one name.

use serde::{Deserialize, Serialize};

/// How the service is: availability and latency objectives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Within objectives.
    Ok,
    /// A latency objective is missed.
    Slow,
    /// Availability below its objective, or the upstream unreachable while requests arrive.
    Failing,
    /// Nothing to tell it from.
    Unknown,
}

/// How the answers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Answers {
    /// As good as the baseline.
    Ok,
    /// A confirmed detector fired and has not recovered.
    Worse,
    /// The baseline is not complete yet.
    Learning {
        /// Judged so far.
        n: u64,
        /// Judged wanted.
        of: u64,
    },
    /// Nothing judged.
    Unknown,
}

/// How well the hardware is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Efficiency {
    /// In use, or cost per good answer within its band.
    Ok,
    /// Idle accelerators, or cost per good answer out of its band.
    Wasteful,
    /// Nothing to tell it from.
    Unknown,
}

/// All three axes, and whether a slow service is saturated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// The quantity lens.
    pub service: Service,
    /// The quality lens.
    pub answers: Answers,
    /// The money.
    pub efficiency: Efficiency,
    /// Queue, KV-cache, preemption or throttling at their limits.
    pub saturated: bool,
}

/// The name of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateName {
    /// Service failing.
    Outage,
    /// Nothing is known.
    Unknown,
    /// Slow because of saturation.
    Overloaded,
    /// Slow otherwise.
    ServiceDegraded,
    /// Service fine, answers worse.
    SilentDegradation,
    /// Fine, but the hardware idles or answers cost too much.
    Wasteful,
    /// None of these.
    Healthy,
}

impl Condition {
    /// Nothing is known yet.
    pub const UNKNOWN: Self = Self {
        service: Service::Unknown,
        answers: Answers::Unknown,
        efficiency: Efficiency::Unknown,
        saturated: false,
    };

    /// The name that the three axes have together: the first that matches.
    pub fn name(&self) -> StateName {
        let wasteful = self.efficiency == Efficiency::Wasteful;
        match (self.service, self.answers) {
            (Service::Failing, _) => StateName::Outage,
            (Service::Unknown, Answers::Unknown) if !wasteful => StateName::Unknown,
            (Service::Slow, _) if self.saturated => StateName::Overloaded,
            (Service::Slow, _) => StateName::ServiceDegraded,
            (Service::Ok | Service::Unknown, Answers::Worse) => StateName::SilentDegradation,
            (Service::Ok | Service::Unknown, _) if wasteful => StateName::Wasteful,
            _ => StateName::Healthy,
        }
    }
}

impl StateName {
    /// All of them, worst first.
    pub const ALL: [Self; 7] = [
        Self::Outage,
        Self::SilentDegradation,
        Self::Overloaded,
        Self::ServiceDegraded,
        Self::Wasteful,
        Self::Unknown,
        Self::Healthy,
    ];

    /// The name used in API, metrics and rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Unknown => "unknown",
            Self::Overloaded => "overloaded",
            Self::ServiceDegraded => "service_degraded",
            Self::SilentDegradation => "silent_degradation",
            Self::Wasteful => "wasteful",
            Self::Healthy => "healthy",
        }
    }

    /// A stable number for charts and for alarms of systems that know numbers alone: 0 is healthy, a higher one is worse.
    pub const fn code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Unknown => 1,
            Self::Wasteful => 2,
            Self::ServiceDegraded => 3,
            Self::Overloaded => 4,
            Self::SilentDegradation => 5,
            Self::Outage => 6,
        }
    }
}

impl Service {
    /// The name used in API, metrics and rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Slow => "slow",
            Self::Failing => "failing",
            Self::Unknown => "unknown",
        }
    }
}

impl Answers {
    /// The name used in API, metrics and rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Worse => "worse",
            Self::Learning { .. } => "learning",
            Self::Unknown => "unknown",
        }
    }
}

impl Efficiency {
    /// The name used in API, metrics and rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wasteful => "wasteful",
            Self::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests;
