//! Many slow calls of a judge at once: what they hold in memory, on real connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use bifocal::outbound::{HttpJudge, client};
use bifocal_evaluate::Sampler;
use bifocal_evaluate::judge::{Judge, JudgeConfig, JudgeService, Parts, Rubrics, Spent};
use bifocal_model::{EvaluatorKind, Probability, Timestamp};
use bifocal_store::{Acknowledged, Arrivals, Record, intake};
use bifocal_telemetry::{ManualClock, TaskGroup, Telemetry};
use tokio::sync::Semaphore;

use super::harness;

const AT_ONCE: usize = 500;
const MEGABYTES: f64 = 100.0;

#[derive(Clone)]
struct Slow {
    waiting: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

async fn judge(State(slow): State<Slow>, body: axum::body::Bytes) -> String {
    // The test's own server keeps nothing of what it is sent.
    drop(body);
    slow.waiting.fetch_add(1, Ordering::SeqCst);
    let _passes = slow.gate.acquire().await.unwrap();
    slow.waiting.fetch_sub(1, Ordering::SeqCst);
    r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"{\"reason\":\"x\",\"score\":4}"}}],"usage":{"prompt_tokens":5000,"completion_tokens":30}}"#.to_owned()
}

/// Resident memory of this process now, megabytes.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes / 1024.0
}

/// The longest question and answer that a judge is shown, five hundred times, server and client in one process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_slow_judge_calls_at_once_take_less_than_a_hundred_megabytes() {
    if !std::path::Path::new("/proc/self/status").exists() {
        println!("skipped: resident memory cannot be read here");
        return;
    }
    let tasks = TaskGroup::new();
    let slow = Slow { waiting: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
    let router = Router::new().route("/v1/chat/completions", post(judge)).with_state(slow.clone());
    let address = harness::serve(&tasks, router).await;
    let config = JudgeConfig {
        base_url: format!("http://{address}/v1"),
        dimensions: vec!["relevance".to_owned()],
        budget_tokens_per_day: Some(u64::MAX / 4),
        concurrency: AT_ONCE,
        timeout_seconds: 600.0,
        ..JudgeConfig::default()
    };
    config.check().unwrap();
    let telemetry = Telemetry::new();
    let http = client(Duration::from_secs(600)).unwrap();
    let transport = HttpJudge::new(http, &config.base_url, None, telemetry.clone());
    let (send, mut receive) = intake(64, Arrivals::default());
    let scored = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&scored);
    tasks.spawn("store", async move {
        while let Some(batch) = receive.recv().await {
            let is_score = |record: &&Record| {
                matches!(record, Record::Score(score) if score.kind == EvaluatorKind::Judge && score.value().is_some())
            };
            count.fetch_add(batch.records.iter().filter(is_score).count(), Ordering::SeqCst);
            batch.acknowledge.map(|acknowledge| acknowledge.send(Acknowledged::default()));
        }
    });
    let now = Timestamp::from_secs(1_795_528_300);
    let (service, queue) = JudgeService::new(Parts {
        judge: Judge::new(config, &Rubrics::shipped().unwrap()).unwrap(),
        transport: Arc::new(transport),
        intake: send,
        clock: Arc::new(ManualClock::new(now)),
        telemetry,
        secret: [9; 16],
        spent: Spent::default(),
        anchors: None,
        second: None,
        cheap: None,
    })
    .unwrap();
    let before = resident();
    let judging = TaskGroup::new();
    service.start(&judging);
    let sampler = Sampler::new([3; 16], Probability::ONE);
    for i in 0..AT_ONCE {
        let (question, answer) = ("Why is it so? ".repeat(420), "Because it is. ".repeat(800));
        let call = harness::call(&format!("call-{i}"), now, &question, &answer);
        let choice = sampler.decide(&call).unwrap();
        queue.offer(Arc::new(call), choice);
    }
    let waiting = Arc::clone(&slow.waiting);
    harness::until("all calls to be under way", || {
        let all = waiting.load(Ordering::SeqCst) == AT_ONCE;
        async move { all.then_some(()) }
    })
    .await;
    let held = resident() - before;
    println!("{AT_ONCE} calls under way hold {held:.1} MB, server included");
    slow.gate.add_permits(AT_ONCE);
    harness::until("all to be scored", || {
        let all = scored.load(Ordering::SeqCst) == AT_ONCE;
        async move { all.then_some(()) }
    })
    .await;
    judging.stop_and_join().await;
    assert!(held < MEGABYTES, "{held:.1} MB");
}
