//! Golden values are those of `tests/golden/betting.py`.

use bifocal_model::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::empirical_bernstein::BernsteinSequence;
use crate::test_random::Random;

fn golden_values() -> Vec<f64> {
    (1..=120).map(|i| (f64::from(i) * 0.6180339887498949 % 1.0).powi(3)).collect()
}

const GOLDEN_FIXED: (f64, f64) = (0.19795802, 0.31329686);
const GOLDEN_SEQUENCE: (f64, f64) = (0.17, 0.3325);
const GOLDEN_BERNSTEIN: (f64, f64) = (0.15426735226500457, 0.34290991927007397);

#[test]
fn golden_intervals() {
    let values = golden_values();
    let fixed = interval(&values, 0.05);
    assert!(
        (fixed.lower - GOLDEN_FIXED.0).abs() < 1e-4 && (fixed.upper - GOLDEN_FIXED.1).abs() < 1e-4,
        "{fixed:?}"
    );
    let mut sequence = BettingSequence::new(0.05);
    let mut bernstein = BernsteinSequence::new(0.05);
    for x in &values {
        sequence.update(*x);
        bernstein.update(*x);
    }
    let got = sequence.interval().unwrap();
    assert!(
        (got.lower - GOLDEN_SEQUENCE.0).abs() < 1e-9 && (got.upper - GOLDEN_SEQUENCE.1).abs() < 1e-9,
        "{got:?}"
    );
    let got = bernstein.interval();
    assert!((got.lower - GOLDEN_BERNSTEIN.0).abs() < 1e-9, "{got:?}");
    assert!((got.upper - GOLDEN_BERNSTEIN.1).abs() < 1e-9, "{got:?}");
}

/// The share of streams that ever leave the truth outside, looked at after every value from 50 to 3,000.
#[test]
fn the_sequence_misses_at_most_alpha_at_any_time() {
    let runs = 400u32;
    let mut random = Random::new(31);
    for shape in [0.1, 1.0, 9.0] {
        let truth = shape / (shape + 1.0);
        let mut misses = 0u32;
        for _ in 0..runs {
            let mut sequence = BettingSequence::new(0.05);
            let missed = (1..=3_000).any(|n| {
                sequence.update(random.power(shape));
                n >= 50 && !sequence.interval().is_some_and(|interval| interval.contains(truth))
            });
            misses += u32::from(missed);
        }
        let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt();
        assert!(f64::from(misses) / f64::from(runs) <= allowed, "{shape}: {misses} of {runs}");
    }
}

#[test]
fn the_one_sided_bound_misses_at_most_alpha() {
    let runs = 2_000u32;
    let mut random = Random::new(32);
    for shape in [0.05, 0.5, 3.0] {
        let truth = shape / (shape + 1.0);
        let misses = (0..runs)
            .filter(|_| {
                let values: Vec<f64> = (0..200).map(|_| random.power(shape)).collect();
                lower_bound(&values, 0.05) > truth
            })
            .count();
        let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt();
        assert!(misses as f64 / f64::from(runs) <= allowed, "{shape}: {misses}");
    }
}

#[test]
fn a_change_empties_the_set() {
    let mut random = Random::new(33);
    let mut sequence = BettingSequence::new(0.05);
    for i in 0..4_000 {
        sequence.update(if i < 1_000 { 0.5 + 0.5 * random.uniform() } else { 0.5 * random.uniform() });
    }
    assert_eq!(sequence.interval(), None);
    let window = Window { start: Timestamp::from_secs(0), end: Timestamp::from_secs(1) };
    assert_eq!(sequence.estimate(4_000.0, window), None);
}

#[test]
fn the_grid_has_its_points_and_no_interval_is_finer() {
    // 0.5 is a point of the grid: its neighbours are refused, itself never.
    let mut sequence = BettingSequence::new(0.05);
    (0..4_000).for_each(|_| sequence.update(0.5));
    let interval = sequence.interval().unwrap();
    let step = 1.0 / BETTING_GRID as f64;
    assert!((interval.lower - (0.5 - step)).abs() < 1e-12, "{interval:?}");
    assert!((interval.upper - (0.5 + step)).abs() < 1e-12, "{interval:?}");
    let points = GRID + 1;
    assert_eq!((sequence.above.len(), sequence.below.len()), (points, points), "values add no points");
}

#[test]
fn few_values_and_equal_values() {
    assert_eq!(interval(&[], 0.05), Interval::UNIT);
    assert_eq!(interval(&[f64::NAN], 0.05), Interval::UNIT);
    assert_eq!(lower_bound(&[], 0.05), 0.0);
    assert!(interval(&[0.3], 0.05).width() > 0.9, "one value says next to nothing");
    let ones = interval(&[1.0; 500], 0.05);
    assert!(ones.upper == 1.0 && ones.lower < 1.0 && ones.lower > 0.98, "{ones:?}");
    let zeros = interval(&[0.0; 500], 0.05);
    assert!((zeros.upper - (1.0 - ones.lower)).abs() < 1e-12 && zeros.lower == 0.0);
}

#[test]
fn a_sequence_read_back_goes_on_bit_for_bit() {
    let mut random = Random::new(34);
    let mut sequence = BettingSequence::new(0.05);
    (0..300).for_each(|_| sequence.update(random.power(0.3)));
    let mut from_json: BettingSequence =
        serde_json::from_str(&serde_json::to_string(&sequence).unwrap()).unwrap();
    let mut from_binary: BettingSequence =
        rmp_serde::from_slice(&rmp_serde::to_vec(&sequence).unwrap()).unwrap();
    for _ in 0..300 {
        let x = random.power(0.3);
        sequence.update(x);
        from_json.update(x);
        from_binary.update(x);
    }
    assert_eq!(from_json, sequence);
    assert_eq!(from_binary, sequence);
}

proptest! {
    #[test]
    fn intervals_are_ordered(values in prop::collection::vec(0.0..=1.0f64, 1..120)) {
        let interval = interval(&values, 0.05);
        prop_assert!(0.0 <= interval.lower && interval.lower <= interval.upper && interval.upper <= 1.0);
    }

    /// What the bisection rests on: every mean below the bound is refused.
    #[test]
    fn what_is_refused_is_an_interval(
        values in prop::collection::vec(prop_oneof![0.0..=1.0f64, Just(0.0), Just(1.0), 0.4..0.5f64], 1..150),
        sorted in any::<bool>(),
    ) {
        let mut values = values;
        if sorted {
            values.sort_by(f64::total_cmp);
        }
        let bound = lower_bound(&values, 0.05);
        let stakes = stakes(&values);
        for step in 0..200 {
            let m = bound * f64::from(step) / 200.0;
            prop_assert!(bound == 0.0 || refuses(&stakes, m, 0.05), "{m} is kept below {bound}");
        }
    }
}
