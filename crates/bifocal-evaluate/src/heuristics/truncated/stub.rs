//! Short answers that end inside a sentence. Bare names, labels, numbers and choices copied from the request are whole.

/// Longer answers are not looked at: a sentence without its full stop is a habit of some models.
const STUB_CHARS: usize = 16;
/// One word up to this length is a label, bytes.
const LABEL_BYTES: usize = 8;

/// Whether the text stops where no answer stops.
pub(super) fn is_stub(text: &str, question: &str) -> bool {
    let trimmed = text.trim();
    if text.len() > 4 * STUB_CHARS || text.chars().count() > STUB_CHARS {
        return false;
    }
    let (Some(first), Some(last)) = (trimmed.chars().next(), trimmed.chars().next_back()) else {
        return false;
    };
    if text.ends_with(' ') || is_open(trimmed, last) {
        return true;
    }
    if matches!((first, last), ('(', ')') | ('[', ']')) {
        // A heading with nothing under it.
        return true;
    }
    if !(last.is_alphanumeric() || last == '\'') {
        return false;
    }
    let last_line = trimmed.rsplit('\n').next().unwrap_or(trimmed);
    if last_line.len() < trimmed.len() && last_line.trim().bytes().all(|byte| byte.is_ascii_digit()) {
        // `1. Spain`, then the number of the next item.
        return true;
    }
    let is_one_word = !trimmed.contains(char::is_whitespace);
    if is_one_word && trimmed.len() <= LABEL_BYTES || is_a_choice(trimmed, question) {
        return false;
    }
    !last.is_ascii_digit() || has_a_word(trimmed)
}

/// Ends with a sign that promises more, or with a bracket or quotation mark open.
fn is_open(text: &str, last: char) -> bool {
    let count = |c: char| text.matches(c).count();
    matches!(last, ':' | ',' | ';' | '-' | '(' | '[' | '{' | '=' | '\u{201c}')
        || [('(', ')'), ('[', ']'), ('{', '}')].iter().any(|&(open, close)| count(open) != count(close))
        || count('"') % 2 == 1
}

/// Three letters in a row: not `x = 8`.
fn has_a_word(text: &str) -> bool {
    text.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_alphabetic))
}

/// Whether the text stands in the request as one of several: between commas, lines, quotation marks, or beside an `or`.
fn is_a_choice(text: &str, question: &str) -> bool {
    const SIGNS: &[char] = &['\n', ',', ';', ':', '/', '|', '(', ')', '[', ']', '.', '?', '!', '"', '*', '-'];
    question.match_indices(text).any(|(at, _)| {
        let before = question[..at].trim_end_matches(' ');
        let behind = question[at + text.len()..].trim_start_matches(' ');
        let begins = before.is_empty() || before.ends_with(SIGNS) || before.ends_with(" or");
        let ends = behind.is_empty() || behind.starts_with(SIGNS) || behind.starts_with("or ");
        begins && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stubs_end_inside_a_sentence() {
        for stub in [
            "Many famou",
            "To estimat",
            "The names ",
            "1. Spain\n2",
            "(Verse 1)\n",
            "Title: \"Th",
            "As an AI, ",
            "December 2",
            "Ingredients:",
            "(?:[0-9]{1",
            "Chrysanthemum's",
        ] {
            assert!(is_stub(stub, "why?"), "{stub}");
        }
    }

    #[test]
    fn labels_numbers_sentences_and_choices_are_whole() {
        for whole in
            ["Positive", "No", "7", "x = -5", "$6.65", "Yes, it is.", "\"Dune\"", "👍🎉", "是", "2023-01-14"]
        {
            assert!(!is_stub(whole, "why?"), "{whole}");
        }
        let asked = "Is it one of: News & Buzz, Arts & Culture or Miscellaneous?";
        for choice in ["News & Buzz", "Arts & Culture", "Miscellaneous"] {
            assert!(!is_stub(choice, asked), "{choice}");
        }
        assert!(is_stub("Larry Page", "Who is Larry Page?"), "what was asked about is no choice");
        assert!(!is_stub("A sentence without its full stop", "why?"));
    }
}
