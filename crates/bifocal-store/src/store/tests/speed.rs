//! Numbers, not assertions: run with `cargo nextest run -p bifocal-store --run-ignored only --no-capture`.

use std::sync::Arc;

use bifocal_model::{Span, Window};
use bifocal_telemetry::{Clock as _, SystemClock, Telemetry};

use crate::fixture::{at, inference, reading, score_of, target};
use crate::{Options, Query, Record, Store};

fn two_kilobytes(i: u64) -> Record {
    let mut call = inference(i, i64::try_from(i / 100).unwrap());
    let text = format!("The {i}th answer says what it says, and then some more of it. ").repeat(14);
    call.messages[0].text = bifocal_redact::redact_owned(text.clone()).0;
    call.answer = bifocal_redact::redact_owned(text).0;
    Record::Inference(Arc::new(call))
}

#[test]
#[ignore = "prints numbers"]
fn appends_and_seals() {
    let dir = tempfile::tempdir_in(std::env::var("BIFOCAL_SPEED_DIR").unwrap_or_else(|_| "/tmp".to_owned()))
        .unwrap();
    let clock = Arc::new(SystemClock::new());
    let (mut store, _) = Store::open(Options::new(dir.path(), clock.clone()), Telemetry::new()).unwrap();
    let batches: Vec<Vec<Record>> =
        (0..60).map(|b| (b * 1_000..(b + 1) * 1_000).map(two_kilobytes).collect()).collect();
    let began = clock.now();
    for batch in batches {
        store.append(vec![batch]).unwrap();
    }
    let took = clock.now().since(began).as_secs_f64();
    let bytes = store.reader().disk().journal_bytes as f64;
    println!(
        "append: {:.0} calls/s, {:.0} MB/s, {:.0} bytes a call",
        60_000.0 / took,
        bytes / took / 1e6,
        bytes / 60_000.0
    );
    let began = clock.now();
    let sealed = store.seal(&[]).unwrap();
    let took = clock.now().since(began).as_secs_f64();
    println!("seal: {took:.2} s for 60,000 calls, {} files, {} bytes", sealed.segments, sealed.bytes);
    store.close().unwrap();
    let began = clock.now();
    let (store, _) = Store::open(Options::new(dir.path(), clock.clone()), Telemetry::new()).unwrap();
    println!("open: {:.3} s", clock.now().since(began).as_secs_f64());
    let began = clock.now();
    let page = store.reader().inferences(&Query { limit: 50, ..Query::default() }).unwrap();
    let scores = store.reader().scores_of(&page.items).unwrap();
    println!(
        "newest 50 from segments: {:.3} s, {} scored",
        clock.now().since(began).as_secs_f64(),
        scores.len()
    );
}

#[test]
#[ignore = "prints numbers"]
fn a_week_of_history() {
    const WEEK: i64 = 7 * 86_400;
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(SystemClock::new());
    let (mut store, _) = Store::open(Options::new(dir.path(), clock.clone()), Telemetry::new()).unwrap();
    let calls: Vec<_> =
        (0..20_000_u64).map(|i| inference(i, i64::try_from(i).unwrap() * WEEK / 20_000)).collect();
    let mut records: Vec<Record> = Vec::new();
    for (i, call) in calls.iter().enumerate() {
        records.push(Record::Inference(Arc::new(call.clone())));
        for dimension in
            ["empty", "truncated", "refusal", "format", "relevance", "safety", "tone", "composite"]
        {
            records.push(Record::Score(Arc::new(score_of(call, i as u64, dimension))));
        }
    }
    for minute in 0..WEEK / 60 {
        for series in 0..12_u64 {
            let mut point = reading(series, minute * 60);
            point.part = series.to_string();
            records.push(Record::Reading(point));
        }
    }
    let count = records.len();
    let began = clock.now();
    store.append(vec![records]).unwrap();
    println!("append {count} records: {:.2} s", clock.now().since(began).as_secs_f64());
    let began = clock.now();
    let sealed = store.seal(&[]).unwrap();
    println!(
        "seal: {:.2} s, {} files, {} bytes",
        clock.now().since(began).as_secs_f64(),
        sealed.segments,
        sealed.bytes
    );
    store.close().unwrap();
    let began = clock.now();
    let (store, _) = Store::open(Options::new(dir.path(), clock.clone()), Telemetry::new()).unwrap();
    println!("open: {:.3} s", clock.now().since(began).as_secs_f64());
    let week = Window { start: at(0), end: at(WEEK) };
    let began = clock.now();
    let steps = store.reader().series(&target("small"), week, Span::from_mins(60)).unwrap();
    println!("a week in {} steps: {:.4} s", steps.len(), clock.now().since(began).as_secs_f64());
    let began = clock.now();
    let series = store.reader().reading_series(&target("small"), week, Span::from_mins(60)).unwrap();
    println!("{} series of readings: {:.4} s", series.len(), clock.now().since(began).as_secs_f64());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
}

/// What recording costs with verdicts as records of their own, as journals of version 1 have them, and as findings of the call.
#[test]
#[ignore = "prints numbers"]
fn findings_beside_scores_of_their_own() {
    const CALLS: u64 = 20_000;
    let processor_seconds = || {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
    };
    let old = ["empty", "truncated", "refusal", "repetition"];
    for round in 0..3 {
        for (name, dimensions) in
            [("calls alone", None), ("4 scores a call", Some(&old[..])), ("findings", Some(&[]))]
        {
            let dir = tempfile::tempdir().unwrap();
            let clock = Arc::new(SystemClock::new());
            let (mut store, _) = Store::open(Options::new(dir.path(), clock), Telemetry::new()).unwrap();
            let batches: Vec<Vec<Record>> = (0..CALLS / 100)
                .map(|batch| {
                    (batch * 100..(batch + 1) * 100)
                        .flat_map(|i| {
                            let mut call = inference(i, i64::try_from(i / 100).unwrap());
                            let scores = dimensions.into_iter().flatten().map(|dimension| {
                                let evaluator = bifocal_model::evaluator::find(dimension).unwrap();
                                let verdict = bifocal_model::Verdict::Scored {
                                    value: bifocal_model::Unit::ONE,
                                    pass: true,
                                    label: None,
                                    explanation: None,
                                };
                                Record::Score(Arc::new(evaluator.score(&call, verdict, call.time)))
                            });
                            let scores: Vec<Record> = scores.collect();
                            if name != "findings" {
                                call.findings = bifocal_model::Findings::default();
                            }
                            std::iter::once(Record::Inference(Arc::new(call))).chain(scores)
                        })
                        .collect()
                })
                .collect();
            let before = processor_seconds();
            for batch in batches {
                store.append(vec![batch]).unwrap();
            }
            let appended = processor_seconds();
            let bytes = store.reader().disk().journal_bytes / CALLS;
            store.seal(&[]).unwrap();
            let micros = |seconds: f64| 1e6 * seconds / CALLS as f64;
            println!(
                "round {round}, {name}: append {:.1} us, seal {:.1} us, {bytes} bytes a call",
                micros(appended - before),
                micros(processor_seconds() - appended)
            );
        }
    }
}
