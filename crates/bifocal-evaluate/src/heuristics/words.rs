//! Words of a text, known by a hash of their letters in lower case.

/// A run of letters, digits and bytes above ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Of its bytes, ASCII letters in lower case.
    pub(super) hash: u64,
    /// Where it begins, bytes.
    pub(super) start: usize,
    /// How long it is, bytes.
    pub(super) length: usize,
}

const SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// The hash of a word that the code knows; it is written in lower case.
pub(super) const fn hash(word: &str) -> u64 {
    let bytes = word.as_bytes();
    let (mut hash, mut at) = (SEED, 0);
    while at < bytes.len() {
        hash = step(hash, bytes[at]);
        at += 1;
    }
    hash
}

const fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ byte.to_ascii_lowercase() as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

/// The first words of a text.
pub(super) fn words(text: &str, most: usize) -> Vec<Word> {
    let bytes = text.as_bytes();
    let mut words = Vec::with_capacity((bytes.len() / 5).min(most));
    let mut at = 0;
    while at < bytes.len() && words.len() < most {
        if !is_word(bytes[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut hash = SEED;
        while at < bytes.len() && is_word(bytes[at]) {
            hash = step(hash, bytes[at]);
            at += 1;
        }
        words.push(Word { hash, start, length: at - start });
    }
    words
}

/// Letters, digits, and whatever is not ASCII.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// A set of words that is asked about often: a table with room, probed in a line.
#[derive(Debug)]
pub(super) struct WordTable<T> {
    slots: Vec<(u64, T)>,
}

impl<T: Copy + Default> WordTable<T> {
    /// Lists of words, separated by blanks, each with its value; values of a word in several lists are joined.
    pub(super) fn new(lists: &[(T, &str)], join: impl Fn(T, T) -> T) -> Self {
        let count: usize = lists.iter().map(|(_, list)| list.split_whitespace().count()).sum();
        let mut table = Self { slots: vec![(0, T::default()); (4 * count).next_power_of_two().max(16)] };
        for (value, list) in lists {
            for word in list.split_whitespace() {
                let hash = hash(word);
                let at = table.slot(hash);
                let known = table.slots[at].0 == hash;
                table.slots[at] = (hash, if known { join(table.slots[at].1, *value) } else { *value });
            }
        }
        table
    }

    /// The value of a word; the default where it is in no list.
    pub(super) fn get(&self, hash: u64) -> T {
        let (known, value) = self.slots[self.slot(hash)];
        if known == hash { value } else { T::default() }
    }

    /// Where a word stands or would stand. A quarter of the table at most is full, so this ends.
    fn slot(&self, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        #[expect(clippy::cast_possible_truncation, reason = "the mask takes the low bits anyway")]
        let mut at = (hash ^ (hash >> 32)) as usize & mask;
        while self.slots[at].0 != hash && self.slots[at].0 != 0 {
            at = (at + 1) & mask;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_and_known_whatever_their_case() {
        let text = "Don't STOP, é2 10/10";
        let found = words(text, 100);
        let texts: Vec<_> = found.iter().map(|word| &text[word.start..word.start + word.length]).collect();
        assert_eq!(texts, ["Don", "t", "STOP", "é2", "10", "10"]);
        assert_eq!(found[2].hash, hash("stop"));
        assert_eq!(words(text, 2).len(), 2);
    }

    #[test]
    fn a_table_knows_its_words_and_no_others() {
        let table = WordTable::new(&[(1u8, "one two"), (2, "two three")], |a, b| a | b);
        let of = |word| table.get(hash(word));
        assert_eq!([of("one"), of("two"), of("three"), of("four")], [1, 3, 2, 0]);
    }
}
