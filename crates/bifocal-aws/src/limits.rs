//! Every limit of this crate with its number.

/// Bytes of a JSON answer: a full GetMetricData page (100,800 points) is about 4 MiB.
pub(crate) const JSON_BYTES: usize = 16 * 1024 * 1024;

/// Bytes of an XML answer: 1,000 keys of S3 are about 0.5 MiB.
pub(crate) const XML_BYTES: usize = 4 * 1024 * 1024;

/// Bytes that are read of an error's body.
pub(crate) const FAULT_BYTES: usize = 64 * 1024;

/// Characters that are kept of an error's message.
pub(crate) const FAULT_CHARS: usize = 300;

/// Attempts at one call, the first included.
pub(crate) const ATTEMPTS: u32 = 5;

/// Pages of one listing: 100 endpoints or 500 metrics each.
pub(crate) const PAGES: usize = 1000;

/// Queries in one GetMetricData (AWS's own limit).
pub const QUERIES_PER_CALL: usize = 500;

/// Datums in one PutMetricData (AWS's own limit).
pub const METRIC_DATUMS_PER_CALL: usize = 1000;

/// Events in one PutLogEvents (AWS's own limit).
pub const LOG_EVENTS_PER_CALL: usize = 10_000;

/// Bytes of the events of one PutLogEvents, 26 more for each (AWS's own limit).
pub const LOG_BYTES_PER_CALL: usize = 1024 * 1024;

/// Messages in one call of SQS (AWS's own limit).
pub const MESSAGES_PER_CALL: usize = 10;

/// Names in one DeleteAlarms (AWS's own limit).
pub(crate) const ALARMS_PER_DELETE: usize = 100;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("aws_json_bytes", JSON_BYTES as u64, "bytes of a JSON answer: four times a full page of GetMetricData"),
    ("aws_xml_bytes", XML_BYTES as u64, "bytes of an XML answer: eight times a full page of S3 keys"),
    ("aws_fault_bytes", FAULT_BYTES as u64, "bytes read of an error's body: AWS sends less than 2 KiB"),
    (
        "aws_fault_chars",
        FAULT_CHARS as u64,
        "characters kept of an error's message: a line and a half of a log",
    ),
    ("aws_attempts", ATTEMPTS as u64, "attempts at one call: about 30 s of throttling at most"),
    (
        "aws_pages",
        PAGES as u64,
        "pages of one listing: 100,000 endpoints; a token that never ends is cut here",
    ),
    ("aws_queries_per_call", QUERIES_PER_CALL as u64, "queries in one GetMetricData: the limit of AWS"),
    ("aws_alarms_per_delete", ALARMS_PER_DELETE as u64, "names in one DeleteAlarms: the limit of AWS"),
    ("aws_datums_per_call", METRIC_DATUMS_PER_CALL as u64, "datums in one PutMetricData: the limit of AWS"),
    ("aws_log_events_per_call", LOG_EVENTS_PER_CALL as u64, "events in one PutLogEvents: the limit of AWS"),
    ("aws_log_bytes_per_call", LOG_BYTES_PER_CALL as u64, "bytes in one PutLogEvents: the limit of AWS"),
    ("aws_messages_per_call", MESSAGES_PER_CALL as u64, "messages in one call of SQS: the limit of AWS"),
];
