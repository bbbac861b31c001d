//! Limits of the watch.

/// Targets watched at once: two endpoints of a hundred components each, with room.
pub(crate) const TARGETS_MAX: usize = 256;
/// Quality streams at once: four judged dimensions of each target.
pub(crate) const STREAMS_MAX: usize = 1024;
/// Judged values kept per stream for estimates and onset ranges: an hour at one a second.
pub(crate) const RECENT_MAX: usize = 4096;
/// Estimates kept per stream for looks without a new sample: two of the window, two since an alarm.
pub(crate) const ANSWERED_MAX: usize = 4;
/// Samples of such an estimate, 40 bytes each; those of more serve for ten seconds (`shown`).
pub(crate) const ANSWERED_SAMPLES_MAX: usize = 256;
/// Cheap scores kept per stream: 64 bytes each.
pub(crate) const CHEAP_MAX: usize = 16_384;
/// Rows of features kept per group of a target for the distances on the page: 140 KiB for all three.
pub(crate) const DRIFT_RECENT_MAX: usize = 500;
/// Times kept per group, from which the onset of a drift is told.
pub(crate) const DRIFT_MARKS_MAX: usize = 256;
/// Alerts that are over, kept for the page.
pub(crate) const RESOLVED_ALERTS_MAX: usize = 500;
/// Answers of a target whose cheap signals are kept until it is known whether they are judged.
pub(crate) const SIGNALS_NEWEST: usize = 256;
/// Answers of a target whose cheap signals are kept until a judge has spoken: 200 bytes each.
pub(crate) const SIGNALS_CHOSEN: usize = 512;
/// Bytes of one line of a history: a score has some 200.
pub(crate) const HISTORY_LINE_BYTES: usize = 64 * 1024;
/// Bytes of a name in a history: target, dimension, stratum, judge, anchor, id.
pub(crate) const HISTORY_NAME_BYTES: usize = 512;
/// Names of unknown fields that are told of a history.
pub(crate) const HISTORY_UNKNOWN_FIELDS: usize = 16;
/// Events of a history.
pub(crate) const HISTORY_EVENTS: usize = 100_000;
/// Streams of a replayed history.
pub(crate) const HISTORY_STREAMS: usize = 100_000;
/// Re-scores of anchors in a history.
pub(crate) const HISTORY_ANCHORS: usize = 500_000;
/// Ids of a history that are remembered, so that repeated lines are told: 8 bytes each, some 40 MB.
pub(crate) const HISTORY_IDS: usize = 4_000_000;
/// Judged scores of a store that are replayed: 56 bytes each.
pub(crate) const HISTORY_STORED: usize = 5_000_000;
/// Names of strata of a history.
pub(crate) const HISTORY_STRATA: usize = 100_000;
/// Alarms of a replayed history that are told in full; later ones are counted.
pub(crate) const HISTORY_ALARMS: usize = 100_000;
/// Firings of one alert rule in a replayed history that are told one by one; later ones are counted.
pub(crate) const HISTORY_FIRINGS: usize = 100;
/// Judged values of all streams of a history that are kept for intervals: 16 bytes each.
pub(crate) const HISTORY_VALUES: usize = 8_000_000;

/// Blocks of time in which a target's answers are counted: a window of 144, and as many for what comes late.
pub(crate) const TRAFFIC_BLOCKS: usize = 288;
/// Classes of answers of a target told apart; the others are one.
pub(crate) const TRAFFIC_CLASSES: usize = 64;

/// Judges watched on anchors at once: eight dimensions of four judges.
pub(crate) const JUDGES_MAX: usize = 32;
/// Judges whose cost is added up, each in each of its parts.
pub(crate) const COSTED_JUDGES: usize = 16;
/// Anchors whose repeats are compared, of one judge on one dimension: as many as a file may have.
pub(crate) const REPEATED_ANCHORS: usize = 512;
/// Labelled answers that judges are compared on, judges so compared, and people heard on one answer.
pub(crate) const LABELLED_MAX: usize = 2_000;
pub(crate) const COMPARED_MAX: usize = 32;
pub(crate) const PEOPLE_MAX: usize = 16;
/// Second words on severe safety violations kept for each target.
pub(crate) const SEVERE_MAX: usize = 100;
/// Events kept to be laid beside onset ranges, and events shown with one incident.
pub(crate) const TIMELINE_MAX: usize = 500;
pub(crate) const ALIGNED_MAX: usize = 20;
/// Incidents that are over, kept for the page, and examples of one.
pub(crate) const CLOSED_INCIDENTS_MAX: usize = 200;
pub(crate) const EXAMPLES_MAX: usize = 5;

/// Silences that are not over, and those that are and are kept for the page.
pub(crate) const SILENCES_STANDING_MAX: usize = 100;
pub(crate) const SILENCES_OVER_MAX: usize = 200;
/// Comments of one incident.
pub const COMMENTS_MAX: usize = 50;
/// Days within which a silence begins and ends.
pub(crate) const SILENCE_DAYS_MAX: i64 = 30;
/// Characters of a name that a person gives.
pub const ACT_NAME_CHARS: usize = 100;
/// Characters of a reason, comment or note.
pub const ACT_TEXT_CHARS: usize = 1000;
/// Hours of a maintenance window that comes back every week: a whole week.
pub(crate) const MAINTENANCE_HOURS_MAX: u32 = 168;

/// Objectives: each has a thousand counts of each target.
pub(crate) const SLOS_MAX: usize = 8;
/// Characters of an objective's name: eight of them are named eight times in one condition of 4,096 bytes.
pub(crate) const SLO_NAME_CHARS: usize = 40;
/// Days of an objective's period.
pub(crate) const SLO_PERIOD_DAYS_MAX: u32 = 30;
/// Minutes and hours that are counted for objectives, of each target or judged stream.
pub(crate) const SLO_MINUTES: usize = 361;
pub(crate) const SLO_HOURS: usize = 721;
/// Rungs of one rule's ladder: from info by warning to critical.
pub(crate) const ESCALATIONS_MAX: usize = 2;
/// Characters of the name of a rule: with a target's id it is the key of messages.
pub(crate) const RULE_NAME_CHARS: usize = 100;

/// Every limit with its number and why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("watch_targets", TARGETS_MAX as u64, "targets watched at once; further ones are watched as `other`"),
    ("watch_streams", STREAMS_MAX as u64, "quality streams at once"),
    (
        "answered",
        ANSWERED_MAX as u64,
        "estimates kept per stream for looks without a new sample; others are made anew",
    ),
    (
        "answered_samples",
        ANSWERED_SAMPLES_MAX as u64,
        "samples of an estimate that is kept; one of more is made anew",
    ),
    ("watch_cheap", CHEAP_MAX as u64, "scores of the cheap judge kept per stream; the oldest leave"),
    ("watch_recent", RECENT_MAX as u64, "judged values kept per stream; the oldest leave"),
    (
        "watch_traffic_blocks",
        TRAFFIC_BLOCKS as u64,
        "blocks of time that answers are counted in; the oldest leave",
    ),
    ("watch_traffic_classes", TRAFFIC_CLASSES as u64, "classes of a target's answers; further ones are one"),
    ("watch_judges", JUDGES_MAX as u64, "judges and dimensions watched on anchors; the oldest leave"),
    (
        "watch_costed_judges",
        COSTED_JUDGES as u64,
        "judges whose cost is added up; the one asked least lately leaves",
    ),
    (
        "watch_repeated_anchors",
        REPEATED_ANCHORS as u64,
        "anchors whose repeats are compared; further ones are not",
    ),
    ("watch_labelled", LABELLED_MAX as u64, "labelled answers that judges are compared on; the oldest leave"),
    ("watch_compared", COMPARED_MAX as u64, "judges compared with people; the oldest leave"),
    ("watch_people", PEOPLE_MAX as u64, "people heard on one answer; the first leaves"),
    ("watch_severe", SEVERE_MAX as u64, "severe safety violations kept for each target; the oldest leave"),
    ("watch_timeline", TIMELINE_MAX as u64, "events that an incident may be aligned with; the oldest leave"),
    ("watch_aligned", ALIGNED_MAX as u64, "events shown with one incident"),
    ("watch_closed_incidents", CLOSED_INCIDENTS_MAX as u64, "incidents that are over; the oldest leave"),
    ("watch_examples", EXAMPLES_MAX as u64, "examples of one incident"),
    ("watch_drift_recent", DRIFT_RECENT_MAX as u64, "rows of features kept per group; the oldest leave"),
    ("watch_drift_marks", DRIFT_MARKS_MAX as u64, "times kept per group; every second one leaves"),
    ("watch_resolved_alerts", RESOLVED_ALERTS_MAX as u64, "resolved alerts kept; the oldest leave"),
    (
        "watch_signals_newest",
        SIGNALS_NEWEST as u64,
        "answers of a target that may be chosen for a judge; older ones are not learnt from",
    ),
    (
        "watch_signals_chosen",
        SIGNALS_CHOSEN as u64,
        "answers of a target that wait for a judge; older ones are not learnt from",
    ),
    ("watch_silences", SILENCES_STANDING_MAX as u64, "silences that are not over; more are refused"),
    ("watch_silences_over", SILENCES_OVER_MAX as u64, "silences that are over; the oldest leave"),
    ("incident_comments", COMMENTS_MAX as u64, "comments of one incident; more are refused"),
    ("silence_days", SILENCE_DAYS_MAX as u64, "days within which a silence begins and ends"),
    ("act_name_chars", ACT_NAME_CHARS as u64, "characters of the name of who did something"),
    ("act_text_chars", ACT_TEXT_CHARS as u64, "characters of a reason, comment or note"),
    ("slos", SLOS_MAX as u64, "objectives; more are refused"),
    ("slo_name_chars", SLO_NAME_CHARS as u64, "characters of an objective's name; longer ones are refused"),
    ("slo_period_days", SLO_PERIOD_DAYS_MAX as u64, "days of an objective's period"),
    ("slo_minutes", SLO_MINUTES as u64, "minutes counted for objectives; the oldest leave"),
    ("slo_hours", SLO_HOURS as u64, "hours counted for objectives; the oldest leave"),
    (
        "rule_name_chars",
        RULE_NAME_CHARS as u64,
        "characters of the name of an alert rule; longer ones are refused",
    ),
    ("escalations", ESCALATIONS_MAX as u64, "rungs of one rule's ladder; more are refused"),
    ("maintenance_hours", MAINTENANCE_HOURS_MAX as u64, "hours of a maintenance window of every week"),
    ("history_line_bytes", HISTORY_LINE_BYTES as u64, "bytes of one line of a history"),
    ("history_name_bytes", HISTORY_NAME_BYTES as u64, "bytes of a name in a history"),
    ("history_unknown_fields", HISTORY_UNKNOWN_FIELDS as u64, "names of unknown fields that are told"),
    ("history_events", HISTORY_EVENTS as u64, "events of a history; more are refused"),
    (
        "history_streams",
        HISTORY_STREAMS as u64,
        "streams of a history; lines of more are counted and left out",
    ),
    ("history_anchors", HISTORY_ANCHORS as u64, "re-scores of anchors of a history; more are counted"),
    ("history_ids", HISTORY_IDS as u64, "ids remembered, so that repeated lines are left out"),
    (
        "history_stored",
        HISTORY_STORED as u64,
        "judged scores of a store that are replayed; older ones are not",
    ),
    ("history_strata", HISTORY_STRATA as u64, "names of strata; more are not told apart"),
    (
        "history_firings",
        HISTORY_FIRINGS as u64,
        "firings of one rule of a history told one by one; more are counted",
    ),
    ("history_alarms", HISTORY_ALARMS as u64, "alarms of a history told in full; more are counted"),
    (
        "history_values",
        HISTORY_VALUES as u64,
        "judged values kept for intervals; streams beyond rest on sums",
    ),
];
