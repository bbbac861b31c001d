//! Inferences for tests.

use std::collections::BTreeMap;

use bifocal_model::{
    Completeness, FinishReason, FormatAsked, Identity, Inference, InferenceId, Message, Probability, Source,
    TargetKey, Timestamp, Timing, Usage,
};
use bifocal_redact::{Redacted, redact_inference};

/// The `i`-th inference of a target `qwen`.
pub(crate) fn inference(i: u32, question: &str, answer: &str) -> Inference<Redacted> {
    let identity = Identity { source: Source::Proxy, key: format!("test-{i}") };
    let time = Timestamp::from_secs(1_795_528_260);
    redact_inference(Inference {
        id: InferenceId::of_identity(&identity, time),
        identity,
        target: TargetKey::of_model("local", "qwen"),
        labels: BTreeMap::new(),
        tenant: None,
        time,
        messages: vec![Message { role: "user".to_owned(), text: question.to_owned() }],
        answer: answer.to_owned(),
        finish_reason: Some(FinishReason::Stop),
        usage: Usage::default(),
        timing: Timing::default(),
        status: Some(200),
        error: None,
        completeness: Completeness::Complete,
        capture_probability: Probability::ONE,
        format_asked: FormatAsked::Free,
        streamed: true,
        redactions: Vec::new(),
        findings: bifocal_model::Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    })
}

/// An inference with this answer.
pub(crate) fn answered(answer: &str) -> Inference<Redacted> {
    inference(0, "why?", answer)
}
