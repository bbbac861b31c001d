//! What is measured on the bare source, before anything recursive sees it.
//!
//! The scan must agree with CEL on where a string ends, or a bomb could hide in what this side takes for a string.
//! So it refuses the ways in which the two could differ: escapes, triple quotes, line breaks in strings, comments.
//! Names of signals need none of them.

use crate::error::ExprError;
use crate::limits::{NESTING, OPERATORS, SOURCE_BYTES};

/// Refuses a source that is too long, too deep or has too many operators.
pub(crate) fn check(source: &str) -> Result<(), ExprError> {
    let wrong = |byte, message: String| Err(ExprError::at(source, byte, message));
    if source.len() > SOURCE_BYTES {
        return wrong(
            0,
            format!("the condition has {} bytes; at most {SOURCE_BYTES} are read", source.len()),
        );
    }
    if source.trim().is_empty() {
        return wrong(0, "the condition is empty".to_owned());
    }
    let bytes = source.as_bytes();
    let mut nesting = 0usize;
    let mut operators = 0usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'\\' => return wrong(at, "a backslash is not read in a condition".to_owned()),
            b'/' if next == Some(b'/') => {
                return wrong(at, "a comment is not read in a condition".to_owned());
            }
            b'\'' | b'"' => {
                at = end_of_string(source, at)?;
                continue;
            }
            b'(' | b'[' | b'{' => {
                nesting += 1;
                operators += 1;
            }
            b')' | b']' | b'}' => nesting = nesting.saturating_sub(1),
            b'.' if next.is_some_and(|digit| digit.is_ascii_digit()) => {}
            b'&' | b'|' | b'=' if next == Some(byte) => {
                operators += 1;
                at += 1;
            }
            b'i' if bytes
                .get(at..at + 3)
                .is_some_and(|word| word.starts_with(b"in") && !is_name(word[2])) =>
            {
                operators += usize::from(at == 0 || !is_name(bytes[at - 1]));
            }
            b'+' | b'-' | b'*' | b'/' | b'%' | b'<' | b'>' | b'=' | b'!' | b'&' | b'|' | b'?' | b':'
            | b'.' | b',' => {
                operators += 1;
            }
            _ => {}
        }
        if nesting > NESTING {
            return wrong(at, format!("brackets are nested more than {NESTING} deep"));
        }
        if operators > OPERATORS {
            return wrong(at, format!("the condition has more than {OPERATORS} operators"));
        }
        at += 1;
    }
    Ok(())
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The byte after the closing quote.
fn end_of_string(source: &str, start: usize) -> Result<usize, ExprError> {
    let bytes = source.as_bytes();
    let quote = bytes[start];
    if bytes[start..].starts_with(&[quote; 3]) {
        return Err(ExprError::at(source, start, "a triple quote is not read in a condition"));
    }
    for (i, &byte) in bytes[start + 1..].iter().enumerate() {
        match byte {
            b'\\' => {
                return Err(ExprError::at(source, start + 1 + i, "a backslash is not read in a condition"));
            }
            b'\n' | b'\r' => break,
            _ if byte == quote => return Ok(start + i + 2),
            _ => {}
        }
    }
    Err(ExprError::at(source, start, "a quote is not closed"))
}
