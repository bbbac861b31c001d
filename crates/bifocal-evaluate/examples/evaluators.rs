//! What evaluators cost on real texts: what `bench/evaluators.py` runs beside Evidently.
//!
//! `evaluators TEXTS PASSES`: TEXTS holds one JSON object a line, `{"question", "answer"}`. Prints one JSON object: processor
//! seconds of all evaluators, of each alone, and of the descriptors that Evidently has too, and microseconds by length.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;

use bifocal_evaluate::{descriptors, heuristics};
use bifocal_model::{
    Completeness, Findings, FormatAsked, Identity, Inference, InferenceId, Message, Probability, Source,
    TargetKey, Timestamp, Timing, Usage,
};
use bifocal_redact::{Redacted, redact_inference};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: evaluators TEXTS PASSES";
    let (path, passes) = (arguments.next().ok_or(usage)?, arguments.next().ok_or(usage)?.parse::<u32>()?);
    let mut calls = Vec::new();
    let mut descriptions = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        let row: BTreeMap<String, String> = serde_json::from_str(line)?;
        let text = |name: &str| row.get(name).cloned().unwrap_or_default();
        let said = descriptors::of(&text("answer"));
        descriptions.push((
            said.characters,
            said.words,
            said.sentences,
            said.non_letter_percent,
            said.is_json,
        ));
        calls.push(call(text("question"), text("answer")));
    }
    let all =
        seconds(passes, || calls.iter().for_each(|call| drop(black_box(heuristics::all(call, call.time)))))?;
    let mut each = BTreeMap::new();
    for heuristic in &heuristics::HEURISTICS {
        let spent =
            seconds(passes, || calls.iter().for_each(|call| drop(black_box(heuristic.evaluate(call)))))?;
        each.insert(heuristic.evaluator.dimension, spent);
    }
    let shared = seconds(passes, || {
        for call in &calls {
            black_box(descriptors::of(call.answer.as_str()));
        }
    })?;
    let longest: String = calls.iter().map(|call| call.answer.as_str()).collect();
    let mut by_length = BTreeMap::new();
    for kib in [1_usize, 4, 16, 64, 256, 1_024, 10_240] {
        let text = longest.repeat(1 + (kib << 10) / longest.len().max(1));
        let long =
            call(String::new(), text.get(..text.floor_char_boundary(kib << 10)).unwrap_or("").to_owned());
        let rounds = u32::try_from(20_480 / kib)?.min(2_000);
        let spent = seconds(rounds, || drop(black_box(heuristics::all(&long, long.time))))?;
        by_length.insert(kib, 1e6 * spent / f64::from(rounds));
    }
    let bytes: usize = calls.iter().map(|call| call.answer.len()).sum();
    let result = serde_json::json!({
        "answers": calls.len() * usize::try_from(passes)?, "bytes": bytes, "all_seconds": all, "each_seconds": each,
        "descriptors_seconds": shared, "microseconds_by_kib": by_length, "descriptors": descriptions,
    });
    println!("{result}");
    Ok(())
}

/// Processor time of this thread, which others on the machine do not lengthen.
fn processor_seconds() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().ok_or("no schedstat")?.parse::<f64>()?;
    Ok(nanos / 1e9)
}

fn seconds(passes: u32, mut work: impl FnMut()) -> Outcome<f64> {
    work();
    let before = processor_seconds()?;
    (0..passes).for_each(|_| work());
    Ok(processor_seconds()? - before)
}

fn call(question: String, answer: String) -> Inference<Redacted> {
    let identity = Identity { source: Source::Proxy, key: String::new() };
    let time = Timestamp::from_secs(1_795_528_260);
    redact_inference(Inference {
        id: InferenceId::of_identity(&identity, time),
        identity,
        target: TargetKey::of_model("local", "m"),
        labels: BTreeMap::new(),
        tenant: None,
        time,
        messages: vec![Message { role: "user".to_owned(), text: question }],
        answer,
        finish_reason: None,
        usage: Usage::default(),
        timing: Timing::default(),
        status: Some(200),
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Json,
        streamed: false,
        redactions: Vec::new(),
        findings: Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    })
}
