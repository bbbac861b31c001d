//! One alarm and the samples after it: looks at fixed counts, each in the order judge, mix, data path, system.

use bifocal_model::{Attribution, Cause, Check, CheckOutcome, Difference, Probability, Timestamp, stratum};
use serde::{Deserialize, Serialize};

use super::anchors::AnchorWatch;
use super::effect::{LOOKS, Z_LOOK, difference, look};
use super::mix::{Part, Split, split};
use super::reference::{Level, Reference, Strata, level};
use super::slices;
use super::weighing::Weighed;
use crate::estimate::Weighted;

/// Re-scores since the onset at which the judge is looked at: the guard window is 300.
const ANCHOR_LOOKS: [usize; 4] = [50, 100, 200, 300];
/// The judge may move by a quarter more or less on traffic than on anchors (one standard deviation).
const ANCHOR_SLACK: f64 = 0.25;

/// A judged sample with what it is weighted by and where it belongs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample<'a> {
    /// When the inference took place.
    pub time: Timestamp,
    /// The score, in [0, 1].
    pub value: f64,
    /// With which probability it came to be judged.
    pub probability: Probability,
    /// Its stratum, written as in [`bifocal_model::stratum`].
    pub stratum: &'a str,
}

/// An alarm and the range of its onset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The time of the sample that raised the alarm.
    pub opened: Timestamp,
    /// The change began after this.
    pub onset_from: Timestamp,
    /// The change began before this.
    pub onset_to: Timestamp,
}

/// An inquiry in progress. It keeps at most 800 samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inquiry {
    opening: Opening,
    level: Option<Level>,
    before: Strata,
    names: Strata,
    after: Vec<slices::After>,
    probabilities: Vec<Probability>,
    anchor_look: usize,
    attribution: Attribution,
}

impl Inquiry {
    /// Opens an inquiry against what the baseline was made of.
    pub fn open(reference: &Reference, opening: Opening) -> Self {
        Self {
            opening,
            level: reference.level(),
            before: reference.strata().clone(),
            names: Strata::default(),
            after: Vec::new(),
            probabilities: Vec::new(),
            anchor_look: 0,
            attribution: Attribution {
                why: "nothing was judged after the alarm yet".to_owned(),
                ..Attribution::default()
            },
        }
    }

    /// Takes a sample. Samples from before the alarm (late ones), samples that are no number and samples beyond the
    /// last look are left out. `true` when this sample was a look that changed what is known.
    pub fn take(&mut self, sample: &Sample<'_>, anchors: &AnchorWatch) -> bool {
        let [.., last] = LOOKS;
        if sample.time < self.opening.opened || sample.value.is_nan() || self.after.len() >= last {
            return false;
        }
        let (value, weight) = (sample.value.clamp(0.0, 1.0), sample.probability.weight());
        let at = self.names.add(sample.stratum, value, weight);
        self.after.push((at, value, weight));
        self.probabilities.push(sample.probability);
        LOOKS.contains(&self.after.len()) && self.look(anchors)
    }

    /// An anchor was scored again. `true` when that was a look that changed what is known.
    pub fn look_at_anchors(&mut self, anchors: &AnchorWatch) -> bool {
        let since = anchors.since(self.opening.onset_to);
        let passed = ANCHOR_LOOKS.into_iter().filter(|look| since >= *look).count();
        if passed <= self.anchor_look {
            return false;
        }
        self.anchor_look = passed;
        self.look(anchors)
    }

    /// Nothing more comes (recovery, or the end of a history): what is pending becomes undecided. `true` when that
    /// changed what is known.
    pub fn close(&mut self, anchors: &AnchorWatch) -> bool {
        let before = self.attribution.cause;
        if before == Cause::Pending {
            self.attribution.cause = Cause::Undecided;
            if look(self.after.len()).is_none() {
                let n = self.after.len();
                self.attribution.why = format!("{n} were judged after the alarm; {} are needed", LOOKS[0]);
            } else if let Some(missing) = self.missing(anchors) {
                self.attribution.why = missing;
            }
        }
        self.attribution.cause != before
    }

    /// What is known now.
    pub fn attribution(&self) -> &Attribution {
        &self.attribution
    }

    /// The alarm.
    pub fn opening(&self) -> Opening {
        self.opening
    }

    /// Samples after the alarm so far.
    pub fn n_after(&self) -> usize {
        self.after.len()
    }

    fn look(&mut self, anchors: &AnchorWatch) -> bool {
        let Some((effect, split)) = self.measure() else { return false };
        let before = self.attribution.clone();
        let checks = vec![self.judge(&effect, anchors), mix(&effect, &split), self.data_path(&effect)];
        let decided = decided(&effect, &checks);
        let [.., last] = LOOKS;
        // Samples end at the last look; anchors may still come, and then there is another one.
        let cause = match decided {
            Some(cause) => cause,
            None if self.after.len() >= last => Cause::Undecided,
            None if anchors.n() == 0 && !unclear(&checks) && effect.is_fall() => Cause::Undecided,
            None => Cause::Pending,
        };
        let slices = if effect.is_fall() {
            slices::search(&self.before, &self.names, &self.after)
        } else {
            Vec::new()
        };
        self.attribution = Attribution { cause, why: String::new(), effect: Some(effect), checks, slices };
        self.attribution.why = match decided {
            Some(cause) => why(cause, &self.attribution),
            None => self.missing(anchors).unwrap_or_default(),
        };
        self.attribution != before
    }

    /// The fall at the last look that was passed, and its parts.
    fn measure(&self) -> Option<(Difference, Split)> {
        let n = look(self.after.len())?;
        let values: Vec<Weighted> = self
            .after
            .iter()
            .zip(&self.probabilities)
            .take(n)
            .map(|((_, value, _), probability)| Weighted { value: *value, probability: *probability })
            .collect();
        let effect = difference(&self.level?, &level(&values)?);
        Some((effect, split(&self.before.by_traffic(), &self.names.by_traffic())?))
    }

    fn judge(&self, effect: &Difference, anchors: &AnchorWatch) -> Check {
        let of = Cause::Judge;
        let Some(part) = anchors.fall(self.opening.onset_from, self.opening.onset_to) else {
            let outcome = if anchors.n() == 0 { CheckOutcome::NotCheckable } else { CheckOutcome::Unclear };
            let line = match outcome {
                CheckOutcome::NotCheckable => "the judge cannot be checked: there are no anchors",
                _ => "the judge is not checked yet: no anchor was scored again since the change",
            };
            return Check { of, outcome, part: None, line: line.to_owned() };
        };
        let (drift, fall) = (as_part(&part), as_part(effect));
        let error = drift.se.hypot(fall.se);
        let weighed = Weighed {
            part: drift,
            rest: Part { value: fall.value - drift.value, se: error },
            gap: Part { value: 2.0 * drift.value - fall.value, se: (2.0 * drift.se).hypot(fall.se) },
        };
        let mut outcome = weighed.outcome(ANCHOR_SLACK * fall.value.abs());
        if part.n_after < ANCHOR_LOOKS[0] as u64 {
            outcome = CheckOutcome::Unclear;
        }
        let line = match outcome {
            CheckOutcome::Explains => {
                format!("the judge scores its anchors lower by {}", range(&part))
            }
            CheckOutcome::RuledOut if part.is_fall() => {
                format!("the judge moved too, by {}: less than half of the fall", range(&part))
            }
            CheckOutcome::RuledOut => format!("judge drift above {} ruled out", bound(part.upper)),
            _ => format!(
                "judge drift of {} to {} on {} re-scores of anchors: too wide to tell",
                hundredths(part.lower),
                hundredths(part.upper),
                part.n_after
            ),
        };
        Check { of, outcome, part: Some(part), line }
    }

    /// Kitagawa's split again, over how the answers ended: what other shares of cut, empty and filtered ones make.
    fn data_path(&self, effect: &Difference) -> Check {
        let end = |name: &str| stratum::facet(name, stratum::END).unwrap_or_default().to_owned();
        let (before, after) = (self.before.grouped(end), self.names.grouped(end));
        let known = after.keys().any(|end| !end.is_empty());
        let of = Cause::DataPath;
        let (true, Some(split)) = (known, split(&before, &after)) else {
            let line = "how answers ended is not known".to_owned();
            return Check { of, outcome: CheckOutcome::NotCheckable, part: None, line };
        };
        let part = as_difference(split.mix, effect);
        let outcome = if split.strata < 2 {
            CheckOutcome::RuledOut
        } else {
            Weighed { part: split.mix, rest: split.within, gap: split.gap }.outcome(0.0)
        };
        let line = match outcome {
            CheckOutcome::Explains => format!("empty, cut or filtered answers make {} of it", range(&part)),
            CheckOutcome::RuledOut => {
                format!("empty, cut or filtered answers above {} ruled out", bound(part.upper))
            }
            _ => "the part of empty, cut or filtered answers is not clear".to_owned(),
        };
        Check { of, outcome, part: Some(part), line }
    }

    /// What would have to be seen to tell the cause; `None` when it is told.
    fn missing(&self, anchors: &AnchorWatch) -> Option<String> {
        let attribution = &self.attribution;
        let effect = attribution.effect?;
        let n = effect.n_after;
        if !effect.is_fall() {
            return Some(format!("no fall is measured on {n} judged after the alarm"));
        }
        let judge = attribution.checks.iter().find(|check| check.of == Cause::Judge)?;
        let rescores = anchors.since(self.opening.onset_to);
        match judge.outcome {
            CheckOutcome::NotCheckable => Some(judge.line.clone()),
            CheckOutcome::Unclear
                if judge.part.is_some_and(|part| part.is_fall()) && rescores >= ANCHOR_LOOKS[3] =>
            {
                Some("the judge moved and does not explain all of it: two changes at once".to_owned())
            }
            CheckOutcome::Unclear if rescores >= ANCHOR_LOOKS[3] => Some(judge.line.clone()),
            CheckOutcome::Unclear => Some(format!(
                "{rescores} anchors were scored again since the change; {} are wanted",
                ANCHOR_LOOKS[3]
            )),
            _ => {
                let check = attribution.checks.iter().find(|check| check.outcome == CheckOutcome::Unclear)?;
                Some(format!("{} ({n} judged after the alarm)", check.line))
            }
        }
    }
}

fn mix(effect: &Difference, split: &Split) -> Check {
    let of = Cause::Mix;
    if split.strata < 2 {
        let line = "the mix cannot be checked: there is one stratum".to_owned();
        return Check { of, outcome: CheckOutcome::NotCheckable, part: None, line };
    }
    let part = as_difference(split.mix, effect);
    let outcome = Weighed { part: split.mix, rest: split.within, gap: split.gap }.outcome(0.0);
    let line = match outcome {
        CheckOutcome::Explains => format!("other questions make {} of it", range(&part)),
        CheckOutcome::RuledOut => format!("a change of mix above {} ruled out", bound(part.upper)),
        _ => format!(
            "a change of mix of {} to {}: too wide to tell",
            hundredths(part.lower),
            hundredths(part.upper)
        ),
    };
    Check { of, outcome, part: Some(part), line }
}

/// The first cause that explains the fall, or the system when all that can be checked are ruled out and the judge is
/// among them.
fn decided(effect: &Difference, checks: &[Check]) -> Option<Cause> {
    if !effect.is_fall() {
        return None;
    }
    if let Some(check) = checks.iter().find(|check| check.outcome == CheckOutcome::Explains) {
        return Some(check.of);
    }
    let judge_cleared =
        checks.iter().any(|check| check.of == Cause::Judge && check.outcome == CheckOutcome::RuledOut);
    (judge_cleared && !unclear(checks)).then_some(Cause::System)
}

fn unclear(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.outcome == CheckOutcome::Unclear)
}

fn why(cause: Cause, attribution: &Attribution) -> String {
    let check = attribution.checks.iter().find(|check| check.of == cause);
    let lines = attribution.checks.iter().filter(|check| check.outcome == CheckOutcome::RuledOut);
    match check {
        Some(check) => check.line.clone(),
        None => lines.map(|check| check.line.as_str()).collect::<Vec<_>>().join("; "),
    }
}

fn as_part(difference: &Difference) -> Part {
    let se = 0.5 * (difference.upper - difference.lower) / Z_LOOK;
    Part { value: difference.value, se }
}

fn as_difference(part: Part, counts: &Difference) -> Difference {
    let margin = Z_LOOK * part.se;
    Difference { value: part.value, lower: part.value - margin, upper: part.value + margin, ..*counts }
}

/// "0.05 to 0.11", ends rounded outwards where that keeps them honest, a fall below 0 written as 0.
fn range(part: &Difference) -> String {
    format!("{:.2} to {:.2}", part.lower.max(0.0), part.upper.max(0.0))
}

/// A bound, rounded up to hundredths.
fn bound(upper: f64) -> String {
    format!("{:.2}", (upper.max(0.0) * 100.0).ceil() / 100.0)
}

fn hundredths(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests;
