//! Which answers are judged: the sampler at the rate that the evaluation rules give the target.

use bifocal_evaluate::judge::Judge;
use bifocal_evaluate::{Choice, Sampler};
use bifocal_model::{Dimension, Fingerprint, Inference, Probability, Selection, Shed};
use bifocal_redact::Redacted;

use crate::config::EvaluateRule;

/// The sampler, the rules, and the judge for whom they choose.
#[derive(Clone, Debug)]
pub struct Chooser {
    sampler: Sampler,
    rules: Vec<(String, Probability)>,
    judges: Vec<(Dimension, Fingerprint)>,
}

impl Chooser {
    /// Rules whose rate is no share in (0, 1] were refused when the configuration was read; here they judge nothing.
    pub fn new(secret: [u8; 16], rules: &[EvaluateRule], judge: &Judge) -> Self {
        let rules = rules
            .iter()
            .filter_map(|rule| Some((rule.target.clone(), Probability::new(rule.rate)?)))
            .collect();
        Self { sampler: Sampler::new(secret, Probability::ONE), rules, judges: judge.dimensions().collect() }
    }

    /// The selection, when the inference is in the sample. An answer that speaks to its judge is chosen like any other, and
    /// is then not shown to it: the ledger counts it as shed.
    pub fn select(&self, call: &Inference<Redacted>, suspected_injection: bool) -> Option<Selection> {
        let choice = self.choose(call)?;
        let shed = suspected_injection.then_some(Shed::SuspectedInjection);
        Some(choice.selection(call, self.judges.clone(), shed))
    }

    fn choose(&self, call: &Inference<Redacted>) -> Option<Choice> {
        let name = call.target.name();
        let (_, rate) = self.rules.iter().find(|(target, _)| target == "*" || target == name)?;
        self.sampler.at_rate(*rate).decide(call).filter(|choice| choice.draw.included)
    }
}
