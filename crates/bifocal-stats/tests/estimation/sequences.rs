//! Confidence sequences on the public data: they miss the truth at any time from 50 to 3,000 judged answers with at most
//! 5%, and two standard errors of the simulation.

use bifocal_stats::distribution::normal_quantile;
use bifocal_stats::{AsymptoticSequence, BernsteinSequence, BettingSequence, asymptotic};

use crate::data::{Population, populations};
use crate::long;
use crate::test_random::Random;

const NAMES: [&str; 4] = ["betting", "Bernstein", "asymptotic", "control: fixed n, looked at all the time"];

/// Whether each kind of sequence misses once.
fn misses(population: &Population, random: &mut Random) -> [bool; 4] {
    let truth = population.mean();
    let mut betting = BettingSequence::new(0.05);
    let mut bernstein = BernsteinSequence::new(0.05);
    let mut sequence = AsymptoticSequence::new(0.05, asymptotic::DEFAULT_TARGET_N);
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut missed = [false; 4];
    for n in 1..=3_000u32 {
        let x = population.answers[random.below(population.answers.len())].score;
        betting.update(x);
        bernstein.update(x);
        sequence.update(x);
        sum += x;
        squares += x * x;
        if n < 50 {
            continue;
        }
        let n = f64::from(n);
        let variance = (squares - sum * sum / n) / (n - 1.0);
        let fixed = normal_quantile(0.975) * (variance / n).sqrt();
        missed[0] |= betting.interval().is_none_or(|interval| !interval.contains(truth));
        missed[1] |= !bernstein.interval().contains(truth);
        missed[2] |= sequence.margin().is_some_and(|margin| (sequence.mean() - truth).abs() > margin);
        missed[3] |= (sum / n - truth).abs() > fixed;
    }
    missed
}

#[test]
fn real_data_sequences_miss_at_most_5_percent() {
    let Some(all) = populations() else { return };
    let (step, runs) = if long() { (1, 200u32) } else { (9, 40) };
    let mut random = Random::new(111);
    let allowed = 0.05 + 2.0 * (0.05f64 * 0.95 / f64::from(runs)).sqrt();
    let mut failures = Vec::new();
    let (mut totals, mut worst, mut models) = ([0u32; 4], [(0.0, ""); 4], 0u32);
    for population in all.iter().step_by(step) {
        let mut counts = [0u32; 4];
        for _ in 0..runs {
            let missed = misses(population, &mut random);
            counts.iter_mut().zip(missed).for_each(|(count, missed)| *count += u32::from(missed));
        }
        models += 1;
        for (kind, count) in counts.into_iter().enumerate() {
            totals[kind] += count;
            let share = f64::from(count) / f64::from(runs);
            if share > worst[kind].0 {
                worst[kind] = (share, &population.model);
            }
            if kind < 3 && share > allowed {
                failures.push(format!(
                    "{} misses {share} of {} {}",
                    NAMES[kind], population.set, population.model
                ));
            }
        }
    }
    for (kind, name) in NAMES.iter().enumerate() {
        let mean = f64::from(totals[kind]) / f64::from(models * runs);
        eprintln!("{name}: misses {mean:.3} on average, {:.3} at worst ({})", worst[kind].0, worst[kind].1);
    }
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(f64::from(totals[3]) > 0.3 * f64::from(models * runs), "the control must fail");
}
