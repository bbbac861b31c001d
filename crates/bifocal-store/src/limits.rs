//! The numbers that bound the store. Defaults of [`crate::Options`] come from here.

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// Journal bytes after which the caller should seal. 10,000 inferences of 2 kB and their scores.
pub(crate) const SEAL_JOURNAL_BYTES: u64 = 32 * MIB;
/// Journal bytes after which appends are refused until a seal succeeds: what is unsealed is held in memory.
pub(crate) const UNSEALED_JOURNAL_BYTES: u64 = 256 * MIB;
/// Encoded bytes of one append with all its batches.
pub(crate) const APPEND_BYTES: u64 = 128 * MIB;
/// Newest inferences held in memory with their scores, beside those that are not sealed yet.
pub(crate) const HOT_INFERENCES: u64 = 5_000;
/// Newest re-scores of anchors held in memory and in the catalogue: a hundred anchors, three dimensions, two months of
/// daily sweeps.
pub(crate) const ANCHOR_SCORES: u64 = 20_000;
/// Newest labels of people held in memory and in the catalogue: some 300 bytes each.
pub(crate) const LABELS: u64 = 50_000;
/// Newest events held in memory and in the catalogue.
pub(crate) const EVENTS: u64 = 10_000;
/// Identities above which those older than the horizon are forgotten, oldest first. 64 bytes each.
pub(crate) const IDENTITIES_SOFT: u64 = 1_000_000;
/// Identities above which even those within the horizon are forgotten, oldest first.
pub(crate) const IDENTITIES: u64 = 3_000_000;
/// Views of calls with an inference id, to be joined by those of another source. 100 bytes each.
pub(crate) const JOIN_VIEWS: u64 = 1_000_000;
/// Hours of event time within which an inference that arrives twice is recognised.
pub(crate) const IDENTITY_HORIZON_HOURS: u64 = 72;
/// Hours of event time within which a score that is made twice is recognised.
pub(crate) const SCORE_HORIZON_HOURS: u64 = 6;
/// Oldest waiting notifications of a channel that one look goes through.
pub(crate) const OUTBOX_LOOKAHEAD: u32 = 512;
/// Incidents whose container logs are kept, the newest: up to 128 KiB each.
pub(crate) const CONTAINER_LOGS: u32 = 200;
/// Days of one-minute roll-ups held in memory.
pub(crate) const ROLLUP_DAYS: u64 = 8;
/// Targets with roll-ups of their own; the rest are counted under `other`.
pub(crate) const TARGETS: u64 = 256;
/// Series of readings; points of further ones are in the lake only.
pub(crate) const READING_SERIES: u64 = 4_096;
/// Dimensions and fingerprints with moments of their own per target and minute.
pub(crate) const STREAMS_PER_MINUTE: u64 = 256;
/// Selections that wait for their scores; the oldest beyond are counted as shed.
pub(crate) const PENDING_SELECTIONS: u64 = 100_000;
/// Reasons told apart in one line of the ledger; further ones count as `other`.
pub(crate) const REASONS: u64 = 32;
/// Items of one page of a query.
pub(crate) const PAGE_ITEMS: u64 = 1_000;
/// Rows of scores that a search for the worst answers looks at.
pub(crate) const WORST_SCAN_ROWS: u64 = 20_000;
/// Steps of one series; a longer window gets a longer step.
pub(crate) const SERIES_STEPS: u64 = 2_000;
/// Buckets of one sketch: 1% of relative error from 1 µs to 10 days needs 1,380.
pub(crate) const SKETCH_BUCKETS: u64 = 2_048;

/// Every limit of this crate: name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "outbox_lookahead",
        OUTBOX_LOOKAHEAD as u64,
        "notifications that one look into a channel's outbox goes through",
    ),
    ("seal_journal_bytes", SEAL_JOURNAL_BYTES, "a seal is due"),
    (
        "unsealed_journal_bytes",
        UNSEALED_JOURNAL_BYTES,
        "what is unsealed is held in memory; appends are refused",
    ),
    ("append_bytes", APPEND_BYTES, "an append is written whole or not at all; larger ones are refused"),
    ("hot_inferences", HOT_INFERENCES, "answered from memory; older ones are read from segments"),
    ("anchor_scores", ANCHOR_SCORES, "the oldest are forgotten"),
    ("labels", LABELS, "the oldest are forgotten"),
    ("events", EVENTS, "the oldest are forgotten"),
    ("identities_soft", IDENTITIES_SOFT, "identities older than the horizon are forgotten"),
    ("identities", IDENTITIES, "identities within the horizon are forgotten"),
    (
        "join_views",
        JOIN_VIEWS,
        "views within the horizon are forgotten: a call seen by two sources may count twice",
    ),
    ("identity_horizon_hours", IDENTITY_HORIZON_HOURS, "beyond it the file's fingerprint recognises repeats"),
    ("score_horizon_hours", SCORE_HORIZON_HOURS, "scores are repeated only around a restart"),
    ("container_logs", CONTAINER_LOGS as u64, "incidents; container logs of older ones are forgotten"),
    ("rollup_days", ROLLUP_DAYS, "older minutes are read from segments"),
    ("store_targets", TARGETS, "roll-ups of further targets are counted under `other`"),
    ("reading_series", READING_SERIES, "points of further series are in the lake only"),
    ("streams_per_minute", STREAMS_PER_MINUTE, "scores of further streams are in the lake only"),
    ("pending_selections", PENDING_SELECTIONS, "the oldest are counted as shed"),
    ("ledger_reasons", REASONS, "further reasons count as `other`"),
    ("page_items", PAGE_ITEMS, "longer pages are cut"),
    ("worst_scan_rows", WORST_SCAN_ROWS, "a search looks at the newest rows only"),
    ("series_steps", SERIES_STEPS, "the step grows"),
    ("sketch_buckets", SKETCH_BUCKETS, "the lowest buckets are joined"),
];
