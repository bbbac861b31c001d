//! One pass over the head of a text: how often each byte comes, and where words begin and end.

use bifocal_model::feature::BEHAVIOUR;

use super::words::{self, Class, key_of};
use crate::limits::{FEATURE_BYTES, FEATURE_WORDS};

/// Words that the share of different ones is taken of, and the bits that they are told apart by.
const DISTINCT_WORDS: u32 = 128;
const DISTINCT_BITS: usize = 1_024;
/// Words in which a refusal is looked for: refusals come first.
const REFUSAL_WORDS: u32 = 40;
const LONG_WORD: usize = 9;
const BLOCK: usize = 64;

/// What the pass found.
#[derive(Clone, Debug)]
pub(super) struct Scan {
    /// How often each byte comes.
    pub(super) counts: [u32; 256],
    /// Words of the head.
    pub(super) words: u32,
    /// Those of them that were looked up.
    pub(super) looked_up: u32,
    /// Function words of the four languages.
    pub(super) languages: [u32; 4],
    /// Words of refusal.
    pub(super) refusals: u32,
    bytes: usize,
    first_line: usize,
    classes: [u32; 9],
    letters: usize,
    long: u32,
    sentences: u32,
    seen: [u64; DISTINCT_BITS / 64],
    first_word: f64,
    lines: u32,
    list_lines: u32,
    headings: u32,
    fences: u32,
    paragraphs: u32,
}

/// The head of a text, whole characters.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

impl Scan {
    /// Of the head of a text.
    pub(super) fn of(text: &str) -> Self {
        let bytes = head(text, FEATURE_BYTES).as_bytes();
        let mut scan = Self::nothing(bytes);
        let (mut start, mut end, mut inside, mut before) = (0, 0, false, 1);
        for (i, block) in bytes.chunks(BLOCK).enumerate() {
            let blank = match block.try_into() {
                Ok(whole) => blanks(whole),
                Err(_) => {
                    let mut padded = [b' '; BLOCK];
                    padded[..block.len()].copy_from_slice(block);
                    blanks(&padded)
                }
            };
            // Where blank and not blank meet.
            let mut edges = blank ^ ((blank << 1) | before);
            before = blank >> 63;
            while edges != 0 {
                let at = i * BLOCK + edges.trailing_zeros() as usize;
                edges &= edges - 1;
                if inside {
                    scan.word(bytes, end, start, at);
                    end = at;
                } else {
                    start = at;
                }
                inside = !inside;
            }
        }
        if inside {
            scan.word(bytes, end, start, bytes.len());
        }
        scan.languages.copy_from_slice(&scan.classes[Class::English as usize..=Class::Spanish as usize]);
        scan
    }

    fn nothing(bytes: &[u8]) -> Self {
        Self {
            counts: counts(bytes),
            words: 0,
            looked_up: 0,
            languages: [0; 4],
            refusals: 0,
            bytes: bytes.len(),
            first_line: bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()),
            classes: [0; 9],
            letters: 0,
            long: 0,
            sentences: 0,
            seen: [0; DISTINCT_BITS / 64],
            first_word: 0.0,
            lines: 0,
            list_lines: 0,
            headings: 0,
            fences: 0,
            paragraphs: 0,
        }
    }

    /// Takes the word at `start..end`; the one before ended at `gap`.
    #[inline]
    fn word(&mut self, bytes: &[u8], gap: usize, start: usize, end: usize) {
        let newlines = match start - gap {
            0 => 0,
            1 => usize::from(bytes[gap] == b'\n'),
            _ => bytes[gap..start].iter().filter(|byte| **byte == b'\n').count(),
        };
        if newlines > 0 || self.words == 0 {
            self.line(&bytes[start..end]);
            self.paragraphs += u32::from(newlines > 1 && self.words > 0);
        }
        self.words += 1;
        if self.looked_up >= FEATURE_WORDS {
            return;
        }
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte >= 0x80;
        let (mut from, mut to) = (start, end);
        while to > from && !is_letter(bytes[to - 1]) {
            to -= 1;
            if matches!(bytes[to], b'.' | b'!' | b'?') {
                self.sentences += 1;
                break;
            }
        }
        while to > from && !is_letter(bytes[to - 1]) {
            to -= 1;
        }
        while from < to && !is_letter(bytes[from]) {
            from += 1;
        }
        let length = to - from;
        if self.looked_up == 0 {
            self.first_word = opening(&bytes[start..end], words::key(bytes, from, length), length);
        }
        self.looked_up += 1;
        if length == 0 {
            return;
        }
        let key = words::key(bytes, from, length);
        self.letters += length;
        self.long += u32::from(length >= LONG_WORD);
        let class = words::class(key);
        self.classes[class as usize] += 1;
        self.refusals += u32::from(class == Class::Refusal && self.looked_up <= REFUSAL_WORDS);
        if self.looked_up <= DISTINCT_WORDS {
            let bit = (words::spread(key ^ ((length as u64) << 56)) >> 54) as usize;
            self.seen[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// The first word of a line says what kind of line it is.
    fn line(&mut self, word: &[u8]) {
        self.lines += 1;
        let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_number =
            digits > 0 && matches!(word.get(digits), Some(b'.' | b')')) && digits + 1 == word.len();
        self.list_lines +=
            u32::from(is_number || matches!(word, b"-" | b"*" | b"+" | [0xe2, 0x80, 0xa2, ..]));
        self.headings += u32::from(word.iter().all(|byte| *byte == b'#'));
        self.fences += u32::from(word.starts_with(b"```"));
    }

    /// The features of behaviour, in the order of the registry.
    pub(super) fn behaviour(&self) -> [f64; BEHAVIOUR.len()] {
        let looked_up = f64::from(self.looked_up.max(1));
        let (words, lines, bytes) = (f64::from(self.words), f64::from(self.lines.max(1)), self.bytes as f64);
        let of_class = |class: Class| f64::from(self.classes[class as usize]) / looked_up;
        let count =
            |some: &[u8]| f64::from(some.iter().map(|byte| self.counts[usize::from(*byte)]).sum::<u32>());
        let range = |from: u8, to: u8| {
            f64::from(self.counts[usize::from(from)..=usize::from(to)].iter().sum::<u32>())
        };
        let distinct: u32 = self.seen.iter().map(|word| word.count_ones()).sum();
        let (small, large) = (range(b'a', b'z'), range(b'A', b'Z'));
        // Curly quotes and long dashes begin with the same byte, which is counted for both.
        let curly = f64::from(self.counts[0xe2]);
        [
            looked_up / f64::from(self.sentences.max(1)),
            self.letters as f64 / looked_up,
            f64::from(distinct) / f64::from(self.looked_up.clamp(1, DISTINCT_WORDS)),
            f64::from(self.long) / looked_up,
            f64::from(self.languages.iter().sum::<u32>()) / looked_up,
            of_class(Class::Hedge),
            of_class(Class::Second),
            of_class(Class::First),
            self.first_word,
            self.first_line as f64,
            f64::from(self.paragraphs) / words,
            f64::from(self.list_lines) / lines,
            bytes / lines,
            f64::from(self.headings) / lines,
            f64::from(self.fences),
            count(b",") / words,
            count(b":;") / words,
            (count(b"-") + curly) / words,
            (count(b"\"'") + curly) / words,
            count(b"()[]") / words,
            count(b"!?") / words,
            count(b"*_`|") / bytes,
            range(b'0', b'9') / bytes,
            large / (small + large).max(1.0),
        ]
    }
}

/// What an answer opens with: markup before anything else, then kinds of words from rare to common, a word of no kind last.
fn opening(raw: &[u8], key: u64, length: usize) -> f64 {
    const KINDS: [&[u64]; 6] = [
        &[key_of("sorry"), key_of("i'm"), key_of("as"), key_of("unfortun")],
        &[key_of("sure"), key_of("certainl"), key_of("absolute"), key_of("of"), key_of("great")],
        &[key_of("yes"), key_of("no"), key_of("there"), key_of("it")],
        &[key_of("here"), key_of("to"), key_of("in"), key_of("based")],
        &[key_of("i"), key_of("my"), key_of("we"), key_of("dear")],
        &[key_of("the"), key_of("a"), key_of("an"), key_of("this")],
    ];
    if length == 0 || matches!(raw.first(), Some(b'#' | b'*' | b'`' | b'|' | b'-' | b'<' | b'{' | b'[')) {
        return 0.0;
    }
    if raw.first().is_some_and(u8::is_ascii_digit) {
        return 1.0;
    }
    KINDS.iter().position(|kind| kind.contains(&key)).map_or(8.0, |at| 2.0 + at as f64)
}

/// How often each byte comes. Four tables, so that runs of one byte do not wait for each other.
fn counts(bytes: &[u8]) -> [u32; 256] {
    let mut tables = [[0u16; 256]; 4];
    let mut quads = bytes.chunks_exact(4);
    for quad in &mut quads {
        tables[0][usize::from(quad[0])] += 1;
        tables[1][usize::from(quad[1])] += 1;
        tables[2][usize::from(quad[2])] += 1;
        tables[3][usize::from(quad[3])] += 1;
    }
    for byte in quads.remainder() {
        tables[0][usize::from(*byte)] += 1;
    }
    std::array::from_fn(|i| tables.iter().map(|table| u32::from(table[i])).sum())
}

/// A bit for each byte of a block that is a blank or another control character: at most 0x20.
#[inline]
fn blanks(block: &[u8; BLOCK]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut mask = 0;
    for (i, eight) in block.chunks_exact(8).enumerate() {
        let word = u64::from_le_bytes(eight.try_into().unwrap_or_default());
        // The high bit of a byte of `above` is set when its low seven bits are more than 0x20.
        let above = (word & LOW) + 0x5f5f_5f5f_5f5f_5f5f;
        let blank = !(above | word) & !LOW;
        mask |= ((blank >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * i);
    }
    mask
}
