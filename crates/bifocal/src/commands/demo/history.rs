//! Seven simulated days before the page opens. The simulator gives bytes; they go through the same decoding,
//! redaction, evaluation and judging as live traffic, without sockets.

use bifocal_model::Timestamp;
use bifocal_sim::{HistoryItem, history};
use bifocal_store::Record;

use super::GAP;
use crate::config::Resolved;
use crate::pipeline::Pipeline;
use crate::simulated::{InlineJudge, Replay};

/// Records of one group commit.
const GROUP: usize = 2048;

/// Writes the history up to just before `now`; gives the number of records.
pub fn write_history(
    pipeline: &mut Pipeline,
    config: &Resolved,
    judge: &bifocal_sim::Judge,
    seed: u64,
    now: Timestamp,
    days: u32,
) -> anyhow::Result<u64> {
    let history = history(seed, now - GAP, days);
    let capture = history.capture_probability();
    let mut replay = Replay::new(config, capture)?;
    let judge = InlineJudge::new(config, judge.clone())?;
    let mut waiting: Vec<Record> = Vec::with_capacity(GROUP);
    let mut written = 0;
    for item in history {
        match item {
            HistoryItem::Exchange(exchange) => waiting.push(replay.inference(&exchange)),
            HistoryItem::Metrics { time, text } => waiting.extend(replay.scrape(text.as_bytes(), time)?),
        }
        if waiting.len() >= GROUP {
            written += commit(pipeline, &judge, &mut waiting)?;
        }
    }
    written += commit(pipeline, &judge, &mut waiting)?;
    pipeline.tick(now - GAP)?;
    pipeline.seal()?;
    pipeline.forget_counters();
    Ok(written)
}

fn commit(pipeline: &mut Pipeline, judge: &InlineJudge, waiting: &mut Vec<Record>) -> anyhow::Result<u64> {
    let records = std::mem::take(waiting);
    let Some(at) = records.iter().map(time_of).max() else { return Ok(0) };
    let mut written = records.len() as u64;
    let ingested = pipeline.ingest(vec![records], at)?;
    let mut judged = Vec::new();
    for chosen in ingested.to_judge {
        judged.extend(judge.judge(&chosen)?);
    }
    written += judged.len() as u64;
    pipeline.ingest(vec![judged], at)?;
    Ok(written)
}

fn time_of(record: &Record) -> Timestamp {
    match record {
        Record::Inference(call) => call.time,
        Record::Reading(reading) => reading.time,
        _ => Timestamp::default(),
    }
}
