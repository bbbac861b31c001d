//! Capture files that are not as they should be.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Ended, run};
use crate::harness::bifocal;

const GOOD: &str = r#"{"captureData":{"endpointInput":{"observedContentType":"application/json","mode":"INPUT","data":"{\"inputs\": \"How many legs has a spider?\"}","encoding":"JSON"},"endpointOutput":{"observedContentType":"application/json","mode":"OUTPUT","data":"{\"generated_text\": \"Eight.\"}","encoding":"JSON"}},"eventMetadata":{"eventId":"EVENT","inferenceTime":"2026-02-19T01:34:30Z"},"eventVersion":"0"}"#;

fn good(event: &str) -> Vec<u8> {
    GOOD.replace("EVENT", event).into_bytes()
}

fn backfill(folder: &Path, format: &str) -> Ended {
    let mut command = bifocal();
    command
        .args(["--format", format, "backfill"])
        .arg(folder.join("files"))
        .arg("--data")
        .arg(folder.join("data"));
    run(&mut command)
}

#[test]
fn cli_lines_that_cannot_be_read_are_counted_by_reason_and_the_rest_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("files")).unwrap();
    let lines = [
        good("a"),
        b"{\"captureData\": {\"endpointInput\":".to_vec(),
        good("b"),
        [b"{\"captureData\": \"", &[0xff, 0xfe][..], b"\"}"].concat(),
        vec![b'x'; 50_000_000],
        good("a"),
        GOOD.replace("2026-02-19T01:34:30Z", "yesterday").into_bytes(),
        good("c"),
    ];
    fs::write(folder.path().join("files/one.jsonl"), lines.join(&b'\n')).unwrap();

    let ended = backfill(folder.path(), "json");
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&report["received"], &report["stored"], &report["duplicates"]),
        (&8.into(), &3.into(), &1.into())
    );
    let rejected = serde_json::json!({"malformed": 1, "no_time": 1, "not_utf8": 1, "too_long": 1});
    assert_eq!(report["rejected"], rejected);

    let again = backfill(folder.path(), "text");
    assert_eq!(again.code, Some(0), "nothing new, so nothing new was rejected: {}", again.errors);
    assert_eq!(again.out, "1 files (1 read before), 0 lines: 0 stored, 0 already there, 0 rejected\n");
}

#[test]
fn cli_a_path_that_is_not_there_or_holds_nothing_is_a_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let missing = backfill(folder.path(), "text");
    assert_eq!(missing.code, Some(2));
    assert!(missing.errors.contains("B0210"), "{}", missing.errors);
    fs::create_dir(folder.path().join("files")).unwrap();
    let empty = backfill(folder.path(), "text");
    assert_eq!(empty.code, Some(2));
    assert!(empty.errors.contains("B0211"), "{}", empty.errors);
}
