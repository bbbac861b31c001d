//! Metrics of Bifocal itself, declared once as data. What is watched (states, latencies, quality) is published
//! from the watch state; these are about the watcher.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counter or gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
}

macro_rules! metrics {
    ($($variant:ident $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        /// Every metric that the binary can emit about itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Metric {
            $(#[doc = $help] $variant,)+
        }

        impl Metric {
            /// All of them, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name, with the prefix.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// One line for people.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help),+ }
            }

            /// Counter or gauge.
            pub const fn kind(self) -> Kind {
                match self { $(Self::$variant => Kind::$kind),+ }
            }

            /// The names of its labels.
            pub const fn labels(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($label),*]),+ }
            }
        }
    };
}

metrics! {
    LimitHits Counter "bifocal_limit_hits_total" ["limit"] "times that a limit was reached";
    InvariantBreaches Counter "bifocal_invariant_breaches_total" ["invariant"] "named invariants found broken";
    CaptureDropped Counter "bifocal_capture_dropped_total" ["reason"] "captured calls dropped so that no client waits";
    ProxyRequests Counter "bifocal_proxy_requests_total" ["outcome"] "requests that passed the proxy";
    ProxyInFlight Gauge "bifocal_proxy_in_flight" [] "requests in the proxy now";
    JournalBytes Counter "bifocal_journal_bytes_total" [] "bytes appended to the journal";
    JournalSyncs Counter "bifocal_journal_syncs_total" [] "group commits";
    JournalRecords Counter "bifocal_journal_records_total" [] "records appended to the journal";
    SegmentsSealed Counter "bifocal_segments_sealed_total" ["table"] "Parquet segments written";
    StoreErrors Counter "bifocal_store_errors_total" ["operation"] "operations of the store that failed";
    Scrapes Counter "bifocal_scrapes_total" ["outcome"] "scrapes of upstreams";
    AwsCalls Counter "bifocal_aws_calls_total" ["service", "operation", "outcome"] "attempts at calls of AWS";
    CloudwatchMetricsRequested Counter "bifocal_cloudwatch_metrics_requested_total" [] "metrics asked of GetMetricData: what AWS bills";
    CloudwatchPuts Counter "bifocal_cloudwatch_puts_total" ["outcome"] "calls that write quality metrics to CloudWatch";
    Exports Counter "bifocal_exports_total" ["to", "outcome"] "batches for collectors: sent, failed (tried again), refused, dropped";
    ExportedEvaluations Counter "bifocal_exported_evaluations_total" ["outcome"] "judgements told as events: queued, dropped";
    PromqlWarnings Counter "bifocal_promql_warnings_total" [] "answers of PromQL that say that something is missing";
    LogEvents Counter "bifocal_log_events_total" ["outcome"] "events for CloudWatch Logs: written, rejected, ambiguous, refused, failed, dropped";
    CloudwatchPoints Counter "bifocal_cloudwatch_points_total" ["outcome"] "points that CloudWatch gave: new, late, known, or a series refused";
    ContainerLogs Counter "bifocal_container_logs_total" ["outcome"] "looks at container logs around incidents: kept, no_group, failed";
    CaptureFiles Counter "bifocal_capture_files_total" ["outcome"] "files of Data Capture: read, waiting, failed";
    CaptureNotices Counter "bifocal_capture_notices_total" ["outcome"] "notifications of capture files: received, read, other, unreadable, again, deleted, let_go (a file could not be read; the queue has it still)";
    CaptureCalls Counter "bifocal_capture_calls_total" ["by"] "captured calls by what says whose they are";
    SagemakerLooks Counter "bifocal_sagemaker_looks_total" ["outcome"] "looks at what runs on SageMaker";
    JudgeCalls Counter "bifocal_judge_calls_total" ["outcome"] "calls of the judge";
    JudgeTokens Counter "bifocal_judge_tokens_total" ["kind"] "tokens of the judge";
    JudgeBelowFloor Gauge "bifocal_judge_below_floor" [] "strata whose floor the budget of today does not reach";
    EvaluatorCalls Counter "bifocal_evaluator_calls_total" ["outcome"] "calls of evaluators behind HTTP";
    JudgeRepairs Counter "bifocal_judge_repairs_total" ["outcome"] "replies of the judge that could not be used and were asked for again";
    JudgeAway Gauge "bifocal_judge_away" ["judge"] "1 while the judge does not answer and is left alone, 0 while it is asked";
    JudgeQueue Gauge "bifocal_judge_queue" [] "inferences that wait for the judge";
    EvaluatorRuns Counter "bifocal_evaluator_runs_total" ["evaluator"] "evaluations of heuristics";
    AlertsSent Counter "bifocal_notifications_total" ["channel", "outcome"] "notifications by outcome";
    AlertsRepeated Counter "bifocal_notifications_repeated_total" ["channel", "after"] "notifications that their receiver may have and that are sent again under the same key: after `stop` the process ended, after `no_answer` the receiver was silent";
    TemplateErrors Counter "bifocal_notification_template_errors_total" ["channel"] "messages sent in the usual form, for the channel's template failed";
    AlertGroups Counter "bifocal_notification_groups_total" ["channel"] "messages taken that told of several alerts";
    ApiRequests Counter "bifocal_api_requests_total" ["status_class"] "requests to page and API";
}

type Values = BTreeMap<(Metric, Vec<String>), Arc<AtomicU64>>;

/// The values of all metrics. Cheap to clone; clones share the values.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    values: Arc<Mutex<Values>>,
}

/// A counter with its labels chosen: keep it and add to it, which costs one atomic addition.
#[derive(Clone, Debug)]
pub struct Counter(Arc<AtomicU64>);

/// A gauge with its labels chosen.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<AtomicU64>);

impl Telemetry {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The counter with these label values, in the order of [`Metric::labels`].
    pub fn counter(&self, metric: Metric, labels: &[&str]) -> Counter {
        debug_assert_eq!(metric.kind(), Kind::Counter, "{} is no counter", metric.name());
        Counter(self.cell(metric, labels))
    }

    /// The gauge with these label values.
    pub fn gauge(&self, metric: Metric, labels: &[&str]) -> Gauge {
        debug_assert_eq!(metric.kind(), Kind::Gauge, "{} is no gauge", metric.name());
        Gauge(self.cell(metric, labels))
    }

    /// Adds to a counter; for places that are not hot.
    pub fn count(&self, metric: Metric, labels: &[&str], n: u64) {
        self.counter(metric, labels).add(n);
    }

    /// Counts a limit that was reached, under its name in the crate's `limits`.
    pub fn limit_hit(&self, limit: &str) {
        self.count(Metric::LimitHits, &[limit], 1);
    }

    /// The value now; 0 when it was never touched.
    pub fn value(&self, metric: Metric, labels: &[&str]) -> u64 {
        self.cell(metric, labels).load(Ordering::Relaxed)
    }

    /// All values: metric, label values, value; sorted.
    pub fn snapshot(&self) -> Vec<(Metric, Vec<String>, u64)> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.iter().map(|((m, labels), v)| (*m, labels.clone(), v.load(Ordering::Relaxed))).collect()
    }

    fn cell(&self, metric: Metric, labels: &[&str]) -> Arc<AtomicU64> {
        debug_assert_eq!(metric.labels().len(), labels.len(), "labels of {}", metric.name());
        let key = (metric, labels.iter().map(|&label| label.to_owned()).collect());
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(values.entry(key).or_default())
    }
}

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// Adds one.
    pub fn increment(&self) {
        self.add(1);
    }
}

impl Gauge {
    /// Sets it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Adds one.
    pub fn increment(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes one away, stopping at 0.
    pub fn decrement(&self) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |v| Some(v.saturating_sub(1)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_and_labels_separate() {
        let telemetry = Telemetry::new();
        telemetry.clone().limit_hit("tee_buffer");
        telemetry.limit_hit("tee_buffer");
        telemetry.limit_hit("line_bytes");
        assert_eq!(telemetry.value(Metric::LimitHits, &["tee_buffer"]), 2);
        assert_eq!(telemetry.snapshot().len(), 2);
    }

    #[test]
    fn names_follow_the_conventions() {
        for metric in Metric::ALL {
            assert!(metric.name().starts_with("bifocal_"));
            assert_eq!(
                metric.name().ends_with("_total"),
                metric.kind() == Kind::Counter,
                "{}",
                metric.name()
            );
        }
    }
}
