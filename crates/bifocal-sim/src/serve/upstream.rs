//! The simulated inference server: OpenAI routes, `/metrics`, `/health`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, Drain, sleep_until};
use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;

use super::{INDEX_HEADER, IncidentSwitch, bind, error_response, json_response, models_response, serve};
use crate::SimError;
use crate::exchange;
use crate::openai::Dialect;
use crate::script::{Ask, Script};

/// An inference server that answers from a script.
#[derive(Debug)]
pub struct UpstreamServer {
    listener: TcpListener,
    address: SocketAddr,
    world: World,
}

#[derive(Clone, Debug)]
struct World {
    script: Arc<dyn Script>,
    switch: IncidentSwitch,
    clock: Arc<dyn Clock>,
}

impl UpstreamServer {
    /// Listens on a loopback address (port 0: any free one).
    pub async fn bind(
        address: SocketAddr,
        script: Arc<dyn Script>,
        switch: IncidentSwitch,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SimError> {
        let (listener, address) = bind(address).await?;
        Ok(Self { listener, address, world: World { script, switch, clock } })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the signal to end.
    pub async fn run(self, drain: Drain) {
        let router = Router::new()
            .route("/v1/chat/completions", post(chat))
            .route("/v1/completions", post(completions))
            .route("/v1/models", get(models))
            .route("/metrics", get(metrics))
            .route("/health", get(|| async {}))
            .with_state(self.world);
        serve(self.listener, router, drain).await;
    }
}

async fn chat(state: State<World>, headers: HeaderMap, body: Bytes) -> Response {
    answer(state, Dialect::Chat, &headers, &body).await
}

async fn completions(state: State<World>, headers: HeaderMap, body: Bytes) -> Response {
    answer(state, Dialect::Completions, &headers, &body).await
}

async fn models(State(world): State<World>) -> Response {
    models_response(&world.script.models())
}

async fn metrics(State(world): State<World>) -> ([(http::HeaderName, &'static str); 1], String) {
    let page = world.script.metrics_text(world.clock.now(), &world.switch.snapshot());
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page)
}

async fn answer(State(world): State<World>, dialect: Dialect, headers: &HeaderMap, body: &[u8]) -> Response {
    let arrived = world.clock.now();
    let incidents = world.switch.snapshot();
    let scripted =
        scripted_arrival(headers).and_then(|(model, index)| world.script.respond(model, index, &incidents));
    let response = match scripted {
        Some(response) => response,
        None => match Ask::read(dialect, body) {
            None => return error_response(400, "BadRequestError", "the body names no model or asks nothing"),
            Some(ask) => match world.script.improvise(&ask, arrived, &incidents) {
                None => return error_response(404, "NotFoundError", "the model does not exist"),
                Some(response) => response,
            },
        },
    };
    send(world.clock, arrived, response).await
}

/// The model and the number of a scripted arrival.
pub(crate) fn scripted_arrival(headers: &HeaderMap) -> Option<(&str, u64)> {
    let (model, index) = headers.get(INDEX_HEADER)?.to_str().ok()?.rsplit_once('/')?;
    Some((model, index.parse().ok()?))
}

/// Sends each piece when it is due on the clock.
async fn send(clock: Arc<dyn Clock>, arrived: Timestamp, response: exchange::Response) -> Response {
    let due = move |delay_seconds| arrived + Span::from_secs_f64(delay_seconds);
    if !response.is_streamed() {
        sleep_until(&*clock, due(response.duration_seconds())).await;
        return json_response(response.status, response.body());
    }
    // Headers go out with the first token, as vLLM sends them: what fails before it can still say so.
    let mut chunks = response.chunks.into_iter();
    let first = chunks.next();
    if let Some(chunk) = &first {
        sleep_until(&*clock, due(chunk.delay_seconds)).await;
    }
    let first = stream::iter(first.map(|chunk| Ok::<Bytes, Infallible>(chunk.bytes)));
    let rest = stream::unfold((clock, chunks), move |(clock, mut chunks)| async move {
        let chunk = chunks.next()?;
        sleep_until(&*clock, due(chunk.delay_seconds)).await;
        Some((Ok(chunk.bytes), (clock, chunks)))
    });
    let body = Body::from_stream(futures_util::StreamExt::chain(first, rest));
    let mut streamed = Response::new(body);
    streamed
        .headers_mut()
        .insert(CONTENT_TYPE, http::HeaderValue::from_static("text/event-stream; charset=utf-8"));
    streamed
}
