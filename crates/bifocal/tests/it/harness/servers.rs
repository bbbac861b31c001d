//! Servers on loopback for the binary to talk to, and clients that talk to it.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A port where nobody listens (now).
pub(crate) fn free_port() -> SocketAddr {
    StdListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Serves a router for as long as the runtime lives.
pub(crate) async fn serve(tasks: &TaskGroup, router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn("test server", async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// An inference server that answers every question with a sentence made of it.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    status: Arc<AtomicU16>,
}

impl Upstream {
    pub(crate) async fn start(tasks: &TaskGroup) -> Self {
        let status = Arc::new(AtomicU16::new(200));
        let router = Router::new().route("/v1/chat/completions", post(chat)).with_state(Arc::clone(&status));
        Self { address: serve(tasks, router).await, status }
    }

    /// From now on it answers with this status.
    pub(crate) fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What it answers.
    pub(crate) fn answer(question: &str) -> String {
        format!("You asked: {question} The answer is plain and short.")
    }
}

async fn chat(State(status): State<Arc<AtomicU16>>, body: Bytes) -> Response {
    let status = StatusCode::from_u16(status.load(Ordering::SeqCst)).unwrap();
    if !status.is_success() {
        return (status, r#"{"error":{"message":"out of order","type":"server_error"}}"#).into_response();
    }
    let request: Value = serde_json::from_slice(&body).unwrap();
    let answer = Upstream::answer(request["messages"][0]["content"].as_str().unwrap());
    let usage = json!({"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21});
    if request["stream"] == true {
        let (head, tail) = answer.split_at(11);
        let chunk = |delta: Value, finish: Value| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
            format!(
                "data: {}\n\n",
                json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice]})
            )
        };
        let events = [
            chunk(json!({"role": "assistant", "content": head}), Value::Null),
            chunk(json!({"content": tail}), Value::Null),
            chunk(json!({}), json!("stop")),
            "data: [DONE]\n\n".to_owned(),
        ];
        return ([("content-type", "text/event-stream")], events.concat()).into_response();
    }
    let message = json!({"role": "assistant", "content": answer});
    let choice = json!({"index": 0, "message": message, "finish_reason": "stop"});
    let body =
        json!({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": usage});
    ([("content-type", "application/json")], body.to_string()).into_response()
}

pub(crate) fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
}

/// Asks a question; status and body.
pub(crate) async fn ask(
    client: &reqwest::Client,
    proxy: &str,
    question: &str,
    stream: bool,
) -> Result<(u16, String), reqwest::Error> {
    let body = json!({"model": "m", "stream": stream, "messages": [{"role": "user", "content": question}]});
    let response = client.post(format!("{proxy}/v1/chat/completions")).json(&body).send().await?;
    Ok((response.status().as_u16(), response.text().await?))
}

pub(crate) async fn get_json(
    client: &reqwest::Client,
    page: &str,
    path: &str,
) -> Result<Value, reqwest::Error> {
    client.get(format!("{page}{path}")).send().await?.error_for_status()?.json().await
}
