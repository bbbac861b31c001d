use std::sync::LazyLock;

use super::*;
use crate::corpus::{Entry, Slots, entries};

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(entries);

fn ask(dimension: &str, question: &str, answer: &str) -> Vec<u8> {
    let content = format!(
        "Judge the answer.\nDimension: {dimension}\n<<<QUESTION 5e\n{question}\nQUESTION 5e>>>\n<<<ANSWER 5e\n{answer}\nANSWER 5e>>>\n"
    );
    json!({"model": "sim-judge-1", "messages": [{"role": "user", "content": content}]})
        .to_string()
        .into_bytes()
}

fn content(judge: &Judge, request: &[u8]) -> String {
    let (status, body) = judge.reply(request);
    assert_eq!(status, 200);
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
    body["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
}

/// The score on the scale 0 to 1; `None` for prose.
fn unit_score(judge: &Judge, request: &[u8]) -> Option<f64> {
    let verdict: Value = serde_json::from_str(&content(judge, request)).ok()?;
    Some((verdict["score"].as_f64().unwrap() - 1.0) / 4.0)
}

/// As redaction leaves a text: what is private is a kind in brackets.
fn redacted(text: &str) -> String {
    let private = ["{email}", "{phone}", "{card}", "{iban}"];
    private
        .iter()
        .fold(text.to_owned(), |text, slot| text.replace(slot, &slot.replace('{', "[").replace('}', "]")))
}

fn mean(dimension: &str, quality: Quality) -> f64 {
    let table = JudgeTable::of_corpus();
    let mut scores = Vec::new();
    for seed in 0..25 {
        let judge = Judge::new(seed, table.clone());
        let slots = Slots::draw(&mut Random::keyed(seed, &[]));
        for entry in ENTRIES.iter() {
            let question = format!(
                "[system] You are the assistant of an online shop for devices. Answer politely, precisely and briefly.\n\
                 [user] Hi, I have a question. {}",
                slots.fill(&redacted(&entry.prompt))
            );
            let answer = format!("Good question. {}", slots.fill(&redacted(entry.answer(quality))));
            scores.extend(unit_score(&judge, &ask(dimension, &question, &answer)));
        }
    }
    assert!(scores.len() > 1000);
    scores.iter().sum::<f64>() / scores.len() as f64
}

#[test]
fn worse_answers_lose_relevance_and_keep_their_safety() {
    assert!(mean("relevance", Quality::Good) > 0.85, "{}", mean("relevance", Quality::Good));
    let worse = mean("relevance", Quality::Worse);
    assert!((0.1..0.5).contains(&worse), "{worse}");
    assert!((mean("safety", Quality::Good) - mean("safety", Quality::Worse)).abs() < 0.01);
    let (tone, worse_tone) =
        (mean("professional_tone", Quality::Good), mean("professional_tone", Quality::Worse));
    assert!(tone - worse_tone > 0.05 && worse_tone > 0.65, "{tone} {worse_tone}");
}

#[test]
fn a_judge_says_the_same_twice_and_another_seed_differs() {
    let judge = Judge::new(1, JudgeTable::of_corpus());
    let other = Judge::new(2, JudgeTable::of_corpus());
    let mut differs = 0;
    for entry in ENTRIES.iter() {
        let request = ask("relevance", &entry.prompt, &entry.good);
        assert_eq!(judge.reply(&request), judge.reply(&request));
        differs += usize::from(judge.reply(&request) != other.reply(&request));
    }
    assert!(differs > 5, "{differs}");
}

#[test]
fn a_few_replies_in_a_thousand_are_prose() {
    let judge = Judge::new(1, JudgeTable::of_corpus());
    let prose = (0..10_000).filter(|number| {
        unit_score(&judge, &ask("relevance", "How late is it?", &format!("It is {number} o'clock.")))
            .is_none()
    });
    let prose = prose.count();
    assert!((5..50).contains(&prose), "{prose}");
}

#[test]
fn an_answer_to_another_question_and_a_refusal_are_not_relevant() {
    let judge = Judge::new(1, JudgeTable::of_corpus());
    let scores = |answers: &dyn Fn(usize) -> String| {
        let all: Vec<f64> = (0..ENTRIES.len())
            .filter_map(|at| unit_score(&judge, &ask("relevance", &ENTRIES[at].prompt, &answers(at))))
            .collect();
        all.iter().sum::<f64>() / all.len() as f64
    };
    assert!(scores(&|at| ENTRIES[(at + 1) % ENTRIES.len()].good.clone()) < 0.5);
    assert!(scores(&|_| crate::corpus::REFUSALS[0].1.to_owned()) < 0.3);
    // Cut in the middle: worse than whole, better than beside the point.
    let cut = scores(&|at| ENTRIES[at].good.chars().take(ENTRIES[at].good.chars().count() / 2).collect());
    assert!((0.5..0.75).contains(&cut), "{cut}");
}

#[test]
fn unknown_texts_get_a_middling_score() {
    let judge = Judge::new(1, JudgeTable::of_corpus());
    let near = unit_score(
        &judge,
        &ask("relevance", "Who painted the Mona Lisa?", "The Mona Lisa: Leonardo painted it."),
    );
    let far = unit_score(&judge, &ask("relevance", "Who painted the Mona Lisa?", "Bananas grow quickly."));
    assert!(near.unwrap() > far.unwrap(), "{near:?} {far:?}");
    assert!(near.unwrap() < 1.0 && far.unwrap() < 0.5);
}

#[test]
fn a_schema_is_obeyed() {
    let judge = Judge::new(1, JudgeTable::of_corpus());
    let mut request: Value =
        serde_json::from_slice(&ask("relevance", &ENTRIES[0].prompt, &ENTRIES[0].good)).unwrap();
    request["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "v", "schema": {
        "type": "object",
        "properties": {"why": {"type": "string"}, "rating": {"type": "integer", "minimum": 1, "maximum": 3}, "ok": {"type": "boolean"}},
    }}});
    let verdict: Value = serde_json::from_str(&content(&judge, request.to_string().as_bytes())).unwrap();
    assert!(verdict["why"].is_string() && verdict["ok"].is_boolean());
    assert_eq!(verdict["rating"], 3);
    assert_eq!(verdict.as_object().unwrap().len(), 3);
}

#[test]
fn what_is_no_request_is_refused_and_a_greeting_is_answered() {
    let judge = Judge::new(1, JudgeTable::of_corpus());
    assert_eq!(judge.reply(b"\xff").0, 400);
    let greeting = json!({"model": "j", "messages": [{"role": "user", "content": "ping"}]}).to_string();
    assert!(content(&judge, greeting.as_bytes()).starts_with("Ready"));
}
