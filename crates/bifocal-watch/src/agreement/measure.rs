//! The numbers of agreement from labelled answers.

use std::collections::{BTreeSet, VecDeque};

use bifocal_model::{Judged, Mark};
use bifocal_stats::agreement::kappa::kappa_interval;
use bifocal_stats::agreement::krippendorff::krippendorff_interval;
use bifocal_stats::agreement::{Confusion, Disagreement, Metric, kappa, krippendorff, rogan_gladen};
use bifocal_stats::distribution::student_t_quantile;
use bifocal_stats::prediction::powered;
use bifocal_stats::{Interval, Moments, PairSums};

use crate::snapshot::{AgreementView, MeasuredView};

/// Labelled answers below which nothing is measured: a bootstrap of fewer is too narrow.
const MIN_LABELLED: usize = 20;
/// Labelled answers below which no mean is corrected, as for every interval that rests on the central limit theorem.
const MIN_FOR_MEAN: u64 = 50;
const ROUNDS: u32 = 300;
const ALPHA: f64 = 0.05;
const GRADES: usize = Mark::GRADES as usize;

/// One answer: its day, people's marks, the judge's score.
type Answer<'a> = (i64, &'a VecDeque<(String, Mark)>, &'a Judged);

/// What people and one judge said of the same answers.
pub(super) struct Paired<'a> {
    pub(super) answers: Vec<Answer<'a>>,
    pub(super) seed: u64,
}

/// What is compared.
#[derive(Clone, Copy, PartialEq)]
enum Scale {
    Grades,
    Pass,
}

impl Paired<'_> {
    /// What changes only with labels. The corrected numbers are still missing.
    pub(super) fn measured(&self) -> AgreementView {
        let scale = self.scale();
        let (categories, disagreement, metric) = match scale {
            Scale::Grades => (GRADES, Disagreement::Quadratic, Metric::Ordinal),
            Scale::Pass => (2, Disagreement::Equal, Metric::Nominal),
        };
        let units: Vec<(Vec<usize>, usize)> = self.units(scale).collect();
        let is_enough = units.len() >= MIN_LABELLED;
        let pairs: Vec<Vec<(usize, usize)>> = units
            .iter()
            .map(|(people, judge)| people.iter().map(|person| (*person, *judge)).collect())
            .collect();
        let all: Vec<Vec<f64>> = units
            .iter()
            .map(|(people, judge)| people.iter().chain([judge]).map(|grade| *grade as f64).collect())
            .collect();
        let several: Vec<Vec<f64>> = units
            .iter()
            .filter(|(people, _)| people.len() > 1)
            .map(|(people, _)| people.iter().map(|grade| *grade as f64).collect())
            .collect();
        let alpha = |units: &[Vec<f64>]| {
            let shown = (units.len() >= MIN_LABELLED).then(|| krippendorff(units, metric)).flatten()?;
            measured(shown, krippendorff_interval(units, metric, ROUNDS, self.seed, ALPHA)?, units.len())
        };
        let kappa = is_enough.then(|| kappa(&pairs, categories, disagreement)).flatten().and_then(|value| {
            let range = kappa_interval(&pairs, categories, disagreement, ROUNDS, self.seed, ALPHA)?;
            measured(value, range, pairs.len())
        });
        let people: BTreeSet<&str> = self
            .answers
            .iter()
            .flat_map(|(_, people, _)| people.iter().map(|(who, _)| who.as_str()))
            .collect();
        AgreementView {
            labelled: self.answers.len() as u64,
            of: MIN_LABELLED as u64,
            people: people.len() as u64,
            scale: match scale {
                Scale::Grades => "grades",
                Scale::Pass => "pass",
            },
            kappa,
            alpha: alpha(&all),
            people_alpha: alpha(&several),
            sensitivity: None,
            specificity: None,
            pass_rate: None,
            corrected_pass_rate: None,
            mean: None,
            corrected_mean: None,
        }
    }

    /// What moves with every judged answer, too.
    pub(super) fn correct(
        &self,
        view: &mut AgreementView,
        (first_day, scores, passes): &(i64, Moments, Moments),
    ) {
        view.mean = scores.mean();
        view.pass_rate = passes.mean();
        let confusion = self.confusion();
        if confusion.n() >= MIN_LABELLED as u64
            && let Some(rate) = passes.mean()
            && let Some(fixed) = rogan_gladen(rate, passes.effective_n(), &confusion, ALPHA)
        {
            view.sensitivity = Some(fixed.sensitivity);
            view.specificity = Some(fixed.specificity);
            let range = Interval { lower: fixed.lower, upper: fixed.upper };
            view.corrected_pass_rate = Some(of(fixed.value, range, confusion.n()));
        }
        view.corrected_mean = self.corrected_mean(*first_day, scores);
    }

    /// Grades where enough answers have one, for they say more.
    fn scale(&self) -> Scale {
        let graded =
            self.answers.iter().filter(|(_, people, _)| people.iter().any(|(_, m)| m.grade().is_some()));
        if graded.count() >= MIN_LABELLED { Scale::Grades } else { Scale::Pass }
    }

    /// Per answer: people's categories and the judge's, from 0.
    fn units(&self, scale: Scale) -> impl Iterator<Item = (Vec<usize>, usize)> {
        let category = move |mark: Mark| match scale {
            Scale::Grades => mark.grade().map(|grade| usize::from(grade.saturating_sub(1)).min(GRADES - 1)),
            Scale::Pass => Some(usize::from(mark.passes())),
        };
        self.answers.iter().filter_map(move |(_, people, judged)| {
            let people: Vec<usize> = people.iter().filter_map(|(_, mark)| category(*mark)).collect();
            let judge = match scale {
                Scale::Grades => nearest_grade(judged),
                Scale::Pass => usize::from(judged.pass),
            };
            (!people.is_empty()).then_some((people, judge))
        })
    }

    /// Answer by answer, what most people say against what the judge says; draws are left out.
    fn confusion(&self) -> Confusion {
        let mut confusion = Confusion::default();
        for (_, people, judged) in &self.answers {
            let passes = people.iter().filter(|(_, mark)| mark.passes()).count();
            if passes * 2 != people.len() {
                confusion.add(passes * 2 > people.len(), judged.pass);
            }
        }
        confusion
    }

    /// The mean of people's grades over everything judged, with the judge as the prediction.
    fn corrected_mean(&self, first_day: i64, scores: &Moments) -> Option<MeasuredView> {
        let mut labelled = PairSums::default();
        for (day, people, judged) in &self.answers {
            let grades: Vec<f64> =
                people.iter().filter(|(_, m)| m.grade().is_some()).map(|(_, m)| m.value().get()).collect();
            if *day >= first_day && !grades.is_empty() {
                let mean = grades.iter().sum::<f64>() / grades.len() as f64;
                labelled.add(mean, judged.value.get(), judged.probability.weight());
            }
        }
        if labelled.n() < MIN_FOR_MEAN {
            return None;
        }
        let mean = powered(&labelled, scores)?;
        let margin = student_t_quantile(1.0 - 0.5 * ALPHA, mean.degrees) * mean.standard_error;
        let value = mean.value.clamp(0.0, 1.0);
        let range = Interval { lower: (value - margin).max(0.0), upper: (value + margin).min(1.0) };
        Some(of(value, range, labelled.n()))
    }
}

/// The judge's score as one of the grades, from 0.
fn nearest_grade(judged: &Judged) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a score in [0, 1]")]
    let grade = (judged.value.get() * (GRADES - 1) as f64).round() as usize;
    grade.min(GRADES - 1)
}

/// A number within its bootstrap interval, which need not hold it where units are few.
fn measured(value: f64, range: Interval, n: usize) -> Option<MeasuredView> {
    value.is_finite().then(|| {
        of(value, Interval { lower: range.lower.min(value), upper: range.upper.max(value) }, n as u64)
    })
}

fn of(value: f64, range: Interval, n: u64) -> MeasuredView {
    MeasuredView { value, lower: range.lower, upper: range.upper, n }
}
