//! Every limit of this crate with its number.

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes of one request body that are captured.
pub(crate) const REQUEST_CAPTURE_BYTES: usize = 8 * MIB;
/// Bytes of one answer that are captured.
pub(crate) const ANSWER_CAPTURE_BYTES: usize = 4 * MIB;
/// Bytes of all captured bodies that wait for the recorder.
pub(crate) const CAPTURE_BUFFER_BYTES: usize = 64 * MIB;
/// Calls that wait for the recorder.
pub(crate) const CAPTURE_QUEUE: usize = 4096;
/// Calls that are recorded a second, for long.
pub(crate) const RECORDED_PER_SECOND: u32 = 4_000;
/// Client connections of the proxy.
pub(crate) const CONNECTIONS: usize = 4096;
/// Seconds in which a client connection must bring a whole request head, or the next one.
pub(crate) const HEAD_SECONDS: u64 = 30;
/// Idle connections to the upstream that are kept.
pub(crate) const IDLE_UPSTREAM_CONNECTIONS: usize = 512;
/// Bytes of a tenant's name; a longer one is left out.
pub(crate) const TENANT_BYTES: usize = 128;
/// Bytes of an inference id; a longer one is none of SageMaker's.
pub(crate) const INFERENCE_ID_BYTES: usize = 64;
/// Components whose variant is remembered.
pub(crate) const VARIANTS_KNOWN: usize = 1024;
/// Bytes of one request that is read whole to be signed.
pub(crate) const SIGNED_BODY_BYTES: usize = 26 * MIB;
/// Bytes of one object of Data Capture.
pub(crate) const CAPTURE_OBJECT_BYTES: usize = 256 * MIB;
/// Objects that are known to be read without asking the journal.
pub(crate) const CAPTURE_OBJECTS_KNOWN: usize = 100_000;
/// Notifications of files that wait to be read.
pub(crate) const NOTICES_WAITING: usize = 10_000;
/// Times that the files of a notification are tried.
pub(crate) const NOTICE_TRIES: u32 = 10;
/// Files of a round that may not be read before it ends.
pub(crate) const CAPTURE_OBJECTS_REFUSED: u64 = 10;
/// Files that a look at one hour reads.
pub(crate) const SURVEY_OBJECTS: usize = 200;
/// Bytes of one line of a Data Capture file.
pub(crate) const LINE_BYTES: usize = 16 * MIB;
/// Records of one batch of a backfill.
pub(crate) const BACKFILL_BATCH: usize = 1000;
/// Bytes of the lines of one batch of a backfill.
pub(crate) const BACKFILL_BATCH_BYTES: usize = 8 * MIB;
/// Bytes of one line of an events file.
pub(crate) const EVENT_LINE_BYTES: usize = 64 * KIB;
/// Characters of an event's id, summary and target.
pub(crate) const EVENT_TEXT_CHARS: usize = 512;
/// Lines of an events file that become durable together.
pub(crate) const EVENTS_AT_ONCE: u64 = 1000;
/// Folders within folders that a backfill follows.
pub(crate) const FOLDER_DEPTH: usize = 32;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "request_capture_bytes",
        REQUEST_CAPTURE_BYTES as u64,
        "a prompt of 2 million tokens; a longer request is forwarded whole and recorded without its text",
    ),
    (
        "answer_capture_bytes",
        ANSWER_CAPTURE_BYTES as u64,
        "350 times a p99 answer; a longer answer is forwarded whole and recorded as truncated",
    ),
    (
        "capture_buffer_bytes",
        CAPTURE_BUFFER_BYTES as u64,
        "bodies in memory at once; past it calls are forwarded and counted as dropped from the record",
    ),
    ("capture_queue", CAPTURE_QUEUE as u64, "calls that wait for the recorder: 100 ms at 40,000 requests/s"),
    (
        "recorded_per_second",
        RECORDED_PER_SECOND as u64,
        "345 million calls a day; of more a sample is recorded that stands for all",
    ),
    ("connections", CONNECTIONS as u64, "client connections; further ones wait in the kernel's backlog"),
    (
        "head_seconds",
        HEAD_SECONDS,
        "a client connection without a whole request head for so long, at its start or between two requests, is closed",
    ),
    (
        "idle_upstream_connections",
        IDLE_UPSTREAM_CONNECTIONS as u64,
        "kept for reuse; a further one is closed after its answer",
    ),
    ("tenant_bytes", TENANT_BYTES as u64, "a name, not a document"),
    ("inference_id_bytes", INFERENCE_ID_BYTES as u64, "SageMaker's own limit; a longer id joins nothing"),
    (
        "variants_known",
        VARIANTS_KNOWN as u64,
        "components whose variant is remembered for calls that name none",
    ),
    (
        "signed_body_bytes",
        SIGNED_BODY_BYTES as u64,
        "SageMaker takes 25 MB; a longer request to be signed gets 413",
    ),
    (
        "capture_object_bytes",
        CAPTURE_OBJECT_BYTES as u64,
        "an object is read whole; a larger one is passed over",
    ),
    (
        "capture_objects_known",
        CAPTURE_OBJECTS_KNOWN as u64,
        "two hours of a busy endpoint; past it files are read again",
    ),
    (
        "notices_waiting",
        NOTICES_WAITING as u64,
        "notifications of two minutes at 80 files a second; further ones stay in the queue",
    ),
    (
        "notice_tries",
        NOTICE_TRIES as u64,
        "a minute apart: within the time that a message is hidden; then the queue gives it again, or to its dead letters",
    ),
    (
        "capture_objects_refused",
        CAPTURE_OBJECTS_REFUSED,
        "of one round; where so many files may not be read it is the policy and not the files",
    ),
    (
        "survey_objects",
        SURVEY_OBJECTS as u64,
        "files that `check` reads of one hour; of more it tells no shares",
    ),
    (
        "line_bytes",
        LINE_BYTES as u64,
        "a Data Capture line holds one request and response of at most 6 MB each",
    ),
    ("backfill_batch", BACKFILL_BATCH as u64, "records behind one checkpoint"),
    ("backfill_batch_bytes", BACKFILL_BATCH_BYTES as u64, "memory of one batch when lines are long"),
    ("event_line_bytes", EVENT_LINE_BYTES as u64, "a longer line of an events file is left out and told"),
    ("event_text_chars", EVENT_TEXT_CHARS as u64, "one line for people; a longer text is left out and told"),
    ("events_at_once", EVENTS_AT_ONCE, "lines of an events file behind one checkpoint"),
    ("folder_depth", FOLDER_DEPTH as u64, "deeper than any Data Capture layout; stops at loops of links"),
];
