//! The interval of a statistic of units by drawing units again.

use crate::drift::Seeded;
use crate::estimate::Interval;

/// The percentile interval at level 1 - `alpha` (Efron 1979): `rounds` times as many units as there are, drawn with
/// replacement; `statistic` gets how often each was drawn. Rounds in which it has no value are left out; `None` when
/// that are more than half of them, or without units or rounds.
///
/// Assumes units drawn independently of each other. Below some 20 units, and for an agreement near 1, it is too narrow.
pub fn bootstrap(
    units: usize,
    rounds: u32,
    seed: u64,
    alpha: f64,
    statistic: impl Fn(&[u32]) -> Option<f64>,
) -> Option<Interval> {
    let mut random = Seeded::new(seed);
    let mut values = Vec::with_capacity(rounds as usize);
    let mut times = vec![0_u32; units];
    for _ in 0..rounds {
        times.fill(0);
        for _ in 0..units {
            if let Some(drawn) = times.get_mut(random.below(units)) {
                *drawn += 1;
            }
        }
        values.extend(statistic(&times).filter(|value| value.is_finite()));
    }
    if units == 0 || values.is_empty() || values.len() * 2 < rounds as usize {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = 0.5 * alpha.clamp(0.0, 1.0);
    Some(Interval { lower: quantile(&values, tail), upper: quantile(&values, 1.0 - tail) })
}

/// Between the two nearest ranks (type 7, the default of R and NumPy).
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let at = q * (sorted.len().saturating_sub(1)) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the ranks")]
    let below = at.floor() as usize;
    let low = sorted.get(below).copied().unwrap_or(0.0);
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    low + (at - below as f64) * (high - low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_that_of_theory() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 2)).collect();
        let mean = |times: &[u32]| {
            let sum: f64 = times.iter().zip(&values).map(|(n, value)| f64::from(*n) * value).sum();
            Some(sum / values.len() as f64)
        };
        let shown = bootstrap(values.len(), 2_000, 7, 0.05, mean).unwrap();
        // 1.96 sqrt(0.25 / 400) = 0.049
        assert!((shown.lower - 0.451).abs() < 0.005 && (shown.upper - 0.549).abs() < 0.005, "{shown:?}");
        assert_eq!(bootstrap(values.len(), 2_000, 7, 0.05, mean), Some(shown), "the same seed");
        assert_eq!(bootstrap(0, 100, 7, 0.05, |_| Some(1.0)), None);
        assert_eq!(bootstrap(5, 100, 7, 0.05, |_| None), None);
    }
}
