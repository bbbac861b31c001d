//! Kills during a backfill of overlapping files.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bifocal_model::{Span, Timestamp};
use bifocal_store::{Ledger, Received};
use bifocal_telemetry::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{Failpoints, is_long, listed, open, replayed_inferences, rolled_up, sealed_inferences};
use crate::harness::{Random, bifocal, ended_within, seed};

struct Plan {
    kills: u64,
    files: u64,
    lines_of_file: u64,
    seal_journal_bytes: u64,
    /// A kill comes within this share of the time of an undisturbed run.
    kill_within: f64,
    /// One kill of so many is followed by a look at a copy of the data.
    look_every: u64,
}

const SHORT: Plan = Plan {
    kills: 10,
    files: 8,
    lines_of_file: 2_500,
    seal_journal_bytes: 3 << 20,
    kill_within: 0.3,
    look_every: 2,
};
const LONG: Plan = Plan {
    kills: 100,
    files: 50,
    lines_of_file: 20_000,
    seal_journal_bytes: 32 << 20,
    kill_within: 0.05,
    look_every: 20,
};

/// What the files hold.
#[derive(Debug)]
struct Truth {
    lines: u64,
    distinct: u64,
    malformed: u64,
}

/// Files as Data Capture lays them out; each begins with the last fifth of the one before.
fn write_files(folder: &Path, plan: &Plan, random: &mut Random) -> Truth {
    let stride = plan.lines_of_file * 4 / 5;
    let distinct = stride * (plan.files - 1) + plan.lines_of_file;
    let (mut lines, mut malformed) = (0, 0);
    // All within the horizon in which a repeated event is recognised.
    let first = Timestamp::from_secs(1_795_000_000);
    let step = 40.0 * 3600.0 / distinct as f64;
    for file in 0..plan.files {
        let hour = folder.join(format!("llm-prod/AllTraffic/2026/11/18/{:02}", file % 24));
        fs::create_dir_all(&hour).unwrap();
        let mut text = String::new();
        for event in file * stride..file * stride + plan.lines_of_file {
            if random.below(500) == 0 {
                text.push_str("{\"captureData\": {\"endpointInput\": \n");
                malformed += 1;
                lines += 1;
            }
            let time = first + Span::from_secs_f64(step * event as f64);
            writeln!(text, "{}", line(event, time)).unwrap();
            lines += 1;
        }
        fs::write(hour.join(format!("part-{file:03}.jsonl")), text).unwrap();
    }
    Truth { lines, distinct, malformed }
}

fn line(event: u64, time: Timestamp) -> Value {
    let input = json!({"inputs": format!("What is the {event}th thing to know about growing tomatoes?")});
    let output =
        json!({"generated_text": format!("Thing {event}: water them in the morning and not on the leaves.")});
    let side = |mode: &str, data: &Value| json!({"observedContentType": "application/json", "mode": mode, "data": data.to_string(), "encoding": "JSON"});
    json!({
        "captureData": {"endpointInput": side("INPUT", &input), "endpointOutput": side("OUTPUT", &output)},
        "eventMetadata": {"eventId": format!("event-{event}"), "inferenceTime": time.to_string()},
        "eventVersion": "0",
    })
}

struct Run {
    files: PathBuf,
    config: PathBuf,
    data: PathBuf,
}

#[derive(Debug)]
enum Kill {
    Never,
    After(Duration),
    At(String),
}

impl Run {
    fn command(&self) -> Command {
        let mut command = bifocal();
        command.args(["--format", "json", "backfill"]).arg(&self.files);
        command.arg("--config").arg(&self.config).arg("--data").arg(&self.data);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs once. `None`: it was killed; else what it said at its end.
    fn once(&self, kill: &Kill) -> Option<Value> {
        let mut command = self.command();
        if let Kill::At(point) = kill {
            command.env(bifocal_store::failpoint::ENVIRONMENT, point);
        }
        let mut child = command.spawn().unwrap();
        if let Kill::After(time) = kill
            && ended_within(&mut child, *time).is_none()
        {
            child.kill().unwrap();
        }
        let output = child.wait_with_output().unwrap();
        if output.status.signal().is_some() {
            return None;
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        // 1: lines were rejected.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{kill:?}: {}: {errors}", output.status);
        Some(serde_json::from_slice(&output.stdout).unwrap())
    }
}

/// The lines of the ledger, added up.
fn received(ledger: &Ledger) -> Received {
    let mut sum = Received::default();
    for line in ledger.received.values() {
        sum.stored += line.stored;
        sum.duplicate += line.duplicate;
        line.rejected.iter().for_each(|(reason, n)| *sum.rejected.entry(reason.clone()).or_default() += n);
        line.dropped.iter().for_each(|(reason, n)| *sum.dropped.entry(reason.clone()).or_default() += n);
    }
    sum
}

/// Ledger, roll-ups, lake and journal, and the reader tell the same number. Gives the ledger.
fn consistent(data: &Path) -> (Received, usize) {
    let (store, recovered) = open(data);
    let ledger = store.reader().ledger();
    let sum = received(&ledger);
    assert_eq!(rolled_up(&store), sum.stored, "roll-ups");
    assert_eq!(sealed_inferences(data) + replayed_inferences(&recovered), sum.stored, "lake and journal");
    assert_eq!(listed(&store).len() as u64, sum.stored, "reader");
    store.close().unwrap();
    (sum, ledger.unclean_stops.len())
}

fn check_end(data: &Path, truth: &Truth) {
    let (sum, _) = consistent(data);
    assert_eq!(sum.stored, truth.distinct, "each event once");
    assert_eq!(sum.rejected.into_iter().collect::<Vec<_>>(), [("malformed".to_owned(), truth.malformed)]);
    assert_eq!(sum.duplicate, truth.lines - truth.distinct - truth.malformed, "each line is accounted for");
    assert!(sum.dropped.is_empty());
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn kill_during_backfill_loses_and_doubles_nothing() {
    let (seed, plan) = (seed(), if is_long() { LONG } else { SHORT });
    let (mut random, mut failpoints) = (Random::new(seed), Failpoints::default());
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("capture");
    let truth = write_files(&files, &plan, &mut random);
    assert!(truth.malformed > 0 && truth.lines > truth.distinct);
    let config = folder.path().join("bifocal.toml");
    fs::write(&config, format!("[server]\nseal_journal_bytes = {}\n", plan.seal_journal_bytes)).unwrap();

    let clock = SystemClock::new();
    let began = clock.now();
    let calm = Run { files, config, data: folder.path().join("calm") };
    calm.once(&Kill::Never).unwrap();
    let took = clock.now().since(began).as_secs_f64();
    check_end(&calm.data, &truth);
    eprintln!("{truth:?}; an undisturbed run takes {took:.1} s");

    let (mut kills, mut rounds) = (0, 0);
    while kills < plan.kills {
        let run = Run {
            data: folder.path().join(format!("round-{rounds}")),
            ..Run { files: calm.files.clone(), config: calm.config.clone(), data: PathBuf::new() }
        };
        let mut killed = 0;
        let end = loop {
            let kill = match random.below(2) {
                _ if kills == plan.kills => Kill::Never,
                0 => Kill::After(Duration::from_secs_f64(
                    took * plan.kill_within * random.below(1000) as f64 / 1000.0,
                )),
                _ => Kill::At(failpoints.draw(&mut random)),
            };
            if let Some(end) = run.once(&kill) {
                break end;
            }
            kills += 1;
            killed += 1;
            eprintln!("kill {kills}: {kill:?}");
            if kills % plan.look_every == 0 && run.data.join("journal").exists() {
                let looked_at = folder.path().join("copy");
                copy(&run.data, &looked_at);
                let (sum, _) = consistent(&looked_at);
                assert!(sum.stored <= truth.distinct);
                fs::remove_dir_all(looked_at).unwrap();
            }
        };
        rounds += 1;
        eprintln!("round {rounds} ended after {killed} kills: {end}");
        check_end(&run.data, &truth);
        let (before, _) = consistent(&run.data);
        let again = run.once(&Kill::Never).unwrap();
        assert_eq!(again["files_known"], plan.files, "{again}");
        assert_eq!((&again["received"], &again["stored"]), (&json!(0), &json!(0)), "{again}");
        let (after, _) = consistent(&run.data);
        assert_eq!(after, before, "a further run changes nothing");
        fs::remove_dir_all(&run.data).unwrap();
        assert!(rounds < 40 * plan.kills, "runs end before they are killed");
    }
}
