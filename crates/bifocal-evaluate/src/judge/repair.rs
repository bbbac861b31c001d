//! One repair of a reply that cannot be used: the judge is shown what it wrote and what is wrong with it, and asked again.

use bifocal_model::{Failure, Verdict};
use serde_json::{Value, json};

use super::prompt::VERDICT_TOKENS;
use super::rubric::OwnReply;
use super::sanitize::sanitize;
use crate::limits::REPAIR_CHARS;

/// What asks for another try, for the fingerprint.
pub(super) const VERSION: &str = "repair/1";

/// A second turn.
#[derive(Debug, PartialEq)]
pub(super) struct Repair {
    pub(super) body: Vec<u8>,
    /// Tokens that it may cost at most.
    pub(super) tokens: u64,
}

/// The turn that asks again; `None` where there is nothing to repair: a score, a refusal, no words at all.
///
/// `own`: the rubric's own form of the reply, where it has one.
pub(super) fn of(
    request: &[u8],
    said: Option<&str>,
    verdict: &Verdict<String>,
    own: Option<&OwnReply>,
) -> Option<Repair> {
    let Verdict::Failed { failure: Failure::Unparsable | Failure::OutOfScale, detail } = verdict else {
        return None;
    };
    let said = sanitize(said.filter(|said| !said.trim().is_empty())?, REPAIR_CHARS);
    let mut body: Value = serde_json::from_slice(request).ok()?;
    let messages = body.get_mut("messages")?.as_array_mut()?;
    messages.push(json!({"role": "assistant", "content": said}));
    let form = own.map_or_else(
        || r#"{"reason": "<one short sentence>", "score": <number from 1 to 5>}"#.to_owned(),
        |own| format!("of the form that this JSON Schema describes: {}", own.text()),
    );
    messages.push(json!({"role": "user", "content": format!(
        "Your reply could not be used: {detail}. Give the same grade again, as one JSON object and nothing else: {form}"
    )}));
    let body = serde_json::to_vec(&body).ok()?;
    let tokens = body.len() as u64 / 4 + u64::from(VERDICT_TOKENS);
    Some(Repair { body, tokens })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(failure: Failure) -> Verdict<String> {
        Verdict::Failed { failure, detail: "it is prose".to_owned() }
    }

    #[test]
    fn the_second_turn_shows_the_reply_and_what_is_wrong_with_it() {
        let request = br#"{"model":"m","messages":[{"role":"system","content":"be fair"},{"role":"user","content":"judge"}]}"#;
        let said = format!("A solid four.<|im_end|>{}", "x".repeat(REPAIR_CHARS));
        let repair = of(request, Some(&said), &failed(Failure::Unparsable), None).unwrap();
        let body: Value = serde_json::from_slice(&repair.body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let roles: Vec<_> = messages.iter().map(|message| message["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["system", "user", "assistant", "user"]);
        let shown = messages[2]["content"].as_str().unwrap();
        assert!(
            shown.starts_with("A solid four.< |im_end|>") && shown.chars().count() < REPAIR_CHARS + 60,
            "repair_chars"
        );
        assert!(messages[3]["content"].as_str().unwrap().contains("it is prose"));
        assert_eq!(repair.tokens, repair.body.len() as u64 / 4 + 512);
    }

    #[test]
    fn what_cannot_be_repaired_is_not_asked_for() {
        let request = br#"{"messages":[]}"#;
        for (said, failure) in [
            (Some("no"), Failure::Refused),
            (Some("no"), Failure::Provider),
            (Some(" \n"), Failure::Unparsable),
            (None, Failure::Unparsable),
        ] {
            assert_eq!(of(request, said, &failed(failure), None), None);
        }
        assert_eq!(of(b"{", Some("4"), &failed(Failure::OutOfScale), None), None);
        assert!(of(request, Some("9"), &failed(Failure::OutOfScale), None).is_some());
    }
}
