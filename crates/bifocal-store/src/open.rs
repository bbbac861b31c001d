//! Starting: lock, catalogue, unknown files, saved state, journal, replay.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bifocal_model::{Source, Span, Timestamp, Window};
use bifocal_telemetry::{Clock, Telemetry};

use crate::arrivals::Arrivals;
use crate::catalogue::{Catalogue, Saved};
use crate::hot::{self, Aggregates, Hot};
use crate::joins::{self, Joins};
use crate::journal::{self, Disk, Opener};
use crate::reader::Reader;
use crate::rollup::{Minutes, Rollups};
use crate::seen::{self, Seen};
use crate::segment::{self, Opened, Segment, Table};
use crate::{Error, Record, Seq, Store, folder, limits};

/// Where the store is and how much it holds.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data folder.
    pub dir: PathBuf,
    /// The clock: when batches are written and when an unclean stop ended.
    pub clock: Arc<dyn Clock>,
    /// Journal bytes after which a seal is due.
    pub seal_journal_bytes: u64,
    /// Time after which a seal is due although the journal is small.
    pub seal_after: Span,
    /// Journal bytes after which appends are refused until a seal succeeds.
    pub unsealed_journal_bytes: u64,
}

/// What was found at start.
#[derive(Debug, Default)]
pub struct Recovered {
    /// The last record.
    pub last_seq: Seq,
    /// The last record that the saved states cover.
    pub sealed: Seq,
    /// The states saved with the last seal, by name.
    pub states: BTreeMap<String, Vec<u8>>,
    /// Every record behind them, to be replayed by whoever saved a state.
    pub replay: Vec<(Seq, Record)>,
    /// The time that an unclean stop left in doubt.
    pub unclean: Option<Window>,
    /// Bytes of a torn append that were cut off the journal. Nobody was told that it is durable.
    pub torn_bytes: u64,
    /// Files of an unfinished seal that were deleted.
    pub deleted_files: u64,
}

impl Options {
    /// The defaults for a folder.
    pub fn new(dir: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            dir: dir.into(),
            clock,
            seal_journal_bytes: limits::SEAL_JOURNAL_BYTES,
            seal_after: Span::from_mins(60),
            unsealed_journal_bytes: limits::UNSEALED_JOURNAL_BYTES,
        }
    }
}

impl Store {
    /// Opens the store: locks the folder, repairs what a crash left, loads and replays.
    pub fn open(options: Options, telemetry: Telemetry) -> Result<(Self, Recovered), Error> {
        Self::open_on(options, telemetry, Box::new(Disk))
    }

    pub(crate) fn open_on(
        options: Options,
        telemetry: Telemetry,
        opener: Box<dyn Opener>,
    ) -> Result<(Self, Recovered), Error> {
        let dir = options.dir.clone();
        let lock = folder::lock(&dir)?;
        let catalogue = Catalogue::open(&dir.join("state.sqlite"))?;
        let mut saved = catalogue.load()?;
        let deleted_files = delete_unknown(&dir, &saved.segments)?;
        let (journal, found) =
            journal::open(&dir.join("journal"), saved.sealed, options.clock.now(), opener)?;
        let mut hot = restore(&dir, &mut saved)?;
        let Known { mut seen, mut seen_scores, mut joins } =
            known(&dir, &saved.segments, hot.aggregates.newest)?;

        let mut replay = Vec::new();
        let mut proxy_unsealed = Vec::new();
        for frame in found.frames {
            for (i, record) in frame.records.into_iter().enumerate() {
                let seq = Seq(frame.first.0 + i as u64);
                remember(&record, &mut seen, &mut seen_scores, &mut proxy_unsealed);
                if let Record::Inference(inference) = &record
                    && let Some(key) = joins::key(inference)
                {
                    joins.take(key, inference.identity.source, inference.time);
                }
                hot.apply(seq, &record, &telemetry);
                replay.push((seq, record));
            }
        }
        let now = options.clock.now();
        let last_at = found.last_at.max(saved.at);
        let unclean = match saved.clean {
            Some(false) => Some(Window { start: last_at.unwrap_or(now).min(now), end: now }),
            _ => None,
        };
        hot.journal_bytes = journal.bytes();
        let arrivals = Arrivals::default();
        arrivals.begin(&hot.aggregates.ledger);
        let hot = Arc::new(std::sync::RwLock::new(hot));
        let reader = Reader::new(dir, Arc::clone(&hot), arrivals.clone());
        let states = saved.states;
        let mut store = Self {
            options,
            telemetry,
            journal,
            catalogue,
            hot,
            reader,
            seen,
            seen_scores,
            joins,
            proxy_unsealed,
            last_seal: now,
            refused: Vec::new(),
            arrivals,
            _lock: lock,
        };
        store.catalogue.set_clean(false, now)?;
        if let Some(window) = unclean {
            let event = Record::Event(hot::unclean_stop(window));
            replay.extend(store.append(vec![vec![event]])?.records);
        }
        let last_seq = Seq(store.journal.next().0 - 1);
        let torn_bytes = found.torn_bytes;
        let recovered =
            Recovered { last_seq, sealed: saved.sealed, states, replay, unclean, torn_bytes, deleted_files };
        Ok((store, recovered))
    }
}

/// Deletes what a seal that did not come to its commit has left in the lake.
fn delete_unknown(dir: &Path, segments: &[Segment]) -> Result<u64, Error> {
    let known: std::collections::HashSet<PathBuf> = segments.iter().map(|s| dir.join(&s.path)).collect();
    let mut deleted = 0;
    for file in folder::files_below(&dir.join("lake"))? {
        let ours = file.extension().is_some_and(|extension| extension == "parquet" || extension == "tmp");
        if ours && !known.contains(&file) {
            fs::remove_file(&file).map_err(Error::file("delete", &file))?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

/// Memory as it was after the last seal.
fn restore(dir: &Path, saved: &mut Saved) -> Result<Hot, Error> {
    let aggregates = match saved.states.remove(crate::AGGREGATES) {
        Some(bytes) => Aggregates::decode(&bytes)?,
        None => Aggregates::default(),
    };
    let mut rollups = Rollups::default();
    let newest = saved.segments.iter().filter(|s| s.table.is_rollup()).map(|s| s.max_time).max();
    let days = i64::try_from(limits::ROLLUP_DAYS).unwrap_or(i64::MAX);
    let from = newest.unwrap_or_default() - Span::from_secs(days * 86_400);
    // Segments come in the order of their seals; one seal's rows are merged together, as they were sealed.
    let resident = saved.segments.iter().filter(|s| s.table.is_rollup() && s.max_time >= from);
    let mut seals: BTreeMap<u64, Vec<&Segment>> = BTreeMap::new();
    for segment in resident {
        seals.entry(segment.sealed).or_default().push(segment);
    }
    for segments in seals.into_values() {
        let mut minutes = Minutes::default();
        for segment in segments {
            load_minutes(dir, segment, &mut minutes)?;
        }
        rollups.add_sealed(&minutes);
    }
    rollups.forget_old();
    let mut hot = Hot { applied: saved.sealed, sealed: saved.sealed, aggregates, rollups, ..Hot::default() };
    hot.events = std::mem::take(&mut saved.events).into();
    hot.anchors = std::mem::take(&mut saved.anchors).into();
    for (seq, label) in std::mem::take(&mut saved.labels) {
        hot.labels.take(seq, label);
    }
    hot.checkpoints = std::mem::take(&mut saved.checkpoints);
    hot.start_from(saved.segments.clone());
    Ok(hot)
}

/// Adds the rows of a roll-up segment.
fn load_minutes(dir: &Path, segment: &Segment, into: &mut Minutes) -> Result<(), Error> {
    read_minutes(&Opened::open(dir, segment)?, segment.table, into)
}

/// Adds the rows of an opened roll-up segment.
pub(crate) fn read_minutes(opened: &Opened<'_>, table: Table, into: &mut Minutes) -> Result<(), Error> {
    opened.batches(None, |batch| match table {
        Table::Rollups => segment::read_cells(batch, opened.path(), into),
        Table::RollupScores => segment::read_rollup_scores(batch, opened.path(), into),
        Table::RollupReadings => segment::read_rollup_readings(batch, opened.path(), into),
        Table::Inferences | Table::Scores | Table::Readings => Ok(()),
    })
}

/// What the segments make known.
struct Known {
    seen: Seen,
    seen_scores: Seen,
    joins: Joins,
}

/// The identities that the segments hold: all within the horizon, and the newest sealed ones beyond it.
fn known(dir: &Path, segments: &[Segment], newest: Timestamp) -> Result<Known, Error> {
    let hours = |hours: u64| Span::from_mins(i64::try_from(hours * 60).unwrap_or(i64::MAX));
    let (mut seen, mut scores, mut joins) = (Seen::of_inferences(), Seen::of_scores(), Joins::new());
    for segment in segments.iter().rev() {
        let full = |seen: &Seen| seen.len() as u64 >= limits::IDENTITIES_SOFT;
        match segment.table {
            Table::Inferences => {
                let horizon = newest - hours(limits::IDENTITY_HORIZON_HOURS + 1);
                if segment.max_time < horizon && full(&seen) {
                    continue;
                }
                let opened = Opened::open(dir, segment)?;
                opened.batches(Some(segment::IDENTITY_COLUMNS), |batch| {
                    for segment::Known { identity, time, join } in
                        segment::read_identities(batch, opened.path())?
                    {
                        if let Some(key) = join {
                            joins.take(key, identity.source, time);
                        }
                        if identity.source != Source::Proxy {
                            seen.insert(seen::of_identity(&identity), time);
                        }
                    }
                    Ok(())
                })?;
            }
            Table::Scores => {
                if segment.max_time < newest - hours(limits::SCORE_HORIZON_HOURS + 1) {
                    continue;
                }
                let opened = Opened::open(dir, segment)?;
                opened.batches(Some(segment::KEY_COLUMNS), |batch| {
                    for (id, fingerprint, dimension, time) in segment::read_keys(batch, opened.path())? {
                        scores.insert(seen::of_score(id, fingerprint, &dimension), time);
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
    }
    Ok(Known { seen, seen_scores: scores, joins })
}

/// Notes what a record of the journal makes known.
fn remember(record: &Record, seen: &mut Seen, scores: &mut Seen, proxy: &mut Vec<u128>) {
    match record {
        Record::Inference(inference) => {
            let key = seen::of_identity(&inference.identity);
            seen.insert(key, inference.time);
            if inference.identity.source == Source::Proxy {
                proxy.push(key);
            }
        }
        Record::Score(score) => {
            let key = seen::of_score(score.inference, score.fingerprint, &score.dimension);
            scores.insert(key, score.time);
        }
        Record::Selection(selection) => {
            scores.insert(seen::of_selection(selection), selection.time);
        }
        _ => {}
    }
}
