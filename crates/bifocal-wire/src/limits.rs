//! Every limit of this crate with its number. Each has a test that reaches it.

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes of one line of a stream and of one event's data.
pub const STREAM_LINE_BYTES: usize = 8 * MIB;
/// Bytes of one answer put together from a stream; what comes after is counted, not kept.
pub const ANSWER_BYTES: usize = 8 * MIB;
/// Bytes of one frame of an AWS event stream.
pub const FRAME_BYTES: usize = 16 * MIB;
/// Bytes of the headers of one frame.
pub(crate) const FRAME_HEADER_BYTES: usize = 128 * KIB;
/// Bytes of one body that is unpacked.
pub const UNPACKED_BYTES: usize = 16 * MIB;
/// Bytes of one line of a Data Capture file. A reader must not buffer more than this for one line.
pub const CAPTURE_LINE_BYTES: usize = 32 * MIB;
/// Bytes of one notification of S3.
pub const NOTICE_BYTES: usize = MIB;
/// Messages of one conversation; the oldest are kept.
pub(crate) const MESSAGES: usize = 4096;
/// Bytes of a name that a client or a server chose: model, finish reason.
pub(crate) const NAME_BYTES: usize = 256;
/// Bytes of an error's message.
pub(crate) const ERROR_BYTES: usize = 2 * KIB;
/// Bytes of one Prometheus page.
pub const EXPOSITION_BYTES: usize = 32 * MIB;
/// Bytes of one line of a Prometheus page.
pub(crate) const SAMPLE_LINE_BYTES: usize = 64 * KIB;
/// Samples of one Prometheus page.
pub(crate) const SAMPLES: usize = 100_000;
/// Warnings that are kept of one answer, and bytes of each.
pub(crate) const WARNINGS: usize = 8;
pub(crate) const WARNING_BYTES: usize = 256;
/// Log-probabilities of one answer that are kept each, and alternatives at one token.
pub(crate) const LOG_PROBS: usize = 4096;
pub(crate) const ALTERNATIVES: usize = 64;
/// Tools of one request, bytes of their list, calls in one answer and bytes of their arguments together.
pub(crate) const TOOLS: usize = 256;
pub(crate) const TOOL_BYTES: usize = 256 * KIB;
pub(crate) const TOOL_CALLS: usize = 64;
pub(crate) const TOOL_ARGUMENT_BYTES: usize = 256 * KIB;
/// Bytes that a pattern of a JSON Schema compiles to; depth of a schema and of a value under it, and steps of one check.
pub(crate) const REGEX_BYTES: usize = MIB;
pub(crate) const SCHEMA_DEPTH: usize = 48;
pub(crate) const SCHEMA_STEPS: usize = 20_000;
/// Bytes of a pointer to a field of a request, and texts that are taken out of one field.
pub(crate) const FIELD_BYTES: usize = 256;
pub(crate) const FIELD_TEXTS: usize = 1024;
/// Labels of one sample.
pub(crate) const LABELS: usize = 64;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "stream_line_bytes",
        STREAM_LINE_BYTES as u64,
        "one line or event of a stream; a chunk is some 300 bytes",
    ),
    ("answer_bytes", ANSWER_BYTES as u64, "an answer from a stream; the rest is counted, not kept"),
    (
        "frame_bytes",
        FRAME_BYTES as u64,
        "a frame of an event stream; AWS writes none with a payload above 16 MB",
    ),
    ("frame_header_bytes", FRAME_HEADER_BYTES as u64, "the headers of a frame; AWS's own limit"),
    ("unpacked_bytes", UNPACKED_BYTES as u64, "a compressed answer; what would be more is not unpacked"),
    ("capture_line_bytes", CAPTURE_LINE_BYTES as u64, "a Data Capture record; a payload has at most 25 MB"),
    ("notice_bytes", NOTICE_BYTES as u64, "a notification of S3: the longest message that a queue takes"),
    ("messages", MESSAGES as u64, "messages of one conversation; further ones are left out"),
    ("name_bytes", NAME_BYTES as u64, "a model's name or a finish reason; longer ones are cut"),
    ("error_bytes", ERROR_BYTES as u64, "an error's message; longer ones are cut"),
    ("exposition_bytes", EXPOSITION_BYTES as u64, "a Prometheus page; a large one has some 5 MB"),
    ("sample_line_bytes", SAMPLE_LINE_BYTES as u64, "a line of a Prometheus page; longer ones are skipped"),
    ("samples", SAMPLES as u64, "samples of a Prometheus page; further ones are left out"),
    ("warnings", WARNINGS as u64, "warnings of one answer of PromQL; further ones are left out"),
    ("warning_bytes", WARNING_BYTES as u64, "a warning of PromQL; longer ones are cut"),
    (
        "log_probs",
        LOG_PROBS as u64,
        "log-probabilities of one answer that the least and the 5% point are taken of",
    ),
    ("alternatives", ALTERNATIVES as u64, "alternatives at one token; further ones are one"),
    ("tools", TOOLS as u64, "tools of one request; calls of longer lists are not checked"),
    ("tool_bytes", TOOL_BYTES as u64, "the list of tools; calls of longer ones are not checked"),
    ("tool_calls", TOOL_CALLS as u64, "calls in one answer; an answer with more is not checked"),
    (
        "tool_argument_bytes",
        TOOL_ARGUMENT_BYTES as u64,
        "arguments of an answer's calls; longer ones are not checked",
    ),
    (
        "schema_regex_bytes",
        REGEX_BYTES as u64,
        "a pattern that compiles to more makes a schema that is refused",
    ),
    ("schema_depth", SCHEMA_DEPTH as u64, "depth of schema and value; deeper ones get no verdict"),
    ("schema_steps", SCHEMA_STEPS as u64, "steps of one check; what takes more gets no verdict"),
    ("field_bytes", FIELD_BYTES as u64, "a pointer to a field of requests; longer ones are refused at start"),
    ("field_texts", FIELD_TEXTS as u64, "texts of one field of a request; further ones are left out"),
    ("labels", LABELS as u64, "labels of one sample; a sample with more is skipped"),
];

/// The longest start of `text` that is no longer than the limit and ends between characters.
pub(crate) fn head(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}
