//! Lines for people on standard output and standard error. Readable without colour.

use std::io::Write as _;

/// One line on standard output. A closed pipe is nobody's fault.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// One line on standard error: progress and notes.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// An error with its causes, on standard error.
pub fn error(error: &anyhow::Error) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    note(&format!("error: {}", causes.join(": ")));
}
