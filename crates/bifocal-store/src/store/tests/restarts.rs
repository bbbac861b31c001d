//! A store that is restarted again and again is, to the last bit, the store that never was.

use bifocal_model::{LedgerOutcome, Loss, Source};
use proptest::prelude::*;

use crate::fixture::{all_calls, at, call, event, open, reading, score, select};
use crate::{Checkpoint, Record};

/// What happens to a store.
#[derive(Clone, Debug)]
enum Step {
    Append(Vec<Vec<Record>>),
    Seal,
    Reopen,
}

fn any_record() -> impl Strategy<Value = Record> {
    let i = 0..200_u64;
    // Twelve days, so that minutes are forgotten; many records in one minute, so that sums meet.
    let secs = prop_oneof![0..300_i64, 0..12 * 86_400_i64];
    (0..8_u8, i, secs).prop_map(|(kind, i, secs)| match kind {
        0..=2 => call(i, secs),
        3 => score(i, secs, if i.is_multiple_of(2) { "relevance" } else { "safety" }),
        4 => select(i, secs, &["relevance", "safety"]),
        5 => Record::Reading(reading(i, secs)),
        6 => Record::Event(event(i, secs)),
        _ if i.is_multiple_of(2) => {
            Record::Checkpoint(Checkpoint { file: format!("f{}", i % 5), offset: i, finished_at: None })
        }
        _ => Record::Loss(Loss {
            source: Source::DataCapture,
            target: None,
            time: at(secs),
            outcome: LedgerOutcome::Rejected,
            reason: "malformed".to_owned(),
            count: i,
        }),
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let batch = proptest::collection::vec(any_record(), 0..12);
    prop_oneof![
        3 => proptest::collection::vec(batch, 1..4).prop_map(Step::Append),
        1 => Just(Step::Seal),
        2 => Just(Step::Reopen),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn restarts_change_no_bit(steps in proptest::collection::vec(any_step(), 1..14)) {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (mut restarted, mut steady) = (open(here.path()).0, open(there.path()).0);
        for step in steps {
            match step {
                Step::Append(batches) => {
                    let one = restarted.append(batches.clone()).unwrap();
                    let two = steady.append(batches).unwrap();
                    prop_assert_eq!(one.batches, two.batches);
                }
                Step::Seal => {
                    restarted.seal(&[]).unwrap();
                    steady.seal(&[]).unwrap();
                }
                Step::Reopen => {
                    restarted.close().unwrap();
                    restarted = open(here.path()).0;
                }
            }
        }
        prop_assert!(restarted.fingerprint().unwrap() == steady.fingerprint().unwrap());
        prop_assert_eq!(all_calls(&restarted.reader(), 13), all_calls(&steady.reader(), 1_000));
        let ledger = restarted.reader().ledger();
        prop_assert!(ledger.judging.values().all(|line| line.balances()));
    }
}
