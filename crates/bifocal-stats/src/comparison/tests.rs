use super::*;
use crate::test_random::Random;

/// Values from a start until the first alarm.
fn run_length(detector: &Comparison, random: &mut Random, shift: f64, most: u32) -> u32 {
    let mut detector = detector.clone();
    detector.reset();
    if shift > 0.0 {
        (0..300).for_each(|_| {
            detector.update(random.uniform());
        });
    }
    (1..most).find(|_| detector.step(random.uniform() - shift)).unwrap_or(most)
}

fn all(reference: &[f64]) -> Vec<Comparison> {
    let sd = (1.0f64 / 12.0).sqrt();
    vec![
        Comparison::fixed_threshold(100, 0.45),
        Comparison::rolling_z(100, 0.5, sd),
        Comparison::cusum(0.5, sd),
        Comparison::page_hinkley(sd),
        Comparison::ks_window(100, reference).unwrap(),
    ]
}

#[test]
fn by_hand() {
    let mut fixed = Comparison::fixed_threshold(2, 0.5);
    assert_eq!((fixed.update(0.9), fixed.update(0.3)), (None, Some(0.5 - 0.6)));
    assert!(fixed.step(0.5), "the mean of 0.3 and 0.5 is below 0.5");
    let mut z = Comparison::rolling_z(4, 0.5, 0.2);
    let last = [0.3; 4].map(|x| z.update(x))[3].unwrap();
    assert!((last - 2.0).abs() < 1e-12, "{last}");
    let mut cusum = Comparison::cusum(0.5, 0.8);
    assert!((cusum.update(0.3).unwrap() - 0.1).abs() < 1e-12);
    assert_eq!(cusum.update(0.9), Some(0.0));
    let mut hinkley = Comparison::page_hinkley(1.0);
    assert_eq!(hinkley.update(0.5), Some(0.0));
    assert!((hinkley.update(0.1).unwrap() - (0.3 - 0.1 - 0.05)).abs() < 1e-12);
    let mut ks = Comparison::ks_window(2, &[0.1, 0.2, 0.3, 0.4]).unwrap();
    assert_eq!(ks.update(0.1), None);
    assert_eq!(ks.update(0.15), Some(1.0 - 0.25));
    assert_eq!(ks.update(0.9), Some(0.5 - 0.25));
}

#[test]
fn a_calibrated_limit_gives_the_mean_time_and_habits_do_not() {
    let mut random = Random::new(81);
    let reference: Vec<f64> = (0..2_000).map(|_| random.uniform()).collect();
    let target = 1_000;
    for detector in all(&reference) {
        let habit: u32 = (0..100).map(|_| run_length(&detector, &mut random, 0.0, 20_000)).sum();
        let name = detector.name();
        // The learnt mean of Page-Hinkley drifts with its own noise: only the order of magnitude is asked for.
        let detector = detector.calibrated(&reference, target, || random.uniform());
        let mean =
            f64::from((0..100).map(|_| run_length(&detector, &mut random, 0.0, 20_000)).sum::<u32>()) / 100.0;
        eprintln!("{name}: limit {:.4}, mean time {mean}, by habit {}", detector.limit(), habit / 100);
        assert!((600.0..2_000.0).contains(&mean), "{name}: {mean}");
        let delay: u32 = (0..40).map(|_| run_length(&detector, &mut random, 0.2, 20_000)).sum();
        assert!(delay < 40 * 110, "{name}: {delay}");
        if name == "rolling z" {
            assert!(habit / 100 < 1_500, "looked at after every value, 1.96 is crossed soon: {habit}");
        }
    }
}

#[test]
fn what_cannot_be_compared_is_no_number() {
    assert_eq!(Comparison::ks_window(10, &[]), None);
    assert_eq!(Comparison::ks_window(10, &[f64::NAN]), None);
    for mut detector in [
        Comparison::fixed_threshold(0, f64::NAN),
        Comparison::rolling_z(3, 0.5, 0.0),
        Comparison::rolling_z(3, 0.5, f64::NAN),
        Comparison::cusum(0.5, 0.0),
        Comparison::page_hinkley(f64::NAN),
    ] {
        detector = detector.calibrated(&[], 10, || 0.5);
        for x in [f64::NAN, f64::INFINITY, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0] {
            let statistic = detector.update(x);
            let fixed = detector.name() == "fixed threshold";
            assert!(fixed || statistic.is_none_or(f64::is_finite), "{detector:?}");
        }
    }
}

#[test]
fn a_state_read_back_goes_on_bit_for_bit() {
    let mut random = Random::new(82);
    let reference: Vec<f64> = (0..50).map(|_| random.uniform()).collect();
    for mut detector in all(&reference) {
        (0..250).for_each(|_| {
            detector.update(random.uniform());
        });
        let mut copy: Comparison = serde_json::from_str(&serde_json::to_string(&detector).unwrap()).unwrap();
        (0..250).for_each(|_| {
            let x = random.uniform();
            assert_eq!(copy.update(x).map(f64::to_bits), detector.update(x).map(f64::to_bits));
        });
    }
}
