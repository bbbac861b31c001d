//! The promises on real judge scores: AlpacaEval-2, 39 models, read from `$BIFOCAL_SHARED/data`, never committed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

#[path = "../src/test_random.rs"]
#[expect(dead_code, reason = "made-up scores are for the unit tests")]
mod test_random;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use bifocal_model::{Method, Probability, Timestamp, Window};
use bifocal_stats::{Weighted, interval};
use flate2::read::GzDecoder;
use test_random::Random;

/// A constant answer that fools the judge, and answers cut to 15 characters: no quality statistics.
const EXCLUDED: [&str; 2] = ["NullModel", "gpt4_gamed"];

/// Judge scores by model; `None`, with a word on stderr, when the data is not there.
fn scores() -> Option<BTreeMap<String, Vec<f64>>> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED") else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let path = PathBuf::from(shared).join("data/alpaca_responses.jsonl.gz");
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let mut scores: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let row: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let model = row["model"].as_str().unwrap().to_owned();
        scores.entry(model).or_default().push(row["judge_score"].as_f64().unwrap());
    }
    assert_eq!(scores.len(), 39);
    Some(scores)
}

/// One of the values.
fn pick(random: &mut Random, values: &[f64]) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "below the number of values")]
    let index = (random.uniform() * values.len() as f64) as usize;
    values[index.min(values.len() - 1)]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Resamples of one model's scores: how many of the intervals hold its mean, how wide they are together, and how many
/// are t intervals.
fn covered(values: &[f64], n: u32, runs: u32, random: &mut Random) -> (u32, f64, u32) {
    let window = Window { start: Timestamp::default(), end: Timestamp::from_secs(3_600) };
    let probability = Probability::new(0.05).unwrap();
    let truth = mean(values);
    let (mut hits, mut widths, mut by_t) = (0, 0.0, 0);
    for _ in 0..runs {
        let samples: Vec<Weighted> =
            (0..n).map(|_| Weighted { value: pick(random, values), probability }).collect();
        let estimate = interval(&samples, f64::from(n) / 0.05, window, 0.05).unwrap();
        hits += u32::from(estimate.lower <= truth && truth <= estimate.upper);
        widths += estimate.upper - estimate.lower;
        by_t += u32::from(estimate.method == Method::StudentT);
    }
    (hits, widths, by_t)
}

/// The interval at 95% holds the model's mean in at least 93% of resamples, for every model. Where the first 400 runs
/// say less than 96%, 3,600 more decide: their standard error is 0.4%.
#[test]
fn real_data_coverage_of_the_shown_interval() {
    let Some(scores) = scores() else { return };
    let mut random = Random::new(62);
    let mut failures = Vec::new();
    let (mut worst, mut widths, mut by_t, mut all) = (1.0f64, 0.0, 0, 0);
    for (model, values) in scores.iter().filter(|(model, _)| !EXCLUDED.contains(&model.as_str())) {
        for n in [50u32, 100, 200] {
            let mut runs = 400;
            let (mut hits, mut width, mut t) = covered(values, n, runs, &mut random);
            if f64::from(hits) < 0.96 * f64::from(runs) {
                let more = covered(values, n, 3_600, &mut random);
                (hits, width, t, runs) = (hits + more.0, width + more.1, t + more.2, runs + 3_600);
            }
            let coverage = f64::from(hits) / f64::from(runs);
            worst = worst.min(coverage);
            widths += width;
            by_t += t;
            all += runs;
            if coverage < 0.93 {
                failures.push(format!("{model} (mean {:.3}) n={n}: {coverage}", mean(values)));
            }
        }
    }
    let mean_width = widths / f64::from(all);
    eprintln!("worst coverage {worst:.4}, mean width {mean_width:.4}, {by_t} of {all} by t");
    assert!(failures.is_empty(), "{failures:#?}");
}
