//! The evaluators, over any text.

use std::collections::BTreeMap;

use bifocal_evaluate::{features, heuristics};
use bifocal_model::{
    Completeness, Findings, FormatAsked, Identity, Inference, InferenceId, Message, Probability, Source,
    TargetKey, Timestamp, Timing, Usage,
};

/// Evaluators: the first byte says where the question ends and the answer begins. Whatever the text, those that always apply
/// have spoken, every value lies in [0, 1], and a second look says the same.
pub fn evaluate(bytes: &[u8]) {
    let Some((cut, text)) = bytes.split_first() else { return };
    let (question, answer) = text.split_at(usize::from(*cut) * text.len() / 255);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let identity = Identity { source: Source::Proxy, key: String::new() };
    let time = Timestamp::default();
    let message = |role: &str| Message { role: role.to_owned(), text: text(question) };
    let inference = bifocal_redact::redact_inference(Inference {
        id: InferenceId::of_identity(&identity, time),
        identity,
        target: TargetKey::of_model("local", "m"),
        labels: BTreeMap::new(),
        tenant: None,
        time,
        messages: ["user", "assistant", "tool", "user"].map(message).into(),
        answer: text(answer),
        finish_reason: None,
        usage: Usage::default(),
        timing: Timing::default(),
        status: None,
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Json,
        streamed: false,
        redactions: Vec::new(),
        findings: Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    });
    let said = heuristics::all(&inference, time);
    assert_eq!(said, heuristics::all(&inference, time));
    assert!(said.findings.passed.count_ones() as usize + said.scores.len() >= 9);
    assert!(said.findings.values.iter().all(|(_, value)| (0.0..=1.0).contains(value)));
    assert_eq!(said.suspected_injection, heuristics::suspects_injection(&inference));
    features::of(&inference);
    bifocal_evaluate::descriptors::of(inference.answer.as_str());
}
