//! How hard is the answer to read? A style to be watched, not a virtue.

use super::{Finding, Subject};
use crate::features::language_of;
use crate::limits::FEATURE_BYTES;

/// Shorter texts have no mean sentence, words.
const WORDS_MIN: u32 = 20;
/// The class of English among the languages of the features.
const ENGLISH: f64 = 1.0;

/// Flesch reading ease (R. Flesch, "A new readability yardstick", 1948): 206.835 − 1.015 words / sentences − 84.6
/// syllables / words, divided by 100 and cut to [0, 1]. Syllables are runs of vowels, without an `e` at the end.
pub(super) fn evaluate(subject: &Subject<'_>) -> Option<Finding> {
    let text = subject.answer;
    let head = text.get(..text.floor_char_boundary(FEATURE_BYTES)).unwrap_or(text);
    if language_of(head) != ENGLISH {
        return None;
    }
    let (words, sentences, syllables) = counts(head.as_bytes());
    if words < WORDS_MIN {
        return None;
    }
    let (words, sentences, syllables) = (f64::from(words), f64::from(sentences.max(1)), f64::from(syllables));
    let ease = 206.835 - 1.015 * words / sentences - 84.6 * syllables / words;
    Some(Finding::number((ease / 100.0).clamp(0.0, 1.0)))
}

/// Words, sentences (a line without a full stop is one) and syllables.
fn counts(bytes: &[u8]) -> (u32, u32, u32) {
    let (mut words, mut sentences, mut syllables) = (0, 0, 0);
    let (mut in_word, mut in_vowels, mut of_word, mut last) = (false, false, 0, b' ');
    let mut since = 0;
    for &byte in bytes.iter().chain(b"\n") {
        if byte.is_ascii_alphabetic() || byte >= 0x80 || (byte == b'\'' && in_word) {
            let vowel = matches!(byte | 0x20, b'a' | b'e' | b'i' | b'o' | b'u' | b'y');
            of_word += u32::from(vowel && !in_vowels);
            (in_vowels, in_word) = (vowel, true);
        } else {
            if in_word {
                let silent = last | 0x20 == b'e' && of_word > 1;
                syllables += (of_word - u32::from(silent)).max(1);
                words += 1;
                since += 1;
            }
            (in_word, in_vowels, of_word) = (false, false, 0);
            if matches!(byte, b'.' | b'!' | b'?' | b'\n') && since > 0 {
                sentences += 1;
                since = 0;
            }
        }
        last = byte;
    }
    (words, sentences, syllables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_sentences_and_syllables() {
        assert_eq!(counts(b"The cat sat. It was late!\nDon't care"), (8, 3, 8));
        assert_eq!(counts(b"Simple make-believe... 3.5 readability"), (4, 2, 9));
        assert_eq!(counts(b""), (0, 0, 0));
    }
}
