//! What is not a stream: bytes, statuses and headers in both directions.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bifocal_telemetry::Metric;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

use super::harness::{
    ANSWER, CHAT, QUESTION, Step, body_of, call, call_on, head_of, json_answer, post, proxy, read_message,
    until, upstream,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_passes_with_its_status_and_headers() {
    let answer = format!(
        "HTTP/1.1 218 This Is Fine\r\ncontent-type: application/json\r\nx-request-id: 7\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nkeep-alive: timeout=5\r\nconnection: x-hop\r\nx-hop: 1\r\ncontent-length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    let server = upstream(vec![Step::Send(answer.into_bytes())]).await;
    let running = proxy(server.address, |_| {}).await;
    let response = call(running.address, &post(CHAT, QUESTION)).await;
    assert_eq!(body_of(&response), ANSWER.as_bytes());
    let head = head_of(&response);
    let mut lines: Vec<_> = head.lines().collect();
    assert_eq!(lines.remove(0), "HTTP/1.1 218 This Is Fine");
    lines.sort_unstable();
    let length = format!("content-length: {}", ANSWER.len());
    assert_eq!(
        lines,
        [
            length.as_str(),
            "content-type: application/json",
            "set-cookie: a=1",
            "set-cookie: b=2",
            "x-request-id: 7"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_passes_with_its_path_headers_and_body() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |_| {}).await;
    let request = format!(
        "POST {CHAT}?a=%20b HTTP/1.1\r\nhost: here\r\nauthorization: Bearer t\r\ntraceparent: 00-1-2-01\r\ncontent-length: {}\r\n\r\n{QUESTION}",
        QUESTION.len()
    );
    call(running.address, request.as_bytes()).await;
    let seen = server.seen.lock().unwrap()[0].clone();
    let head = head_of(&seen);
    assert!(head.starts_with("POST /v1/chat/completions?a=%20b HTTP/1.1\r\n"), "{head}");
    for line in ["authorization: Bearer t", "traceparent: 00-1-2-01", &format!("host: {}", server.address)] {
        assert!(head.lines().any(|l| l == line), "{line} in {head}");
    }
    assert_eq!(body_of(&seen), QUESTION.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_paths_and_methods_are_forwarded_and_not_recorded() {
    let server = upstream(vec![Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec())]).await;
    let running = proxy(server.address, |_| {}).await;
    for request in [
        &b"GET /v1/models HTTP/1.1\r\nhost: here\r\n\r\n"[..],
        b"GET /v1/chat/completions HTTP/1.1\r\nhost: here\r\n\r\n",
        b"DELETE /v1/files/1 HTTP/1.1\r\nhost: here\r\n\r\n",
        b"PATCH /x HTTP/1.1\r\nhost: here\r\ncontent-length: 1\r\n\r\n1",
    ] {
        assert_eq!(body_of(&call(running.address, request).await), b"ok");
    }
    call(running.address, &post(CHAT, QUESTION)).await;
    running.sink.inferences(1).await;
    running.tasks.stop_and_join().await;
    assert_eq!(running.sink.inferences.lock().unwrap().len(), 1);
    assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["forwarded"]), 5);
    assert_eq!(running.telemetry.value(Metric::ProxyInFlight, &[]), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_without_a_body_do_not_hang() {
    for (request, answer, status) in [
        ("HEAD /x", "HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n", "200"),
        ("GET /x", "HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n", "204"),
        ("GET /x", "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n", "304"),
        ("GET /x", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "200"),
    ] {
        let server = upstream(vec![Step::Send(answer.as_bytes().to_vec())]).await;
        let running = proxy(server.address, |_| {}).await;
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        for _ in 0..2 {
            let response =
                call_on(&mut stream, format!("{request} HTTP/1.1\r\nhost: here\r\n\r\n").as_bytes()).await;
            let head = head_of(&response);
            assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {head}");
            assert_eq!(
                head.contains("content-length: 999"),
                request.starts_with("HEAD"),
                "{request}: {head}"
            );
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{request}: the connection is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_to_the_upstream_are_kept_up_to_the_limit() {
    let gate = Arc::new(Notify::new());
    let server = upstream(vec![Step::Await(Arc::clone(&gate)), Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |options| options.idle_upstream_connections = 2).await;
    let hits = || running.telemetry.value(Metric::LimitHits, &["idle_upstream_connections"]);
    let begin = |calls: usize| {
        for _ in 0..calls {
            let address = running.address;
            running.tasks.spawn("client", async move {
                assert_eq!(body_of(&call(address, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
            });
        }
    };
    // Three calls at once need three connections; the third to come back is one too many.
    begin(3);
    until(|| server.seen.lock().unwrap().len() == 3).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 3);
    assert_eq!(hits(), 0);
    until(|| {
        gate.notify_one();
        hits() == 1
    })
    .await;
    begin(2);
    until(|| server.seen.lock().unwrap().len() == 5).await;
    assert_eq!(server.connections.load(Ordering::SeqCst), 3, "two were kept");
    until(|| {
        gate.notify_one();
        running.sink.inferences.lock().unwrap().len() == 5
    })
    .await;
    assert_eq!(hits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_kept_on_both_sides() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..20 {
        assert_eq!(body_of(&call_on(&mut stream, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_spread_over_the_workers() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |options| options.workers = 3).await;
    // One after the other: a worker would use its kept connection again, so each of the first three is another's.
    for connections in [1, 2, 3, 3, 3, 3] {
        assert_eq!(body_of(&call(running.address, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
        assert_eq!(server.connections.load(Ordering::SeqCst), connections);
    }
    running.tasks.stop_and_join().await;
    assert_eq!(running.sink.inferences.lock().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_the_upstream_closed_is_replaced() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER)), Step::Break]).await;
    let running = proxy(server.address, |_| {}).await;
    for calls in 1..=5 {
        let response = call(running.address, &post(CHAT, QUESTION)).await;
        assert_eq!(body_of(&response), ANSWER.as_bytes(), "call {calls}");
        // The FIN is on its way; a request in the same microsecond may meet it, which no proxy can undo.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn expect_continue_is_answered_and_not_passed_on() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: here\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        QUESTION.len()
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    let response = call_on(&mut stream, QUESTION.as_bytes()).await;
    assert_eq!(body_of(&response), ANSWER.as_bytes());
    assert!(!head_of(&server.seen.lock().unwrap()[0]).contains("expect"));
}

#[tokio::test(flavor = "multi_thread")]
async fn upgrades_and_tunnels_are_refused_with_a_reason() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |_| {}).await;
    for request in [
        &b"GET /v1/realtime HTTP/1.1\r\nhost: here\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"[..],
        b"CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n",
    ] {
        let response = call(running.address, request).await;
        assert!(head_of(&response).starts_with("HTTP/1.1 501"), "{}", head_of(&response));
        let body: serde_json::Value = serde_json::from_slice(body_of(&response)).unwrap();
        assert_eq!(body["error"]["code"], "B0207");
    }
    let offer = b"GET /x HTTP/1.1\r\nhost: here\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n\r\n";
    assert_eq!(body_of(&call(running.address, offer).await), ANSWER.as_bytes());
    assert_eq!(running.telemetry.value(Metric::ProxyRequests, &["refused"]), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn drain_lets_a_running_call_finish_and_takes_no_new_one() {
    let (entered, go_on) = (std::sync::Arc::default(), std::sync::Arc::default());
    let script = vec![
        Step::Tell(std::sync::Arc::clone(&entered)),
        Step::Await(std::sync::Arc::clone(&go_on)),
        Step::Send(json_answer(ANSWER)),
    ];
    let server = upstream(script).await;
    let running = proxy(server.address, |_| {}).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &post(CHAT, QUESTION)).await.unwrap();
    tokio::sync::Notify::notified(&entered).await;
    running.tasks.stop();
    let address = running.address;
    for _ in 0..1000 {
        if TcpStream::connect(address).await.is_err() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    assert!(TcpStream::connect(address).await.is_err());
    tokio::sync::Notify::notify_one(&go_on);
    let response = read_message(&mut stream, false).await.unwrap();
    assert_eq!(body_of(&response), ANSWER.as_bytes());
    running.tasks.stop_and_join().await;
    assert_eq!(running.sink.inferences.lock().unwrap().len(), 1, "recorded before the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_past_the_limit_wait_their_turn() {
    let server = upstream(vec![Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |options| options.connections = 1).await;
    let mut first = TcpStream::connect(running.address).await.unwrap();
    call_on(&mut first, &post(CHAT, QUESTION)).await;
    until(|| running.telemetry.value(Metric::LimitHits, &["connections"]) > 0).await;
    let mut second = TcpStream::connect(running.address).await.unwrap();
    drop(first);
    assert_eq!(body_of(&call_on(&mut second, &post(CHAT, QUESTION)).await), ANSWER.as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_request_is_cut_and_a_slow_answer_is_not() {
    let free = Arc::new(Notify::new());
    let server = upstream(vec![Step::Await(Arc::clone(&free)), Step::Send(json_answer(ANSWER))]).await;
    let running = proxy(server.address, |options| options.head_seconds = 0.1).await;
    let mut asking = TcpStream::connect(running.address).await.unwrap();
    asking.write_all(&post(CHAT, QUESTION)).await.unwrap();
    for (n, sent) in [&b""[..], b"POST /v1/chat/completions HTTP/1.1\r\nhost: he"].into_iter().enumerate() {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(sent).await.unwrap();
        // It comes to its end, for the proxy ends it.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        until(|| running.telemetry.value(Metric::LimitHits, &["head_seconds"]) > n as u64).await;
    }
    // The call has waited for longer than any head may.
    free.notify_one();
    let mut answer = Vec::new();
    let _ = asking.read_to_end(&mut answer).await;
    assert_eq!(body_of(&answer), ANSWER.as_bytes());
}
