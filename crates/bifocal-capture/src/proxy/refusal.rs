//! Answers that are the proxy's own: what happened and what to do, in the envelope of OpenAI's errors.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};

/// Why the proxy answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No connection to the upstream, or none in time.
    Unreachable,
    /// The upstream closed the connection without a response.
    NoResponse,
    /// CONNECT, or an upgrade to another protocol.
    Protocol,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Unreachable | Self::NoResponse => StatusCode::BAD_GATEWAY,
            Self::Protocol => StatusCode::NOT_IMPLEMENTED,
        }
    }

    fn words(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::Unreachable => (
                "B0205",
                "upstream_unreachable",
                "bifocal could not connect to the upstream",
                "check that the server runs and that --upstream names its address",
            ),
            Self::NoResponse => (
                "B0206",
                "upstream_no_response",
                "the upstream closed the connection without a response",
                "look into the server's log; the request may have been processed",
            ),
            Self::Protocol => (
                "B0207",
                "protocol_not_supported",
                "bifocal forwards HTTP/1.1 requests; it does not tunnel and does not change protocols",
                "send this request to the upstream itself",
            ),
        }
    }

    /// The response. It names no address: clients need not know where the upstream is.
    pub(crate) fn response(self) -> Response<Bytes> {
        let (code, kind, message, hint) = self.words();
        let body = serde_json::json!({
            "error": { "code": code, "type": kind, "message": message, "hint": hint, "param": null }
        });
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
