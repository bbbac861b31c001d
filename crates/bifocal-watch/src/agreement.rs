//! How judges agree with people: labels beside what judges said of the same answers, and what people would have said of
//! everything that was judged.
//!
//! A label carries what judges had said by then; a score of a labelled answer that comes later is added. So the book is a
//! function of the journal's records in their order, whichever of the two came first.

mod measure;

use std::collections::{BTreeMap, VecDeque};

use bifocal_model::{
    Dimension, EvaluatorKind, Fingerprint, InferenceId, Judged, Label, Mark, Score, Timestamp, compared_with,
};
use bifocal_stats::Moments;
use serde::{Deserialize, Serialize};

use crate::limits::{COMPARED_MAX, LABELLED_MAX, PEOPLE_MAX};
use crate::snapshot::{AgreementView, JudgeView};
use measure::Paired;

/// Days over which a judge's own mean and pass rate are summed, by the time of the answers.
const DAYS: i64 = 30;
/// Newest scores kept: what judges say in some seconds.
const RECENT: usize = 128;
const NANOS_PER_DAY: i64 = 86_400 * 1_000_000_000;

/// Labels and the judges that they are compared with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct AgreementBook {
    /// By inference, whose ids are in the order of time.
    answers: BTreeMap<InferenceId, Vec<Labelled>>,
    judges: Vec<JudgeSums>,
    /// The newest scores: one that was made while its label was on its way is in neither's record.
    recent: VecDeque<(InferenceId, Judged)>,
    /// Bootstraps take milliseconds: they are made when a label or the score of a labelled answer comes.
    #[serde(skip)]
    measured: Vec<AgreementView>,
    #[serde(skip)]
    is_measured: bool,
}

/// What was said of one answer on one dimension.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Labelled {
    /// That of the judges' scores.
    dimension: String,
    time: Timestamp,
    people: VecDeque<(String, Mark)>,
    judged: Vec<Judged>,
}

/// A judge on one dimension, and its scores of the last days.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct JudgeSums {
    evaluator: String,
    fingerprint: Fingerprint,
    dimension: Dimension,
    /// Day, scores, passes.
    days: VecDeque<(i64, Moments, Moments)>,
}

impl AgreementBook {
    /// Takes a label; whether an older answer had to leave for want of room.
    pub(crate) fn take_label<T>(&mut self, label: &Label<T>) -> bool {
        let Some(mark) = label.mark else { return false };
        self.is_measured = false;
        for judged in &label.judged {
            self.judge(&judged.evaluator, judged.fingerprint, &judged.dimension);
        }
        let dimension = compared_with(&label.dimension);
        let of_inference = self.answers.entry(label.inference).or_default();
        let at = of_inference.iter().position(|labelled| labelled.dimension == dimension);
        let at = at.unwrap_or_else(|| {
            of_inference.push(Labelled::new(dimension, label.time));
            of_inference.len() - 1
        });
        if let Some(labelled) = of_inference.get_mut(at) {
            labelled.hear(&label.who, mark);
            label.judged.iter().for_each(|judged| labelled.judge(judged));
            let newest = self.recent.iter().filter(|(inference, _)| *inference == label.inference);
            newest.for_each(|(_, judged)| labelled.judge(judged));
        }
        let is_full = self.answers.len() > LABELLED_MAX;
        if is_full {
            self.answers.pop_first();
        }
        is_full
    }

    /// Takes a score of a judge or a composite.
    pub(crate) fn take_score<T>(&mut self, score: &Score<T>) {
        if !matches!(score.kind, EvaluatorKind::Judge | EvaluatorKind::Composite) {
            return;
        }
        let Some(judged) = Judged::of(score) else { return };
        let day = score.time.as_nanos().div_euclid(NANOS_PER_DAY);
        self.judge(&score.evaluator, score.fingerprint, &score.dimension).add(day, &judged);
        let answers = self.answers.get_mut(&score.inference);
        let labelled =
            answers.and_then(|all| all.iter_mut().find(|one| one.dimension == judged.dimension.as_str()));
        if let Some(labelled) = labelled {
            labelled.judge(&judged);
            self.is_measured = false;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((score.inference, judged));
    }

    /// Adds the agreement to the views of judges, and the judges that have no anchors; by dimension, then the newest.
    pub(crate) fn add_to(&mut self, views: &mut Vec<JudgeView>) {
        if !self.is_measured {
            self.measured = self.judges.iter().map(|judge| self.paired(judge).measured()).collect();
            self.is_measured = true;
        }
        for (judge, measured) in self.judges.iter().zip(&self.measured) {
            if measured.labelled == 0 {
                continue;
            }
            let mut agreement = measured.clone();
            self.paired(judge).correct(&mut agreement, &judge.total());
            match views.iter_mut().find(|view| judge.is_of(view.fingerprint, &view.dimension)) {
                Some(view) => view.agreement = Some(agreement),
                None => views.push(judge.without_anchors(agreement)),
            }
        }
        views.sort_by(|a, b| (&a.dimension, b.last).cmp(&(&b.dimension, a.last)));
    }

    fn paired(&self, judge: &JudgeSums) -> Paired<'_> {
        let all = self.answers.values().flatten().filter(|one| one.dimension == judge.dimension.as_str());
        let by_judge = all.filter_map(|one| {
            let judged = one.judged.iter().find(|judged| judged.fingerprint == judge.fingerprint)?;
            Some((one.time.as_nanos().div_euclid(NANOS_PER_DAY), &one.people, judged))
        });
        Paired { answers: by_judge.collect(), seed: judge.fingerprint.0 }
    }

    fn judge(&mut self, evaluator: &str, fingerprint: Fingerprint, dimension: &Dimension) -> &mut JudgeSums {
        let at = self.judges.iter().position(|judge| judge.is_of(fingerprint, dimension));
        let at = at.unwrap_or_else(|| {
            if self.judges.len() == COMPARED_MAX {
                self.judges.remove(0);
            }
            self.is_measured = false;
            self.judges.push(JudgeSums {
                evaluator: evaluator.to_owned(),
                fingerprint,
                dimension: dimension.clone(),
                days: VecDeque::new(),
            });
            self.judges.len() - 1
        });
        &mut self.judges[at]
    }
}

impl Labelled {
    fn new(dimension: &str, time: Timestamp) -> Self {
        Self { dimension: dimension.to_owned(), time, people: VecDeque::new(), judged: Vec::new() }
    }

    /// A person's newer word replaces the older one.
    fn hear(&mut self, who: &str, mark: Mark) {
        self.people.retain(|(other, _)| other != who);
        if self.people.len() == PEOPLE_MAX {
            self.people.pop_front();
        }
        self.people.push_back((who.to_owned(), mark));
    }

    fn judge(&mut self, judged: &Judged) {
        let known = self.judged.iter().any(|other| other.fingerprint == judged.fingerprint);
        if judged.dimension.as_str() == self.dimension && !known && self.judged.len() < COMPARED_MAX {
            self.judged.push(judged.clone());
        }
    }
}

impl JudgeSums {
    fn is_of(&self, fingerprint: Fingerprint, dimension: &Dimension) -> bool {
        self.fingerprint == fingerprint && self.dimension == *dimension
    }

    fn add(&mut self, day: i64, judged: &Judged) {
        let newest = self.days.back().map_or(day, |(newest, ..)| *newest).max(day);
        if day <= newest - DAYS {
            return;
        }
        let at = self.days.partition_point(|(known, ..)| *known < day);
        if self.days.get(at).is_none_or(|(known, ..)| *known != day) {
            self.days.insert(at, (day, Moments::default(), Moments::default()));
        }
        if let Some((_, scores, passes)) = self.days.get_mut(at) {
            let weight = judged.probability.weight();
            scores.add(judged.value.get(), weight);
            passes.add(f64::from(u8::from(judged.pass)), weight);
        }
        while self.days.front().is_some_and(|(oldest, ..)| *oldest <= newest - DAYS) {
            self.days.pop_front();
        }
    }

    /// First day, scores and passes of the last days together.
    fn total(&self) -> (i64, Moments, Moments) {
        let first = self.days.front().map_or(i64::MIN, |(day, ..)| *day);
        let (mut scores, mut passes) = (Moments::default(), Moments::default());
        for (_, of_day, passed) in &self.days {
            scores.merge(of_day);
            passes.merge(passed);
        }
        (first, scores, passes)
    }

    fn without_anchors(&self, agreement: AgreementView) -> JudgeView {
        JudgeView {
            evaluator: self.evaluator.clone(),
            fingerprint: self.fingerprint,
            dimension: self.dimension.clone(),
            anchors: 0,
            rescored: 0,
            last: None,
            difference: None,
            difference_lower: None,
            difference_upper: None,
            evidence: None,
            threshold: None,
            drift: None,
            repeats: None,
            agreement: Some(agreement),
        }
    }
}

#[cfg(test)]
mod tests;
