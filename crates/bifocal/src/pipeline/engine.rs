//! One thread owns journal and watch: it takes what waits, commits it as a group, ticks, seals.

use std::sync::Arc;
use std::time::Duration;

use bifocal_evaluate::custom::service::RemoteQueue;
use bifocal_evaluate::judge::JudgeQueue;
use bifocal_model::{Span, Timestamp};
use bifocal_store::{Batch, Record};
use bifocal_telemetry::{Clock, Drain};
use tokio::sync::mpsc;

use super::Pipeline;
use crate::limits::GROUP_RECORDS;

/// Between two ticks, in the clock's time and on the wall: whichever is longer.
const TICK: Span = Span::from_secs(1);
const TICK_WALL: Duration = Duration::from_millis(250);
/// After a refused write, how long the disk is left alone.
const DISK_PAUSE: Duration = Duration::from_secs(1);

/// The thread's parts.
#[derive(Debug)]
pub struct Engine {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// What the sources offer.
    pub batches: mpsc::Receiver<Batch>,
    /// Where chosen answers go.
    pub judge: Option<JudgeQueue>,
    /// Where evaluators behind HTTP are asked; `None` without one.
    pub remotes: Option<RemoteQueue>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Engine {
    /// Runs until every source has let go of the intake, or the signal was given and nothing waits. Blocks: it
    /// belongs on a thread of its own.
    pub fn run(mut self, drain: &Drain) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Handle::current();
        let pause = TICK_WALL.max(self.clock.wall(TICK));
        let mut next_tick = self.clock.now();
        let mut waiting = Vec::new();
        loop {
            let open = runtime.block_on(take(&mut self.batches, &mut waiting, pause));
            if !waiting.is_empty() {
                self.commit(std::mem::take(&mut waiting), drain);
            }
            let now = self.clock.now();
            if now >= next_tick {
                next_tick = now + Span::from_secs_f64(pause.as_secs_f64() * self.clock.speed());
                self.tick(now);
            }
            if !open || (drain.is_requested() && self.batches.is_empty()) {
                break;
            }
        }
        self.pipeline.close()
    }

    /// Commits a group. While the disk refuses, the group waits here and is tried again: sources feel it as a full
    /// queue and count what they drop. Only a shutdown gives it up.
    fn commit(&mut self, batches: Vec<Batch>, drain: &Drain) {
        let mut records = Vec::with_capacity(batches.len());
        let mut acknowledge = Vec::with_capacity(batches.len());
        let mut arrivals = Vec::with_capacity(batches.len());
        for batch in batches {
            records.push(batch.records);
            acknowledge.push(batch.acknowledge);
            arrivals.extend(batch.arrivals);
        }
        let does_something = records.iter().flatten().any(|record| matches!(record, Record::Act(_)));
        let ingested = loop {
            match self.pipeline.ingest_arrived(records, &mut arrivals, self.clock.now()) {
                Ok(ingested) => break ingested,
                Err(error) => {
                    let kept = self.pipeline.take_refused();
                    tracing::error!(
                        error = %chain(&error),
                        batches = kept.len(),
                        what_to_do = what_to_do(&error),
                        "the journal refused a group; it is kept and tried again"
                    );
                    if drain.is_requested() {
                        // The waiters' channels close: nobody vouches for these records.
                        return;
                    }
                    std::thread::sleep(DISK_PAUSE);
                    self.make_room();
                    records = kept;
                }
            }
        };
        // Who did something sees it in the next answer.
        if does_something {
            self.tick(self.clock.now());
        }
        for (acknowledged, waiter) in ingested.acknowledged.into_iter().zip(acknowledge) {
            // A waiter that has gone away does not need to know.
            let _ = waiter.map(|waiter| waiter.send(acknowledged));
        }
        if let Some(remotes) = &self.remotes {
            ingested.answers.iter().for_each(|call| remotes.offer(call));
        }
        if let Some(judge) = &self.judge {
            for chosen in ingested.to_judge {
                judge.offer_with(chosen.call, chosen.choice, chosen.cheap);
            }
        }
        if let Err(error) = self.pipeline.seal_if_due() {
            tracing::error!(
                error = format!("{error:#}"),
                "the journal could not be sealed; it is tried again"
            );
        }
    }

    /// After a refusal: a seal that is overdue, or a disk that may take data again.
    fn make_room(&mut self) {
        if let Err(error) = self.pipeline.retry() {
            tracing::warn!(error = %chain(&error), "the disk still refuses");
        } else if let Err(error) = self.pipeline.seal_if_due() {
            tracing::warn!(error = format!("{error:#}"), "the journal could not be sealed");
        }
    }

    fn tick(&mut self, now: Timestamp) {
        if let Err(error) = self.pipeline.tick(now) {
            tracing::error!(error = %chain(&error), "what a tick decided could not be written; it is kept and tried again");
            self.make_room();
        }
        // Only the judge can move its anchors: before a detector's word counts, they are asked.
        if let (Some(judge), wanted @ [_, ..]) = (&self.judge, self.pipeline.anchors_wanted()) {
            judge.force_anchors(wanted);
        }
    }
}

/// Waits for a batch, or for the pause to end, then takes what else is there. `false` when no source is left.
async fn take(batches: &mut mpsc::Receiver<Batch>, into: &mut Vec<Batch>, pause: Duration) -> bool {
    match tokio::time::timeout(pause, batches.recv()).await {
        Err(_) => return true,
        Ok(None) => return false,
        Ok(Some(batch)) => into.push(batch),
    }
    let mut records: usize = into.iter().map(|batch| batch.records.len()).sum();
    while records < GROUP_RECORDS {
        let Ok(batch) = batches.try_recv() else { break };
        records += batch.records.len();
        into.push(batch);
    }
    true
}

fn what_to_do(error: &bifocal_store::Error) -> &'static str {
    match error {
        bifocal_store::Error::SealOverdue { .. } => "see why the seal fails in the lines before",
        _ => "make room on the disk of the data folder; see `bifocal explain B0224`",
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Event, EventKind};

    use super::*;

    fn batch(records: usize) -> Batch {
        let event = Event {
            time: Timestamp::from_secs(1),
            kind: EventKind::Configuration,
            target: None,
            id: "e".to_owned(),
            summary: String::new(),
        };
        Batch { records: vec![Record::Event(event); records], arrivals: Vec::new(), acknowledge: None }
    }

    #[tokio::test]
    async fn a_group_ends_at_the_limit() {
        let (send, mut receive) = mpsc::channel(8);
        for _ in 0..3 {
            send.send(batch(GROUP_RECORDS / 2)).await.unwrap();
        }
        let mut taken = Vec::new();
        assert!(take(&mut receive, &mut taken, Duration::from_secs(5)).await);
        assert_eq!(taken.len(), 2, "the third batch waits for the next group");
        drop(send);
        taken.clear();
        assert!(take(&mut receive, &mut taken, Duration::from_secs(5)).await);
        assert_eq!(taken.len(), 1);
        assert!(!take(&mut receive, &mut taken, Duration::from_secs(5)).await, "no source is left");
    }
}
