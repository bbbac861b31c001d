//! Behaviour drift on real answers: AlpacaEval-2 responses, read from `$BIFOCAL_SHARED/data`, never committed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use bifocal_evaluate::features;
use bifocal_model::{
    Completeness, FormatAsked, Identity, Inference, InferenceId, Probability, Source, TargetKey, Timestamp,
    Timing, Usage,
};
use bifocal_redact::redact_inference;
use bifocal_stats::drift::{DriftDetector, Histogram, Learning, Reference, Scale, Seeded};
use flate2::read::GzDecoder;

const ALARM: f64 = 20_000.0;
const REFERENCE: usize = 2_000;
const ALPHA: f64 = 0.05;

const CLAUDE: &str = "claude-2";
const GPT: &str = "gpt-3.5-turbo-1106";
const GPT_OLD: &str = "gpt-3.5-turbo-0301";
const BIG: &str = "FuseChat-Llama-3.1-8B-Instruct";
const MIDDLE: &str = "FuseChat-Llama-3.2-3B-Instruct";
const SMALL: &str = "FuseChat-Llama-3.2-1B-Instruct";

type Rows = Vec<Vec<f64>>;

/// Behaviour of the answers of each model; `None`, with a word on stderr, when the data is not there.
fn behaviour() -> Option<BTreeMap<String, Rows>> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED") else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let path = PathBuf::from(shared).join("data/alpaca_responses.jsonl.gz");
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let mut rows: BTreeMap<String, Rows> = BTreeMap::new();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let row: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let model = row["model"].as_str().unwrap();
        if [CLAUDE, GPT, GPT_OLD, BIG, MIDDLE, SMALL].contains(&model) {
            let values = features::of(&redact_inference(answered(row["response"].as_str().unwrap())));
            let values = values.behaviour.map(|values| values.to_vec());
            rows.entry(model.to_owned()).or_default().extend(values);
        }
    }
    assert_eq!(rows.len(), 6);
    Some(rows)
}

fn answered(answer: &str) -> Inference<String> {
    let identity = Identity { source: Source::Proxy, key: "real".to_owned() };
    let time = Timestamp::from_secs(1);
    Inference {
        id: InferenceId::of_identity(&identity, time),
        identity,
        target: TargetKey::of_model("local", "m"),
        labels: BTreeMap::new(),
        tenant: None,
        time,
        messages: Vec::new(),
        answer: answer.to_owned(),
        finish_reason: None,
        usage: Usage::default(),
        timing: Timing::default(),
        status: Some(200),
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Free,
        streamed: false,
        redactions: Vec::new(),
        findings: bifocal_model::Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    }
}

fn reference(rows: &Rows, random: &mut Seeded) -> Reference {
    let mut learning = Learning::new(rows[0].len()).unwrap();
    (0..REFERENCE).for_each(|_| learning.take(&rows[random.below(rows.len())]));
    learning.freeze().unwrap()
}

/// Responses from the change to the alarm: mean, 90th percentile, and false alarms in the 500 responses before it.
fn delay(before: &Rows, after: &Rows, runs: u64) -> (f64, u64, u32) {
    let mut random = Seeded::new(81);
    let (mut delays, mut false_alarms) = (Vec::new(), 0);
    for _ in 0..runs {
        let mut detector = DriftDetector::new(reference(before, &mut random), ALPHA).unwrap();
        for _ in 0..500 {
            let row = &before[random.below(before.len())];
            if detector.observe(row, random.bits()) >= ALARM {
                false_alarms += 1;
                detector.reset();
            }
        }
        let mut alarms = |_: &u64| {
            let row = &after[random.below(after.len())];
            detector.observe(row, random.bits()) >= ALARM
        };
        delays.push((1..20_000).find(&mut alarms).unwrap_or(20_000));
    }
    delays.sort_unstable();
    let mean = delays.iter().sum::<u64>() as f64 / runs as f64;
    (mean, delays[delays.len() * 9 / 10], false_alarms)
}

/// Done-when 5: at a mean time to a false alarm of at least 20,000 responses.
#[test]
fn real_data_behaviour_drift_is_seen_in_time() {
    let Some(rows) = behaviour() else { return };
    for (before, after, limit) in [
        (CLAUDE, GPT, 120.0),
        (BIG, SMALL, 350.0),
        (BIG, MIDDLE, f64::INFINITY),
        (GPT, GPT_OLD, f64::INFINITY),
    ] {
        let (mean, p90, false_alarms) = delay(&rows[before], &rows[after], 100);
        eprintln!(
            "{before} -> {after}: mean {mean:.0}, p90 {p90}, {false_alarms} false alarms in 50,000 responses"
        );
        assert!(mean <= limit, "{before} -> {after}: {mean} > {limit}");
        // 100 runs of 500 responses: each alarms with probability 500 / 20,000 at most.
        assert!(false_alarms <= 6, "{false_alarms}");
    }
}

/// The guarantee on real answers that do not change: P(alarm within T) <= T / A, plus two standard errors.
#[test]
fn real_data_behaviour_without_drift_rarely_alarms() {
    let Some(rows) = behaviour() else { return };
    let long = std::env::var_os("BIFOCAL_LONG").is_some();
    let streams = if long { 1_000 } else { 60 };
    let mut random = Seeded::new(82);
    for model in [CLAUDE, BIG] {
        let rows = &rows[model];
        let (mut early, mut late) = (0, 0);
        for _ in 0..streams {
            let mut detector = DriftDetector::new(reference(rows, &mut random), ALPHA).unwrap();
            let mut alarms = |_: &u32| {
                let row = &rows[random.below(rows.len())];
                detector.observe(row, random.bits()) >= ALARM
            };
            let first = (1..=10_000).find(&mut alarms);
            early += u32::from(first.is_some_and(|at| at <= 2_000));
            late += u32::from(first.is_some());
        }
        for (count, share) in [(early, 0.1f64), (late, 0.5)] {
            let seen = f64::from(count) / f64::from(streams);
            let allowed = share + 2.0 * (share * (1.0 - share) / f64::from(streams)).sqrt();
            eprintln!("{model}: {seen:.3} of {streams} streams alarm within {share} A, {allowed:.3} allowed");
            assert!(seen <= allowed, "{model}: {seen} > {allowed}");
        }
        // The control that must fail: Kolmogorov-Smirnov at 5% on windows of 200, over the same first 2,000 responses.
        let mut alarmed = 0;
        for _ in 0..20 {
            let reference = reference(rows, &mut random);
            alarmed += u32::from((0..10).any(|_| window_alarms(&reference, rows, &mut random)));
        }
        assert!(f64::from(alarmed) / 20.0 > 0.1 + 2.0 * 0.067, "{alarmed} of 20");
    }
}

fn window_alarms(reference: &Reference, rows: &Rows, random: &mut Seeded) -> bool {
    let mut windows = vec![Histogram::of_fixed_bins(); reference.columns().len()];
    for _ in 0..200 {
        let row = &rows[random.below(rows.len())];
        windows.iter_mut().zip(row).for_each(|(window, value)| window.add(*value));
    }
    let mut p_values = windows.iter().zip(reference.columns()).filter_map(|(window, column)| {
        Some(window.distances(&column.histogram(), Scale::Linear).ok()?.ks_p_value)
    });
    p_values.any(|p| p < 0.05)
}
