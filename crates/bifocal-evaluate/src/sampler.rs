//! Which inferences are judged.

use bifocal_model::{Dimension, Fingerprint, Inference, Probability, Selection, Shed};
use bifocal_redact::Redacted;
use bifocal_stats::{Draw, SampleKey};

use crate::stratum;

/// Decides by a keyed hash of the inference's id, so that every process and every restart decides alike.
#[derive(Clone, Debug)]
pub struct Sampler {
    key: SampleKey,
    rate: Probability,
}

/// A decision with what its outcome is weighted by.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The random number, the decision and the inclusion probability.
    pub draw: Draw,
    /// The group that it was drawn from.
    pub stratum: String,
}

impl Choice {
    /// The choice that a selection records.
    pub fn of(selection: &Selection) -> Self {
        let draw = Draw { draw: selection.draw, included: true, inclusion: selection.inclusion };
        Self { draw, stratum: selection.stratum.clone() }
    }

    /// The record that this inference was chosen for these judges, or why it goes to none of them after all.
    pub fn selection(
        &self,
        inference: &Inference<Redacted>,
        judges: Vec<(Dimension, Fingerprint)>,
        shed: Option<Shed>,
    ) -> Selection {
        Selection {
            inference: inference.id,
            target: inference.target.clone(),
            time: inference.time,
            judges,
            inclusion: self.draw.inclusion,
            stratum: self.stratum.clone(),
            draw: self.draw.draw,
            shed,
        }
    }
}

impl Sampler {
    /// With a secret that callers must not know, or they could predict which answers are judged.
    pub fn new(secret: [u8; 16], rate: Probability) -> Self {
        Self { key: SampleKey::new(secret), rate }
    }

    /// The same draws at another rate: a lower rate takes a subset of a higher one.
    pub fn at_rate(&self, rate: Probability) -> Self {
        Self { key: self.key.clone(), rate }
    }

    /// Whether this inference is judged; `None` where there is no answer to judge (a call that failed).
    pub fn decide(&self, inference: &Inference<Redacted>) -> Option<Choice> {
        if !inference.has_answer() {
            return None;
        }
        let draw = self.key.include(inference.id.as_bytes(), self.rate);
        Some(Choice { draw, stratum: stratum::of(inference) })
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Completeness, ErrorClass, FinishReason};

    use super::*;
    use crate::sample::{answered, inference};

    #[test]
    fn failed_calls_are_not_judged_and_rates_nest() {
        let sampler = Sampler::new([3; 16], Probability::new(0.5).unwrap());
        let lower = sampler.at_rate(Probability::new(0.1).unwrap());
        let (mut half, mut tenth) = (0, 0);
        for i in 0..4_000 {
            let inference = inference(i, "why?", "because");
            let choice = sampler.decide(&inference).unwrap();
            assert_eq!(choice.stratum, "language=other;length=short;end=ok");
            assert_eq!(Some(&choice), sampler.decide(&inference).as_ref());
            let low = lower.decide(&inference).unwrap();
            assert!(!low.draw.included || choice.draw.included);
            assert!((low.draw.inclusion.get() - 0.1).abs() < 1e-12);
            half += u32::from(choice.draw.included);
            tenth += u32::from(low.draw.included);
        }
        // Four standard deviations of a binomial: 126 and 76.
        assert!((1_874..2_126).contains(&half), "{half}");
        assert!((324..476).contains(&tenth), "{tenth}");

        let mut failed = answered("because");
        failed.error = Some(ErrorClass::Upstream);
        assert_eq!(sampler.decide(&failed), None);
        let mut lone = answered("");
        lone.completeness = Completeness::RequestOnly;
        assert_eq!(sampler.decide(&lone), None);
        let mut cut = answered("because");
        cut.finish_reason = Some(FinishReason::Length);
        assert_eq!(sampler.decide(&cut).unwrap().stratum, "language=other;length=short;end=truncated");
    }
}
