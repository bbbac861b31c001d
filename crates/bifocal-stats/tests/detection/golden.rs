//! The same numbers as `golden/detection.py`: an e-detector written anew, and confseq.

use bifocal_stats::{AsymptoticSequence, BernsteinSequence, BettingSequence, Detector, TwoSided};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    detector: Trajectories,
    sequences: Sequences,
    asymptotic: Margins,
}

#[derive(Deserialize)]
struct Trajectories {
    at: Vec<u64>,
    fall: Vec<f64>,
    tolerant: Vec<f64>,
    two_sided: Vec<f64>,
    onset: Vec<Option<u64>>,
}

#[derive(Deserialize)]
struct Sequences {
    at: Vec<u64>,
    betting: [Vec<f64>; 2],
    bernstein: [Vec<f64>; 2],
}

#[derive(Deserialize)]
struct Margins {
    at: Vec<u64>,
    margin: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/detection.json")).unwrap()
}

fn score(i: u64) -> f64 {
    let u = i as f64 * 0.6180339887498949 % 1.0;
    (u.powf(0.4) - if i > 300 { 0.15 } else { 0.0 }).max(0.0)
}

#[test]
fn golden_trajectories_of_the_detectors() {
    let golden = golden().detector;
    let mut fall = Detector::degradation(0.68, 1.0);
    let mut tolerant = Detector::degradation(0.68 - 0.02, 1.0);
    let mut both = TwoSided::between(0.68, 0.74, 0.0, 1.0);
    let mut at = golden.at.iter().enumerate();
    let mut next = at.next();
    for n in 1..=360 {
        let got = [fall.update(score(n)), tolerant.update(score(n)), both.update(score(n))];
        let Some((i, _)) = next.filter(|(_, at)| **at == n) else { continue };
        for (got, want) in got.into_iter().zip([golden.fall[i], golden.tolerant[i], golden.two_sided[i]]) {
            assert!((got / want - 1.0).abs() < 1e-9, "after {n}: {got}, {want}");
        }
        assert_eq!(fall.onset_index(), golden.onset[i], "after {n}");
        next = at.next();
    }
    assert_eq!(next, None);
    assert!(golden.fall[8] > 1e3, "the golden path alarms");
}

#[test]
fn golden_confidence_sequences_of_confseq() {
    let golden = golden();
    let (sequences, margins) = (golden.sequences, golden.asymptotic);
    let mut betting = BettingSequence::new(0.05);
    let mut bernstein = BernsteinSequence::new(0.05);
    // Of a level it spends half; the golden margins spend 0.05.
    let mut asymptotic = AsymptoticSequence::new(0.1, 500.0);
    let mut compared = 0;
    for n in 1..=300 {
        betting.update(score(n));
        bernstein.update(score(n));
        asymptotic.update(score(n));
        if let Some(i) = sequences.at.iter().position(|at| *at == n) {
            let (got, step) = (betting.interval().unwrap(), 1.0 / 400.0);
            let near = |a: f64, b: f64, by: f64| (a - b).abs() <= by;
            // confseq tells grid points, we widen by one step.
            let [low, high] = [sequences.betting[0][i], sequences.betting[1][i]];
            assert!(near(got.lower, low, 1.01 * step), "after {n}: {got:?}, {low}");
            assert!(near(got.upper, high, 1.01 * step), "after {n}: {got:?}, {high}");
            let got = bernstein.interval();
            let [low, high] = [sequences.bernstein[0][i].max(0.0), sequences.bernstein[1][i].min(1.0)];
            assert!(near(got.lower, low, 1e-9), "after {n}: {got:?}, {low}");
            assert!(near(got.upper, high, 1e-9), "after {n}: {got:?}, {high}");
        }
        let at = margins.at.iter().position(|at| *at == n);
        // It gives none while the scores are too few.
        if let Some((i, got)) = at.zip(asymptotic.margin()) {
            let want = margins.margin[i];
            assert!((got - want).abs() < 1e-9, "after {n}: {got}, {want}");
            compared += 1;
        }
    }
    assert!(compared > 0, "no margin was compared");
}
