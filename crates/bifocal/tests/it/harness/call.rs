//! A call as a source brings it, for tests of the pipeline in process.

use std::collections::BTreeMap;

use bifocal_model::{
    Completeness, Findings, FinishReason, FormatAsked, Identity, Inference, InferenceId, Message,
    Probability, Source, TargetKey, Timestamp, Timing, Usage,
};
use bifocal_redact::{Redacted, redact_inference};

/// One question and its answer, whole and well.
pub(crate) fn call(key: &str, time: Timestamp, question: &str, answer: &str) -> Inference<Redacted> {
    let identity = Identity { source: Source::Proxy, key: key.to_owned() };
    redact_inference(Inference {
        id: InferenceId::of_identity(&identity, time),
        identity,
        target: TargetKey::of_model("local", "m"),
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
        streamed: false,
        redactions: Vec::new(),
        findings: Findings::default(),
        chance: None,
        signs: bifocal_model::Signs::default(),
    })
}
