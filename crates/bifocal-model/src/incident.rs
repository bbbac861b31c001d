//! A departure from the baseline: when it began, how large it is, what explains it, and what was ruled out.

use serde::{Deserialize, Serialize};

use crate::event::EventKind;
use crate::id::InferenceId;
use crate::score::{Dimension, Fingerprint};
use crate::target::TargetKey;
use crate::time::Timestamp;

/// One quality stream's departure from its baseline, from its alarm to its recovery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The same from its beginning to its end.
    pub id: String,
    /// Of which target.
    pub target: TargetKey,
    /// Of which dimension.
    pub dimension: Dimension,
    /// By which evaluator, for machines.
    pub fingerprint: Fingerprint,
    /// When the alarm was raised (time of the sample that raised it).
    pub opened: Timestamp,
    /// When it ended; `None` while it lasts.
    pub closed: Option<Timestamp>,
    /// The change began after this.
    pub onset_from: Timestamp,
    /// The change began before this.
    pub onset_to: Timestamp,
    /// Evidence at the alarm. A sum over possible beginnings, no e-value.
    pub evidence: f64,
    /// The threshold that it reached.
    pub threshold: f64,
    /// The baseline's mean.
    pub baseline: f64,
    /// What is known of the cause.
    pub attribution: Attribution,
    /// Events of the onset range: aligned with the change, never its cause.
    pub aligned: Vec<AlignedEvent>,
    /// Some of the worst answers after the alarm.
    pub examples: Vec<InferenceId>,
    /// One sentence for people.
    pub sentence: String,
    /// What people did with it.
    #[serde(default)]
    pub handling: Handling,
}

/// What people did with an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// Who looks after it; the first one stays.
    pub acknowledged: Option<Said>,
    /// What was said of it, oldest first.
    pub comments: Vec<Said>,
    /// Who closed it, and what came of it; `None` when it ended by itself.
    pub closed: Option<Said>,
}

/// What a person said, or did without words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who, as they call themselves.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The words; empty for a deed alone.
    pub text: String,
}

/// What the samples after an alarm say of its cause.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    /// The cause.
    pub cause: Cause,
    /// Why this cause, or what is missing.
    pub why: String,
    /// How much lower the scores are, measured after the alarm alone.
    pub effect: Option<Difference>,
    /// Each possible cause that was looked at, in the order of looking.
    pub checks: Vec<Check>,
    /// Slices of the traffic that fell more than the rest, largest share first.
    pub slices: Vec<Slice>,
}

/// The cause of an incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Not enough was seen after the alarm yet.
    #[default]
    Pending,
    /// What answers changed: model, prompt, settings. Judge, mix and data path were looked at first.
    System,
    /// The judge scores the same text lower.
    Judge,
    /// Other questions are asked.
    Mix,
    /// Answers arrive empty, cut or filtered.
    DataPath,
    /// It cannot be told; `why` says what is missing.
    Undecided,
}

/// A change of a mean: before minus after, so that a fall is positive. In [-1, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Point estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
    /// Samples before.
    pub n_before: u64,
    /// Samples after.
    pub n_after: u64,
}

/// One possible cause and what is known of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Which.
    pub of: Cause,
    /// What came out.
    pub outcome: CheckOutcome,
    /// How much of the fall it makes, in score; `None` where it cannot be measured.
    pub part: Option<Difference>,
    /// One line for people, with the bound: `judge drift above 0.01 ruled out`.
    pub line: String,
}

/// What came out of a look at a possible cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckOutcome {
    /// It makes more than half of the fall.
    Explains,
    /// It makes less than half of the fall; the upper end of `part` is the bound.
    RuledOut,
    /// Too little was seen to tell.
    Unclear,
    /// There is nothing to tell it from: no anchors, one stratum alone.
    NotCheckable,
}

/// A slice of the traffic that fell more than the rest of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Its facets, `language=de` or `language=de;length=long`.
    pub name: String,
    /// Judged in it after the alarm.
    pub n_after: u64,
    /// Its share of the traffic after the alarm.
    pub traffic_share: f64,
    /// How much it fell.
    pub fall: f64,
    /// How much of the whole fall it makes, as an interval in [0, 1].
    pub share_lower: f64,
    /// The upper end.
    pub share_upper: f64,
    /// The e-value of "it fell no more than the rest".
    pub e_value: f64,
}

/// An event inside the onset range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignedEvent {
    /// When.
    pub time: Timestamp,
    /// Its kind.
    pub kind: EventKind,
    /// Its id.
    pub id: String,
    /// One line for people.
    pub summary: String,
}

impl Cause {
    /// The name used in API, files and page.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::System => "system",
            Self::Judge => "judge",
            Self::Mix => "mix",
            Self::DataPath => "data_path",
            Self::Undecided => "undecided",
        }
    }

    /// Whether it clears the model: what answers did not change, what is asked or who scores did.
    pub const fn clears_the_model(self) -> bool {
        matches!(self, Self::Judge | Self::Mix)
    }
}

impl Difference {
    /// Whether the whole interval lies above 0.
    pub fn is_fall(&self) -> bool {
        self.lower > 0.0
    }
}
