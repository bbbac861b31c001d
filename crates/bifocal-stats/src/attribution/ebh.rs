//! e-BH: which of many e-values to believe, with a bound on the share of wrong ones.

/// The indices of the e-values that are believed, in ascending order: sorted from the largest, the first k with
/// `e_(k) >= K / (k alpha)` for the largest such k.
///
/// Theorem (Wang and Ramdas, arXiv 2009.02824): if each e-value of a true null has mean at most 1, the expected share
/// of true nulls among those believed is at most `alpha`, whatever the dependence between them. A NaN counts as 0.
pub fn e_bh(e_values: &[f64], alpha: f64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..e_values.len()).collect();
    let e = |i: usize| e_values.get(i).copied().filter(|e| !e.is_nan()).unwrap_or(0.0);
    order.sort_by(|&a, &b| e(b).total_cmp(&e(a)));
    let all = e_values.len() as f64;
    let believed = (1..=order.len()).rev().find(|&k| e(order[k - 1]) >= all / (k as f64 * alpha));
    order.truncate(believed.unwrap_or(0));
    order.sort_unstable();
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_random::Random;

    #[test]
    fn the_textbook_case() {
        // K = 4, alpha = 0.1: 40 for one, 20 for two, 13.3 for three, 10 for four.
        assert_eq!(e_bh(&[39.0, 1.0, 1.0, 1.0], 0.1), [] as [usize; 0]);
        assert_eq!(e_bh(&[1.0, 40.0, 1.0, 1.0], 0.1), [1]);
        assert_eq!(e_bh(&[21.0, 1.0, 20.0, 1.0], 0.1), [0, 2]);
        assert_eq!(e_bh(&[f64::NAN, 1.0, f64::INFINITY], 0.1), [2]);
        assert_eq!(e_bh(&[], 0.1), [] as [usize; 0]);
    }

    /// 20 e-values, all of true nulls, all the same number (the worst dependence): at most one run in ten believes any.
    /// The control believes every e-value above 1 / alpha and is wrong too often where they are independent.
    #[test]
    fn the_share_of_wrong_ones_is_bounded_and_without_it_is_not() {
        let mut random = Random::new(71);
        let runs = 2_000u32;
        let (mut kept, mut dependent, mut naive) = (0u32, 0u32, 0u32);
        // All or nothing, 200 or 10: the mean is 1 and the tail as heavy as it may be.
        let mut draw = || {
            let prize = if random.uniform() < 0.5 { 200.0 } else { 10.0 };
            if random.uniform() < 1.0 / prize { prize } else { 0.0 }
        };
        for _ in 0..runs {
            let independent: Vec<f64> = (0..20).map(|_| draw()).collect();
            kept += u32::from(!e_bh(&independent, 0.1).is_empty());
            dependent += u32::from(!e_bh(&[independent.first().copied().unwrap_or(0.0); 20], 0.1).is_empty());
            naive += u32::from(independent.iter().any(|e| *e >= 10.0));
        }
        let allowed = 0.1 + 2.0 * (0.09 / f64::from(runs)).sqrt();
        let share = |count: u32| f64::from(count) / f64::from(runs);
        assert!(share(kept) <= allowed && share(dependent) <= allowed, "{kept} {dependent}");
        assert!(share(naive) > allowed, "the control must err too often: {naive}");
    }
}
