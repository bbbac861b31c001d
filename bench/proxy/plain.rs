//! The two ends of the scale, with the standard library alone: `plain upstream PORT` answers every request with one
//! OpenAI answer of 0.5 KB; `plain raw PORT UPSTREAM_PORT` copies bytes between HTTP heads that it reads only for
//! their length: the floor of what a proxy costs.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};

const ANSWER: &str = r#"{"id":"chatcmpl-0001","object":"chat.completion","created":1700000000,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"The capital of France is Paris. It has been the seat of government for most of the time since the tenth century, and it is also the largest city of the country.","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":213,"completion_tokens":36,"total_tokens":249},"system_fingerprint":"fp_0001"}"#;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let port = |n: usize| arguments.get(n).and_then(|text| text.parse::<u16>().ok()).unwrap_or(0);
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
