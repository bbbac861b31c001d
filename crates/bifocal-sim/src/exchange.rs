//! One request and its response as bytes with their moments.

use bifocal_model::Timestamp;
use bytes::Bytes;

/// What a client sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The path, POST.
    pub path: &'static str,
    /// Headers besides those of the connection.
    pub headers: Vec<(&'static str, String)>,
    /// The body, JSON.
    pub body: Bytes,
}

/// Some bytes of a response.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    /// When they are sent, in seconds after the request came.
    pub delay_seconds: f64,
    /// The bytes.
    pub bytes: Bytes,
}

/// What a server answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// `application/json` or `text/event-stream`.
    pub content_type: &'static str,
    /// The body, in the order of time; never empty.
    pub chunks: Vec<Chunk>,
}

/// A request and its response.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    /// The component (or recorded target) that was asked: the model name as requested.
    pub component: String,
    /// Which arrival of the component it is.
    pub index: u64,
    /// When the request was sent.
    pub time: Timestamp,
    /// The request.
    pub request: Request,
    /// The response.
    pub response: Response,
}

/// A request that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its number, unique for the component; it holds the second of the arrival.
    pub index: u64,
    /// When.
    pub time: Timestamp,
}

impl Response {
    /// A body in one piece.
    pub(crate) fn json(status: u16, delay_seconds: f64, body: String) -> Self {
        let chunks = vec![Chunk { delay_seconds, bytes: Bytes::from(body) }];
        Self { status, content_type: "application/json", chunks }
    }

    /// The whole body.
    pub fn body(&self) -> Vec<u8> {
        self.chunks.iter().flat_map(|chunk| chunk.bytes.iter().copied()).collect()
    }

    /// Whether it comes in pieces.
    pub fn is_streamed(&self) -> bool {
        self.content_type == "text/event-stream"
    }

    /// As [`Self::is_streamed`], in any dialect: JSON lines are a stream too.
    pub(crate) fn is_in_pieces(&self) -> bool {
        self.content_type != "application/json"
    }

    /// When its last byte is sent, in seconds after the request came.
    pub fn duration_seconds(&self) -> f64 {
        self.chunks.last().map_or(0.0, |chunk| chunk.delay_seconds)
    }
}
