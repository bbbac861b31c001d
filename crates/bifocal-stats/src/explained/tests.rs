use super::*;
use crate::test_random::Random;

/// Scores of which the first signal explains a share; three more signals say nothing.
fn answer(random: &mut Random, share: f64) -> ([f64; 4], f64) {
    let signals = [0; 4].map(|_| random.uniform());
    let score = share.sqrt() * signals[0] + (1.0 - share).sqrt() * random.uniform();
    (signals, score / (share.sqrt() + (1.0 - share).sqrt()))
}

fn learnt(random: &mut Random, share: f64, n: usize) -> Explained {
    let mut explained = Explained::default();
    for _ in 0..n {
        let (signals, score) = answer(random, share);
        explained.take(&signals, score);
    }
    explained
}

#[test]
fn what_signals_explain_is_found_and_nothing_else() {
    let mut random = Random::new(41);
    for share in [0.0, 0.1, 0.3, 0.7] {
        let rho2 = learnt(&mut random, share, 3_000).rho2(0.05).unwrap();
        assert!((rho2.value - share).abs() < 0.04, "{share}: {rho2:?}");
        assert!(rho2.interval.contains(rho2.value), "{rho2:?}");
    }
    assert!(learnt(&mut random, 0.5, 199).rho2(0.05).is_none(), "99 were foretold");
    let rho2 = learnt(&mut random, 0.5, 200).rho2(0.05).unwrap();
    assert!((rho2.n - 100.0).abs() < 1e-9);
}

/// The guarantee: of 1,000 made-up targets, the interval holds the share that can be explained in 93 of 100.
#[test]
fn simulation_the_interval_covers() {
    let mut random = Random::new(42);
    for share in [0.05, 0.3, 0.6] {
        // A fit of so many answers explains all but a hair of what can be explained.
        let held = (0..1_000).filter(|_| {
            let mut explained = learnt(&mut random, share, 1_000);
            explained.pairs = Pairs::default();
            for _ in 0..500 {
                let (signals, score) = answer(&mut random, share);
                explained.take(&signals, score);
            }
            explained.rho2(0.05).unwrap().interval.contains(share)
        });
        let held = held.count();
        assert!(held >= 930, "{share}: {held} of 1,000");
    }
    // The control: an interval of half the width does not.
    let held = (0..1_000).filter(|_| {
        let mut pairs = Pairs::default();
        for _ in 0..500 {
            let (signals, score) = answer(&mut random, 0.3);
            pairs.add(score, signals[0]);
        }
        squared_correlation(pairs.correlation(), 2_000.0, 0.05).contains(0.3)
    });
    assert!(held.count() < 800);
}

#[test]
fn a_judge_who_changes_is_learnt_within_some_thousand() {
    let mut random = Random::new(43);
    let mut explained = learnt(&mut random, 0.6, 10_000);
    assert!(explained.rho2(0.05).unwrap().n <= MEMORY);
    for _ in 0..12_000 {
        let (signals, score) = answer(&mut random, 0.0);
        explained.take(&signals, score);
    }
    assert!(explained.rho2(0.05).unwrap().value < 0.05);
}

#[test]
fn odd_values_are_no_nan() {
    let mut explained = Explained::default();
    for i in 0..400_u32 {
        let odd = [f64::NAN, f64::INFINITY, 7.0, f64::from(i % 2)];
        explained.take(&odd, if i % 5 == 0 { f64::NAN } else { 0.5 });
        explained.take(&[1.0], 0.5);
    }
    let rho2 = explained.rho2(0.05);
    assert!(rho2.is_none(), "scores that never vary are not foretold: {rho2:?}");
    for i in 0..600_u32 {
        explained.take(&[f64::NAN, 1e300, -1e300, f64::from(i % 2)], f64::from(i % 2));
    }
    let rho2 = explained.rho2(0.05).unwrap();
    assert!(rho2.value.is_finite() && rho2.interval.lower.is_finite(), "{rho2:?}");
    assert!(Rho2 { value: 0.3, ..rho2 }.saving(100.0, 1_000.0) < 0.3);
    assert!((Rho2 { value: 0.3, ..rho2 }.saving(5.0, 0.0) - 0.15).abs() < 1e-12);
}
