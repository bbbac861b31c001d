//! Answers that are the proxy's own: what happened and what to do, in the envelope of OpenAI's errors.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

const AWS_ERROR: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Why the proxy answers by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No connection to the upstream, or none in time.
    Unreachable,
    /// The upstream closed the connection without a response.
    NoResponse,
    /// The request broke off, or is not framed as it should be.
    BrokenRequest,
    /// A signature for another host than the upstream's.
    OtherHost,
    /// Asks to be signed for without the token.
    NotAuthenticated,
    /// Asks to be signed for to an endpoint that is not on the list.
    EndpointNotListed,
    /// Too long to be signed.
    TooLongToSign,
    /// No credentials, or the request broke off.
    NotSigned,
    /// CONNECT, or an upgrade to another protocol.
    Protocol,
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Unreachable | Self::NoResponse => StatusCode::BAD_GATEWAY,
            Self::BrokenRequest => StatusCode::BAD_REQUEST,
            Self::Protocol => StatusCode::NOT_IMPLEMENTED,
            Self::OtherHost | Self::NotAuthenticated | Self::EndpointNotListed => StatusCode::FORBIDDEN,
            Self::TooLongToSign => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotSigned => StatusCode::BAD_GATEWAY,
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
            Self::BrokenRequest => (
                "B0208",
                "request_broke_off",
                "the body of the request broke off, or its chunks are not framed as HTTP asks",
                "send it again whole",
            ),
            Self::OtherHost => (
                "B0230",
                "signed_for_another_host",
                "the request is signed for the host of bifocal's proxy, and SageMaker would refuse the signature",
                "sign for the host of AWS, or let bifocal sign: `bifocal explain B0230`",
            ),
            Self::NotAuthenticated => (
                "B0231",
                "client_not_authenticated",
                "bifocal signs for clients that show its token",
                "send it in the header x-bifocal-token, or as a bearer token",
            ),
            Self::EndpointNotListed => (
                "B0232",
                "endpoint_not_listed",
                "bifocal does not sign for this endpoint",
                "add its name to sign_for in bifocal's configuration",
            ),
            Self::TooLongToSign => (
                "B0233",
                "too_long_to_sign",
                "the request is longer than SageMaker takes (limit signed_body_bytes)",
                "send a shorter one",
            ),
            Self::NotSigned => (
                "B0234",
                "not_signed",
                "bifocal could not sign the request; it was not sent",
                "look into bifocal's log: mostly its credentials for AWS have expired or are missing",
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
        // Clients of OpenAI read `error`; those of AWS read `message` and a header.
        let for_aws = format!("{message} ({code}); {hint}");
        let body = serde_json::json!({
            "error": { "code": code, "type": kind, "message": message, "hint": hint, "param": null },
            "message": for_aws
        });
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = self.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(AWS_ERROR, HeaderValue::from_static(kind));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
