//! What waits for CloudWatch Logs, and what is known of its groups.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bifocal_aws::{Aws, Created, Error, Kind, LOG_BYTES_PER_CALL, LOG_EVENTS_PER_CALL, LogEvent};
use bifocal_model::Span;
use bifocal_publish::cloudwatch::LogEntry;
use bifocal_telemetry::{Metric, Telemetry};

use crate::limits::LOG_PUTS_WAITING;

/// Events of one day for one group: one call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Batch {
    group: String,
    stream: String,
    events: Vec<LogEvent>,
}

/// The log groups that are written.
#[derive(Debug)]
pub(super) struct Groups {
    aws: Aws,
    /// For how many days new groups keep their events; 0: as AWS does, for ever.
    retention_days: u16,
    telemetry: Telemetry,
    waiting: VecDeque<Batch>,
    /// Groups and streams that are there.
    streams: BTreeSet<(String, String)>,
    /// Groups made by us of which AWS does not know yet how long their events are kept.
    unlimited: BTreeSet<String>,
    /// The kind of trouble that a group has, and those whose events are kept for ever.
    told: BTreeMap<String, Kind>,
    told_of_retention: BTreeSet<String>,
}

impl Groups {
    pub(super) fn new(aws: Aws, retention_days: u16, telemetry: Telemetry) -> Self {
        Self {
            aws,
            retention_days,
            telemetry,
            waiting: VecDeque::new(),
            streams: BTreeSet::new(),
            unlimited: BTreeSet::new(),
            told: BTreeMap::new(),
            told_of_retention: BTreeSet::new(),
        }
    }

    /// Puts behind what waits; beyond the limit the oldest is dropped and counted.
    pub(super) fn keep(&mut self, entries: Vec<LogEntry>) {
        self.waiting.extend(batches(entries));
        while self.waiting.len() > LOG_PUTS_WAITING {
            let dropped = self.waiting.pop_front().map_or(0, |batch| batch.events.len() as u64);
            self.telemetry.limit_hit("log_puts_waiting");
            self.telemetry.count(Metric::LogEvents, &["dropped"], dropped);
        }
    }

    /// Sends in order. A group whose batch is to be tried again waits with all that is behind it, and keeps no other waiting;
    /// where nobody answers at all, all wait.
    pub(super) async fn send(&mut self) {
        let mut later = VecDeque::new();
        let mut trouble = BTreeSet::new();
        while let Some(batch) = self.waiting.pop_front() {
            if trouble.contains(&batch.group) {
                later.push_back(batch);
                continue;
            }
            let n = batch.events.len() as u64;
            match self.put(&batch).await {
                Ok(rejected) => {
                    self.told.remove(&batch.group);
                    self.telemetry.count(Metric::LogEvents, &["written"], n.saturating_sub(rejected));
                    self.telemetry.count(Metric::LogEvents, &["rejected"], rejected);
                }
                Err(error) => {
                    let kind = error.kind();
                    if self.told.insert(batch.group.clone(), kind) != Some(kind) {
                        let advice = error.advice();
                        tracing::warn!(group = batch.group, advice, "failed to {error}");
                    }
                    // Somebody deleted the group or the stream: they are made again.
                    self.streams.retain(|(group, _)| *group != batch.group);
                    let outcome = match kind {
                        Kind::Ambiguous => "ambiguous",
                        Kind::Refused | Kind::Malformed => "refused",
                        _ => "failed",
                    };
                    self.telemetry.count(Metric::LogEvents, &[outcome], n);
                    if outcome == "failed" {
                        trouble.insert(batch.group.clone());
                        later.push_back(batch);
                    }
                    if is_for_all(kind) {
                        break;
                    }
                }
            }
        }
        later.append(&mut self.waiting);
        self.waiting = later;
        self.limit().await;
    }

    async fn put(&mut self, batch: &Batch) -> Result<u64, Error> {
        let key = (batch.group.clone(), batch.stream.clone());
        if !self.streams.contains(&key) {
            if !self.streams.iter().any(|(group, _)| *group == batch.group) {
                let created = self.aws.create_log_group(&batch.group).await?;
                if created == Created::Now && self.retention_days > 0 {
                    self.unlimited.insert(batch.group.clone());
                }
            }
            self.aws.create_log_stream(&batch.group, &batch.stream).await?;
            self.streams.insert(key);
        }
        self.aws.put_log_events(&batch.group, &batch.stream, &batch.events).await
    }

    /// Says how long the events of new groups are kept: once, for later somebody may have changed it, and again in each round
    /// until AWS took it in. Meanwhile events are written all the same.
    async fn limit(&mut self) {
        for group in std::mem::take(&mut self.unlimited) {
            if let Err(error) = self.aws.keep_log_events(&group, self.retention_days).await {
                if self.told_of_retention.insert(group.clone()) {
                    let advice = error.advice();
                    tracing::warn!(group, advice, "its events are kept for ever: failed to {error}");
                }
                self.unlimited.insert(group);
            }
        }
    }
}

/// Whether other groups would meet the same trouble.
fn is_for_all(kind: Kind) -> bool {
    matches!(kind, Kind::Unavailable | Kind::Credentials | Kind::Throttled | Kind::Configuration)
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
    use std::sync::Arc;

    use bifocal_aws::{Credentials, Endpoints};
    use bifocal_sim::sagemaker::Scenario;
    use bifocal_sim::sagemaker::control::{ControlServer, Policy};
    use bifocal_sim::sagemaker::runtime::Access;
    use bifocal_telemetry::{Clock, SystemClock, TaskGroup};

    use super::*;

    const ADDRESS: &str = "127.0.0.1:0";

    /// Nobody is there.
    fn nowhere() -> Groups {
        groups("http://127.0.0.1:9")
    }

    fn groups(address: &str) -> Groups {
        let keys = Credentials::new("AKIDSIMULATED", "simulated", None);
        let (clock, telemetry) = (Arc::new(SystemClock::new()), Telemetry::new());
        let endpoints = Endpoints::at(address).unwrap();
        let aws = Aws::with_credentials("us-east-1", keys, endpoints, clock, telemetry.clone()).unwrap();
        Groups::new(aws, 7, telemetry)
    }

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
        let mut groups = nowhere();
        let one = |i: usize| [entry(&format!("g{i:05}"), 1, 1), entry(&format!("g{i:05}"), 2, 1)];
        groups.keep((0..LOG_PUTS_WAITING + 2).flat_map(one).collect());
        assert_eq!(groups.waiting.len(), LOG_PUTS_WAITING);
        assert_eq!(groups.waiting[0].group, "g00002");
        assert_eq!(groups.telemetry.value(Metric::LogEvents, &["dropped"]), 4);
    }

    /// What may be done in an account, one group apart.
    fn policy(retention: bool, group: &str) -> Policy {
        let retention = if retention { ", \"logs:PutRetentionPolicy\"" } else { "" };
        let text = format!(
            r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow",
               "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"{retention}],
               "Resource": "arn:aws:logs:*:*:log-group:{group}*"}}]}}"#
        );
        Policy::document(&text).unwrap()
    }

    #[tokio::test]
    async fn a_group_that_is_refused_keeps_no_other_waiting_and_retention_is_said_until_it_is_taken_in() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (scenario, access) = (Scenario::of_demo().unwrap(), Access::default());
        let control =
            ControlServer::bind(ADDRESS.parse().unwrap(), scenario, policy(false, "b"), access, clock)
                .await
                .unwrap();
        let mut groups = groups(&format!("http://{}", control.address()));
        let (switch, tasks) = (control.switch(), TaskGroup::new());
        tasks.spawn("account", control.run(tasks.drain()));
        groups.keep(vec![entry("a", 1, 1), entry("b", 2, 1), entry("b", 3, 1)]);
        groups.send().await;
        let of = |group: &str| switch.log_events(group).map(|(events, days)| (events.len(), days));
        assert_eq!((of("a"), of("b")), (None, Some((2, None))), "b is written behind a");
        assert_eq!(groups.waiting.len(), 1);

        switch.allow(policy(true, ""));
        groups.send().await;
        assert_eq!((of("a"), of("b")), (Some((1, Some(7))), Some((2, Some(7)))));
        let asked = switch.calls().len();
        groups.keep(vec![entry("b", 4, 1)]);
        groups.send().await;
        assert_eq!(switch.calls().len(), asked + 1, "nothing is said twice");
        assert!(groups.waiting.is_empty());
    }
}
