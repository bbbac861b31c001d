//! Requests as clients write them, from their bytes to groundedness and to what a judge is shown.

use bifocal_model::{Dimension, Inference};
use bifocal_redact::{Redacted, redact};
use bifocal_wire::CallRequest;
use serde_json::Value;

use super::*;
use crate::heuristics::{Said, all_with};
use crate::judge::{Judge, JudgeConfig, Rubrics};
use crate::sample::inference;
use crate::{Sampler, features};

/// A vLLM chat template's documents, with a question that holds the wrong answer.
const DOCUMENTS: &str = r#"{"model": "m", "documents": [{"title": "Tower", "text": "It opened in 1931 in Paris."},
    {"title": "Bridge", "text": "Nothing."}], "messages": [{"role": "user", "content": "Is it true that it opened in 1931 in Rome?"}]}"#;
/// Cohere's chat, where each document is an object of its own.
const COHERE: &str = r#"{"model": "m", "documents": [{"id": "a", "data": {"text": "It opened in 1931 in Paris."}}],
    "messages": [{"role": "user", "content": "Is it true that it opened in 1931 in Rome?"}]}"#;
const CONTEXT: &str = r#"{"model": "m", "context": "It opened in 1931 in Paris.", "prompt": "Is it true that it opened in 1931 in Rome?"}"#;
const SYSTEM: &str = r#"{"model": "m", "messages": [
    {"role": "system", "content": "Answer from these.\n<<doc>>It opened in 1931<</doc>>\n<<doc>>in Paris.<</doc>>\nBe brief: it opened in Rome."},
    {"role": "user", "content": "Is it true that it opened in 1931 in Rome?"}]}"#;
const TOOLS: &str = r#"{"model": "m", "messages": [
    {"role": "user", "content": "Is it true that it opened in 1931 in Rome?"},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function", "function": {"name": "search", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "It opened in 1931 in Paris."}]}]}"#;

fn map(text: &str) -> Result<ContextMap, String> {
    ContextMap::of(toml::from_str(text).map_err(|err| err.to_string())?)
}

fn call(body: &str, map: &ContextMap) -> Inference<Redacted> {
    let request = CallRequest::parse_with(body.as_bytes(), &map.fields()).unwrap();
    let mut call = inference(1, "?", "It opened in 1931 in Rome.");
    let messages = request.messages.into_iter();
    call.messages = messages
        .map(|message| bifocal_model::Message { role: message.role, text: redact(&message.text).0 })
        .collect();
    call
}

/// Groundedness, whether it travels with the call or has a score of its own.
fn groundedness(said: &Said) -> Option<f64> {
    let number = said.findings.numbers().find(|(evaluator, _)| evaluator.dimension == "groundedness");
    let score = said.scores.iter().find(|score| score.dimension.as_str() == "groundedness");
    let value = number.map(|(_, value)| value).or_else(|| score?.value());
    value.map(|value| (value.get() * 1e4).round() / 1e4)
}

/// Of five pairs of words four stand in the context, its number does, and its name does not: the mean is 0.6. What stands
/// elsewhere in the request holds all of them.
#[test]
fn golden_contexts_are_read_where_the_field_map_says() {
    for (body, config, expected) in [
        (DOCUMENTS, "fields = [\"/documents/*/text\"]", Some(0.6)),
        (DOCUMENTS, "fields = [\"/documents\"]", Some(0.6)),
        (DOCUMENTS, "fields = [\"/context\", \"/documents/0/text\"]", Some(0.6)),
        (DOCUMENTS, "fields = [\"/documents/1/text\"]", Some(0.0)),
        (DOCUMENTS, "roles = [\"tool\"]", None),
        (COHERE, "fields = [\"/documents/*/data/text\"]", Some(0.6)),
        (CONTEXT, "fields = [\"/context\"]", Some(0.6)),
        // Two texts: the pair between them is lost.
        (SYSTEM, "between = [[\"<<doc>>\", \"<</doc>>\"]]", Some(0.5333)),
        // The whole message has the name, from another sentence.
        (SYSTEM, "roles = [\"system\"]", Some(0.9333)),
        (SYSTEM, "between = [[\"[[\", \"]]\"]]", None),
        (TOOLS, "roles = [\"tool\"]", Some(0.6)),
        (TOOLS, "fields = [\"/documents\"]\nroles = [\"tool\"]\nbetween = [[\"Is\", \"?\"]]", Some(0.6)),
        (TOOLS, "fields = [\"/messages/*/content\"]", Some(1.0)),
    ] {
        let map = map(config).unwrap();
        let call = call(body, &map);
        assert_eq!(groundedness(&all_with(&call, &map, call.time)), expected, "{config}\n{body}");
    }
    let usual = ContextMap::default();
    let tools = call(TOOLS, &usual);
    assert_eq!(groundedness(&all_with(&tools, &usual, tools.time)), Some(0.6), "without a map");
}

#[test]
fn another_map_is_another_evaluator_and_moves_no_feature() {
    let usual = ContextMap::default();
    let own = map("fields = [\"/documents/*/text\"]\nroles = [\"tool\"]").unwrap();
    let other = map("fields = [\"/documents/*/text\", \"tool\"]").unwrap_err();
    assert!(other.contains("/documents/*/text"), "{other}");
    let print = |map: &ContextMap| {
        let tools = call(TOOLS, map);
        let said = all_with(&tools, map, tools.time);
        let own = said.scores.iter().find(|score| score.dimension.as_str() == "groundedness");
        own.map(|score| (score.fingerprint, score.evaluator.clone()))
    };
    assert_eq!(print(&usual), None, "it travels with the call");
    let (first, name) = print(&own).unwrap();
    assert_eq!(name, "heuristic:groundedness");
    assert_ne!(first, print(&map("roles = [\"tool\"]").unwrap()).unwrap().0);
    let with = call(DOCUMENTS, &own);
    assert_eq!(with.messages.len(), call(DOCUMENTS, &usual).messages.len() + 1);
    let numbers = |call: &Inference<Redacted>| features::of(call).input.map(f64::to_bits);
    assert_eq!(numbers(&with), numbers(&call(DOCUMENTS, &usual)), "what a map adds is no turn");
}

#[test]
fn the_judge_of_sources_is_shown_what_the_map_finds() {
    let config = JudgeConfig { dimensions: vec!["citation_quality".to_owned()], ..JudgeConfig::default() };
    let dimension = Dimension::new("citation_quality");
    let shown = |body: &str, map: &ContextMap| {
        let judge =
            Judge::new(config.clone(), &Rubrics::shipped().unwrap()).unwrap().with_contexts(map.clone());
        let call = call(body, map);
        let choice = Sampler::new([3; 16], bifocal_model::Probability::ONE).decide(&call).unwrap();
        let request = judge.request(&call, &choice, &dimension, [0xa5; 16]).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        body["messages"][1]["content"].as_str().unwrap().to_owned()
    };
    let nonce = "a5".repeat(16);
    for (body, config) in [
        (DOCUMENTS, "fields = [\"/documents/0/text\"]"),
        (CONTEXT, "fields = [\"/context\"]"),
        (TOOLS, "roles = [\"tool\"]"),
        (SYSTEM, "between = [[\"<<doc>>\", \"<</doc>>\"]]"),
    ] {
        let user = shown(body, &map(config).unwrap());
        let (_, behind) = user.split_once(&format!("<<<CONTEXT {nonce}\n")).expect(config);
        let (context, rest) = behind.split_once(&format!("\nCONTEXT {nonce}>>>")).unwrap();
        assert_eq!(context.replace("\n\n", " "), "It opened in 1931 in Paris.", "{config}");
        assert!(rest.contains("<<<QUESTION") && rest.contains("it opened in 1931 in Rome?"));
        assert!(rest.contains("Every statement stands in a source"), "the rubric stands behind it");
    }
    let without = shown(CONTEXT, &ContextMap::default());
    assert!(!without.contains("<<<CONTEXT") && without.contains("No sources were found"), "{without}");
}

#[test]
fn limits_of_a_field_map_and_what_is_refused() {
    let places = |count: usize| format!("fields = [{}]", "\"/d\",".repeat(count));
    assert!(map(&places(CONTEXT_PLACES)).is_ok());
    for (text, says) in [
        (places(CONTEXT_PLACES + 1), "more than 32 places"),
        (String::new(), "names no place"),
        ("roles = [\"context\"]".to_owned(), "is none of system, developer"),
        ("between = [[\"\", \"x\"]]".to_owned(), "a delimiter has 1 to"),
        (format!("between = [[\"x\", \"{}\"]]", "y".repeat(CONTEXT_DELIMITERS + 1)), "a delimiter has 1 to"),
        ("between = [[\"x\"]]".to_owned(), "invalid length 1"),
        ("field = [\"/d\"]".to_owned(), "unknown field `field`"),
    ] {
        let said = map(&text).unwrap_err();
        assert!(said.contains(says), "{text}: {said}");
    }
}
