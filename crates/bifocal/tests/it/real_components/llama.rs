//! llama.cpp as the upstream, and as the judge.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::bed::{Component, openai_python};
use super::bifocal::Bifocal;
use super::client::{self, Answer};

/// llama.cpp and the address that a user gives as upstream.
fn llama(parallel: &str) -> Option<(Component, String)> {
    let server = Component::start("llm-server", &["--parallel", parallel])?;
    let upstream = server.address("openai").trim_end_matches("/v1").to_owned();
    Some((server, upstream))
}

/// The inference of a client's answer.
fn inference_of<'a>(inferences: &'a [Value], answer: &Answer) -> &'a Value {
    let found = inferences.iter().find(|item| item["question"] == answer.question.as_str());
    found.unwrap_or_else(|| panic!("no inference asks {:?}", answer.question))
}

/// What the API must say of a call whose answer the client understood.
fn assert_agrees(item: &Value, answer: &Answer) {
    assert_eq!(item["status"], 200, "{item}");
    assert_eq!(item["error_class"], Value::Null, "{item}");
    assert_eq!(item["answer"], answer.text.as_str());
    assert_eq!(item["finish_reason"], answer.finish_reason.as_str());
    assert_eq!(item["served_model"], answer.model.as_str());
    assert_eq!(item["input_tokens"], answer.input_tokens);
    assert_eq!(item["output_tokens"], answer.output_tokens);
    assert_eq!(item["input_tokens_source"], "server");
    assert_eq!(item["output_tokens_source"], "server");
    assert_eq!(item["completeness"], "complete");
    assert_eq!(item["target_name"], "smollm2");
    assert!(answer.output_tokens > 0);
    assert!(item["duration_seconds"].as_f64().unwrap() > 0.0, "{item}");
}

#[test]
fn real_llama_answers_through_the_proxy_are_measured() {
    let (Some((_server, upstream)), Some(python)) = (llama("2"), openai_python()) else { return };
    let bifocal = Bifocal::serve(&upstream, &[]);
    let plain = client::ask(
        &python,
        &bifocal.proxy,
        "plain",
        "What is the capital of France? Answer in one sentence.",
    );
    let streamed = client::ask(&python, &bifocal.proxy, "stream", "Name three colours of the rainbow.");
    let inferences = bifocal.inferences(2);

    let item = inference_of(&inferences, &plain);
    assert_agrees(item, &plain);
    assert_eq!(item["streamed"], false);
    assert_eq!(item["ttft_seconds"], Value::Null, "an answer in one piece has no first token");

    let item = inference_of(&inferences, &streamed);
    assert_agrees(item, &streamed);
    assert_eq!(item["streamed"], true);
    let (ttft, duration) =
        (item["ttft_seconds"].as_f64().unwrap(), item["duration_seconds"].as_f64().unwrap());
    assert!(0.0 < ttft && ttft < duration, "first token after {ttft} s of {duration} s");
    assert!(item["itl_seconds"].as_f64().unwrap() > 0.0);

    let targets = bifocal.api("targets");
    assert_eq!(targets["items"].as_array().unwrap().len(), 1, "one model is one target: {targets}");
    assert_eq!(targets["items"][0]["model"], "smollm2");
    assert_holds_no_key(bifocal.data.path());
}

/// The client's key passes through and stays nowhere.
fn assert_holds_no_key(folder: &Path) {
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            assert_holds_no_key(&entry.path());
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        let found = bytes.windows(client::KEY.len()).any(|window| window == client::KEY.as_bytes());
        assert!(!found, "{} holds the client's key", entry.path().display());
        files += 1;
    }
    assert!(
        files > 0 || folder.ends_with("lake") || fs::read_dir(folder).unwrap().count() == files,
        "{}",
        folder.display()
    );
}

#[test]
fn real_llama_answers_are_the_same_with_and_without_the_proxy() {
    let Some((_server, upstream)) = llama("1") else { return };
    let bifocal = Bifocal::serve(&upstream, &[]);
    let body = json!({
        "model": "smollm2", "temperature": 0, "max_tokens": 24, "cache_prompt": false,
        "messages": [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}],
    });
    let direct = bifocal.post(&format!("{upstream}/v1/chat/completions"), &body);
    let proxied = bifocal.post(&format!("{}/v1/chat/completions", bifocal.proxy), &body);
    assert_eq!((proxied.0, &proxied.1), (200, &direct.1));
    assert_eq!(lasting(proxied.2), lasting(direct.2));

    let wrong = json!({"model": "smollm2", "messages": "this is no list"});
    let direct = bifocal.post(&format!("{upstream}/v1/chat/completions"), &wrong);
    let proxied = bifocal.post(&format!("{}/v1/chat/completions", bifocal.proxy), &wrong);
    assert!(direct.0 >= 400, "llama.cpp refuses it: {direct:?}");
    assert_eq!(proxied, direct, "a refusal passes as it is");

    let models = "/v1/models";
    let keys = |text: String| serde_json::from_str::<Value>(&text).unwrap()["data"][0]["id"].clone();
    assert_eq!(
        keys(bifocal.text(&format!("{}{models}", bifocal.proxy))),
        keys(bifocal.text(&format!("{upstream}{models}")))
    );
}

/// An answer without what differs from call to call: its id, its time, and how long it took.
fn lasting(mut answer: Value) -> Value {
    let members = answer.as_object_mut().unwrap();
    for volatile in ["id", "created", "timings"] {
        assert!(members.remove(volatile).is_some(), "llama.cpp sends {volatile}");
    }
    assert!(answer["choices"][0]["message"]["content"].as_str().is_some_and(|text| !text.is_empty()));
    answer
}

#[test]
fn real_llama_queue_is_seen() {
    let (Some((_server, upstream)), Some(python)) = (llama("2"), openai_python()) else { return };
    let bifocal = Bifocal::serve(&upstream, &[]);
    let crowd = client::start(&python, &bifocal.proxy, "crowd", "Write a long story about the sea.", 64);
    let waiting = bifocal.until("requests wait", |bifocal| {
        let waiting: f64 = bifocal.metric("bifocal_requests_waiting").iter().sum();
        (waiting > 0.0).then_some(waiting)
    });
    assert!(waiting <= 10.0, "two of twelve are served: {waiting} wait");

    let answers = client::answers(crowd);
    let inferences = bifocal.inferences(answers.len());
    assert_eq!(answers.len(), 12);
    for answer in &answers {
        assert_agrees(inference_of(&inferences, answer), answer);
    }
    // llama.cpp's gauges and counters became readings: what was in work, what waited, and tokens a second.
    let id = bifocal.api("targets")["items"][0]["id"].as_str().unwrap().to_owned();
    let signals = bifocal.api(&format!("targets/{id}/signals"));
    let measured = |name: &str| {
        let series = signals["series"].as_array().unwrap().iter().filter(|series| series["signal"] == name);
        let points = series.flat_map(|series| series["points"].as_array().unwrap());
        points.filter_map(|point| point[1].as_f64()).fold(f64::NAN, f64::max)
    };
    for name in ["requests_waiting", "requests_running", "output_tokens_per_second"] {
        assert!(measured(name) > 0.0, "{name}: {signals}");
    }
}

#[test]
fn real_llama_as_a_judge_scores_or_fails_by_type() {
    let (Some((server, upstream)), Some(python)) = (llama("2"), openai_python()) else { return };
    let judge = server.address("openai");
    let mut bifocal = Bifocal::serve(
        &upstream,
        &[
            "--judge-url",
            judge,
            "--judge-model",
            "smollm2",
            "--judge-rate",
            "1",
            "--judge-tokens-per-day",
            "1000000000",
        ],
    );
    client::ask(&python, &bifocal.proxy, "plain", "What is water?");
    let line = bifocal.until("every chosen answer has its end", |bifocal| {
        let ledger = bifocal.api("ledger");
        let line = ledger["judging"].as_array().unwrap().first()?.clone();
        (line["selected"].as_u64()? > 0 && line["pending"] == 0).then_some(line)
    });
    assert_eq!(line["selected"], 3, "an answer, three dimensions: {line}");
    assert_eq!(line["balanced"], true, "{line}");
    assert_eq!(line["shed"], json!({}), "{line}");

    let scores = bifocal.api("scores?limit=100");
    let judged: Vec<&Value> =
        scores["items"].as_array().unwrap().iter().filter(|score| score["kind"] == "judge").collect();
    assert_eq!(judged.len(), 3, "each ends as a score or as a failure: {scores}");
    for score in judged {
        let (value, failure) = (score["value"].as_f64(), score["failure"].as_str());
        assert!(value.is_some() != failure.is_some(), "{score}");
        assert!(value.is_none_or(|value| (0.0..=1.0).contains(&value)), "{score}");
        assert_eq!(score["inclusion_probability"], 1.0);
    }
    assert!(bifocal.is_alive());
}
