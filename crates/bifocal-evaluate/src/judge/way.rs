//! The way to one judge, with what was learnt of it: whether it is there, and whether it takes a schema for its reply.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::breaker::{Breaker, Permit, Standing, is_away};
use super::transport::{PATH, Reply, Transport, TransportError};
use super::{Judge, JudgeConfig};

/// Between two looks at the clock while a judge is away.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const AT_LEAST: Duration = Duration::from_millis(5);

/// How a judge stands, for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgeState {
    /// Which judge, as its scores name it.
    pub evaluator: String,
    /// `first`, or `second` for who confirms severe violations.
    pub role: &'static str,
    /// Whether it is asked.
    pub standing: Standing,
    /// It refused a schema for its reply and is asked without since.
    pub without_schema: bool,
}

/// The way.
#[derive(Debug)]
pub(super) struct Way {
    transport: Arc<dyn Transport>,
    pub(super) breaker: Arc<Breaker>,
    evaluator: String,
    role: &'static str,
    timeout: Duration,
    without_schema: AtomicBool,
    /// Between two calls, and when the next may be made.
    every: Option<Span>,
    next: Mutex<Timestamp>,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
}

impl Way {
    pub(super) fn new(
        judge: &Judge,
        role: &'static str,
        (transport, breaker): (Arc<dyn Transport>, Arc<Breaker>),
        clock: &Arc<dyn Clock>,
        telemetry: &Telemetry,
    ) -> Self {
        let JudgeConfig { timeout_seconds, calls_per_minute, .. } = judge.config();
        telemetry.gauge(Metric::JudgeAway, &[role]).set(0);
        Self {
            transport,
            breaker,
            evaluator: judge.evaluator.clone(),
            role,
            timeout: Duration::from_secs_f64(*timeout_seconds),
            without_schema: AtomicBool::new(false),
            every: calls_per_minute.map(|calls| Span::from_secs_f64(60.0 / f64::from(calls.max(1)))),
            next: Mutex::new(Timestamp::default()),
            clock: Arc::clone(clock),
            telemetry: telemetry.clone(),
        }
    }

    /// How it stands.
    pub(super) fn state(&self) -> JudgeState {
        JudgeState {
            evaluator: self.evaluator.clone(),
            role: self.role,
            standing: self.breaker.standing(),
            without_schema: self.without_schema.load(Ordering::Relaxed),
        }
    }

    /// Waits until a call may be made: false when told to end before.
    pub(super) async fn open(&self, drain: &mut Drain) -> bool {
        loop {
            // Wait for the word before looking, so that none is missed between look and wait.
            let changed = self.breaker.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let Permit::Wait(span) = self.breaker.permit(self.clock.now()) else { return true };
            tokio::select! {
                biased;
                () = drain.requested() => return false,
                () = changed => {}
                () = sleep(self.clock.wall(span).clamp(AT_LEAST, LOOK_AGAIN)) => {}
            }
        }
    }

    /// One call. A judge that refuses the form that its reply is to have is asked without, then and from then on.
    pub(super) async fn call(&self, body: &[u8]) -> Result<Reply, TransportError> {
        let plain = self.without_schema.load(Ordering::Relaxed).then(|| without_form(body)).flatten();
        let asked_plainly = plain.is_some();
        let mut answer = self.post(plain.unwrap_or_else(|| body.to_vec())).await;
        if !asked_plainly
            && answer.as_ref().is_ok_and(|reply| matches!(reply.status, 400 | 422))
            && let Some(plain) = without_form(body)
        {
            let again = self.post(plain).await;
            if again.as_ref().is_ok_and(|reply| (200..300).contains(&reply.status)) {
                if !self.without_schema.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        judge = self.evaluator,
                        "the judge's server takes no schema for a reply and is asked without; \
                         say `response_format = \"none\"` under [judge] to spare it the try"
                    );
                }
                answer = again;
            }
        }
        let now = self.clock.now();
        if !is_away(&answer) {
            self.breaker.answered(now);
            self.telemetry.gauge(Metric::JudgeAway, &[self.role]).set(0);
        }
        answer
    }

    /// A call failed because the judge is away: `true` when it is left alone from now on.
    pub(super) fn failed(&self, failure: bifocal_model::Failure) -> bool {
        if self.breaker.failed(self.clock.now(), failure) {
            tracing::warn!(
                judge = self.evaluator,
                failure = failure.name(),
                "the judge is away: what is chosen waits, and it is tried now and then"
            );
        }
        let away = !self.breaker.is_closed();
        self.telemetry.gauge(Metric::JudgeAway, &[self.role]).set(u64::from(away));
        away
    }

    async fn post(&self, body: Vec<u8>) -> Result<Reply, TransportError> {
        self.turn().await;
        let call = self.transport.post(PATH, body, &[("content-type", "application/json")]);
        timeout(self.timeout, call).await.unwrap_or(Err(TransportError::Timeout))
    }

    /// Waits for its turn, where only so many calls a minute may be made.
    async fn turn(&self) {
        let Some(every) = self.every else { return };
        let now = self.clock.now();
        let mine = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = now.max(*next);
            *next = mine + every;
            mine
        };
        sleep(self.clock.wall(mine.since(now))).await;
    }
}

/// The same question without a word on the form of the reply; `None` where there is none.
fn without_form(body: &[u8]) -> Option<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    body.as_object_mut()?.remove("response_format")?;
    serde_json::to_vec(&body).ok()
}
