//! What `bifocal plan` says of delays, held against forty swaps of recorded models that are replayed through `backtest`.
//!
//! The plan sees 500 scores of the model before the swap and the size of the fall, as it would in a store. The replay sees
//! the scores of both models, in the public form. Which forty pairs: all whose mean falls by 0.04 to 0.35 and by 0.2 to 1.5
//! standard deviations, in an order drawn with a fixed seed, at most sixteen of one data set.

use std::collections::BTreeMap;

use bifocal::plan::detection::{Conditions, Scores, simulate};
use bifocal_model::{Probability, Timestamp};
use bifocal_watch::QualityConfig;
use bifocal_watch::backtest::{DelayOutcome, HistoryEvent, Judged, Line, Replay, ScoreLine, Settings};
use serde_json::Value;

use super::backtest_real::rows;
use super::harness::Random;

const SWAPS: usize = 40;
const OF_ONE_SET: usize = 16;
/// Replays of each swap.
const REPLAYS: usize = 11;
/// What two streams that are judged 3,000 times a day between them get for a budget of one page in 30 days.
const THRESHOLD: f64 = 90_000.0;
const BEFORE: usize = 1_000;
const STORED: usize = 500;

struct Swap {
    name: String,
    before: Vec<f64>,
    after: Vec<f64>,
    fall: f64,
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Scores by model of one data set.
fn models(file: &str, score: impl Fn(&Value) -> Option<f64>) -> Option<BTreeMap<String, Vec<f64>>> {
    let mut models: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for row in rows(file)? {
        if let Some(score) = score(&row) {
            models.entry(row["model"].as_str().unwrap().to_owned()).or_default().push(score);
        }
    }
    Some(models)
}

/// The swaps of a data set that count, in an order of their own.
fn swaps(models: &BTreeMap<String, Vec<f64>>, random: &mut Random) -> Vec<Swap> {
    let mut swaps = Vec::new();
    for (old, before) in models {
        for (new, after) in models {
            let (level, fall) = (mean(before), mean(before) - mean(after));
            let sd = (before.iter().map(|value| (value - level).powi(2)).sum::<f64>() / before.len() as f64)
                .sqrt();
            if (0.04..=0.35).contains(&fall) && (0.2..=1.5).contains(&(fall / sd)) {
                let name = format!("{old} to {new}");
                swaps.push(Swap { name, before: before.clone(), after: after.clone(), fall });
            }
        }
    }
    for i in (1..swaps.len()).rev() {
        swaps.swap(i, usize::try_from(random.below(i as u64 + 1)).unwrap());
    }
    swaps.truncate(OF_ONE_SET);
    swaps
}

fn pick(random: &mut Random, values: &[f64]) -> f64 {
    values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

fn at(step: usize) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + 60 * i64::try_from(step).unwrap())
}

/// Judged until each replay's alarm, in order; one that was not seen counts as all of `after`.
fn replayed(swap: &Swap, after: usize, random: &mut Random) -> Vec<u64> {
    let mut replay = Replay::new(Settings {
        quality: QualityConfig::default(),
        threshold: THRESHOLD,
        events: vec![HistoryEvent::change(at(BEFORE))],
        judged_in_30_days: None,
        rules: Vec::new(),
        own_dimensions: Vec::new(),
        slos: Vec::new(),
        usd_per_judgement: None,
    })
    .unwrap();
    for run in 0..REPLAYS {
        for step in 0..BEFORE + after {
            let score = pick(random, if step < BEFORE { &swap.before } else { &swap.after });
            replay.take(&Line::Score(ScoreLine {
                time: at(step),
                target: format!("run {run:02}").into(),
                dimension: "relevance".into(),
                judge: Some("pinned".into()),
                stratum: Some("all".into()),
                proxy: None,
                judged: Some(Judged { score, pi: Probability::ONE }),
                id: None,
                cost_usd: None,
            }));
        }
    }
    let of = |delay: &bifocal_watch::backtest::Delay| match delay.outcome {
        DelayOutcome::Seen => Some(delay.judged),
        DelayOutcome::NotSeen => Some(after as u64),
        // A false alarm stood when the swap came: it says nothing of the delay.
        DelayOutcome::WhileInAlarm | DelayOutcome::WhileLearning => None,
    };
    let mut delays: Vec<u64> = replay.finish().delays.iter().filter_map(of).collect();
    delays.sort_unstable();
    delays
}

fn median<T: Copy + PartialOrd>(values: &mut [T]) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

/// Done when 6 of SageMaker's issue: the median delay of 40 replayed swaps lies within 30% of what `plan` said.
#[test]
fn real_data_forty_replayed_swaps_take_as_long_as_the_plan_says() {
    let Some(alpaca) = models("alpaca_responses.jsonl.gz", |row| row["judge_score"].as_f64()) else { return };
    let wildbench = models("wildbench_scores.jsonl.gz", |row| {
        let scores = row["scores"].as_object()?;
        let strong = scores.iter().find(|(judge, _)| judge.starts_with("gpt-4-turbo"))?;
        Some((strong.1.as_f64()? - 1.0) / 9.0)
    });
    let gsm = models("gsm_responses.jsonl.gz", |row| row["correct"].as_f64());
    let mut random = Random::new(31);
    let sets = [alpaca, wildbench.unwrap(), gsm.unwrap()];
    let mut all: Vec<Swap> = sets.iter().flat_map(|set| swaps(set, &mut random)).collect();
    all.truncate(SWAPS);
    assert_eq!(all.len(), SWAPS);

    let conditions = Conditions { threshold: THRESHOLD, baseline: [200, 500] };
    let (mut ratios, mut singles, mut planned, mut seen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for swap in &all {
        let stored = (0..STORED).map(|_| pick(&mut random, &swap.before)).collect();
        let plan = simulate(&Scores::seen(stored).unwrap(), &[swap.fall], conditions)[0].at(100.0, None);
        let said = plan.judged_median.unwrap_or_else(|| panic!("{}: {plan:?}", swap.name));
        let after = usize::try_from(4 * said + 200).unwrap();
        let delays = replayed(swap, after, &mut random);
        assert!(delays.len() > REPLAYS / 2, "{}", swap.name);
        let middle = delays[delays.len() / 2];
        println!("{}: fall {:.3}, said {said}, replayed {middle}", swap.name, swap.fall);
        ratios.push(middle as f64 / said as f64);
        singles.extend(delays.iter().map(|delay| *delay as f64 / said as f64));
        planned.push(said);
        seen.push(middle);
    }
    let within = ratios.iter().filter(|ratio| (0.7..=1.3).contains(*ratio)).count();
    let (said, replayed) = (median(&mut planned), median(&mut seen));
    let (ratio, single) = (median(&mut ratios), median(&mut singles));
    println!(
        "40 swaps: median said {said}, replayed {replayed}; median of ratios {ratio:.2} (single replays {single:.2}), {within} of 40 within 30%, from {:.2} to {:.2}",
        ratios[0],
        ratios[SWAPS - 1]
    );
    assert!((0.7..=1.3).contains(&(replayed as f64 / said as f64)), "{said} {replayed}");
    assert!((0.7..=1.3).contains(&ratio) && (0.7..=1.3).contains(&single), "{ratio} {single}");
}
