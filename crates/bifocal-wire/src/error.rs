//! What can be wrong with bytes.

/// Why bytes could not be read. Never holds any of the text: that may be a prompt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not UTF-8.
    #[error("read as UTF-8 at byte {at}")]
    NotUtf8 {
        /// The first byte that is wrong.
        at: usize,
    },
    /// Not JSON, or JSON of another shape.
    #[error("read as JSON at line {line}, column {column}: {what}")]
    Json {
        /// Syntax, shape or an early end.
        what: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// JSON, but of no payload family that is known.
    #[error(
        "recognise the payload: no field of a known family (messages, prompt, inputs, choices, generated_text)"
    )]
    UnknownPayload,
    /// JSON, but no notification of S3.
    #[error(
        "recognise a notification of S3: neither S3's own form nor EventBridge's, nor one of them from SNS"
    )]
    UnknownNotice,
    /// JSON, but no answer of Prometheus's HTTP API that is known.
    #[error("recognise an answer of PromQL: neither a vector nor a list, or no success")]
    UnknownAnswer,
    /// Said to be packed by gzip, and not.
    #[error("unpack what is said to be gzip")]
    NotGzip,
    /// Not a frame of an AWS event stream, or one that was damaged on the way.
    #[error("read a frame of an event stream: {what}")]
    BadFrame {
        /// What is wrong with it.
        what: &'static str,
    },
    /// Longer than a limit.
    #[error("read {what} of more than {limit} bytes (limit `{name}`)")]
    TooLong {
        /// What was too long.
        what: &'static str,
        /// The limit's name in [`crate::LIMITS`].
        name: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl WireError {
    /// A stable word for ledgers and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NotUtf8 { .. } => "not_utf8",
            Self::Json { .. } => "malformed",
            Self::UnknownPayload => "unknown_payload",
            Self::UnknownNotice => "unknown_notice",
            Self::UnknownAnswer => "unknown_answer",
            Self::NotGzip => "not_gzip",
            Self::BadFrame { .. } => "bad_frame",
            Self::TooLong { .. } => "too_long",
        }
    }

    /// Drops the message of `serde_json`, which quotes what it read.
    pub(crate) fn json(err: &serde_json::Error) -> Self {
        let what = match err.classify() {
            serde_json::error::Category::Eof => "the text ends too early",
            serde_json::error::Category::Data => "a value has another shape than expected",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "not JSON",
        };
        Self::Json { what, line: err.line(), column: err.column() }
    }
}

impl From<std::str::Utf8Error> for WireError {
    fn from(err: std::str::Utf8Error) -> Self {
        Self::NotUtf8 { at: err.valid_up_to() }
    }
}
