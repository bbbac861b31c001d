//! Real answers with the scores that a real judge gave them: the model behind one requested name is swapped for a
//! smaller one, while a second target beside it keeps its own. Here in process, on a manual clock; in [`sockets`] once
//! through the proxy and a judge's address.

#![expect(clippy::print_stdout, reason = "seeds must be seen, so that a failure can be run again")]

mod sockets;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bifocal::config::{ConfigFile, EvaluateRule, Resolved, TargetSection};
use bifocal::simulated::{Run, World};
use bifocal_evaluate::judge::JudgeConfig;
use bifocal_model::{StateName, Timestamp};
use bifocal_sim::{JUDGE_MODEL, Judge, JudgeTable, Recorded, RecordedScript, RecordedTarget, Trace};

use super::simulation::scenario::{first_seed, folder, median, on_all_cases};

const BEFORE: &str = "FuseChat-Llama-3.1-8B-Instruct";
const AFTER: &str = "FuseChat-Llama-3.2-1B-Instruct";
/// The names that clients ask for.
const SWAPPED: &str = "assistant";
const BESIDE: &str = "assistant-eu";
const SEEDS: u64 = 20;
/// Seeds of 20 on which the swapped target must be seen, and on which the other may be.
const SEEN_AT_LEAST: usize = 19;
const FALSE_AT_MOST: usize = 1;
/// Half of the answers is judged: of 5.8 requests a second, the mean of the trace.
const JUDGED: f64 = 0.5;
const REQUESTS_PER_SECOND: f64 = 5.83;
/// The request at which the model changes: 500 judged make the baseline, and some more are watched before it.
const SWAP_AT: u64 = 1500;
const JUDGED_BEFORE: u64 = 500;
/// At least 150 after the swap. The median delay is about 100 at the threshold of this rate (two streams, one false page
/// in 30 days), and one seed in fifteen takes longer than 150.
const JUDGED_AFTER: u64 = 250;
/// 2026-11-24T09:20:00Z.
const START: Timestamp = Timestamp::from_secs(1_795_512_000);
/// In process nothing is sent.
const NOWHERE: &str = "http://127.0.0.1:9";
/// A run that has not ended by then never will.
const LONGEST_SECS: u64 = 3600;

struct Data {
    recorded: Arc<Recorded>,
    table: JudgeTable,
    trace: Trace,
}

/// What was seen of one seed.
#[derive(Debug)]
struct Seen {
    /// Judged answers of the swapped target up to the swap, and after it until the state was there.
    judged_before: u64,
    delay_judged: Option<u64>,
    /// States that the target beside it had, other than healthy.
    beside: Vec<StateName>,
    /// States that the swapped one had, other than healthy and the expected one.
    unexpected: Vec<StateName>,
    /// Whether the state came before the swap.
    too_early: bool,
}

/// The files; `None`, with a word, where they are not at hand.
fn data() -> Option<Data> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED").filter(|folder| !folder.is_empty()) else {
        println!("skipped: no shared data");
        return None;
    };
    let file = |name: &str| PathBuf::from(&shared).join("data").join(name);
    let (responses, prompts) = (file("alpaca_responses.jsonl.gz"), file("alpaca_prompts.jsonl.gz"));
    let recorded = Recorded::load(&responses, &prompts, BEFORE, AFTER).unwrap();
    let table = recorded.judge_table(|text| bifocal_redact::redact(text).0.into_string());
    let trace = Trace::load(&file("trace_azure2023_conv.csv.gz")).unwrap();
    Some(Data { recorded: Arc::new(recorded), table, trace })
}

/// What a person would write. In process nothing is behind the addresses.
fn configuration(data: &Path, upstream: &str, judge: &str) -> ConfigFile {
    let target = TargetSection { name: Some("recorded".to_owned()), ..TargetSection::at(upstream) };
    let mut file = ConfigFile { target: vec![target], ..ConfigFile::default() };
    file.server.data = Some(data.to_owned());
    file.evaluate = vec![EvaluateRule::of("*", JUDGED)];
    file.judge = Some(JudgeConfig {
        base_url: format!("{judge}/v1"),
        model: JUDGE_MODEL.to_owned(),
        dimensions: vec!["relevance".to_owned()],
        budget_tokens_per_day: Some(20_000_000_000),
        ..JudgeConfig::default()
    });
    file.alerting.judged_per_day = Some(REQUESTS_PER_SECOND * JUDGED * 86_400.0);
    file
}

/// The traffic of both targets.
fn script(data: &Data, seed: u64, start: Timestamp) -> RecordedScript {
    let target = |name: &str, swapped_from| RecordedTarget { name: name.to_owned(), swapped_from };
    let targets = vec![target(SWAPPED, Some(SWAP_AT)), target(BESIDE, None)];
    RecordedScript::new(seed, Arc::clone(&data.recorded), data.trace.clone(), start, targets)
}

fn run(data: &Data, seed: u64) -> Seen {
    let folder = folder();
    let script = script(data, seed, START);
    let swap = script.exchange(SWAPPED, SWAP_AT).unwrap().time;
    let mut secret = *b"recorded swap...";
    secret[8..].copy_from_slice(&seed.to_le_bytes());
    let world = World {
        config: Resolved::of(configuration(folder.path(), NOWHERE, NOWHERE)).unwrap(),
        script: Arc::new(script),
        judge: Judge::new(seed, data.table.clone()),
        secret,
        start: START,
    };
    let mut run = Run::open(world).unwrap();
    let mut seen = Seen {
        judged_before: 0,
        delay_judged: None,
        beside: Vec::new(),
        unexpected: Vec::new(),
        too_early: false,
    };
    for _ in 0..LONGEST_SECS {
        run.second().unwrap();
        let judged = judged(&run, SWAPPED);
        let swapped = run.now() > swap;
        if !swapped {
            seen.judged_before = judged;
        }
        match run.state(SWAPPED) {
            Some(StateName::SilentDegradation) => {
                seen.too_early |= !swapped;
                seen.delay_judged.get_or_insert(judged - seen.judged_before);
            }
            Some(StateName::Healthy | StateName::Unknown) | None => {}
            Some(state) => seen.unexpected.push(state),
        }
        if let Some(state) =
            run.state(BESIDE).filter(|s| !matches!(s, StateName::Healthy | StateName::Unknown))
        {
            seen.beside.push(state);
        }
        if swapped && judged >= seen.judged_before + JUDGED_AFTER {
            return seen;
        }
    }
    panic!("seed {seed}: {JUDGED_AFTER} were not judged within {LONGEST_SECS} s: {seen:?}");
}

fn judged(run: &Run, name: &str) -> u64 {
    let snapshot = run.snapshot();
    let streams =
        snapshot.targets.iter().filter(|target| target.name == name).flat_map(|target| &target.streams);
    streams.filter(|stream| stream.watched).map(|stream| stream.judged).sum()
}

#[test]
fn real_data_recorded_swap_is_seen_on_the_swapped_target_only() {
    let Some(data) = data() else { return };
    let first = first_seed();
    println!("seeds {first} to {}; BIFOCAL_SEED={first} runs them again", first + SEEDS - 1);
    let seeds: Vec<u64> = (first..first + SEEDS).collect();
    let all = on_all_cases(&seeds, |seed| run(&data, seed));
    for (seed, seen) in &all {
        assert!(seen.judged_before >= JUDGED_BEFORE, "seed {seed}: {seen:?}");
        assert!(seen.unexpected.is_empty(), "seed {seed}: {seen:?}");
    }
    let caught = all.iter().filter(|(_, seen)| seen.delay_judged.is_some() && !seen.too_early).count();
    let wrongly = all.iter().filter(|(_, seen)| !seen.beside.is_empty()).count();
    let delays = all.iter().filter_map(|(_, seen)| seen.delay_judged).map(|judged| judged as f64);
    println!(
        "swapped seen on {caught} of {SEEDS} seeds, the other on {wrongly}; median {:.0} judged after the swap",
        median(delays)
    );
    assert!(caught >= SEEN_AT_LEAST, "{all:#?}");
    assert!(wrongly <= FALSE_AT_MOST, "{all:#?}");
}
