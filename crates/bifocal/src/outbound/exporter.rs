//! Sends batches to a collector, in their order: a bounded queue, growing pauses, and a word in the log when trouble begins.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bifocal_model::Span;
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry};
use reqwest::StatusCode;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

/// A collector that takes longer is not well.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Rounds that are let pass after so many failures, at most.
const ROUNDS_MAX: u32 = 16;

/// Where batches go.
#[derive(Debug)]
pub struct Collector {
    label: &'static str,
    url: String,
    headers: HeaderMap,
    http: reqwest::Client,
}

/// Takes batches to one collector.
#[derive(Debug)]
pub struct Exporter {
    /// Where to.
    pub collector: Collector,
    /// From one round to the next.
    pub every: Span,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub telemetry: Telemetry,
    /// Batches that were not taken yet.
    pub waiting: VecDeque<Vec<u8>>,
    /// The limit's name and how many may wait: few where each says all that the one before said.
    pub waiting_max: (&'static str, usize),
    /// Whether the log has been told that batches are refused.
    pub refusal_told: bool,
}

/// What became of one attempt.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Sent,
    /// It will never be taken.
    Refused(String),
    /// Another time, perhaps.
    Failed(String),
}

impl Collector {
    /// A receiver of OTLP over HTTP. `headers_env`: the variable with `name=value` pairs.
    pub fn otlp(
        endpoint: &str,
        path: &str,
        headers_env: Option<&str>,
        label: &'static str,
    ) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        if let Some(name) = headers_env {
            let text = variable(name)?;
            for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
                let header = pair.split_once('=').and_then(|(name, value)| {
                    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
                    Some((name, secret(value.trim())?))
                });
                let Some((name, value)) = header else {
                    return Err(format!("the environment variable {name} holds no NAME=VALUE,NAME=VALUE"));
                };
                headers.insert(name, value);
            }
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Self::of(label, format!("{}{path}", endpoint.trim_end_matches('/')), headers)
    }

    /// A Prometheus.
    pub fn remote_write(url: &str, token_env: Option<&str>) -> Result<Self, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert("x-prometheus-remote-write-version", HeaderValue::from_static("0.1.0"));
        if let Some(name) = token_env {
            let bearer = secret(&format!("Bearer {}", variable(name)?));
            let bearer = bearer.ok_or_else(|| format!("the environment variable {name} holds no token"))?;
            headers.insert(reqwest::header::AUTHORIZATION, bearer);
        }
        Self::of("remote_write", url.to_owned(), headers)
    }

    fn of(label: &'static str, url: String, headers: HeaderMap) -> Result<Self, String> {
        let http = super::client(TIMEOUT).map_err(|err| err.to_string())?;
        Ok(Self { label, url, headers, http })
    }

    async fn send(&self, batch: Vec<u8>) -> Outcome {
        let sent = self.http.post(&self.url).headers(self.headers.clone()).body(batch).send().await;
        match sent.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Outcome::Sent,
            Ok(status) if is_passing(status) => Outcome::Failed(format!("HTTP {}", status.as_u16())),
            Ok(status) => Outcome::Refused(format!("HTTP {}", status.as_u16())),
            Err(error) => Outcome::Failed(error.without_url().to_string()),
        }
    }
}

/// Whether another attempt may end otherwise.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
}

fn variable(name: &str) -> Result<String, String> {
    let value = std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    value.ok_or_else(|| format!("the environment variable {name} is not set or empty"))
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

impl Exporter {
    /// Makes batches and sends them until the signal; then what waits goes once more.
    pub async fn run(mut self, mut make: impl FnMut() -> Vec<Vec<u8>>, mut drain: Drain) {
        let (mut failures, mut pause) = (0_u32, 0_u32);
        let mut is_told = false;
        loop {
            let is_last = tokio::select! {
                () = drain.requested() => true,
                () = tokio::time::sleep(self.clock.wall(self.every)) => false,
            };
            self.keep(make());
            if pause > 0 && !is_last {
                pause -= 1;
                continue;
            }
            match self.send().await {
                Ok(()) => (failures, pause, is_told) = (0, 0, false),
                Err(why) => {
                    failures += 1;
                    pause = (1 << failures.min(8)).min(ROUNDS_MAX) / 2;
                    if !is_told {
                        let to = self.collector.label;
                        tracing::warn!(to, why, "a collector takes nothing; batches wait");
                        is_told = true;
                    }
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// Puts batches behind what waits; beyond the limit the oldest is dropped and counted.
    fn keep(&mut self, batches: Vec<Vec<u8>>) {
        self.waiting.extend(batches);
        let (limit, most) = self.waiting_max;
        while self.waiting.len() > most {
            self.waiting.pop_front();
            self.telemetry.limit_hit(limit);
            self.count("dropped");
        }
    }

    /// Sends in order, up to the first that is to be tried again.
    async fn send(&mut self) -> Result<(), String> {
        while let Some(batch) = self.waiting.front() {
            match self.collector.send(batch.clone()).await {
                Outcome::Sent => {
                    self.refusal_told = false;
                    self.count("sent");
                }
                Outcome::Refused(why) => {
                    let to = self.collector.label;
                    if !std::mem::replace(&mut self.refusal_told, true) {
                        tracing::warn!(to, why, "a collector refused a batch, which is not sent again");
                    }
                    self.count("refused");
                }
                Outcome::Failed(why) => {
                    self.count("failed");
                    return Err(why);
                }
            }
            self.waiting.pop_front();
        }
        Ok(())
    }

    fn count(&self, outcome: &str) {
        self.telemetry.count(Metric::Exports, &[self.collector.label, outcome], 1);
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::Timestamp;
    use bifocal_telemetry::ManualClock;

    use super::*;
    use crate::limits::{EXPORT_BATCHES, EXPORT_PAGES};

    fn exporter(url: &str) -> Exporter {
        Exporter {
            collector: Collector::remote_write(url, None).unwrap(),
            every: Span::from_secs(1),
            clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_800_000_000))),
            telemetry: Telemetry::new(),
            waiting: VecDeque::new(),
            waiting_max: ("export_batches", EXPORT_BATCHES),
            refusal_told: false,
        }
    }

    fn counted(exporter: &Exporter, outcome: &str) -> u64 {
        exporter.telemetry.value(Metric::Exports, &["remote_write", outcome])
    }

    /// limit export_batches: nobody listens, the oldest batches are dropped and counted.
    #[tokio::test]
    async fn a_collector_that_is_down_costs_no_more_than_the_queue() {
        // A port that nothing listens on.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut exporter = exporter(&format!("http://{free}/"));
        exporter.keep((0..EXPORT_BATCHES + 5).map(|i| vec![u8::try_from(i % 250).unwrap()]).collect());
        assert_eq!((exporter.waiting.len(), counted(&exporter, "dropped")), (EXPORT_BATCHES, 5));
        assert_eq!(exporter.waiting[0], [5], "the newest stay");
        assert!(exporter.send().await.is_err());
        assert_eq!((exporter.waiting.len(), counted(&exporter, "failed")), (EXPORT_BATCHES, 1));
    }

    /// limit export_pages: of whole pages the newest are enough.
    #[test]
    fn of_whole_pages_the_newest_wait() {
        let mut exporter = exporter("http://127.0.0.1:9/");
        exporter.waiting_max = ("export_pages", EXPORT_PAGES);
        (0..9).for_each(|i| exporter.keep(vec![vec![i]]));
        assert_eq!(exporter.waiting, [[7], [8]]);
        assert_eq!(exporter.telemetry.value(Metric::LimitHits, &["export_pages"]), 7);
    }

    #[tokio::test]
    async fn what_will_never_be_taken_goes_and_what_may_be_waits() {
        use axum::extract::State;
        use axum::http::StatusCode;
        use std::sync::atomic::{AtomicU16, Ordering};
        let status = Arc::new(AtomicU16::new(400));
        let answer = |State(status): State<Arc<AtomicU16>>| async move {
            StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap()
        };
        let router =
            axum::Router::new().route("/", axum::routing::post(answer)).with_state(Arc::clone(&status));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = bifocal_telemetry::TaskGroup::new();
        tasks.spawn("collector", async move {
            let _ = axum::serve(listener, router).await;
        });
        let mut exporter = exporter(&format!("http://{address}/"));
        exporter.keep(vec![vec![1]]);
        assert_eq!(exporter.send().await, Ok(()), "refused is over");
        assert_eq!(counted(&exporter, "refused"), 1);
        status.store(429, Ordering::Relaxed);
        exporter.keep(vec![vec![2]]);
        assert!(exporter.send().await.is_err());
        assert_eq!(exporter.waiting.len(), 1, "too many: it waits");
        status.store(204, Ordering::Relaxed);
        assert_eq!(exporter.send().await, Ok(()));
        assert_eq!((exporter.waiting.len(), counted(&exporter, "sent")), (0, 1));
    }
}
