//! Findings that begin with a telling prefix or hold an `@`: one alternation, then a check per alternative.

use std::sync::LazyLock;

use regex::{CaptureLocations, Regex};

use crate::checksum::{iban_length, mod97};
use crate::kind::Kind;
use crate::scan::Hit;

/// Each alternative has one group: the secret itself, so that the words around it stay readable. Boundaries are
/// ASCII ones, which keeps the search on the automaton that needs one step a byte.
const PATTERN: &str = r#"(?x)
  # A private key, to its end or, where that was cut off, to the end of the text.
  (-----BEGIN\x20[A-Z0-9\x20]*PRIVATE\x20KEY(?:\x20BLOCK)?-----(?s:.*?)
     (?:-----END\x20[A-Z0-9\x20]*PRIVATE\x20KEY(?:\x20BLOCK)?-----|\z))
  # An e-mail address, letters of any script, as it is or as an address of the web spells it.
| ([\p{L}\p{M}\p{N}_%+-](?:[\p{L}\p{M}\p{N}._%+'-]*[\p{L}\p{M}\p{N}_%+-])?
     (?:@|%40)(?:[\p{L}\p{M}\p{N}-]+\.)+(?:xn--[A-Za-z0-9-]+|[\p{L}\p{M}]{2,}))
  # Credentials of a header.
| (?i:(?-u:\b)authorization["'\\]*[\t\x20]*[:=][\t\x20]*["'\\]*(?:bearer|basic|token|apikey|key)[\t\x20]+)
  ([A-Za-z0-9._~+/=:-]{8,})
  # `Bearer` in running text.
| (?i:(?-u:\b)bearer[\t\x20]+) ([A-Za-z._~+/=:-]*[0-9][A-Za-z0-9._~+/=:-]*)
  # A JSON web token.
| (?-u:\b) (eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){0,3} | ya29\.[A-Za-z0-9_-]{20,})
  # A key after its name: `aws_secret_access_key = …`, `"api-key": "…"`, `AccountKey=…`.
| (?i:(?:secret|access|account|api|client|private|subscription|auth|storage|shared|master)
      [_\x20-]?(?:(?:access|shared|secret|auth|api|account|client)[_\x20-]?){0,2}
      (?:key|token|secret)["'\\]*[\t\x20]*(?:=>|[:=])[\t\x20]*["'\\]*)
  ([A-Za-z/+_.~=-]*[0-9][A-Za-z0-9/+_.~=-]*)
  # Keys with a prefix of their own.
| (?-u:\b) ((?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}(?-u:\b) | AIza[A-Za-z0-9_-]{35} | gh[pousr]_[A-Za-z0-9]{30,}
     | github_pat_[A-Za-z0-9_]{22,} | glpat-[A-Za-z0-9_-]{20,} | xox[abeoprs]-[A-Za-z0-9-]{10,}
     | xapp-[A-Za-z0-9-]{10,} | hf_[A-Za-z0-9]{30,} | [srp]k_(?:live|test)_[A-Za-z0-9]{16,})
| (?-u:\b) (sk-[A-Za-z_-]*[0-9][A-Za-z0-9_-]*)
  # The password of an address. It may hold an `@` itself.
| ://[^\s/@:\[\]"'<>]*: ([^\s/\[\]"'<>]+)@
  # Something like an IBAN.
| (?-u:\b) ([A-Za-z]{2}[0-9]{2}(?:[\x20-]?[A-Za-z0-9]){11,30})
"#;

/// The length of the secret at the start of a candidate; `None` when it is none after all.
type Check = fn(&str) -> Option<usize>;

/// The kind of each group and what its secret must satisfy.
const ALTERNATIVES: [(Kind, Check); 10] = [
    (Kind::PrivateKey, whole),
    (Kind::Email, whole),
    (Kind::BearerToken, whole),
    (Kind::BearerToken, long),
    (Kind::BearerToken, whole),
    (Kind::CloudKey, long),
    (Kind::CloudKey, whole),
    (Kind::CloudKey, long),
    (Kind::Password, whole),
    (Kind::Iban, iban),
];

#[expect(clippy::expect_used, reason = "the pattern is a constant and a test compiles it")]
static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(PATTERN).expect("a constant pattern"));

/// All hits in order; they do not overlap.
pub(crate) fn find(text: &str) -> Vec<Hit> {
    let mut hits = Vec::new();
    let mut groups = REGEX.capture_locations();
    // After a hit the search begins anew in the rest: what follows a replacement follows a bracket.
    let mut base = 0;
    let mut at = 0;
    while let Some(candidate) = next(&text[base..], at, &mut groups) {
        let rest = &text[base..];
        let Candidate { alternative, start, end, before } = candidate;
        let (kind, check) = ALTERNATIVES[alternative];
        match check(&rest[start..end]) {
            Some(length) => {
                hits.push(Hit { kind, start: base + start, end: base + start + length });
                base += start + length;
                at = 0;
            }
            // It may hide another candidate. What fails its check is short, so this is not quadratic.
            None => at = start + if before > 0 { 0 } else { 3 },
        }
    }
    hits
}

/// Where a secret may be.
struct Candidate {
    alternative: usize,
    start: usize,
    end: usize,
    /// Bytes of the words that lead up to it.
    before: usize,
}

fn next(rest: &str, at: usize, groups: &mut CaptureLocations) -> Option<Candidate> {
    let whole = REGEX.captures_read_at(groups, rest, at)?;
    (0..ALTERNATIVES.len()).find_map(|alternative| {
        let (start, end) = groups.get(alternative + 1)?;
        Some(Candidate { alternative, start, end, before: start - whole.start() })
    })
}

fn whole(secret: &str) -> Option<usize> {
    Some(secret.len())
}

/// Keys are long. That they have a digit, unlike `sk-learn-compatible-estimators`, the pattern sees to: a check
/// after the fact would have to look at long candidates again and again.
fn long(secret: &str) -> Option<usize> {
    (secret.len() >= 16).then_some(secret.len())
}

/// The length of the valid IBAN at the start: words that follow may have been taken for a part of it.
fn iban(candidate: &str) -> Option<usize> {
    let bytes = candidate.as_bytes();
    let wanted = iban_length([*bytes.first()?, *bytes.get(1)?])?;
    let mut compact = Vec::with_capacity(34);
    let mut end = 0;
    for (place, byte) in bytes.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
        compact.push(*byte);
        end = place + 1;
        if compact.len() == wanted {
            break;
        }
    }
    let at_boundary = bytes.get(end).is_none_or(|next| !next.is_ascii_alphanumeric());
    (compact.len() == wanted && at_boundary && mod97(&compact)).then_some(end)
}
