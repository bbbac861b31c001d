//! What a promise of few false pages rests on, checked and said: a budget whose conditions do not hold is no budget.
//!
//! `expected false pages <= b in 30 days` is a theorem about streams whose normal mean lies above the baseline's bound
//! at all times. Four things make that so in practice; each is looked at with what is known of a stream, and none is
//! taken for granted: what cannot be told is said to be unknown.

use serde::{Deserialize, Serialize};

/// Scores in strata that the baseline did not see: more than this share breaks the adjustment.
const UNSEEN_MAX: f64 = 0.05;

/// A condition of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// The baseline is complete, and what comes and goes with hours and weekdays is in it or adjusted for.
    BaselineRepresentative,
    /// A change of what is asked does not look like a change of the answers.
    MixAdjusted,
    /// The judge scores as it did when the baseline was made.
    JudgeUnchanged,
    /// No more is judged than the threshold was made for.
    RateWithinPlan,
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It was looked at and holds.
    Holds,
    /// It cannot be told with what is there.
    Unknown,
    /// It was looked at and does not hold.
    Broken,
}

/// A condition with what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// Which.
    pub requirement: Requirement,
    /// Whether it holds.
    pub standing: Standing,
    /// What was found, in a few words.
    pub detail: String,
}

/// What is known of a stream, for [`check`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Facts {
    /// Judged in the baseline, and wanted.
    pub baseline: (u64, u64),
    /// Whether it spans a week.
    pub spans_week: bool,
    /// Whether the hour of the day is adjusted for.
    pub hours_adjusted: bool,
    /// Strata that are adjusted for; 0 without labels.
    pub strata: usize,
    /// The share of the newest scores whose stratum the baseline did not see; `None` without labels.
    pub unseen_share: Option<f64>,
    /// What the judge's anchors say: whether it scores as before; `None` without anchors.
    pub judge_as_before: Option<bool>,
    /// Judged in 30 days at the highest rate seen.
    pub judged: f64,
    /// Judged in 30 days that the threshold was made for; `None` when it follows the highest rate.
    pub planned: Option<f64>,
}

impl Requirement {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::BaselineRepresentative => "baseline_representative",
            Self::MixAdjusted => "mix_adjusted",
            Self::JudgeUnchanged => "judge_unchanged",
            Self::RateWithinPlan => "rate_within_plan",
        }
    }
}

impl Standing {
    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Unknown => "unknown",
            Self::Broken => "broken",
        }
    }
}

/// The four conditions, in order.
pub fn check(facts: &Facts) -> [Condition; 4] {
    [baseline(facts), mix(facts), judge(facts), rate(facts)]
}

/// The worst standing of some conditions; `Holds` for none.
pub fn worst(conditions: &[Condition]) -> Standing {
    conditions.iter().map(|condition| condition.standing).max().unwrap_or(Standing::Holds)
}

fn baseline(facts: &Facts) -> Condition {
    let (n, of) = facts.baseline;
    let (standing, detail) = if n < of {
        (Standing::Unknown, format!("baseline not complete: {n} of {of} judged"))
    } else if facts.spans_week {
        (Standing::Holds, "baseline spans a week".to_owned())
    } else if facts.hours_adjusted {
        (Standing::Unknown, "hours of the day adjusted, weekdays not covered".to_owned())
    } else {
        (Standing::Unknown, "seasonality not covered: baseline spans less than a week".to_owned())
    };
    Condition { requirement: Requirement::BaselineRepresentative, standing, detail }
}

fn mix(facts: &Facts) -> Condition {
    let (standing, detail) = match facts.unseen_share {
        _ if facts.strata == 0 => (Standing::Unknown, "no labels to adjust the mix by".to_owned()),
        Some(share) if share > UNSEEN_MAX => {
            let percent = 100.0 * share;
            (
                Standing::Broken,
                format!("{percent:.0}% of the newest scores are in strata that the baseline did not see"),
            )
        }
        _ => (Standing::Holds, format!("adjusted for {} strata", facts.strata)),
    };
    Condition { requirement: Requirement::MixAdjusted, standing, detail }
}

fn judge(facts: &Facts) -> Condition {
    let (standing, detail) = match facts.judge_as_before {
        Some(true) => (Standing::Holds, "anchors are scored as before"),
        Some(false) => (Standing::Broken, "anchors are scored differently"),
        None => (Standing::Unknown, "same fingerprint, no anchors"),
    };
    Condition { requirement: Requirement::JudgeUnchanged, standing, detail: detail.to_owned() }
}

fn rate(facts: &Facts) -> Condition {
    let (standing, detail) = match facts.planned {
        None => (Standing::Holds, "the threshold follows the highest rate seen".to_owned()),
        Some(planned) if facts.judged <= planned => (
            Standing::Holds,
            format!("{} of {} planned judged in 30 days", count(facts.judged), count(planned)),
        ),
        Some(planned) => (
            Standing::Broken,
            format!("{} judged in 30 days, {} planned", count(facts.judged), count(planned)),
        ),
    };
    Condition { requirement: Requirement::RateWithinPlan, standing, detail }
}

/// A whole number with commas between its thousands.
fn count(n: f64) -> String {
    let digits = format!("{n:.0}");
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standings(facts: &Facts) -> [Standing; 4] {
        check(facts).map(|condition| condition.standing)
    }

    #[test]
    fn thousands_are_set_apart() {
        for (n, text) in [(0.0, "0"), (999.4, "999"), (1e3, "1,000"), (8_354_880.0, "8,354,880")] {
            assert_eq!(count(n), text);
        }
    }

    const GOOD: Facts = Facts {
        baseline: (500, 500),
        spans_week: true,
        hours_adjusted: true,
        strata: 5,
        unseen_share: Some(0.01),
        judge_as_before: Some(true),
        judged: 900.0,
        planned: Some(1_000.0),
    };

    #[test]
    fn each_condition_breaks_on_its_own() {
        use Standing::{Broken, Holds, Unknown};
        assert_eq!(standings(&GOOD), [Holds; 4]);
        assert_eq!(worst(&check(&GOOD)), Holds);
        assert_eq!(standings(&Facts { baseline: (499, 500), ..GOOD }), [Unknown, Holds, Holds, Holds]);
        assert_eq!(standings(&Facts { spans_week: false, ..GOOD }), [Unknown, Holds, Holds, Holds]);
        assert_eq!(standings(&Facts { unseen_share: Some(0.06), ..GOOD }), [Holds, Broken, Holds, Holds]);
        assert_eq!(standings(&Facts { strata: 0, ..GOOD }), [Holds, Unknown, Holds, Holds]);
        assert_eq!(standings(&Facts { judge_as_before: Some(false), ..GOOD }), [Holds, Holds, Broken, Holds]);
        assert_eq!(standings(&Facts { judge_as_before: None, ..GOOD }), [Holds, Holds, Unknown, Holds]);
        let fast = Facts { judged: 1_001.0, ..GOOD };
        assert_eq!(standings(&fast), [Holds, Holds, Holds, Broken]);
        assert_eq!(worst(&check(&fast)), Broken);
        assert_eq!(standings(&Facts { planned: None, ..fast }), [Holds; 4]);
        // What nobody counted is not within a plan.
        assert_eq!(standings(&Facts { judged: f64::NAN, ..GOOD })[3], Broken);
    }

    #[test]
    fn a_stream_that_has_seen_nothing_promises_nothing() {
        use Standing::{Holds, Unknown};
        let new = Facts { baseline: (0, 500), ..Facts::default() };
        assert_eq!(standings(&new), [Unknown, Unknown, Unknown, Holds]);
    }
}
