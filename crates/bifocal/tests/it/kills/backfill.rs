//! Kills during a backfill of overlapping files.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use bifocal_model::{Source, Span, Timestamp};
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
    seal_journal_bytes: 1 << 20,
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

/// Files as Data Capture lays them out. A fifth of the lines of each repeats events of any earlier file, all within
/// the horizon in which a repeated event is recognised.
fn write_files(folder: &Path, plan: &Plan, random: &mut Random) -> Truth {
    let distinct = plan.files * (plan.lines_of_file * 4 / 5);
    let step = 40.0 * 3600.0 / distinct as f64;
    let time = |event: u64| Timestamp::from_secs(1_795_000_000) + Span::from_secs_f64(step * event as f64);
    let (mut lines, mut malformed, mut next) = (0, 0, 0);
    for file in 0..plan.files {
        let hour = folder.join(format!("llm-prod/AllTraffic/2026/11/18/{:02}", file % 24));
        fs::create_dir_all(&hour).unwrap();
        let mut text = String::new();
        for i in 0..plan.lines_of_file {
            if random.below(500) == 0 {
                text.push_str("{\"captureData\": {\"endpointInput\": \n");
                malformed += 1;
                lines += 1;
            }
            let event = if i % 5 == 4 { random.below(next) } else { next };
            next = next.max(event + 1);
            writeln!(text, "{}", line(event, time(event))).unwrap();
            lines += 1;
        }
        fs::write(hour.join(format!("part-{file:03}.jsonl")), text).unwrap();
    }
    assert_eq!(next, distinct);
    Truth { lines, distinct, malformed }
}

pub(super) fn line(event: u64, time: Timestamp) -> Value {
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

/// How a run ended, with the inferences that it said are stored.
#[derive(Debug)]
enum End {
    Killed { stored: u64 },
    Ended { stored: u64, last_line: String },
}

/// The number before ` stored,` in the last whole line that has one.
fn stored_of(text: &str) -> u64 {
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let number = whole.lines().rev().find_map(|line| line.split_once(" stored,")?.0.rsplit(' ').next());
    number.map_or(0, |number| number.parse().unwrap())
}

impl Run {
    fn command(&self) -> Command {
        let mut command = bifocal();
        command.arg("backfill").arg(&self.files);
        command.arg("--config").arg(&self.config).arg("--data").arg(&self.data);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn once(&self, kill: &Kill) -> End {
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
        let (out, errors) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        if output.status.signal().is_some() {
            return End::Killed { stored: stored_of(&errors) };
        }
        // 1: lines were rejected.
        assert!(matches!(output.status.code(), Some(0 | 1)), "{kill:?}: {}: {errors}", output.status);
        End::Ended { stored: stored_of(&out), last_line: out.lines().next().unwrap().to_owned() }
    }
}

/// The lines of captured calls in the ledger, added up.
fn received(ledger: &Ledger) -> Received {
    let mut sum = Received::default();
    let captured = ledger.received.iter().filter(|((source, _), _)| *source == Source::DataCapture);
    for (_, line) in captured {
        sum.stored += line.stored;
        sum.duplicate += line.duplicate;
        line.rejected.iter().for_each(|(reason, n)| *sum.rejected.entry(reason.clone()).or_default() += n);
        line.dropped.iter().for_each(|(reason, n)| *sum.dropped.entry(reason.clone()).or_default() += n);
    }
    sum
}

/// Ledger, roll-ups, lake and journal, and the reader tell the same number. Gives the ledger.
pub(super) fn consistent(data: &Path) -> (Received, usize) {
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
    let calm_end = calm.once(&Kill::Never);
    assert!(matches!(calm_end, End::Ended { stored, .. } if stored == truth.distinct), "{calm_end:?}");
    let took = clock.now().since(began).as_secs_f64();
    check_end(&calm.data, &truth);
    eprintln!("{truth:?}; an undisturbed run takes {took:.1} s");

    let (mut kills, mut rounds) = (0, 0);
    while kills < plan.kills {
        let data = folder.path().join(format!("round-{rounds}"));
        let run = Run { files: calm.files.clone(), config: calm.config.clone(), data };
        // What the runs of this round said is stored. Had any of it been lost, a later run would store it again.
        let (mut acknowledged, mut at_failpoints) = (0, 0);
        let last_line = loop {
            let kill = match random.below(2) {
                _ if kills == plan.kills => Kill::Never,
                0 => {
                    let share = plan.kill_within * random.below(1000) as f64 / 1000.0;
                    Kill::After(Duration::from_secs_f64(took * share))
                }
                _ => Kill::At(failpoints.draw(&mut random)),
            };
            match run.once(&kill) {
                End::Ended { stored, last_line } => {
                    acknowledged += stored;
                    break last_line;
                }
                End::Killed { stored } => acknowledged += stored,
            }
            kills += 1;
            at_failpoints += usize::from(matches!(kill, Kill::At(_)));
            eprintln!("kill {kills}: {kill:?}; {acknowledged} acknowledged");
            if kills % plan.look_every == 0 && run.data.join("journal").exists() {
                let looked_at = folder.path().join("copy");
                copy(&run.data, &looked_at);
                let (sum, _) = consistent(&looked_at);
                assert!(
                    (acknowledged..=truth.distinct).contains(&sum.stored),
                    "{acknowledged} acknowledged, {sum:?}"
                );
                fs::remove_dir_all(looked_at).unwrap();
            }
        };
        rounds += 1;
        eprintln!("round {rounds}: {last_line}");
        assert!(acknowledged <= truth.distinct, "{acknowledged} acknowledged: something was stored twice");
        check_end(&run.data, &truth);
        let (before, stops) = consistent(&run.data);
        assert!(at_failpoints == 0 || stops > 0, "{at_failpoints} kills at failpoints, no unclean stop");
        let again = run.once(&Kill::Never);
        let nothing = format!(
            "{0} files ({0} read before), 0 lines: 0 stored, 0 already there, 0 rejected",
            plan.files
        );
        assert!(matches!(&again, End::Ended { last_line, .. } if *last_line == nothing), "{again:?}");
        let (after, _) = consistent(&run.data);
        assert_eq!(after, before, "a further run changes nothing");
        fs::remove_dir_all(&run.data).unwrap();
        assert!(rounds < 40 * plan.kills, "runs end before they are killed");
    }
}

#[test]
fn cli_backfill_without_evaluators_stores_calls_as_they_came() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("captured.jsonl");
    let text: String =
        (0..20).map(|event| format!("{}\n", line(event, Timestamp::from_secs(1_795_000_000)))).collect();
    fs::write(&file, text).unwrap();
    let found = |name: &str, flags: &[&str]| {
        let data = folder.path().join(name);
        let mut command = bifocal();
        let done = command.arg("backfill").args(flags).arg("--data").arg(&data).arg(&file).status().unwrap();
        assert!(done.success());
        let (store, _) = open(&data);
        let all = bifocal_store::Query { limit: 100, ..bifocal_store::Query::default() };
        let calls = store.reader().inferences(&all).unwrap().items;
        store.close().unwrap();
        (calls.len(), calls.iter().filter(|call| !call.findings.is_empty()).count())
    };
    assert_eq!(found("with", &[]), (20, 20));
    assert_eq!(found("without", &["--without-evaluators"]), (20, 0));
}
