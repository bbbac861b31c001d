//! Which inferences are judged.

use bifocal_model::{
    Chance, Dimension, Fingerprint, Inference, Probability, Selection, Shed, stratum as facets,
};
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
    /// What it is judged on; nothing: all that the judge judges.
    pub dimensions: Vec<Dimension>,
}

/// When an answer is slow: the objectives, seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowAfter {
    /// To the first token.
    pub ttft_seconds: f64,
    /// To the end.
    pub duration_seconds: f64,
}

impl Choice {
    /// The choice that a selection records.
    pub fn of(selection: &Selection) -> Self {
        let draw = Draw { draw: selection.draw, included: true, inclusion: selection.inclusion };
        let dimensions = selection.judges.iter().map(|(dimension, _)| dimension.clone()).collect();
        Self { draw, stratum: selection.stratum.clone(), dimensions }
    }

    /// Whether it is to be judged on this.
    pub fn is_on(&self, dimension: &Dimension) -> bool {
        self.dimensions.is_empty() || self.dimensions.contains(dimension)
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
        Some(Choice { draw, stratum: stratum::of(inference, false), dimensions: Vec::new() })
    }

    /// The inclusion probability that a rate comes to, for draws are multiples of 2^-53: one that was recorded so replays its
    /// decision to the last bit.
    pub fn exactly(&self, rate: Probability) -> Probability {
        self.key.include(&[], rate).inclusion
    }

    /// The decision at a chance that was settled before. What was drawn beside the sample that holds for all is marked so.
    pub fn decide_at(&self, inference: &Inference<Redacted>, chance: &Chance) -> Choice {
        let draw = self.key.include(inference.id.as_bytes(), chance.inclusion);
        let is_core = self.key.include(inference.id.as_bytes(), chance.base).included;
        let stratum =
            if draw.included && !is_core { facets::extra(&chance.stratum) } else { chance.stratum.clone() };
        Choice { draw, stratum, dimensions: Vec::new() }
    }
}

impl Sampler {
    /// The probability with which so many times as many answers are drawn as at a chance, and whether this one is: of a sample that
    /// holds the chosen ones.
    pub fn wider(&self, inference: &Inference<Redacted>, chance: &Chance, times: f64) -> (Probability, bool) {
        let wanted = (chance.inclusion.get() * times.max(1.0)).min(1.0);
        let draw =
            self.key.include(inference.id.as_bytes(), Probability::new(wanted).unwrap_or(Probability::ONE));
        (draw.inclusion, draw.included)
    }
}

impl SlowAfter {
    /// The stratum of an inference; `None` where there is no answer to judge.
    pub fn stratum(&self, inference: &Inference<Redacted>) -> Option<String> {
        let timing = &inference.timing;
        let over = |seconds: Option<f64>, objective: f64| seconds.is_some_and(|seconds| seconds > objective);
        let is_slow = over(timing.ttft_seconds, self.ttft_seconds)
            || over(timing.duration_seconds, self.duration_seconds);
        inference.has_answer().then(|| stratum::of(inference, is_slow))
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Completeness, ErrorClass, FinishReason};

    use super::*;
    use crate::sample::{answered, inference};

    /// The core of the sample is that of a lower rate, whatever was added to it.
    #[test]
    fn extras_are_marked_and_the_rest_is_a_sample_of_its_own() {
        let sampler = Sampler::new([3; 16], Probability::new(0.05).unwrap());
        let of = |p: f64| Probability::new(p).unwrap();
        let slow_after = SlowAfter { ttft_seconds: 2.0, duration_seconds: 30.0 };
        let mut marked = 0;
        for i in 0..4_000 {
            let mut inference = inference(i, "why?", "because");
            inference.timing.duration_seconds = Some(if i % 2 == 0 { 31.0 } else { 1.0 });
            let stratum = slow_after.stratum(&inference).unwrap();
            assert_eq!(facets::facet(&stratum, facets::PACE), (i % 2 == 0).then_some("slow"));
            let chance =
                Chance { stratum, inclusion: of(if i % 2 == 0 { 0.3 } else { 0.05 }), base: of(0.05) };
            let choice = sampler.decide_at(&inference, &chance);
            let core = choice.draw.included && !facets::is_extra(&choice.stratum);
            assert_eq!(core, sampler.decide(&inference).unwrap().draw.included);
            marked += u32::from(facets::is_extra(&choice.stratum));
        }
        // A quarter of 2,000, within four standard deviations.
        assert!((420..580).contains(&marked), "{marked}");
    }

    #[test]
    fn failed_calls_are_not_judged_and_rates_nest() {
        let sampler = Sampler::new([3; 16], Probability::new(0.5).unwrap());
        let lower = sampler.at_rate(Probability::new(0.1).unwrap());
        let (mut half, mut tenth) = (0, 0);
        for i in 0..4_000 {
            let inference = inference(i, "why?", "because");
            let choice = sampler.decide(&inference).unwrap();
            assert_eq!(choice.stratum, "language=other;length=short;end=ok");
            let exact = sampler.exactly(choice.draw.inclusion);
            assert_eq!((exact, choice.draw.inclusion), (choice.draw.inclusion, sampler.exactly(exact)));
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
