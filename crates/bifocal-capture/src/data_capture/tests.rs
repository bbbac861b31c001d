//! Files on disk into a real store, by way of its intake.

mod bucket;
mod inbox;
mod moto;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bifocal_model::{Component, Probability, Source, Timestamp};
use bifocal_store::{Acknowledged, Intake, Options, Reader, Record, Store, intake};
use bifocal_telemetry::{ManualClock, TaskGroup, Telemetry};

use super::{Attribution, Backfill, BackfillOptions, Progress};
use crate::error::Error;
use crate::limits::{BACKFILL_BATCH, BACKFILL_BATCH_BYTES};

const SAMPLE: &str = include_str!("../../testdata/sagemaker_data_capture_sample.jsonl");

struct Running {
    intake: Intake,
    reader: Reader,
    /// What the journal was given, in order, batch by batch.
    batches: Arc<Mutex<Vec<Vec<Record>>>>,
    tasks: TaskGroup,
}

/// A store; it closes its intake after so many batches.
fn store(folder: &Path, batches_max: usize) -> Running {
    let clock = Arc::new(ManualClock::new("2026-02-19T12:00:00Z".parse().unwrap()));
    let (mut store, _) = Store::open(Options::new(folder, clock), Telemetry::new()).unwrap();
    let (intake, mut queue) = intake(4, store.arrivals());
    let reader = store.reader();
    let batches = Arc::new(Mutex::new(Vec::new()));
    let tasks = TaskGroup::new();
    let seen = Arc::clone(&batches);
    tasks.spawn_blocking("journal", move || {
        for _ in 0..batches_max {
            let Some(batch) = queue.blocking_recv() else { break };
            seen.lock().unwrap().push(batch.records.clone());
            let mut arrivals = batch.arrivals;
            let appended: Vec<Acknowledged> =
                store.append_arrived(vec![batch.records], &mut arrivals).unwrap().batches;
            batch.acknowledge.unwrap().send(appended[0]).unwrap();
        }
        drop(queue);
        store.close().unwrap();
    });
    Running { intake, reader, batches, tasks }
}

async fn backfill(running: &Running, paths: &[PathBuf]) -> Result<Progress, Error> {
    let options = BackfillOptions {
        paths: paths.to_vec(),
        origin: "sagemaker/1/eu-west-1".into(),
        endpoint: Some("given".into()),
        capture_probability: Probability::new(0.25).unwrap(),
        attribution: Attribution::default(),
        fields: bifocal_wire::Fields::default(),
    };
    let reader = running.reader.clone();
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1)));
    let known = move |file: &str| reader.checkpoint(file);
    Backfill::new(options, running.intake.clone(), known, clock).run(|_| {}).await
}

fn write(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, content).unwrap();
    path
}

fn line(n: usize, event_id: bool) -> String {
    let id = if event_id { format!("\"eventId\":\"e{n}\",") } else { String::new() };
    format!(
        r#"{{"captureData":{{"endpointInput":{{"observedContentType":"application/json","mode":"INPUT","data":"{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"question {n}\"}}]}}","encoding":"JSON"}},"endpointOutput":{{"observedContentType":"application/json","mode":"OUTPUT","data":"{{\"choices\":[{{\"message\":{{\"content\":\"answer {n}\"}},\"finish_reason\":\"stop\"}}]}}","encoding":"JSON"}}}},"eventMetadata":{{{id}"inferenceTime":"2026-02-19T01:34:30Z"}},"eventVersion":"0"}}"#
    )
}

fn answers(batches: &[Vec<Record>]) -> Vec<String> {
    let inferences = batches.iter().flatten().filter_map(|record| match record {
        Record::Inference(inference) => Some(inference.answer.as_str().to_owned()),
        _ => None,
    });
    inferences.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_records_arrive_once_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let name = "in/bucket/llm-prod/AllTraffic/2026/02/19/01/34-30-683-a.jsonl";
    let path = write(folder.path(), name, SAMPLE.as_bytes());
    let running = store(&folder.path().join("data"), usize::MAX);
    let first = backfill(&running, &[folder.path().join("in")]).await.unwrap();
    assert_eq!((first.received, first.stored, first.duplicates, first.files_done), (3, 3, 0, 1));
    assert_eq!((first.bytes, first.bytes_done), (SAMPLE.len() as u64, SAMPLE.len() as u64));

    let batch = running.batches.lock().unwrap()[0].clone();
    let Record::Inference(inference) = &batch[0] else { panic!("{:?}", batch[0]) };
    assert_eq!(inference.target.origin, "sagemaker/1/eu-west-1");
    assert_eq!(
        (inference.target.endpoint.as_str(), inference.target.variant.as_str()),
        ("llm-prod", "AllTraffic")
    );
    assert_eq!(inference.target.component, Component::InferenceComponent("unattributed".into()));
    assert_eq!(inference.capture_probability.get(), 0.25);
    assert!(inference.messages[0].text.as_str().starts_with("When does machine learning"));
    assert!(
        matches!(batch.last(), Some(Record::Checkpoint(c)) if c.finished_at == Some(SAMPLE.len() as u64))
    );

    let again = backfill(&running, std::slice::from_ref(&path)).await.unwrap();
    assert_eq!((again.received, again.stored, again.files_known), (0, 0, 1));
    // A copy under another name has another fingerprint; its events are the same ones.
    let copy = write(folder.path(), "copy.jsonl", SAMPLE.as_bytes());
    let copied = backfill(&running, &[copy]).await.unwrap();
    assert_eq!((copied.received, copied.stored, copied.duplicates), (3, 0, 3));
    let ledger = running.reader.ledger();
    let stored: u64 = ledger.received.values().map(|received| received.stored).sum();
    assert_eq!(stored, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_lines_are_rejected_with_a_reason_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut content = line(1, true).into_bytes();
    content.push(b'\n');
    content.resize(content.len() + 50 * 1024 * 1024, b'x');
    content.extend_from_slice(b"\n{\"captureData\":\n\xff\xfe\n\n");
    content.extend_from_slice(line(2, true).as_bytes());
    content.extend_from_slice(b"\r\n");
    let path = write(folder.path(), "x.jsonl", &content);
    let running = store(&folder.path().join("data"), usize::MAX);
    let progress = backfill(&running, &[path]).await.unwrap();
    assert_eq!((progress.received, progress.stored), (5, 2));
    let rejected: Vec<_> = progress.rejected.iter().map(|(reason, n)| (reason.as_str(), *n)).collect();
    assert_eq!(rejected, [("malformed", 1), ("not_utf8", 1), ("too_long", 1)]);
    assert_eq!(answers(&running.batches.lock().unwrap()), ["answer 1", "answer 2"]);
    let ledger = running.reader.ledger();
    let lost: u64 = ledger
        .received
        .iter()
        .filter(|((source, _), _)| *source == Source::DataCapture)
        .flat_map(|(_, received)| received.rejected.values())
        .sum();
    assert_eq!(lost, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_run_goes_on_behind_its_last_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = (0..3500).map(|n| line(n, false)).collect();
    let path = write(folder.path(), "x.jsonl", format!("{}\n", lines.join("\n")).as_bytes());
    let data = folder.path().join("data");
    let running = store(&data, 2);
    let error = backfill(&running, std::slice::from_ref(&path)).await.unwrap_err();
    assert_eq!(error.code(), "B0212");
    running.tasks.stop_and_join().await;
    assert_eq!(answers(&running.batches.lock().unwrap()).len(), 2000);
    drop(running);

    let running = store(&data, usize::MAX);
    let progress = backfill(&running, std::slice::from_ref(&path)).await.unwrap();
    assert_eq!((progress.received, progress.stored, progress.duplicates), (1500, 1500, 0));
    assert_eq!(progress.bytes, progress.bytes_done);
    let want: Vec<_> = (2000..3500).map(|n| format!("answer {n}")).collect();
    assert_eq!(answers(&running.batches.lock().unwrap()), want, "in the order of the file");
    let again = backfill(&running, &[path]).await.unwrap();
    assert_eq!((again.received, again.files_known), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_is_read_on_even_in_the_middle_of_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (line(1, false), line(2, false));
    let (half, _) = two.split_at(two.len() / 2);
    let path = write(folder.path(), "x.jsonl", format!("{one}\n{half}").as_bytes());
    let running = store(&folder.path().join("data"), usize::MAX);
    let first = backfill(&running, std::slice::from_ref(&path)).await.unwrap();
    assert_eq!((first.stored, first.rejected["malformed"]), (1, 1));
    let same = backfill(&running, std::slice::from_ref(&path)).await.unwrap();
    assert_eq!((same.received, same.files_known), (0, 1));
    write(folder.path(), "x.jsonl", format!("{one}\n{two}\n").as_bytes());
    let grown = backfill(&running, std::slice::from_ref(&path)).await.unwrap();
    assert_eq!((grown.received, grown.stored, grown.duplicates), (1, 1, 0));
    assert_eq!(answers(&running.batches.lock().unwrap()), ["answer 1", "answer 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_end_at_their_limits_with_a_checkpoint_each() {
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<_> = (0..2 * BACKFILL_BATCH + 100).map(|n| line(n, true)).collect();
    let path = write(folder.path(), "x.jsonl", lines.join("\n").as_bytes());
    let wide = line(1, true).replace("answer 1", &"long ".repeat(1_000_000));
    // One such line is below the limit on bytes, two reach it.
    assert!((wide.len()..2 * wide.len()).contains(&BACKFILL_BATCH_BYTES));
    let wide: String = (0..4).map(|n| wide.replace("e1", &format!("w{n}")) + "\n").collect();
    let wide = write(folder.path(), "wide.jsonl", wide.as_bytes());
    let running = store(&folder.path().join("data"), usize::MAX);
    backfill(&running, &[path, wide]).await.unwrap();
    let batches = running.batches.lock().unwrap();
    assert!(batches.iter().all(|batch| matches!(batch.last(), Some(Record::Checkpoint(_)))));
    let sizes: Vec<_> = batches.iter().map(|batch| batch.len() - 1).collect();
    assert_eq!(sizes, [BACKFILL_BATCH, BACKFILL_BATCH, 100, 2, 2, 0]);
    let Record::Inference(inference) = &batches[0][0] else { panic!() };
    assert_eq!((inference.target.endpoint.as_str(), inference.target.model()), ("given", "m"));
}
