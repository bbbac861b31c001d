//! Calls that two sources show count once.

use bifocal_model::{Identity, InferenceId, Timestamp};
use bifocal_redact::Redacted;

use super::*;

const CALLS: u64 = 1_000;

/// A view of call `n`. One in twenty uses the id of the call before it; a pair is 3 s apart.
fn view(n: u64, source: Source) -> bifocal_model::Inference<Redacted> {
    let id = if n % 20 == 19 { n - 1 } else { n };
    let millis = i64::try_from(n).unwrap() * 3_000 + 700;
    let started = Timestamp::from_nanos(at(0).as_nanos() + millis * 1_000_000);
    // Data Capture's time has whole seconds.
    let time = if source == Source::Proxy { started } else { started.floor_to(Span::from_secs(1)) };
    let identity = Identity { source, key: format!("{}-{n}", source.name()) };
    let mut call: bifocal_model::Inference<Redacted> = inference(n, 0);
    call.id = InferenceId::of_identity(&identity, time);
    (call.identity, call.time) = (identity, time);
    call.labels.insert("inference_id".to_owned(), format!("client-{id}"));
    if source == Source::DataCapture {
        call.timing = bifocal_model::Timing::default();
    }
    call
}

fn views(numbers: impl Iterator<Item = u64>, source: Source) -> Vec<Record> {
    numbers.map(|n| Record::Inference(view(n, source).into())).collect()
}

#[test]
fn a_thousand_calls_seen_by_two_sources_are_exactly_a_thousand() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    // The capture files are delivered late, a few at a time and not in their order; some of them twice.
    for part in 0..10 {
        store.append(vec![views(part * 100..(part + 1) * 100, Source::Proxy)]).unwrap();
        let late = part.saturating_sub(1) * 100..part * 100;
        store.append(vec![views(late.clone().rev(), Source::DataCapture)]).unwrap();
        let again = store.append(vec![views(late.step_by(7), Source::DataCapture)]).unwrap();
        assert_eq!(again.batches[0].stored, 0);
        // What is known of the proxy's views survives a restart, out of the journal and out of segments.
        if part % 3 == 2 {
            if part == 5 {
                store.seal(&[]).unwrap();
            }
            drop(store);
            store = open(dir.path()).0;
        }
    }
    store.append(vec![views(900..CALLS, Source::DataCapture)]).unwrap();
    let calls = all_calls(&store.reader(), 500);
    assert_eq!(calls.len() as u64, CALLS);
    assert!(calls.iter().all(|call| call.identity.source == Source::Proxy), "the first view's fields");
    let ledger = store.reader().ledger();
    assert_eq!(ledger.received.values().map(|line| line.stored).sum::<u64>(), CALLS);
}

#[test]
fn calls_that_one_source_alone_has_seen_count_too() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    // The proxy missed each third call, Data Capture drew each second one.
    let proxy: Vec<u64> = (0..CALLS).filter(|n| n % 3 != 0).collect();
    let drawn: Vec<u64> = (0..CALLS).filter(|n| n % 2 == 0).collect();
    let seen = (0..CALLS).filter(|n| n % 3 != 0 || n % 2 == 0).count();
    store.append(vec![views(proxy.into_iter(), Source::Proxy)]).unwrap();
    store.append(vec![views(drawn.into_iter(), Source::DataCapture)]).unwrap();
    // One pair in twenty shares its id within the tolerance: where the proxy missed one and Data Capture the other,
    // nothing tells the two apart.
    let stored = all_calls(&store.reader(), 500).len();
    let confused = (0..CALLS / 20).map(|pair| pair * 20 + 18).filter(|n| n % 3 == 0).count();
    assert!(seen - stored <= confused && stored <= seen, "{stored} of {seen}, {confused} ambiguous");
}

#[test]
fn a_failed_append_takes_its_joins_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut store, _) = open(dir.path());
    store.append(vec![views(0..3, Source::Proxy)]).unwrap();
    let mut too_large = views(0..3, Source::DataCapture);
    let mut huge = view(500, Source::DataCapture);
    huge.tenant = Some("x".repeat(usize::try_from(limits::APPEND_BYTES).unwrap()));
    too_large.push(Record::Inference(huge.into()));
    let error = store.append(vec![too_large]).unwrap_err();
    assert!(matches!(error, Error::AppendTooLarge { .. }), "{error}");
    let again = store.append(vec![views(0..3, Source::DataCapture)]).unwrap();
    assert_eq!((again.batches[0].stored, again.batches[0].duplicates), (0, 3));
}
