//! Every limit of this crate with its number.

/// Series of one page that are followed.
pub(crate) const SERIES: usize = 4096;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[(
    "series",
    SERIES as u64,
    "followed series of one page: 8 GPUs of 500 workers; further ones are left out",
)];
