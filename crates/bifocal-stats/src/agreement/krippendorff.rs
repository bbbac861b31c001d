//! Krippendorff's alpha: any number of raters, with gaps.

use super::bootstrap;
use crate::estimate::Interval;

/// How values differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Same or not.
    Nominal,
    /// By how many values lie between them.
    Ordinal,
    /// By their distance.
    Interval,
}

/// alpha = 1 - D_o / D_e (Krippendorff, "Computing Krippendorff's alpha-reliability", 2011): observed disagreement within
/// units over that of all values thrown together.
///
/// Ordinal differences are differences of mid-ranks, for the sum of n_g from c to k less half of both ends is the
/// difference of two mid-ranks; so that all three metrics take one pass. Units with fewer than two values, and values
/// that are no numbers, are left out. `None` where nothing differs at all.
pub fn krippendorff(units: &[Vec<f64>], metric: Metric) -> Option<f64> {
    Ranked::of(units).weighted(&vec![1; units.len()], metric)
}

/// Its bootstrap interval over units.
pub fn krippendorff_interval(
    units: &[Vec<f64>],
    metric: Metric,
    rounds: u32,
    seed: u64,
    alpha: f64,
) -> Option<Interval> {
    let ranked = Ranked::of(units);
    bootstrap(units.len(), rounds, seed, alpha, |times| ranked.weighted(times, metric))
}

/// The units with every value replaced by its place among the distinct ones.
struct Ranked {
    values: Vec<f64>,
    units: Vec<Vec<usize>>,
}

impl Ranked {
    fn of(units: &[Vec<f64>]) -> Self {
        let mut values: Vec<f64> = units.iter().flatten().copied().filter(|x| x.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        // 0.0 and -0.0 are one value.
        values.dedup_by(|a, b| a == b);
        let place = |x: &f64| values.partition_point(|value| value < x);
        let of_unit = |unit: &Vec<f64>| unit.iter().filter(|x| x.is_finite()).map(place).collect();
        let units = units.iter().map(of_unit).collect();
        Self { values, units }
    }

    fn weighted(&self, times: &[u32], metric: Metric) -> Option<f64> {
        let paired = || self.units.iter().zip(times).filter(|(unit, times)| unit.len() > 1 && **times > 0);
        let mut counts = vec![0.0; self.values.len()];
        for (unit, times) in paired() {
            unit.iter().for_each(|at| counts[*at] += f64::from(*times));
        }
        let scale = match metric {
            Metric::Nominal => None,
            Metric::Ordinal => Some(mid_ranks(&counts)),
            Metric::Interval => Some(self.values.clone()),
        };
        let n: f64 = counts.iter().sum();
        let expected = spread(counts.iter().copied().enumerate(), scale.as_deref());
        let within = |(unit, times): (&Vec<usize>, &u32)| {
            let mut tally: Vec<(usize, f64)> = Vec::with_capacity(unit.len());
            for at in unit {
                match tally.iter_mut().find(|(known, _)| known == at) {
                    Some((_, count)) => *count += 1.0,
                    None => tally.push((*at, 1.0)),
                }
            }
            f64::from(*times) * spread(tally.into_iter(), scale.as_deref()) / (unit.len() as f64 - 1.0)
        };
        let observed: f64 = paired().map(within).sum();
        (expected > 0.0).then(|| 1.0 - (n - 1.0) * observed / expected)
    }
}

/// Sum of n_c n_k d(c, k)^2 over all ordered pairs: on a scale, or same and not.
fn spread(counts: impl Iterator<Item = (usize, f64)>, scale: Option<&[f64]>) -> f64 {
    let (mut n, mut sum, mut squares, mut own) = (0.0, 0.0, 0.0, 0.0);
    // Around the first value, so that nothing is lost where values are far from 0.
    let mut origin = None;
    for (at, count) in counts {
        n += count;
        own += count * count;
        if let Some(x) = scale.and_then(|scale| scale.get(at)) {
            let x = x - *origin.get_or_insert(*x);
            sum += count * x;
            squares += count * x * x;
        }
    }
    let spread = if scale.is_some() { 2.0 * (n * squares - sum * sum) } else { n * n - own };
    // Rounding of equal values is no disagreement.
    if spread > 1e-12 * n * n { spread } else { 0.0 }
}

fn mid_ranks(counts: &[f64]) -> Vec<f64> {
    let mut below = 0.0;
    let rank = |count: &f64| {
        let middle = below + 0.5 * count;
        below += count;
        middle
    };
    counts.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Krippendorff (2011): four observers, twelve units, gaps.
    fn example() -> Vec<Vec<f64>> {
        let rows = [
            "1 2 3 3 2 1 4 1 2 . . .",
            "1 2 3 3 2 2 4 1 2 5 . 3",
            ". 3 3 3 2 3 4 2 2 5 1 .",
            "1 2 3 3 2 4 4 1 2 5 1 .",
        ];
        let unit = |i: usize| rows.iter().filter_map(|row| row.split(' ').nth(i)?.parse().ok()).collect();
        (0..12).map(unit).collect()
    }

    #[test]
    fn the_published_example() {
        for (metric, published) in
            [(Metric::Nominal, 0.743), (Metric::Ordinal, 0.815), (Metric::Interval, 0.849)]
        {
            let alpha = krippendorff(&example(), metric).unwrap();
            assert!((alpha - published).abs() < 6e-4, "{metric:?}: {alpha}");
            let shown = krippendorff_interval(&example(), metric, 1_000, 3, 0.05).unwrap();
            assert!(shown.contains(alpha) && shown.upper <= 1.0, "{metric:?}: {shown:?}");
        }
    }

    #[test]
    fn nothing_that_differs_says_nothing() {
        assert_eq!(krippendorff(&[], Metric::Interval), None);
        assert_eq!(krippendorff(&[vec![0.1, 0.1], vec![0.1, 0.1]], Metric::Interval), None);
        assert_eq!(
            krippendorff(&[vec![0.5], vec![f64::NAN, 0.7]], Metric::Nominal),
            None,
            "nothing is paired"
        );
        let same = krippendorff(&[vec![0.25, 0.25], vec![0.75, 0.75]], Metric::Ordinal);
        assert_eq!(same, Some(1.0));
    }
}
