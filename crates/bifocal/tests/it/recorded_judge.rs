//! Real answers under two real judges: a judge that is swapped behind its name moves the mean as a worse model does, and must
//! be told from one; a model that is swapped must not be laid at the judge's door. Both falls are of the same size.

#![expect(clippy::print_stdout, reason = "what was measured must be seen")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bifocal::config::{ConfigFile, EvaluateRule, Resolved, TargetSection};
use bifocal::simulated::{Run, World};
use bifocal_evaluate::judge::JudgeConfig;
use bifocal_model::{Cause, StateName, Timestamp};
use bifocal_sim::{JUDGE_MODEL, Judge, JudgeTable, Recorded, RecordedScript, RecordedTarget, Trace};

use super::simulation::scenario::{first_seed, folder, is_long, median, on_all_cases};

const TURBO: &str = "gpt-4-turbo-2024-04-09@v2.0522";
const OMNI: &str = "gpt-4o-2024-05-13@v2.0522";
const MODEL: &str = "Phi-3-mini-128k-instruct";
const WORSE: &str = "gemma-7b-it";
const NAME: &str = "assistant";
/// Seeds in the long set, of which 19 must be right, and in daily use, of which one may be wrong as well.
const SEEDS_LONG: u64 = 20;
const SEEDS_DAILY: u64 = 6;
const WRONG_AT_MOST: usize = 1;
/// Prompts whose answers are anchors and no traffic: of the 596 that both judges scored.
const ANCHORS: usize = 200;
const JUDGED: f64 = 0.5;
const REQUESTS_PER_SECOND: f64 = 5.83;
/// The request at which something changes: 500 judged are the baseline, and some 300 are watched before it.
const CHANGE_AT: u64 = 1_600;
/// Judged answers after it within which the word must be spoken.
const JUDGED_AFTER: u64 = 1_500;
const START: Timestamp = Timestamp::from_secs(1_795_512_000);
const NOWHERE: &str = "http://127.0.0.1:9";
const LONGEST_SECS: u64 = 3_600;

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Change {
    Judge,
    Model,
    Nothing,
}

/// One judge's view of the traffic and of the anchors.
struct Judged {
    traffic: Recorded,
    anchors: Recorded,
}

struct Data {
    turbo: Judged,
    omni: Judged,
    trace: Trace,
}

#[derive(Debug)]
struct Seen {
    /// Judged after the change until the judge was called drifted, and until an incident had its cause.
    judge_drifted: Option<u64>,
    system: Option<u64>,
    /// Causes that incidents had, but for those still sought.
    causes: Vec<Cause>,
    /// Said before anything changed.
    too_early: bool,
    last_state: Option<StateName>,
}

fn normalised(text: &str) -> String {
    bifocal_redact::redact(text).0.into_string()
}

fn data() -> Option<Data> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED").filter(|folder| !folder.is_empty()) else {
        println!("skipped: no shared data");
        return None;
    };
    let file = |name: &str| PathBuf::from(&shared).join("data").join(name);
    let of = |judge: &str| {
        let all = Recorded::load_scores(&file("wildbench_scores.jsonl.gz"), judge, MODEL, WORSE).unwrap();
        let (anchors, traffic) = all.split(ANCHORS);
        Judged { traffic, anchors }
    };
    let trace = Trace::load(&file("trace_azure2023_conv.csv.gz")).unwrap();
    Some(Data { turbo: of(TURBO), omni: of(OMNI), trace })
}

impl Judged {
    fn judge(&self, seed: u64) -> Judge {
        let mut table: JudgeTable = self.traffic.judge_table(normalised);
        self.anchors.add_to(&mut table, normalised);
        Judge::new(seed, table)
    }
}

fn configuration(folder: &Path) -> ConfigFile {
    let target = TargetSection { name: Some("recorded".to_owned()), ..TargetSection::at(NOWHERE) };
    let mut file = ConfigFile { target: vec![target], ..ConfigFile::default() };
    file.server.data = Some(folder.to_owned());
    file.evaluate = vec![EvaluateRule::of("*", JUDGED)];
    file.judge = Some(JudgeConfig {
        base_url: format!("{NOWHERE}/v1"),
        model: JUDGE_MODEL.to_owned(),
        dimensions: vec!["relevance".to_owned()],
        anchors: Some(folder.join("anchors.jsonl")),
        budget_tokens_per_day: Some(20_000_000_000),
        ..JudgeConfig::default()
    });
    file.alerting.judged_per_day = Some(REQUESTS_PER_SECOND * JUDGED * 86_400.0);
    file
}

fn run(data: &Data, seed: u64, change: Change) -> Seen {
    let folder = folder();
    std::fs::write(folder.path().join("anchors.jsonl"), data.turbo.anchors.anchors("relevance")).unwrap();
    let swapped_from = (change == Change::Model).then_some(CHANGE_AT);
    let target = RecordedTarget { name: NAME.to_owned(), swapped_from };
    let recorded = Arc::new(data.turbo.traffic.clone());
    let script = RecordedScript::new(seed, recorded, data.trace.clone(), START, vec![target]);
    let changes = script.exchange(NAME, CHANGE_AT).unwrap().time;
    let mut secret = *b"recorded judge..";
    secret[8..].copy_from_slice(&seed.to_le_bytes());
    let world = World {
        config: Resolved::of(configuration(folder.path())).unwrap(),
        script: Arc::new(script),
        judge: data.turbo.judge(seed),
        secret,
        start: START,
    };
    let mut run = Run::open(world).unwrap();
    let mut seen =
        Seen { judge_drifted: None, system: None, causes: Vec::new(), too_early: false, last_state: None };
    let mut before = None;
    for _ in 0..LONGEST_SECS {
        let has_changed = run.now() >= changes;
        if has_changed && before.is_none() {
            before = Some(judged(&run));
            if change == Change::Judge {
                run.swap_judge(data.omni.judge(seed));
            }
        }
        run.second().unwrap();
        let snapshot = run.snapshot();
        let drifted = snapshot.judges.iter().any(|judge| judge.drift.is_some());
        let causes: Vec<Cause> =
            snapshot.incidents.iter().map(|incident| incident.attribution.cause).collect();
        let after = judged(&run) - before.unwrap_or(0);
        if drifted {
            seen.judge_drifted.get_or_insert(after);
        }
        if causes.contains(&Cause::System) {
            seen.system.get_or_insert(after);
        }
        let named = causes.into_iter().filter(|cause| !matches!(cause, Cause::Pending | Cause::Undecided));
        named.for_each(|cause| {
            if !seen.causes.contains(&cause) {
                seen.causes.push(cause);
            }
        });
        seen.too_early |= !has_changed && (drifted || !seen.causes.is_empty());
        seen.last_state = run.state(NAME);
        if before.is_some_and(|_| after >= JUDGED_AFTER) {
            return seen;
        }
    }
    panic!("seed {seed}: not judged within {LONGEST_SECS} s: {seen:?}");
}

fn judged(run: &Run) -> u64 {
    let snapshot = run.snapshot();
    let streams = snapshot.targets.iter().flat_map(|target| &target.streams);
    streams.filter(|stream| stream.watched).map(|stream| stream.judged).sum()
}

fn all(data: &Data, change: Change) -> Vec<(u64, Seen)> {
    let first = first_seed();
    let count = if is_long() { SEEDS_LONG } else { SEEDS_DAILY };
    println!("seeds {first} to {}; BIFOCAL_SEED={first} runs them again", first + count - 1);
    let seeds: Vec<u64> = (first..first + count).collect();
    on_all_cases(&seeds, |seed| run(data, seed, change))
}

#[test]
fn real_data_a_swapped_judge_is_told_as_the_judge_and_not_as_the_model() {
    let Some(data) = data() else { return };
    let ((before, _), (after, _)) = (data.turbo.traffic.mean_scores(), data.omni.traffic.mean_scores());
    println!("{} prompts: gpt-4-turbo {before:.3}, gpt-4o {after:.3}", data.turbo.traffic.prompts());
    let all = all(&data, Change::Judge);
    let right = all.iter().filter(|(_, seen)| {
        let blamed = seen.causes.contains(&Cause::System);
        seen.judge_drifted.is_some()
            && !blamed
            && !seen.too_early
            && seen.last_state == Some(StateName::Healthy)
    });
    let right = right.count();
    let delays = all.iter().filter_map(|(_, seen)| seen.judge_drifted).map(|judged| judged as f64);
    println!(
        "the judge on {right} of {} seeds; median {:.0} judged after the swap",
        all.len(),
        median(delays)
    );
    assert!(right + WRONG_AT_MOST >= all.len(), "{all:#?}");
}

#[test]
fn real_data_a_swapped_model_is_told_as_the_model_and_not_as_the_judge() {
    let Some(data) = data() else { return };
    let (before, after) = data.turbo.traffic.mean_scores();
    println!("gpt-4-turbo: {MODEL} {before:.3}, {WORSE} {after:.3}");
    let all = all(&data, Change::Model);
    let right = all.iter().filter(|(_, seen)| {
        seen.system.is_some()
            && seen.causes == [Cause::System]
            && seen.judge_drifted.is_none()
            && !seen.too_early
            && seen.last_state == Some(StateName::SilentDegradation)
    });
    let right = right.count();
    let delays = all.iter().filter_map(|(_, seen)| seen.system).map(|judged| judged as f64);
    println!(
        "the model on {right} of {} seeds; median {:.0} judged after the swap",
        all.len(),
        median(delays)
    );
    assert!(right + WRONG_AT_MOST >= all.len(), "{all:#?}");
}

/// The control: with nothing swapped nothing is said.
#[test]
fn real_data_without_a_swap_nobody_is_blamed() {
    let Some(data) = data() else { return };
    let all = all(&data, Change::Nothing);
    let quiet = all.iter().filter(|(_, seen)| seen.causes.is_empty() && seen.judge_drifted.is_none());
    assert!(quiet.count() + WRONG_AT_MOST >= all.len(), "{all:#?}");
}
