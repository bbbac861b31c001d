//! Histograms against the samples that they were made of.

use proptest::prelude::*;

use super::super::{Histogram, Scale, Seeded, distances, psi};
use crate::limits::HISTOGRAM_BINS;

fn histogram(values: &[f64]) -> Histogram {
    let mut histogram = Histogram::default();
    histogram.extend(values);
    histogram
}

fn draws(n: usize, seed: u64, of: impl Fn(&mut Seeded) -> f64) -> Vec<f64> {
    let mut random = Seeded::new(seed);
    (0..n).map(|_| of(&mut random)).collect()
}

/// Columns as they come: latencies, a narrow band, token counts, shares with many zeros, signed values.
fn columns() -> Vec<(&'static str, Vec<f64>, Vec<f64>)> {
    let n = 20_000;
    let count = |scale: f64| move |r: &mut Seeded| (scale * (0.8 * r.normal()).exp()).round();
    let share = |zero: f64| move |r: &mut Seeded| if r.uniform() < zero { 0.0 } else { r.uniform().powi(2) };
    vec![
        (
            "latency",
            draws(n, 1, |r| (0.9 * r.normal()).exp()),
            draws(n, 2, |r| (0.9 * r.normal() + 0.1).exp()),
        ),
        (
            "narrow",
            draws(n, 3, |r| 1_000.0 + 10.0 * r.normal()),
            draws(n, 4, |r| 1_002.0 + 10.0 * r.normal()),
        ),
        ("count", draws(n, 5, count(200.0)), draws(n, 6, count(240.0))),
        ("share", draws(n, 7, share(0.30)), draws(n, 8, share(0.36))),
        ("signed", draws(n, 9, |r| r.normal()), draws(n, 10, |r| 0.1 + 1.05 * r.normal())),
    ]
}

#[test]
fn distances_from_sketches_are_within_one_percent() {
    for (name, a, b) in columns() {
        let (sketch_a, sketch_b) = (histogram(&a), histogram(&b));
        for scale in [Scale::Linear, Scale::Log] {
            let exact = distances(&a, &b, scale).unwrap();
            let sketch = sketch_a.distances(&sketch_b, scale).unwrap();
            for (what, ours, theirs) in [
                ("ks", sketch.ks, exact.ks),
                ("wasserstein", sketch.wasserstein, exact.wasserstein),
                ("energy", sketch.energy, exact.energy),
            ] {
                assert!(
                    (ours - theirs).abs() <= 0.01 * theirs,
                    "{name} {scale:?} {what}: {ours}, exact {theirs}"
                );
            }
        }
    }
}

#[test]
fn the_stability_index_from_sketches_is_within_one_percent() {
    for (name, a, b) in columns() {
        let mut sorted = a.clone();
        sorted.sort_by(f64::total_cmp);
        let mut bounds: Vec<f64> = (1..10).map(|k| sorted[k * sorted.len() / 10 - 1]).collect();
        bounds.dedup();
        let cut = |values: &[f64]| {
            let mut counts = vec![0; bounds.len() + 1];
            values.iter().for_each(|value| counts[bounds.partition_point(|bound| bound < value)] += 1);
            counts
        };
        let exact = super::super::psi::index(&cut(&a), &cut(&b));
        let sketch = psi(&histogram(&a), &histogram(&b), 1, 1).unwrap().psi;
        eprintln!("{name}: {sketch:.5}, exact {exact:.5}");
        assert!((sketch - exact).abs() <= 0.01 * exact, "{name}: {sketch}, exact {exact}");
    }
}

#[test]
fn quantiles_are_within_one_percent() {
    for (name, a, _) in columns() {
        let sketch = histogram(&a);
        let mut sorted = a.clone();
        sorted.sort_by(f64::total_cmp);
        for percent in [1, 25, 50, 75, 99] {
            let exact = sorted[percent * sorted.len() / 100];
            let q = percent as f64 / 100.0;
            let ours = sketch.quantile(q).unwrap();
            assert!((ours - exact).abs() <= 0.01 * exact.abs() + 1e-3, "{name} {q}: {ours}, exact {exact}");
        }
        assert_eq!(sketch.quantile(f64::NAN), None);
        assert_eq!(Histogram::default().quantile(0.5), None);
    }
}

/// Values of all magnitudes, both signs, zero, and what is no number.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let any = prop_oneof![
        8 => (-1e6..1e6f64).boxed(),
        4 => (0.0..1.0f64).boxed(),
        2 => (0u32..50).prop_map(f64::from).boxed(),
        1 => proptest::num::f64::ANY.boxed(),
        1 => Just(0.0).boxed(),
    ];
    proptest::collection::vec(any, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn parts_add_up_in_any_split(values in values(), at in 0usize..300, swapped in any::<bool>()) {
        let (left, right) = values.split_at(at.min(values.len()));
        let (mut left, mut right) = (histogram(left), histogram(right));
        if swapped {
            std::mem::swap(&mut left, &mut right);
        }
        left.merge(&right);
        prop_assert_eq!(&left, &histogram(&values));
        let finite = values.iter().filter(|value| value.is_finite()).count() as u64;
        prop_assert_eq!((left.count(), left.not_finite()), (finite, values.len() as u64 - finite));
        let read: Histogram = serde_json::from_str(&serde_json::to_string(&left).unwrap()).unwrap();
        prop_assert_eq!(read, left);
    }

    #[test]
    fn every_value_lies_in_its_bin(value in proptest::num::f64::NORMAL, given_up in any::<bool>()) {
        let histogram = if given_up { Histogram::of_fixed_bins() } else { Histogram::default() };
        let (lower, upper) = histogram.edges(histogram.bin_of(value));
        let magnitude = value.abs();
        if magnitude < 2f64.powi(-40) {
            prop_assert_eq!((lower, upper), (0.0, 0.0));
        } else if magnitude < 2f64.powi(64) {
            prop_assert!(lower <= value && value <= upper, "{} in {}..{}", value, lower, upper);
            prop_assert!(upper - lower <= magnitude / 64.0);
        }
    }
}

#[test]
fn resolution_is_given_up_at_the_limit_and_never_below_one_percent() {
    // At 14 bits an octave has 16,384 bins: a quarter of one fits, a third does not.
    assert_eq!(HISTOGRAM_BINS, 4_096);
    let width = |histogram: &Histogram| {
        let (lower, upper) = histogram.edges(histogram.bin_of(1.0));
        upper - lower
    };
    assert_eq!(width(&histogram(&[1.0, 1.249])), 2f64.powi(-14));
    assert_eq!(width(&histogram(&[1.0, 1.3])), 2f64.powi(-13));
    assert_eq!(width(&histogram(&[1.0, 1e-12, -1e12, 1e12])), 2f64.powi(-6));
}
