//! Golden texts per rule, and what the rules say of real answers.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;

use bifocal_model::{Completeness, ErrorClass, FinishReason, FormatAsked};
use flate2::read::GzDecoder;
use proptest::prelude::*;

use super::*;
use crate::sample::answered;

/// `label`, `good`, or `n/a`, with the value where it is neither 0 nor 1.
fn says(heuristic: &Heuristic, inference: &Inference<Redacted>) -> String {
    match heuristic.evaluate(inference) {
        None => "n/a".to_owned(),
        Some(Verdict::Scored { value, pass, label, .. }) => {
            assert_eq!(pass, value.get() >= 0.5, "{label:?}");
            label.unwrap_or_else(|| "good".to_owned())
        }
        Some(Verdict::Failed { .. }) => panic!("a rule cannot fail"),
    }
}

fn golden(heuristic: &Heuristic, table: &[(&str, &str)]) {
    for (text, expected) in table {
        assert_eq!(says(heuristic, &answered(text)), *expected, "{text:?}");
    }
}

fn json_asked(text: &str) -> Inference<Redacted> {
    let mut inference = answered(text);
    inference.format_asked = FormatAsked::Json;
    inference
}

#[test]
fn empty_answers() {
    let zero_width = "\u{200b}\u{feff} \u{200e}";
    golden(
        &empty::HEURISTIC,
        &[
            ("", "nothing"),
            (" \n\t ", "nothing"),
            (zero_width, "nothing"),
            ("..", "signs_only"),
            ("{}", "signs_only"),
            ("...", "good"),
            ("No", "good"),
            ("7", "good"),
            ("是", "good"),
            ("Because.", "good"),
        ],
    );
    let mut tool = answered("");
    tool.finish_reason = Some(FinishReason::ToolCalls);
    assert_eq!(says(&empty::HEURISTIC, &tool), "good");
}

#[test]
fn truncated_answers() {
    golden(
        &truncated::HEURISTIC,
        &[
            ("Done.", "good"),
            ("```python\nprint(1)\n```\nDone.", "good"),
            ("```python\nprint(1)\n", "open_fence"),
            ("````md\n```\ninner\n```\n````", "good"),
            ("````md\n```\ninner\n```\n", "open_fence"),
            ("Use ```x``` inline.", "good"),
            ("```x``` opens nothing", "good"),
            ("{\"a\": [1, 2", "open_json"),
            ("{\"a\": \"}", "open_json"),
            ("[{\"a\": 1}, {", "open_json"),
            ("{\"a\": \"\\\"{\"}", "good"),
            ("{\"a\": 1} and prose {", "good"),
            ("[1] is a footnote [", "good"),
            ("{name}, hello", "good"),
            ("{", "open_json"),
        ],
    );
    let mut long = answered("Done.");
    long.finish_reason = Some(FinishReason::Length);
    assert_eq!(says(&truncated::HEURISTIC, &long), "length");
    // Where the capture cut the answer, the open fence is ours.
    let mut cut = answered("```\nx");
    cut.completeness = Completeness::AnswerTruncated;
    assert_eq!(says(&truncated::HEURISTIC, &cut), "good");
    cut.finish_reason = None;
    assert_eq!(says(&truncated::HEURISTIC, &cut), "n/a");
}

#[test]
fn refusals() {
    golden(
        &refusal::HEURISTIC,
        &[
            ("I'm sorry, but I can't help with that.", "phrase"),
            ("I’m sorry, but I can’t assist with that request.", "phrase"),
            ("I cannot provide instructions for that.", "phrase"),
            ("As an AI language model, I cannot browse the web.", "phrase"),
            ("Es tut mir leid, aber ich kann dabei nicht helfen.", "phrase"),
            ("DABEI KANN ICH LEIDER NICHT - Dabei kann ich nicht helfen.", "phrase"),
            ("Je suis désolé, mais je ne peux pas vous aider.", "phrase"),
            ("Lo siento, pero no puedo ayudarte con eso.", "phrase"),
            ("I cannot recommend this restaurant enough!", "good"),
            ("You can't help but smile.", "good"),
            ("Sorry to hear that! Here is what to do.", "good"),
            ("Puedo ayudarte con eso.", "good"),
            ("", "good"),
        ],
    );
    let late = format!("{} I cannot assist", "x".repeat(290));
    assert_eq!(says(&refusal::HEURISTIC, &answered(&late)), "good", "beyond the first 300 characters");
    let early = format!("{} I cannot assist", "x".repeat(280));
    assert_eq!(says(&refusal::HEURISTIC, &answered(&early)), "phrase");
    let mut filtered = answered("Once upon");
    filtered.finish_reason = Some(FinishReason::ContentFilter);
    assert_eq!(says(&refusal::HEURISTIC, &filtered), "content_filter");
}

#[test]
fn repetitions() {
    let prose = "The lease sets the rent, the deposit and the notice. Pay on the first of each month, keep the \
                 receipts, and write to the landlord when something breaks; repairs are owed within a fortnight.";
    let looped = format!("{prose} {}", "and so on ".repeat(8));
    let counted: String = (0..60).map(|i| format!("Step {i}: press the red button once. ")).collect();
    let table = format!("| name | size |\n{}", "| --- | --- |\n".repeat(30));
    let blocks = "one two three four five six seven eight nine ten eleven twelve ".repeat(3);
    golden(
        &repetition::HEURISTIC,
        &[
            (prose, "good"),
            (&looped, "loop"),
            (&"the ".repeat(30), "loop"),
            (&format!("go {}", "a".repeat(400)), "loop"),
            (&"很".repeat(400), "loop"),
            (&counted, "frequent"),
            (&table, "good"),
            (&blocks, "few_distinct"),
            ("no no no no", "good"),
        ],
    );
}

#[test]
fn formats() {
    for (text, label, value) in [
        ("{\"a\": 1}", "strict", 1.0),
        (" [1, 2]\n", "strict", 1.0),
        ("```json\n{\"a\": 1}\n```", "fenced", 0.5),
        ("Here you are: {\"a\": 1}", "lenient", 0.5),
        ("{\"a\": \"line\nbreak\"}", "lenient", 0.5),
        ("{\"card\": 4111111111111111, \"mail\": \"a@b.org\"}", "strict", 1.0),
        ("{\"a\": 1", "invalid", 0.0),
        ("no JSON at all", "invalid", 0.0),
        ("", "invalid", 0.0),
    ] {
        let inference = json_asked(text);
        assert_eq!(says(&format::HEURISTIC, &inference), label, "{text:?}");
        let Some(Verdict::Scored { value: got, .. }) = format::HEURISTIC.evaluate(&inference) else {
            panic!()
        };
        assert_eq!(got.get(), value);
    }
    assert_eq!(says(&format::HEURISTIC, &answered("{}")), "n/a", "no JSON was asked for");
    let mut cut = json_asked("{\"a\": 1");
    cut.completeness = Completeness::AnswerTruncated;
    assert_eq!(says(&format::HEURISTIC, &cut), "n/a");
}

#[test]
fn every_answer_has_its_scores_and_a_failed_call_has_none() {
    let now = Timestamp::from_secs(9);
    let mut inference = json_asked("{\"a\": 1}");
    inference.capture_probability = Probability::new(0.25).unwrap();
    let scores = all(&inference, now);
    let dimensions: Vec<_> = scores.iter().map(|score| score.dimension.as_str()).collect();
    assert_eq!(dimensions, ["empty", "truncated", "refusal", "repetition", "format"]);
    for score in &scores {
        assert_eq!((score.inclusion, score.capture.get()), (Probability::ONE, 0.25));
        assert_eq!((score.scored_at, score.inference), (now, inference.id));
        assert_eq!(score.value(), Some(Unit::ONE));
    }
    let mut prints: Vec<_> = HEURISTICS.iter().map(Heuristic::fingerprint).collect();
    prints.dedup();
    assert_eq!(prints.len(), 5);
    inference.error = Some(ErrorClass::MidStream);
    assert_eq!(all(&inference, now), []);
}

#[test]
fn the_limit_on_length_is_reached() {
    let text = "ä".repeat(HEURISTIC_BYTES);
    assert_eq!(head(&text).len(), HEURISTIC_BYTES);
    let inference = answered(&format!("```\n{text}"));
    assert_eq!(says(&truncated::HEURISTIC, &inference), "good", "only the server can say");
    assert_eq!(all(&inference, Timestamp::default()).len(), 4);
}

proptest! {
    #[test]
    fn no_answer_panics(text in ".{0,400}", json in any::<bool>()) {
        let inference = if json { json_asked(&text) } else { answered(&text) };
        prop_assert!(all(&inference, Timestamp::default()).len() >= 4);
    }

    #[test]
    fn no_soup_of_signs_panics(parts in prop::collection::vec(prop::sample::select(vec![
        "```", "\n", "{", "}", "[", "]", "\"", "\\", "a ", "ä", "[card]", "json", "<think>",
    ]), 0..80)) {
        let inference = json_asked(&parts.concat());
        prop_assert_eq!(all(&inference, Timestamp::default()).len(), 5);
    }
}

/// Rows of a shared data file; `None`, with a word on stderr, when the data is not there.
fn rows(name: &str) -> Option<impl Iterator<Item = serde_json::Value>> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED") else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let path = PathBuf::from(shared).join("data").join(name);
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let lines = BufReader::new(GzDecoder::new(file)).lines();
    Some(lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()))
}

/// 13 models were asked for JSON 500 times each; upstream says which answers hold it.
#[test]
fn real_data_lenient_json_agrees_with_upstream() {
    let Some(rows) = rows("gsm_responses.jsonl.gz") else { return };
    let mut labels: BTreeMap<String, u32> = BTreeMap::new();
    let (mut n, mut agree) = (0u32, 0u32);
    for row in rows {
        let label = says(&format::HEURISTIC, &json_asked(row["response"].as_str().unwrap()));
        agree += u32::from((label != "invalid") == row["json_valid"].as_bool().unwrap());
        *labels.entry(label).or_default() += 1;
        n += 1;
    }
    eprintln!("format: {agree} of {n} agree with json_valid; {labels:?}");
    assert_eq!(n, 6_500);
    assert!(f64::from(agree) / f64::from(n) >= 0.999, "{agree} of {n}");
}

/// The hard failures of good models are rare, and a model that answers with 15 characters is told. How many of its
/// cut answers count as truncated is a number to watch, not yet a promise.
#[test]
fn real_data_hard_failures_of_real_models() {
    let Some(rows) = rows("alpaca_responses.jsonl.gz") else { return };
    let mut failures: BTreeMap<(&str, String), u32> = BTreeMap::new();
    let (mut cut, mut told, mut n) = (0u32, 0u32, 0u32);
    for row in rows {
        let inference = answered(row["response"].as_str().unwrap());
        let failing =
            HEURISTICS.iter().filter(|heuristic| !["n/a", "good"].contains(&&*says(heuristic, &inference)));
        let failing: Vec<&str> = failing.map(|heuristic| heuristic.dimension).collect();
        if row["model"] == "gpt4_gamed" {
            if inference.answer.as_str().chars().count() <= 15 {
                cut += 1;
                told += u32::from(failing.contains(&"truncated") || failing.contains(&"empty"));
            }
            continue;
        }
        if row["model"] == "NullModel" {
            continue;
        }
        n += 1;
        for dimension in failing {
            *failures.entry((dimension, row["model"].as_str().unwrap().to_owned())).or_default() += 1;
        }
    }
    let mut sums: BTreeMap<&str, u32> = BTreeMap::new();
    for ((dimension, model), count) in &failures {
        *sums.entry(dimension).or_default() += count;
        if *count >= 20 {
            eprintln!("{dimension}: {model} {count} of 463");
        }
    }
    eprintln!("of {n} answers: {sums:?}; gpt4_gamed: {told} of {cut} cut answers told");
    assert_eq!(cut, 443);
    let share = |dimension: &str| f64::from(sums.get(dimension).copied().unwrap_or(0)) / f64::from(n);
    assert!(share("repetition") < 0.02 && share("empty") < 0.01 && share("truncated") < 0.03, "{sums:?}");
    assert!(share("refusal") > 0.001 && share("refusal") < 0.1, "{sums:?}");
}
