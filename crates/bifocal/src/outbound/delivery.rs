//! Delivers the outbox: at least once, in the order of waiting, with growing pauses.

use std::sync::Arc;

use bifocal_model::Span;
use bifocal_publish::notify::{ChannelConfig, next_pause};
use bifocal_store::{Outgoing, SmallState};
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry};

use crate::limits::DELIVERIES_AT_ONCE;

const LOOK: std::time::Duration = std::time::Duration::from_millis(500);

/// Takes messages from the outbox to their channels.
#[derive(Debug)]
pub struct Courier {
    /// The outbox.
    pub small_state: SmallState,
    /// Where messages go.
    pub channels: Vec<ChannelConfig>,
    /// The client.
    pub client: reqwest::Client,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub telemetry: Telemetry,
}

impl Courier {
    /// Works until the signal.
    pub async fn run(self, mut drain: Drain) {
        loop {
            tokio::select! {
                () = drain.requested() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            let small_state = self.small_state.clone();
            let now = self.clock.now();
            let due =
                tokio::task::spawn_blocking(move || small_state.outbox_due(now, DELIVERIES_AT_ONCE)).await;
            match due {
                Ok(Ok(due)) => {
                    for outgoing in due {
                        self.deliver(outgoing).await;
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "the outbox cannot be read"),
                Err(error) => tracing::warn!(%error, "the outbox reader failed"),
            }
        }
    }

    async fn deliver(&self, outgoing: Outgoing) {
        let outcome = self.send(&outgoing).await;
        let now = self.clock.now();
        let (key, channel) = (&outgoing.key, &outgoing.channel);
        let (written, counted) = match outcome {
            Ok(()) => (self.small_state.outbox_done(key, channel, now, "delivered"), "delivered"),
            Err(why) => match next_pause(outgoing.attempts + 1) {
                Some(pause) => {
                    let next = now + Span::from_secs_f64(pause.as_secs_f64() * self.clock.speed());
                    (
                        self.small_state.outbox_failed(key, channel, outgoing.attempts + 1, next, &why),
                        "failed",
                    )
                }
                None => {
                    self.telemetry.limit_hit("delivery_attempts");
                    let why = format!("gave up: {why}");
                    (self.small_state.outbox_done(key, channel, now, &why), "dead")
                }
            },
        };
        self.telemetry.count(Metric::AlertsSent, &[channel, counted], 1);
        if let Err(error) = written {
            tracing::warn!(%error, channel, "a delivery could not be noted; the message may be sent again");
        }
    }

    async fn send(&self, outgoing: &Outgoing) -> Result<(), String> {
        let channel = self.channels.iter().find(|channel| channel.name == outgoing.channel);
        let channel = channel.ok_or_else(|| "the channel is no longer configured".to_owned())?;
        let mut request = self
            .client
            .post(&channel.webhook)
            .header("content-type", "application/json")
            .header("idempotency-key", &outgoing.key)
            .body(outgoing.payload.clone());
        if let Some(token) = channel.token_env.as_ref().and_then(|name| std::env::var(name).ok()) {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.map_err(|err| err.without_url().to_string())?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("HTTP {}", status.as_u16())) }
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::Timestamp;
    use bifocal_store::{Options, Store};
    use bifocal_telemetry::ManualClock;

    use super::*;

    #[test]
    fn a_look_takes_no_more_than_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        let options = Options::new(folder.path(), Arc::new(ManualClock::new(now)));
        let (store, _) = Store::open(options, Telemetry::new()).unwrap();
        let outbox = store.small_state();
        for i in 0..=DELIVERIES_AT_ONCE {
            outbox.outbox_put(&format!("alert-{i}:firing"), "sre", b"{}", now).unwrap();
        }
        let due = outbox.outbox_due(now, DELIVERIES_AT_ONCE).unwrap();
        assert_eq!(due.len(), 16);
    }
}
