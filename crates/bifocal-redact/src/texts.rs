//! The nouns that carry text.

use bifocal_model::{Component, ContainerLog, Inference, Label, Redaction, Score};

use crate::kind::{Finding, Kind};
use crate::redacted::Redacted;
use crate::scan::{is_private, redact_owned};

/// Redacts the messages, the answer and the names (model, endpoint, tenant, labels), and notes in `redactions` what was found where.
pub fn redact_inference(inference: Inference<String>) -> Inference<Redacted> {
    let mut asked = Counts::default();
    let mut answered = Counts::default();
    let mut clean = inference.map_texts(|text| asked.redact(text), |text| answered.redact(text));
    // Names that clients choose end in metrics and addresses, and so does a secret that was put into the wrong header.
    // The calls of a target share its names: a copy is made only where one is not clean.
    if is_private(clean.target.name()) || is_private(&clean.target.endpoint) {
        clean.target = clean.target.with(|names| {
            let component = match &mut names.component {
                Component::InferenceComponent(name) | Component::Model(name) => name,
            };
            asked.redact_name(component);
            asked.redact_name(&mut names.endpoint);
        });
    }
    clean.tenant.iter_mut().chain(clean.labels.values_mut()).for_each(|name| asked.redact_name(name));
    clean.redactions.extend(asked.into_redactions(false));
    clean.redactions.extend(answered.into_redactions(true));
    clean
}

/// Redacts the explanation, in which a judge may quote what it read.
pub fn redact_score(score: Score<String>) -> Score<Redacted> {
    score.map_text(|text| redact_owned(text).0)
}

/// Redacts the correction of a label.
pub fn redact_label(label: Label<String>) -> Label<Redacted> {
    label.map_text(|text| redact_owned(text).0)
}

/// Redacts the lines of a container's log: servers write prompts, addresses and keys into theirs.
pub fn redact_container_log(log: ContainerLog<String>) -> ContainerLog<Redacted> {
    log.map_texts(|text| redact_owned(text).0)
}

#[derive(Default)]
struct Counts([u32; Kind::ALL.len()]);

impl Counts {
    fn redact(&mut self, text: String) -> Redacted {
        let (clean, findings) = redact_owned(text);
        for Finding { kind, count } in findings {
            self.0[kind as usize] = self.0[kind as usize].saturating_add(count);
        }
        clean
    }

    fn redact_name(&mut self, name: &mut String) {
        *name = self.redact(std::mem::take(name)).into_string();
    }

    fn into_redactions(self, in_answer: bool) -> impl Iterator<Item = Redaction> {
        let counted = Kind::ALL.into_iter().zip(self.0);
        let found = counted.filter(|(_, count)| *count > 0);
        found.map(move |(kind, count)| Redaction { kind: kind.name().to_owned(), in_answer, count })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use bifocal_model::{
        Completeness, FormatAsked, Identity, InferenceId, Message, Probability, Source, TargetKey, Timestamp,
        Timing, Usage,
    };

    use super::*;

    #[test]
    fn an_inference_says_what_was_found_where() {
        let identity = Identity { source: Source::Proxy, key: "1".into() };
        let message = |text: &str| Message { role: "user".into(), text: text.to_owned() };
        let inference = Inference {
            id: InferenceId::of_identity(&identity, Timestamp::from_secs(1)),
            identity,
            target: TargetKey::of_model("local", "m"),
            labels: BTreeMap::new(),
            tenant: None,
            time: Timestamp::from_secs(1),
            messages: vec![message("I am a@b.org"), message("or c@d.org, card 4111 1111 1111 1111")],
            answer: "Mail a@b.org".to_owned(),
            finish_reason: None,
            usage: Usage::default(),
            timing: Timing::default(),
            status: Some(200),
            error: None,
            completeness: Completeness::Complete,
            capture_probability: Probability::ONE,
            format_asked: FormatAsked::Free,
            streamed: false,
            redactions: vec![],
            findings: bifocal_model::Findings::default(),
            chance: None,
            signs: bifocal_model::Signs::default(),
        };
        let clean = redact_inference(inference);
        assert_eq!(clean.messages[1].text.as_str(), "or [email], card [card]");
        assert_eq!(clean.answer.as_str(), "Mail [email]");
        let found: Vec<_> =
            clean.redactions.iter().map(|r| (r.kind.as_str(), r.in_answer, r.count)).collect();
        assert_eq!(found, [("email", false, 2), ("card", false, 1), ("email", true, 1)]);
    }
}
