//! A look at a text before it is searched. Most texts hold no sign of anything private: no `@`, too few digits for a
//! number, no prefix of a key. To see that costs a small part of the search, and a search that is left out would have
//! found nothing.

use std::sync::LazyLock;

use memchr::{memchr2, memchr3, memmem::Finder};

/// The digits of the shortest telephone number.
const NUMBER_DIGITS: usize = 7;
/// The capitals of an access key's id without a digit.
const KEY_CAPITALS: usize = 20;

/// What tokens begin with that have no digit, no `@`, no `_`, no `J` and few capitals.
static MARKS: LazyLock<[Finder<'static>; 5]> =
    LazyLock::new(|| ["-----BEGIN ", "AIza", "glpat-", "xox", "xapp-"].map(Finder::new));

/// What a text may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Signs {
    pub(crate) tokens: bool,
    pub(crate) numbers: bool,
}

impl Signs {
    pub(crate) fn of(text: &str) -> Self {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        Self { tokens: digits > 0 || may_hold_token(text), numbers: digits >= NUMBER_DIGITS }
    }
}

/// Of a text without digits.
fn may_hold_token(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Addresses and passwords; keys such as `ghp_…`; web tokens, which begin with `eyJ`.
    let has_sign = || memchr3(b'@', b'_', b'J', bytes).is_some();
    // `Authorization: Bearer …` in any case.
    let may_be_header = || memchr2(b':', b'=', bytes).is_some() && memchr2(b'z', b'Z', bytes).is_some();
    let has_capitals = || text.bytes().filter(u8::is_ascii_uppercase).count() >= KEY_CAPITALS;
    let has_mark = || MARKS.iter().any(|mark| mark.find(bytes).is_some());
    // Outside of ASCII there are letters that equal others in some case.
    !text.is_ascii() || has_sign() || may_be_header() || has_capitals() || has_mark()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{numbers, tokens};

    #[test]
    fn plain_words_are_not_searched() {
        let none = Signs { tokens: false, numbers: false };
        for text in
            ["", "What is the capital of France?", "Answer briefly: no speculation; cite - if you can."]
        {
            assert_eq!(Signs::of(text), none, "{text}");
        }
        assert_eq!(Signs::of("in 1889, or 1890"), Signs { tokens: true, numbers: true });
        assert_eq!(Signs::of("in 1889"), Signs { tokens: true, numbers: false });
        assert_eq!(Signs::of("Stra\u{df}e"), Signs { tokens: true, numbers: false });
    }

    /// Pieces that hold tokens without a digit and without an `@`, or nearly.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "-----BEGIN ",
            "PRIVATE KEY-----",
            "RSA ",
            "aUtHoRiZaTiOn",
            "AUTHORIZATION",
            "authorization",
            ": ",
            "=",
            "\"",
            "Bearer ",
            "BASIC ",
            "token ",
            "eyJ",
            "eyJhbGciOiJI",
            ".eyJzdWIiOiIx",
            ".",
            "AKIA",
            "ASIA",
            "AROA",
            "AIDA",
            "ABCDEFGHIJKLMNOP",
            "AIza",
            "abcdefghijklmnopqrstuvwxyzABCDEFGHI",
            "ghp_",
            "gho_",
            "ghu_",
            "ghs_",
            "ghr_",
            "github_pat_",
            "glpat-",
            "xoxb-",
            "xoxs-",
            "xapp-",
            "hf_",
            "sk_live_",
            "rk_test_",
            "pk_live_",
            "sk-",
            "api_key",
            "secret",
            "account key",
            "https://me:word",
            "DE",
            " ",
            "x",
            "\n",
            "%",
            "@",
            "7",
            "40",
        ]);
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_left_out_would_find_nothing(text in pieces()) {
            let signs = Signs::of(&text);
            if !signs.tokens {
                prop_assert_eq!(tokens::find(&text), vec![], "{}", text);
            }
            if !signs.numbers {
                let mut hits = Vec::new();
                numbers::find(&text, 0, &mut hits);
                prop_assert_eq!(hits, vec![], "{}", text);
            }
        }

        #[test]
        fn of_any_string_too(text in "[ -~]{0,60}") {
            if !Signs::of(&text).tokens {
                prop_assert_eq!(tokens::find(&text), vec![], "{}", text);
            }
        }
    }
}
