//! What moved: the judge, the mix of questions, the way of the data, or the answers themselves.
//!
//! Life of the data: [`Reference`] holds what the baseline was made of, by stratum; [`AnchorWatch`] holds what the judge
//! says of frozen answers; at an alarm an [`Inquiry`] is opened, is given the samples *after* it, and looks at fixed
//! counts of them. Each look measures the fall and asks in a fixed order: is it the judge ([`anchors`]), the mix
//! ([`mix`]), the way of the data, or else the system? Slices ([`slices`]) say where in the traffic it fell most.
//!
//! Why after the alarm: the samples that raised it are selected to be bad, so that a fall measured on them is too
//! large. Why in this order: only the judge can move the score of a frozen answer (arXiv 2606.15474), and what the
//! judge or the mix explains must not be laid at the model's door.
//!
//! Assumes that samples after the alarm stem from one regime (a recovery ends the inquiry), that anchors are scored in
//! the same way as traffic and shift about as much as it does, and known inclusion probabilities. Broken by a judge that
//! changes on one kind of answer that no anchor stands for, and by two changes at once: these end as undecided.

pub mod anchors;
pub mod ebh;
pub mod effect;
pub mod inquiry;
pub mod mix;
pub mod reference;
pub mod slices;
mod weighing;

pub use anchors::{AnchorWatch, JudgeMove, Rescore};
pub use ebh::e_bh;
pub use inquiry::{Inquiry, Opening, Sample};
pub use mix::{Part, Split, split};
pub use reference::{Level, Reference, Strata};

use bifocal_model::Attribution;

/// One alarm of a replayed history, with all that is known of it.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// The alarm and the range of its onset.
    pub opening: Opening,
    /// The samples that the baseline was made of, in order.
    pub reference: &'a [Sample<'a>],
    /// The samples after the alarm, in order, up to the recovery or the end.
    pub after: &'a [Sample<'a>],
    /// All re-scores of anchors by the same judge on the same dimension, in order; empty where there are none.
    pub anchors: &'a [Rescore<'a>],
}

/// What the samples after an alarm say of its cause: the same looks at the same counts as on a live stream.
///
/// Anchors are taken in the order of time among the samples. The result is never [`Cause::Pending`]: what
/// is still open at the end of the history is undecided, and `why` says what was missing.
///
/// [`Cause::Pending`]: bifocal_model::Cause::Pending
pub fn attribute(case: &Case<'_>) -> Attribution {
    let mut reference = Reference::new(case.reference.len() as u64);
    for sample in case.reference {
        reference.push(sample);
    }
    let mut anchors = AnchorWatch::default();
    let mut waiting = case.anchors.iter().peekable();
    let mut inquiry = Inquiry::open(&reference, case.opening);
    for sample in case.after {
        while let Some(rescore) = waiting.next_if(|rescore| rescore.time <= sample.time) {
            if anchors.take(rescore) {
                inquiry.look_at_anchors(&anchors);
            }
        }
        inquiry.take(sample, &anchors);
    }
    for rescore in waiting {
        if anchors.take(rescore) {
            inquiry.look_at_anchors(&anchors);
        }
    }
    inquiry.close(&anchors);
    inquiry.attribution().clone()
}
