//! Notifications in a simulated queue, of files in a simulated bucket, into a real store.

use bifocal_aws::Queue;
use bifocal_model::Span;
use bifocal_sim::sagemaker::control::{Policy, written_notice};
use bifocal_telemetry::{Clock, Metric};

use super::bucket::{Stage, put, stage, stage_of};
use super::*;
use crate::data_capture::Inbox;
use crate::limits::{CAPTURE_OBJECTS_REFUSED, NOTICE_TRIES, NOTICES_WAITING};

/// What S3 says when a bucket begins to tell: of no file.
const TEST: &str =
    r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-02-19T03:00:00.000Z","Bucket":"b"}"#;
const QUEUE: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/capture";

fn inbox(stage: &Stage) -> Inbox {
    let clock: Arc<dyn Clock> = Arc::clone(&stage.clock) as Arc<dyn Clock>;
    stage.queues.create("capture");
    Inbox::new(&stage.aws, Queue::parse(QUEUE).unwrap(), clock, stage.telemetry.clone())
}

fn key(hour: u32, name: &str) -> String {
    format!("team/capture/llm-prod/AllTraffic/2026/02/19/{hour:02}/{name}.jsonl")
}

fn notice(key: &str, time: &str) -> String {
    written_notice("eu-west-1", "capture-bucket", key, time.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_told_of_and_listed_counts_once_and_its_message_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage(folder.path(), &["qwen-ic"]).await;
    let mut inbox = inbox(&stage);
    put(&stage.objects, 3, "10-00-000-a", 0..5, "2026-02-19T03:12:00Z");
    put(&stage.objects, 3, "28-30-000-young", 5..8, "2026-02-19T03:29:00Z");
    for told in 0..2 {
        stage.queues.send("capture", notice(&key(3, "10-00-000-a"), "2026-02-19T03:12:00Z"));
        assert_eq!(stage.queues.len("capture"), told + 1);
    }
    stage.queues.send("capture", notice(&key(3, "28-30-000-young"), "2026-02-19T03:29:00Z"));
    let turn = inbox.turn(&mut [&mut stage.bucket]).await.unwrap();
    assert_eq!(
        (turn.received, turn.round.read, turn.round.stored, turn.deleted),
        (3, 2, 5, 2),
        "the second message says no ETag"
    );
    assert_eq!(turn.round.received, 5, "and finds it read to its end");
    assert_eq!(stage.queues.len("capture"), 1, "the young one is hidden and not gone");

    // Listing finds the same files.
    let listed = stage.bucket.round().await.unwrap();
    assert_eq!((listed.listed, listed.read, listed.waiting), (2, 0, 1), "what was told of is known");
    stage.clock.advance(Span::from_secs(60));
    let turn = inbox.turn(&mut [&mut stage.bucket]).await.unwrap();
    assert_eq!((turn.received, turn.round.stored, turn.deleted), (0, 3, 1));
    assert!(stage.queues.is_empty("capture"));
    let listed = stage.bucket.round().await.unwrap();
    assert_eq!((listed.received, listed.stored), (0, 0));
    // The hour is told with what both ways brought, once.
    stage.clock.set("2026-02-19T04:40:00Z".parse().unwrap());
    stage.bucket.round().await.unwrap();
    let hours = stage.bucket.delivered();
    assert_eq!(hours.last().map(|hour| hour.tally.attributed()), Some(8));
    assert!(hours.iter().all(|hour| !hour.tally.is_partial), "{hours:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_stays_until_the_journal_has_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    // The journal closes before it takes anything.
    let mut stage = stage_of(folder.path(), &["qwen-ic"], 0).await;
    let mut inbox = inbox(&stage);
    put(&stage.objects, 3, "10-00-000-a", 0..5, "2026-02-19T03:12:00Z");
    stage.queues.send("capture", notice(&key(3, "10-00-000-a"), "2026-02-19T03:12:00Z"));
    let err = inbox.turn(&mut [&mut stage.bucket]).await.unwrap_err();
    assert_eq!(err.code(), "B0212", "{err}");
    assert_eq!(stage.queues.len("capture"), 1, "not durable, not deleted");
    // The next turn has it still.
    assert!(inbox.turn(&mut [&mut stage.bucket]).await.is_err());
    assert_eq!(stage.queues.len("capture"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_others_go_and_those_that_are_no_notifications_stay() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage(folder.path(), &["qwen-ic"]).await;
    let mut inbox = inbox(&stage);
    let time = "2026-02-19T03:12:00Z";
    for other in [
        written_notice("eu-west-1", "other-bucket", &key(3, "x"), time.parse().unwrap()),
        notice(&key(3, "x").replace("llm-prod", "other"), time),
        notice("team/capture/llm-prod/AllTraffic/x.jsonl", time),
        r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-02-19T03:12:00Z","Bucket":"b"}"#
            .to_owned(),
        // Its file was deleted by the bucket's own rules.
        notice(&key(3, "gone"), time),
        "something else".to_owned(),
    ] {
        stage.queues.send("capture", other);
    }
    let turn = inbox.turn(&mut [&mut stage.bucket]).await.unwrap();
    assert_eq!(
        (turn.received, turn.others, turn.unreadable, turn.round.failed, turn.deleted),
        (6, 4, 1, 1, 5)
    );
    assert_eq!(stage.queues.len("capture"), 1);
    let counted = |outcome| stage.telemetry.value(Metric::CaptureNotices, &[outcome]);
    assert_eq!(["received", "other", "unreadable", "deleted", "read"].map(counted), [6, 4, 1, 5, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_again_is_deleted_with_its_newest_handle() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage(folder.path(), &["qwen-ic"]).await;
    let mut inbox = inbox(&stage);
    put(&stage.objects, 3, "28-30-000-young", 0..3, "2026-02-19T03:29:30Z");
    stage.queues.send("capture", notice(&key(3, "28-30-000-young"), "2026-02-19T03:29:30Z"));
    assert_eq!(inbox.turn(&mut [&mut stage.bucket]).await.unwrap().deleted, 0);
    // Its time is over, as after a long stop.
    stage.queues.reveal();
    assert_eq!(inbox.turn(&mut [&mut stage.bucket]).await.unwrap().received, 1);
    assert_eq!(stage.telemetry.value(Metric::CaptureNotices, &["again"]), 1);
    stage.clock.advance(Span::from_secs(90));
    let turn = inbox.turn(&mut [&mut stage.bucket]).await.unwrap();
    assert_eq!((turn.round.stored, turn.deleted), (3, 1));
    assert!(stage.queues.is_empty("capture"));
}

/// limit notices_waiting
#[tokio::test(flavor = "multi_thread")]
async fn when_too_many_wait_the_others_stay_in_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage(folder.path(), &["qwen-ic"]).await;
    let mut inbox = inbox(&stage);
    assert_eq!(inbox.waiting_max, NOTICES_WAITING);
    inbox.waiting_max = 1;
    put(&stage.objects, 3, "28-30-000-a", 0..3, "2026-02-19T03:29:00Z");
    stage.queues.send("capture", notice(&key(3, "28-30-000-a"), "2026-02-19T03:29:00Z"));
    assert_eq!(inbox.turn(&mut [&mut stage.bucket]).await.unwrap().received, 1);
    stage.queues.send("capture", notice(&key(3, "28-30-000-b"), "2026-02-19T03:29:00Z"));
    stage.clock.advance(Span::from_secs(60));
    let turn = inbox.turn(&mut [&mut stage.bucket]).await.unwrap();
    assert_eq!((turn.received, turn.deleted), (0, 1), "nothing is taken where there is no room");
    assert_eq!(stage.telemetry.value(Metric::LimitHits, &["notices_waiting"]), 1);
    assert_eq!(stage.queues.len("capture"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_read_holds_up_no_other_one_and_its_message_is_let_go_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage(folder.path(), &["qwen-ic"]).await;
    let mut inbox = inbox(&stage);
    put(&stage.objects, 3, "10-00-000-closed", 0..5, "2026-02-19T03:12:00Z");
    put(&stage.objects, 3, "11-00-000-open", 5..8, "2026-02-19T03:12:00Z");
    stage.objects.forbid(&format!("capture-bucket/{}", key(3, "10-00-000-closed")));
    for name in ["10-00-000-closed", "11-00-000-open"] {
        stage.queues.send("capture", notice(&key(3, name), "2026-02-19T03:12:00Z"));
    }
    let err = inbox.turn(&mut [&mut stage.bucket]).await.unwrap_err();
    assert_eq!((err.code(), err.to_string().contains("10-00-000-closed")), ("B0213", true), "{err}");
    let counted = |outcome| stage.telemetry.value(Metric::CaptureNotices, &[outcome]);
    assert_eq!(["read", "deleted"].map(counted), [1, 1], "the other one is durable and gone");
    assert!(inbox.is_in_trouble());
    for _ in 2..NOTICE_TRIES {
        stage.clock.advance(Span::from_secs(60));
        assert!(inbox.turn(&mut [&mut stage.bucket]).await.is_err());
    }
    assert_eq!(counted("let_go"), 0);
    stage.clock.advance(Span::from_secs(60));
    assert!(inbox.turn(&mut [&mut stage.bucket]).await.is_err());
    assert_eq!((counted("let_go"), inbox.is_in_trouble()), (1, false));
    assert_eq!(stage.telemetry.value(Metric::LimitHits, &["notice_tries"]), 1);
    assert_eq!(stage.queues.len("capture"), 1, "nothing of it is durable: the queue keeps it");
    // Somebody allows it, and the queue gives it again.
    put(&stage.objects, 3, "10-00-000-closed", 0..5, "2026-02-19T03:12:00Z");
    stage.queues.reveal();
    let turn = inbox.turn(&mut [&mut stage.bucket]).await.unwrap();
    assert_eq!((turn.round.stored, turn.deleted), (5, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_file_may_be_read_a_turn_ends_with_the_first_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage(folder.path(), &["qwen-ic"]).await;
    let mut inbox = inbox(&stage);
    for n in 0..=CAPTURE_OBJECTS_REFUSED {
        let name = format!("10-00-000-{n:02}");
        put(&stage.objects, 3, &name, 0..1, "2026-02-19T03:12:00Z");
        stage.objects.forbid(&format!("capture-bucket/{}", key(3, &name)));
        stage.queues.send("capture", notice(&key(3, &name), "2026-02-19T03:12:00Z"));
    }
    // Ten messages are taken at once.
    assert!(inbox.turn(&mut [&mut stage.bucket]).await.is_err());
    assert_eq!(stage.telemetry.value(Metric::LimitHits, &["capture_objects_refused"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_could_not_be_deleted_take_room_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = stage(folder.path(), &["qwen-ic"]).await;
    let mut inbox = inbox(&stage);
    inbox.waiting_max = 1;
    stage.queues.send("capture", TEST);
    stage.account.allow(Policy::of(["sqs:ReceiveMessage"]));
    assert!(inbox.turn(&mut [&mut stage.bucket]).await.is_err(), "it cannot be deleted");
    stage.queues.send("capture", TEST);
    assert!(inbox.turn(&mut [&mut stage.bucket]).await.is_err());
    let counted = |outcome| stage.telemetry.value(Metric::CaptureNotices, &[outcome]);
    assert_eq!(counted("received"), 1, "there is no room for another one");
    stage.account.allow(Policy::open());
    assert_eq!(inbox.turn(&mut [&mut stage.bucket]).await.unwrap().deleted, 1);
    let turn = inbox.turn(&mut [&mut stage.bucket]).await.unwrap();
    assert_eq!((turn.received, turn.deleted), (1, 1));
}
