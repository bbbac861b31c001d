//! A share of passes, corrected for what the judge gets wrong.

use crate::distribution::normal_quantile;

/// What a judge said of answers on which people's word is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Confusion {
    /// People pass, the judge passes.
    pub both_pass: u64,
    /// People pass, the judge fails.
    pub people_pass: u64,
    /// People fail, the judge passes.
    pub judge_pass: u64,
    /// Both fail.
    pub both_fail: u64,
}

/// A corrected share with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corrected {
    /// The share that people would pass, in [0, 1].
    pub value: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Of what people pass, the share that the judge passes (smoothed).
    pub sensitivity: f64,
    /// Of what people fail, the share that the judge fails (smoothed).
    pub specificity: f64,
}

/// Least sensitivity + specificity - 1: below, the judge hardly tells pass from fail, and the correction is noise.
const MIN_YOUDEN: f64 = 0.2;

impl Confusion {
    /// Counts one answer.
    pub fn add(&mut self, people_pass: bool, judge_pass: bool) {
        let count = match (people_pass, judge_pass) {
            (true, true) => &mut self.both_pass,
            (true, false) => &mut self.people_pass,
            (false, true) => &mut self.judge_pass,
            (false, false) => &mut self.both_fail,
        };
        *count += 1;
    }

    /// Answers counted.
    pub fn n(&self) -> u64 {
        self.both_pass + self.people_pass + self.judge_pass + self.both_fail
    }
}

/// p = (phat + q0 - 1) / (q0 + q1 - 1), cut to [0, 1] (Rogan and Gladen 1978), with phat the share that the judge passes
/// of `n` answers, q1 the sensitivity and q0 the specificity, each smoothed by two passes and two fails (Agresti and
/// Coull 1998); the interval by the delta method (arXiv 2511.21140).
///
/// Assumes that the judge errs on the labelled answers as it does on the rest, given what people would say. The labelled
/// ones need not be a random sample of the judged. `None` where q0 + q1 - 1 < 0.2, or without answers.
pub fn rogan_gladen(phat: f64, n: f64, confusion: &Confusion, alpha: f64) -> Option<Corrected> {
    if !(n >= 1.0 && phat.is_finite()) || confusion.n() == 0 {
        return None;
    }
    let phat = phat.clamp(0.0, 1.0);
    let smoothed = |right: u64, all: u64| ((right + 2) as f64 / (all + 4) as f64, (all + 4) as f64);
    let (q1, n1) = smoothed(confusion.both_pass, confusion.both_pass + confusion.people_pass);
    let (q0, n0) = smoothed(confusion.both_fail, confusion.both_fail + confusion.judge_pass);
    let youden = q0 + q1 - 1.0;
    if youden < MIN_YOUDEN {
        return None;
    }
    let value = ((phat + q0 - 1.0) / youden).clamp(0.0, 1.0);
    let variance = phat * (1.0 - phat) / n
        + value * value * q1 * (1.0 - q1) / n1
        + (1.0 - value).powi(2) * q0 * (1.0 - q0) / n0;
    let margin = normal_quantile(1.0 - 0.5 * alpha.clamp(1e-12, 1.0)) * variance.max(0.0).sqrt() / youden;
    Some(Corrected {
        value,
        lower: (value - margin).max(0.0),
        upper: (value + margin).min(1.0),
        sensitivity: q1,
        specificity: q0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::Seeded;

    #[test]
    fn a_lenient_judge_is_corrected_down() {
        let confusion = Confusion { both_pass: 78, people_pass: 18, judge_pass: 28, both_fail: 68 };
        let fixed = rogan_gladen(0.6, 1_000.0, &confusion, 0.05).unwrap();
        // q1 = 80/100, q0 = 70/100: (0.6 - 0.3) / 0.5
        assert!((fixed.value - 0.6).abs() < 1e-12 && (fixed.sensitivity - 0.8).abs() < 1e-12);
        let low = rogan_gladen(0.4, 1_000.0, &confusion, 0.05).unwrap();
        assert!((low.value - 0.2).abs() < 1e-12 && low.lower < 0.2 && low.upper > 0.2, "{low:?}");
        let coin = Confusion { both_pass: 50, people_pass: 50, judge_pass: 50, both_fail: 50 };
        assert_eq!(rogan_gladen(0.6, 1_000.0, &coin, 0.05), None, "it cannot tell pass from fail");
        assert_eq!(rogan_gladen(0.6, 0.0, &confusion, 0.05), None);
        assert_eq!(rogan_gladen(f64::NAN, 10.0, &confusion, 0.05), None);
    }

    /// 95% intervals on 2,000 made-up deployments: truth 0.7, a judge right on 85% of passes and 75% of fails.
    #[test]
    fn the_interval_covers() {
        let mut random = Seeded::new(1_978);
        let mut covered = 0;
        for _ in 0..2_000 {
            let mut confusion = Confusion::default();
            let judged = |random: &mut Seeded, share: f64| {
                let people = random.uniform() < share;
                (people, if people { random.uniform() < 0.85 } else { random.uniform() >= 0.75 })
            };
            for _ in 0..200 {
                let (people, judge) = judged(&mut random, 0.5);
                confusion.add(people, judge);
            }
            let passes = (0..1_000).filter(|_| judged(&mut random, 0.7).1).count();
            let shown = rogan_gladen(passes as f64 / 1_000.0, 1_000.0, &confusion, 0.05).unwrap();
            covered += u32::from(shown.lower <= 0.7 && 0.7 <= shown.upper);
        }
        assert!((1_860..=1_960).contains(&covered), "{covered} of 2,000");
    }
}
