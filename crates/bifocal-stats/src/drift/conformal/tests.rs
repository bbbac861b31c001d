//! What the detector promises, by simulation.

use super::super::{Histogram, Learning, Scale};
use super::*;
use crate::limits::DRIFT_COLUMNS;

const COLUMNS: usize = 12;
const ALPHA: f64 = 0.05;

/// A row of columns that move together, some with ties, one nearly constant, one often missing.
fn row(random: &mut Seeded, shift: f64) -> Vec<f64> {
    let common = random.normal();
    (0..COLUMNS)
        .map(|i| {
            let x = 0.5 * common + random.normal() + if i == 3 { shift } else { 0.0 };
            match i % 4 {
                0 => x.exp(),
                1 => x.floor(),
                2 if x < 0.5 => f64::NAN,
                2 => 0.0,
                _ => x,
            }
        })
        .collect()
}

fn learned(random: &mut Seeded, rows: u32) -> Reference {
    let mut learning = Learning::new(COLUMNS).unwrap();
    (0..rows).for_each(|_| learning.take(&row(random, 0.0)));
    learning.freeze().unwrap()
}

#[test]
fn ranks_are_even_with_ties_and_gaps() {
    let mut random = Seeded::new(51);
    let (runs, cells) = (2_000u32, 10usize);
    let mut counts = vec![vec![0u32; cells]; COLUMNS];
    for _ in 0..runs {
        let reference = learned(&mut random, 19);
        let new = row(&mut random, 0.0);
        for ((column, value), counts) in reference.columns().iter().zip(new).zip(&mut counts) {
            let rank = column.rank(value, random.uniform());
            let below = (1..cells).filter(|cell| rank * cells as f64 >= *cell as f64).count();
            counts[below] += 1;
        }
    }
    let expected = f64::from(runs) / cells as f64;
    for (i, counts) in counts.iter().enumerate() {
        let chi: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // 99.99% of chi-square with 9 degrees of freedom is 33.7.
        assert!(chi < 33.7, "column {i}: {chi}, {counts:?}");
    }
}

/// Given a reference, the mean of a line is the spacings' sum; the allowance covers all columns and lines in all but 5% of
/// references.
#[test]
fn the_allowance_covers_what_a_reference_may_err() {
    let mut random = Seeded::new(52);
    let (n, references) = (500usize, 600u32);
    let largest = |random: &mut Seeded| {
        let mut worst = 0.0f64;
        for _ in 0..COLUMNS {
            let mut points: Vec<f64> = (0..n).map(|_| random.uniform()).collect();
            points.extend([0.0, 1.0]);
            points.sort_by(f64::total_cmp);
            let (mut place, mut spread) = (0.0, 0.0);
            for (i, pair) in points.windows(2).enumerate() {
                let middle = (i as f64 + 0.5) / (n as f64 + 1.0);
                place += (pair[1] - pair[0]) * (2.0 * middle - 1.0);
                spread += (pair[1] - pair[0]) * (4.0 * (middle - 0.5).abs() - 1.0);
            }
            worst = worst.max(place.abs()).max(spread.abs());
        }
        worst
    };
    let errors: Vec<f64> = (0..references).map(|_| largest(&mut random)).collect();
    let past = |allowance: f64| {
        errors.iter().filter(|error| **error > allowance).count() as f64 / f64::from(references)
    };
    let allowance = allowance(n as u64, COLUMNS, ALPHA);
    assert!(past(allowance) <= ALPHA, "{}", past(allowance));
    // The control: two thirds of it, as if no union were taken over columns, does not.
    assert!(past(0.66 * allowance) > ALPHA, "{}", past(0.66 * allowance));
}

/// Streams that alarm within `horizon` rows, among `streams` with a reference of their own.
fn alarms(streams: u32, rows: u32, horizon: u32, threshold: f64, allowance: Option<f64>) -> u32 {
    let mut random = Seeded::new(53);
    let mut alarms = 0;
    for _ in 0..streams {
        let mut detector = DriftDetector::new(learned(&mut random, rows), ALPHA).unwrap();
        detector.allowance = allowance.unwrap_or(detector.allowance);
        let mut any = |i| detector.observe(&row(&mut random, 0.0), i) >= threshold;
        alarms += u32::from((0..u64::from(horizon)).any(&mut any));
    }
    alarms
}

/// P(alarm within T) <= T / A, plus two standard errors: T = 0.1 A and T = 0.5 A. Without the allowance the same bets break it.
#[test]
fn false_alarms_are_as_rare_as_the_threshold_says() {
    let long = std::env::var_os("BIFOCAL_LONG").is_some();
    let streams = if long { 1_000 } else { 150 };
    let threshold = 5_000.0;
    for (share, horizon) in [(0.1, 500), (0.5, 2_500)] {
        let seen = f64::from(alarms(streams, 500, horizon, threshold, None)) / f64::from(streams);
        let allowed = share + 2.0 * (share * (1.0 - share) / f64::from(streams)).sqrt();
        eprintln!("T = {share} A: {seen} of streams alarm, {allowed} allowed");
        assert!(seen <= allowed, "{seen} > {allowed}");
    }
    let naive = f64::from(alarms(60, 500, 2_500, threshold, Some(0.0))) / 60.0;
    eprintln!("without the allowance: {naive}");
    assert!(naive > 0.5 + 2.0 * 0.065, "the control must break the promise: {naive}");
}

/// The other control: windows of 200 tested by Kolmogorov-Smirnov at 5% alarm nearly always.
#[test]
fn a_rolling_test_at_five_percent_breaks_the_promise() {
    let mut random = Seeded::new(54);
    let mut alarmed = 0;
    for _ in 0..40 {
        let reference = learned(&mut random, 500);
        let any = (0..12).any(|_| {
            let mut windows = vec![Histogram::of_fixed_bins(); COLUMNS];
            for _ in 0..200 {
                let row = row(&mut random, 0.0);
                windows.iter_mut().zip(row).for_each(|(window, value)| window.add(value));
            }
            let mut p_values = windows.iter().zip(reference.columns()).filter_map(|(window, column)| {
                Some(window.distances(&column.histogram(), Scale::Linear).ok()?.ks_p_value)
            });
            p_values.any(|p| p < 0.05)
        });
        alarmed += u32::from(any);
    }
    assert!(f64::from(alarmed) / 40.0 > 0.6, "{alarmed} of 40");
}

#[test]
fn a_change_is_seen_named_and_dated() {
    let mut random = Seeded::new(55);
    let (mut delays, mut named, mut dated) = (Vec::new(), 0, 0);
    for _ in 0..30 {
        let mut detector = DriftDetector::new(learned(&mut random, 2_000), ALPHA).unwrap();
        (0..300).for_each(|i| {
            detector.observe(&row(&mut random, 0.0), i);
        });
        let mut any = |i| detector.observe(&row(&mut random, 0.8), i) >= 20_000.0;
        delays.push((1..5_000).find(|i| any(*i)).unwrap() as f64);
        let first = detector.by_column()[0];
        named += u32::from(first.column == 3 && first.direction == Direction::Higher);
        let (from, to) = detector.onset().unwrap();
        dated += u32::from(from <= 300 && to >= 300);
    }
    let mean = delays.iter().sum::<f64>() / 30.0;
    assert!(mean < 120.0, "{mean}");
    assert!(named >= 29 && dated >= 26, "{named} named, {dated} dated");
}

#[test]
fn a_detector_goes_on_where_it_was_saved() {
    let mut random = Seeded::new(56);
    let mut detector = DriftDetector::new(learned(&mut random, 700), ALPHA).unwrap();
    for i in 0..200 {
        detector.observe(&row(&mut random, 0.3), i);
    }
    let mut read: DriftDetector = serde_json::from_str(&serde_json::to_string(&detector).unwrap()).unwrap();
    assert_eq!(read, detector);
    let next = row(&mut random, 0.3);
    assert_eq!(read.observe(&next, 9).to_bits(), detector.observe(&next, 9).to_bits());
    read.reset();
    assert_eq!((read.n(), read.evidence(), read.onset()), (0, 0.0, None));
}

#[test]
fn bad_references_and_rows_get_typed_answers() {
    assert!(Learning::new(DRIFT_COLUMNS).is_ok());
    let past = Error::TooMany { have: DRIFT_COLUMNS + 1, limit: DRIFT_COLUMNS };
    assert_eq!(Learning::new(DRIFT_COLUMNS + 1), Err(past));
    assert_eq!(Learning::new(2).unwrap().freeze(), Err(Error::EmptySample));
    let constant = |rows: u32, columns: usize| {
        let mut learning = Learning::new(columns).unwrap();
        (0..rows).for_each(|_| learning.take(&[7.0]));
        learning.freeze().unwrap()
    };
    let few = Error::TooFew { have: 499, need: 500 };
    assert_eq!(DriftDetector::new(constant(499, 1), ALPHA), Err(few));
    assert_eq!(DriftDetector::new(constant(500, 0), ALPHA), Err(Error::TooFew { have: 0, need: 1 }));
    // A constant column, a short row (its second column is always missing), and rows of anything.
    let mut detector = DriftDetector::new(constant(500, 2), f64::NAN).unwrap();
    for i in 0..2_000 {
        assert!(detector.observe(&[7.0], i) < 1e4, "{i}");
    }
    let odd = [f64::NAN, f64::INFINITY, -f64::MAX, 0.0, 5e-324];
    for (i, odd) in (0..5_000).zip(odd.into_iter().cycle()) {
        assert!(detector.observe(&[odd, odd, 1.0], i).is_finite());
    }
    assert!(detector.evidence() > 1e6, "new values beside a constant are a change");
}
