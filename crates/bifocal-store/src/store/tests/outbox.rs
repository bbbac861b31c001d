//! What waits to be sent, over a start and a crash.

use bifocal_model::Span;

use crate::fixture::{at, open};
use crate::{Attempt, SmallState};

fn failed(state: &SmallState, key: &str, channel: &str, next_secs: i64) {
    let next_time = at(next_secs);
    let attempt = Attempt::Failed { attempts: 1, next_time, outcome: "HTTP 503", is_answered: true };
    state.outbox_note(channel, at(0), &[(&[key], attempt)]).unwrap();
}

fn delivered(state: &SmallState, key: &str, secs: i64) {
    let attempt = Attempt::Ended { outcome: "delivered" };
    state.outbox_note("sre", at(secs), &[(&[key], attempt)]).unwrap();
}

#[test]
fn what_was_under_way_at_a_crash_is_due_again_and_known_as_unanswered() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let state = store.small_state();
    for key in ["a:firing", "b:firing", "c:firing", "d:firing"] {
        state.outbox_put(key, "sre", b"{}", at(1)).unwrap();
    }
    state.outbox_put("a:firing", "mail", b"{}", at(1)).unwrap();
    let note = |notes: &[(&[&str], Attempt<'_>)]| state.outbox_note("sre", at(2), notes).unwrap();
    note(&[(&["a:firing"], Attempt::Begins)]);
    let ended = Attempt::Ended { outcome: "delivered" };
    note(&[(&["a:firing"], ended), (&["b:firing", "c:firing"], Attempt::Begins)]);
    drop((store, state));

    let (store, _) = open(dir.path());
    let state = store.small_state();
    assert_eq!((state.outbox_interrupted("sre").unwrap(), state.outbox_interrupted("mail").unwrap()), (2, 0));
    assert_eq!(state.outbox_interrupted("sre").unwrap(), 0, "once");
    let due = state.outbox_due("sre", at(2), 10).unwrap();
    let known: Vec<_> = due.iter().map(|o| (o.key.as_str(), o.attempts, o.unanswered)).collect();
    assert_eq!(known, [("b:firing", 1, 1), ("c:firing", 1, 1), ("d:firing", 0, 0)]);
    let (next_time, outcome) = (at(9), "timed out");
    let silent = Attempt::Failed { attempts: 2, next_time, outcome, is_answered: false };
    state.outbox_note("sre", at(3), &[(&["b:firing"], silent)]).unwrap();
    assert_eq!(state.outbox_due("sre", at(9), 10).unwrap()[0].unanswered, 2);
}

#[test]
fn an_alert_that_goes_on_is_not_forgotten_before_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let state = store.small_state();
    let of = |alert: &str| format!(r#"{{"alert_id":"{alert}"}}"#).into_bytes();
    for (key, alert, secs) in [("o:firing", "o", 10), ("e:firing", "e", 10), ("e:resolved", "e", 20)] {
        state.outbox_put(key, "sre", &of(alert), at(secs)).unwrap();
        delivered(&state, key, secs);
    }
    let keys = || state.outbox_recent(10).unwrap().into_iter().map(|o| o.key).collect::<Vec<_>>();
    state.outbox_forget(at(115), Span::from_secs(100)).unwrap();
    assert_eq!(keys().len(), 3, "the end of `e` is not old yet");
    state.outbox_forget(at(125), Span::from_secs(100)).unwrap();
    assert_eq!(keys(), ["o:firing"]);
    assert_eq!(state.outbox_of("o").unwrap()[0].channel, "sre");
    state.outbox_put("o:x:firing", "sre", &of("o:x"), at(126)).unwrap();
    assert_eq!(state.outbox_of("o").unwrap().len(), 1, "another rule's name may begin alike");
    state.outbox_forget(at(1_011), Span::from_secs(100)).unwrap();
    assert!(!keys().contains(&"o:firing".to_owned()), "nothing is kept for good");
}

#[test]
fn an_outbox_of_an_earlier_version_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let state = store.small_state();
    state.outbox_put("a:firing", "sre", b"{}", at(1)).unwrap();
    let earlier = "ALTER TABLE outbox DROP COLUMN begun; ALTER TABLE outbox DROP COLUMN unanswered";
    state.catalogue.lock().execute_batch(earlier).unwrap();
    drop((store, state));
    let (store, _) = open(dir.path());
    let due = store.small_state().outbox_due("sre", at(1), 10).unwrap();
    assert_eq!((due.len(), due[0].unanswered), (1, 0));
}

#[test]
fn small_state_is_there_after_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let state = store.small_state();
    assert!(state.outbox_put("a/1", "sre", b"{}", at(1)).unwrap());
    assert!(!state.outbox_put("a/1", "sre", b"other", at(2)).unwrap(), "the key is there");
    state.outbox_put("a/1", "mail", b"{}", at(1)).unwrap();
    failed(&state, "a/1", "sre", 60);
    state.kv_put("silence", b"x").unwrap();
    drop((store, state));
    let (store, _) = open(dir.path());
    let state = store.small_state();
    let due = |channel: &str, secs| state.outbox_due(channel, at(secs), 10).unwrap();
    assert_eq!((due("mail", 30).len(), due("sre", 30).len()), (1, 0));
    let of_sre = due("sre", 60);
    assert_eq!((of_sre.len(), of_sre[0].attempts, &of_sre[0].payload[..]), (1, 1, &b"{}"[..]));
    delivered(&state, "a/1", 61);
    assert_eq!((due("sre", 99).len(), due("mail", 99).len()), (0, 1));
    // The end of an alert waits for its beginning; another alert's message does not.
    let of = |alert: &str| format!(r#"{{"alert_id":"{alert}"}}"#).into_bytes();
    state.outbox_put("b:firing", "sre", &of("b"), at(100)).unwrap();
    failed(&state, "b:firing", "sre", 200);
    state.outbox_put("b:resolved", "sre", &of("b"), at(101)).unwrap();
    state.outbox_put("c:firing", "sre", &of("c"), at(102)).unwrap();
    let keys = |secs| due("sre", secs).into_iter().map(|o| o.key).collect::<Vec<_>>();
    assert_eq!(keys(150), ["c:firing"]);
    assert_eq!(keys(200), ["b:firing", "c:firing"]);
    delivered(&state, "b:firing", 201);
    assert_eq!(keys(201), ["b:resolved", "c:firing"]);
    // However much waits for another attempt, what is due goes; of what is due a look goes through the oldest alone.
    for i in 0..=crate::limits::OUTBOX_LOOKAHEAD {
        let key = format!("late-{i}");
        state.outbox_put(&key, "slow", b"no json", at(1)).unwrap();
        failed(&state, &key, "slow", 900);
    }
    state.outbox_put("behind", "slow", b"{}", at(2)).unwrap();
    assert_eq!(due("slow", 800).len(), 1);
    assert_eq!(state.outbox_due("slow", at(900), 10_000).unwrap().len(), 512);
    assert_eq!(state.outbox_give_up(&["sre".to_owned(), "mail".to_owned()], at(4), "gone").unwrap(), 514);
    // What waits for a channel that is gone is given up, the rest waits on.
    assert_eq!(state.outbox_give_up(&["sre".to_owned()], at(202), "gone").unwrap(), 1);
    assert_eq!((due("mail", 300).len(), due("sre", 300).len()), (0, 2));
    let recent = state.outbox_recent(10).unwrap();
    let done = recent.iter().find(|o| o.channel == "sre" && o.key == "a/1").unwrap();
    assert_eq!((done.done_at, done.outcome.as_deref()), (Some(at(61)), Some("delivered")));
    assert_eq!(state.kv_get("silence").unwrap().as_deref(), Some(&b"x"[..]));
    assert_eq!(state.kv_get("none").unwrap(), None);
}
