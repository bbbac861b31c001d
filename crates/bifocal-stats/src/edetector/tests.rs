use proptest::prelude::*;

use super::*;
use crate::baseline::Baseline;
use crate::test_random::Random;

/// The value at which evidence first reaches the threshold, counted from 1.
fn first_alarm(detector: &mut Detector, threshold: f64, values: impl Iterator<Item = f64>) -> Option<usize> {
    values.zip(1..).find(|(x, _)| detector.step(*x, threshold).alarm).map(|(_, n)| n)
}

fn allowed(bound: f64, runs: u32) -> f64 {
    bound + 2.0 * (bound * (1.0 - bound) / f64::from(runs)).sqrt()
}

#[test]
fn the_shares_are_geometric() {
    for (k, share) in SHARES.iter().enumerate() {
        let want = 0.01 * 90f64.powf(k as f64 / 9.0);
        assert!((share / want - 1.0).abs() < 1e-14, "{k}: {share} {want}");
    }
}

#[test]
fn one_step_by_hand() {
    let mut detector = Detector::degradation(0.8, 1.0);
    // The value wins (0.8 - 0.7) / (1 - 0.8) = 1/2 of a stake, so M_k = 1 + g_k / 2.
    let sum: f64 = SHARES.iter().sum();
    let one = 1.0 + 0.05 * sum;
    assert!((detector.update(0.7) - one).abs() < 1e-12);
    // Lost stakes: M_k = (1 + g_k / 2 + 1)(1 - g_k).
    let two = SHARES.iter().map(|g| (2.0 + 0.5 * g) * (1.0 - g)).sum::<f64>() / 10.0;
    assert!((detector.update(1.0) - two).abs() < 1e-12);
    assert_eq!(detector.n(), 2);
    detector.reset();
    assert_eq!((detector.evidence(), detector.n(), detector.onset_index()), (0.0, 0, None));
}

#[test]
fn false_alarms_keep_the_bound_with_a_known_mean() {
    let (runs, horizon, threshold) = (600u32, 1_500, 5_000.0);
    let mut random = Random::new(51);
    for shape in [0.1, 1.0, 9.0] {
        let alarms = (0..runs)
            .filter(|_| {
                let mut detector = Detector::degradation(shape / (shape + 1.0), 1.0);
                first_alarm(&mut detector, threshold, (0..horizon).map(|_| random.power(shape))).is_some()
            })
            .count();
        let share = alarms as f64 / f64::from(runs);
        assert!(share <= allowed(f64::from(horizon) / threshold, runs), "{shape}: {share}");
    }
}

#[test]
fn false_alarms_keep_the_bound_with_a_learnt_baseline() {
    let (runs, horizon, threshold) = (400u32, 2_500, 5_000.0);
    let mut random = Random::new(52);
    for shape in [0.2, 2.0] {
        let alarms = (0..runs)
            .filter(|_| {
                let mut baseline = Baseline::default();
                (0..500).for_each(|_| baseline.push(random.power(shape), Default::default()));
                let mut detector = Detector::degradation(baseline.lcb(), 1.0);
                first_alarm(&mut detector, threshold, (0..horizon).map(|_| random.power(shape))).is_some()
            })
            .count();
        let share = alarms as f64 / f64::from(runs);
        assert!(share <= allowed(f64::from(horizon) / threshold, runs), "{shape}: {share}");
        // With the lower bound the real rate is far below what is promised.
        assert!(share <= 0.1, "{shape}: {share}");
    }
}

/// Autocorrelated noise around a constant conditional mean is allowed by the theorem.
#[test]
fn false_alarms_keep_the_bound_when_variance_depends_on_the_past() {
    let (runs, horizon, threshold) = (600u32, 1_500, 5_000.0);
    let mut random = Random::new(53);
    let alarms = (0..runs)
        .filter(|_| {
            let mut detector = Detector::degradation(0.5, 1.0);
            let mut last: f64 = 0.5;
            let values = (0..horizon).map(|_| {
                let spread = if last < 0.5 { 0.5 } else { 0.1 };
                last = 0.5 + spread * (2.0 * random.uniform() - 1.0);
                last
            });
            first_alarm(&mut detector, threshold, values).is_some()
        })
        .count();
    let share = alarms as f64 / f64::from(runs);
    assert!(share <= allowed(f64::from(horizon) / threshold, runs), "{share}");
}

/// A shift of 0.8 standard deviations is found in some 25 to 45 values at A = 5,000, and the onset is near the truth.
#[test]
fn delay_and_onset_of_a_large_shift() {
    let (runs, before, threshold) = (300u32, 1_000usize, 5_000.0);
    let mut random = Random::new(54);
    // Uniform on [0.4, 1]: mean 0.7, sd 0.173. The shift is 0.139.
    let sd = 0.6 / 12f64.sqrt();
    let mut delays = 0.0;
    let mut off = Vec::new();
    let mut done = 0u32;
    for _ in 0..runs {
        let mut baseline = Baseline::default();
        (0..500).for_each(|_| baseline.push(0.4 + 0.6 * random.uniform(), Default::default()));
        let mut detector = Detector::degradation(baseline.lcb(), 1.0);
        let values = (0..before + 2_000).map(|i| {
            let x = 0.4 + 0.6 * random.uniform();
            if i < before { x } else { x - 0.8 * sd }
        });
        let Some(n) = first_alarm(&mut detector, threshold, values) else { continue };
        if n > before {
            done += 1;
            delays += (n - before) as f64;
            off.push((detector.onset_index().unwrap() as f64 - before as f64).abs());
        }
    }
    assert!(done >= runs * 97 / 100, "{done} of {runs} found after the change");
    let delay = delays / f64::from(done);
    assert!((20.0..45.0).contains(&delay), "{delay}");
    off.sort_by(f64::total_cmp);
    let median_off = off[off.len() / 2];
    assert!(median_off <= 10.0, "{median_off}");
}

#[test]
fn recovery_is_seen_and_a_lasting_degradation_is_not_taken_for_one() {
    let mut random = Random::new(55);
    let (runs, threshold) = (200u32, 1_000.0);
    let mut found = 0.0;
    let mut false_recoveries = 0u32;
    for _ in 0..runs {
        let mut detector = Detector::recovery(0.7, 0.02);
        let back = first_alarm(&mut detector, threshold, (0..2_000).map(|_| random.power(3.0)));
        found += back.unwrap() as f64;
        let mut detector = Detector::recovery(0.7, 0.02);
        let still_bad = (0..100).map(|_| random.power(1.5));
        false_recoveries += u32::from(first_alarm(&mut detector, threshold, still_bad).is_some());
    }
    let delay = found / f64::from(runs);
    assert!((20.0..250.0).contains(&delay), "{delay}");
    assert!(f64::from(false_recoveries) / f64::from(runs) <= allowed(0.1, runs), "{false_recoveries}");
}

#[test]
fn two_sides() {
    let mut random = Random::new(56);
    let mut both = TwoSided::new(0.0, -1.0, 1.0);
    for _ in 0..500 {
        both.update(random.uniform() - 0.5);
    }
    assert!(both.evidence() < 1_000.0, "{}", both.evidence());
    for _ in 0..200 {
        both.update(random.uniform() - 0.35);
    }
    assert!(both.evidence() > 1_000.0 && !both.fell(), "{}", both.evidence());
    let onset = both.onset_index().unwrap();
    assert!((440..560).contains(&onset), "{onset}");
    both.reset();
    assert_eq!(both, TwoSided::new(0.0, -1.0, 1.0));
}

#[test]
fn evidence_is_finite_however_long_the_change_lasts() {
    for mut detector in [
        Detector::degradation(1.0, 1.0),
        Detector::degradation(0.999_999_9, 1.0),
        Detector::degradation(f64::NAN, f64::INFINITY),
        Detector::improvement(0.0, 0.0),
    ] {
        for x in [0.0, f64::NEG_INFINITY, f64::INFINITY, f64::NAN, 1.0] {
            for _ in 0..2_000 {
                let evidence = detector.update(x);
                assert!(evidence.is_finite() && evidence >= 0.0, "{evidence}");
            }
        }
    }
}

#[test]
fn state_is_small_and_goes_on_bit_for_bit() {
    assert!(size_of::<Detector>() <= 240, "{}", size_of::<Detector>());
    let mut random = Random::new(57);
    let mut detector = Detector::degradation(0.61, 1.0);
    for _ in 0..1_000 {
        detector.update(random.uniform());
    }
    let mut from_json: Detector = serde_json::from_str(&serde_json::to_string(&detector).unwrap()).unwrap();
    let mut from_binary: Detector = rmp_serde::from_slice(&rmp_serde::to_vec(&detector).unwrap()).unwrap();
    for _ in 0..1_000 {
        let x = random.uniform();
        let evidence = detector.update(x).to_bits();
        assert_eq!(from_json.update(x).to_bits(), evidence);
        assert_eq!(from_binary.update(x).to_bits(), evidence);
    }
    assert_eq!((&from_json, &from_binary), (&detector, &detector));
}

proptest! {
    #[test]
    fn lower_values_are_never_less_evidence(values in prop::collection::vec((0.0..=1.0f64, 0.0..=1.0f64), 1..60)) {
        let mut high = Detector::degradation(0.6, 1.0);
        let mut low = Detector::degradation(0.6, 1.0);
        for (a, b) in values {
            let (a, b) = (high.update(a.max(b)), low.update(a.min(b)));
            prop_assert!(a <= b * (1.0 + 1e-12), "{a} {b}");
        }
    }
}
