//! What detectors cost: run by `cargo xtask bench detectors`, prints one JSON object.
//!
//! Times are the least of several rounds over the same values: what the machine does beside them only adds.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints its results")]

use std::hint::black_box;

use bifocal_model::Timestamp;
use bifocal_stats::monitor::{Monitor, Settings};
use bifocal_stats::{BernsteinSequence, BettingSequence, Detector, TwoSided};

const VALUES: usize = 100_000;
const ROUNDS: usize = 15;
const STREAMS: usize = 100_000;

/// Scores with a mean of 0.7, the same in every run.
fn score(i: usize) -> f64 {
    (i as f64 * 0.618_033_988_749_894_9 % 1.0).powf(0.4)
}

/// Nanoseconds per value, the least of all rounds.
fn nanoseconds(values: &[f64], mut each: impl FnMut(f64)) -> f64 {
    let round = |each: &mut dyn FnMut(f64)| {
        #[expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]
        let start = std::time::Instant::now();
        values.iter().for_each(|x| each(*x));
        start.elapsed().as_secs_f64() * 1e9 / values.len() as f64
    };
    (0..ROUNDS).map(|_| round(&mut each)).fold(f64::INFINITY, f64::min)
}

/// Bytes of this process in memory.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 4096.0
}

/// A stream that has learnt its baseline and watches.
fn watching(two_sided: bool, strata: usize) -> Monitor {
    let mut monitor = Monitor::new(Settings { two_sided, ..Settings::default() });
    let names: Vec<String> = (0..strata).map(|i| format!("language=l{i}")).collect();
    for i in 0..501 {
        let stratum = (strata > 0).then(|| names[i % strata].as_str());
        monitor.take(score(i), stratum, Timestamp::default());
    }
    monitor
}

/// Megabytes that this many watching streams with their confidence sequence take.
fn megabytes(two_sided: bool, strata: usize) -> f64 {
    let one = watching(two_sided, strata);
    let before = resident();
    let all: Vec<(Monitor, BernsteinSequence)> =
        (0..STREAMS).map(|_| (one.clone(), BernsteinSequence::new(0.05))).collect();
    let after = resident();
    black_box(&all);
    (after - before) / 1e6
}

fn main() {
    let values: Vec<f64> = (0..VALUES).map(score).collect();
    let mut detector = Detector::degradation(0.68, 1.0);
    let one_sided = nanoseconds(&values, |x| {
        black_box(detector.update(x));
    });
    let mut both = TwoSided::new(0.7, 0.0, 1.0);
    let two_sided = nanoseconds(&values, |x| {
        black_box(both.update(x));
    });
    let mut monitor = watching(false, 0);
    let in_monitor = nanoseconds(&values, |x| {
        black_box(monitor.take(x, None, Timestamp::default()));
    });
    let mut mixed = watching(false, 50);
    let with_strata = nanoseconds(&values, |x| {
        black_box(mixed.take(x, Some("language=l17"), Timestamp::default()));
    });
    let mut bernstein = BernsteinSequence::new(0.05);
    let empirical_bernstein = nanoseconds(&values, |x| {
        bernstein.update(x);
        black_box(&bernstein);
    });
    // The recursion alone: ten fused evidences, (M + 1) times a factor, without cut, onset or sides.
    let (mut state, shares) = ([0.0f64; 10], black_box([0.1f64; 10]));
    let bare = nanoseconds(&values, |x| {
        for (m, share) in state.iter_mut().zip(&shares) {
            *m = (*m + 1.0) * (1.0 + share * (0.68 - x));
        }
        black_box(&state);
    });
    let few: Vec<f64> = values.iter().take(1_000).copied().collect();
    let betting = (0..ROUNDS)
        .map(|_| {
            let mut sequence = BettingSequence::new(0.05);
            #[expect(clippy::disallowed_methods, reason = "a benchmark measures wall time")]
            let start = std::time::Instant::now();
            few.iter().for_each(|x| sequence.update(*x));
            black_box(&sequence);
            start.elapsed().as_secs_f64() * 1e9 / few.len() as f64
        })
        .fold(f64::INFINITY, f64::min);
    let (one, two, strata) = (megabytes(false, 0), megabytes(true, 0), megabytes(false, 5));
    let numbers = [
        ("one_sided_ns", one_sided),
        ("two_sided_ns", two_sided),
        ("monitor_ns", in_monitor),
        ("monitor_with_50_strata_ns", with_strata),
        ("bare_recursion_ns", bare),
        ("empirical_bernstein_ns", empirical_bernstein),
        ("betting_sequence_ns", betting),
        ("one_sided_mb", one),
        ("two_sided_mb", two),
        ("with_5_strata_mb", strata),
    ];
    let fields: Vec<String> =
        numbers.iter().map(|(name, number)| format!("\"{name}\": {number:.3}")).collect();
    println!("{{{}}}", fields.join(", "));
}
