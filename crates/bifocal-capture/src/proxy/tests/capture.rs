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

    fn take(&self, inference: Inference<Redacted>, arrival: Arrival) {
        let guard = self.changed.wait_while(self.free.lock().unwrap(), |free| !*free).unwrap();
        drop(guard);
        self.collected.take(inference, arrival);
    }

    fn lost(&self, loss: Loss, arrival: Arrival) {
        self.collected.lost(loss, arrival);
    }
}

struct Dead;

impl Sink for Dead {
    fn door(&self) -> Door {
        Arrivals::default().door(Source::Proxy)
    }

    fn take(&self, _: Inference<Redacted>, _: Arrival) {
        panic!("the capture side dies");
    }

    fn lost(&self, _: Loss, _: Arrival) {}
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
    let dropped = running.telemetry.value(Metric::CaptureDropped, &["buffer_full"]);
    assert!(dropped > 0);
    assert_eq!(running.telemetry.value(Metric::LimitHits, &["capture_queue"]), dropped);
    *stuck.free.lock().unwrap() = true;
    stuck.changed.notify_all();
    running.tasks.stop_and_join().await;
    let recorded = running.sink.inferences.lock().unwrap().len() as u64;
    assert_eq!(recorded + running.sink.lost_calls(), total, "every call is recorded or counted");
    assert_eq!(running.sink.lost_calls(), dropped);
    assert_eq!(running.sink.settled.load(Ordering::SeqCst), total, "every arrival has come with one of them");
    let losses = running.sink.losses.lock().unwrap();
    assert!(losses.iter().all(|l| l.outcome == LedgerOutcome::Dropped && l.reason == "buffer_full"));
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
