//! Numbers about quality, which never go without their interval.

use serde::{Deserialize, Serialize};

use crate::time::Window;

/// A mean or a share with its interval. Lower <= value <= upper.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Point estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
    /// How many were judged.
    pub n_judged: u64,
    /// How many there were to judge (each divided by its capture probability).
    pub n_total: f64,
    /// What made the interval.
    pub method: Method,
    /// Over which time.
    pub window: Window,
}

/// What made an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Weighted mean, Student t interval at 95%, fixed sample size.
    StudentT,
    /// Betting interval on the judged items at 95%, fixed sample size.
    Betting,
    /// Betting confidence sequence at 95%: holds at all times at once.
    BettingSequence,
    /// Asymptotic confidence sequence at 95%.
    AsymptoticSequence,
    /// Empirical Bernstein bound at 95% from sums alone, fixed sample size: wider than the others.
    EmpiricalBernstein,
    /// All were scored: Wilson interval at 95% for a share.
    Wilson,
}

impl Method {
    /// The name used in API and page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StudentT => "student_t",
            Self::Betting => "betting",
            Self::BettingSequence => "betting_sequence",
            Self::AsymptoticSequence => "asymptotic_sequence",
            Self::EmpiricalBernstein => "empirical_bernstein",
            Self::Wilson => "wilson",
        }
    }

    /// Whether the interval holds at all times at once, so that it may gate an alert.
    pub const fn anytime_valid(self) -> bool {
        matches!(self, Self::BettingSequence | Self::AsymptoticSequence)
    }
}
