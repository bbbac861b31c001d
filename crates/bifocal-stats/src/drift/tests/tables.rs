//! What p-values of tables promise: under no change they are below 0.05 in 5% of runs, and a change lowers them.

use super::super::{Histogram, Scale, Seeded, jensen_shannon, psi};

const RUNS: u32 = 400;

/// Between these many of 400 runs a true 5% falls with probability 0.998; a conservative test may have fewer.
const FEW: u32 = 8;
const MANY: u32 = 35;

fn sample(random: &mut Seeded, n: usize, shift: f64) -> Histogram {
    let mut histogram = Histogram::default();
    (0..n).for_each(|_| histogram.add((shift + random.normal()).exp()));
    histogram
}

fn below(mut p_value: impl FnMut(u64) -> f64) -> u32 {
    (0..RUNS).map(|run| u32::from(p_value(u64::from(run)) < 0.05)).sum()
}

#[test]
fn the_index_without_a_change_is_rarely_significant() {
    let mut random = Seeded::new(31);
    let mut over_folklore = 0;
    let hits = below(|run| {
        let (a, b) = (sample(&mut random, 200, 0.0), sample(&mut random, 150, 0.0));
        let found = psi(&a, &b, 200, run).unwrap();
        over_folklore += u32::from(found.psi > 0.1);
        found.p_value
    });
    assert!((FEW..=MANY).contains(&hits), "{hits}");
    // The control that fails: the usual mark of 0.1 calls a change where there is none.
    assert!(over_folklore > RUNS / 4, "{over_folklore}");
    let mut random = Seeded::new(32);
    let found = below(|run| {
        let (a, b) = (sample(&mut random, 200, 0.0), sample(&mut random, 150, 0.6));
        psi(&a, &b, 200, run).unwrap().p_value
    });
    assert!(found > RUNS * 9 / 10, "{found}");
}

#[test]
fn the_two_sample_test_without_a_change_is_rarely_significant() {
    let mut random = Seeded::new(33);
    let mut test = |shift: f64| {
        let (a, b) = (sample(&mut random, 600, 0.0), sample(&mut random, 500, shift));
        a.distances(&b, Scale::Linear).unwrap().ks_p_value
    };
    let hits = below(|_| test(0.0));
    assert!((FEW..=MANY).contains(&hits), "{hits}");
    let found = below(|_| test(0.3));
    assert!(found > RUNS * 9 / 10, "{found}");
}

#[test]
fn the_divergence_without_a_change_is_rarely_significant() {
    let mut random = Seeded::new(34);
    let mut draw = |n: u64, shares: [f64; 4]| {
        let mut counts = [0u64; 4];
        for _ in 0..n {
            let mut u = random.uniform();
            let at = shares.iter().position(|share| {
                u -= share;
                u < 0.0
            });
            counts[at.unwrap_or(3)] += 1;
        }
        counts
    };
    let before = [0.7, 0.2, 0.08, 0.02];
    let hits = below(|run| jensen_shannon(&draw(300, before), &draw(200, before), 200, run).unwrap().p_value);
    assert!((FEW..=MANY).contains(&hits), "{hits}");
    let after = [0.5, 0.3, 0.1, 0.1];
    let found = below(|run| jensen_shannon(&draw(300, before), &draw(200, after), 200, run).unwrap().p_value);
    assert!(found > RUNS * 9 / 10, "{found}");
}

#[test]
fn a_constant_reference_notices_what_is_beside_it() {
    let constant = |value: f64, n: u32| {
        let mut histogram = Histogram::default();
        (0..n).for_each(|_| histogram.add(value));
        histogram
    };
    let same = psi(&constant(3.0, 100), &constant(3.0, 80), 50, 1).unwrap();
    assert_eq!((same.bins, same.p_value), (1, 1.0));
    assert!(same.psi < 0.01, "{same:?}");
    for other in [2.0, 4.0] {
        let moved = psi(&constant(3.0, 100), &constant(other, 80), 50, 1).unwrap();
        assert!(moved.psi > 1.0 && moved.p_value < 0.05, "{moved:?}");
    }
    let single = psi(&constant(0.0, 1), &constant(0.0, 1), 50, 1).unwrap();
    assert!(single.psi.is_finite() && single.p_value == 1.0, "{single:?}");
}
