//! Asks the prompts of the probes: one after the other, at the upstream itself and not through the recording proxy.
//!
//! A round begins when it is due by the clock and the last one's time, which outlives the process. An endpoint that is
//! scaled to zero is left asleep unless the probe may wake it.

use std::sync::Arc;
use std::time::Duration;

use bifocal_evaluate::judge::{PATH, Transport, TransportError};
use bifocal_evaluate::probe::{Asked, Manner, Probe};
use bifocal_model::{ReadingSubject, Span, TargetKey, Timestamp};
use bifocal_redact::redact_score;
use bifocal_store::{Intake, Reader, Record, SmallState};
use bifocal_telemetry::{Clock, Drain, TaskGroup, Telemetry, sleep_until};
use tokio::time::timeout;

use crate::config::{ProbeConfig, Resolved, UpstreamTarget};
use crate::outbound::{HttpJudge, client};

/// The header by which the upstream can tell a probe.
const HEADER: &str = "x-bifocal-probe";

struct Runner {
    config: ProbeConfig,
    probe: Probe,
    manner: Manner,
    target: TargetKey,
    /// Whether only an inventory can say that the endpoint runs.
    may_sleep: bool,
    transport: Arc<dyn Transport>,
    intake: Intake,
    reader: Reader,
    small_state: SmallState,
    clock: Arc<dyn Clock>,
}

/// Starts every probe.
pub(super) fn start(
    config: &Resolved,
    (intake, reader, small_state): (&Intake, &Reader, &SmallState),
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
    tasks: &TaskGroup,
) -> anyhow::Result<()> {
    for probe in &config.probes {
        let Some(target) = config.targets.iter().find(|target| target.name == probe.target) else { continue };
        let key = probe.api_key_env.as_ref().and_then(|name| std::env::var(name).ok());
        let http = client(Duration::from_secs_f64(probe.timeout_seconds))?;
        let base = format!("{}/v1", target.upstream);
        let runner = Runner {
            probe: probe.open()?,
            manner: probe.manner(),
            target: target.key(&probe.model),
            may_sleep: may_sleep(target),
            transport: Arc::new(HttpJudge::new(http, &base, key, telemetry.clone())),
            intake: intake.clone(),
            reader: reader.clone(),
            small_state: small_state.clone(),
            clock: Arc::clone(clock),
            config: probe.clone(),
        };
        tasks.spawn("probe", runner.run(tasks.drain()));
    }
    Ok(())
}

/// SageMaker scales endpoints to zero and wakes them by a call.
fn may_sleep(target: &UpstreamTarget) -> bool {
    target.upstream.contains("sagemaker")
        || target.upstream_host.as_ref().is_some_and(|host| host.contains("sagemaker"))
}

impl Runner {
    async fn run(self, mut drain: Drain) {
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                () = drain.requested() => return,
                () = sleep_until(&*self.clock, due) => {}
            }
            self.keep_time();
            if !self.config.wake && is_asleep(&self.reader, &self.target, self.may_sleep) {
                tracing::info!(
                    probe = self.config.name,
                    "left out: the endpoint sleeps, or nothing says that it runs"
                );
                continue;
            }
            for at in 0..self.probe.prompts() {
                if drain.is_requested() {
                    return;
                }
                let score = self.ask(at).await;
                let record = Record::Score(Arc::new(redact_score(score)));
                if self.intake.submit(vec![record]).await.is_err() {
                    return;
                }
            }
        }
    }

    async fn ask(&self, at: usize) -> bifocal_model::Score<String> {
        let time = self.clock.now();
        let headers = [("content-type", "application/json"), (HEADER, self.config.name.as_str())];
        let call = self.transport.post(PATH, self.probe.body(at, &self.manner), &headers);
        let wait = Duration::from_secs_f64(self.config.timeout_seconds);
        let reply = timeout(wait, call).await.unwrap_or(Err(TransportError::Timeout));
        let latency_seconds = self.clock.now().since(time).as_secs_f64();
        self.probe.score(&Asked { at, target: self.target.clone(), time, latency_seconds, reply })
    }

    fn name(&self) -> String {
        format!("probe:{}:{}", self.config.name, self.probe.fingerprint())
    }

    /// When the next round is due: at once for a probe that never ran.
    fn due(&self) -> Timestamp {
        let kept = self.small_state.kv_get(&self.name()).ok().flatten();
        let last =
            kept.and_then(|bytes| Some(Timestamp::from_nanos(i64::from_le_bytes(bytes.try_into().ok()?))));
        let now = self.clock.now();
        let every: Span = self.config.every.span();
        last.map_or(now, |last| (last + every).min(now + every))
    }

    fn keep_time(&self) {
        let now = self.clock.now().as_nanos().to_le_bytes();
        if let Err(error) = self.small_state.kv_put(&self.name(), &now) {
            tracing::warn!(%error, "the time of a probe's round could not be kept");
        }
    }
}

/// Whether the endpoint is scaled to zero as its inventory has it; without one, `unknown` is the answer.
fn is_asleep(reader: &Reader, target: &TargetKey, unknown: bool) -> bool {
    let readings = reader.last_readings();
    let of_target = readings.iter().filter(|reading| match &reading.subject {
        ReadingSubject::Target(key) => key.endpoint == target.endpoint && key.name() == target.name(),
        ReadingSubject::Origin(_) => false,
    });
    let copies = of_target.filter(|reading| reading.signal == "copies");
    match copies.max_by_key(|reading| reading.time) {
        Some(reading) => reading.value <= 0.0,
        None => unknown,
    }
}

#[cfg(test)]
mod tests;
