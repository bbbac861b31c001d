//! The stratum of an inference: what kind of question it is, and how its answer ended.
//!
//! Cheap and deterministic, for every inference: language and length are the question's (the last user message), and
//! make some thirty strata that no deployment changes; how the answer ended, the template (a hash of the system
//! message) and the tenant stand behind them, for slices. See [`bifocal_model::stratum`] for the form.

use bifocal_model::{FinishReason, Inference, fnv1a, stratum};
use bifocal_redact::Redacted;

/// Characters looked at for the language, and of a tenant's name.
const LOOKED_AT: usize = 512;
const TENANT_CHARS: usize = 32;
/// Bytes of a short and of a long question.
const SHORT: usize = 200;
const LONG: usize = 1_500;

/// Function words that one language has and the others here do not.
const WORDS: [(&str, &[&str]); 6] = [
    ("en", &["the", "and", "is", "what", "how", "of", "this", "you", "write", "with"]),
    ("de", &["der", "die", "und", "ist", "wie", "nicht", "ein", "eine", "das", "ich", "warum"]),
    ("fr", &["le", "les", "est", "des", "une", "comment", "pourquoi", "je", "dans", "qui"]),
    ("es", &["el", "los", "es", "una", "cómo", "por", "para", "qué", "del", "las"]),
    ("it", &["il", "che", "di", "per", "una", "come", "sono", "della", "gli", "perché"]),
    ("pt", &["o", "os", "uma", "como", "não", "para", "do", "da", "é", "você"]),
];

/// The stratum; `is_slow`: the answer missed an objective of latency.
pub(crate) fn of(inference: &Inference<Redacted>, is_slow: bool) -> String {
    let text = |role: &str| {
        let last = inference.messages.iter().rev().find(|message| message.role == role);
        last.map_or("", |message| message.text.as_str())
    };
    let question = text("user");
    let length = match question.len() {
        0..SHORT => "short",
        SHORT..LONG => "medium",
        _ => "long",
    };
    let end = match inference.finish_reason {
        Some(FinishReason::Length) => "truncated",
        Some(FinishReason::ToolCalls) => "tool_calls",
        Some(FinishReason::ContentFilter) => "filtered",
        _ if inference.answer.as_str().trim().is_empty() => "empty",
        Some(FinishReason::Stop | FinishReason::Other(_)) | None => "ok",
    };
    let template = match text("system") {
        "" => String::new(),
        system => format!("{:04x}", fnv1a(system.bytes()) & 0xffff),
    };
    let tenant: String = inference.tenant.iter().flat_map(|name| name.chars().take(TENANT_CHARS)).collect();
    let facets = [
        ("language", language(question)),
        ("length", length),
        (stratum::END, end),
        (stratum::PACE, if is_slow { "slow" } else { "" }),
        ("template", &template),
        ("tenant", &tenant),
    ];
    stratum::joined(facets.into_iter().filter(|(_, value)| !value.is_empty()))
}

/// A guess at the language: by script, and within Latin script by function words; `other` where nothing tells.
fn language(text: &str) -> &'static str {
    let head: String = text.chars().take(LOOKED_AT).collect();
    let mut scripts = [("zh", 0usize), ("ja", 0), ("ko", 0), ("ru", 0), ("ar", 0), ("hi", 0)];
    let mut letters = 0;
    for c in head.chars().filter(|c| c.is_alphabetic()) {
        letters += 1;
        let script = match c {
            '\u{4e00}'..='\u{9fff}' => 0,
            '\u{3040}'..='\u{30ff}' => 1,
            '\u{ac00}'..='\u{d7af}' => 2,
            '\u{0400}'..='\u{04ff}' => 3,
            '\u{0600}'..='\u{06ff}' => 4,
            '\u{0900}'..='\u{097f}' => 5,
            _ => continue,
        };
        scripts[script].1 += 1;
    }
    // Japanese is written with Chinese characters too: a tenth of kana tells.
    let [_, (_, kana), ..] = scripts;
    if letters > 0 && kana * 10 > letters {
        return "ja";
    }
    if let Some((name, _)) = scripts.iter().find(|(_, count)| *count * 2 > letters && *count > 0) {
        return name;
    }
    let lower = head.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let hits = |list: &[&str]| words.iter().filter(|word| list.contains(word)).count();
    let best = WORDS.iter().map(|(name, list)| (hits(list), *name)).rev().max_by_key(|(hits, _)| *hits);
    best.filter(|(hits, _)| *hits > 0).map_or("other", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::inference;

    #[test]
    fn languages_are_told_apart() {
        for (text, name) in [
            ("What is the capital of France?", "en"),
            ("Wie heißt die Hauptstadt von Frankreich und warum?", "de"),
            ("Comment est née la capitale des arts dans le nord ?", "fr"),
            ("¿Cómo se llama el río más largo del mundo para los niños?", "es"),
            ("法国的首都是哪里?", "zh"),
            ("フランスの首都はどこですか", "ja"),
            ("Какой город столица Франции?", "ru"),
            ("42 + 17 = ?", "other"),
            ("", "other"),
        ] {
            assert_eq!(language(text), name, "{text}");
        }
    }

    #[test]
    fn the_question_comes_first_and_what_the_system_adds_behind_it() {
        let mut call = inference(1, "Wie ist das Wetter?", "");
        call.tenant = Some("acme;x".to_owned());
        assert_eq!(of(&call, false), "language=de;length=short;end=empty;tenant=acme_x");
        assert_eq!(stratum::traffic(&of(&call, false)), "language=de;length=short");
        call.finish_reason = Some(FinishReason::Length);
        assert_eq!(stratum::facet(&of(&call, false), stratum::END), Some("truncated"));
    }
}
