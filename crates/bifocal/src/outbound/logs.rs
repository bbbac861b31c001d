//! Writes judged answers, and metrics in the embedded format, to CloudWatch Logs.
//!
//! What AWS did not take in is kept and tried again with the next round. What may have been taken is not sent again: it
//! would stand there twice. What waits in memory when the process ends is not in the log; the store has it.

mod groups;

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bifocal_aws::Aws;
use bifocal_model::Span;
use bifocal_publish::cloudwatch::{Judged, LogEntry, WriteBack, WriteBackConfig, embedded};
use bifocal_store::Reader;
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry};
use bifocal_watch::Snapshot;

use groups::Groups;
pub use groups::stream;

/// Takes judged answers to CloudWatch Logs.
#[derive(Debug)]
pub struct LogWriter {
    /// The account and region.
    pub aws: Aws,
    /// What was judged since the last round.
    pub book: Arc<Mutex<WriteBack>>,
    /// What is written.
    pub config: WriteBackConfig,
    /// The answers themselves.
    pub reader: Reader,
    /// The estimates, for metrics.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// From one round to the next.
    pub every: Span,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub telemetry: Telemetry,
}

impl LogWriter {
    /// Works until the signal.
    pub async fn run(self, mut drain: Drain) {
        let mut groups =
            Groups::new(self.aws.clone(), self.config.log_retention_days, self.telemetry.clone());
        loop {
            tokio::select! {
                () = drain.requested() => return,
                () = tokio::time::sleep(self.clock.wall(self.every)) => {}
            }
            groups.keep(self.entries().await);
            groups.send().await;
        }
    }

    async fn entries(&self) -> Vec<LogEntry> {
        let (judged, left_out, puts) = {
            let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
            let (judged, left_out) = book.take_logs();
            let puts = if self.config.emf { book.take(&self.snapshot.load()) } else { Vec::new() };
            (judged, left_out, puts)
        };
        if left_out > 0 {
            self.telemetry.limit_hit("logged_waiting");
            self.telemetry.count(Metric::LogEvents, &["dropped"], left_out);
        }
        // A sealed call is looked up in files: not on a thread that serves calls.
        let (reader, config) = (self.reader.clone(), self.config.clone());
        let looked_up = tokio::task::spawn_blocking(move || {
            let entry = |judged: Judged| {
                let call = reader.inference(judged.inference).ok().flatten();
                judged.entry(&config, call.as_ref())
            };
            judged.into_iter().map(entry).collect::<Vec<_>>()
        });
        let mut entries = looked_up.await.unwrap_or_default();
        entries.extend(puts.iter().flat_map(|put| embedded(&self.config, put)));
        entries
    }
}
