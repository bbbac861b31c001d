//! Scores whose mean is moved down by weights: exponential tilting.
//!
//! Of all distributions on the same scores with the lower mean, weights exp(-theta s) give the one nearest to equal weights
//! (least Kullback-Leibler divergence; Csiszár, I-divergence geometry, 1975). It assumes that a fall makes low scores more
//! frequent and invents none; where no score is so low that the mean can fall so far, zeros are mixed in.

/// Bisections of theta.
const STEPS: usize = 100;
/// No theta is larger: all weight is then on the lowest score.
const THETA_MAX: f64 = 1e6;

/// Scores and how often each is drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tilted {
    values: Vec<f64>,
    /// Running sums of the weights; the last is 1.
    sums: Vec<f64>,
}

impl Tilted {
    /// The scores with a mean that is lower by `fall` >= 0; `None` without scores or where the mean would be below 0.
    pub(super) fn new(scores: &[f64], fall: f64) -> Option<Self> {
        if scores.is_empty() {
            return None;
        }
        let mean = mean(scores, |_| 1.0);
        let wanted = mean - fall;
        if wanted < 0.0 || !wanted.is_finite() {
            return None;
        }
        if fall <= 0.0 {
            return Some(Self::weighted(scores.to_vec(), |_| 1.0));
        }
        let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
        if wanted <= lowest {
            return Some(Self::with_zeros(scores, wanted / mean));
        }
        let tilted = |theta: f64| move |score: f64| (-theta * (score - lowest)).exp();
        let (mut low, mut high) = (0.0, THETA_MAX);
        for _ in 0..STEPS {
            let theta = 0.5 * (low + high);
            if self::mean(scores, tilted(theta)) > wanted { low = theta } else { high = theta }
        }
        Some(Self::weighted(scores.to_vec(), tilted(high)))
    }

    /// The score at a place in (0, 1).
    pub(super) fn draw(&self, place: f64) -> f64 {
        let at = self.sums.partition_point(|sum| *sum < place);
        self.values[at.min(self.values.len() - 1)]
    }

    fn with_zeros(scores: &[f64], kept: f64) -> Self {
        let mut values = scores.to_vec();
        values.push(0.0);
        let each = kept / scores.len() as f64;
        let mut sum = 0.0;
        let mut sums: Vec<f64> = scores
            .iter()
            .map(|_| {
                sum += each;
                sum
            })
            .collect();
        sums.push(1.0);
        Self { values, sums }
    }

    fn weighted(values: Vec<f64>, weight: impl Fn(f64) -> f64) -> Self {
        let total: f64 = values.iter().map(|value| weight(*value)).sum();
        let mut sum = 0.0;
        let sums = values
            .iter()
            .map(|value| {
                sum += weight(*value) / total;
                sum
            })
            .collect();
        Self { values, sums }
    }
}

fn mean(scores: &[f64], weight: impl Fn(f64) -> f64) -> f64 {
    let (sum, total) = scores.iter().fold((0.0, 0.0), |(sum, total), score| {
        let weight = weight(*score);
        (sum + weight * score, total + weight)
    });
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_of(tilted: &Tilted) -> f64 {
        let places = 100_000;
        (0..places).map(|i| tilted.draw((f64::from(i) + 0.5) / f64::from(places))).sum::<f64>()
            / f64::from(places)
    }

    #[test]
    fn the_mean_falls_by_what_was_asked_on_the_same_scores() {
        let scores: Vec<f64> = (0..=20).map(|i| f64::from(i) / 20.0).collect();
        for fall in [0.0, 0.01, 0.1, 0.3, 0.49] {
            let tilted = Tilted::new(&scores, fall).unwrap();
            assert!((mean_of(&tilted) - (0.5 - fall)).abs() < 1e-4, "{fall}: {}", mean_of(&tilted));
        }
        // Two values: the shares of a coin.
        let coin = Tilted::new(&[0.0, 1.0, 1.0, 1.0], 0.25).unwrap();
        assert!((coin.sums[0] - 0.5).abs() < 1e-9, "{:?}", coin.sums);
    }

    #[test]
    fn where_no_score_is_so_low_zeros_are_mixed_in() {
        let tilted = Tilted::new(&[0.9; 10], 0.09).unwrap();
        assert!((mean_of(&tilted) - 0.81).abs() < 1e-4);
        assert_eq!((tilted.draw(0.5), tilted.draw(0.95)), (0.9, 0.0));
    }

    #[test]
    fn what_cannot_be_is_none() {
        assert!(Tilted::new(&[], 0.1).is_none());
        assert!(Tilted::new(&[0.1], 0.2).is_none() && Tilted::new(&[0.1], f64::NAN).is_none());
        assert_eq!(Tilted::new(&[0.3, 0.3], 0.0).unwrap().draw(1.0), 0.3);
    }
}
