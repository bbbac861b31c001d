//! Lines for people on standard output and standard error. Readable without colour.

use std::borrow::Cow;
use std::io::Write as _;

/// One line on standard output. A closed pipe is nobody's fault.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{}", shown(text));
}

/// Names come from outside: what would steer a terminal is shown as a replacement character.
fn shown(text: &str) -> Cow<'_, str> {
    let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    if text.contains(steers) { text.replace(steers, "\u{fffd}").into() } else { text.into() }
}

/// One line on standard error: progress and notes.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", shown(text));
}

/// An error with its causes, on standard error.
pub fn error(error: &anyhow::Error) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    note(&format!("error: {}", causes.join(": ")));
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn names_from_outside_do_not_steer_the_terminal() {
        assert_eq!(
            shown("a\u{1b}[31mred\u{7}\r\nnext\tcell"),
            "a\u{fffd}[31mred\u{fffd}\u{fffd}\nnext\tcell"
        );
        assert_eq!(shown("plain"), "plain");
    }
}
