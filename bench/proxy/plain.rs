//! The two ends of the scale, with the standard library alone: `plain upstream PORT` answers every request with one
//! OpenAI answer of 0.5 KB; `plain raw PORT UPSTREAM_PORT` copies bytes between HTTP heads that it reads only for
//! their length: the floor of what a proxy costs. `plain load PORT CONNECTIONS RATE SECONDS` sends the request of
//! `post.lua` so many times a second, spread over the connections, whether or not answers come (an open loop), and
//! prints a line as `post.lua` does; latencies count from the time at which a request was due.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const ANSWER: &str = r#"{"id":"chatcmpl-0001","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"The capital of France is Paris. It has been the seat of government for most of the time since the tenth century, and it is also the largest city of the country.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":213,"completion_tokens":36,"total_tokens":249},"system_fingerprint":"fp_0001"}"#;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let port = |n: usize| arguments.get(n).and_then(|text| text.parse::<u16>().ok()).unwrap_or(0);
    let number = |n: usize| arguments.get(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or(1.0);
    if arguments[1] == "load" {
        load(port(2), port(3), number(4), number(5));
        return Ok(());
    }
    let listener = TcpListener::bind(("127.0.0.1", port(2)))?;
    let upstream = (arguments[1] == "raw").then(|| port(3));
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || match upstream {
            None => answer(stream),
            Some(port) => copy(stream, port),
        });
    }
    Ok(())
}

fn answer(mut client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    let length = ANSWER.len();
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{ANSWER}"
    );
    let mut buffer = Vec::new();
    while read_message(&mut client, &mut buffer)? {
        client.write_all(response.as_bytes())?;
    }
    Ok(())
}

fn copy(mut client: TcpStream, port: u16) -> io::Result<()> {
    let mut upstream = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    upstream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while read_message(&mut client, &mut buffer)? {
        upstream.write_all(&buffer)?;
        read_message(&mut upstream, &mut buffer)?;
        client.write_all(&buffer)?;
    }
    Ok(())
}

/// What one connection of the load saw.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    not_ok: usize,
    broken: usize,
}

fn load(port: u16, connections: u16, per_second: f64, seconds: f64) {
    let began = Instant::now();
    let every = Duration::from_secs_f64(f64::from(connections) / per_second);
    let all = Duration::from_secs_f64(seconds);
    let begin = |number: u16| {
        let first = every.mul_f64(f64::from(number) / f64::from(connections));
        std::thread::spawn(move || {
            let mut seen = Seen::default();
            if ask(port, (first, every, all), began, &mut seen).is_err() {
                seen.broken += 1;
            }
            seen
        })
    };
    let threads: Vec<_> = (0..connections).map(begin).collect();
    let mut sum = Seen::default();
    for seen in threads.into_iter().filter_map(|thread| thread.join().ok()) {
        sum.latencies.extend(seen.latencies);
        sum.not_ok += seen.not_ok;
        sum.broken += seen.broken;
    }
    sum.latencies.sort_unstable();
    let quantile = |share: f64| {
        let at = ((sum.latencies.len() as f64 * share) as usize).min(sum.latencies.len().saturating_sub(1));
        sum.latencies.get(at).map_or(0, Duration::as_micros)
    };
    println!(
        r#"RESULT {{"requests":{},"seconds":{},"status":{},"socket":{},"p50_us":{},"p99_us":{}}}"#,
        sum.latencies.len(),
        began.elapsed().as_secs_f64(),
        sum.not_ok,
        sum.broken,
        quantile(0.5),
        quantile(0.99)
    );
}

/// Sends requests at their times until the time is over.
fn ask(
    port: u16,
    (first, every, all): (Duration, Duration, Duration),
    began: Instant,
    seen: &mut Seen,
) -> io::Result<()> {
    let system = "Answer briefly, do not speculate, cite the source when there is one. ".repeat(12);
    let body = format!(
        r#"{{"model":"gpt-4o-mini","messages":[{{"role":"system","content":"{system}"}},{{"role":"user","content":"What is the capital of France?"}}],"max_tokens":100}}"#
    );
    let length = body.len();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut due = first;
    while due < all {
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        stream.write_all(request.as_bytes())?;
        if !read_message(&mut stream, &mut buffer)? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        seen.not_ok += usize::from(!buffer.starts_with(b"HTTP/1.1 2"));
        seen.latencies.push(began.elapsed().saturating_sub(due));
        due += every;
    }
    Ok(())
}

/// Reads one message with a `content-length`; `false` at the end of the connection.
fn read_message(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<bool> {
    buffer.clear();
    let mut piece = [0; 16 * 1024];
    let mut whole = usize::MAX;
    while buffer.len() < whole {
        let n = stream.read(&mut piece)?;
        if n == 0 {
            return Ok(false);
        }
        buffer.extend_from_slice(&piece[..n]);
        if whole == usize::MAX
            && let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n")
        {
            whole = end + 4 + content_length(&buffer[..end]);
        }
    }
    Ok(true)
}

fn content_length(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head);
    let line = head
        .lines()
        .find(|line| line.get(..15).is_some_and(|name| name.eq_ignore_ascii_case("content-length:")));
    line.and_then(|line| line[15..].trim().parse().ok()).unwrap_or(0)
}
