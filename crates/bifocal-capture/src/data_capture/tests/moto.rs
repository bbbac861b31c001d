//! The bucket and the queue of an emulator that other people wrote: S3 tells SQS of each file by itself.

use std::io::Write as _;
use std::process::{Command, Stdio};

use bifocal_aws::{Aws, Credentials, Endpoints, Queue, Taking};
use bifocal_model::Span;
use bifocal_telemetry::{Clock, SystemClock};
use serde_json::json;

use super::bucket::record;
use super::*;
use crate::aws_mock;
use crate::data_capture::{Bucket, BucketOptions, Inbox};

#[tokio::test(flavor = "multi_thread")]
async fn e2e_moto_tells_of_files_and_they_are_read_once() {
    let Some(mock) = aws_mock::start() else { return };
    // moto writes with its own clock; ours is ten minutes later, so that the files have settled.
    let now = SystemClock::new().now();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(now + Span::from_mins(10)));
    let (date, hour) = now.date_and_hour();
    let folder = format!("team one/llm-prod/All+Traffic/{}/{hour:02}", date.replace('-', "/"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/moto_notifications.py");
    let mut python = Command::new(&mock.python);
    let python = python.arg(script).arg(&mock.address).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for file in 0..12 {
        let body: String = (0..3).map(|n| record(3 * file + n, &now.to_string()) + "\n").collect();
        let key = format!("{folder}/10-00-000-{file}=&é.jsonl");
        writeln!(stdin, "{}", json!({"key": key, "body": body})).unwrap();
    }
    drop(stdin);
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success());
    let queue = Queue::parse(String::from_utf8(done.stdout).unwrap().trim()).unwrap();

    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let endpoints = Endpoints::at(&mock.address).unwrap();
    let telemetry = Telemetry::new();
    let aws =
        Aws::with_credentials("eu-west-1", keys, endpoints, Arc::clone(&clock), telemetry.clone()).unwrap();
    let options = BucketOptions::at(
        "sagemaker/123456789012/eu-west-1",
        "llm-prod",
        vec!["All+Traffic".to_owned()],
        "s3://capture-bucket/team one",
        None,
        Attribution { components: vec!["qwen-ic".to_owned()], ..Attribution::default() },
    );
    let data = tempfile::tempdir().unwrap();
    let running = store(data.path(), usize::MAX);
    let reader = running.reader.clone();
    let known = move |file: &str| reader.checkpoint(file);
    let (from, intake) = (now - Span::from_mins(60), running.intake.clone());
    let mut bucket = Bucket::new(
        options.unwrap(),
        aws.clone(),
        intake,
        known,
        from,
        Arc::clone(&clock),
        telemetry.clone(),
    );
    let mut inbox = Inbox::new(&aws, queue.clone(), clock, telemetry);
    let (mut stored, mut deleted, mut others) = (0, 0, 0);
    // Twelve files and the test event that comes first.
    while deleted < 13 {
        let turn = inbox.turn(&mut [&mut bucket]).await.unwrap();
        (stored, deleted, others) =
            (stored + turn.round.stored, deleted + turn.deleted, others + turn.others);
        assert_eq!(turn.unreadable, 0);
    }
    assert_eq!((stored, others), (36, 1));
    let taking = Taking { most: 10, wait_seconds: 0, hidden_seconds: 0 };
    assert!(aws.receive_messages(&queue, taking).await.unwrap().is_empty(), "all were deleted");
    // What was told of has the ETag of the listing, so that not one is read again.
    let listed = bucket.round().await.unwrap();
    assert_eq!((listed.listed, listed.read, listed.received), (12, 0, 0));
    // An old handle is refused and harms nothing.
    assert!(aws.delete_messages(&queue, &["none"]).await.is_ok_and(|failed| failed == [0]));
}
