//! The process is killed at every failpoint; what was acknowledged must be there once, and the ledger balances.
//!
//! The test starts itself again as a child with the failpoint armed. The child appends batches, notes each one that
//! was acknowledged in a file, and seals now and then; the parent opens what the child left.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use bifocal_model::{EvaluatorKind, Source};

use crate::fixture::{all_calls, call, inference, open, reading, score, select, target};
use crate::{Record, failpoint};

const DIR: &str = "BIFOCAL_TEST_CRASH_DIR";
const BATCHES: u64 = 24;
const PER_BATCH: u64 = 5;

fn batch(number: u64) -> Vec<Record> {
    let mut records = Vec::new();
    for i in number * PER_BATCH..(number + 1) * PER_BATCH {
        let secs = i64::try_from(i).unwrap() * 100;
        let judged = [select(i, secs, &["safety"]), score(i, secs, "safety")];
        records.push(call(i, secs));
        records.extend(judged);
        records.push(Record::Reading(reading(i, secs)));
    }
    records
}

/// The child's work; without the variable this test does nothing.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let mut acknowledged =
        fs::File::options().create(true).append(true).open(dir.join("acknowledged")).unwrap();
    let (mut store, _) = open(&dir.join("data"));
    for number in 0..BATCHES {
        store.append(vec![batch(number), Vec::new()]).unwrap();
        writeln!(acknowledged, "{number}").unwrap();
        if number % 5 == 4 {
            store.seal(&[("watch", number.to_le_bytes().to_vec())]).unwrap();
        }
    }
    store.close().unwrap();
}

fn run_child(dir: &Path, point: &str) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "store::tests::crash::child", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).env(failpoint::ENVIRONMENT, point);
    command.output().unwrap().status.success()
}

fn crash_and_check(point: &str, passing: u64) {
    let dir = tempfile::tempdir().unwrap();
    let armed = format!("{point}:{passing}");
    assert!(!run_child(dir.path(), &armed), "{armed} did not kill the child");
    let acknowledged = fs::read_to_string(dir.path().join("acknowledged")).unwrap_or_default();
    let acknowledged: BTreeSet<u64> = acknowledged.lines().map(|line| line.parse().unwrap()).collect();

    let (mut store, recovered) = open(&dir.path().join("data"));
    assert!(recovered.unclean.is_some(), "{armed}");
    let found = all_calls(&store.reader(), 1_000);
    let expected: Vec<_> =
        (0..found.len() as u64).map(|i| inference(i, i64::try_from(i).unwrap() * 100)).collect();
    assert_eq!(found, expected, "{armed}: calls are there once, in whole batches, without holes");
    let batches = found.len() as u64 / PER_BATCH;
    assert_eq!(found.len() as u64 % PER_BATCH, 0, "{armed}: half a batch");
    let last = acknowledged.last().map_or(0, |last| last + 1);
    assert!(batches == last || batches == last + 1, "{armed}: {last} acknowledged, {batches} found");
    if let Some(state) = recovered.states.get("watch") {
        let sealed = u64::from_le_bytes(state.as_slice().try_into().unwrap()) + 1;
        assert_eq!(recovered.sealed.0, sealed * PER_BATCH * 4, "{armed}: state and sequence belong together");
    }

    // A source that begins anew sends everything again: nothing counts twice.
    for number in 0..BATCHES {
        let appended = store.append(vec![batch(number)]).unwrap();
        let known = if number < batches { PER_BATCH } else { 0 };
        assert_eq!(appended.batches[0].duplicates, known, "{armed}: batch {number}");
    }
    store.seal(&[]).unwrap();
    store.close().unwrap();
    let (store, _) = open(&dir.path().join("data"));
    let reader = store.reader();
    assert_eq!(all_calls(&reader, 1_000).len() as u64, BATCHES * PER_BATCH, "{armed}");
    let ledger = reader.ledger();
    let mut stored = 0;
    for name in ["small", "large"] {
        let calls = &ledger.received[&(Source::DataCapture, Some(target(name)))];
        let line = &ledger.judging[&target(name)];
        stored += calls.stored;
        assert_eq!(line.selected, calls.stored, "{armed}: {line:?}");
        assert!(line.balances() && line.pending == 0, "{armed}: {line:?}");
        let day = bifocal_model::Window { start: crate::fixture::at(0), end: crate::fixture::at(86_400) };
        let total = reader.total(&target(name), day).unwrap();
        assert_eq!(total.calls, calls.stored, "{armed}: roll-ups");
        let judged = total.scores.iter().filter(|(key, _)| key.kind != EvaluatorKind::Heuristic);
        let judged: u64 = judged.map(|(_, moments)| moments.n + moments.failed).sum();
        assert_eq!(judged, calls.stored, "{armed}: roll-ups of scores");
    }
    assert_eq!(stored, BATCHES * PER_BATCH, "{armed}");
    assert_eq!(ledger.unclean_stops.len(), 1, "{armed}");
}

#[test]
fn every_failpoint_loses_nothing() {
    for point in failpoint::POINTS {
        for passing in [1, 3] {
            crash_and_check(point, passing);
        }
    }
}
