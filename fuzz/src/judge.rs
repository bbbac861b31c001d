//! What judges write: verdicts, words on pairs, and replies that are to be repaired.

use std::sync::OnceLock;

use bifocal_evaluate::judge::{Anchors, Judge, JudgeConfig, JudgeRequest, Rubrics, Taken};
use bifocal_model::{Dimension, Timestamp, Verdict};

fn asked() -> &'static (Judge, JudgeRequest) {
    static ASKED: OnceLock<(Judge, JudgeRequest)> = OnceLock::new();
    ASKED.get_or_init(|| {
        let config = JudgeConfig { base_url: "http://h/v1".to_owned(), logprobs: true, ..JudgeConfig::default() };
        let judge = Judge::new(config, &Rubrics::shipped().expect("shipped")).expect("a judge");
        let line = r#"{"id":"a","prompt":"why?","answer":"because","scores":{"relevance":0.75}}"#;
        let anchors = Anchors::read(line).expect("an anchor");
        let request = judge.anchor_request(&anchors.all()[0], &Dimension::new("relevance"), [7; 16]);
        (judge, request.expect("a request"))
    })
}

/// Whatever a judge writes: a score lies on its scale, a failure quotes nothing, and a repair is a request with two more turns.
pub fn judge(bytes: &[u8]) {
    let (judge, request) = asked();
    let wrapped = serde_json::json!({"choices": [{"message": {"content": String::from_utf8_lossy(bytes)}}]});
    for body in [bytes, wrapped.to_string().as_bytes()] {
        for status in [200, 400, 429, 503] {
            let taken = Taken { now: Timestamp::from_secs(1), latency_seconds: 0.5 };
            let score = judge.read(request, status, body, taken);
            match &score.verdict {
                Verdict::Scored { value, .. } => {
                    assert!(status == 200 && (0.0..=1.0).contains(&value.get()));
                    assert!(judge.repair(request, body, &score).is_none(), "what can be read needs no repair");
                }
                Verdict::Failed { detail, .. } => assert!(detail.len() < 200, "{detail}"),
            }
            if let Some(repair) = judge.repair(request, body, &score) {
                assert_eq!(status, 200);
                let repair: serde_json::Value = serde_json::from_slice(&repair).expect("a request");
                assert_eq!(repair["messages"].as_array().map(Vec::len), Some(4));
            }
            let (said, _) = judge.read_pair(status, body);
            assert!(status == 200 || said.is_err());
        }
    }
}
