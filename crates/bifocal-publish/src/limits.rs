//! Limits of publishing.

/// Attempts to deliver one notification; with the growing pauses that is about a day.
pub(crate) const DELIVERY_ATTEMPTS_MAX: u32 = 40;
/// Longest pause between two attempts, seconds.
pub(crate) const DELIVERY_PAUSE_MAX_SECS: i64 = 3600;

/// Every limit with its number and why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "delivery_attempts",
        DELIVERY_ATTEMPTS_MAX as u64,
        "attempts to deliver one notification, then it is dead",
    ),
    ("delivery_pause_secs", DELIVERY_PAUSE_MAX_SECS as u64, "longest pause between two attempts"),
];
