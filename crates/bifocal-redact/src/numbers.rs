//! Runs of digits: payment cards and telephone numbers.
//!
//! A run is a maximal stretch of digit groups with short separators. Cards are looked for in it first, then each
//! remaining piece is a phone number as a whole or holds one between spaces. What a run is does not depend on
//! the text around it, but for a word such as `phone` right before it.

use std::ops::Range;

use crate::checksum::{card_prefix, luhn};
use crate::kind::Kind;
use crate::scan::Hit;

/// The digits of the shortest telephone number.
const DIGITS: usize = 7;
/// Separators between two digits of a run, at most.
const GAP: usize = 3;
/// Plus signs and brackets before the first digit that belong to a run, at most.
const LEAD: usize = 2;

/// Words after which a bare number is a phone number.
const PHONE_WORDS: [&str; 11] = [
    "phone",
    "telephone",
    "tel",
    "mobile",
    "cell",
    "fax",
    "call",
    "whatsapp",
    "phone number",
    "phone no",
    "mobile number",
];

/// Adds the hits of `text`, which begins at `offset` of the whole.
pub(crate) fn find(text: &str, offset: usize, hits: &mut Vec<Hit>) {
    for range in (Runs { bytes: text.as_bytes(), at: 0 }) {
        let run = Run::new(text, range);
        for (kind, range) in run.classify() {
            hits.push(Hit { kind, start: offset + range.start, end: offset + range.end });
        }
    }
}

/// The runs of a text in order: `[+(]{0,2}[0-9](?:[ ./()+-]{0,3}[0-9]){6,}`, as long as they can be.
struct Runs<'t> {
    bytes: &'t [u8],
    /// Behind the last digit that was looked at.
    at: usize,
}

impl Iterator for Runs<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let first = next_digit(self.bytes, self.at)?;
            let (mut digits, mut end) = (1, first + 1);
            while let Some(gap) = gap(&self.bytes[end..]) {
                digits += 1;
                end += gap + 1;
            }
            self.at = end;
            if digits >= DIGITS {
                let before = self.bytes[..first].iter().rev().take(LEAD);
                let lead = before.take_while(|byte| b"+(".contains(byte)).count();
                return Some(first - lead..end);
            }
        }
    }
}

/// Separators before the next digit of the same run; `None` where it has none.
fn gap(rest: &[u8]) -> Option<usize> {
    let gap = rest.iter().take(GAP + 1).position(|byte| !b" ./()+-".contains(byte))?;
    rest[gap].is_ascii_digit().then_some(gap)
}

/// The first digit at or behind this place.
pub(crate) fn next_digit(bytes: &[u8], from: usize) -> Option<usize> {
    const STEP: usize = 32;
    let mut at = from;
    while let Some(step) = bytes.get(at..at + STEP) {
        // No early end, so that the bytes of a step are looked at at once.
        if step.iter().fold(false, |any, byte| any | byte.is_ascii_digit()) {
            break;
        }
        at += STEP;
    }
    bytes.get(at..)?.iter().position(u8::is_ascii_digit).map(|found| at + found)
}

/// A run and its groups of digits.
struct Run<'t> {
    text: &'t str,
    start: usize,
    groups: Vec<Range<usize>>,
}

impl<'t> Run<'t> {
    fn new(text: &'t str, range: Range<usize>) -> Self {
        let bytes = text.as_bytes();
        let mut groups: Vec<Range<usize>> = Vec::new();
        for at in range.clone().filter(|at| bytes[*at].is_ascii_digit()) {
            match groups.last_mut() {
                Some(last) if last.end == at => last.end = at + 1,
                _ => groups.push(at..at + 1),
            }
        }
        // Digits that touch a letter are part of a word: `sha256`, `a716-…`.
        let touches = |at: Option<&u8>| at.is_some_and(u8::is_ascii_alphabetic);
        let mut start = range.start;
        if groups.first().is_some_and(|g| g.start > 0 && touches(bytes.get(g.start - 1))) {
            start = groups.remove(0).end;
        }
        if groups.last().is_some_and(|g| touches(bytes.get(g.end))) {
            groups.pop();
        }
        Self { text, start, groups }
    }

    /// Hits in order.
    fn classify(&self) -> Vec<(Kind, Range<usize>)> {
        let mut found = Vec::new();
        let mut piece = 0;
        let mut at = 0;
        while at < self.groups.len() {
            match self.card_at(at) {
                // One window in ten passes Luhn by chance: `…-2671 4111 1111 1111` before the card's own four.
                Some(end) if self.is_joined(at..end) && (at + 1..end).any(|i| self.card_at(i).is_some()) => {
                    at += 1;
                }
                Some(end) => {
                    self.phones(piece..at, &mut found);
                    found.push((Kind::Card, self.groups[at].start..self.groups[end - 1].end));
                    at = end;
                    piece = end;
                }
                None => at += 1,
            }
        }
        self.phones(piece..self.groups.len(), &mut found);
        found
    }

    /// The end (in groups) of a card number that begins at this group.
    fn card_at(&self, at: usize) -> Option<usize> {
        const SHAPES: [&[usize]; 4] = [&[4, 4, 4, 4, 3], &[4, 4, 4, 4], &[4, 6, 5], &[4, 6, 4]];
        let lengths = |end: usize| self.groups[at..end].iter().map(Range::len);
        let of_shape = |shape: &&[usize]| {
            let end = at + shape.len();
            let one_separator = || {
                let first = self.separator(at);
                [" ", "-", "."].contains(&first) && (at..end - 1).all(|i| self.separator(i) == first)
            };
            end <= self.groups.len() && lengths(end).eq(shape.iter().copied()) && one_separator()
        };
        let grouped = SHAPES.iter().filter(|shape| of_shape(shape)).map(|shape| at + shape.len());
        let one = (12..=19).contains(&self.groups[at].len()).then_some(at + 1);
        grouped.chain(one).find(|end| self.is_card(at..*end))
    }

    /// Whether something other than a space ties these groups to their neighbours.
    fn is_joined(&self, groups: Range<usize>) -> bool {
        let tied = |i: usize| !starts_with_space(self.separator(i));
        groups.start > 0 && tied(groups.start - 1) || groups.end < self.groups.len() && tied(groups.end - 1)
    }

    fn is_card(&self, groups: Range<usize>) -> bool {
        let Range { start, end } = groups;
        // `0.4111…` is a fraction.
        let fraction = |i: usize| self.separator(i) == ".";
        let before = start > 0 && fraction(start - 1);
        let after = end < self.groups.len() && fraction(end - 1);
        let digits: Vec<u8> =
            self.groups[start..end].iter().flat_map(|g| self.text[g.clone()].bytes()).collect();
        !before && !after && card_prefix(&digits) && luhn(digits.iter().copied())
    }

    /// Adds the phone numbers of a piece without cards.
    fn phones(&self, piece: Range<usize>, found: &mut Vec<(Kind, Range<usize>)>) {
        let mut rest = piece.start;
        while rest < piece.end {
            if let Some(range) = self.phone(rest..piece.end, true) {
                found.push((Kind::Phone, range));
                return;
            }
            let Some((groups, range)) = self.first_phone_within(rest..piece.end) else { return };
            // What lies before may now stand alone.
            found.extend(self.phone(rest..groups.start, true).map(|range| (Kind::Phone, range)));
            found.push((Kind::Phone, range));
            rest = groups.end;
        }
    }

    /// The first phone number with spaces around it: its groups and its bytes.
    fn first_phone_within(&self, piece: Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
        const GROUPS: usize = 8;
        let spaced = |edge: usize| {
            edge == piece.start || edge == piece.end || starts_with_space(self.separator(edge - 1))
        };
        let starts = piece.clone().filter(|start| spaced(*start));
        let windows = starts.flat_map(|start| {
            let ends = (start + 1..=piece.end.min(start + GROUPS)).rev();
            ends.filter(|end| spaced(*end)).map(move |end| start..end)
        });
        let mut phones = windows.filter_map(|groups| Some((groups.clone(), self.phone(groups, false)?)));
        phones.next()
    }

    /// The range of the phone number that these groups are, if they are one. Inside of a longer run (`alone` is
    /// false) groups with nothing but spaces between them are a row of a table.
    fn phone(&self, groups: Range<usize>, alone: bool) -> Option<Range<usize>> {
        let (first, last) = (self.groups[groups.clone()].first()?, self.groups[groups.clone()].last()?);
        if groups.len() > 8 {
            return None;
        }
        let lead = if groups.start == 0 {
            &self.text[self.start..first.start]
        } else {
            self.separator(groups.start - 1)
        };
        let separators: Vec<&str> = (groups.start..groups.end - 1).map(|i| self.separator(i)).collect();
        let shape: Vec<usize> = self.groups[groups.clone()].iter().map(Range::len).collect();
        let digits: String = self.groups[groups.clone()].iter().map(|g| &self.text[g.clone()]).collect();

        let number = Number { shape: &shape, digits: digits.as_bytes(), separators: &separators };
        let plus = lead.rfind('+').filter(|_| number.is_international());
        let paren = lead.ends_with('(') && separators.first().is_some_and(|s| s.starts_with(')'));
        let marked = paren || separators.iter().any(|s| s.contains(['-', '.', '/', '(', ')']));
        let known = (alone || marked) && (number.is_north_american() || number.is_national(paren))
            || alone && groups.start == 0 && number.may_follow_a_word() && self.follows_phone_word();
        let start = match plus {
            Some(at) => first.start - (lead.len() - at),
            None if known && paren => first.start - 1,
            None if known => first.start,
            None => return None,
        };
        Some(start..last.end)
    }

    /// What stands between group `i` and the next.
    fn separator(&self, i: usize) -> &'t str {
        &self.text[self.groups[i].end..self.groups[i + 1].start]
    }

    fn follows_phone_word(&self) -> bool {
        let before = &self.text.as_bytes()[..self.start];
        let end = before.iter().rposition(|byte| !b" :=.#\"'\t".contains(byte)).map_or(0, |last| last + 1);
        PHONE_WORDS.iter().any(|word| {
            let Some(start) = end.checked_sub(word.len()) else { return false };
            let whole_word = start == 0 || !before[start - 1].is_ascii_alphanumeric();
            whole_word && before[start..end].eq_ignore_ascii_case(word.as_bytes())
        })
    }
}

/// The shape of a would-be phone number.
struct Number<'a> {
    shape: &'a [usize],
    digits: &'a [u8],
    separators: &'a [&'a str],
}

impl Number<'_> {
    /// After a plus sign: at most 15 digits (E.164).
    fn is_international(&self) -> bool {
        (8..=15).contains(&self.digits.len()) && self.digits[0] != b'0'
    }

    /// `555-123-4567`, `(555) 123-4567`, `1 555 123 4567`: area and exchange begin with 2 to 9.
    fn is_north_american(&self) -> bool {
        let national = match self.shape {
            [3, 3, 4] => self.digits,
            [1, 3, 3, 4] if self.digits[0] == b'1' => &self.digits[1..],
            _ => return false,
        };
        let plausible = |digit: u8| (b'2'..=b'9').contains(&digit);
        plausible(national[0]) && plausible(national[3])
    }

    /// With a leading zero, in groups: `020 7946 0958`, `0171/1234567`, `01 23 45 67 89`, `0049 30 1234567`.
    fn is_national(&self, paren: bool) -> bool {
        let [first, rest @ ..] = self.shape else { return false };
        let abroad = self.digits.starts_with(b"00") && self.digits.get(2).is_some_and(|d| *d != b'0');
        let trunk = self.digits[0] == b'0' && self.digits.get(1).is_some_and(|d| *d != b'0');
        let uniform = self.separators.iter().skip(1).all(|s| s == &self.separators[1]);
        let pairs = self.shape == [2, 2, 2, 2, 2];
        let long_tail = rest.len() <= 3 && rest.last().is_some_and(|last| *last >= 3);
        let total = self.digits.len();
        match (trunk, abroad) {
            (true, _) => {
                (2..=6).contains(first)
                    && (9..=12).contains(&total)
                    && (uniform || paren)
                    && (pairs || long_tail)
            }
            (_, true) => !rest.is_empty() && (10..=17).contains(&total),
            _ => false,
        }
    }

    /// After a word such as `phone` any number of a plausible length will do.
    fn may_follow_a_word(&self) -> bool {
        (7..=15).contains(&self.digits.len()) && self.shape.len() <= 6
    }
}

fn starts_with_space(separator: &str) -> bool {
    separator.starts_with(' ')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use regex::Regex;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn runs_are_those_of_their_pattern(text in r"([0-9 ./()+xé-]|[ (+]{3,4}|[0-9]{3,5}|words between ){0,24}") {
            let pattern = Regex::new(r"[+(]{0,2}[0-9](?:[ ./()+\-]{0,3}[0-9]){6,}").unwrap();
            let wanted: Vec<_> = pattern.find_iter(&text).map(|found| found.range()).collect();
            let runs: Vec<_> = Runs { bytes: text.as_bytes(), at: 0 }.collect();
            prop_assert_eq!(runs, wanted);
        }
    }
}
