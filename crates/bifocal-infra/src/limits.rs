//! Every limit of this crate with its number.

/// Series of one page that are followed.
pub(crate) const SERIES: usize = 16_384;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[(
    "series",
    SERIES as u64,
    "followed counters of one page: 70 engines with 230 each, histograms included; further ones are left out",
)];
