//! Does one part make all of a fall, or none of it?
//!
//! Two hypotheses are weighed, "the part makes all of it" and "it makes none", by their profile likelihood ratio under
//! normal errors. A part that fits neither (two changes at once) is held against one half of the fall instead, with
//! the error of both.

use bifocal_model::CheckOutcome;

use super::effect::Z_LOOK;
use super::mix::Part;

/// A likelihood ratio of 20 to 1 decides.
const LOG_RATIO: f64 = 2.995_732_273_553_991;
/// An error of this many standard errors refutes a hypothesis: 99%.
const Z_REFUTES: f64 = 2.575_829_303_548_901;

/// A part of a fall and what is left without it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weighed {
    /// The part.
    pub(super) part: Part,
    /// The rest: the fall minus the part, with its own standard error.
    pub(super) rest: Part,
    /// The part minus the rest.
    pub(super) gap: Part,
}

impl Weighed {
    /// What the part explains. `slack` is how far the rest may be from 0 although the part makes all of the fall.
    pub(super) fn outcome(&self, slack: f64) -> CheckOutcome {
        let log_ratio = 0.5 * (squared(self.part, 0.0) - squared(self.rest, slack));
        let part_is_there = self.part.value > Z_REFUTES * self.part.se;
        let rest_is_there = self.rest.value > Z_REFUTES * self.rest.se.hypot(slack);
        let more_than_half = self.gap.value > Z_LOOK * self.gap.se;
        let less_than_half = self.gap.value < -Z_LOOK * self.gap.se;
        if part_is_there && ((log_ratio >= LOG_RATIO && !rest_is_there) || more_than_half) {
            CheckOutcome::Explains
        } else if less_than_half || (log_ratio <= -LOG_RATIO && !part_is_there) {
            CheckOutcome::RuledOut
        } else {
            CheckOutcome::Unclear
        }
    }
}

/// The squared distance from 0 in standard errors. A part without error is 0 by construction.
fn squared(part: Part, slack: f64) -> f64 {
    let error = part.se.hypot(slack);
    if error > 0.0 { (part.value / error).powi(2) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weighed(part: f64, rest: f64, se: f64) -> CheckOutcome {
        let of = |value| Part { value, se };
        let gap = Part { value: part - rest, se: 2.0 * se };
        Weighed { part: of(part), rest: of(rest), gap }.outcome(0.0)
    }

    #[test]
    fn all_none_half_and_too_little() {
        assert_eq!(weighed(0.08, 0.0, 0.01), CheckOutcome::Explains);
        assert_eq!(weighed(0.0, 0.08, 0.01), CheckOutcome::RuledOut);
        assert_eq!(weighed(0.05, 0.04, 0.005), CheckOutcome::Unclear, "half and half");
        assert_eq!(weighed(0.08, 0.02, 0.005), CheckOutcome::Explains, "most of it, and something else");
        assert_eq!(weighed(0.02, 0.08, 0.005), CheckOutcome::RuledOut, "a little of it");
        assert_eq!(weighed(0.03, 0.03, 0.05), CheckOutcome::Unclear, "too little was seen");
        assert_eq!(weighed(-0.05, 0.13, 0.01), CheckOutcome::RuledOut, "it went the other way");
    }

    #[test]
    fn a_part_without_error_and_without_size_is_none_of_it() {
        let rest = Part { value: 0.1, se: 0.01 };
        let gap = Part { value: -0.1, se: 0.01 };
        let outcome = Weighed { part: Part::default(), rest, gap }.outcome(0.0);
        assert_eq!(outcome, CheckOutcome::RuledOut);
    }
}
