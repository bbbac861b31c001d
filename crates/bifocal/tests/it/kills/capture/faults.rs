//! A server between Bifocal and the simulated AWS that passes everything on and spoils what it is told to.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bifocal_telemetry::TaskGroup;
use futures_util::stream;

use crate::harness::{client, serve};

/// What is asked of AWS, as far as faults can hit it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    List,
    Get,
    Receive,
    Delete,
    Other,
}

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoil {
    /// 500, and nothing was done.
    Failed,
    /// 503, and nothing was done.
    SlowDown,
    /// It was done, and the connection breaks before the answer.
    AnswerLost,
    /// It was done, and the connection breaks in the middle of the answer.
    CutOff,
}

/// A fault that waits for its call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) call: Call,
    pub(super) spoil: Spoil,
    /// So many calls in a row: more than the attempts at one call are seen by whoever made it.
    pub(super) times: u32,
}

#[derive(Debug, Default)]
pub(super) struct Injector {
    upstream: String,
    armed: Mutex<Vec<(Fault, bool)>>,
}

impl Injector {
    /// Its address.
    pub(super) async fn start(tasks: &TaskGroup, upstream: &str) -> (Arc<Self>, String) {
        let injector = Arc::new(Self { upstream: upstream.to_owned(), armed: Mutex::default() });
        let router = Router::new().fallback(pass_on).with_state((Arc::clone(&injector), client()));
        let address = serve(tasks, router).await;
        (injector, format!("http://{address}"))
    }

    pub(super) fn arm(&self, fault: Fault) {
        self.armed.lock().unwrap().push((fault, false));
    }

    /// Whether every fault has hit at least one call.
    pub(super) fn all_hit(&self) -> bool {
        self.armed.lock().unwrap().iter().all(|(_, has_hit)| *has_hit)
    }

    /// Takes the faults away; how many of them hit a call.
    pub(super) fn disarm(&self) -> u64 {
        self.armed.lock().unwrap().drain(..).filter(|(_, has_hit)| *has_hit).count() as u64
    }

    fn spoils(&self, call: Call) -> Option<Spoil> {
        let mut armed = self.armed.lock().unwrap();
        let (fault, has_hit) = armed.iter_mut().find(|(fault, _)| fault.call == call && fault.times > 0)?;
        fault.times -= 1;
        *has_hit = true;
        Some(fault.spoil)
    }
}

fn call_of(request: &Request) -> Call {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok());
    match target {
        Some("AmazonSQS.ReceiveMessage") => Call::Receive,
        Some("AmazonSQS.DeleteMessageBatch") => Call::Delete,
        Some(_) => Call::Other,
        None if *request.method() == Method::GET => {
            let is_bucket = request.uri().path().trim_matches('/').split('/').count() == 1;
            if is_bucket { Call::List } else { Call::Get }
        }
        None => Call::Other,
    }
}

async fn pass_on(
    State((injector, client)): State<(Arc<Injector>, reqwest::Client)>,
    request: Request,
) -> Response {
    let spoil = injector.spoils(call_of(&request));
    match spoil {
        Some(Spoil::Failed) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Spoil::SlowDown) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Spoil::AnswerLost | Spoil::CutOff) | None => {}
    }
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = to_bytes(body, usize::MAX).await.unwrap();
    // The headers as they are, `Host` too: it is signed.
    let passed = client
        .request(head.method, format!("{}{path}", injector.upstream))
        .headers(head.headers)
        .body(body)
        .send()
        .await;
    let Ok(answer) = passed else { return StatusCode::BAD_GATEWAY.into_response() };
    let (status, headers) = (answer.status(), answer.headers().clone());
    let Ok(body) = answer.bytes().await else { return StatusCode::BAD_GATEWAY.into_response() };
    let kept = match spoil {
        Some(Spoil::AnswerLost) => 0,
        Some(Spoil::CutOff) => body.len() / 2,
        _ => return (status, headers, body).into_response(),
    };
    let pieces = [Ok(body.slice(..kept)), Err(std::io::Error::other("cut off"))];
    let mut response = Response::new(Body::from_stream(stream::iter(pieces)));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response.headers_mut().insert(CONTENT_LENGTH, (body.len().max(1)).into());
    response
}
