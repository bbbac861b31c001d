//! A look at a text before it is searched for tokens. Most texts hold nothing that could begin one: no `@`, no prefix of a
//! key, no name of a key before a colon. To see that costs a small part of the search, and a search that is left out would
//! have found nothing: each alternative of the search has a sign here without which it matches nowhere.

use std::sync::LazyLock;

use memchr::{memchr, memchr_iter, memchr2_iter};
use regex::Regex;

use crate::numbers::next_digit;

/// What a secret is called right before its colon or equals sign, in any case.
const NAMES: [&[u8]; 4] = [b"key", b"token", b"secret", b"authorization"];

/// Prefixes that say enough by themselves. The last two are the letters outside of ASCII that equal `k` and `s` when
/// cases are not told apart, as in a name of [`NAMES`].
#[expect(clippy::expect_used, reason = "the pattern is a constant and a test compiles it")]
static MARKS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("-----BEGIN |%40|eyJ|ya29[.]|AKIA|ASIA|AROA|AIDA|AIza|\u{212a}|\u{17f}")
        .expect("a constant pattern")
});

/// Whether a text may hold a token: an e-mail address, a key, a credential, an IBAN.
pub(crate) fn of_tokens(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr(b'@', bytes).is_some()
        || MARKS.is_match(text)
        || memchr2_iter(b':', b'=', bytes).any(|at| names_a_secret(&bytes[..at]))
        || memchr_iter(b'_', bytes).any(|at| is_prefix_with_underscore(bytes.split_at(at)))
        || memchr_iter(b'-', bytes).any(|at| is_prefix_with_dash(&bytes[..at]))
        || memchr2_iter(b'b', b'B', bytes).any(|at| is_bearer(&bytes[at..]))
        || may_hold_iban(bytes)
}

/// `api_key`, `"Authorization" `: what stands before a colon or an equals sign. The look back ends at the sign before, so
/// all of them together look at each byte once.
fn names_a_secret(before: &[u8]) -> bool {
    let name = trim_end(trim_end(before, b"\t "), b"\"'\\");
    NAMES.iter().any(|wanted| {
        name.len().checked_sub(wanted.len()).is_some_and(|start| name[start..].eq_ignore_ascii_case(wanted))
    })
}

fn trim_end<'a>(bytes: &'a [u8], of: &[u8]) -> &'a [u8] {
    let end = bytes.iter().rposition(|byte| !of.contains(byte)).map_or(0, |last| last + 1);
    &bytes[..end]
}

/// `ghp_`, `github_pat_`, `hf_`, `sk_live_`, split before the first underscore.
fn is_prefix_with_underscore((before, after): (&[u8], &[u8])) -> bool {
    match before {
        [.., b'g', b'h', b'p' | b'o' | b'u' | b's' | b'r'] | [.., b'h', b'f'] => true,
        [.., b's' | b'r' | b'p', b'k'] => after.starts_with(b"_live_") || after.starts_with(b"_test_"),
        _ => before.ends_with(b"github") && after.starts_with(b"_pat_"),
    }
}

/// `sk`, `glpat`, `xapp`, `xoxb`, before a dash.
fn is_prefix_with_dash(before: &[u8]) -> bool {
    match before {
        [b's', b'k'] | [.., b'x', b'o', b'x', b'a' | b'b' | b'e' | b'o' | b'p' | b'r' | b's'] => true,
        [.., last, b's', b'k'] => !is_word(*last),
        _ => before.ends_with(b"glpat") || before.ends_with(b"xapp"),
    }
}

fn is_bearer(text: &[u8]) -> bool {
    let Some((word, rest)) = text.split_at_checked(b"bearer".len()) else { return false };
    word.eq_ignore_ascii_case(b"bearer") && rest.first().is_some_and(|next| b"\t ".contains(next))
}

/// A word that begins with two letters and two digits.
fn may_hold_iban(bytes: &[u8]) -> bool {
    let mut at = 0;
    while let Some(digit) = next_digit(bytes, at) {
        let begins = match bytes[..digit] {
            [one, two] => one.is_ascii_alphabetic() && two.is_ascii_alphabetic(),
            [.., last, one, two] => !is_word(last) && one.is_ascii_alphabetic() && two.is_ascii_alphabetic(),
            _ => false,
        };
        if begins && bytes.get(digit + 1).is_some_and(u8::is_ascii_digit) {
            return true;
        }
        at = digit + 1;
    }
    false
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tokens;

    #[test]
    fn plain_words_are_not_searched() {
        for text in [
            "",
            "What is the capital of France?",
            "Answer briefly: no speculation; cite - if you can.",
            "The key points: 1. a snake_case name = 7, 2. a task-based view, bearings, the 1990s.",
            "Stra\u{df}e 12 \u{2014} \u{201c}quoted\u{201d}",
        ] {
            assert!(!of_tokens(text), "{text}");
        }
        for text in ["a@b", "Api Key : ", "\"token\" = ", "sk-", "no task: (sk-x)", "ab12", "Bearer x"] {
            assert!(of_tokens(text), "{text}");
        }
    }

    /// Pieces that tokens are made of, or nearly.
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
            "%40",
            "ya29.",
            "Key",
            "to\u{212a}en",
            "\u{17f}ecret",
            "DE89 3704 0044 0532 0130 00",
            "=>",
            "\t",
            "\\",
            "'",
            "BEARER\t",
            "0123456789",
        ]);
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_left_out_would_find_nothing(text in pieces()) {
            if !of_tokens(&text) {
                prop_assert_eq!(tokens::find(&text), vec![], "{}", text);
            }
        }

        #[test]
        fn of_any_string_too(text in "[ -~]{0,60}") {
            if !of_tokens(&text) {
                prop_assert_eq!(tokens::find(&text), vec![], "{}", text);
            }
        }
    }
}
