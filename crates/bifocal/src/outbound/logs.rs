//! Writes judged answers, and metrics in the embedded format, to CloudWatch Logs.
//!
//! What AWS did not take in is kept and tried again with the next round. What may have been taken is not sent again: it
//! would stand there twice. What waits in memory when the process ends is not in the log; the store has it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bifocal_aws::{Aws, Created, Error, Kind, LOG_BYTES_PER_CALL, LOG_EVENTS_PER_CALL, LogEvent};
use bifocal_model::Span;
use bifocal_publish::cloudwatch::{LogEntry, WriteBack, WriteBackConfig, embedded};
use bifocal_store::Reader;
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry};
use bifocal_watch::Snapshot;

use crate::limits::LOG_PUTS_WAITING;

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

/// Events of one day for one group: one call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Batch {
    group: String,
    stream: String,
    events: Vec<LogEvent>,
}

/// What is known between rounds.
#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Batch>,
    /// Groups and streams that are there.
    made: BTreeSet<(String, String)>,
    /// The kind of trouble that the log has.
    told: Option<Kind>,
}

impl LogWriter {
    /// Works until the signal.
    pub async fn run(self, mut drain: Drain) {
        let mut state = State::default();
        loop {
            tokio::select! {
                () = drain.requested() => return,
                () = tokio::time::sleep(self.clock.wall(self.every)) => {}
            }
            let entries = self.entries();
            keep(&self.telemetry, &mut state.waiting, batches(entries));
            self.send(&mut state).await;
        }
    }

    fn entries(&self) -> Vec<LogEntry> {
        let mut entries = Vec::new();
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
        for judged in judged {
            let call = self.reader.inference(judged.inference).ok().flatten();
            entries.push(judged.entry(&self.config, call.as_ref()));
        }
        entries.extend(puts.iter().flat_map(|put| embedded(&self.config, put)));
        entries
    }

    /// Sends in order, up to the first that is to be tried again.
    async fn send(&self, state: &mut State) {
        while let Some(batch) = state.waiting.front() {
            let n = batch.events.len() as u64;
            let put = match self.ensure(&mut state.made, batch).await {
                Ok(()) => self.aws.put_log_events(&batch.group, &batch.stream, &batch.events).await,
                Err(err) => Err(err),
            };
            match put {
                Ok(rejected) => {
                    state.told = None;
                    self.telemetry.count(Metric::LogEvents, &["written"], n.saturating_sub(rejected));
                    self.telemetry.count(Metric::LogEvents, &["rejected"], rejected);
                }
                Err(error) => {
                    let kind = error.kind();
                    if state.told != Some(kind) {
                        let advice = error.advice();
                        tracing::warn!(group = batch.group, advice, "failed to {error}");
                        state.told = Some(kind);
                    }
                    // Somebody deleted the group or the stream: they are made again.
                    state.made.retain(|(group, _)| *group != batch.group);
                    let outcome = match kind {
                        Kind::Ambiguous => "ambiguous",
                        Kind::Refused | Kind::Malformed => "refused",
                        _ => {
                            self.telemetry.count(Metric::LogEvents, &["failed"], n);
                            return;
                        }
                    };
                    self.telemetry.count(Metric::LogEvents, &[outcome], n);
                }
            }
            state.waiting.pop_front();
        }
    }

    async fn ensure(&self, made: &mut BTreeSet<(String, String)>, batch: &Batch) -> Result<(), Error> {
        let key = (batch.group.clone(), batch.stream.clone());
        if made.contains(&key) {
            return Ok(());
        }
        if !made.iter().any(|(group, _)| *group == batch.group) {
            ensure_group(&self.aws, &self.config, &batch.group).await?;
        }
        self.aws.create_log_stream(&batch.group, &batch.stream).await?;
        made.insert(key);
        Ok(())
    }
}

/// Puts behind what waits; beyond the limit the oldest is dropped and counted.
fn keep(telemetry: &Telemetry, waiting: &mut VecDeque<Batch>, batches: Vec<Batch>) {
    waiting.extend(batches);
    while waiting.len() > LOG_PUTS_WAITING {
        let dropped = waiting.pop_front().map_or(0, |batch| batch.events.len() as u64);
        telemetry.limit_hit("log_puts_waiting");
        telemetry.count(Metric::LogEvents, &["dropped"], dropped);
    }
}

/// Makes a group if it is not there. How long its events are kept is said once: later somebody may have changed it.
pub async fn ensure_group(aws: &Aws, config: &WriteBackConfig, group: &str) -> Result<(), Error> {
    let created = aws.create_log_group(group).await?;
    match config.log_retention_days {
        days @ 1.. if created == Created::Now => aws.keep_log_events(group, days).await,
        _ => Ok(()),
    }
}

/// As few calls as the limits of Logs allow: one day, ten thousand events and a mebibyte each, oldest first.
fn batches(mut entries: Vec<LogEntry>) -> Vec<Batch> {
    entries.sort_by_key(|entry| entry.millis);
    let mut open: BTreeMap<(String, String), Vec<LogEvent>> = BTreeMap::new();
    let mut full = Vec::new();
    for LogEntry { group, millis, message } in entries {
        let key = (group, stream(millis));
        let event = LogEvent { timestamp: millis, message };
        let events = open.entry(key.clone()).or_default();
        let bytes: usize = events.iter().map(LogEvent::bytes).sum();
        if events.len() >= LOG_EVENTS_PER_CALL || bytes + event.bytes() > LOG_BYTES_PER_CALL {
            let (group, stream) = key;
            full.push(Batch { group, stream, events: std::mem::take(events) });
        }
        events.push(event);
    }
    full.extend(open.into_iter().map(|((group, stream), events)| Batch { group, stream, events }));
    full
}

/// As AWS's notebook names it: a stream for each day.
pub fn stream(millis: i64) -> String {
    let (date, _) = (bifocal_model::Timestamp::default()
        + Span::from_nanos(millis.saturating_mul(1_000_000)))
    .date_and_hour();
    format!("{}/quality-monitoring", date.replace('-', "/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(group: &str, millis: i64, bytes: usize) -> LogEntry {
        LogEntry { group: group.to_owned(), millis, message: "x".repeat(bytes) }
    }

    #[test]
    fn calls_are_of_one_group_and_day_and_keep_the_limits() {
        let day = 86_400_000;
        let entries =
            vec![entry("b", day + 5, 1), entry("a", 20 * day + 1, 1), entry("a", 7, 1), entry("a", 3, 1)];
        let made = batches(entries);
        let shape: Vec<(&str, &str, usize)> =
            made.iter().map(|b| (b.group.as_str(), b.stream.as_str(), b.events.len())).collect();
        assert_eq!(
            shape,
            [
                ("a", "1970/01/01/quality-monitoring", 2),
                ("a", "1970/01/21/quality-monitoring", 1),
                ("b", "1970/01/02/quality-monitoring", 1)
            ]
        );
        assert_eq!(made[0].events.iter().map(|event| event.timestamp).collect::<Vec<_>>(), [3, 7]);
        let long = batches((0..30).map(|i| entry("a", i, 100_000)).collect());
        assert_eq!(long.iter().map(|batch| batch.events.len()).sum::<usize>(), 30);
        assert!(
            long.iter().all(|b| b.events.iter().map(LogEvent::bytes).sum::<usize>() <= LOG_BYTES_PER_CALL)
        );
        assert_eq!(long.len(), 3);
    }

    /// limit log_puts_waiting
    #[test]
    fn of_too_many_calls_that_wait_the_oldest_goes() {
        let telemetry = Telemetry::new();
        let mut waiting = VecDeque::new();
        let one = |i: usize| batches(vec![entry(&format!("g{i}"), 1, 1), entry(&format!("g{i}"), 2, 1)]);
        keep(&telemetry, &mut waiting, (0..LOG_PUTS_WAITING + 2).flat_map(one).collect());
        assert_eq!(waiting.len(), LOG_PUTS_WAITING);
        assert_eq!(waiting[0].group, "g2");
        assert_eq!(telemetry.value(Metric::LogEvents, &["dropped"]), 4);
    }
}
