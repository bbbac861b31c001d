//! Checks that tell a number that means something from one that only looks like it.

/// Luhn's check over ASCII digits: doubles every second digit from the right.
pub(crate) fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(digit.wrapping_sub(b'0'));
            let doubled = if place % 2 == 1 { value * 2 } else { value };
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Whether the first digits are those of a card scheme, for a number of this many digits. It keeps times in
/// milliseconds (1…), ISBN-13 (978…) and most order numbers out.
pub(crate) fn card_prefix(digits: &[u8]) -> bool {
    let leading = |n: usize| digits.iter().take(n).fold(0u32, |value, d| value * 10 + u32::from(d - b'0'));
    let (two, three, four) = (leading(2), leading(3), leading(4));
    match digits.len() {
        13 | 19 if two / 10 == 4 => true,
        14 => matches!(two, 36 | 38 | 39) || (300..=305).contains(&three),
        15 => matches!(two, 34 | 37),
        16 => {
            two / 10 == 4
                || (51..=55).contains(&two)
                || (2221..=2720).contains(&four)
                || matches!(two, 35 | 36 | 38 | 39 | 50 | 56..=58 | 60 | 62..=65 | 67 | 81)
        }
        12..=19 => matches!(two, 50 | 56..=58 | 60 | 62..=65 | 67),
        _ => false,
    }
}

/// ISO 7064 mod 97-10 as an IBAN uses it: country and check digits move to the end, letters count from 10.
pub(crate) fn mod97(letters_and_digits: &[u8]) -> bool {
    let Some((head, tail)) = letters_and_digits.split_at_checked(4) else { return false };
    let rest = tail.iter().chain(head).fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte.to_ascii_uppercase().wrapping_sub(b'A')) + 10) % 97,
    });
    rest == 1
}

/// The length of an IBAN of this country, from the registry's list.
pub(crate) fn iban_length(country: [u8; 2]) -> Option<usize> {
    const LENGTHS: &[(usize, &[u8])] = &[
        (15, b"NO"),
        (16, b"BE"),
        (18, b"DKFIFKFONLGLSD"),
        (19, b"MKSI"),
        (20, b"ATBAEEKZLTLUMNXK"),
        (21, b"CHHRLILV"),
        (22, b"BGBHCRDEGBGEIEMERSVA"),
        (23, b"AEGIILIQOMSOTL"),
        (24, b"ADCZESMDPKROSASESKTNVG"),
        (25, b"LYPTST"),
        (26, b"ISTR"),
        (27, b"BIDJFRGRITMCMRSM"),
        (28, b"ALAZBYCYDOGTHNHUNILBPLSV"),
        (29, b"BREGPSQAUA"),
        (30, b"JOKWMUYE"),
        (31, b"MTSC"),
        (32, b"LC"),
        (33, b"RU"),
    ];
    let country = country.map(|letter| letter.to_ascii_uppercase());
    let mut rows = LENGTHS.iter();
    rows.find(|(_, names)| names.chunks(2).any(|name| name == country)).map(|(length, _)| *length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luhn_knows_good_from_bad() {
        assert!(luhn(b"4111111111111111".iter().copied()));
        assert!(luhn(b"378282246310005".iter().copied()));
        assert!(!luhn(b"4111111111111112".iter().copied()));
        assert!(!luhn(b"1411111111111111".iter().copied()));
    }

    #[test]
    fn mod97_knows_good_from_bad() {
        assert!(mod97(b"GB82WEST12345698765432"));
        assert!(mod97(b"de89370400440532013000"));
        assert!(!mod97(b"DE88370400440532013000"));
        assert!(!mod97(b"DE8"));
    }

    #[test]
    fn countries_have_their_lengths() {
        assert_eq!(iban_length(*b"DE"), Some(22));
        assert_eq!(iban_length(*b"no"), Some(15));
        assert_eq!(iban_length(*b"LC"), Some(32));
        assert_eq!(iban_length(*b"ZZ"), None);
    }
}
