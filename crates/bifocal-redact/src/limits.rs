//! Every limit of this crate with its number.

/// Scans of one text. A replacement can lay bare a second finding beside it (a phone number that touched a card
/// number), so the text is scanned until nothing is found; a hostile text must not make that quadratic.
pub(crate) const PASSES: u32 = 8;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] =
    &[("redact_passes", PASSES as u64, "scans of one text until nothing more is found")];
