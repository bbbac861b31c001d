use bifocal_model::Identity;

use super::*;
use crate::limits::{PROBE_FILE_BYTES, PROBE_PROMPTS};

fn manner() -> Manner {
    Manner { model: "qwen".to_owned(), max_tokens: 64, temperature: 0.0 }
}

const FILE: &str = r#"
{"id": "a", "prompt": "2 + 2?", "reference": "4", "check": "numeric", "mine": 1}
{"id": "b", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]}
"#;

fn asked(at: usize, reply: Result<Reply, TransportError>) -> Asked {
    let time = Timestamp::from_secs(1_795_528_260);
    Asked { at, target: TargetKey::of_model("local", "qwen"), time, latency_seconds: 0.2, reply }
}

fn said(text: &str) -> Result<Reply, TransportError> {
    let body = json!({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]});
    Ok(Reply { status: 200, body: body.to_string().into_bytes() })
}

#[test]
fn prompts_are_asked_and_answers_checked() {
    let probe = Probe::read("sums", FILE, &manner()).unwrap();
    assert_eq!(probe.prompts(), 2);
    let body: serde_json::Value = serde_json::from_slice(&probe.body(1, &manner())).unwrap();
    assert_eq!((&body["messages"][0]["content"], &body["model"]), (&json!("Be brief."), &json!("qwen")));
    let right = probe.score(&asked(0, said("It is 4.")));
    assert_eq!((right.value(), right.passed()), (Some(Unit::ONE), Some(true)));
    assert_eq!((right.dimension.as_str(), right.evaluator.as_str()), ("probe_sums", "probe:sums"));
    assert_eq!(right.kind, EvaluatorKind::Reference);
    let wrong = probe.score(&asked(0, said("It is 5.")));
    assert_eq!(wrong.passed(), Some(false));
    let Verdict::Scored { label, explanation, .. } = wrong.verdict else { panic!() };
    assert_eq!((label.as_deref(), explanation.as_deref()), (Some("a"), Some("It is 5.")));
    assert_ne!(
        probe.score(&asked(1, said("Hi"))).inference,
        right.inference,
        "each asking has an id of its own"
    );
}

#[test]
fn what_is_no_answer_is_a_typed_failure() {
    let probe = Probe::read("sums", FILE, &manner()).unwrap();
    let failure = |reply| match probe.score(&asked(0, reply)).verdict {
        Verdict::Failed { failure, .. } => failure,
        Verdict::Scored { .. } => panic!(),
    };
    assert_eq!(failure(Err(TransportError::Timeout)), Failure::Timeout);
    assert_eq!(failure(Err(TransportError::Unreachable)), Failure::Unreachable);
    assert_eq!(failure(Ok(Reply { status: 503, body: Vec::new() })), Failure::Provider);
    assert_eq!(failure(Ok(Reply { status: 200, body: b"<html>".to_vec() })), Failure::Unparsable);
    let empty = Reply { status: 200, body: b"{\"choices\": [{\"message\": {}}]}".to_vec() };
    assert_eq!(
        probe.score(&asked(1, Ok(empty))).passed(),
        Some(false),
        "an empty answer is wrong, not missing"
    );
    let long = probe.score(&asked(0, said(&"4 ".repeat(PROBE_ANSWER_CHARS))));
    let Verdict::Scored { explanation, .. } = long.verdict else { panic!() };
    assert_eq!(explanation.unwrap().chars().count(), PROBE_ANSWER_CHARS);
}

#[test]
fn files_that_cannot_be_used_are_refused_with_their_line() {
    for (text, part) in [
        ("", "no prompt"),
        ("{\"id\": \"a\"}", "line 1: give either"),
        ("{\"id\": \"a\", \"prompt\": \"p\", \"check\": \"exact\"}", "needs a `reference`"),
        ("{\"id\": \"a\", \"prompt\": \"p\", \"reference\": \"x\", \"check\": \"numeric\"}", "no number"),
        ("{\"id\": \"a\", \"prompt\": \"p\", \"reference\": \"(\", \"check\": \"regex\"}", "line 1"),
        (
            "{\"id\": \"a\", \"prompt\": \"p\"}\n\n{\"id\": \"a\", \"prompt\": \"q\"}",
            "line 3: the id `a` is there twice",
        ),
        ("nonsense", "line 1"),
    ] {
        let err = Probe::read("x", text, &manner()).unwrap_err();
        assert!(err.contains(part), "{text}: {err}");
    }
    let many: String =
        (0..=PROBE_PROMPTS).map(|i| format!("{{\"id\": \"{i}\", \"prompt\": \"p\"}}\n")).collect();
    assert!(Probe::read("x", &many, &manner()).unwrap_err().contains("at most"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.jsonl");
    std::fs::write(&path, " ".repeat(usize::try_from(PROBE_FILE_BYTES).unwrap() + 1)).unwrap();
    assert!(Probe::open("x", &path, &manner()).unwrap_err().to_string().contains("longer than"));
}

#[test]
fn another_file_or_manner_is_another_stream() {
    let first = Probe::read("sums", FILE, &manner()).unwrap().fingerprint();
    assert_eq!(first, Probe::read("sums", FILE, &manner()).unwrap().fingerprint());
    assert_ne!(first, Probe::read("sums", &FILE.replace("2 + 2", "2 + 3"), &manner()).unwrap().fingerprint());
    let warmer = Manner { temperature: 0.7, ..manner() };
    assert_ne!(first, Probe::read("sums", FILE, &warmer).unwrap().fingerprint());
    let identity = Identity { source: bifocal_model::Source::Proxy, key: "x".to_owned() };
    let traffic = InferenceId::of_identity(&identity, Timestamp::from_secs(1_795_528_260));
    assert_ne!(traffic, Probe::read("sums", FILE, &manner()).unwrap().score(&asked(0, said("4"))).inference);
}
