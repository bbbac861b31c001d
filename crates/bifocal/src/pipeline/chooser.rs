//! Which answers are judged: the sampler at the rate that the evaluation rules give the target.

use bifocal_evaluate::{Choice, Sampler};
use bifocal_model::{Inference, Probability};
use bifocal_redact::Redacted;

use crate::config::EvaluateRule;

/// The sampler and the rules.
#[derive(Clone, Debug)]
pub struct Chooser {
    sampler: Sampler,
    rules: Vec<(String, Probability)>,
}

impl Chooser {
    /// Rules whose rate is no share in (0, 1] were refused when the configuration was read; here they judge nothing.
    pub fn new(secret: [u8; 16], rules: &[EvaluateRule]) -> Self {
        let rules = rules
            .iter()
            .filter_map(|rule| Some((rule.target.clone(), Probability::new(rule.rate)?)))
            .collect();
        Self { sampler: Sampler::new(secret, Probability::ONE), rules }
    }

    /// The choice, when the inference is in the sample.
    pub fn choose(&self, call: &Inference<Redacted>) -> Option<Choice> {
        let name = call.target.name();
        let (_, rate) = self.rules.iter().find(|(target, _)| target == "*" || target == name)?;
        self.sampler.at_rate(*rate).decide(call).filter(|choice| choice.draw.included)
    }
}
