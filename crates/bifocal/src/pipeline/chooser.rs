//! Which answers are judged: the rule that is for an answer and the pace of the budget settle its chance, a keyed hash of its id
//! decides.

use std::collections::VecDeque;

use bifocal_evaluate::judge::Judge;
use bifocal_evaluate::pacer::{Pace, Pacer, Terms};
use bifocal_evaluate::rule::Rules;
use bifocal_evaluate::{Choice, Sampler, SlowAfter};
use bifocal_model::{
    Chance, Dimension, Fingerprint, Inference, InferenceId, Probability, Selection, Shed, Timestamp,
};
use bifocal_redact::Redacted;
use bifocal_store::{Record, SmallState};

use crate::running::sampling_secret;

/// The sampler, the rules, the pace, and the judge for whom they choose.
#[derive(Debug)]
pub struct Chooser {
    sampler: Sampler,
    rules: Rules,
    slow_after: SlowAfter,
    pacer: Pacer,
    judges: Vec<(Dimension, Fingerprint)>,
    /// What the rules said of answers that are not durable yet: they are not asked twice.
    said: VecDeque<(InferenceId, Terms)>,
    /// Answers that the cheap judge is asked about for each that the judge is; `None` without one.
    per_judged: Option<f64>,
    /// Whether that is planned, and not said.
    is_free: bool,
    /// Drawn for the cheap judge and not durable yet.
    cheap: VecDeque<(InferenceId, Choice, Probability)>,
}

/// Until the correlation of both judges is known.
const PER_JUDGED: f64 = 10.0;

/// Answers of a few groups between their choice and the disk.
const SAID: usize = 4_096;

/// What a chooser is made of.
#[derive(Debug)]
pub struct Choosing {
    /// Decides; `None`: the secret that is kept in the data folder.
    pub secret: Option<[u8; 16]>,
    /// Which answers may be judged.
    pub rules: Rules,
    /// Which of them are slow.
    pub slow_after: SlowAfter,
    /// For whom they are chosen.
    pub judge: Judge,
}

impl Choosing {
    /// The chooser, with the pace that was saved before a restart.
    pub fn open(self, small_state: &SmallState, pace: Option<&[u8]>) -> anyhow::Result<Chooser> {
        let secret = self.secret.map_or_else(|| sampling_secret(small_state), Ok)?;
        Ok(Chooser {
            sampler: Sampler::new(secret, Probability::ONE),
            rules: self.rules,
            slow_after: self.slow_after,
            pacer: Pacer::new(self.judge.config(), pace),
            judges: self.judge.dimensions().collect(),
            said: VecDeque::new(),
            per_judged: self
                .judge
                .config()
                .cheap
                .as_ref()
                .map(|cheap| cheap.per_judged.unwrap_or(PER_JUDGED)),
            is_free: self.judge.config().cheap.as_ref().is_some_and(|cheap| cheap.per_judged.is_none()),
            cheap: VecDeque::new(),
        })
    }
}

impl Chooser {
    /// Settles the rates anew where it is time; before answers are looked at.
    pub fn turn(&mut self, now: Timestamp) {
        self.pacer.turn(now);
    }

    /// Settles the chance of an answer and writes it into its record; the selection, when it is in the sample. An answer that
    /// speaks to its judge is chosen like any other, and is then not shown to it: the ledger counts it as shed.
    pub fn select(&mut self, call: &mut Inference<Redacted>, suspected_injection: bool) -> Option<Selection> {
        let stratum = self.slow_after.stratum(call)?;
        let rule = self.rules.rule_for(call, &stratum)?;
        let mut terms = rule.terms();
        if self.said.len() == SAID {
            self.said.pop_front();
        }
        self.said.push_back((call.id, terms));
        let chances = self.pacer.chance(&call.target, &stratum, &terms);
        terms.rate = terms.rate.min(self.rules.least_rate(&call.target));
        let base = chances.base.get().min(terms.rate);
        let base = Probability::new(base).unwrap_or(chances.base);
        let chance = Chance {
            stratum,
            inclusion: self.sampler.exactly(chances.inclusion),
            base: self.sampler.exactly(base),
        };
        let choice = self.sampler.decide_at(call, &chance);
        if let Some(times) = self.per_judged.filter(|_| !suspected_injection) {
            let (inclusion, is_drawn) = self.sampler.wider(call, &chance, times);
            if is_drawn {
                if self.cheap.len() == SAID {
                    self.cheap.pop_front();
                }
                let judges = rule.judges(&self.judges).into_iter().map(|(dimension, _)| dimension).collect();
                self.cheap.push_back((call.id, Choice { dimensions: judges, ..choice.clone() }, inclusion));
            }
        }
        let shed = suspected_injection.then_some(Shed::SuspectedInjection);
        let selection = choice.draw.included.then(|| choice.selection(call, rule.judges(&self.judges), shed));
        call.chance = Some(chance);
        selection
    }

    /// What an answer that is durable now was drawn for the cheap judge with.
    pub fn take_cheap(&mut self, id: InferenceId) -> Option<(Choice, Probability)> {
        let at = self.cheap.iter().position(|(drawn, ..)| *drawn == id)?;
        self.cheap.remove(at).map(|(_, choice, inclusion)| (choice, inclusion))
    }

    /// From now on so many for each judged one, where the configuration does not say.
    pub fn mix(&mut self, per_judged: Option<f64>) {
        if self.is_free && per_judged.is_some() {
            self.per_judged = per_judged;
        }
    }

    /// Learns from a durable record what was there, chosen, paid and scored.
    pub fn see(&mut self, record: &Record) {
        let (rules, said) = (&self.rules, &mut self.said);
        self.pacer.see(record, |call| {
            // Groups become durable in the order in which they were chosen from, so it is near the front.
            if let Some(at) = said.iter().position(|(id, _)| *id == call.id) {
                return said.drain(..=at).next_back().map(|(_, terms)| terms);
            }
            let stratum = &call.chance.as_ref()?.stratum;
            Some(rules.rule_for(call, stratum)?.terms())
        });
    }

    /// The same of a record that is read back after a restart: time passes with it, up to the present.
    pub fn see_again(&mut self, record: &Record, present: Timestamp) {
        let time = match record {
            Record::Inference(call) => Some(call.time),
            Record::Score(score) => Some(score.scored_at),
            _ => None,
        };
        if let Some(time) = time {
            self.pacer.pass(time.min(present));
        }
        self.see(record);
    }

    /// What is shown of the pace.
    pub fn pace(&self) -> Pace {
        self.pacer.view()
    }

    /// What is to outlive the process.
    pub fn save(&self) -> Result<Vec<u8>, serde_json::Error> {
        self.pacer.save()
    }
}
