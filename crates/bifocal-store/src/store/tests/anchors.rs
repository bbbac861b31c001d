//! Re-scores of anchors: durable, bounded, and part of nothing that counts inferences.

use bifocal_model::{AnchorScore, Cost, Dimension, Unit, Window};

use crate::fixture::{JUDGE, at, open};
use crate::{Record, limits};

fn rescore(i: u64) -> Record {
    Record::Anchor(AnchorScore {
        anchor: format!("a{}", i % 100),
        evaluator: "judge:j".to_owned(),
        fingerprint: JUDGE,
        dimension: Dimension::new("relevance"),
        frozen: Unit::new(0.75).unwrap(),
        value: Unit::new(0.5).unwrap(),
        time: at(i64::try_from(i).unwrap()),
        cost: Cost::default(),
    })
}

#[test]
fn anchors_are_kept_over_a_seal_and_count_as_no_inference() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![(0..5).map(rescore).collect()]).unwrap();
    store.seal(&[]).unwrap();
    store.append(vec![(5..8).map(rescore).collect()]).unwrap();
    let before = store.fingerprint().unwrap();
    store.close().unwrap();
    let (store, recovered) = open(dir.path());
    assert_eq!(recovered.replay.len(), 3, "what came after the seal is replayed");
    assert_eq!(store.fingerprint().unwrap(), before);
    let found = store.reader().anchor_scores(Window { start: at(2), end: at(7) });
    assert_eq!(found.iter().map(|score| score.time).collect::<Vec<_>>(), (2..7).map(at).collect::<Vec<_>>());
    assert!((found[0].difference() + 0.25).abs() < 1e-12);
    let ledger = store.reader().ledger();
    assert!(ledger.received.is_empty() && ledger.judging.is_empty(), "{ledger:?}");
    assert!(store.reader().targets().is_empty());
}

#[test]
fn limit_anchor_scores() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![(0..limits::ANCHOR_SCORES + 3).map(rescore).collect()]).unwrap();
    store.seal(&[]).unwrap();
    store.close().unwrap();
    let (store, _) = open(dir.path());
    let found = store.reader().anchor_scores(Window { start: at(0), end: at(1_000_000) });
    assert_eq!((found.len() as u64, found[0].time), (limits::ANCHOR_SCORES, at(3)));
}
