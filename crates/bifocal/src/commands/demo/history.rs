//! Seven simulated days before the page opens. The simulator gives bytes; they go through the same decoding,
//! redaction, evaluation and judging as live traffic, without sockets: one thread makes records of the bytes, the
//! other commits them.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use bifocal_evaluate::{Choice, heuristics};
use bifocal_model::{Reading, Timestamp};
use bifocal_sim::{HistoryItem, history};
use bifocal_store::Record;

use super::{GAP, secret_of};
use crate::config::Resolved;
use crate::pipeline::{Chooser, Pipeline, ToJudge};
use crate::simulated::{InlineJudge, Replay};

/// Records of one group commit.
const GROUP: usize = 4096;
/// Groups between the two threads.
const AHEAD: usize = 4;

/// Records that are committed together, and the time up to which they reach.
type Group = (Vec<Record>, Timestamp);

/// Which past is written.
#[derive(Clone, Debug)]
pub struct Past {
    /// The fleet's seed.
    pub seed: u64,
    /// It reaches up to just before this.
    pub now: Timestamp,
    /// Its length.
    pub days: u32,
    /// What the control plane would have told all the time: copies, GPUs, costs.
    pub standing: Vec<Reading>,
}

/// Writes the history; gives the number of records.
pub fn write_history(
    pipeline: &mut Pipeline,
    config: &Resolved,
    judge: &bifocal_sim::Judge,
    past: Past,
) -> anyhow::Result<u64> {
    let now = past.now;
    let judge = InlineJudge::new(config, judge.clone())?;
    let (send, groups) = sync_channel::<Group>(AHEAD);
    let written = std::thread::scope(|scope| {
        let maker = scope.spawn(move || make_groups(config, &judge, &past, &send));
        let mut written = 0;
        for (records, at) in groups {
            written += records.len() as u64;
            pipeline.ingest(vec![records], at)?;
        }
        maker.join().map_err(|_| anyhow::anyhow!("the thread that makes the history panicked"))??;
        anyhow::Ok(written)
    })?;
    pipeline.tick(now - GAP)?;
    pipeline.seal()?;
    pipeline.forget_counters();
    Ok(written)
}

fn make_groups(
    config: &Resolved,
    judge: &InlineJudge,
    past: &Past,
    groups: &SyncSender<Group>,
) -> anyhow::Result<()> {
    let history = history(past.seed, past.now - GAP, past.days);
    let mut replay = Replay::new(config, history.capture_probability())?;
    let chooser = Chooser::new(secret_of(past.seed), &config.evaluate, judge.judge());
    let mut waiting: Vec<Record> = Vec::with_capacity(GROUP);
    for item in history {
        let at = match item {
            HistoryItem::Exchange(exchange) => {
                let record = replay.inference(&exchange);
                if let Record::Inference(call) = &record
                    && let Some(selection) = chooser.select(call, heuristics::suspects_injection(call))
                    && selection.shed.is_none()
                {
                    let choice = Choice::of(&selection);
                    let chosen = ToJudge { call: Arc::clone(call), choice };
                    waiting.push(record);
                    waiting.extend(judge.scores(&chosen)?);
                    waiting.extend(judge.anchors(exchange.time, usize::MAX)?);
                } else {
                    waiting.push(record);
                }
                exchange.time
            }
            HistoryItem::Metrics { time, text } => {
                waiting.extend(replay.scrape(text.as_bytes(), time)?);
                let at = |reading: &Reading| Record::Reading(Reading { time, ..reading.clone() });
                waiting.extend(past.standing.iter().map(at));
                time
            }
        };
        // The other thread ends early only with an error of its own, which is told there.
        if waiting.len() >= GROUP && groups.send((std::mem::take(&mut waiting), at)).is_err() {
            return Ok(());
        }
    }
    let _ = groups.send((waiting, past.now - GAP));
    Ok(())
}
