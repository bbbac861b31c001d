//! Whether a judge says the same of the same answer again.
//!
//! The unit is the answer: of each that was scored several times, the share of scores that are the grade of the time before, and half
//! the mean square of successive differences, which estimates the variance of one scoring and, unlike the variance around a mean, is
//! hardly touched by a slow change of the judge (von Neumann 1941). Assumes that answers err independently of each other; broken by a
//! judge that moves between two sweeps, so what came before a move is to be forgotten.

use crate::estimate::Interval;
use crate::unweighted::mean_interval;

/// Grades on the scale of [0, 1]: five, a quarter apart.
const STEPS: f64 = 4.0;
/// Repeats of one answer after which older ones count half as much.
const REPEATS: f64 = 32.0;

/// What the repeats of one answer came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Repeats {
    /// The newest score, in [0, 1].
    last: Option<f64>,
    /// How often it was scored again, older ones halved.
    again: f64,
    /// How often with the same grade.
    same: f64,
    /// The sum of squares of successive differences.
    squares: f64,
}

/// How a judge repeats itself over many answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Repeatability {
    /// Answers that were scored more than once.
    pub n: u64,
    /// The share of scores with the grade of the time before.
    pub same: f64,
    /// Its interval.
    pub interval: Interval,
    /// Standard deviation of one scoring of one answer, on [0, 1].
    pub deviation: f64,
}

impl Repeats {
    /// Takes the next score of the answer, in [0, 1].
    pub fn take(&mut self, score: f64) {
        let Some(last) = self.last.replace(score) else { return };
        if self.again >= REPEATS {
            (self.again, self.same, self.squares) = (self.again / 2.0, self.same / 2.0, self.squares / 2.0);
        }
        self.again += 1.0;
        self.squares += (score - last).powi(2);
        if (score * STEPS).round() == (last * STEPS).round() {
            self.same += 1.0;
        }
    }
}

/// Over answers; `None` below two that were scored again.
pub fn repeatability<'a>(
    answers: impl IntoIterator<Item = &'a Repeats>,
    alpha: f64,
) -> Option<Repeatability> {
    let again: Vec<&Repeats> = answers.into_iter().filter(|one| one.again > 0.0).collect();
    if again.len() < 2 {
        return None;
    }
    let shares: Vec<f64> = again.iter().map(|one| one.same / one.again).collect();
    let n = again.len() as f64;
    let variance = again.iter().map(|one| 0.5 * one.squares / one.again).sum::<f64>() / n;
    Some(Repeatability {
        n: again.len() as u64,
        same: shares.iter().sum::<f64>() / n,
        interval: mean_interval(&shares, alpha)?,
        deviation: variance.sqrt(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    fn of(answers: &[Repeats]) -> Repeatability {
        repeatability(answers, 0.05).unwrap()
    }

    fn scored(scores: &[f64]) -> Repeats {
        let mut repeats = Repeats::default();
        scores.iter().for_each(|score| repeats.take(*score));
        repeats
    }

    #[test]
    fn by_hand() {
        let answers = [scored(&[0.75, 0.75, 0.5]), scored(&[1.0, 1.0]), scored(&[0.25])];
        let told = of(&answers);
        assert_eq!((told.n, told.same), (2, 0.75), "one of two, and one of one; the third was scored once");
        // Half the mean square of 0 and 0.25 is 1/64, that of the other is 0: the root of their mean.
        assert!((told.deviation - (1.0_f64 / 128.0).sqrt()).abs() < 1e-12);
        assert!(told.interval.lower < 0.75 && told.interval.upper > 0.75);
        assert_eq!(repeatability(&answers[1..], 0.05), None, "one answer tells nothing of a judge");
        assert_eq!(
            of(&[scored(&[0.74, 0.76]), scored(&[0.7, 0.8])]).same,
            1.0,
            "means of grades are rounded"
        );
    }

    #[test]
    fn old_repeats_are_forgotten_by_halves() {
        let mut one = scored(&[0.0, 1.0]);
        (0..200).for_each(|_| one.take(1.0));
        let told = of(&[one, one]);
        assert!(told.same > 0.99 && told.deviation < 0.02, "{told:?}");
    }

    /// A judge that gives the grade below or above in a known share of scorings.
    #[test]
    fn simulation_the_interval_of_repeats_covers() {
        let mut random = Random::new(5);
        let (mut covered, mut deviations) = (0, Vec::new());
        for _ in 0..400 {
            let answers: Vec<Repeats> = (0..100)
                .map(|_| {
                    let mut noisy = || match random.uniform() {
                        x if x < 0.1 => 0.25,
                        x if x < 0.2 => 0.75,
                        _ => 0.5,
                    };
                    scored(&[noisy(), noisy(), noisy()])
                })
                .collect();
            let told = of(&answers);
            // 0.1^2 + 0.1^2 + 0.8^2; the variance is 0.2 * 0.25^2.
            covered += u32::from(told.interval.lower <= 0.66 && 0.66 <= told.interval.upper);
            deviations.push(told.deviation);
        }
        assert!((372..=400).contains(&covered), "{covered} of 400");
        let mean = deviations.iter().sum::<f64>() / 400.0;
        assert!((mean - 0.2_f64.sqrt() * 0.25).abs() < 0.003, "{mean}");
    }
}
