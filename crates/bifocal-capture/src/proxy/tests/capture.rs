//! Capture never shows: slow, dead, full or cut, the client gets the same.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};

use bifocal_model::{Completeness, Inference, LedgerOutcome, Loss, Source};
use bifocal_redact::Redacted;
use bifocal_store::{Arrival, Arrivals, Door};
use bifocal_telemetry::Metric;
use tokio::net::TcpStream;

use super::harness::{
    ANSWER, CHAT, Collected, QUESTION, Step, body_of, call, call_on, head_of, json_answer, post, proxy,
    proxy_into, until, upstream,
};
use crate::proxy::Sink;

/// A sink that does not come back until it is let go.
#[derive(Default)]
struct Stuck {
    free: Mutex<bool>,
    changed: Condvar,
    collected: Arc<Collected>,
}

impl Sink for Stuck {
    fn door(&self) -> Door {
        self.collected.door()
    }

    fn take(&self, inferences: Vec<Inference<Redacted>>, losses: Vec<Loss>, arrival: Arrival) {
        let guard = self.changed.wait_while(self.free.lock().unwrap(), |free| !*free).unwrap();
        drop(guard);
        self.collected.take(inferences, losses, arrival);
    }
}

struct Dead;

impl Sink for Dead {
    fn door(&self) -> Door {
        Arrivals::default().door(Source::Proxy)
    }

    fn take(&self, _: Vec<Inference<Redacted>>, _: Vec<Loss>, _: Arrival) {
        panic!("the capture side dies");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_sink_costs_records_and_never_a_client() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let stuck = Arc::new(Stuck::default());
    let collected = Arc::clone(&stuck.collected);
    let sink = Arc::clone(&stuck) as Arc<dyn Sink>;
    let running = proxy_into(server.address, sink, collected, |options| options.capture_queue = 4).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let total = 300;
    for _ in 0..total {
        assert_eq!(body_of(&call_on(&mut stream, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
    }
    let left_out = |reason| running.telemetry.value(Metric::CaptureDropped, &[reason]);
    let (full, sampled) = (left_out("buffer_full"), left_out("sampled_out"));
    assert!(full > 0);
    assert_eq!(running.telemetry.value(Metric::LimitHits, &["capture_queue"]), full);
    *stuck.free.lock().unwrap() = true;
    stuck.changed.notify_all();
    running.tasks.stop_and_join().await;
    let recorded = running.sink.inferences.lock().unwrap().len() as u64;
    assert_eq!(recorded + running.sink.lost_calls(), total, "every call is recorded or counted");
    assert_eq!(running.sink.lost_calls(), full + sampled);
    assert_eq!(running.sink.settled.load(Ordering::SeqCst), total, "every arrival has come with one of them");
    let losses = running.sink.losses.lock().unwrap();
    let counted = |reason: &str| losses.iter().filter(|l| l.reason == reason).map(|l| l.count).sum::<u64>();
    assert_eq!((counted("buffer_full"), counted("sampled_out")), (full, sampled));
    assert!(losses.iter().all(|loss| loss.outcome == LedgerOutcome::Dropped));
}

/// A queue that is more than half taken: what is recorded says how many calls it stands for.
#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_that_is_behind_takes_a_sample_with_its_probability() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let stuck = Arc::new(Stuck::default());
    let collected = Arc::clone(&stuck.collected);
    let sink = Arc::clone(&stuck) as Arc<dyn Sink>;
    let running = proxy_into(server.address, sink, collected, |options| options.capture_queue = 64).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let mut total = 0;
    while running.telemetry.value(Metric::CaptureDropped, &["sampled_out"]) < 8 {
        assert_eq!(body_of(&call_on(&mut stream, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
        total += 1;
    }
    *stuck.free.lock().unwrap() = true;
    stuck.changed.notify_all();
    running.tasks.stop_and_join().await;
    let recorded = running.sink.inferences.lock().unwrap();
    let probabilities: Vec<f64> = recorded.iter().map(|call| call.capture_probability.get()).collect();
    assert!(probabilities.iter().filter(|p| **p == 1.0).count() >= 32, "{probabilities:?}");
    assert!(probabilities.iter().any(|p| *p < 1.0), "{probabilities:?}");
    assert_eq!(recorded.len() as u64 + running.sink.lost_calls(), total);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_recorder_is_not_noticed_by_clients() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy_into(server.address, Arc::new(Dead), Arc::default(), |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    call_on(&mut stream, &post(CHAT, QUESTION)).await;
    until(|| running.tasks.running() == 1).await;
    for _ in 0..20 {
        assert_eq!(body_of(&call_on(&mut stream, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
    }
    assert_eq!(running.telemetry.value(Metric::CaptureDropped, &["buffer_full"]), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_buffer_drops_the_record_and_is_reported() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |options| options.capture_buffer_bytes = QUESTION.len() + 10).await;
    assert_eq!(body_of(&call(running.address, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
    until(|| running.sink.lost_calls() == 1).await;
    // The room is given back: a call that fits is recorded.
    let short = post(CHAT, "{}");
    call(running.address, &short).await;
    until(|| running.sink.lost_calls() == 2).await;
    assert!(running.sink.inferences.lock().unwrap().is_empty());
    assert_eq!(running.telemetry.value(Metric::LimitHits, &["capture_buffer_bytes"]), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_50_mb_pass_whole_and_are_recorded_as_cut() {
    let size = 50 * 1024 * 1024;
    let large: Vec<u8> = (0..size).map(|i: usize| b'a' + u8::try_from(i % 23).unwrap()).collect();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {size}\r\n\r\n").into_bytes();
    answer.extend_from_slice(&large);
    let server = upstream(vec![Step::Send(answer)]).await;
    let running = proxy(server.address, |_| {}).await;
    let mut request = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: here\r\ncontent-length: {}\r\n\r\n{{\"model\":\"qwen\",\"messages\":[{{\"role\":\"user\",\"content\":\"",
        size + 55
    )
    .into_bytes();
    request.extend_from_slice(&large);
    request.resize(request.len() + 55 - (request.len() - size - head_of(&request).len() - 4), b' ');
    let response = call(running.address, &request).await;
    assert!(body_of(&response) == large.as_slice(), "the answer is identical");
    assert!(body_of(&server.seen.lock().unwrap()[0])[..] == request[head_of(&request).len() + 4..]);
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!(recorded.completeness, Completeness::AnswerTruncated);
    assert_eq!(recorded.target.model(), "qwen", "the model's name stands before the cut");
    assert_eq!(running.telemetry.value(Metric::LimitHits, &["answer_capture_bytes"]), 1);
    assert_eq!(running.telemetry.value(Metric::LimitHits, &["request_capture_bytes"]), 1);
}
