//! Whether a judge says the same of the same answer again.
//!
//! The unit is the answer: of each that was scored several times, the share of scores that are the grade of the time before. Assumes
//! that answers err independently of each other; broken by a judge that moves between two sweeps, so what came before a move is to be
//! forgotten.

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
}

impl Repeats {
    /// Takes the next score of the answer, in [0, 1].
    pub fn take(&mut self, score: f64) {
        let Some(last) = self.last.replace(score) else { return };
        if self.again >= REPEATS {
            (self.again, self.same) = (self.again / 2.0, self.same / 2.0);
        }
        self.again += 1.0;
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
    Some(Repeatability {
        n: again.len() as u64,
        same: shares.iter().sum::<f64>() / n,
        interval: mean_interval(&shares, alpha)?,
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
        assert!(told.same > 0.99, "{told:?}");
    }

    #[test]
    fn a_hundred_answers_that_all_agree_are_no_certainty() {
        let told = of(&[scored(&[0.5, 0.5]); 100]);
        assert_eq!(told.same, 1.0);
        assert!((0.9..0.98).contains(&told.interval.lower), "{told:?}");
    }

    /// A judge that gives the grade below or above in a known share of scorings.
    #[test]
    fn simulation_the_interval_of_repeats_covers() {
        let mut random = Random::new(5);
        let mut covered = 0;
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
            // 0.1^2 + 0.1^2 + 0.8^2.
            covered += u32::from(told.interval.lower <= 0.66 && 0.66 <= told.interval.upper);
        }
        assert!((372..=400).contains(&covered), "{covered} of 400");
    }
}
