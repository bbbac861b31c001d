//! Writes quality metrics to CloudWatch, a call at a time.
//!
//! What AWS refused or did not take in is kept and tried again with the next round, for CloudWatch takes points of the last
//! two weeks. What may have been taken is not sent again: it would count twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bifocal_aws::{Aws, Datum, Dimension, Kind, SampleSet};
use bifocal_model::Span;
use bifocal_publish::cloudwatch::{self, Put, Value, WriteBack};
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry};
use bifocal_watch::Snapshot;

use crate::limits::CLOUDWATCH_PUTS_WAITING;

/// Takes what is judged to CloudWatch.
#[derive(Debug)]
pub struct MetricWriter {
    /// The account and region.
    pub aws: Aws,
    /// What was judged since the last round.
    pub book: Arc<Mutex<WriteBack>>,
    /// The estimates.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// From one round to the next.
    pub every: Span,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub telemetry: Telemetry,
}

impl MetricWriter {
    /// Works until the signal.
    pub async fn run(self, mut drain: Drain) {
        let mut waiting = VecDeque::new();
        let mut told = None;
        loop {
            tokio::select! {
                () = drain.requested() => return,
                () = tokio::time::sleep(self.clock.wall(self.every)) => {}
            }
            let puts = self.book.lock().unwrap_or_else(PoisonError::into_inner).take(&self.snapshot.load());
            self.keep(&mut waiting, puts);
            self.send(&mut waiting, &mut told).await;
        }
    }

    /// Puts behind what waits; beyond the limit the oldest is dropped and counted.
    fn keep(&self, waiting: &mut VecDeque<Put>, puts: Vec<Put>) {
        waiting.extend(puts);
        while waiting.len() > CLOUDWATCH_PUTS_WAITING {
            waiting.pop_front();
            self.telemetry.limit_hit("cloudwatch_puts_waiting");
            self.telemetry.count(Metric::CloudwatchPuts, &["dropped"], 1);
        }
    }

    /// Sends in order, up to the first that is to be tried again. `told` is the kind of trouble that the log has.
    async fn send(&self, waiting: &mut VecDeque<Put>, told: &mut Option<Kind>) {
        while let Some(put) = waiting.front() {
            let data: Vec<Datum> = put.data.iter().map(datum).collect();
            let outcome = match self.aws.put_metric_data(&put.namespace, &data).await {
                Ok(()) => {
                    *told = None;
                    "written"
                }
                Err(error) => {
                    let kind = error.kind();
                    if *told != Some(kind) {
                        let advice = error.advice();
                        tracing::warn!(namespace = put.namespace, advice, "failed to {error}");
                        *told = Some(kind);
                    }
                    match kind {
                        Kind::Ambiguous => "ambiguous",
                        Kind::Refused | Kind::Malformed => "refused",
                        _ => {
                            self.telemetry.count(Metric::CloudwatchPuts, &["failed"], 1);
                            return;
                        }
                    }
                }
            };
            self.telemetry.count(Metric::CloudwatchPuts, &[outcome], 1);
            waiting.pop_front();
        }
    }
}

fn datum(datum: &cloudwatch::Datum) -> Datum {
    let (value, statistics) = match datum.value {
        Value::One(value) => (Some(value), None),
        Value::Many { n, sum, min, max } => {
            (None, Some(SampleSet { sample_count: n, sum, minimum: min, maximum: max }))
        }
    };
    let dimension =
        |(name, value): &(&str, String)| Dimension { name: (*name).to_owned(), value: value.clone() };
    Datum {
        metric_name: datum.metric.clone(),
        dimensions: datum.dimensions.iter().map(dimension).collect(),
        timestamp: datum.time,
        value,
        statistics,
        unit: datum.unit.name().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;
    use bifocal_aws::{Credentials, Endpoints};
    use bifocal_model::Timestamp;
    use bifocal_publish::cloudwatch::{Unit, WriteBackConfig};
    use bifocal_telemetry::{SystemClock, TaskGroup};
    use bifocal_watch::{Watch, WatchConfig};

    use super::*;

    fn put(value: f64) -> Put {
        let datum = cloudwatch::Datum {
            metric: "relevance_score".into(),
            dimensions: vec![("EndpointName", "llm-prod".into())],
            time: Timestamp::from_secs(1_800_000_000),
            unit: Unit::None,
            value: Value::One(value),
        };
        Put { namespace: "quality".into(), data: vec![datum] }
    }

    struct NoQuantiles;

    impl bifocal_watch::Quantiles for NoQuantiles {
        fn quantile(
            &self,
            _: &bifocal_model::TargetKey,
            _: &str,
            _: f64,
            _: bifocal_model::Window,
        ) -> Option<f64> {
            None
        }
    }

    fn writer(address: &str) -> MetricWriter {
        let telemetry = Telemetry::new();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
        let endpoints = Endpoints::at(address).unwrap();
        let aws = Aws::with_credentials("us-east-1", keys, endpoints, Arc::clone(&clock), telemetry.clone())
            .unwrap();
        let mut watch = Watch::new(WatchConfig::default(), telemetry.clone()).unwrap();
        let snapshot = watch.tick(clock.now(), &NoQuantiles).snapshot;
        MetricWriter {
            aws,
            book: Arc::new(Mutex::new(WriteBack::new(WriteBackConfig::default()))),
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            every: Span::from_secs(60),
            clock,
            telemetry,
        }
    }

    fn counted(writer: &MetricWriter, outcome: &str) -> u64 {
        writer.telemetry.value(Metric::CloudwatchPuts, &[outcome])
    }

    /// A CloudWatch that answers with `status` and counts.
    async fn answering(
        tasks: &TaskGroup,
        status: StatusCode,
        body: &'static str,
    ) -> (String, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        let answer = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            std::future::ready((status, body))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/", post(answer));
        tasks.spawn("test server", async move { axum::serve(listener, router).await.unwrap() });
        (address, calls)
    }

    #[tokio::test]
    async fn what_was_denied_waits_and_what_may_have_been_taken_does_not() {
        let tasks = TaskGroup::new();
        let denied = r#"{"__type":"AccessDeniedException","message":"not authorized to perform cloudwatch:PutMetricData"}"#;
        let (address, calls) = answering(&tasks, StatusCode::BAD_REQUEST, denied).await;
        let writer_denied = writer(&address);
        let mut waiting = VecDeque::from([put(0.5), put(0.6)]);
        writer_denied.send(&mut waiting, &mut None).await;
        assert_eq!((waiting.len(), calls.load(Ordering::SeqCst)), (2, 1), "the second would be denied too");
        assert_eq!(counted(&writer_denied, "failed"), 1);

        let (address, calls) = answering(&tasks, StatusCode::INTERNAL_SERVER_ERROR, "").await;
        let unsure = writer(&address);
        unsure.send(&mut waiting, &mut None).await;
        assert_eq!(
            (waiting.len(), calls.load(Ordering::SeqCst)),
            (0, 2),
            "each once: it may have been taken"
        );
        assert_eq!(counted(&unsure, "ambiguous"), 2);

        let (address, calls) = answering(&tasks, StatusCode::OK, "{}").await;
        let well = writer(&address);
        let mut waiting = VecDeque::from([put(0.5), put(0.6)]);
        well.send(&mut waiting, &mut None).await;
        assert_eq!((waiting.len(), calls.load(Ordering::SeqCst), counted(&well, "written")), (0, 2, 2));
    }

    /// limit cloudwatch_puts_waiting
    #[tokio::test]
    async fn what_waits_too_long_is_dropped_and_counted() {
        let writer = writer("http://127.0.0.1:9");
        let mut waiting = VecDeque::new();
        let puts = (0..CLOUDWATCH_PUTS_WAITING + 3).map(|i| put(i as f64 / 1e4)).collect();
        writer.keep(&mut waiting, puts);
        assert_eq!(waiting.len(), CLOUDWATCH_PUTS_WAITING);
        assert_eq!(waiting[0], put(3.0 / 1e4), "the oldest went");
        assert_eq!(counted(&writer, "dropped"), 3);
    }
}
