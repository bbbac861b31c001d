//! OpenAI's own Python client.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;

/// The key that the client sends.
pub(super) const KEY: &str = "sk-test-bed-0123456789abcdef0123456789abcdef";

/// What the client understood of one answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) question: String,
    pub(super) text: String,
    pub(super) finish_reason: String,
    pub(super) input_tokens: u32,
    pub(super) output_tokens: u32,
    pub(super) model: String,
}

/// Starts calls: `plain`, `stream` or `crowd`.
pub(super) fn start(python: &Path, server: &str, mode: &str, question: &str, tokens: u32) -> Child {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/real_components/client.py");
    Command::new(python)
        .arg(script)
        .args([&format!("{server}/v1"), mode, question, &tokens.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// What became of the calls.
pub(super) fn answers(child: Child) -> Vec<Answer> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the client failed: its words are above");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Calls and waits.
pub(super) fn ask(python: &Path, server: &str, mode: &str, question: &str) -> Answer {
    let mut answers = answers(start(python, server, mode, question, 24));
    assert_eq!(answers.len(), 1);
    answers.remove(0)
}
