//! Streams: identical bytes, no waiting, the same end.

use std::sync::Arc;
use std::time::Duration;

use bifocal_model::ErrorClass;
use bifocal_telemetry::Metric;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::harness::{
    CHAT, FIRST_EVENT, LAST_EVENTS, STREAM_HEAD, STREAMED_QUESTION, Step, body_of, call, chunked, delta,
    find, head_of, post, proxy, read_message, unchunk, upstream,
};

fn whole_stream() -> Vec<u8> {
    [FIRST_EVENT, &delta("Par"), &delta("is"), &delta(" \u{00e9}t\u{00e9}"), LAST_EVENTS].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn any_split_of_the_bytes_arrives_as_it_was_sent(cuts in proptest::collection::vec(1usize..90, 1..12)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let stream = whole_stream();
            let mut parts = Vec::new();
            let mut rest = stream.as_slice();
            for cut in cuts {
                let (part, after) = rest.split_at(cut.min(rest.len()));
                if !part.is_empty() {
                    parts.push(part);
                }
                rest = after;
            }
            if !rest.is_empty() {
                parts.push(rest);
            }
            let mut script = vec![Step::Send(STREAM_HEAD.to_vec())];
            script.extend(parts.iter().map(|part| Step::Send(chunked(&[part]))));
            script.push(Step::Send(b"0\r\n\r\n".to_vec()));
            let server = upstream(script).await;
            let running = proxy(server.address, |_| {}).await;
            let response = call(running.address, &post(CHAT, STREAMED_QUESTION)).await;
            assert!(head_of(&response).contains("content-type: text/event-stream"));
            assert_eq!(unchunk(body_of(&response)), stream);
            let recorded = running.sink.inferences(1).await.remove(0);
            assert_eq!(recorded.answer.as_str(), "Paris \u{00e9}t\u{00e9}");
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_the_client_before_the_next_is_sent() {
    let received = Arc::new(Notify::new());
    let mut script = vec![Step::Send(STREAM_HEAD.to_vec())];
    for n in 0..5 {
        script.push(Step::Send(chunked(&[&delta(&format!("word {n}"))])));
        script.push(Step::Await(Arc::clone(&received)));
    }
    script.push(Step::Send([chunked(&[LAST_EVENTS]), b"0\r\n\r\n".to_vec()].concat()));
    let server = upstream(script).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&post(CHAT, STREAMED_QUESTION)).await.unwrap();
    let mut bytes = Vec::new();
    for n in 0..5 {
        // The upstream sends nothing more until this one is here: a proxy that buffers would wait for ever.
        while find(&bytes, format!("word {n}").as_bytes()).is_none() {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
        }
        assert!(find(&bytes, format!("word {}", n + 1).as_bytes()).is_none());
        received.notify_one();
    }
    while !bytes.ends_with(b"0\r\n\r\n") {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
    let recorded = running.sink.inferences(1).await.remove(0);
    assert!(recorded.streamed);
    let timing = recorded.timing;
    let (ttft, itl, all) =
        (timing.ttft_seconds.unwrap(), timing.itl_seconds.unwrap(), timing.duration_seconds.unwrap());
    assert!(ttft > 0.0 && itl > 0.0 && ttft + 4.0 * itl <= all, "{timing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_breaks_upstream_breaks_at_the_client() {
    let received = Arc::new(Notify::new());
    let script = vec![
        Step::Send(STREAM_HEAD.to_vec()),
        Step::Send(chunked(&[&delta("Par")])),
        Step::Await(Arc::clone(&received)),
        Step::Break,
    ];
    let server = upstream(script).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&post(CHAT, STREAMED_QUESTION)).await.unwrap();
    let mut bytes = Vec::new();
    while find(&bytes, b"Par").is_none() {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
    received.notify_one();
    while stream.read_buf(&mut bytes).await.is_ok_and(|n| n > 0) {}
    assert!(find(&bytes, b"\r\n0\r\n").is_none(), "no clean end: {}", String::from_utf8_lossy(&bytes));
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!(recorded.error, Some(ErrorClass::MidStream));
    assert_eq!(recorded.status, Some(200));
    assert_eq!(recorded.answer.as_str(), "Par");
    assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["mid_stream"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_answer_that_breaks_off_breaks_at_the_client() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{\"choices\""
            .to_vec();
    let server = upstream(vec![Step::Send(head), Step::Break]).await;
    let running = proxy(server.address, |_| {}).await;
    let response = call(running.address, &post(CHAT, STREAMED_QUESTION)).await;
    assert!(response.is_empty() || body_of(&response).len() < 100);
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!(recorded.error, Some(ErrorClass::MidStream));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_takes_the_upstream_request_with_it() {
    let closed = Arc::new(Notify::new());
    let script = vec![
        Step::Send(STREAM_HEAD.to_vec()),
        Step::Send(chunked(&[&delta("Par")])),
        Step::UntilClosed(Arc::clone(&closed)),
    ];
    let server = upstream(script).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&post(CHAT, STREAMED_QUESTION)).await.unwrap();
    let mut bytes = Vec::new();
    while find(&bytes, b"Par").is_none() {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
    drop(stream);
    closed.notified().await;
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!(recorded.error, Some(ErrorClass::ClientGone));
    assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["client_gone"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_after_the_last_event_has_its_answer() {
    let closed = Arc::new(Notify::new());
    let script = vec![
        Step::Send(STREAM_HEAD.to_vec()),
        Step::Send(chunked(&[&delta("Paris"), LAST_EVENTS])),
        Step::UntilClosed(Arc::clone(&closed)),
    ];
    let server = upstream(script).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&post(CHAT, STREAMED_QUESTION)).await.unwrap();
    let mut bytes = Vec::new();
    while find(&bytes, b"[DONE]").is_none() {
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
    }
    drop(stream);
    closed.notified().await;
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!((recorded.error, recorded.answer.as_str()), (None, "Paris"));
    assert!(recorded.timing.duration_seconds.is_some());
    assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["client_gone"]), 0);
    assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["forwarded"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_before_the_answer_is_recorded_too() {
    let (entered, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let server =
        upstream(vec![Step::Tell(Arc::clone(&entered)), Step::UntilClosed(Arc::clone(&closed))]).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(&post(CHAT, STREAMED_QUESTION)).await.unwrap();
    entered.notified().await;
    drop(stream);
    closed.notified().await;
    let recorded = running.sink.inferences(1).await.remove(0);
    assert_eq!((recorded.error, recorded.status), (Some(ErrorClass::ClientGone), None));
    assert_eq!(recorded.target.model(), "qwen");
}

/// A client that breaks off in its request, or frames it wrongly, is no failure of the upstream.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_off_in_its_request_is_not_held_against_the_upstream() {
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n");
    let short = format!("{head}content-length: 9000\r\n\r\n{{\"model\":\"qwen\",\"messages\":");
    let framed = format!("{head}transfer-encoding: chunked\r\n\r\n11\r\n{{\"model\":\"badchk\"\r\nZZ\r\n");
    for (request, closes) in [(short, true), (framed, false)] {
        let (entered, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let server =
            upstream(vec![Step::Tell(Arc::clone(&entered)), Step::UntilClosed(Arc::clone(&closed))]).await;
        let running = proxy(server.address, |_| {}).await;
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        if closes {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(stream);
        } else {
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await.unwrap();
            let answer = String::from_utf8(answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("B0208"), "{answer}");
        }
        let recorded = running.sink.inferences(1).await.remove(0);
        assert_eq!(recorded.error, Some(ErrorClass::ClientGone), "{recorded:?}");
        assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["unreachable"]), 0);
        assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["client_gone"]), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_pass() {
    let answer = b"HTTP/1.1 200 OK\r\ntrailer: x-checksum\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-checksum: 7\r\n\r\n";
    let server = upstream(vec![Step::Send(answer.to_vec())]).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream
        .write_all(b"GET /x HTTP/1.1\r\nhost: here\r\nte: trailers\r\nconnection: te\r\n\r\n")
        .await
        .unwrap();
    let response = read_message(&mut stream, false).await.unwrap();
    assert!(
        find(&response, b"0\r\nx-checksum: 7\r\n\r\n").is_some(),
        "{}",
        String::from_utf8_lossy(&response)
    );
}
