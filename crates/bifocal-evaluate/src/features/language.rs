//! Which script a text is in and, for Latin script, which of four languages: by the first bytes of its characters and its
//! function words. Good enough to see a mix move; no more than that.

use super::scan::Scan;

/// Share of other characters above which a text is in their script.
const OTHER_SHARE: f64 = 0.2;
/// Share of function words that a language shows at least.
const FUNCTION_SHARE: f64 = 0.08;

/// The class, in an order in which neighbours are alike: 0 nothing to tell by, 1 English, 2 German, 3 French, 4 Spanish, 5 Latin
/// script in another language, 6 Greek, 7 Cyrillic, 8 Hebrew or Arabic, 9 Indic or Thai, 10 Chinese or Japanese, 11 Korean, 12
/// another script.
pub(super) fn class(scan: &Scan) -> f64 {
    let leading = |range: std::ops::RangeInclusive<u8>| -> f64 {
        f64::from(scan.counts[usize::from(*range.start())..=usize::from(*range.end())].iter().sum::<u32>())
    };
    let ascii = leading(b'a'..=b'z') + leading(b'A'..=b'Z');
    let scripts = [
        (6.0, leading(0xce..=0xcf)),
        (7.0, leading(0xd0..=0xd3)),
        (8.0, leading(0xd6..=0xdb)),
        (9.0, leading(0xe0..=0xe0)),
        (10.0, leading(0xe3..=0xe9)),
        (11.0, leading(0xea..=0xed)),
        (12.0, leading(0xd4..=0xd5) + leading(0xdc..=0xdf) + leading(0xe1..=0xe1)),
    ];
    let other: f64 = scripts.iter().map(|(_, count)| count).sum();
    let letters = ascii + leading(0xc3..=0xcb) + other;
    if letters == 0.0 {
        return 0.0;
    }
    if other > OTHER_SHARE * letters {
        return scripts.iter().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0.0, |(class, _)| *class);
    }
    let languages = scan.languages.iter().enumerate();
    let (best, count) = languages.max_by_key(|(_, count)| **count).map_or((0, 0), |(at, count)| (at, *count));
    if count > 0 && f64::from(count) >= FUNCTION_SHARE * f64::from(scan.looked_up) {
        1.0 + best as f64
    } else {
        5.0
    }
}
