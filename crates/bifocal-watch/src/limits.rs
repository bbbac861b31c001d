//! Limits of the watch.

/// Targets watched at once: two endpoints of a hundred components each, with room.
pub(crate) const TARGETS_MAX: usize = 256;
/// Quality streams at once: four judged dimensions of each target.
pub(crate) const STREAMS_MAX: usize = 1024;
/// Judged values kept per stream for estimates and onset ranges: an hour at one a second.
pub(crate) const RECENT_MAX: usize = 4096;
/// Rows of features kept per group of a target for the distances on the page: 70 KiB for all three.
pub(crate) const DRIFT_RECENT_MAX: usize = 500;
/// Times kept per group, from which the onset of a drift is told.
pub(crate) const DRIFT_MARKS_MAX: usize = 256;
/// Alerts that are over, kept for the page.
pub(crate) const RESOLVED_ALERTS_MAX: usize = 500;

/// Judges watched on anchors at once: eight dimensions of four judges.
pub(crate) const JUDGES_MAX: usize = 32;
/// Events kept to be laid beside onset ranges, and events shown with one incident.
pub(crate) const TIMELINE_MAX: usize = 500;
pub(crate) const ALIGNED_MAX: usize = 20;
/// Incidents that are over, kept for the page, and examples of one.
pub(crate) const CLOSED_INCIDENTS_MAX: usize = 200;
pub(crate) const EXAMPLES_MAX: usize = 5;

/// Every limit with its number and why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("watch_targets", TARGETS_MAX as u64, "targets watched at once; further ones are watched as `other`"),
    ("watch_streams", STREAMS_MAX as u64, "quality streams at once"),
    ("watch_recent", RECENT_MAX as u64, "judged values kept per stream; the oldest leave"),
    ("watch_judges", JUDGES_MAX as u64, "judges and dimensions watched on anchors; the oldest leave"),
    ("watch_timeline", TIMELINE_MAX as u64, "events that an incident may be aligned with; the oldest leave"),
    ("watch_aligned", ALIGNED_MAX as u64, "events shown with one incident"),
    ("watch_closed_incidents", CLOSED_INCIDENTS_MAX as u64, "incidents that are over; the oldest leave"),
    ("watch_examples", EXAMPLES_MAX as u64, "examples of one incident"),
    ("watch_drift_recent", DRIFT_RECENT_MAX as u64, "rows of features kept per group; the oldest leave"),
    ("watch_drift_marks", DRIFT_MARKS_MAX as u64, "times kept per group; every second one leaves"),
    ("watch_resolved_alerts", RESOLVED_ALERTS_MAX as u64, "resolved alerts kept; the oldest leave"),
];
