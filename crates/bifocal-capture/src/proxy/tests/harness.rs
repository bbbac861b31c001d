//! An upstream that follows a script, a client that reads raw bytes, a sink that collects.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bifocal_model::{Inference, Loss, Source};
use bifocal_redact::Redacted;
use bifocal_store::{Arrival, Arrivals, Door};
use bifocal_telemetry::{SystemClock, TaskGroup, Telemetry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::proxy::{Proxy, ProxyOptions, Signing, Sink};

/// What the upstream does when it has read a request.
#[derive(Clone)]
pub(crate) enum Step {
    Send(Vec<u8>),
    /// Waits for the test.
    Await(Arc<Notify>),
    /// Tells the test.
    Tell(Arc<Notify>),
    /// Waits until the proxy has closed the connection, then tells the test.
    UntilClosed(Arc<Notify>),
    /// Closes the connection; with a reset, so that it is no clean end.
    Break,
}

pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// Every request as it came, heads and bodies.
    pub(crate) seen: Arc<Mutex<Vec<Vec<u8>>>>,
    pub(crate) connections: Arc<AtomicUsize>,
}

pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) sink: Arc<Collected>,
    pub(crate) telemetry: Telemetry,
    pub(crate) tasks: TaskGroup,
}

#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) inferences: Mutex<Vec<Inference<Redacted>>>,
    pub(crate) losses: Mutex<Vec<Loss>>,
    pub(crate) arrivals: Arrivals,
    /// What came in with inferences and losses.
    pub(crate) settled: AtomicU64,
}

impl Sink for Collected {
    fn door(&self) -> Door {
        self.arrivals.door(Source::Proxy)
    }

    fn take(&self, inferences: Vec<Inference<Redacted>>, losses: Vec<Loss>, arrival: Arrival) {
        self.settled.fetch_add(arrival.count(), Ordering::SeqCst);
        self.inferences.lock().unwrap().extend(inferences);
        self.losses.lock().unwrap().extend(losses);
    }
}

impl Collected {
    /// Waits until `n` are here.
    pub(crate) async fn inferences(&self, n: usize) -> Vec<Inference<Redacted>> {
        until(|| self.inferences.lock().unwrap().len() >= n).await;
        self.inferences.lock().unwrap().clone()
    }

    pub(crate) fn lost_calls(&self) -> u64 {
        self.losses.lock().unwrap().iter().map(|loss| loss.count).sum()
    }
}

/// Waits for a state. The time is a safety net for a broken test, not a threshold.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..10_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("the state did not come");
}

/// An upstream that does the same for every request.
pub(crate) async fn upstream(script: Vec<Step>) -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let connections = Arc::new(AtomicUsize::new(0));
    let tasks = TaskGroup::new();
    let (requests, opened, group) = (Arc::clone(&seen), Arc::clone(&connections), tasks.clone());
    tasks.spawn("upstream", async move {
        while let Ok((stream, _)) = listener.accept().await {
            opened.fetch_add(1, Ordering::SeqCst);
            group.spawn("upstream connection", follow(stream, script.clone(), Arc::clone(&requests)));
        }
    });
    Upstream { address, seen, connections }
}

async fn follow(mut stream: TcpStream, script: Vec<Step>, seen: Arc<Mutex<Vec<Vec<u8>>>>) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read_message(&mut stream, false).await {
        seen.lock().unwrap().push(request);
        for step in &script {
            match step {
                Step::Send(bytes) => {
                    if stream.write_all(bytes).await.is_err() {
                        return;
                    }
                }
                Step::Await(notify) => notify.notified().await,
                Step::Tell(notify) => notify.notify_one(),
                Step::UntilClosed(notify) => {
                    let mut rest = [0; 1024];
                    while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {}
                    notify.notify_one();
                    return;
                }
                Step::Break => return,
            }
        }
    }
}

/// A proxy in front of the upstream.
pub(crate) async fn proxy(upstream: SocketAddr, change: impl FnOnce(&mut ProxyOptions)) -> Running {
    let sink = Arc::new(Collected::default());
    proxy_into(upstream, Arc::clone(&sink) as Arc<dyn Sink>, sink, change).await
}

/// A proxy that signs calls of SageMaker's runtime.
pub(crate) async fn signing_proxy(
    upstream: SocketAddr,
    signing: Signing,
    change: impl FnOnce(&mut ProxyOptions),
) -> Running {
    let sink = Arc::new(Collected::default());
    start(upstream, Some(signing), Arc::clone(&sink) as Arc<dyn Sink>, sink, change).await
}

/// A proxy that records into a sink of the test's.
pub(crate) async fn proxy_into(
    upstream: SocketAddr,
    sink: Arc<dyn Sink>,
    collected: Arc<Collected>,
    change: impl FnOnce(&mut ProxyOptions),
) -> Running {
    start(upstream, None, sink, collected, change).await
}

async fn start(
    upstream: SocketAddr,
    signing: Option<Signing>,
    sink: Arc<dyn Sink>,
    collected: Arc<Collected>,
    change: impl FnOnce(&mut ProxyOptions),
) -> Running {
    let mut options =
        ProxyOptions::new("127.0.0.1:0".parse().unwrap(), format!("http://{upstream}"), "local");
    // The tests of kept connections count those of one worker.
    options.workers = 1;
    change(&mut options);
    let telemetry = Telemetry::new();
    let tasks = TaskGroup::new();
    let clock = Arc::new(SystemClock::new());
    let (proxy, recorder) = Proxy::bind_signing(&options, signing, sink, clock, &telemetry).await.unwrap();
    let address = proxy.address();
    tasks.spawn_blocking("recorder", move || recorder.run());
    tasks.spawn("proxy", proxy.run(tasks.drain()));
    Running { address, sink: collected, telemetry, tasks }
}

/// Sends bytes on a new connection and reads one response.
pub(crate) async fn call(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    call_on(&mut stream, request).await
}

/// Sends bytes and reads one response.
pub(crate) async fn call_on(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    stream.write_all(request).await.unwrap();
    let bodiless = request.starts_with(b"HEAD ");
    read_message(stream, bodiless).await.unwrap_or_default()
}

/// Reads one message: head and body. `None` at the end of the connection; what came before a break comes too.
pub(crate) async fn read_message(stream: &mut TcpStream, bodiless: bool) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if is_whole(&bytes, bodiless) {
            return Some(bytes);
        }
        match stream.read(&mut buffer).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => return (!bytes.is_empty()).then_some(bytes),
        }
    }
}

fn is_whole(bytes: &[u8], bodiless: bool) -> bool {
    let Some(end) = find(bytes, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let body = &bytes[end + 4..];
    let no_body = bodiless || head.contains(" 204 ") || head.contains(" 304 ");
    if no_body {
        return true;
    }
    if head.contains("transfer-encoding: chunked") {
        return body.ends_with(b"0\r\n\r\n")
            || find(body, b"\r\n0\r\n").is_some_and(|_| body.ends_with(b"\r\n\r\n"));
    }
    let length =
        head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    match length {
        Some(length) => body.len() >= length,
        // A request without a length has no body; a response without one ends with its connection.
        None => !head.starts_with("http/"),
    }
}

pub(crate) fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

pub(crate) fn head_of(message: &[u8]) -> String {
    let end = find(message, b"\r\n\r\n").unwrap_or(message.len());
    String::from_utf8_lossy(&message[..end]).into_owned()
}

pub(crate) fn body_of(message: &[u8]) -> &[u8] {
    &message[find(message, b"\r\n\r\n").unwrap() + 4..]
}

/// The body with the chunks' framing taken off.
pub(crate) fn unchunk(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(line) = find(body, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&body[line + 2..line + 2 + size]);
        body = &body[line + 2 + size + 2..];
    }
    whole
}

pub(crate) fn chunked(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        bytes.extend_from_slice(part);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

pub(crate) fn json_answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

pub(crate) const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const QUESTION: &str =
    r#"{"model":"qwen","messages":[{"role":"user","content":"What is the capital of France?"}]}"#;
pub(crate) const STREAMED_QUESTION: &str = r#"{"model":"qwen","stream":true,"messages":[{"role":"user","content":"What is the capital of France?"}]}"#;
pub(crate) const ANSWER: &str = r#"{"id":"1","object":"chat.completion","model":"qwen-served","choices":[{"index":0,"message":{"role":"assistant","content":"Paris. Mail me at a@b.org"},"finish_reason":"stop"}],"usage":{"prompt_tokens":14,"completion_tokens":9,"total_tokens":23}}"#;

pub(crate) fn delta(text: &str) -> Vec<u8> {
    format!("data: {{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"qwen-served\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n").into_bytes()
}

pub(crate) const FIRST_EVENT: &[u8] = b"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"qwen-served\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n";
pub(crate) const LAST_EVENTS: &[u8] = b"data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"qwen-served\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
