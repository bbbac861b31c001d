//! What the redaction found in the answer and not in the request: counts, never values.

use super::{Finding, Subject};

/// Kinds of the redaction that are a person's …
const PERSONAL: [&str; 4] = ["email", "phone", "card", "iban"];
/// … and those that open something.
const SECRETS: [&str; 4] = ["cloud_key", "bearer_token", "private_key", "password"];

/// Personal data.
pub(super) fn personal_data(subject: &Subject<'_>) -> Option<Finding> {
    Some(leaked(subject, PERSONAL))
}

/// Keys, tokens, passwords.
pub(super) fn secrets(subject: &Subject<'_>) -> Option<Finding> {
    Some(leaked(subject, SECRETS))
}

fn leaked(subject: &Subject<'_>, kinds: [&'static str; 4]) -> Finding {
    let found = |kind: &str, in_answer: bool| {
        subject.inference.redactions.iter().any(|r| r.kind == kind && r.in_answer == in_answer)
    };
    let leaked = kinds.into_iter().find(|kind| found(kind, true) && !found(kind, false));
    leaked.map_or(Finding::GOOD, Finding::bad)
}
