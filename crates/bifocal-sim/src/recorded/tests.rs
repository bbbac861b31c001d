use std::io::Write as _;
use std::path::PathBuf;

use bifocal_wire::{CallRequest, StreamDecoder, StreamKind};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;
use crate::judge::Judge;

fn gz(path: &Path, text: &str) {
    let mut encoder = GzEncoder::new(std::fs::File::create(path).unwrap(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

/// Files with three prompts, one of which the later model never answered.
fn files(folder: &Path) -> (PathBuf, PathBuf) {
    let (responses, prompts) = (folder.join("responses.gz"), folder.join("prompts.gz"));
    let prompt = |id: &str, text: &str| json!({"prompt_id": id, "prompt": text, "category": "x"}).to_string();
    let response = |id: &str, model: &str, text: &str, score: f64| {
        json!({"prompt_id": id, "model": model, "response": text, "judge_score": score, "judge_cost_usd": null}).to_string()
    };
    let lines =
        [prompt("a", "Write to bob@example.com"), prompt("b", "Say yes"), prompt("c", "Only the first")];
    gz(&prompts, &lines.join("\n"));
    let lines = [
        response("a", "big", "Dear bob@example.com, here it is.", 0.8),
        response("b", "big", "Yes.", 0.9),
        response("c", "big", "Alone.", 0.5),
        response("b", "small", "No.", 0.125),
        response("a", "small", "Yes.", 0.25),
        response("a", "other", "Unused.", 1.0),
    ];
    gz(&responses, &lines.join("\n"));
    (responses, prompts)
}

fn judged(judge: &Judge, question: &str, answer: &str) -> f64 {
    let content = format!(
        "Dimension: relevance\n<<<QUESTION n\n{question}\nQUESTION n>>>\n<<<ANSWER n\n{answer}\nANSWER n>>>"
    );
    let body = json!({"model": "j", "messages": [{"role": "user", "content": content}]}).to_string();
    let reply: Value = serde_json::from_slice(&judge.reply(body.as_bytes()).1).unwrap();
    let content = reply["choices"][0]["message"]["content"].as_str().unwrap();
    let verdict: Value = serde_json::from_str(content).unwrap_or_else(|_| json!({"score": -1.0}));
    verdict["score"].as_f64().unwrap()
}

#[test]
fn pairs_are_joined_and_their_scores_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let (responses, prompts) = files(folder.path());
    let recorded = Recorded::load(&responses, &prompts, "big", "small").unwrap();
    assert_eq!(recorded.prompts(), 2);
    let (before, after) = recorded.mean_scores();
    assert!((before - 0.85).abs() < 1e-12 && (after - 0.1875).abs() < 1e-12);
    let judge = Judge::new(1, recorded.judge_table(|text| text.replace("bob@example.com", "[email]")));
    assert_eq!(judged(&judge, "Write to [email]", "Dear [email], here it is."), 1.0 + 4.0 * 0.8);
    // The same answer to two questions: the question decides.
    assert_eq!(judged(&judge, "Say yes", "Yes."), 1.0 + 4.0 * 0.9);
    assert_eq!(judged(&judge, "Write to [email]", "Yes."), 1.0 + 4.0 * 0.25);
    let missing = Recorded::load(&responses, &prompts, "big", "huge").unwrap_err();
    assert!(matches!(missing, SimError::NoSuchModel { .. }), "{missing}");
    gz(&prompts, "{\"prompt_id\": \"a\", \"prompt\": \"x\"}\nnot JSON");
    let bad = Recorded::load(&responses, &prompts, "big", "small").unwrap_err();
    assert!(matches!(bad, SimError::BadRecord { line: 2, .. }), "{bad}");
}

#[test]
fn the_model_changes_behind_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let (responses, prompts) = files(folder.path());
    let recorded = Arc::new(Recorded::load(&responses, &prompts, "big", "small").unwrap());
    let target = |name: &str, swapped_from| RecordedTarget { name: name.to_owned(), swapped_from };
    let targets = vec![target("chat", Some(50)), target("beside", None)];
    let start = Timestamp::from_secs(1_795_000_000);
    let script = RecordedScript::new(7, recorded, Trace::even(2.0), start, targets);
    let answer = |name: &str, index| {
        let exchange = script.exchange(name, index).unwrap();
        let request = CallRequest::parse(&exchange.request.body).unwrap();
        assert_eq!(request.model.as_deref(), Some(name));
        let mut decoder = StreamDecoder::new(StreamKind::Sse);
        for chunk in &exchange.response.chunks {
            decoder.push(&chunk.bytes).unwrap();
        }
        let response = decoder.finish();
        assert_eq!(response.served_model.as_deref(), Some(name));
        response.text
    };
    let is_small = |text: &str| text == "No." || text == "Yes.";
    for index in 0..50 {
        assert!(answer("chat", index) != "No.");
        assert!(is_small(&answer("chat", 50 + index)));
        assert!(answer("beside", 50 + index) != "No.");
    }
    assert!(script.exchange("nobody", 0).is_none());
    assert_eq!(script.exchange("chat", 4).unwrap().time, start + Span::from_secs(2));
}

/// The real files, where they are at hand.
#[test]
fn real_answers_are_recognised_by_the_judge() {
    let Ok(shared) = std::env::var("BIFOCAL_SHARED") else {
        println!("skipped: no shared data");
        return;
    };
    let data = Path::new(&shared).join("data");
    let (big, small) = ("FuseChat-Llama-3.1-8B-Instruct", "FuseChat-Llama-3.2-1B-Instruct");
    let recorded = Recorded::load(
        &data.join("alpaca_responses.jsonl.gz"),
        &data.join("alpaca_prompts.jsonl.gz"),
        big,
        small,
    )
    .unwrap();
    assert_eq!(recorded.prompts(), 463);
    let (before, after) = recorded.mean_scores();
    assert!((before - 0.631).abs() < 0.001 && (after - 0.284).abs() < 0.001, "{before} {after}");
    let trace = Trace::load(&data.join("trace_azure2023_conv.csv.gz")).unwrap();
    let start = Timestamp::from_secs(0);
    assert_eq!(trace.arrivals(start, start, Timestamp::from_secs(1_990)).len(), 11_589);
    let judge = Judge::new(1, recorded.judge_table(str::to_owned));
    let mut prose = 0;
    for pair in &recorded.pairs {
        for answer in [&pair.before, &pair.after] {
            let score = judged(&judge, &pair.prompt, &answer.text);
            if score < 0.0 {
                prose += 1;
                continue;
            }
            assert!(
                (score - (1.0 + 4.0 * answer.score)).abs() < 1e-9,
                "{score} {} {:?}",
                answer.score,
                answer.text
            );
            // A judge's prompt may hold only the beginning of a long text.
            if answer.text.chars().count() <= 1500 {
                continue;
            }
            let head: String = answer.text.chars().take(1500).collect();
            let cut = judged(&judge, &pair.prompt, &head);
            assert!(cut < 0.0 || (cut - score).abs() < 1e-9, "{cut} {score} {head}");
        }
    }
    assert!(prose < 10, "{prose}");
}
