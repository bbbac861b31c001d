//! Labels: durable, the newest word of each person, bounded, and part of nothing that counts inferences.

use std::sync::Arc;

use bifocal_model::{Dimension, Label, Mark};
use bifocal_redact::redact_label;

use crate::fixture::{at, inference, open};
use crate::{Record, limits};

fn label(i: u64, who: &str, mark: Mark, correction: Option<&str>) -> Record {
    let call = inference(i, 10);
    Record::Label(Arc::new(redact_label(Label {
        inference: call.id,
        target: call.target,
        dimension: Dimension::new("relevance"),
        who: who.to_owned(),
        mark: Some(mark),
        correction: correction.map(str::to_owned),
        time: call.time,
        labelled_at: at(20),
        judged: Vec::new(),
    })))
}

#[test]
fn the_newest_word_of_each_person_survives_a_seal_and_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let first = vec![
        label(1, "ann", Mark::Grade(4), Some("write to a@b.org")),
        label(1, "bob", Mark::Grade(2), None),
    ];
    let appended = store.append(vec![first.clone()]).unwrap();
    assert_eq!((appended.batches[0].labels, appended.batches[0].labels_known), (2, 0));
    let again = store.append(vec![first]).unwrap();
    assert_eq!((again.batches[0].labels, again.batches[0].labels_known), (0, 2), "nothing new is said");
    store.seal(&[]).unwrap();
    let changed = vec![label(1, "ann", Mark::Grade(1), None), label(2, "ann", Mark::Thumbs(true), None)];
    store.append(vec![changed]).unwrap();
    let before = store.fingerprint().unwrap();
    // No goodbye: what came after the seal is in the journal only.
    drop(store);
    let (store, recovered) = open(dir.path());
    assert_eq!(recovered.replay.iter().filter(|(_, record)| matches!(record, Record::Label(_))).count(), 2);
    let reader = store.reader();
    let said: Vec<_> =
        reader.labels_of(inference(1, 10).id).iter().map(|l| (l.who.clone(), l.mark.unwrap())).collect();
    assert_eq!(said, [("bob".to_owned(), Mark::Grade(2)), ("ann".to_owned(), Mark::Grade(1))]);
    assert_eq!(reader.labels().len(), 3);
    drop((store, reader));
    let (store, _) = open(dir.path());
    let events_apart = store.reader().labels();
    assert_eq!(events_apart.len(), 3);
    assert_ne!(store.fingerprint().unwrap(), before, "the unclean stop itself is an event");
    assert!(store.reader().ledger().received.is_empty(), "a label is no inference");
}

#[test]
fn a_correction_is_redacted() {
    let Record::Label(label) = label(1, "ann", Mark::Pass(false), Some("write to a@b.org")) else { return };
    assert_eq!(label.correction.as_ref().unwrap().as_str(), "write to [email]");
}

#[test]
fn limit_labels() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    let many = (0..limits::LABELS + 2).map(|i| label(i % 1_000, &format!("p{i}"), Mark::Pass(true), None));
    store.append(vec![many.collect()]).unwrap();
    assert_eq!(store.reader().labels().len() as u64, limits::LABELS);
    store.seal(&[]).unwrap();
    store.close().unwrap();
    let (store, _) = open(dir.path());
    let kept = store.reader().labels();
    assert_eq!((kept.len() as u64, kept[0].who.as_str()), (limits::LABELS, "p2"));
}
