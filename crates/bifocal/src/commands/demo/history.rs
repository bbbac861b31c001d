//! Seven simulated days before the page opens. The simulator gives bytes; they go through the same decoding,
//! redaction, evaluation and judging as live traffic, without sockets: one thread makes records of the bytes, the
//! other commits them.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use bifocal_evaluate::{Choice, heuristics};
use bifocal_model::{Reading, Timestamp};
use bifocal_sim::{HistoryItem, history};
use bifocal_store::{Record, SmallState};

use super::{GAP, secret_of};
use crate::config::Resolved;
use crate::pipeline::{Pipeline, ToJudge};
use crate::running::choosing;
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
        let small_state = pipeline.small_state();
        let maker = scope.spawn(move || make_groups(config, &judge, &past, &small_state, &send));
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
    small_state: &SmallState,
    groups: &SyncSender<Group>,
) -> anyhow::Result<()> {
    let history = history(past.seed, past.now - GAP, past.days);
    let mut replay = Replay::new(config, history.capture_probability())?;
    let choosing = choosing(config, Some(secret_of(past.seed)))?;
    let choosing = choosing.ok_or_else(|| anyhow::anyhow!("the demo has no judge"))?;
    let mut chooser = choosing.open(small_state, None)?;
    let mut waiting: Vec<Record> = Vec::with_capacity(GROUP);
    for item in history {
        let at = match item {
            HistoryItem::Exchange(exchange) => {
                let mut record = replay.inference(&exchange);
                let before = waiting.len();
                chooser.turn(exchange.time);
                let selection = match &mut record {
                    Record::Inference(call) => {
                        let call = Arc::make_mut(call);
                        let suspected = heuristics::suspects_injection(call);
                        chooser.select(call, suspected)
                    }
                    _ => None,
                };
                if let (Record::Inference(call), Some(selection)) = (&record, selection) {
                    let choice = Choice::of(&selection);
                    let chosen = ToJudge { call: Arc::clone(call), choice, cheap: None };
                    let judged = selection.shed.is_none();
                    waiting.extend([record, Record::Selection(selection)]);
                    if judged {
                        waiting.extend(judge.scores(&chosen)?);
                        waiting.extend(judge.anchors(exchange.time, usize::MAX)?);
                    }
                } else {
                    waiting.push(record);
                }
                waiting.iter().skip(before).for_each(|record| chooser.see(record));
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
