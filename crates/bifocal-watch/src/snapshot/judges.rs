//! What is told of judges: how they stand to their anchors and to people, how they repeat themselves, what they cost.

use bifocal_model::{Dimension, Fingerprint, Timestamp};
use serde::Serialize;

/// One judge on one dimension, as its anchors show it at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgeView {
    /// Who, for people.
    pub evaluator: String,
    /// Who, for machines.
    pub fingerprint: Fingerprint,
    /// On what.
    pub dimension: Dimension,
    /// Anchors that were scored at least once.
    pub anchors: u64,
    /// Re-scores so far.
    pub rescored: u64,
    /// When the newest one was made; `None`, as the numbers below, for a judge without anchors.
    pub last: Option<Timestamp>,
    /// Mean score now minus the frozen one over the newest sweep, in [-1, 1].
    pub difference: Option<f64>,
    /// The lower end of its 95% interval, for one look.
    pub difference_lower: Option<f64>,
    /// The upper one.
    pub difference_upper: Option<f64>,
    /// The evidence that the judge moved; alarm at the threshold.
    pub evidence: Option<f64>,
    /// The threshold.
    pub threshold: Option<f64>,
    /// That it moved and scores otherwise than when its anchors were frozen.
    pub drift: Option<DriftView>,
    /// How it repeats itself on its anchors; `None` until 20 were scored again.
    pub repeats: Option<RepeatsView>,
    /// How it agrees with people; `None` where nobody labelled what it judged.
    pub agreement: Option<AgreementView>,
}

/// How a judge repeats itself on its anchors.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RepeatsView {
    /// Anchors that were scored more than once since it last moved.
    pub n: u64,
    /// The share of scores that are the grade of the time before.
    pub same: f64,
    /// The lower end of its 95% interval over anchors.
    pub same_lower: f64,
    /// The upper one.
    pub same_upper: f64,
}

/// What a judge in one of its parts costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgeCostView {
    /// Who.
    pub evaluator: String,
    /// `judge`, `cheap`, or `second`, who confirms.
    pub role: &'static str,
    /// Since midnight UTC.
    pub today: CostView,
    /// Since the first of the month, UTC.
    pub month: CostView,
    /// What of the month went to anchors.
    pub anchors: CostView,
    /// Answers of the month with at least one score.
    pub answers: u64,
    /// Of one of these, without anchors; `None` where there is none.
    pub per_answer: Option<CostView>,
}

/// An amount.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostView {
    /// Dollars; `None` where the price of a part is not known.
    pub usd: Option<f64>,
    /// Tokens in and out.
    pub tokens: f64,
}

/// How a judge agrees with people on one dimension.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AgreementView {
    /// Answers that it judged and people marked.
    pub labelled: u64,
    /// Answers wanted before anything is measured.
    pub of: u64,
    /// People who marked them.
    pub people: u64,
    /// What is compared: `grades` from 1 to 5 where enough were given, else `pass` and fail.
    pub scale: &'static str,
    /// Cohen's kappa of judge and people, weighted by squares on grades.
    pub kappa: Option<MeasuredView>,
    /// Krippendorff's alpha of judge and people together, ordinal on grades, nominal on pass and fail.
    pub alpha: Option<MeasuredView>,
    /// Krippendorff's alpha of the people alone, over answers that several marked: what a judge can hardly exceed.
    pub people_alpha: Option<MeasuredView>,
    /// Of what people pass, the share that the judge passes.
    pub sensitivity: Option<f64>,
    /// Of what people fail, the share that the judge fails.
    pub specificity: Option<f64>,
    /// The share that the judge passes, of all that it judged in the last 30 days.
    pub pass_rate: Option<f64>,
    /// That share as people would have it (Rogan-Gladen).
    pub corrected_pass_rate: Option<MeasuredView>,
    /// The judge's mean over the last 30 days.
    pub mean: Option<f64>,
    /// The mean as people would have it (PPI, the judge as the prediction), where the labelled answers are a random sample of
    /// the judged.
    pub corrected_mean: Option<MeasuredView>,
}

/// A number with its 95% interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeasuredView {
    /// The number.
    pub value: f64,
    /// The lower end of its interval, for one look.
    pub lower: f64,
    /// The upper one.
    pub upper: f64,
    /// Answers that it is from.
    pub n: u64,
}

/// A judge that moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct DriftView {
    /// When the evidence crossed the threshold.
    pub time: Timestamp,
    /// The evidence at that time.
    pub evidence: f64,
    /// Whether its scores fell; else they rose.
    pub fell: bool,
}
