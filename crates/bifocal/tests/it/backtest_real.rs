//! Backtests of real scores: a model swap, a judge that was swapped in silence, a mix that shifts, and nothing at all.
//! Each target is a run of its own: resampled prompts of the recorded models, in the public form.

#![expect(clippy::print_stdout, reason = "figures must be seen")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use bifocal_model::{Probability, Timestamp};
use bifocal_watch::QualityConfig;
use bifocal_watch::backtest::{
    AnchorLine, DelayOutcome, HistoryEvent, Judged, Line, Replay, Report, ScoreLine, Settings,
};
use flate2::read::GzDecoder;
use serde_json::Value;

use super::harness::Random;

const THRESHOLD: f64 = 5_000.0;
const BEFORE: usize = 1_000;
const ANCHORS: usize = 100;
/// Two minutes between two judged.
const STEP_SECS: usize = 120;

/// Rows of a file of the shared data; `None`, with a word, where it is not at hand.
pub(super) fn rows(name: &str) -> Option<Vec<Value>> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED").filter(|folder| !folder.is_empty()) else {
        println!("skipped: no shared data");
        return None;
    };
    let file = File::open(PathBuf::from(shared).join("data").join(name)).unwrap();
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect())
}

/// AlpacaEval scores of a model by prompt.
fn alpaca(rows: &[Value], model: &str) -> Vec<(String, f64)> {
    let of_model = rows.iter().filter(|row| row["model"] == model);
    of_model
        .map(|row| (row["prompt_id"].as_str().unwrap().to_owned(), row["judge_score"].as_f64().unwrap()))
        .collect()
}

/// One run: what is judged before and after the change, and what a frozen answer gets.
struct World<'a> {
    /// (stratum, score) of the i-th judged.
    judged: &'a dyn Fn(&mut Random, usize) -> (String, f64),
    /// The score of an anchor, before and after.
    anchor: &'a dyn Fn(usize, bool) -> f64,
    after: usize,
}

fn at(step: usize) -> Timestamp {
    Timestamp::from_secs(1_790_000_000 + i64::try_from(step * STEP_SECS).unwrap())
}

/// Runs of a world, each a target of its own.
fn replay(world: &World<'_>, runs: usize, seed: u64) -> Report {
    let change = HistoryEvent::change(at(BEFORE));
    let mut replay = Replay::new(Settings {
        quality: QualityConfig::default(),
        threshold: THRESHOLD,
        events: if world.after == 0 { Vec::new() } else { vec![change] },
        judged_in_30_days: None,
        rules: Vec::new(),
        own_dimensions: Vec::new(),
        slos: Vec::new(),
        usd_per_judgement: None,
    })
    .unwrap();
    let mut random = Random::new(seed);
    for run in 0..runs {
        let target = format!("run {run}");
        for step in 0..BEFORE + world.after {
            let (stratum, score) = (world.judged)(&mut random, step);
            replay.take(&Line::Score(ScoreLine {
                time: at(step),
                target: target.as_str().into(),
                dimension: "relevance".into(),
                judge: Some("pinned".into()),
                stratum: Some(stratum.into()),
                proxy: None,
                judged: Some(Judged { score, pi: Probability::ONE }),
                id: None,
                cost_usd: None,
            }));
            let (anchor, changed) = (step % ANCHORS, step >= BEFORE);
            replay.take(&Line::Anchor(AnchorLine {
                time: at(step),
                anchor: format!("a{anchor}").into(),
                target: Some(target.as_str().into()),
                dimension: "relevance".into(),
                judge: Some("pinned".into()),
                score: (world.anchor)(anchor, changed),
                frozen: None,
                cost_usd: None,
            }));
        }
    }
    replay.finish()
}

fn pick<'a, T>(random: &mut Random, values: &'a [T]) -> &'a T {
    &values[usize::try_from(random.below(values.len() as u64)).unwrap()]
}

/// Runs whose first alarm after the change has this cause, runs with no alarm after it, and all alarms before it.
fn causes(report: &Report, cause: &str) -> (usize, usize, usize) {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut early = 0;
    for alarm in &report.alarms {
        if alarm.t < at(BEFORE) {
            early += 1;
        } else {
            first.entry(&alarm.target).or_insert(alarm.cause);
        }
    }
    let right = first.values().filter(|found| **found == cause).count();
    (right, report.streams.len() - first.len(), early)
}

/// FuseChat 8B to 1B: measured before as 28 judged (9 of 10: 45) at this threshold with a baseline of 500.
#[test]
fn real_data_backtest_of_a_model_swap() {
    let Some(rows) = rows("alpaca_responses.jsonl.gz") else { return };
    let [big, small] = ["8B", "1B"].map(|size| {
        let family = if size == "8B" { "3.1" } else { "3.2" };
        alpaca(&rows, &format!("FuseChat-Llama-{family}-{size}-Instruct"))
    });
    let judged = |random: &mut Random, step: usize| {
        ("all".to_owned(), pick(random, if step < BEFORE { &big } else { &small }).1)
    };
    let anchor = |anchor: usize, _| big[anchor].1;
    let report = replay(&World { judged: &judged, anchor: &anchor, after: 500 }, 60, 11);
    let (right, unseen, early) = causes(&report, "system");
    let method = &report.methods[0];
    let seen = report.delays.iter().filter(|delay| delay.outcome == DelayOutcome::Seen).count();
    println!(
        "swap: {seen} of 60 seen, {right} named system, {unseen} unseen, {early} early; delay {:?}, 9 of 10 {:?}",
        method.judged_mean, method.judged_p90
    );
    assert!(right >= 57 && seen >= 58, "{right} {seen}");
    assert!(method.judged_mean.unwrap() <= 1.15 * 28.0, "{method:?}");
    // 500 watched before the change at A = 5,000: at most a tenth of the runs, and two standard errors.
    assert!(early <= 6 + 5, "{early}");
    let onset_held = report.alarms.iter().filter(|alarm| alarm.change.is_some());
    let held = onset_held
        .clone()
        .filter(|alarm| alarm.onset_from < at(BEFORE) && at(BEFORE) <= alarm.onset_to)
        .count();
    println!("onset ranges hold the change in {held} of {}", onset_held.clone().count());
    assert!(held * 100 >= 90 * onset_held.count(), "{held}");
}

/// gpt-4-turbo to gpt-4o behind one name, on the same answers: anchors fall as traffic does.
#[test]
fn real_data_backtest_of_a_silent_judge_swap() {
    let Some(rows) = rows("wildbench_scores.jsonl.gz") else { return };
    let judge = |row: &Value, name: &str| {
        let scores = row["scores"].as_object().unwrap();
        let found = scores.iter().find(|(judge, _)| judge.starts_with(name));
        found.and_then(|(_, score)| score.as_f64()).map(|score| (score - 1.0) / 9.0)
    };
    let both: Vec<(f64, f64)> = rows
        .iter()
        .filter(|row| row["model"].as_str().unwrap().to_lowercase().contains("gemma-7b"))
        .filter_map(|row| Some((judge(row, "gpt-4-turbo")?, judge(row, "gpt-4o")?)))
        .collect();
    assert!(both.len() > 500, "{}", both.len());
    let (frozen, traffic) = both.split_at(ANCHORS);
    let judged = |random: &mut Random, step: usize| {
        let scores = pick(random, traffic);
        ("all".to_owned(), if step < BEFORE { scores.0 } else { scores.1 })
    };
    let anchor = |anchor: usize, changed: bool| if changed { frozen[anchor].1 } else { frozen[anchor].0 };
    let report = replay(&World { judged: &judged, anchor: &anchor, after: 900 }, 40, 12);
    let (right, unseen, early) = causes(&report, "judge");
    let blamed =
        report.alarms.iter().filter(|alarm| alarm.t >= at(BEFORE) && alarm.cause == "system").count();
    println!(
        "judge swap: {right} named judge, {blamed} named system, {unseen} unseen, {early} early, {} moves of 40 judges",
        report.judge_moves.len()
    );
    assert_eq!(blamed, 0, "{report:?}");
    assert!(right + unseen >= 38 && right >= 20, "{right} {unseen}");
    assert!(report.judge_moves.len() >= 38, "{}", report.judge_moves.len());
}

/// Half of the traffic goes to the category with the lowest scores; the model is the same.
#[test]
fn real_data_backtest_of_a_mix_shift() {
    let Some(rows) = rows("alpaca_responses.jsonl.gz") else { return };
    let Some(prompts) = self::rows("alpaca_prompts.jsonl.gz") else { return };
    let category: BTreeMap<String, String> = prompts
        .iter()
        .map(|row| {
            (row["prompt_id"].as_str().unwrap().to_owned(), row["category"].as_str().unwrap().to_owned())
        })
        .collect();
    let scores: Vec<(String, f64)> = alpaca(&rows, "FuseChat-Gemma-2-9B-Instruct")
        .into_iter()
        .map(|(prompt, score)| (category[&prompt].clone(), score))
        .collect();
    let mut by_category: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    scores.iter().for_each(|(category, score)| by_category.entry(category).or_default().push(*score));
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let lowest =
        by_category.iter().min_by(|a, b| mean(a.1).total_cmp(&mean(b.1))).map(|(name, _)| *name).unwrap();
    let hard: Vec<(String, f64)> =
        scores.iter().filter(|(category, _)| category == lowest).cloned().collect();
    let draw = |random: &mut Random, step: usize| {
        let moved = step >= BEFORE && random.below(2) == 0;
        pick(random, if moved { &hard } else { &scores }).clone()
    };
    let anchor = |anchor: usize, _| scores[anchor].1;
    let with = replay(&World { judged: &draw, anchor: &anchor, after: 2_000 }, 30, 13);
    let blind = |random: &mut Random, step: usize| ("all".to_owned(), draw(random, step).1);
    let without = replay(&World { judged: &blind, anchor: &anchor, after: 2_000 }, 30, 13);
    let alarmed = |report: &Report| report.streams.iter().filter(|stream| stream.alarms > 0).count();
    let blamed = with.alarms.iter().filter(|alarm| alarm.cause == "system").count();
    println!(
        "mix shift to {lowest}: {} of 30 alarm with strata ({blamed} blame the system), {} without",
        alarmed(&with),
        alarmed(&without)
    );
    // 2,500 watched at A = 5,000: at most half, and two standard errors.
    assert!(alarmed(&with) <= 15 + 5, "{}", alarmed(&with));
    assert!(blamed <= 3, "{blamed}");
}

/// Nothing happens: the promise, and what a rolling z-test does on the same values.
#[test]
fn real_data_backtest_of_nothing_keeps_the_promise_and_a_rolling_z_does_not() {
    let Some(rows) = rows("alpaca_responses.jsonl.gz") else { return };
    let scores = alpaca(&rows, "FuseChat-Llama-3.1-8B-Instruct");
    let judged = |random: &mut Random, _| ("all".to_owned(), pick(random, &scores).1);
    let anchor = |anchor: usize, _| scores[anchor].1;
    let world = World { judged: &judged, anchor: &anchor, after: 2_000 };
    let report = replay(&world, 200, 14);
    let alarmed = report.streams.iter().filter(|stream| stream.alarms > 0).count();
    let by_name = |name: &str| report.methods.iter().find(|method| method.method == name).unwrap();
    let (own, z) = (by_name("bifocal"), by_name("rolling z"));
    println!(
        "nothing: {alarmed} of 200 streams alarm; {} pages, rolling z {}, fixed threshold {}",
        own.alarms,
        z.alarms,
        by_name("fixed threshold").alarms
    );
    let bound = 0.5 + 2.0 * (0.25f64 / 200.0).sqrt();
    assert!(alarmed as f64 / 200.0 <= bound, "{alarmed}");
    // The control: it pages in nearly every stream, more than once.
    assert!(z.alarms > 200, "{}", z.alarms);
}
