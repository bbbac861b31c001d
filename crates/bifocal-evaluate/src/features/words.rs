//! The words that mean something to a feature, found by their first eight bytes in one look.

/// What a word is to the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    None,
    English,
    German,
    French,
    Spanish,
    Hedge,
    Second,
    First,
    Refusal,
}

const LISTS: [(Class, &str); 8] = [
    (
        Class::English,
        "the of and to a in is that it for as with on be are this by an or from at not have but which was can their \
         its will more also other such these has when if they has been would into than then there",
    ),
    (
        Class::German,
        "der die das und ist nicht ein eine zu den von mit sich auf dem auch es werden oder wie bei wird sind kann",
    ),
    (
        Class::French,
        "le la les des et est une du dans pour que qui pas sur avec ce sont ou au plus cette vous",
    ),
    (Class::Spanish, "el los las y del por una con para como su lo se al pero sus entre muy sin este puede"),
    (
        Class::Hedge,
        "may might could perhaps possibly probably likely usually often seems appear appears suggest suggests \
         although however sometimes generally typically",
    ),
    (Class::Second, "you your you're yours yourself"),
    (Class::First, "i i'm i'd i'll i've me my we our us mine"),
    (
        Class::Refusal,
        "sorry cannot can't unable apologize decline ai unfortunately leider désolé siento regret won't",
    ),
];

const SLOTS: usize = 512;
static TABLE: [(u64, Class); SLOTS] = table();

/// Words are known by their first eight bytes in lower case, and by how long they are up to that.
const KEY_BYTES: usize = 8;

/// The class of a key.
#[inline]
pub(super) fn class(key: u64) -> Class {
    let mut at = slot(key);
    loop {
        let (known, class) = TABLE[at];
        if known == key || known == 0 {
            return if known == key { class } else { Class::None };
        }
        at = (at + 1) % SLOTS;
    }
}

/// The key of the word at `start` that is `length` bytes long: its first eight bytes with the letters in lower case. (Of
/// other bytes some fall together, which no word of the lists minds.)
#[inline]
pub(super) fn key(bytes: &[u8], start: usize, length: usize) -> u64 {
    let word = match bytes.get(start..start + KEY_BYTES) {
        Some(eight) => u64::from_le_bytes(eight.try_into().unwrap_or_default()),
        None => {
            let mut eight = [0; KEY_BYTES];
            let tail = bytes.get(start..).unwrap_or_default();
            eight[..tail.len()].copy_from_slice(tail);
            u64::from_le_bytes(eight)
        }
    };
    let lower = word | 0x2020_2020_2020_2020;
    if length >= KEY_BYTES { lower } else { lower & ((1 << (8 * length)) - 1) }
}

/// A number that spreads keys.
#[inline]
pub(super) const fn spread(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline]
const fn slot(key: u64) -> usize {
    (spread(key) >> 55) as usize
}

/// The table with linear probing; less than half of it is used.
const fn table() -> [(u64, Class); SLOTS] {
    let mut table = [(0, Class::None); SLOTS];
    let mut list = 0;
    while list < LISTS.len() {
        let (class, words) = (LISTS[list].0, LISTS[list].1.as_bytes());
        let (mut at, mut key, mut length) = (0, 0u64, 0);
        while at <= words.len() {
            let ends = at == words.len() || words[at] == b' ';
            if ends && length > 0 {
                let mut slot = slot(key);
                while table[slot].0 != 0 && table[slot].0 != key {
                    slot = (slot + 1) % SLOTS;
                }
                if table[slot].0 == 0 {
                    table[slot] = (key, class);
                }
                (key, length) = (0, 0);
            } else if !ends {
                if length < KEY_BYTES {
                    key |= ((words[at] | 0x20) as u64) << (8 * length);
                }
                length += 1;
            }
            at += 1;
        }
        list += 1;
    }
    table
}

/// The key of a word that is known when the program is built.
pub(super) const fn key_of(word: &str) -> u64 {
    let bytes = word.as_bytes();
    let (mut key, mut at) = (0u64, 0);
    while at < bytes.len() && at < KEY_BYTES {
        key |= ((bytes[at] | 0x20) as u64) << (8 * at);
        at += 1;
    }
    key
}
