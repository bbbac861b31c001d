//! One alarm of a replay: what came after it, and what that says of its cause.

use bifocal_model::{Attribution, Cause, Probability, Timestamp};
use bifocal_stats::attribution::{Case, Opening, Rescore, Sample, attribute};

use crate::alert::Severity;
use crate::snapshot::AlarmView;

use super::event::Change;

/// Samples after an alarm that say anything of its cause: the last look of [`bifocal_stats::attribution::effect`].
const AFTER_MAX: usize = 400;
/// Re-scores before and after the beginning that are looked at: the measure of a judge keeps 1,024, and decides on 300.
const RESCORES_BEFORE: usize = 1_024;
const RESCORES_AFTER: usize = 2_048;

/// A sample that is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    pub(super) time: Timestamp,
    pub(super) value: f64,
    pub(super) probability: Probability,
    /// Number of its stratum's name in the replay's table.
    pub(super) stratum: u32,
}

/// An alarm, and the samples after it up to the recovery.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) alarm: AlarmView,
    pub(super) change: Option<Change>,
    pub(super) recovered: Option<Timestamp>,
    after: Vec<Kept>,
}

impl Raised {
    pub(super) fn new(alarm: AlarmView, change: Option<Change>) -> Self {
        Self { alarm, change, recovered: None, after: Vec::new() }
    }

    /// A sample came while it stood.
    pub(super) fn take(&mut self, sample: Kept) {
        if self.after.len() < AFTER_MAX {
            self.after.push(sample);
        }
    }

    /// What the samples after it say of its cause. Anchors come in the order of time.
    pub(super) fn attribution(
        &self,
        reference: &[Kept],
        strata: &[String],
        anchors: &[Rescore<'_>],
    ) -> Attribution {
        let sample = |kept: &Kept| Sample {
            time: kept.time,
            value: kept.value,
            probability: kept.probability,
            stratum: strata.get(kept.stratum as usize).map_or("", String::as_str),
        };
        let begun = anchors.partition_point(|rescore| rescore.time < self.alarm.onset_from);
        let until = anchors.len().min(begun + RESCORES_AFTER);
        let near = anchors.get(begun.saturating_sub(RESCORES_BEFORE)..until).unwrap_or(anchors);
        let reference: Vec<Sample<'_>> = reference.iter().map(sample).collect();
        let after: Vec<Sample<'_>> = self.after.iter().map(sample).collect();
        attribute(&Case {
            opening: Opening {
                opened: self.alarm.time,
                onset_from: self.alarm.onset_from,
                onset_to: self.alarm.onset_to,
            },
            reference: &reference,
            after: &after,
            anchors: near,
        })
    }
}

/// The cause in the words of the public form, which has four.
pub(super) fn word(cause: Cause) -> &'static str {
    match cause {
        // Answers that arrive empty or cut are the system's.
        Cause::System | Cause::DataPath => "system",
        Cause::Judge => "judge",
        Cause::Mix => "mix",
        Cause::Pending | Cause::Undecided => "undecided",
    }
}

/// How loudly the shipped rules would tell it: what may be the answers' doing pages.
pub(super) fn severity(cause: Cause) -> Severity {
    match cause {
        Cause::Judge => Severity::Warning,
        Cause::Mix => Severity::Info,
        Cause::System | Cause::DataPath | Cause::Pending | Cause::Undecided => Severity::Critical,
    }
}
