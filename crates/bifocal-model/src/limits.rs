//! Limits that more than one crate must agree on. Each crate has a table of its own beside this one.

/// Every limit of this crate with its number: name, value, why.
pub const LIMITS: &[(&str, u64, &str)] =
    &[("targets", 256, "targets watched at once; calls of further ones are counted under `other`")];
