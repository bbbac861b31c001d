//! Files in the simulator's bucket, over HTTP, into a real store.

use std::collections::BTreeMap;

use bifocal_aws::{Aws, Credentials, Endpoints, Service};
use bifocal_sim::sagemaker::Scenario;
use bifocal_sim::sagemaker::control::{ControlServer, ControlSwitch, Policy, Queues};
use bifocal_sim::sagemaker::runtime::{Access, Objects, RuntimeOptions, RuntimeServer};
use bifocal_sim::{Fleet, serve::IncidentSwitch};
use bifocal_telemetry::{Clock, Metric};

use super::*;
use crate::data_capture::{Bucket, BucketOptions, Hour, survey};
use crate::limits::{CAPTURE_OBJECT_BYTES, CAPTURE_OBJECTS_KNOWN, CAPTURE_OBJECTS_REFUSED, SURVEY_OBJECTS};

pub(super) struct Stage {
    pub(super) objects: Objects,
    pub(super) queues: Queues,
    /// The account of the queues.
    pub(super) account: ControlSwitch,
    pub(super) bucket: Bucket,
    pub(super) aws: Aws,
    pub(super) clock: Arc<ManualClock>,
    pub(super) running: Running,
    pub(super) telemetry: Telemetry,
    pub(super) _tasks: TaskGroup,
}

/// An account of which only the queues are asked.
const ACCOUNT: &str = r#"
account = "123456789012"
region = "eu-west-1"
[endpoint]
name = "llm-prod"
variant = "AllTraffic"
publish_every_seconds = 60
gpu_dimension = "GpuId"
min_instances = 1
max_instances = 1
[[phase]]
name = "steady"
after_seconds = 0
pools = {}
truth = { gpus_used = 0, gpus_free = 0, idle_usd_per_hour = 0.0, usd_per_hour = {} }
"#;

pub(super) async fn stage(folder: &Path, components: &[&str]) -> Stage {
    stage_of(folder, components, usize::MAX).await
}

/// As [`stage`], with a journal that closes after so many batches.
pub(super) async fn stage_of(folder: &Path, components: &[&str], batches_max: usize) -> Stage {
    let clock = Arc::new(ManualClock::new("2026-02-19T03:30:00Z".parse().unwrap()));
    let objects = Objects::default();
    let shared: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
    let options = RuntimeOptions {
        endpoints: Vec::new(),
        access: Access::default(),
        objects: objects.clone(),
        script: Arc::new(Fleet::new(1)),
        switch: IncidentSwitch::new(Arc::clone(&shared)),
        clock: Arc::clone(&shared),
    };
    let server = RuntimeServer::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let (scenario, local) = (Scenario::parse(ACCOUNT).unwrap(), "127.0.0.1:0".parse().unwrap());
    let account =
        ControlServer::bind(local, scenario, Policy::open(), Access::default(), Arc::clone(&shared)).await;
    let account = account.unwrap();
    let (queues, account_switch) = (account.queues(), account.switch());
    let endpoints = Endpoints::at(&format!("http://{}", server.address()))
        .and_then(|at| at.with(Service::Sqs, &format!("http://{}", account.address())))
        .unwrap();
    let tasks = TaskGroup::new();
    tasks.spawn("simulated queue", account.run(tasks.drain()));
    tasks.spawn("simulated bucket", server.run(tasks.drain()));
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let aws =
        Aws::with_credentials("eu-west-1", keys, endpoints, Arc::clone(&shared), Telemetry::new()).unwrap();
    let attribution = Attribution {
        components: components.iter().map(|name| (*name).to_owned()).collect(),
        ..Attribution::default()
    };
    let variants = vec!["AllTraffic".to_owned()];
    let options = BucketOptions::at(
        "sagemaker/1/eu-west-1",
        "llm-prod",
        variants,
        "s3://capture-bucket/team/capture/",
        Some(25.0),
        attribution,
    )
    .unwrap();
    assert_eq!((options.bucket.as_str(), options.prefix.as_str()), ("capture-bucket", "team/capture"));
    let running = store(&folder.join("data"), batches_max);
    let reader = running.reader.clone();
    let known = move |file: &str| reader.checkpoint(file);
    let from = "2026-02-19T01:00:00Z".parse().unwrap();
    let telemetry = Telemetry::new();
    let intake = running.intake.clone();
    let bucket = Bucket::new(options, aws.clone(), intake, known, from, shared, telemetry.clone());
    Stage { objects, queues, account: account_switch, bucket, aws, clock, running, telemetry, _tasks: tasks }
}

pub(super) fn record(n: u32, time: &str) -> String {
    let input = format!(r#"{{\"inputs\": \"question {n}\"}}"#);
    let output = format!(r#"{{\"generated_text\": \"answer {n}\"}}"#);
    format!(
        r#"{{"captureData":{{"endpointInput":{{"observedContentType":"application/json","mode":"INPUT","data":"{input}","encoding":"JSON"}},"endpointOutput":{{"observedContentType":"application/json","mode":"OUTPUT","data":"{output}","encoding":"JSON"}}}},"eventMetadata":{{"eventId":"e-{n}","inferenceId":"i-{n}","inferenceTime":"{time}"}},"eventVersion":"0"}}"#
    )
}

pub(super) fn put(objects: &Objects, hour: u32, name: &str, numbers: std::ops::Range<u32>, modified: &str) {
    let lines: String = numbers.map(|n| record(n, &format!("2026-02-19T{hour:02}:10:00Z")) + "\n").collect();
    let key = format!("capture-bucket/team/capture/llm-prod/AllTraffic/2026/02/19/{hour:02}/{name}.jsonl");
    objects.put(&key, lines.into(), modified);
}

#[tokio::test(flavor = "multi_thread")]
async fn late_young_repeated_and_unreadable_files_of_a_bucket_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, mut bucket, clock, running, _tasks, .. } = stage(folder.path(), &["qwen-ic"]).await;
    put(&objects, 1, "10-00-000-a", 0..5, "2026-02-19T01:12:00Z");
    put(&objects, 3, "10-00-000-b", 5..8, "2026-02-19T03:12:00Z");
    put(&objects, 3, "28-00-000-young", 8..9, "2026-02-19T03:29:00Z");
    let first = bucket.round().await.unwrap();
    assert_eq!((first.listed, first.read, first.waiting, first.stored), (3, 2, 1, 8));

    // A file of an earlier hour comes late; one is delivered twice under another name; one holds a bad line.
    put(&objects, 2, "59-00-000-late", 20..23, "2026-02-19T03:25:00Z");
    put(&objects, 3, "11-00-000-again", 5..8, "2026-02-19T03:20:00Z");
    let bad = "capture-bucket/team/capture/llm-prod/AllTraffic/2026/02/19/03/12-00-000-bad.jsonl";
    objects.put(
        bad,
        format!("not json\n{}\n", record(30, "2026-02-19T03:10:00Z")).into(),
        "2026-02-19T03:20:00Z",
    );
    clock.set("2026-02-19T03:40:00Z".parse().unwrap());
    let second = bucket.round().await.unwrap();
    assert_eq!((second.read, second.stored, second.duplicates), (4, 5, 3));
    assert_eq!(second.rejected, BTreeMap::from([("malformed".to_owned(), 1)]));
    assert_eq!(second.received, second.stored + second.duplicates + 1);
    let third = bucket.round().await.unwrap();
    assert_eq!((third.read, third.received), (0, 0));

    // What was captured is told by the hour, once. An hour with files that another process counted is partial.
    let hours = bucket.delivered();
    let told: Vec<(u64, u64)> =
        hours.iter().map(|hour| (hour.tally.attributed(), hour.tally.unattributed())).collect();
    assert_eq!(told, [(5, 0), (3, 0)], "03:00 is not over");
    assert!(hours.iter().all(|hour| !hour.tally.is_partial) && bucket.delivered().is_empty());

    // Hours long past are no longer listed.
    clock.set("2026-02-19T09:10:00Z".parse().unwrap());
    bucket.round().await.unwrap();
    assert_eq!(bucket.round().await.unwrap().listed, 0);
    let batches = running.batches.lock().unwrap();
    assert!(batches.iter().all(|batch| matches!(batch.last(), Some(Record::Checkpoint(_)))));
    let Record::Inference(call) = &batches[0][0] else { panic!() };
    assert_eq!((call.target.endpoint.as_str(), call.target.variant.as_str()), ("llm-prod", "AllTraffic"));
    assert_eq!((call.target.inference_component(), call.capture_probability.get()), ("qwen-ic", 0.25));
    assert_eq!(call.labels["inference_id"], "i-0");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, mut bucket, telemetry, running: _running, _tasks, .. } =
        stage(folder.path(), &["qwen-ic"]).await;
    assert_eq!(bucket.object_bytes_max, CAPTURE_OBJECT_BYTES);
    assert_eq!(bucket.objects_known_max, CAPTURE_OBJECTS_KNOWN);
    put(&objects, 3, "10-00-000-a", 0..1, "2026-02-19T03:12:00Z");
    put(&objects, 3, "10-00-000-b", 1..2, "2026-02-19T03:12:00Z");
    put(&objects, 3, "10-00-000-long", 2..90, "2026-02-19T03:12:00Z");
    (bucket.object_bytes_max, bucket.objects_known_max) = (record(0, "2026-02-19T03:10:00Z").len() + 1, 1);
    let round = bucket.round().await.unwrap();
    assert_eq!((round.read, round.failed, round.stored), (2, 1, 2), "one is a byte or more too long");
    assert_eq!(telemetry.value(Metric::LimitHits, &["capture_object_bytes"]), 1);
    assert_eq!(telemetry.value(Metric::LimitHits, &["capture_objects_known"]), 1);
    // What was forgotten is read again, and known by its checkpoint.
    bucket.object_bytes_max = CAPTURE_OBJECT_BYTES;
    let round = bucket.round().await.unwrap();
    assert_eq!((round.failed, round.stored, round.duplicates), (0, 88, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_goes_on_where_the_checkpoints_stand() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, mut bucket, running, _tasks, .. } = stage(folder.path(), &["a-ic", "b-ic"]).await;
    put(&objects, 3, "10-00-000-b", 0..8, "2026-02-19T03:12:00Z");
    assert_eq!(bucket.round().await.unwrap().stored, 8);
    drop(bucket);
    let Running { intake, reader, tasks, .. } = running;
    drop((intake, reader));
    tasks.stop_and_join().await;
    let Stage { objects: anew, mut bucket, clock, running, _tasks, .. } =
        stage(folder.path(), &["a-ic", "b-ic"]).await;
    put(&anew, 3, "10-00-000-b", 0..8, "2026-02-19T03:12:00Z");
    put(&anew, 3, "10-00-000-c", 8..9, "2026-02-19T03:12:00Z");
    let round = bucket.round().await.unwrap();
    assert_eq!((round.read, round.received, round.stored, round.duplicates), (2, 1, 1, 0));
    clock.set("2026-02-19T04:30:00Z".parse().unwrap());
    let too_early = bucket.delivered();
    assert!(too_early.iter().all(|hour| hour.window.start < "2026-02-19T03:00:00Z".parse().unwrap()));
    bucket.round().await.unwrap();
    let hour = bucket.delivered().pop().unwrap();
    assert!(hour.tally.is_partial, "files of it were counted by the process before");
    let batches = running.batches.lock().unwrap();
    let Record::Inference(call) = &batches[0][0] else { panic!() };
    assert_eq!(call.target.inference_component(), "unattributed", "two components, and nothing says which");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_at_an_hour_counts_and_stores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, bucket, aws, running, _tasks, .. } = stage(folder.path(), &["a-ic", "b-ic"]).await;
    put(&objects, 1, "10-00-000-a", 0..5, "2026-02-19T01:12:00Z");
    put(&objects, 1, "20-00-000-b", 5..8, "2026-02-19T01:22:00Z");
    put(&objects, 2, "10-00-000-c", 8..9, "2026-02-19T02:12:00Z");
    let hour = Hour::last_delivered("2026-02-19T02:40:00Z".parse().unwrap());
    let all = survey(&aws, bucket.options(), hour).await.unwrap();
    assert_eq!((all.objects, all.tally.unattributed(), all.tally.attributed()), (2, 8, 0));
    assert!(!all.tally.is_partial);
    for n in 0..SURVEY_OBJECTS {
        put(&objects, 1, &format!("30-00-000-{n}"), 0..1, "2026-02-19T01:32:00Z");
    }
    let some = survey(&aws, bucket.options(), hour).await.unwrap();
    assert_eq!((some.objects, some.tally.is_partial), (SURVEY_OBJECTS + 2, true));
    assert_eq!(some.tally.unattributed(), 8 + SURVEY_OBJECTS as u64 - 2);
    assert!(running.batches.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_read_holds_up_no_other_one_and_is_looked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, mut bucket, clock, running: _running, _tasks, .. } =
        stage(folder.path(), &["qwen-ic"]).await;
    put(&objects, 1, "10-00-000-closed", 0..5, "2026-02-19T01:12:00Z");
    put(&objects, 1, "11-00-000-open", 5..8, "2026-02-19T01:12:00Z");
    put(&objects, 3, "10-00-000-open", 8..9, "2026-02-19T03:12:00Z");
    let closed = "capture-bucket/team/capture/llm-prod/AllTraffic/2026/02/19/01/10-00-000-closed.jsonl";
    objects.forbid(closed);
    let round = bucket.round().await.unwrap();
    assert_eq!((round.read, round.failed, round.refused, round.stored), (2, 1, 1, 4));
    let trouble = bucket.take_trouble().unwrap();
    assert!(trouble.to_string().contains("10-00-000-closed"), "{trouble}");
    assert_eq!(trouble.of_aws().unwrap().action(), Some("s3:GetObject"));
    assert!(bucket.take_trouble().is_none());
    // Its hour tells nothing, the others do.
    clock.set("2026-02-19T05:00:00Z".parse().unwrap());
    bucket.round().await.unwrap();
    let partial: Vec<bool> = bucket.delivered().iter().map(|hour| hour.tally.is_partial).collect();
    assert_eq!(partial, [true, false, false]);
    // Hours later somebody allows it.
    clock.set("2026-02-19T20:00:00Z".parse().unwrap());
    put(&objects, 1, "10-00-000-closed", 0..5, "2026-02-19T01:12:00Z");
    let round = bucket.round().await.unwrap();
    assert_eq!((round.refused, round.stored), (0, 5));
    assert_eq!(bucket.round().await.unwrap().listed, 0, "and its hour is listed no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_never_allowed_is_looked_for_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, mut bucket, clock, running: _running, _tasks, .. } =
        stage(folder.path(), &["qwen-ic"]).await;
    put(&objects, 1, "10-00-000-closed", 0..5, "2026-02-19T01:12:00Z");
    objects.forbid("capture-bucket/team/capture/llm-prod/AllTraffic/2026/02/19/01/10-00-000-closed.jsonl");
    for (now, refused) in
        [("2026-02-20T01:30:00Z", 1), ("2026-02-20T02:30:00Z", 1), ("2026-02-20T02:31:00Z", 0)]
    {
        clock.set(now.parse().unwrap());
        assert_eq!(bucket.round().await.unwrap().refused, refused, "{now}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_file_may_be_read_a_round_ends_with_the_first_error() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, mut bucket, telemetry, running: _running, _tasks, .. } =
        stage(folder.path(), &["qwen-ic"]).await;
    for n in 0..CAPTURE_OBJECTS_REFUSED {
        let name = format!("10-00-000-{n:02}");
        put(&objects, 3, &name, 0..1, "2026-02-19T03:12:00Z");
        let place = "capture-bucket/team/capture/llm-prod/AllTraffic/2026/02/19/03";
        objects.forbid(&format!("{place}/{name}.jsonl"));
    }
    let err = bucket.round().await.unwrap_err();
    assert!(err.to_string().contains("10-00-000-00"), "{err}");
    assert_eq!(telemetry.value(Metric::LimitHits, &["capture_objects_refused"]), 1);
    put(&objects, 3, "10-00-000-00", 0..1, "2026-02-19T03:12:00Z");
    let round = bucket.round().await.unwrap();
    assert_eq!((round.read, round.refused), (1, CAPTURE_OBJECTS_REFUSED - 1));
}

/// Lets nothing be listed, as S3 does with whoever may list the place of the files alone and asks for one that is not
/// there.
#[tokio::test(flavor = "multi_thread")]
async fn that_a_file_which_is_not_there_may_not_be_seen_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Stage { objects, bucket, aws, running: _running, _tasks, .. } = stage(folder.path(), &["a-ic"]).await;
    let hour = Hour::last_delivered("2026-02-19T02:40:00Z".parse().unwrap());
    let found = survey(&aws, bucket.options(), hour).await.unwrap();
    assert_eq!((found.objects, found.is_reading_unproven), (0, false), "404 says that it may be read");
    let probe = "capture-bucket/team/capture/llm-prod/check/2026/02/19/01/.bifocal-check";
    objects.put(probe, "x".into(), "2026-02-19T01:12:00Z");
    objects.forbid(probe);
    let found = survey(&aws, bucket.options(), hour).await.unwrap();
    assert_eq!((found.objects, found.is_reading_unproven), (0, true));
}
