//! How many judged scores after a swap of models until the alarm.

use bifocal_model::Timestamp;
use bifocal_stats::monitor::{Monitor, Seen, Settings};

use crate::data::{Data, Item, pick};
use crate::test_random::Random;

/// Ten times as many as the references rest on: the standard error of a mean is 1 to 2%.
const RUNS: u32 = 3_000;
/// Runs whose onsets are looked at: a set costs more than all the rest of a run.
const ONSETS: u32 = 300;
const BEFORE: usize = 1_000;
const THRESHOLD: f64 = 5_000.0;

/// What a swap looks like over all runs.
struct Swap {
    mean: f64,
    p90: f64,
    onset_held: f64,
    false_alarms: u32,
}

/// A baseline of 500, then 1,000 judged of the same model, then the other one until the alarm.
fn swap(before: &[Item], after: &[Item], seed: u64) -> Swap {
    let mut random = Random::new(seed);
    let (mut delays, mut held, mut false_alarms) = (Vec::new(), 0u32, 0u32);
    for run in 0..RUNS {
        let mut monitor = Monitor::new(Settings::default());
        let mut values = Vec::new();
        let mut take = |monitor: &mut Monitor, items: &[Item], values: &mut Vec<f64>| {
            let score = pick(&mut random, items).score;
            values.push(monitor.value(score, None, Timestamp::default()));
            matches!(monitor.take(score, None, Timestamp::default()), Seen::Evidence(e) if e >= THRESHOLD)
        };
        (0..500).for_each(|_| {
            take(&mut monitor, before, &mut values);
        });
        values.clear();
        let mut start = 0;
        for i in 0..BEFORE {
            if take(&mut monitor, before, &mut values) {
                false_alarms += 1;
                monitor.restart();
                values.clear();
                start = i + 1;
            }
        }
        let delay = (1..20_000u32).find(|_| take(&mut monitor, after, &mut values)).unwrap();
        delays.push(f64::from(delay));
        if run < ONSETS {
            let set = monitor.onset_set(&values).unwrap();
            held += u32::from((set.first..=set.last).contains(&(BEFORE - start)));
        }
    }
    delays.sort_by(f64::total_cmp);
    Swap {
        mean: delays.iter().sum::<f64>() / f64::from(RUNS),
        p90: delays[delays.len() * 9 / 10],
        onset_held: f64::from(held) / f64::from(ONSETS),
        false_alarms,
    }
}

/// The references are mean delays at A = 5,000 with the bound of 500 judged; 10% more is allowed.
#[test]
fn real_data_delay_of_model_swaps() {
    let Some(data) = Data::read() else { return };
    let mut failures = Vec::new();
    let mut onsets_held = 0.0;
    for (seed, (before, after, reference)) in (61..).zip([
        (&["FuseChat-Llama-3.1-8B"][..], &["FuseChat-Llama-3.2-1B"][..], 28.0),
        (&["Qwen1.5-72B-Chat"], &["reka-edge", "/4o.0522"], 49.0),
        (&["FuseChat-Llama-3.2-3B"], &["FuseChat-Llama-3.2-1B"], 69.0),
        (&["gemma-7b-it", "/4.0522"], &["gemma-2b-it", "/4.0522"], 78.0),
        (&["3.1-405B", "hyperbolic"], &["Yi-1.5-34B"], 111.0),
        (&["FuseChat-Llama-3.1-8B"], &["FuseChat-Llama-3.2-3B"], 181.0),
        (&["WildChat"], &["OpenHermes-243K"], 195.0),
        (&["3.1-405B", "sambanova"], &["yi-large"], 352.0),
    ]) {
        let Swap { mean, p90, onset_held, false_alarms } = swap(data.of(before), data.of(after), seed);
        let summary = format!(
            "{} to {}: delay mean {mean:.1} ({:.2} of {reference}), p90 {p90}, onset held in {:.1}%, \
             {false_alarms} false alarms in {RUNS} runs",
            before[0],
            after[0],
            mean / reference,
            100.0 * onset_held
        );
        eprintln!("{summary}");
        let bound = BEFORE as f64 / THRESHOLD;
        let allowed = bound + 2.0 * (bound * (1.0 - bound) / f64::from(RUNS)).sqrt();
        let few = f64::from(false_alarms) / f64::from(RUNS) <= allowed;
        if mean > 1.10 * reference || !few || onset_held < 0.93 {
            failures.push(summary);
        }
        onsets_held += onset_held / 8.0;
    }
    eprintln!("onset held in {:.1}% of all runs", 100.0 * onsets_held);
    assert!(onsets_held >= 0.95, "{onsets_held}");
    assert!(failures.is_empty(), "{failures:#?}");
}
