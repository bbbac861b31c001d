//! What containers wrote to CloudWatch Logs around the beginning of an incident, kept with it as evidence.
//!
//! Life of the data: an incident of a watched endpoint is some minutes old, so that its lines have arrived; two looks are
//! taken at the log group of its component, for lines that tell of trouble in the whole span in which the change began, and
//! for all lines of the minutes around the end of that span. What is found is bounded, redacted and stored once.
//!
//! Lines are evidence that stands beside an incident, never its cause.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bifocal_aws::{Aws, Error, FoundEvent, Kind, LogSearch};
use bifocal_model::{ContainerLog, Incident, LogLine, Span, TargetKey, Timestamp};
use bifocal_redact::redact_container_log;
use bifocal_store::SmallState;
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry, sleep};
use tokio::sync::watch;

use super::capture_files::Found;
use crate::limits::{LOG_LINE_BYTES, LOG_LINES, LOG_PAGES, LOG_SPAN_HOURS, LOG_TRIES};

/// Between two looks for incidents.
const EVERY: Span = Span::from_secs(15);
/// After the alarm: lines of a minute ago are there by then.
const WAIT: Span = Span::from_mins(3);
/// Before and after the span of the onset, and around its end.
const AROUND: Span = Span::from_mins(2);
/// What began longer ago is not looked for: it was open when an earlier process ended.
const OLDEST: Span = Span::from_mins(24 * 60);
/// Words of lines that tell of trouble, as servers spell them; either is enough.
const TROUBLE: &str =
    "?ERROR ?Error ?error ?WARN ?Warning ?Traceback ?Exception ?CRITICAL ?FATAL ?OutOfMemory ?Killed";

/// Reads the logs of one target's endpoints.
pub(super) struct ContainerLogs {
    pub(super) pattern: String,
    pub(super) found: watch::Receiver<Option<Found>>,
    /// Those that are open, and those that are over and shown.
    pub(super) incidents: Arc<dyn Fn() -> Vec<Incident> + Send + Sync>,
    pub(super) small_state: SmallState,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) telemetry: Telemetry,
    pub(super) state: State,
}

/// What is known between looks.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Incidents that need no look any more.
    done: BTreeSet<String>,
    /// Looks that failed.
    tries: BTreeMap<String, u32>,
}

impl ContainerLogs {
    pub(super) async fn run(mut self, mut drain: Drain) {
        while !drain.is_requested() {
            tokio::select! {
                () = drain.requested() => return,
                () = self.turn() => {}
            }
            tokio::select! {
                () = drain.requested() => return,
                () = sleep(&*self.clock, EVERY) => {}
            }
        }
    }

    async fn turn(&mut self) {
        let Some(found) = self.found.borrow().clone() else { return };
        let (incidents, now) = ((self.incidents)(), self.clock.now());
        let is_due = |incident: &&Incident| {
            let age = now.since(incident.opened);
            now >= incident.opened + WAIT && age < OLDEST
        };
        for incident in incidents.iter().filter(is_due) {
            let groups = groups_of(&found.log_groups, &incident.target);
            if groups.is_empty() || self.state.done.contains(&incident.id) || self.is_kept(&incident.id) {
                continue;
            }
            match read(&found.aws, &groups, incident, now).await {
                Ok(log) => self.keep(incident, log, now),
                Err(err) => self.failed(incident, &err),
            }
        }
        // Those that are shown no more are asked for no more.
        let is_shown = |id: &String| incidents.iter().any(|incident| incident.id == *id);
        self.state.done.retain(is_shown);
        self.state.tries.retain(|id, _| is_shown(id));
    }

    /// Whether an earlier process has looked.
    fn is_kept(&mut self, id: &str) -> bool {
        let is_kept = self.small_state.container_logs(id).is_ok_and(|kept| kept.is_some());
        if is_kept {
            self.state.done.insert(id.to_owned());
        }
        is_kept
    }

    fn keep(&mut self, incident: &Incident, log: Option<ContainerLog<String>>, now: Timestamp) {
        if log.as_ref().is_some_and(|log| log.is_cut) {
            self.telemetry.limit_hit("container_log_lines");
        }
        self.count(if log.is_some() { "kept" } else { "no_group" });
        let logs: Vec<_> = log.into_iter().map(redact_container_log).collect();
        match self.small_state.container_logs_put(&incident.id, &logs, now) {
            Ok(is_one_gone) => {
                if is_one_gone {
                    self.telemetry.limit_hit("container_logs");
                }
                self.state.done.insert(incident.id.clone());
            }
            Err(err) => {
                tracing::warn!(incident = incident.id, %err, "the container log of an incident could not be kept");
            }
        }
    }

    fn failed(&mut self, incident: &Incident, err: &Error) {
        self.count("failed");
        let tries = self.state.tries.entry(incident.id.clone()).or_default();
        *tries += 1;
        if *tries == 1 {
            let advice = err.advice();
            tracing::warn!(
                target = self.pattern,
                incident = incident.id,
                "failed to {err}; unknown until then: what the container wrote around the incident; {advice}"
            );
        }
        if *tries >= LOG_TRIES {
            self.telemetry.limit_hit("container_log_tries");
            self.state.done.insert(incident.id.clone());
        }
    }

    fn count(&self, outcome: &str) {
        self.telemetry.count(Metric::ContainerLogs, &[outcome], 1);
    }
}

/// The log groups of a target in the order in which they are tried: a component's own, then the endpoint's. Calls that
/// came through the proxy name the same component under another origin.
fn groups_of(known: &[(TargetKey, Vec<String>)], target: &TargetKey) -> Vec<String> {
    let of_endpoint = || known.iter().filter(|(key, _)| key.endpoint == target.endpoint);
    let named = of_endpoint().find(|(key, _)| key.inference_component() == target.inference_component());
    // What is nobody's is the endpoint's.
    let groups = match named {
        Some((_, groups)) => Some(groups.clone()),
        None => of_endpoint().next().map(|(_, groups)| groups.iter().rev().take(1).cloned().collect()),
    };
    groups.unwrap_or_default()
}

/// The lines of the first group that is there; `None` where none is.
async fn read(
    aws: &Aws,
    groups: &[String],
    incident: &Incident,
    now: Timestamp,
) -> Result<Option<ContainerLog<String>>, Error> {
    for group in groups {
        match read_group(aws, group, incident, now).await {
            Ok(log) => return Ok(Some(log)),
            Err(err) if err.kind() == Kind::NotFound => {}
            Err(err) => return Err(err),
        }
    }
    Ok(None)
}

async fn read_group(
    aws: &Aws,
    group: &str,
    incident: &Incident,
    now: Timestamp,
) -> Result<ContainerLog<String>, Error> {
    let to = (incident.opened + AROUND).min(now);
    let from = (incident.onset_from - AROUND).max(to - Span::from_mins(60 * LOG_SPAN_HOURS));
    let around = (incident.onset_to - AROUND).max(from)..(incident.onset_to + AROUND).min(to);
    let mut found = Lines::default();
    found.look(aws, group, from..to, Some(TROUBLE)).await?;
    found.look(aws, group, around, None).await?;
    let is_cut = found.is_cut;
    let lines = found.events.into_values().map(|event| LogLine {
        time: Timestamp::from_nanos(event.timestamp.saturating_mul(1_000_000)),
        stream: event.log_stream_name,
        text: shortened(event.message),
    });
    Ok(ContainerLog { group: group.to_owned(), from, to, read: now, lines: lines.collect(), is_cut })
}

/// What two looks found, each event once, in the order of their times.
#[derive(Debug, Default)]
struct Lines {
    events: BTreeMap<(i64, String), FoundEvent>,
    is_cut: bool,
}

impl Lines {
    /// Takes up to half of the lines that are kept.
    async fn look(
        &mut self,
        aws: &Aws,
        group: &str,
        span: std::ops::Range<Timestamp>,
        pattern: Option<&str>,
    ) -> Result<(), Error> {
        let millis = |time: Timestamp| time.as_nanos() / 1_000_000;
        let search = LogSearch {
            log_group_name: group.to_owned(),
            start_time: millis(span.start),
            end_time: millis(span.end),
            filter_pattern: pattern.map(str::to_owned),
            limit: u32::try_from(LOG_LINES / 2).unwrap_or(u32::MAX),
        };
        let mut taken = 0;
        let mut next: Option<String> = None;
        for _ in 0..LOG_PAGES {
            let page = aws.find_log_events(&search, next.as_deref()).await?;
            for event in page.events {
                if taken == LOG_LINES / 2 {
                    self.is_cut = true;
                    return Ok(());
                }
                taken += 1;
                self.events.insert((event.timestamp, event.event_id.clone()), event);
            }
            next = page.next_token;
            if next.is_none() {
                return Ok(());
            }
        }
        self.is_cut = true;
        Ok(())
    }
}

/// A line of a size that people read.
fn shortened(mut text: String) -> String {
    if text.len() > LOG_LINE_BYTES {
        text.truncate(text.floor_char_boundary(LOG_LINE_BYTES));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests;
