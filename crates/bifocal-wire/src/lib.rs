//! Bytes in, plain views out: what an inference server says, in the many dialects in which it says it.
//!
//! The life of the data: the capture side hands over a request body, a whole response or the pieces of a
//! streamed one, a line of a SageMaker Data Capture file, or a Prometheus page, and gets a [`CallRequest`], a
//! [`CallResponse`], a [`data_capture::CapturedCall`] or [`prometheus::Sample`]s. What is not needed is skipped
//! and never built.
//!
//! Invariants: no I/O, no clock, no panic on any bytes; the way a stream was cut into pieces changes nothing;
//! errors name what was wrong and where, never the text that was being read.

pub mod data_capture;
mod error;
pub mod event_stream;
mod fields;
pub mod gzip;
pub mod json_schema;
pub mod jsonlines;
mod limits;
mod lines;
mod loose;
mod openai;
pub mod prometheus;
pub mod promql;
pub mod s3_notice;
pub mod sse;
mod stream;

pub use error::WireError;
pub use fields::{FieldError, Fields};
pub use limits::{
    ANSWER_BYTES, CAPTURE_LINE_BYTES, EXPOSITION_BYTES, FRAME_BYTES, LIMITS, NOTICE_BYTES, STREAM_LINE_BYTES,
    UNPACKED_BYTES,
};
pub use openai::{CallRequest, CallResponse, ErrorBody, LogProbs, Sampling, ToolCalls, Tools};
pub use stream::{Delta, StreamDecoder, StreamKind};
