//! Limits of publishing.

/// Attempts to deliver one notification; with the growing pauses that is about a day.
pub(crate) const DELIVERY_ATTEMPTS_MAX: u32 = 40;
/// Longest pause between two attempts, seconds.
pub(crate) const DELIVERY_PAUSE_MAX_SECS: i64 = 3600;
/// Alerts that one message tells of.
pub const GROUP_ALERTS_MAX: usize = 100;
/// Of them, those that a message for people names.
pub(crate) const GROUP_LINES_MAX: usize = 20;
/// The longest that further alerts of a rule are waited for, seconds.
pub(crate) const GROUP_WAIT_SECS_MAX: u32 = 300;
/// Longest namespace, metric name or value of a dimension that is written to CloudWatch, bytes.
pub(crate) const CLOUDWATCH_NAME_MAX: usize = 255;
/// Data in one call of PutMetricData.
pub(crate) const CLOUDWATCH_DATA_PER_PUT: usize = 1_000;
/// Bytes of one call; CloudWatch takes a megabyte.
pub(crate) const CLOUDWATCH_PUT_BYTES: usize = 900_000;
/// Judged answers that wait to be logged.
pub(crate) const LOGGED_WAITING_MAX: usize = 10_000;
/// Bytes of one text in an event of a log.
pub(crate) const LOG_TEXT_BYTES: usize = 64 * 1024;
/// Series of readings of which `/metrics` shows the newest: four a target and one a GPU.
pub(crate) const EXPOSED_READINGS_MAX: usize = 4_096;
/// Resources of one CloudFormation template.
pub(crate) const CLOUDFORMATION_RESOURCES: usize = 500;
/// Alarms under one composite alarm.
pub(crate) const COMPOSITE_CHILDREN: usize = 100;
/// Bytes of a channel's template.
pub const TEMPLATE_BYTES: usize = 64 * 1024;
/// Steps that a template may take.
pub(crate) const TEMPLATE_FUEL: u64 = 100_000;
/// Bytes that a template may make: SNS takes 256 KiB.
pub(crate) const TEMPLATE_TEXT_BYTES: usize = 200 * 1024;

/// Judgements that wait to be exported: a minute at 68 a second.
pub(crate) const EVALUATIONS_WAITING: usize = 4096;

/// Every limit with its number and why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "logged_waiting",
        LOGGED_WAITING_MAX as u64,
        "judged answers that wait to be logged: two rounds of 80 a second; then the oldest is dropped",
    ),
    (
        "log_text_bytes",
        LOG_TEXT_BYTES as u64,
        "bytes of one text in an event of a log: three of them fit the 256 KiB that every reader of events takes",
    ),
    (
        "delivery_attempts",
        DELIVERY_ATTEMPTS_MAX as u64,
        "attempts to deliver one notification, then it is dead",
    ),
    ("delivery_pause_secs", DELIVERY_PAUSE_MAX_SECS as u64, "longest pause between two attempts"),
    (
        "group_alerts",
        GROUP_ALERTS_MAX as u64,
        "alerts that one message tells of; the rest goes in a further one",
    ),
    (
        "group_lines",
        GROUP_LINES_MAX as u64,
        "alerts that a message for people names; the others are a number",
    ),
    ("group_wait_secs", GROUP_WAIT_SECS_MAX as u64, "the longest wait for further alerts of a rule"),
    ("cloudwatch_name", CLOUDWATCH_NAME_MAX as u64, "bytes of a namespace or dimension that is written"),
    ("cloudwatch_data_per_put", CLOUDWATCH_DATA_PER_PUT as u64, "data in one call of PutMetricData"),
    ("cloudwatch_put_bytes", CLOUDWATCH_PUT_BYTES as u64, "bytes of one call of PutMetricData"),
    (
        "exposed_readings",
        EXPOSED_READINGS_MAX as u64,
        "series of readings of which /metrics shows the newest",
    ),
    (
        "evaluations_waiting",
        EVALUATIONS_WAITING as u64,
        "judgements that wait to be exported as events; the oldest leave",
    ),
    ("cloudformation_resources", CLOUDFORMATION_RESOURCES as u64, "resources of one CloudFormation template"),
    ("template_bytes", TEMPLATE_BYTES as u64, "bytes of a channel's template"),
    (
        "template_fuel",
        TEMPLATE_FUEL,
        "steps that a template of a channel may take; beyond them the usual form is sent",
    ),
    (
        "template_text_bytes",
        TEMPLATE_TEXT_BYTES as u64,
        "bytes that a template of a channel may make; beyond them the usual form is sent",
    ),
    ("composite_children", COMPOSITE_CHILDREN as u64, "alarms under one composite alarm of CloudWatch"),
];
