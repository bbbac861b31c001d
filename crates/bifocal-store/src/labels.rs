//! What people said, as far as it is kept. A person's newer word on a dimension of an answer replaces the older one.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bifocal_model::{InferenceId, Label};
use bifocal_redact::Redacted;

use crate::{Seq, limits};

/// A label from the store.
pub type Person = Arc<Label<Redacted>>;

/// Labels in the order of the journal, found by their inference. What was replaced is kept until it is the oldest, as in
/// the catalogue, so that memory after a start is what it was before.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    by_seq: BTreeMap<Seq, Person>,
    of_inference: HashMap<InferenceId, Vec<Seq>>,
}

/// Whether both are one person's word on one dimension of one answer.
pub(crate) fn same_subject(one: &Person, other: &Person) -> bool {
    one.inference == other.inference && one.dimension == other.dimension && one.who == other.who
}

/// Whether both say the same.
pub(crate) fn says_the_same(one: &Person, other: &Person) -> bool {
    one.mark == other.mark && one.correction == other.correction
}

impl Labels {
    /// Takes a label; whether an older one had to leave for want of room.
    pub(crate) fn take(&mut self, seq: Seq, label: Person) -> bool {
        let before = self.seq_of(&label);
        let standing = self.of_inference.entry(label.inference).or_default();
        standing.retain(|other| Some(*other) != before);
        standing.push(seq);
        self.by_seq.insert(seq, label);
        let is_full = self.by_seq.len() as u64 > limits::LABELS;
        if is_full && let Some((oldest, _)) = self.by_seq.first_key_value() {
            self.remove(*oldest);
        }
        is_full
    }

    /// What the same person said of the same before.
    pub(crate) fn standing(&self, label: &Person) -> Option<Person> {
        self.by_seq.get(&self.seq_of(label)?).cloned()
    }

    pub(crate) fn of(&self, inference: InferenceId) -> Vec<Person> {
        let seqs = self.of_inference.get(&inference).into_iter().flatten();
        seqs.filter_map(|seq| self.by_seq.get(seq).cloned()).collect()
    }

    /// Every label that stands, in the order of the journal.
    pub(crate) fn all(&self) -> Vec<&Person> {
        let stands = |seq: &Seq, label: &Person| {
            self.of_inference.get(&label.inference).is_some_and(|standing| standing.contains(seq))
        };
        self.by_seq.iter().filter(|(seq, label)| stands(seq, label)).map(|(_, label)| label).collect()
    }

    fn seq_of(&self, label: &Person) -> Option<Seq> {
        let seqs = self.of_inference.get(&label.inference)?;
        let same = |seq: &&Seq| self.by_seq.get(seq).is_some_and(|other| same_subject(other, label));
        seqs.iter().find(same).copied()
    }

    fn remove(&mut self, seq: Seq) {
        let Some(label) = self.by_seq.remove(&seq) else { return };
        if let Some(seqs) = self.of_inference.get_mut(&label.inference) {
            seqs.retain(|other| *other != seq);
            if seqs.is_empty() {
                self.of_inference.remove(&label.inference);
            }
        }
    }
}
