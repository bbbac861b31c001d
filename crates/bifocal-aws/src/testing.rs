//! A small HTTP server that gives prepared answers in turn and keeps what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use bifocal_model::Timestamp;
use bifocal_telemetry::{ManualClock, TaskGroup, Telemetry};

use crate::{Aws, Credentials, Endpoints};

/// One prepared answer.
pub(crate) struct Prepared {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

/// One request as it arrived.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

#[derive(Clone, Default)]
struct Shared {
    answers: Arc<Mutex<VecDeque<Prepared>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// The server with a client of it.
pub(crate) struct Fake {
    pub(crate) aws: Aws,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) telemetry: Telemetry,
    shared: Shared,
    _tasks: TaskGroup,
}

impl Prepared {
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::new(200, body)
    }

    pub(crate) fn refusal(code: &str, message: &str) -> Self {
        Self::new(400, serde_json::json!({ "__type": code, "message": message }).to_string())
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

impl Fake {
    /// Answers these in turn, then 500.
    pub(crate) async fn answering(answers: impl IntoIterator<Item = Prepared>) -> Self {
        let shared = Shared::default();
        shared.answers.lock().unwrap().extend(answers);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(shared.clone());
        let tasks = TaskGroup::new();
        tasks.spawn("fake", async move { axum::serve(listener, router).await.unwrap() });
        let clock = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
        let telemetry = Telemetry::new();
        let aws = Aws::with_credentials(
            "us-east-1",
            Credentials::new("AKIDEXAMPLE", "secret", Some("token")),
            Endpoints::at(&address).unwrap(),
            clock.clone(),
            telemetry.clone(),
        );
        Self { aws: aws.unwrap(), clock, telemetry, shared, _tasks: tasks }
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.shared.asked.lock().unwrap())
    }

    pub(crate) fn now(&self) -> Timestamp {
        bifocal_telemetry::Clock::now(&*self.clock)
    }
}

async fn answer(State(shared): State<Shared>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 4 << 20).await.unwrap();
    shared.asked.lock().unwrap().push(Asked {
        method: parts.method,
        path: parts.uri.to_string(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let prepared = shared.answers.lock().unwrap().pop_front().unwrap_or_else(|| Prepared::new(500, ""));
    let mut response = Response::builder().status(prepared.status);
    for (name, value) in prepared.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(prepared.body)).unwrap()
}
