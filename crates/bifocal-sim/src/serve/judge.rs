//! The simulated judge's server.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use bifocal_model::{Span, fnv1a};
use bifocal_telemetry::{Clock, Drain, sleep};
use bytes::Bytes;
use tokio::net::TcpListener;

use super::{IncidentSwitch, bind, json_response, models_response, serve};
use crate::SimError;
use crate::judge::{JUDGE_MODEL, Judge};

/// A judgement takes from so many seconds to twice as many.
const LEAST_SECONDS: f64 = 0.3;

/// An OpenAI-compatible server that judges.
#[derive(Debug)]
pub struct JudgeServer {
    listener: TcpListener,
    address: SocketAddr,
    bench: Bench,
}

#[derive(Clone, Debug)]
struct Bench {
    judge: Arc<Judge>,
    stricter: Arc<Judge>,
    switch: Option<IncidentSwitch>,
    clock: Arc<dyn Clock>,
}

impl JudgeServer {
    /// Listens on a loopback address (port 0: any free one).
    pub async fn bind(address: SocketAddr, judge: Judge, clock: Arc<dyn Clock>) -> Result<Self, SimError> {
        let (listener, address) = bind(address).await?;
        let stricter = Arc::new(judge.stricter());
        let bench = Bench { judge: Arc::new(judge), stricter, switch: None, clock };
        Ok(Self { listener, address, bench })
    }

    /// With incidents that may put another judge behind the same name.
    #[must_use]
    pub fn with_incidents(mut self, switch: IncidentSwitch) -> Self {
        self.bench.switch = Some(switch);
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the signal to end.
    pub async fn run(self, drain: Drain) {
        let router = Router::new()
            .route("/v1/chat/completions", post(judge))
            .route("/v1/models", get(|| async { models_response(&[JUDGE_MODEL.to_owned()]) }))
            .with_state(self.bench);
        serve(self.listener, router, drain).await;
    }
}

async fn judge(State(bench): State<Bench>, body: Bytes) -> Response {
    let now = bench.clock.now();
    let swapped = bench.switch.is_some_and(|switch| switch.snapshot().judge_is_swapped(now));
    let judge = if swapped { &bench.stricter } else { &bench.judge };
    let (status, reply) = judge.reply(&body);
    let share = (fnv1a(body.iter().copied()) % 1000) as f64 / 1000.0;
    sleep(&*bench.clock, Span::from_secs_f64(LEAST_SECONDS * (1.0 + share))).await;
    json_response(status, reply)
}
