//! Texts as sets of words, so that a redacted, shortened or decorated text is still recognised.

use std::collections::HashMap;

use bifocal_model::fnv1a;

/// The words of a text in order: lower case, letters and digits only. What stands in `[…]` or `{…}` is the place of
/// something redacted or filled in, and no word.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if (letter == '[' || letter == '{')
            && let Some(end) = placeholder_end(rest)
        {
            take(&mut word, &mut words);
            rest = &rest[end..];
            continue;
        }
        if matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{feff}') {
            // Invisible: a judge's prompt may have been stripped of it, so it must not part a word.
        } else if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        } else {
            take(&mut word, &mut words);
        }
        rest = &rest[letter.len_utf8()..];
    }
    take(&mut word, &mut words);
    words
}

/// The words as numbers, in order.
pub(crate) fn word_hashes(text: &str) -> Vec<u64> {
    words(text).iter().map(|word| fnv1a(word.bytes())).collect()
}

/// One number for a sequence of words.
pub(crate) fn sequence_hash(words: &[u64]) -> u64 {
    words.iter().fold(0x51_7C_C1_B7, |hash, word| crate::random::mix(hash ^ *word))
}

fn take(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// The end of `[email]` or `{name}` at the start of the text.
fn placeholder_end(text: &str) -> Option<usize> {
    let close = text.find([']', '}'])?;
    let inside = text.get(1..close)?;
    let is_name = !inside.is_empty() && inside.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then_some(close + 1)
}

/// Finds which of some known texts a text is.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextIndex {
    /// Word to the texts that hold it.
    places: HashMap<u64, Vec<usize>>,
    /// How many texts there are.
    count: usize,
    /// Summed weight of each text's words.
    totals: Vec<f64>,
}

/// The share of a known text that must be there to say that it is.
const MOST: f64 = 0.6;

/// The best match.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Match {
    /// Which of the known texts.
    pub text: usize,
    /// Shared weight over the larger of both weights: 1 for the same set of words.
    pub similarity: f64,
    /// Share of the known text that is there.
    pub coverage: f64,
    /// Share of the text that is of the known one.
    pub purity: f64,
}

impl TextIndex {
    /// Indexes the texts in the order given.
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut index = Self::default();
        let mut sets = Vec::new();
        for (text, content) in texts.enumerate() {
            let set = set_of(&word_hashes(content));
            for word in &set {
                index.places.entry(*word).or_default().push(text);
            }
            sets.push(set);
        }
        index.count = sets.len();
        index.totals = sets.iter().map(|set| set.iter().map(|word| index.weight(*word)).sum()).collect();
        index
    }

    /// The known text nearest to these words.
    pub(crate) fn find(&self, words: &[u64]) -> Option<Match> {
        let (shared, total) = self.shared(words);
        let matches = shared.iter().zip(&self.totals).enumerate().map(|(text, (shared, known))| Match {
            text,
            similarity: shared / total.max(*known).max(f64::MIN_POSITIVE),
            coverage: shared / known.max(f64::MIN_POSITIVE),
            purity: shared / total.max(f64::MIN_POSITIVE),
        });
        matches.max_by(|a, b| a.similarity.total_cmp(&b.similarity))
    }

    /// The known text that these words hold among others: most of it must be there, and the longest wins. For a question
    /// inside a conversation.
    pub(crate) fn find_within(&self, words: &[u64]) -> Option<usize> {
        let (shared, _) = self.shared(words);
        let covered = shared.iter().zip(&self.totals).map(|(shared, known)| (*shared, shared / known));
        let most = covered.enumerate().filter(|(_, (_, coverage))| *coverage > MOST);
        most.max_by(|(_, a), (_, b)| (a.0 * a.1).total_cmp(&(b.0 * b.1))).map(|(text, _)| text)
    }

    /// The weight that each known text shares with these words, and the weight of the words.
    fn shared(&self, words: &[u64]) -> (Vec<f64>, f64) {
        let mut shared = vec![0.0; self.totals.len()];
        let mut total = 0.0;
        for word in set_of(words) {
            let weight = self.weight(word);
            total += weight;
            for text in self.places.get(&word).into_iter().flatten() {
                shared[*text] += weight;
            }
        }
        (shared, total)
    }

    /// Rare words say more. A word that no text holds weighs as much as one of a single text.
    fn weight(&self, word: u64) -> f64 {
        let holders = self.places.get(&word).map_or(1, Vec::len);
        (1.0 + self.count as f64 / holders as f64).ln()
    }
}

fn set_of(words: &[u64]) -> Vec<u64> {
    let mut set = words.to_vec();
    set.sort_unstable();
    set.dedup();
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_no_words() {
        assert_eq!(words("Call [phone] or {name}: {\"a\": [1, 2]}"), ["call", "or", "a", "1", "2"]);
    }

    #[test]
    fn a_decorated_or_shortened_text_is_found() {
        let index = TextIndex::new(["the parcel is late", "the index of the table is slow"].into_iter());
        let find = |text: &str| index.find(&word_hashes(text)).unwrap();
        assert_eq!(find("Hello Ms Weber, the PARCEL is late.").text, 0);
        let cut = find("the index of the");
        assert_eq!(cut.text, 1);
        assert!(cut.coverage < 0.8, "{cut:?}");
        assert!(find("nothing alike whatsoever").similarity < 0.1);
    }
}
