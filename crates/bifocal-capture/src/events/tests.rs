use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bifocal_model::EventKind;
use bifocal_store::intake;

use super::*;

/// The journal's side: what was submitted.
#[derive(Clone, Debug, Default)]
struct Journal {
    checkpoints: Arc<Mutex<BTreeMap<String, Checkpoint>>>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Journal {
    fn follow(&self, path: &Path) -> EventsFile {
        let (intake, _) = intake(4, bifocal_store::Arrivals::default());
        let (checkpoints, events) = (Arc::clone(&self.checkpoints), Arc::clone(&self.events));
        EventsFile::new(
            path.to_owned(),
            intake,
            move |file| checkpoints.lock().unwrap().get(file).cloned(),
            move |event| events.lock().unwrap().contains(event),
            |name| (name == "qwen").then(|| TargetKey::of_model("local", "qwen")),
        )
    }

    /// One look, journaled; the ids of new events and the bad lines.
    fn look(&self, file: &EventsFile) -> (Vec<String>, Vec<(u64, String)>) {
        let found = file.look().unwrap();
        if let Some(checkpoint) = found.checkpoint {
            self.checkpoints.lock().unwrap().insert(checkpoint.file.clone(), checkpoint);
        }
        let ids = found.events.iter().map(|event| event.id.clone()).collect();
        self.events.lock().unwrap().extend(found.events);
        (ids, found.bad)
    }
}

fn line(id: &str) -> String {
    format!(
        "{{\"t\":\"2026-11-24T13:51:00Z\",\"target\":\"qwen\",\"kind\":\"deployment\",\"id\":\"{id}\"}}\n"
    )
}

fn append(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn lines_are_followed_and_a_restart_goes_on_behind_the_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let journal = Journal::default();
    let file = journal.follow(&path);
    assert!(file.look().is_err(), "not there yet");
    append(&path, &line("d-1")[..30]);
    assert_eq!(journal.look(&file).0, [""; 0], "half a line is none");
    append(&path, &line("d-1")[30..]);
    append(&path, &line("d-2"));
    assert_eq!(journal.look(&file).0, ["d-1", "d-2"]);
    assert_eq!(journal.look(&file).0, [""; 0]);
    append(&path, &line("d-3"));
    let again = journal.follow(&path);
    assert_eq!(journal.look(&again).0, ["d-3"]);
    let events = journal.events.lock().unwrap().clone();
    assert_eq!(events[0].target, Some(TargetKey::of_model("local", "qwen")));
    assert_eq!((events[0].kind, events[0].summary.as_str()), (EventKind::Deployment, "deployment d-1"));
}

#[test]
fn a_cut_file_is_read_anew_without_what_is_known_and_another_file_from_its_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let journal = Journal::default();
    let file = journal.follow(&path);
    append(&path, &(line("d-1") + &line("d-2") + &line("d-3")));
    assert_eq!(journal.look(&file).0.len(), 3);
    std::fs::write(&path, line("d-1") + &line("d-4")).unwrap();
    assert_eq!(journal.look(&file).0, ["d-4"]);
    std::fs::write(&path, line("e-1")).unwrap();
    assert_eq!(journal.look(&file).0, ["e-1"]);
}

#[test]
fn bad_lines_have_their_number_and_the_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let journal = Journal::default();
    let file = journal.follow(&path);
    let bad = [
        "no json\n".to_owned(),
        line("d").replace("deployment", "alert_fired"),
        line("d").replace("deployment", "party"),
        line(""),
        line("d").replace("2026", "yesterday"),
        line(&"x".repeat(EVENT_LINE_BYTES)),
        line(&"x".repeat(crate::limits::EVENT_TEXT_CHARS + 1)),
    ];
    append(&path, &(line("d-1") + &bad.concat() + "\n" + &line("d-2")));
    let (ids, wrong) = journal.look(&file);
    assert_eq!(ids, ["d-1", "d-2"]);
    assert_eq!(wrong.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8]);
    assert!(wrong[1].1.contains("Bifocal's own"), "{}", wrong[1].1);
    assert!(wrong[5].1.contains("bytes"), "limit event_line_bytes: {}", wrong[5].1);
    assert!(wrong[6].1.contains("characters"), "limit event_text_chars: {}", wrong[6].1);
}

#[test]
fn an_unknown_target_is_named_and_no_target_is_all() {
    let of = |text: &str| EventLine::read(text.as_bytes()).unwrap().event(|_| None);
    let event = of(line("d-1").trim_end());
    assert_eq!(event.target, None);
    assert!(event.summary.contains("of qwen"), "{}", event.summary);
    let event = of(&line("d-1").replace("\"target\":\"qwen\",", ""));
    assert_eq!((event.target, event.summary.as_str()), (None, "deployment d-1"));
}

#[test]
fn limit_events_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("events.jsonl");
    let journal = Journal::default();
    let file = journal.follow(&path);
    append(&path, &(0..EVENTS_AT_ONCE + 5).map(|i| line(&format!("d-{i}"))).collect::<String>());
    assert_eq!(journal.look(&file).0.len() as u64, EVENTS_AT_ONCE);
    assert_eq!(journal.look(&file).0.len(), 5);
}

#[test]
fn limit_event_lines_and_texts() {
    // Reached in `bad_lines_have_their_number_and_the_rest_is_read`; what lies just within the limits is read.
    let longest = "x".repeat(crate::limits::EVENT_TEXT_CHARS);
    assert!(EventLine::read(line(&longest).trim_end().as_bytes()).is_ok());
    assert!(line(&longest).len() < EVENT_LINE_BYTES);
}
