//! Files and replies that people and servers write: whatever the bytes, nothing panics, what is refused says why, and a score
//! lies on its scale.

#![expect(clippy::expect_used, reason = "a test stops at the first thing that is not as it should be")]

use bifocal_evaluate::judge::{Anchors, Judge, JudgeConfig, Rubric, Rubrics, Taken};
use bifocal_evaluate::probe::{Manner, Probe};
use bifocal_model::{Dimension, Timestamp};
use bifocal_wire::json_schema::Schema;
use proptest::prelude::*;
use proptest::sample::Index;

const REPLY: &str = r#"{"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"{\"reason\":\"x\",\"score\":4}"},"logprobs":{"content":[{"token":"{\"score\":","logprob":-0.1,"top_logprobs":[]},{"token":"4","logprob":-0.1,"top_logprobs":[{"token":"4","logprob":-0.1},{"token":"5","logprob":-2.5}]},{"token":"}","logprob":0.0,"top_logprobs":[]}]}}],"usage":{"prompt_tokens":5,"completion_tokens":3}}"#;
const RUBRIC: &str = include_str!("../src/judge/rubrics/relevance.toml");
const ANCHOR: &str =
    "{\"id\": \"a\", \"prompt\": \"why?\", \"answer\": \"because\", \"scores\": {\"relevance\": 0.75}}\n";
const SCHEMA: &str = r##"{"type":"object","required":["id"],"properties":{"id":{"type":"integer","minimum":0},"tags":{"type":"array","items":{"$ref":"#/$defs/tag"},"maxItems":3}},"$defs":{"tag":{"type":"string","pattern":"^[a-z]+$"}},"anyOf":[{"not":{"const":3}},{"enum":[1,2]}]}"##;

/// A text with some bytes changed, taken out and doubled.
fn mutated(seed: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((any::<Index>(), any::<u8>(), 0..3u8), 0..12).prop_map(move |changes| {
        let mut bytes = seed.as_bytes().to_vec();
        for (at, byte, how) in changes {
            if bytes.is_empty() {
                break;
            }
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => {
                    bytes.remove(at);
                }
                _ => bytes.insert(at, byte),
            }
        }
        bytes
    })
}

fn judge(logprobs: bool) -> Judge {
    let config = JudgeConfig { base_url: "http://h/v1".to_owned(), logprobs, ..JudgeConfig::default() };
    Judge::new(config, &Rubrics::shipped().expect("shipped")).expect("a judge")
}

fn reply(bytes: &[u8]) {
    let anchors = Anchors::read(ANCHOR).expect("an anchor");
    for judge in [judge(false), judge(true)] {
        let anchor = &anchors.all()[0];
        let request = judge.anchor_request(anchor, &Dimension::new("relevance"), [7; 16]).expect("a request");
        for status in [200, 429, 500] {
            let taken = Taken { now: Timestamp::from_secs(1), latency_seconds: 0.5 };
            let score = judge.read(&request, status, bytes, taken);
            let value = score.value().map(|value| value.get());
            assert!(value.is_none_or(|value| (0.0..=1.0).contains(&value)), "{value:?}");
            assert!(status == 200 || value.is_none());
        }
    }
}

fn rubric(text: &str) {
    if let Ok(rubric) = Rubric::parse("x.toml", text) {
        assert!((1.0..=5.0).contains(&rubric.pass_score) && !rubric.dimension.is_empty());
        assert!(rubric.text().lines().count() >= 5);
    }
}

fn anchors(text: &str) {
    match Anchors::read(text) {
        Ok(read) => assert!(!read.all().is_empty()),
        Err((line, problem)) => assert!(line <= text.lines().count().max(1) && !problem.is_empty()),
    }
}

fn schema(text: &str, value: &str) {
    if let Ok(schema) = Schema::read(text)
        && let Ok(value) = serde_json::from_str(value)
    {
        let _ = schema.check(&value);
    }
}

const PROBE: &str = "{\"id\": \"sum\", \"prompt\": \"What is 17 * 3?\", \"reference\": 51, \"check\": \"numeric\"}\n{\"id\": \"b\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"reference\": \"(?i)hi\", \"check\": \"regex\"}\n";

fn manner() -> Manner {
    Manner { model: "m".to_owned(), max_tokens: 16, temperature: 0.0 }
}

fn probe(text: &str) {
    match Probe::read("golden", text, &manner()) {
        Ok(read) => assert!(read.prompts() > 0),
        Err(problem) => assert!(!problem.is_empty()),
    }
}

proptest! {
    #[test]
    fn no_reply_of_a_judge_panics_or_scores_off_its_scale(
        changed in mutated(REPLY),
        soup in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        reply(&changed);
        reply(&soup);
    }

    #[test]
    fn no_rubric_anchor_or_schema_panics(
        a in mutated(RUBRIC), b in mutated(ANCHOR), c in mutated(SCHEMA), d in mutated(PROBE), value in ".{0,60}", soup in ".{0,200}",
    ) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        rubric(&text(&a));
        rubric(&soup);
        anchors(&text(&b));
        anchors(&soup);
        probe(&text(&d));
        probe(&soup);
        schema(&text(&c), r#"{"id": 3, "tags": ["a", "B"]}"#);
        schema(SCHEMA, &value);
        schema(&soup, "[1]");
    }
}

#[test]
fn the_seeds_are_what_they_should_be() {
    assert!(
        Rubric::parse("x.toml", RUBRIC).is_ok()
            && Anchors::read(ANCHOR).is_ok()
            && Schema::read(SCHEMA).is_ok()
    );
    assert_eq!(Probe::read("golden", PROBE, &manner()).map(|probe| probe.prompts()), Ok(2));
    let judge = judge(true);
    let anchors = Anchors::read(ANCHOR).expect("an anchor");
    let request =
        judge.anchor_request(&anchors.all()[0], &Dimension::new("relevance"), [7; 16]).expect("a request");
    let taken = Taken { now: Timestamp::from_secs(1), latency_seconds: 0.5 };
    assert!(judge.read(&request, 200, REPLY.as_bytes(), taken).value().is_some());
}
