//! Limits of the assembly.

/// Batches that wait for the journal. One of a proxy holds up to 256 calls.
pub(crate) const INTAKE_BATCHES: usize = 64;
/// Those of them that proxies leave to other sources.
pub(crate) const RESERVED_BATCHES: usize = 16;
/// Records that one group commit takes at most.
pub(crate) const GROUP_RECORDS: usize = 8192;
/// Events and messages of ticks that are kept while the disk takes none; the oldest go first.
pub(crate) const UNWRITTEN_EVENTS: usize = 10_000;
pub(crate) const UNTOLD_MESSAGES: usize = 10_000;
/// Messages that one look into the outbox takes.
pub(crate) const DELIVERIES_AT_ONCE: u32 = 16;
/// Bytes of one scraped page.
pub(crate) const SCRAPE_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of one answer of a judge or webhook.
pub(crate) const REPLY_BYTES: usize = 1024 * 1024;
/// Calls of PutMetricData that wait while AWS takes none: four hours of one namespace.
pub(crate) const CLOUDWATCH_PUTS_WAITING: usize = 240;
/// Calls of PutLogEvents that wait while AWS takes none.
pub(crate) const LOG_PUTS_WAITING: usize = 240;
/// Bytes of one answer of Grafana: a list of alert rules.
pub(crate) const GRAFANA_BYTES: usize = 16 * 1024 * 1024;
/// Dashboards with Bifocal's tag that are looked at; six are made.
pub(crate) const GRAFANA_DASHBOARDS: usize = 1_000;

/// Connections of the page's address.
pub(crate) const PAGE_CONNECTIONS: usize = 256;
/// Seconds in which a connection of the page's address must bring a whole request head, or the next one.
pub(crate) const PAGE_HEAD_SECONDS: u64 = 30;

/// Bytes of one line of a file of labels, labels written together, and wrong lines told one by one.
pub(crate) const LABEL_LINE_BYTES: usize = 256 * 1024;
pub(crate) const LABELS_AT_ONCE: usize = 1_000;
pub(crate) const WRONG_LABELS_TOLD: u64 = 20;

/// Characters of the name of a channel.
pub(crate) const CHANNEL_NAME_CHARS: usize = 64;
/// Batches that wait for a collector that takes none: an hour at one in thirty seconds.
pub(crate) const EXPORT_BATCHES: usize = 120;
/// Whole pages of metrics that wait for a collector that takes none: each says all that the one before said.
pub(crate) const EXPORT_PAGES: usize = 2;
/// Judgements in one batch of events: some 500 bytes each.
pub(crate) const EVALUATIONS_PER_BATCH: usize = 512;
/// Series in one batch of remote write.
pub(crate) const SERIES_PER_BATCH: usize = 5_000;

/// Lines of a container's log that are kept of one incident, in two looks of half as many.
pub(crate) const LOG_LINES: usize = 200;
/// Bytes of one of them; the rest of a longer one is cut off.
pub(crate) const LOG_LINE_BYTES: usize = 512;
/// Pages that one look asks for.
pub(crate) const LOG_PAGES: usize = 10;
/// Hours before an alarm that are looked at.
pub(crate) const LOG_SPAN_HOURS: i64 = 6;
/// Looks at the log of one incident that may fail.
pub(crate) const LOG_TRIES: u32 = 20;
/// Probes of one configuration.
pub(crate) const PROBES: usize = 16;

/// Every limit with its number and why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "unwritten_events",
        UNWRITTEN_EVENTS as u64,
        "what ticks decided while the journal takes nothing; the oldest go",
    ),
    (
        "untold_messages",
        UNTOLD_MESSAGES as u64,
        "messages of alerts while the outbox takes none; the oldest go",
    ),
    ("intake_batches", INTAKE_BATCHES as u64, "batches that wait for the journal: some 10,000 calls"),
    (
        "reserved_batches",
        RESERVED_BATCHES as u64,
        "of them for scores and readings when proxies bring too much",
    ),
    (
        "label_line_bytes",
        LABEL_LINE_BYTES as u64,
        "bytes of one line of a file of labels; longer ones are rejected",
    ),
    ("labels_at_once", LABELS_AT_ONCE as u64, "labels of a file that are written together"),
    ("wrong_labels_told", WRONG_LABELS_TOLD, "lines of a file of labels that are told; more are counted"),
    (
        "channel_name_chars",
        CHANNEL_NAME_CHARS as u64,
        "characters of the name of a channel; longer ones are refused",
    ),
    (
        "export_batches",
        EXPORT_BATCHES as u64,
        "batches that wait while a collector takes none; then the oldest is dropped",
    ),
    (
        "export_pages",
        EXPORT_PAGES as u64,
        "whole pages of metrics that wait while a collector takes none; then the oldest is dropped",
    ),
    ("evaluations_per_batch", EVALUATIONS_PER_BATCH as u64, "judgements in one batch of events"),
    ("series_per_batch", SERIES_PER_BATCH as u64, "series in one batch of remote write"),
    (
        "container_log_lines",
        LOG_LINES as u64,
        "lines of a container's log kept of one incident, half of them of trouble, half around its beginning",
    ),
    ("container_log_line_bytes", LOG_LINE_BYTES as u64, "bytes of one of them; the rest is cut off"),
    ("container_log_pages", LOG_PAGES as u64, "pages of one look; pages may be empty"),
    (
        "container_log_hours",
        LOG_SPAN_HOURS as u64,
        "before an alarm; an onset that is wider is looked at from there on",
    ),
    ("container_log_tries", LOG_TRIES as u64, "looks at the log of one incident that may fail: five minutes"),
    ("probes", PROBES as u64, "probes of one configuration; more are refused"),
    ("group_records", GROUP_RECORDS as u64, "records of one group commit"),
    ("deliveries_at_once", DELIVERIES_AT_ONCE as u64, "messages that one look into the outbox takes"),
    ("scrape_bytes", SCRAPE_BYTES as u64, "bytes of one scraped page"),
    (
        "page_connections",
        PAGE_CONNECTIONS as u64,
        "readers of page and API; further ones wait in the kernel's backlog",
    ),
    (
        "page_head_seconds",
        PAGE_HEAD_SECONDS,
        "a connection without a whole request head for so long, at its start or between two requests, is closed",
    ),
    (
        "cloudwatch_puts_waiting",
        CLOUDWATCH_PUTS_WAITING as u64,
        "calls of PutMetricData that wait while AWS takes none; then the oldest is dropped",
    ),
    (
        "log_puts_waiting",
        LOG_PUTS_WAITING as u64,
        "calls of PutLogEvents that wait while AWS takes none; then the oldest is dropped",
    ),
    ("grafana_bytes", GRAFANA_BYTES as u64, "bytes of one answer of Grafana"),
    ("grafana_dashboards", GRAFANA_DASHBOARDS as u64, "dashboards with Bifocal's tag that are looked at"),
    ("reply_bytes", REPLY_BYTES as u64, "bytes of one answer of a judge or webhook"),
];
