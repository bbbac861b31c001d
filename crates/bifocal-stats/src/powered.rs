//! Prediction-powered detection: a cheap prediction of every score takes the noise of the questions out of the few
//! scores that a strong judge gives.
//!
//! For judged item j and the block B of items since the last judgement, itself included, x = y - lambda (f_j - mean of f
//! over B). Whatever f is, E x = E y while the judged item is drawn from its block at random; the variance is that of y
//! times 1 - rho^2. Theorem: [`crate::edetector`], on x cut above at the reference's 99.5% quantile and with a null made
//! of cut values (prediction-powered e-values: arXiv 2502.04294).
//!
//! Assumes that which item of a block is judged does not depend on y or f, and a prediction that is made in the same way
//! all the time; broken by a cheap judge that changes together with the mix within blocks. A change of f alone moves no
//! mean of x: it is drift of the cheap judge and not an alarm of this detector.

use serde::{Deserialize, Serialize};

use crate::clip::Clip;
use crate::edetector::Detector;

/// Fewer judged items than this get no lambda.
const LAMBDA_MIN_JUDGED: usize = 30;

/// A judged item with its prediction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    /// The strong judge's score, in [0, 1].
    pub score: f64,
    /// The cheap prediction of it, in [0, 1].
    pub prediction: f64,
    /// The mean prediction of its block.
    pub block_mean: f64,
}

/// The predictions since the last judgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Block {
    n: u64,
    sum: f64,
}

/// What was learnt from the reference: how much to trust the prediction, and where to cut.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Powered {
    lambda: f64,
    clip: Clip,
}

impl Block {
    /// Takes the prediction of an item, judged or not, cut to [0, 1]; NaN is left out.
    pub fn push(&mut self, prediction: f64) {
        if !prediction.is_nan() {
            self.n += 1;
            self.sum += prediction.clamp(0.0, 1.0);
        }
    }

    /// Closes the block with the judgement of its newest item. `None` when score or prediction is no number.
    pub fn judged(&mut self, score: f64, prediction: f64) -> Option<Predicted> {
        if score.is_nan() || prediction.is_nan() {
            return None;
        }
        let prediction = prediction.clamp(0.0, 1.0);
        let block_mean = if self.n == 0 { prediction } else { self.sum / self.n as f64 };
        *self = Self::default();
        Some(Predicted { score: score.clamp(0.0, 1.0), prediction, block_mean })
    }
}

impl Powered {
    /// Learns from the judged items of a reference, in their order. `None` with fewer than 100 or without spread.
    ///
    /// lambda = Cov(y, g) / Var(g) with g = f - block mean, kept in [0, 1]; 0 unless rho^2 > 2 / (n - 2), and shrunken
    /// by 1 - 2 / ((n - 2) rho^2): an estimated lambda is no free lunch (arXiv 2505.20178).
    pub fn fit(reference: &[Predicted]) -> Option<Self> {
        let lambda = lambda(reference);
        let values: Vec<f64> = reference.iter().map(|item| value(lambda, item)).collect();
        // A fall shows in low values: those keep their true bound.
        Some(Self { lambda, clip: Clip::fit(&values, Some(-lambda), None)? })
    }

    /// How much of the prediction is taken.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// What the detector takes for a judged item.
    pub fn value(&self, item: &Predicted) -> f64 {
        self.clip.cut(value(self.lambda, item))
    }

    /// A detector of a fall by more than `min_effect`.
    pub fn detector(&self, min_effect: f64) -> Detector {
        Detector::degradation(self.clip.null_low - min_effect, self.clip.upper)
    }
}

fn value(lambda: f64, item: &Predicted) -> f64 {
    item.score - lambda * (item.prediction - item.block_mean)
}

fn lambda(items: &[Predicted]) -> f64 {
    if items.len() < LAMBDA_MIN_JUDGED {
        return 0.0;
    }
    let n = items.len() as f64;
    let own = |item: &Predicted| item.prediction - item.block_mean;
    let mean_own = items.iter().map(own).sum::<f64>() / n;
    let mean_score = items.iter().map(|item| item.score).sum::<f64>() / n;
    let (mut both, mut owns, mut scores) = (0.0, 0.0, 0.0);
    for item in items {
        let (g, y) = (own(item) - mean_own, item.score - mean_score);
        (both, owns, scores) = (both + g * y, owns + g * g, scores + y * y);
    }
    if owns <= 0.0 || scores <= 0.0 {
        return 0.0;
    }
    let rho_squared = both * both / (owns * scores);
    let chance = 2.0 / (n - 2.0);
    if rho_squared <= chance { 0.0 } else { (both / owns * (1.0 - chance / rho_squared)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::baseline::Baseline;
    use crate::test_random::Random;

    /// Scores with the noise of questions, which a prediction sees, and a noise of its own.
    struct World {
        random: Random,
        /// How much of the question the prediction sees.
        sees: f64,
    }

    impl World {
        fn item(&mut self, fall: f64) -> (f64, f64) {
            let question = self.random.uniform();
            let score = (0.3 + 0.5 * question + 0.2 * self.random.uniform() - fall).clamp(0.0, 1.0);
            let prediction = self.sees * question + (1.0 - self.sees) * self.random.uniform();
            (score, prediction)
        }

        /// Ten items, the last of them judged.
        fn judged(&mut self, block: &mut Block, fall: f64) -> Predicted {
            (0..9).for_each(|_| block.push(self.item(fall).1));
            let (score, prediction) = self.item(fall);
            block.push(prediction);
            block.judged(score, prediction).unwrap()
        }
    }

    /// Mean delays with and without predictions, and the share of false alarms before the change.
    fn delays(sees: f64, seed: u64, fall: f64) -> (f64, f64, f64) {
        let mut world = World { random: Random::new(seed), sees };
        let (runs, horizon, threshold) = (150u32, 500, 5_000.0);
        let (mut with, mut without, mut early) = (0.0, 0.0, 0u32);
        for _ in 0..runs {
            let mut block = Block::default();
            let reference: Vec<Predicted> = (0..500).map(|_| world.judged(&mut block, 0.0)).collect();
            let powered = Powered::fit(&reference).unwrap();
            let mut baseline = Baseline::default();
            reference.iter().for_each(|item| baseline.push(item.score, Default::default()));
            let mut alone = Detector::degradation(baseline.lcb(), 1.0);
            let mut both = powered.detector(0.0);
            let mut fired = false;
            for _ in 0..horizon {
                let item = world.judged(&mut block, 0.0);
                fired |= both.step(powered.value(&item), threshold).alarm;
                alone.update(item.score);
            }
            early += u32::from(fired);
            both.reset();
            alone.reset();
            let (mut seen, mut seen_alone) = (None, None);
            for n in 1..5_000u32 {
                let item = world.judged(&mut block, fall);
                if seen.is_none() && both.step(powered.value(&item), threshold).alarm {
                    seen = Some(n);
                }
                if seen_alone.is_none() && alone.step(item.score, threshold).alarm {
                    seen_alone = Some(n);
                }
                if seen.is_some() && seen_alone.is_some() {
                    break;
                }
            }
            with += f64::from(seen.unwrap_or(5_000));
            without += f64::from(seen_alone.unwrap_or(5_000));
        }
        let runs = f64::from(runs);
        (with / runs, without / runs, f64::from(early) / runs)
    }

    #[test]
    fn good_predictions_shorten_the_delay_and_useless_ones_do_not_lengthen_it() {
        let (with, without, early) = delays(1.0, 93, 0.06);
        eprintln!("rho high: {with} with, {without} without, {early} early");
        assert!(with < 0.7 * without, "{with} {without}");
        assert!(early <= 0.1 + 2.0 * (0.1f64 * 0.9 / 150.0).sqrt(), "{early}");
        let (with, without, early) = delays(0.0, 94, 0.06);
        eprintln!("rho 0: {with} with, {without} without, {early} early");
        assert!(with < 1.1 * without, "{with} {without}");
        assert!(early <= 0.1 + 2.0 * (0.1f64 * 0.9 / 150.0).sqrt(), "{early}");
    }

    #[test]
    fn few_items_no_spread_and_no_numbers() {
        let same = Predicted { score: 0.5, prediction: 0.5, block_mean: 0.5 };
        assert_eq!(Powered::fit(&[same; 20]), None);
        let constant = Powered::fit(&[same; 500]).unwrap();
        assert_eq!((constant.lambda(), constant.value(&same)), (0.0, 0.5));
        let mut block = Block::default();
        block.push(f64::NAN);
        assert_eq!(block.judged(f64::NAN, 0.5), None);
        assert_eq!(block.judged(0.5, f64::NAN), None);
        let alone = block.judged(7.0, -3.0).unwrap();
        assert_eq!(alone, Predicted { score: 1.0, prediction: 0.0, block_mean: 0.0 });
    }
}
