//! The ledger: what came in and what became of it.

use std::collections::BTreeMap;

use bifocal_model::Window;
use bifocal_store::{DiskUse, Ledger};
use serde::Serialize;

/// The whole ledger.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerView {
    /// By source and target.
    pub sources: Vec<SourceRow>,
    /// By target: what was chosen for judging and what became of it.
    pub judging: Vec<JudgingRow>,
    /// Stops without a goodbye.
    pub unclean_stops: Vec<Window>,
    /// What the data take on disk.
    pub disk: DiskRow,
}

/// received = stored + duplicate + rejected + dropped + in flight, where what was received and what is in flight is
/// counted at the door, and the rest in the journal.
#[derive(Clone, Debug, Serialize)]
pub struct SourceRow {
    /// How it arrived.
    pub source: &'static str,
    /// Target id; `null` where the target is not known.
    pub target: Option<String>,
    /// The target's name.
    pub target_name: Option<String>,
    /// Everything that came in: what the journal held at the start, and each arrival since.
    pub received: u64,
    /// In the journal.
    pub stored: u64,
    /// There already.
    pub duplicate: u64,
    /// Could not be read, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Had no room, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Between arrival and journal.
    pub in_flight: u64,
    /// Whether it adds up. `false`: something went missing between arrival and journal, or was counted twice.
    pub balanced: bool,
}

/// selected = scored + failed + shed + pending, counted per inference and dimension.
#[derive(Clone, Debug, Serialize)]
pub struct JudgingRow {
    /// Target id.
    pub target: String,
    /// The target's name.
    pub target_name: String,
    /// Chosen.
    pub selected: u64,
    /// Scored.
    pub scored: u64,
    /// Failed, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Given up, by reason.
    pub shed: BTreeMap<String, u64>,
    /// Waiting.
    pub pending: u64,
    /// Whether it adds up.
    pub balanced: bool,
}

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DiskRow {
    /// Of the journal.
    pub journal_bytes: u64,
    /// Of the segments.
    pub segment_bytes: u64,
    /// How many segments.
    pub segments: u64,
}

impl LedgerView {
    /// The rows of a ledger.
    pub fn of(ledger: &Ledger, disk: DiskUse) -> Self {
        let sources = ledger.lines().map(|((source, target), arrived, line)| SourceRow {
            source: source.name(),
            target: target.as_ref().map(|key| key.id().to_string()),
            target_name: target.as_ref().map(|key| key.name().to_owned()),
            received: arrived.received,
            stored: line.stored,
            duplicate: line.duplicate,
            in_flight: arrived.in_flight,
            balanced: arrived.balances(&line),
            rejected: line.rejected,
            dropped: line.dropped,
        });
        let judging = ledger.judging.iter().map(|(key, line)| JudgingRow {
            target: key.id().to_string(),
            target_name: key.name().to_owned(),
            selected: line.selected,
            scored: line.scored,
            failed: line.failed.clone(),
            shed: line.shed.clone(),
            pending: line.pending,
            balanced: line.balances(),
        });
        Self {
            sources: sources.collect(),
            judging: judging.collect(),
            unclean_stops: ledger.unclean_stops.clone(),
            disk: DiskRow {
                journal_bytes: disk.journal_bytes,
                segment_bytes: disk.segment_bytes,
                segments: disk.segments,
            },
        }
    }
}
