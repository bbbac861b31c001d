//! The writer: one thread owns it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bifocal_model::{Identity, LedgerOutcome, Loss, Selection, Source, Span, TargetKey, Timestamp};
use bifocal_telemetry::{Metric, Telemetry};

use crate::arrivals::{Arrival, Arrivals};
use crate::catalogue::{Catalogue, Commit};
use crate::folder::Lock;
use crate::hot::Hot;
use crate::joins::{self, Joins, Noted};
use crate::journal::Journal;
use crate::labels::{self, Person};
use crate::open::Options;
use crate::reader::Reader;
use crate::seen::{self, Seen};
use crate::small_state::SmallState;
use crate::{Acknowledged, Error, Record, Seq, failpoint, seal};

/// The name under which the store saves its own state.
pub(crate) const AGGREGATES: &str = "store.aggregates";

/// The writing side of the store.
#[derive(Debug)]
pub struct Store {
    pub(crate) options: Options,
    pub(crate) telemetry: Telemetry,
    pub(crate) journal: Journal,
    pub(crate) catalogue: Catalogue,
    pub(crate) hot: Arc<RwLock<Hot>>,
    pub(crate) reader: Reader,
    pub(crate) seen: Seen,
    pub(crate) seen_scores: Seen,
    pub(crate) joins: Joins,
    /// Our own ids are made once: they are known only as long as the journal holds them.
    pub(crate) proxy_unsealed: Vec<u128>,
    pub(crate) last_seal: Timestamp,
    pub(crate) refused: Vec<Vec<Record>>,
    pub(crate) arrivals: Arrivals,
    pub(crate) _lock: Lock,
}

/// What an append did. All of it is durable.
#[derive(Debug, Default)]
pub struct Appended {
    /// The records that were new (and the losses that count the others), for whoever watches.
    pub records: Vec<(Seq, Record)>,
    /// What became of each batch, in their order.
    pub batches: Vec<Acknowledged>,
}

/// What a seal did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Everything up to here is in segments.
    pub seq: Seq,
    /// Files written.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether the journal could begin a new file. If not (a full disk), the next seal tries again.
    pub journal_cut: bool,
}

/// Known before an append, so that a failed append can take it back.
#[derive(Debug, Default)]
struct Tentative {
    identities: Vec<(u128, bool)>,
    scores: Vec<u128>,
    views: Vec<Noted>,
}

pub(crate) fn read(hot: &RwLock<Hot>) -> RwLockReadGuard<'_, Hot> {
    hot.read().unwrap_or_else(PoisonError::into_inner)
}

fn write(hot: &RwLock<Hot>) -> RwLockWriteGuard<'_, Hot> {
    hot.write().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Appends batches: drops what was there already, writes the rest with one group commit, applies it. All of
    /// it is in the journal or nothing; on an error nothing is, and nothing was applied.
    ///
    /// The records arrive here; those of a source that counts its arrivals go to [`Self::append_arrived`].
    pub fn append(&mut self, batches: Vec<Vec<Record>>) -> Result<Appended, Error> {
        let mut arrivals = self.arrivals.of_records(batches.iter().flatten());
        let appended = self.append_arrived(batches, &mut arrivals);
        arrivals.into_iter().for_each(Arrival::withdraw);
        appended
    }

    /// As [`Self::append`], and lets go of these arrivals in the moment in which the ledger has their records. On an
    /// error they stay.
    pub fn append_arrived(
        &mut self,
        batches: Vec<Vec<Record>>,
        arrivals: &mut Vec<Arrival>,
    ) -> Result<Appended, Error> {
        let (bytes, limit) = (self.journal.bytes(), self.options.unsealed_journal_bytes);
        if bytes > limit {
            self.telemetry.limit_hit("unsealed_journal_bytes");
            self.refused = batches;
            return Err(Error::SealOverdue { bytes, limit });
        }
        self.arrivals.assign(arrivals, batches.iter().flatten());
        let mut tentative = Tentative::default();
        let mut acknowledged = Vec::with_capacity(batches.len());
        let mut fresh = Vec::with_capacity(batches.len());
        for batch in batches {
            let (batch, counts) = self.without_duplicates(batch, &mut tentative);
            fresh.push(batch);
            acknowledged.push(counts);
        }
        let first = self.journal.next();
        let written = match self.journal.append(&fresh, self.options.clock.now()) {
            Ok(written) => written,
            Err(err) => {
                tentative.identities.iter().rev().for_each(|&(key, _)| self.seen.remove(key));
                tentative.scores.iter().rev().for_each(|&key| self.seen_scores.remove(key));
                tentative.views.iter().rev().for_each(|&noted| self.joins.take_back(noted));
                self.telemetry.count(Metric::StoreErrors, &["append"], 1);
                self.refused = fresh;
                return Err(err);
            }
        };
        let proxy = tentative.identities.iter().filter(|(_, proxy)| *proxy);
        self.proxy_unsealed.extend(proxy.map(|&(key, _)| key));
        let seqs = (first.0..).map(Seq);
        let records: Vec<(Seq, Record)> = seqs.zip(fresh.into_iter().flatten()).collect();
        if !records.is_empty() {
            self.telemetry.count(Metric::JournalBytes, &[], written);
            self.telemetry.count(Metric::JournalSyncs, &[], 1);
            self.telemetry.count(Metric::JournalRecords, &[], records.len() as u64);
            let mut hot = write(&self.hot);
            for (seq, record) in &records {
                hot.apply(*seq, record, &self.telemetry);
            }
            arrivals.clear();
            hot.journal_bytes = self.journal.bytes();
        }
        Ok(Appended { records, batches: acknowledged })
    }

    /// What is new of a batch, with one loss per source and target that counts the repeated calls.
    fn without_duplicates(
        &mut self,
        batch: Vec<Record>,
        tentative: &mut Tentative,
    ) -> (Vec<Record>, Acknowledged) {
        let mut counts = Acknowledged::default();
        let mut repeated: BTreeMap<(Source, TargetKey, &'static str), (u64, Timestamp)> = BTreeMap::new();
        let mut fresh = Vec::with_capacity(batch.len());
        let mut labelled = Vec::new();
        for record in batch {
            let is_new = match &record {
                Record::Inference(inference) => {
                    let key = seen::of_identity(&inference.identity);
                    let is_known = !self.seen.insert(key, inference.time);
                    if !is_known {
                        tentative.identities.push((key, inference.identity.source == Source::Proxy));
                    }
                    // A view that arrives again joins nothing: it did so the first time.
                    let is_second_view = !is_known && self.is_second_view(inference, tentative);
                    let is_new = !is_known && !is_second_view;
                    if is_new {
                        counts.stored += 1;
                    } else {
                        counts.duplicates += 1;
                        let reason = if is_known { "duplicate" } else { "joined" };
                        let line = (inference.identity.source, inference.target.clone(), reason);
                        let (count, newest) = repeated.entry(line).or_insert((0, inference.time));
                        *count += 1;
                        *newest = inference.time.max(*newest);
                    }
                    is_new
                }
                Record::Score(score) => {
                    let key = seen::of_score(score.inference, score.fingerprint, &score.dimension);
                    self.new_score(key, score.time, tentative)
                }
                Record::Selection(selection) => {
                    !self.was_selected(selection)
                        && self.new_score(seen::of_selection(selection), selection.time, tentative)
                }
                Record::Checkpoint(checkpoint) => {
                    read(&self.hot).checkpoints.get(&checkpoint.file) != Some(checkpoint)
                }
                Record::Label(label) => self.new_label(label, &mut labelled, &mut counts),
                Record::Anchor(_)
                | Record::Reading(_)
                | Record::Event(_)
                | Record::Loss(_)
                | Record::Act(_) => true,
            };
            if is_new {
                fresh.push(record);
            }
        }
        for ((source, target, reason), (count, time)) in repeated {
            let (outcome, reason) = (LedgerOutcome::Duplicate, reason.to_owned());
            fresh.push(Record::Loss(Loss { source, target: Some(target), time, outcome, reason, count }));
        }
        (fresh, counts)
    }

    /// Whether another source has shown this call before; else this view is noted as its first.
    fn is_second_view<T>(
        &mut self,
        inference: &bifocal_model::Inference<T>,
        tentative: &mut Tentative,
    ) -> bool {
        let Some(key) = joins::key(inference) else { return false };
        let noted = self.joins.take(key, inference.identity.source, inference.time);
        tentative.views.push(noted);
        matches!(noted, Noted::Second(..))
    }

    /// Whether a label says something that its person has not said before, in the store or in this batch.
    fn new_label(&self, label: &Person, batch: &mut Vec<Person>, counts: &mut Acknowledged) -> bool {
        let before = batch.iter().rev().find(|other| labels::same_subject(other, label)).cloned();
        let before = before.or_else(|| read(&self.hot).labels.standing(label));
        let is_new = before.is_none_or(|before| !labels::says_the_same(&before, label));
        if is_new {
            batch.push(Arc::clone(label));
            counts.labels += 1;
        } else {
            counts.labels_known += 1;
        }
        is_new
    }

    /// Whether a selection waits for its judge already, or the judge has spoken.
    fn was_selected(&self, selection: &Selection) -> bool {
        let settled = selection.judges.iter().any(|(dimension, fingerprint)| {
            self.seen_scores.contains(seen::of_score(selection.inference, *fingerprint, dimension))
        });
        let waits = || read(&self.hot).aggregates.ledger.waits_for(selection);
        selection.shed.is_none() && (settled || waits())
    }

    fn new_score(&mut self, key: u128, time: Timestamp, tentative: &mut Tentative) -> bool {
        let is_new = self.seen_scores.insert(key, time);
        if is_new {
            tentative.scores.push(key);
        }
        is_new
    }

    /// The batches of the last append that failed, without what was there already: append them again after a
    /// [`Self::retry`] that succeeded, or count them as dropped.
    pub fn take_refused(&mut self) -> Vec<Vec<Record>> {
        std::mem::take(&mut self.refused)
    }

    /// Whether this call is in the store already, as far as the horizon of identities reaches.
    pub fn knows(&self, identity: &Identity) -> bool {
        self.seen.contains(seen::of_identity(identity))
    }

    /// After a failed append: tries whether the disk takes data again.
    pub fn retry(&mut self) -> Result<(), Error> {
        self.journal.retry()
    }

    /// Whether a seal is due, by size or by time.
    pub fn should_seal(&self) -> bool {
        let age: Span = self.options.clock.now().since(self.last_seal);
        let hot = read(&self.hot);
        let something = hot.applied > hot.sealed;
        something
            && (self.journal.bytes() >= self.options.seal_journal_bytes || age >= self.options.seal_after)
    }

    /// Moves everything from the journal to the lake and saves these states with it. The states must be those
    /// after the last appended record.
    pub fn seal(&mut self, states: &[(&str, Vec<u8>)]) -> Result<Sealed, Error> {
        let result = self.seal_in_order(states);
        if result.is_err() {
            self.telemetry.count(Metric::StoreErrors, &["seal"], 1);
        }
        result
    }

    fn seal_in_order(&mut self, states: &[(&str, Vec<u8>)]) -> Result<Sealed, Error> {
        let now = self.options.clock.now();
        // Only this thread writes, so the lock is shared with readers while the files are written.
        let hot = read(&self.hot);
        let seq = hot.applied;
        let mut states = states.to_vec();
        states.push((AGGREGATES, hot.aggregates.encode()?));
        let written = seal::write(&self.options.dir, seq, &hot.unsealed, hot.open_minutes())?;
        let checkpoints: Vec<_> = hot.unsealed.checkpoints.values().cloned().collect();
        let commit = Commit {
            sealed: seq,
            at: now,
            segments: &written.segments,
            states: &states,
            checkpoints: &checkpoints,
            events: &hot.unsealed.events,
            anchors: &hot.unsealed.anchors,
            labels: &hot.unsealed.labels,
        };
        if let Err(err) = self.catalogue.commit(&commit) {
            // A commit that reports an error may still have happened: only the catalogue knows.
            match self.catalogue.sealed() {
                Ok(sealed) if sealed == seq && hot.sealed < seq => {}
                Ok(_) => {
                    seal::discard(&self.options.dir, &written.segments);
                    return Err(err);
                }
                Err(_) => return Err(err),
            }
        }
        drop(hot);
        let (segments, bytes) =
            (written.segments.len() as u64, written.segments.iter().map(|s| s.bytes).sum());
        for segment in &written.segments {
            self.telemetry.count(Metric::SegmentsSealed, &[segment.table.name()], 1);
        }
        let newest = {
            let mut hot = write(&self.hot);
            hot.sealed(seq, written.segments);
            hot.aggregates.newest
        };
        self.last_seal = now;
        self.forget(newest);
        failpoint::pass("seal.before_cut");
        let cut = self.journal.cut(now);
        if cut.is_err() {
            self.telemetry.count(Metric::StoreErrors, &["cut"], 1);
        }
        write(&self.hot).journal_bytes = self.journal.bytes();
        Ok(Sealed { seq, segments, bytes, journal_cut: cut.is_ok() })
    }

    fn forget(&mut self, newest: Timestamp) {
        // The last one in is found first.
        for key in std::mem::take(&mut self.proxy_unsealed).into_iter().rev() {
            self.seen.remove(key);
        }
        if self.seen.forget(newest) | self.seen_scores.forget(newest) {
            self.telemetry.limit_hit("identities");
        }
        if self.joins.forget(newest) {
            self.telemetry.limit_hit("join_views");
        }
    }

    /// What arrives, to be counted at the door.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals.clone()
    }

    /// The reading side.
    pub fn reader(&self) -> Reader {
        self.reader.clone()
    }

    /// The small state.
    pub fn small_state(&self) -> SmallState {
        SmallState::new(self.catalogue.clone())
    }

    /// The last record.
    pub fn last_seq(&self) -> Seq {
        Seq(self.journal.next().0 - 1)
    }

    /// Says goodbye: the next start will not report an unclean stop. Seal before, to start faster.
    pub fn close(self) -> Result<(), Error> {
        self.catalogue.set_clean(true, self.options.clock.now())
    }

    /// Everything derived from the journal as bytes, to compare two stores.
    pub fn fingerprint(&self) -> Result<Vec<u8>, Error> {
        let hot = read(&self.hot);
        let mut bytes = hot.aggregates.encode()?;
        let rollups = rmp_serde::to_vec_named(&hot.rollups);
        bytes.extend(rollups.map_err(|err| Error::Encode { what: "the roll-ups", err })?);
        let rest = (&hot.events, &hot.anchors, hot.labels.all(), &hot.checkpoints, hot.applied);
        bytes.extend(rmp_serde::to_vec_named(&rest).map_err(|err| Error::Encode { what: "the rest", err })?);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
