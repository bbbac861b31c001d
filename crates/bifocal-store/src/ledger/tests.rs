use super::*;
use crate::fixture::{inference, score_of, selection_of, target};

const BOTH: &[&str] = &["relevance", "safety"];

#[test]
fn a_selection_is_settled_pair_by_pair() {
    let mut ledger = Ledger::default();
    let (one, two) = (inference(1, 10), inference(4, 20));
    ledger.selected(&selection_of(&one, BOTH));
    ledger.selected(&selection_of(&two, BOTH));
    ledger.scored(&score_of(&one, 1, "relevance"));
    ledger.scored(&score_of(&one, 1, "relevance")); // a second time settles nothing
    ledger.scored(&score_of(&one, 9, "safety")); // 9 is a failure
    ledger.scored(&score_of(&two, 2, "tone")); // not promised
    let line = &ledger.judging[&target("small")];
    assert_eq!((line.selected, line.scored, line.pending), (4, 1, 2));
    assert_eq!(line.failed, BTreeMap::from([("unparsable".to_owned(), 1)]));
    assert_eq!(ledger.pending.len(), 1);
    ledger.selected(&Selection { shed: Some(Shed::Budget), ..selection_of(&two, BOTH) });
    let line = &ledger.judging[&target("small")];
    assert_eq!((line.selected, line.pending, line.shed["budget"]), (4, 0, 2));
    assert!(line.balances() && ledger.pending.is_empty());
}

#[test]
fn limit_pending_selections() {
    let mut ledger = Ledger::default();
    let first = inference(1, 0);
    for i in 0..=PENDING_SELECTIONS {
        let mut id = [0; 16];
        id[8..].copy_from_slice(&i.to_be_bytes());
        let inference = InferenceId::from_bytes(id);
        ledger.selected(&Selection { inference, ..selection_of(&first, &["safety"]) });
    }
    let line = &ledger.judging[&target("small")];
    assert_eq!((line.pending, line.shed["expired"]), (PENDING_SELECTIONS, 1));
}

#[test]
fn limit_ledger_reasons() {
    let mut ledger = Ledger::default();
    for i in 0..REASONS + 5 {
        ledger.lost(&Loss {
            source: Source::DataCapture,
            target: None,
            time: Timestamp::default(),
            outcome: LedgerOutcome::Rejected,
            reason: format!("reason {i}"),
            count: 2,
        });
    }
    let line = &ledger.received[&(Source::DataCapture, None)];
    assert_eq!(line.rejected.len() as u64, REASONS + 1);
    assert_eq!((line.rejected["other"], line.total()), (10, (REASONS + 5) * 2));
}

#[test]
fn what_waits_no_more_and_was_not_settled_does_not_balance() {
    let mut ledger = Ledger::default();
    ledger.selected(&selection_of(&inference(1, 10), BOTH));
    ledger.selected(&selection_of(&inference(4, 20), BOTH));
    ledger.scored(&score_of(&inference(1, 10), 1, "relevance"));
    let judging = |ledger: &Ledger| ledger.shown(BTreeMap::new()).judging[&target("small")].clone();
    assert_eq!((judging(&ledger).pending, judging(&ledger).balances()), (3, true));
    // One is forgotten: nobody will judge it, and no record says so.
    ledger.pending.pop_last();
    assert_eq!((judging(&ledger).pending, judging(&ledger).balances()), (1, false));
}

#[test]
fn a_line_balances_with_what_is_in_flight_and_not_without_it() {
    let mut ledger = Ledger::default();
    let line = (Source::Proxy, None);
    ledger.stored(line.0, None);
    let balances = |received, in_flight| {
        let shown = ledger.shown(BTreeMap::from([(line.clone(), Arrived { received, in_flight })]));
        shown.lines().map(|(_, arrived, received)| arrived.balances(&received)).collect::<Vec<_>>()
    };
    assert_eq!(balances(3, 2), [true]);
    assert_eq!(balances(3, 1), [false], "an arrival was let go of, and no record came of it");
    assert_eq!(balances(2, 2), [false], "a record without an arrival");
}
