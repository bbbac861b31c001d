//! Plain counts of a text that other tools have as well, by their definitions: a bridge for whoever comes from them, and
//! what Bifocal is compared with. None of them is recorded.
//!
//! The definitions are Evidently's (0.7): golden values from it are in the tests.

use crate::heuristics::is_refusal;

/// The counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descriptors {
    /// `TextLength`: characters.
    pub characters: usize,
    /// `WordCount`: runs of ASCII letters and spaces between spaces, when all other characters are taken out first: a line
    /// break joins the words around it.
    pub words: usize,
    /// `SentenceCount`: pieces between blanks that stand behind a full stop or a question mark, but for those behind
    /// `e.g.` and `Mr.`; at least 1.
    pub sentences: usize,
    /// `NonLetterCharacterPercentage`: characters that are neither letters nor spaces, of 100.
    pub non_letter_percent: f64,
    /// `IsValidJSON`: the whole text is JSON.
    pub is_json: bool,
    /// `Contains`: a phrase of refusal, in the first 300 characters.
    pub refuses: bool,
}

/// The counts of a text.
pub fn of(text: &str) -> Descriptors {
    let (mut characters, mut words, mut sentences, mut others) = (0, 0, 1, 0usize);
    let mut in_word = false;
    // The four characters before this one, the nearest last.
    let mut before = ['\0'; 4];
    for c in text.chars() {
        characters += 1;
        others += usize::from(!c.is_alphabetic() && c != ' ');
        if c.is_ascii_alphabetic() {
            words += usize::from(!in_word);
            in_word = true;
        } else if c == ' ' {
            in_word = false;
        }
        sentences += usize::from(c.is_whitespace() && ends_a_sentence(before));
        before = [before[1], before[2], before[3], c];
    }
    let non_letter_percent = if characters == 0 { 0.0 } else { 100.0 * others as f64 / characters as f64 };
    Descriptors {
        characters,
        words,
        sentences,
        non_letter_percent,
        is_json: serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(),
        refuses: is_refusal(text),
    }
}

/// Behind `.` or `?`, not behind `e.g.` and the like or `Mr.` and the like.
fn ends_a_sentence([a, b, c, d]: [char; 4]) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let abbreviated = is_word(a) && b == '.' && is_word(c);
    let titled = b.is_ascii_uppercase() && c.is_ascii_lowercase() && d == '.';
    matches!(d, '.' | '?') && !abbreviated && !titled
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Evidently 0.7.23 says of made-up texts: `bench/evaluators.py --golden FILE`.
    #[test]
    fn the_counts_are_those_of_evidently() {
        let mut count = 0;
        for line in include_str!("descriptors/evidently.jsonl").lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = row["text"].as_str().unwrap();
            let Descriptors { characters, words, sentences, non_letter_percent, is_json, .. } = of(text);
            let whole = |at: usize| usize::try_from(row["said"][at].as_u64().unwrap()).unwrap();
            assert_eq!((characters, words, sentences), (whole(0), whole(1), whole(2)), "{text:?}");
            assert!((non_letter_percent - row["said"][3].as_f64().unwrap()).abs() < 1e-9, "{text:?}");
            assert_eq!(is_json, row["said"][4].as_bool().unwrap(), "{text:?}");
            count += 1;
        }
        assert!(count >= 20);
        assert_eq!(of("").non_letter_percent, 0.0);
        assert!(of("I'm sorry, but I can't do that.").refuses && !of("Fine.").refuses);
    }
}
