//! Limits of the watch.

/// Targets watched at once: two endpoints of a hundred components each, with room.
pub(crate) const TARGETS_MAX: usize = 256;
/// Quality streams at once: four judged dimensions of each target.
pub(crate) const STREAMS_MAX: usize = 1024;
/// Judged values kept per stream for estimates and onset ranges: an hour at one a second.
pub(crate) const RECENT_MAX: usize = 4096;
/// Alerts that are over, kept for the page.
pub(crate) const RESOLVED_ALERTS_MAX: usize = 500;

/// Every limit with its number and why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("watch_targets", TARGETS_MAX as u64, "targets watched at once"),
    ("watch_streams", STREAMS_MAX as u64, "quality streams at once"),
    ("watch_recent", RECENT_MAX as u64, "judged values kept per stream; the oldest leave"),
    ("watch_resolved_alerts", RESOLVED_ALERTS_MAX as u64, "resolved alerts kept; the oldest leave"),
];
