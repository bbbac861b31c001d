//! Intervals of quantiles, without any assumption on the distribution.
//!
//! The number of n independent values below the q-quantile is binomial(n, q), so that the r-th and s-th smallest value
//! enclose it with a probability that is known exactly (Clopper and Pearson 1934, read backwards). Where inclusion
//! probabilities differ: Woodruff's interval (1952), the quantiles of the weighted sample at the two ends of the
//! interval of the share q, with the effective number of values of that share in the place of n (Korn and Graubard 1998).
//! That one is an approximation, good where many values lie on either side of the quantile.
//!
//! A quantile far out has an end that few values cannot show: the 99th percentile of 100 values has no upper bound, and
//! none is made up.

use crate::distribution::beta_quantile;

/// A quantile with its interval; an end that the sample cannot show is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileInterval {
    /// The quantile of the sample.
    pub value: f64,
    /// Lower end.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
}

/// The `q`-quantile of values with weights 1/pi, with its interval at level 1 - alpha. `None` without values, and for q
/// outside (0, 1). Items with a number that is not finite or a weight that is not positive are left out.
pub fn quantile(items: &[(f64, f64)], q: f64, alpha: f64) -> Option<QuantileInterval> {
    let mut items: Vec<(f64, f64)> =
        items.iter().copied().filter(|(x, w)| x.is_finite() && w.is_finite() && *w > 0.0).collect();
    if items.is_empty() || !(q > 0.0 && q < 1.0) {
        return None;
    }
    items.sort_by(|a, b| a.0.total_cmp(&b.0));
    let sum: f64 = items.iter().map(|(_, w)| w).sum();
    // The first value up to which more than this share of the weight lies.
    let at = |share: f64| {
        let mut weight = 0.0;
        let found = items.iter().find(|(_, w)| {
            weight += w;
            weight >= share * sum * (1.0 - 1e-12)
        });
        found.map(|(x, _)| *x)
    };
    let value = at(q).or_else(|| items.last().map(|(x, _)| *x))?;
    let (lower, upper) = ranks(q, effective_n(&items, value, q), alpha);
    let lower = lower.and_then(at).map(|x| x.min(value));
    let upper = upper.and_then(at).map(|x| x.max(value));
    Some(QuantileInterval { value, lower, upper })
}

/// How many values of equal weight would tell as much of the share below the quantile: q (1 - q) over the variance of
/// that share by linearisation. All of them where weights are equal.
fn effective_n(items: &[(f64, f64)], quantile: f64, q: f64) -> f64 {
    let n = items.len() as f64;
    let (least, most) =
        items.iter().fold((f64::INFINITY, 0.0f64), |(least, most), (_, w)| (least.min(*w), most.max(*w)));
    if most <= least * (1.0 + 1e-9) {
        return n;
    }
    let sum: f64 = items.iter().map(|(_, w)| w).sum();
    let below = |x: f64| if x <= quantile { 1.0 } else { 0.0 };
    let squares: f64 = items.iter().map(|(x, w)| (w * (below(*x) - q)).powi(2)).sum();
    let n_effective = q * (1.0 - q) * sum * sum / squares;
    if n_effective.is_finite() { n_effective.clamp(1.0, n) } else { 1.0 }
}

/// The shares at which a sample of `n` effective values is to be read for the ends of the interval of its
/// `q`-quantile, each at most 1; `None` for an end that such a sample cannot show.
pub fn ranks(q: f64, n: f64, alpha: f64) -> (Option<f64>, Option<f64>) {
    let tail = 0.5 * alpha.clamp(1e-12, 0.5);
    // r values below: the r-th smallest is a lower bound if P(binomial(n, q) < r) <= tail.
    let at_most = |r: f64| beta_upper(q, r + 1.0, n - r);
    let below = |r: f64| if r <= 0.0 { 0.0 } else { at_most(r - 1.0) };
    let mut low = (n * beta_quantile(tail, (n * q).max(1e-9), n * (1.0 - q) + 1.0)).floor();
    while low >= 1.0 && below(low) > tail {
        low -= 1.0;
    }
    while low + 1.0 <= n && below(low + 1.0) <= tail {
        low += 1.0;
    }
    // The s-th smallest is an upper bound if P(binomial(n, q) >= s) <= tail.
    let mut high = low.max(1.0);
    while high <= n && 1.0 - below(high) > tail {
        high += 1.0;
    }
    ((low >= 1.0).then_some(low / n), (high <= n).then_some(high / n))
}

/// P(binomial(n, q) <= a - 1) = 1 - I_q(a, b), for a = r + 1 and b = n - r.
fn beta_upper(q: f64, a: f64, b: f64) -> f64 {
    if b <= 0.0 { 1.0 } else { 1.0 - crate::distribution::incomplete_beta(a, b, q) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_random::Random;

    fn equal(values: &[f64]) -> Vec<(f64, f64)> {
        values.iter().map(|x| (*x, 7.0)).collect()
    }

    /// The textbook's ranks: of 100 values the 40th and the 61st enclose the median, of 20 the 6th and the 15th; and
    /// as SciPy's `stats.binom` says, of 1,000 the 936th and the 964th enclose the 95th percentile.
    #[test]
    fn textbook_ranks() {
        for (q, n, low, high) in
            [(0.5, 100.0, 40.0, 61.0), (0.5, 20.0, 6.0, 15.0), (0.95, 1_000.0, 936.0, 964.0)]
        {
            let (lower, upper) = ranks(q, n, 0.05);
            assert!((lower.unwrap() * n - low).abs() < 1e-9, "{q} of {n}: {lower:?}");
            assert!((upper.unwrap() * n - high).abs() < 1e-9, "{q} of {n}: {upper:?}");
        }
    }

    #[test]
    fn an_end_that_cannot_be_shown_is_none() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let p99 = quantile(&equal(&values), 0.99, 0.05).unwrap();
        assert_eq!((p99.value, p99.lower, p99.upper), (99.0, Some(97.0), None));
        let one = quantile(&equal(&[3.0]), 0.5, 0.05).unwrap();
        assert_eq!((one.value, one.lower, one.upper), (3.0, None, None));
        assert_eq!(quantile(&[], 0.5, 0.05), None);
        assert_eq!(quantile(&[(f64::NAN, 1.0), (1.0, 0.0), (1.0, f64::INFINITY)], 0.5, 0.05), None);
        for q in [0.0, 1.0, f64::NAN] {
            assert_eq!(quantile(&equal(&[1.0, 2.0]), q, 0.05), None);
        }
        let same = quantile(&equal(&[2.0; 60]), 0.5, 0.05).unwrap();
        assert_eq!((same.lower, same.upper), (Some(2.0), Some(2.0)));
    }

    /// Skewed values, equal weights and weights that differ by a factor of four: at least 95% less the error of the
    /// simulation, and with weights at least 93%.
    #[test]
    fn coverage_of_quantiles() {
        let mut random = Random::new(91);
        for (q, n) in [(0.5, 30), (0.5, 200), (0.9, 200), (0.95, 500)] {
            // The q-quantile of uniform^3.
            let truth = f64::powi(q, 3);
            for weighted in [false, true] {
                let runs = 2_000;
                let hits = (0..runs)
                    .filter(|_| {
                        let items: Vec<(f64, f64)> = std::iter::repeat_with(|| {
                            let u = random.uniform();
                            // Kept with a probability that falls with the value, weighed by its inverse.
                            let p = if weighted && u > 0.4 { 0.25 } else { 1.0 };
                            (random.uniform() < p).then(|| (u.powi(3), 1.0 / p))
                        })
                        .flatten()
                        .take(n)
                        .collect();
                        let found = quantile(&items, q, 0.05).unwrap();
                        found.lower.is_none_or(|x| x <= truth) && found.upper.is_none_or(|x| x >= truth)
                    })
                    .count();
                let coverage = hits as f64 / f64::from(runs);
                let least =
                    if weighted { 0.93 } else { 0.95 - 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt() };
                assert!(coverage >= least, "{q} of {n}, weighted {weighted}: {coverage}");
            }
        }
    }

    proptest! {
        #[test]
        fn ends_and_value_are_in_order(
            items in prop::collection::vec((0.0..1.0f64, 0.1..50.0f64), 1..200),
            q in 0.01..0.99f64,
        ) {
            let found = quantile(&items, q, 0.05).unwrap();
            prop_assert!(found.lower.is_none_or(|x| x <= found.value), "{found:?}");
            prop_assert!(found.upper.is_none_or(|x| x >= found.value), "{found:?}");
        }
    }
}
