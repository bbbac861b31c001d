//! Where everything that was received went. Derived from the journal's records and nothing else.
//!
//! Per source and target: received = stored + duplicate + rejected + dropped + in flight. Per target, counted in
//! pairs of inference and dimension: selected = scored + failed + shed + pending. What was received and what is in
//! flight is not in the journal: the arrivals count it, and [`Ledger::shown`] puts it beside, so that each equation
//! joins counts that were made apart.

use std::collections::{BTreeMap, BTreeSet};

use bifocal_model::{
    Dimension, EvaluatorKind, Fingerprint, InferenceId, LedgerOutcome, Loss, Score, Selection, Shed, Source,
    TargetKey, Timestamp, Verdict, Window, check_invariant, invariant::Invariant,
};
use serde::{Deserialize, Serialize};

use crate::arrivals::{Arrived, Line};
use crate::limits::{PENDING_SELECTIONS, REASONS};

/// One line of what came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// In the journal: inferences and readings.
    pub stored: u64,
    /// There already.
    pub duplicate: u64,
    /// Could not be read, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// No room, by reason.
    pub dropped: BTreeMap<String, u64>,
}

/// One line of what was chosen to be judged, in pairs of inference and dimension.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judging {
    /// Chosen.
    pub selected: u64,
    /// Scored.
    pub scored: u64,
    /// Tried without a score, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Given up, by reason.
    pub shed: BTreeMap<String, u64>,
    /// Neither yet.
    pub pending: u64,
}

/// A selection whose scores are not all there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The selection as it was recorded.
    pub selection: Selection,
    /// What is still missing of it.
    pub missing: Vec<(Dimension, Fingerprint)>,
}

/// The ledger.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// What came in, by source and target.
    pub received: BTreeMap<(Source, Option<TargetKey>), Received>,
    /// What was chosen to be judged, by target.
    pub judging: BTreeMap<TargetKey, Judging>,
    /// Stops without a goodbye: what the proxy saw within them may be lost.
    pub unclean_stops: Vec<Window>,
    /// Selections that wait, by the time of their inference.
    #[serde(default)]
    pub(crate) pending: BTreeMap<(Timestamp, InferenceId), Pending>,
    /// What has arrived, counted apart from the journal; only in what the reader gives.
    #[serde(skip)]
    pub arrived: BTreeMap<Line, Arrived>,
}

impl Received {
    /// What became of what came in: all of it but what is in flight.
    pub fn total(&self) -> u64 {
        let rejected: u64 = self.rejected.values().sum();
        let dropped: u64 = self.dropped.values().sum();
        self.stored + self.duplicate + rejected + dropped
    }
}

impl Judging {
    /// selected = scored + failed + shed + pending.
    pub fn balances(&self) -> bool {
        let failed: u64 = self.failed.values().sum();
        let shed: u64 = self.shed.values().sum();
        self.selected == self.scored + failed + shed + self.pending
    }
}

impl Arrived {
    /// received = stored + duplicate + rejected + dropped + in flight, where the right side is the journal's.
    pub fn balances(&self, received: &Received) -> bool {
        self.received == received.total() + self.in_flight
    }
}

impl Ledger {
    /// Every line: what arrived, and what the journal holds of it.
    pub fn lines(&self) -> impl Iterator<Item = (&Line, Arrived, Received)> {
        let lines: BTreeSet<&Line> = self.received.keys().chain(self.arrived.keys()).collect();
        lines.into_iter().map(|line| {
            let received = self.received.get(line).cloned().unwrap_or_default();
            (line, self.arrived.get(line).copied().unwrap_or_default(), received)
        })
    }

    /// What readers get: beside the journal's counts those of the arrivals, and as pending what waits in fact.
    pub(crate) fn shown(&self, arrived: BTreeMap<Line, Arrived>) -> Self {
        let mut judging = self.judging.clone();
        judging.values_mut().for_each(|line| line.pending = 0);
        for pending in self.pending.values() {
            let line = judging.entry(pending.selection.target.clone()).or_default();
            line.pending += pending.missing.len() as u64;
        }
        let (received, unclean_stops) = (self.received.clone(), self.unclean_stops.clone());
        Self { received, judging, unclean_stops, pending: BTreeMap::new(), arrived }
    }

    pub(crate) fn stored(&mut self, source: Source, target: Option<&TargetKey>) {
        // Most records belong to a known line: look before making a key.
        self.line(source, target).stored += 1;
    }

    pub(crate) fn lost(&mut self, loss: &Loss) {
        let line = self.line(loss.source, loss.target.as_ref());
        match loss.outcome {
            LedgerOutcome::Stored => line.stored += loss.count,
            LedgerOutcome::Duplicate => line.duplicate += loss.count,
            LedgerOutcome::Rejected => add_reason(&mut line.rejected, &loss.reason, loss.count),
            LedgerOutcome::Dropped => add_reason(&mut line.dropped, &loss.reason, loss.count),
        }
    }

    fn line(&mut self, source: Source, target: Option<&TargetKey>) -> &mut Received {
        self.received.entry((source, target.cloned())).or_default()
    }

    /// A selection, or a later word that one is given up.
    pub(crate) fn selected(&mut self, selection: &Selection) {
        let key = (selection.time, selection.inference);
        if let Some(shed) = selection.shed
            && let Some(pending) = self.pending.remove(&key)
        {
            self.give_up(&pending, shed.name());
            return;
        }
        let count = selection.judges.len() as u64;
        let line = self.judging.entry(selection.target.clone()).or_default();
        line.selected += count;
        match selection.shed {
            Some(shed) => add_reason(&mut line.shed, shed.name(), count),
            None => {
                line.pending += count;
                let missing = selection.judges.clone();
                if !missing.is_empty() {
                    self.pending.insert(key, Pending { selection: selection.clone(), missing });
                }
            }
        }
        while self.pending.len() as u64 > PENDING_SELECTIONS {
            let Some((_, oldest)) = self.pending.pop_first() else { break };
            self.give_up(&oldest, Shed::Expired.name());
        }
        self.check(&selection.target);
    }

    fn give_up(&mut self, pending: &Pending, reason: &str) {
        let count = pending.missing.len() as u64;
        let line = self.judging.entry(pending.selection.target.clone()).or_default();
        line.pending -= count;
        add_reason(&mut line.shed, reason, count);
        self.check(&pending.selection.target);
    }

    /// A judge's word settles what the selection promised. Other scores were promised to nobody.
    pub(crate) fn scored<T>(&mut self, score: &Score<T>) {
        if score.kind != EvaluatorKind::Judge {
            return;
        }
        let key = (score.time, score.inference);
        let Some(pending) = self.pending.get_mut(&key) else { return };
        let is_this = |(dimension, fingerprint): &(Dimension, Fingerprint)| {
            *dimension == score.dimension && *fingerprint == score.fingerprint
        };
        let Some(at) = pending.missing.iter().position(is_this) else { return };
        pending.missing.remove(at);
        let target = pending.selection.target.clone();
        if pending.missing.is_empty() {
            self.pending.remove(&key);
        }
        let line = self.judging.entry(target.clone()).or_default();
        line.pending -= 1;
        match &score.verdict {
            Verdict::Scored { .. } => line.scored += 1,
            Verdict::Failed { failure, .. } => add_reason(&mut line.failed, failure.name(), 1),
        }
        self.check(&target);
    }

    pub(crate) fn stopped_uncleanly(&mut self, window: Window) {
        self.unclean_stops.push(window);
        let excess = self.unclean_stops.len().saturating_sub(1_000);
        self.unclean_stops.drain(..excess);
    }

    /// Whether a selection like this one waits already, or was given up or settled before.
    pub(crate) fn waits_for(&self, selection: &Selection) -> bool {
        self.pending.contains_key(&(selection.time, selection.inference))
    }

    fn check(&self, target: &TargetKey) {
        if let Some(line) = self.judging.get(target) {
            check_invariant!(Invariant::LedgerBalances, line.balances(), "{target}: {line:?}");
        }
    }
}

fn add_reason(reasons: &mut BTreeMap<String, u64>, reason: &str, count: u64) {
    if let Some(sum) = reasons.get_mut(reason) {
        *sum += count;
        return;
    }
    let room = (reasons.len() as u64) < REASONS;
    let reason = if room { reason } else { "other" };
    *reasons.entry(reason.to_owned()).or_default() += count;
}

#[cfg(test)]
mod tests;
