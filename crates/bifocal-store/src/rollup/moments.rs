//! Weighted sums of scores, from which every estimate of a window is made. They add.

use bifocal_model::{Dimension, Estimate, EvaluatorKind, Fingerprint, Score, Verdict, Window};
use bifocal_stats::sums::from_sums;
use serde::{Deserialize, Serialize};

/// Two-sided error of the intervals.
const ALPHA: f64 = 0.05;

/// Which scores may be pooled: one dimension of one evaluator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamKey {
    /// About what.
    pub dimension: Dimension,
    /// Who says so, for machines.
    pub fingerprint: Fingerprint,
    /// Who says so, for people.
    pub evaluator: String,
    /// Its kind.
    pub kind: EvaluatorKind,
}

/// Sums over scores x in [0, 1] with weights w = 1 / (inclusion x capture probability).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// How many were scored.
    pub n: u64,
    /// How many were tried and failed; they are in no sum.
    pub failed: u64,
    /// Σ w
    pub w: f64,
    /// Σ w x
    pub wx: f64,
    /// Σ w x²
    pub wx2: f64,
    /// Σ w²
    pub w2: f64,
    /// Σ w² x
    pub w2x: f64,
    /// Σ w² x²
    pub w2x2: f64,
    /// Σ w over those that passed.
    pub wp: f64,
    /// Σ w² over those that passed.
    pub w2p: f64,
}

impl StreamKey {
    /// The stream of a score.
    pub fn of<T>(score: &Score<T>) -> Self {
        Self {
            dimension: score.dimension.clone(),
            fingerprint: score.fingerprint,
            evaluator: score.evaluator.clone(),
            kind: score.kind,
        }
    }

    pub(crate) fn is_of<T>(&self, score: &Score<T>) -> bool {
        // The number first: texts of one stream's name are only compared when it is the same.
        self.fingerprint == score.fingerprint
            && self.dimension == score.dimension
            && self.kind == score.kind
            && self.evaluator == score.evaluator
    }
}

impl Moments {
    /// Adds a score.
    pub fn add<T>(&mut self, score: &Score<T>) {
        let Verdict::Scored { value, pass, .. } = &score.verdict else {
            self.failed += 1;
            return;
        };
        self.add_value(value.get(), *pass, score.probability().weight());
    }

    /// Adds a value with its weight.
    pub(crate) fn add_value(&mut self, x: f64, pass: bool, w: f64) {
        self.n += 1;
        self.w += w;
        self.wx += w * x;
        self.wx2 += w * x * x;
        self.w2 += w * w;
        self.w2x += w * w * x;
        self.w2x2 += w * w * x * x;
        if pass {
            self.wp += w;
            self.w2p += w * w;
        }
    }

    /// Adds other sums.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.failed += other.failed;
        self.w += other.w;
        self.wx += other.wx;
        self.wx2 += other.wx2;
        self.w2 += other.w2;
        self.w2x += other.w2x;
        self.w2x2 += other.w2x2;
        self.wp += other.wp;
        self.w2p += other.w2p;
    }

    /// The weighted mean (Hájek); `None` when nothing was scored.
    pub fn mean(&self) -> Option<f64> {
        (self.w > 0.0).then(|| self.wx / self.w)
    }

    /// The mean with its 95% interval, from these sums alone.
    pub fn mean_estimate(&self, window: Window) -> Option<Estimate> {
        let sums = bifocal_stats::moments::Moments {
            n: self.n,
            w: self.w,
            wx: self.wx,
            wxx: self.wx2,
            ww: self.w2,
            wwx: self.w2x,
            wwxx: self.w2x2,
        };
        from_sums(&sums, self.w, window, ALPHA)
    }

    /// The share that passed with its 95% interval, from these sums alone.
    pub fn pass_estimate(&self, window: Window) -> Option<Estimate> {
        // Passing is 1 or 0, so the sums of squares are the sums.
        let sums = bifocal_stats::moments::Moments {
            n: self.n,
            w: self.w,
            wx: self.wp,
            wxx: self.wp,
            ww: self.w2,
            wwx: self.w2p,
            wwxx: self.w2p,
        };
        from_sums(&sums, self.w, window, ALPHA)
    }

    /// The weighted share that passed; `None` when nothing was scored.
    pub fn pass_rate(&self) -> Option<f64> {
        (self.w > 0.0).then(|| self.wp / self.w)
    }
}
