use bifocal_model::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::test_random::Random;

const WINDOW: Window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(3_600) };

fn weighted(value: f64, probability: f64) -> Weighted {
    Weighted { value, probability: Probability::new(probability).unwrap() }
}

fn equal(values: &[f64]) -> Vec<Weighted> {
    values.iter().map(|value| weighted(*value, 0.05)).collect()
}

fn estimate(samples: &[Weighted]) -> Estimate {
    interval(samples, 0.0, WINDOW, 0.05).unwrap()
}

#[test]
fn no_samples_no_estimate() {
    assert_eq!(interval(&[], 100.0, WINDOW, 0.05), None);
    assert_eq!(interval(&[weighted(f64::NAN, 0.5)], 100.0, WINDOW, 0.05), None);
}

#[test]
fn the_rule_at_its_edges() {
    let half = |n: usize| (0..n).map(|i| if i % 2 == 0 { 0.4 } else { 0.6 }).collect::<Vec<_>>();
    let method = |values: &[f64]| estimate(&equal(values)).method;
    assert_eq!(method(&half(59)), Method::Betting, "50 judged, but 59 x 0.5 < 30");
    assert_eq!(method(&half(62)), Method::StudentT);
    // 1,000 x 0.02 < 30 and 1,000 x 0.98 > 30.
    let rare: Vec<f64> = (0..1_000).map(|i| if i % 50 == 0 { 1.0 } else { 0.0 }).collect();
    assert_eq!(method(&rare), Method::Betting);
    let common: Vec<f64> = rare.iter().map(|x| 1.0 - x).collect();
    assert_eq!(method(&common), Method::Betting);
    // Mass enough, but fewer than 50.
    assert_eq!(method(&half(49)), Method::Betting);
    // All the same: a t interval would be a point.
    let same = estimate(&equal(&[0.75; 500]));
    assert_eq!(same.method, Method::Betting);
    assert!(same.lower < 0.75 && same.upper > 0.75);
}

#[test]
fn student_t_is_the_textbook_interval() {
    let values: Vec<f64> = (0..100).map(|i| f64::from(i % 10) / 10.0).collect();
    let estimate = estimate(&equal(&values));
    assert_eq!(estimate.method, Method::StudentT);
    // Mean 0.45, variance 0.0825 x 100 / 99; SciPy's stats.t.ppf(0.975, 99) = 1.98421695158642.
    let margin = 1.984_216_951_586_42 * (0.0825f64 / 99.0).sqrt();
    assert!((estimate.value - 0.45).abs() < 1e-12);
    assert!((estimate.upper - estimate.value - margin).abs() < 1e-9, "{estimate:?} {margin}");
}

#[test]
fn unequal_probabilities_weigh() {
    // 100 of 100 bad ones judged, 100 of 900 good ones judged.
    let mut samples: Vec<Weighted> =
        (0..100).map(|i| weighted(0.2 + 0.001 * f64::from(i % 3), 1.0)).collect();
    samples.extend((0..100).map(|i| weighted(0.8 + 0.001 * f64::from(i % 3), 1.0 / 9.0)));
    let estimate = interval(&samples, 1_000.0, WINDOW, 0.05).unwrap();
    assert!((estimate.value - 0.741).abs() < 1e-3, "{estimate:?}");
    assert_eq!((estimate.n_judged, estimate.n_total), (200, 1_000.0));
}

#[test]
fn a_total_below_the_samples_is_not_believed() {
    for total in [3.0, f64::NAN, f64::INFINITY, -1.0] {
        assert_eq!(interval(&equal(&[0.5; 10]), total, WINDOW, 0.05).unwrap().n_total, 10.0);
    }
}

/// The promise of the rule: at least 93% of intervals at 95% hold the truth, for scores skewed either way.
#[test]
fn coverage_on_skewed_scores() {
    let runs = 800u32;
    let mut random = Random::new(41);
    for shape in [0.02, 0.05, 0.2, 0.5, 2.0, 20.0] {
        for n in [20, 50, 100, 200] {
            let truth = shape / (shape + 1.0);
            let hits = (0..runs)
                .filter(|_| {
                    let values: Vec<f64> = (0..n).map(|_| random.power(shape)).collect();
                    let Estimate { lower, upper, .. } = estimate(&equal(&values));
                    lower <= truth && truth <= upper
                })
                .count();
            let coverage = hits as f64 / f64::from(runs);
            assert!(coverage >= 0.93, "shape {shape}, n {n}: {coverage}");
        }
    }
}

/// Two strata judged at different rates. The truth is the mean of the traffic that was drawn from.
fn coverage_of_strata(
    random: &mut Random,
    strata: [(f64, f64, f64); 2],
    traffic: u32,
    runs: u32,
) -> (f64, Vec<Method>) {
    let mut methods = Vec::new();
    let truth: f64 = strata.iter().map(|(share, shape, _)| share * shape / (shape + 1.0)).sum();
    let hits = (0..runs)
        .filter(|_| {
            let mut samples = Vec::new();
            for _ in 0..traffic {
                let (_, shape, rate) = strata[usize::from(random.uniform() >= strata[0].0)];
                let value = random.power(shape);
                if random.uniform() < rate {
                    samples.push(weighted(value, rate));
                }
            }
            let Some(estimate) = interval(&samples, f64::from(traffic), WINDOW, 0.05) else { return false };
            if !methods.contains(&estimate.method) {
                methods.push(estimate.method);
            }
            estimate.lower <= truth && truth <= estimate.upper
        })
        .count();
    (hits as f64 / f64::from(runs), methods)
}

#[test]
fn coverage_with_unequal_probabilities() {
    let mut random = Random::new(42);
    // (share of traffic, shape of scores, rate) of two strata, traffic, the method that must have been used.
    let cases = [
        ([(0.7, 0.05, 0.05), (0.3, 0.3, 0.15)], 1_500, Method::Betting),
        ([(0.7, 9.0, 0.05), (0.3, 30.0, 0.15)], 1_500, Method::Betting),
        ([(0.5, 0.3, 0.05), (0.5, 3.0, 0.1)], 3_000, Method::StudentT),
        ([(0.5, 0.05, 0.02), (0.5, 0.05, 0.3)], 10_000, Method::AsymptoticSequence),
        ([(0.2, 0.2, 0.05), (0.8, 0.03, 0.3)], 3_000, Method::AsymptoticSequence),
        ([(0.5, 30.0, 0.03), (0.5, 30.0, 0.3)], 8_000, Method::AsymptoticSequence),
        // A dozen and thirty judged hold most of the weight.
        ([(0.2, 0.2, 0.02), (0.8, 0.03, 0.3)], 3_000, Method::Betting),
        ([(0.5, 0.05, 0.02), (0.5, 0.05, 0.3)], 3_000, Method::Betting),
        ([(0.1, 0.02, 0.3), (0.9, 0.1, 0.05)], 1_500, Method::Betting),
    ];
    for (strata, traffic, method) in cases {
        let (coverage, methods) = coverage_of_strata(&mut random, strata, traffic, 600);
        assert!(coverage >= 0.93, "{strata:?}: {coverage} by {methods:?}");
        assert!(methods.contains(&method), "{strata:?}: {methods:?}");
    }
}

proptest! {
    #[test]
    fn lower_value_upper_are_in_order(
        items in prop::collection::vec((-0.5..1.5f64, 0.001..=1.0f64), 1..150),
        alpha in 0.001..0.5f64,
    ) {
        let samples: Vec<Weighted> = items.iter().map(|(value, p)| weighted(*value, *p)).collect();
        let estimate = interval(&samples, 1e4, WINDOW, alpha).unwrap();
        prop_assert!(0.0 <= estimate.lower, "{estimate:?}");
        prop_assert!(estimate.lower <= estimate.value && estimate.value <= estimate.upper, "{estimate:?}");
        prop_assert!(estimate.upper <= 1.0, "{estimate:?}");
    }
}
