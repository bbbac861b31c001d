use bifocal_model::feature::{BEHAVIOUR, INPUT, OUTPUT};
use bifocal_model::{Completeness, FeatureGroup, FinishReason, Message, TokenCount};
use bifocal_redact::redact_inference;
use proptest::prelude::*;

use super::*;
use crate::limits::{FEATURE_BYTES, FEATURE_WORDS};
use crate::sample::{answered, inference};

/// One feature of an inference; NaN where it does not apply.
fn value(inference: &Inference<Redacted>, name: &str) -> f64 {
    let all = of(inference);
    for group in FeatureGroup::ALL {
        if let Some(at) = group.features().iter().position(|feature| feature.name == name) {
            return all.of(group).map_or(f64::NAN, |values| values[at]);
        }
    }
    panic!("no feature `{name}`")
}

fn close(answer: &str, name: &str, expected: f64) {
    let ours = value(&answered(answer), name);
    assert!((ours - expected).abs() < 1e-9, "{name} of {answer:?}: {ours}, expected {expected}");
}

#[test]
fn style_is_counted_by_hand() {
    let text = "The cat, perhaps, sat. \"You\" and I saw it!\n\n- one item\n- two items\n";
    close(text, "sentence_words", 15.0 / 2.0);
    close(text, "hedging_words", 1.0 / 15.0);
    close(text, "second_person", 1.0 / 15.0);
    close(text, "first_person", 1.0 / 15.0);
    close(text, "function_words", 3.0 / 15.0);
    close(text, "paragraphs", 1.0 / 15.0);
    close(text, "list_lines", 2.0 / 3.0);
    close(text, "commas", 2.0 / 15.0);
    close(text, "quotes", 2.0 / 15.0);
    close(text, "exclamations", 1.0 / 15.0);
    close(text, "dashes", 2.0 / 15.0);
    close(text, "first_line_bytes", 42.0);
    close(text, "first_word", 7.0);
    close(text, "distinct_words", 13.0 / 15.0);
    close(text, "capitals", 3.0 / 43.0);
    close(text, "digits", 0.0);
    close("# Head\n\n```rust\nlet x = 1;\n```\n1. a\n2) b\n", "headings", 1.0 / 6.0);
    close("# Head\n\n```rust\nlet x = 1;\n```\n1. a\n2) b\n", "code_fences", 2.0);
    close("# Head\n\n```rust\nlet x = 1;\n```\n1. a\n2) b\n", "list_lines", 2.0 / 6.0);
    close("12 of 345", "digits", 5.0 / 9.0);
    close("(a) [b]: c; d", "brackets", 4.0 / 4.0);
    close("(a) [b]: c; d", "colons", 2.0 / 4.0);
    close("*a* `b` |c|_", "emphasis", 7.0 / 12.0);
    close("extraordinary words", "long_words", 0.5);
    close("extraordinary words", "word_bytes", 9.0);
}

#[test]
fn openings_are_told_apart() {
    for (answer, class) in [
        ("**Bold** start", 0.0),
        ("- item", 0.0),
        ("1. first", 1.0),
        ("Sorry, no", 2.0),
        ("As an AI", 2.0),
        ("Certainly! Here", 3.0),
        ("Yes, it is", 4.0),
        ("Here's one", 8.0),
        ("Here is one", 5.0),
        ("I think", 6.0),
        ("The answer", 7.0),
        ("\"The answer\"", 7.0),
        ("Bananas are", 8.0),
    ] {
        close(answer, "first_word", class);
    }
}

#[test]
fn languages_are_told_apart() {
    for (text, class) in [
        ("The answer to this question is that it can be done with the right tools.", 1.0),
        ("Die Antwort auf diese Frage ist nicht einfach, und es wird von den Daten bestimmt.", 2.0),
        ("La réponse est dans les données et ce sont les données qui sont au centre.", 3.0),
        ("El resultado de los datos se puede ver en las tablas y en los gráficos por año.", 4.0),
        ("Kedi masanın üzerinde uyuyor", 5.0),
        ("Η γάτα κοιμάται", 6.0),
        ("Кошка спит на столе", 7.0),
        ("القط نائم على الطاولة", 8.0),
        ("बिल्ली मेज पर सो रही है", 9.0),
        ("猫在桌子上睡觉。", 10.0),
        ("고양이가 책상 위에서 자고 있다", 11.0),
        ("12 + 34 = 46", 0.0),
    ] {
        close(text, "answer_language", class);
        assert_eq!(value(&inference(1, text, "x"), "prompt_language"), class, "{text}");
    }
}

#[test]
fn what_was_asked_and_how_it_ended() {
    let mut call = inference(1, "Why is the sky blue?", "I'm sorry, I cannot say, because the");
    assert_eq!(value(&call, "refusal_words"), 2.0);
    assert_eq!(value(&call, "unfinished"), 1.0);
    assert_eq!(value(&call, "finish_reason"), 4.0);
    assert_eq!(value(&call, "prompt_template"), -1.0);
    assert_eq!(value(&call, "prompt_bytes"), 20.0);
    assert!(value(&call, "input_tokens").is_nan(), "nobody counted");
    call.usage.input = Some(TokenCount::estimate(9));
    assert!(value(&call, "input_tokens").is_nan(), "an estimate is a length in other words");
    call.usage.output = Some(TokenCount::server(12));
    assert_eq!(value(&call, "output_tokens"), 12.0);
    call.finish_reason = Some(FinishReason::Length);
    assert_eq!(value(&call, "finish_reason"), 3.0);
    call.completeness = Completeness::AnswerTruncated;
    assert!(value(&call, "answer_bytes").is_nan(), "our own cut says nothing of the model");
    // The template is told by the start of the system message.
    let with_system = |system: &str| {
        let mut raw = inference(1, "q", "a").map_texts(Redacted::into_string, Redacted::into_string);
        raw.messages.insert(0, Message { role: "system".to_owned(), text: system.to_owned() });
        redact_inference(raw)
    };
    let long = "You are a helpful assistant of the bank. Answer briefly, in plain words. Today is ";
    let template = |system: &str| value(&with_system(system), "prompt_template");
    assert_eq!(template(&format!("{long}Monday")), template(&format!("{long}Tuesday")));
    assert_ne!(template(long), template("You are a poet."));
    assert_eq!(value(&with_system(long), "messages"), 2.0);
}

#[test]
fn what_does_not_apply_is_absent_and_nothing_is_infinite() {
    let mut call = answered("");
    let nothing = of(&call);
    assert_eq!((nothing.output.is_some(), nothing.behaviour), (true, None));
    call.completeness = Completeness::RequestOnly;
    assert_eq!(of(&call).output, None);
    call.messages.clear();
    assert!(of(&call).input.iter().all(|value| value.is_nan()));
    for text in ["\n", " ", "\u{0}", "---", "```", "…", "a", "\u{feff}", "🙂🙂"] {
        let values = of(&answered(text));
        let numbers = values.output.into_iter().flatten().chain(values.behaviour.into_iter().flatten());
        assert!(numbers.into_iter().all(|value| !value.is_infinite()), "{text:?}");
    }
}

#[test]
fn the_head_is_measured_and_the_length_is_whole() {
    let long = "word ".repeat(FEATURE_BYTES);
    assert_eq!(value(&answered(&long), "answer_bytes"), long.len() as f64);
    assert_eq!(Scan::of(&long).words as usize, FEATURE_BYTES / 5 + 1);
    assert_eq!(Scan::of(&long).looked_up, FEATURE_WORDS);
    // A word past the last one that is looked up changes nothing but what is counted of bytes.
    let at_limit = "word ".repeat(FEATURE_WORDS as usize);
    close(&format!("{at_limit}you"), "second_person", 0.0);
    close(&format!("{}you", &at_limit[5..]), "second_person", 1.0 / f64::from(FEATURE_WORDS));
    // The head ends between characters.
    let wide = "é".repeat(FEATURE_BYTES);
    assert_eq!(Scan::of(&wide[..]).words, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The pass in blocks finds the words that a plain split finds.
    #[test]
    fn words_are_those_of_a_plain_split(text in "[ -~\n\t€ä]{0,400}") {
        let scan = Scan::of(&text);
        let plain = text.bytes().fold((0, true), |(words, blank), byte| {
            (words + u32::from(blank && byte > b' '), byte <= b' ')
        });
        prop_assert_eq!(scan.words, plain.0);
        for byte in 0..=255u8 {
            let times = text.bytes().filter(|other| *other == byte).count();
            prop_assert_eq!(scan.counts[usize::from(byte)] as usize, times);
        }
        let values = of(&answered(&text));
        let finite = values.behaviour.into_iter().flatten().all(f64::is_finite);
        prop_assert!(finite);
    }
}

#[test]
fn the_registry_is_in_the_order_of_the_values() {
    // Spot checks above name features; this one pins the lengths, so that a new feature is a new version.
    assert_eq!((INPUT.len(), OUTPUT.len(), BEHAVIOUR.len()), (6, 6, 24));
    assert_eq!(bifocal_model::feature::FEATURES_VERSION, 1);
}
