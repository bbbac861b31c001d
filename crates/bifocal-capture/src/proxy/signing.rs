//! Signing with the proxy's own credentials, for clients that have none for AWS.
//!
//! Whoever reaches the proxy could borrow its role, so this needs two things, and refuses to start without them: a
//! list of endpoints, and a token that each client must show. A request is read whole before it is signed, since the
//! signature covers its body.

use bifocal_aws::{Aws, Service};
use bytes::{Bytes, BytesMut};
use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::error::Error;
use crate::limits::SIGNED_BODY_BYTES;
use crate::proxy::config::Upstream;
use crate::proxy::refusal::Refusal;
use crate::proxy::sagemaker;

/// The header for clients whose `Authorization` is taken, such as those of AWS.
const TOKEN: HeaderName = HeaderName::from_static("x-bifocal-token");
/// What a client's own signature consists of; ours takes its place.
const OF_SIGNATURE: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-content-sha256"),
];

/// Signs calls to some endpoints for clients that show a token.
#[derive(Clone)]
pub struct Signing {
    aws: Aws,
    endpoints: Vec<String>,
    token: String,
}

impl Signing {
    /// With these credentials, for these endpoints (names, no patterns), for clients that show this token.
    pub fn new(aws: Aws, endpoints: Vec<String>, token: String) -> Result<Self, Error> {
        if endpoints.is_empty() || endpoints.iter().any(|name| name.is_empty() || name.contains('*')) {
            return Err(Error::SigningWithoutEndpoints);
        }
        if token.trim().is_empty() {
            return Err(Error::SigningWithoutToken);
        }
        Ok(Self { aws, endpoints, token })
    }

    /// Whether the request may be signed: by its token and its endpoint.
    pub(crate) fn allows(&self, head: &Parts) -> Result<(), Refusal> {
        let shown = head.headers.get(TOKEN).map(HeaderValue::as_bytes);
        let bearer =
            head.headers.get(AUTHORIZATION).and_then(|said| said.as_bytes().strip_prefix(b"Bearer "));
        let is_known =
            [shown, bearer].into_iter().flatten().any(|token| is_same(token, self.token.as_bytes()));
        if !is_known {
            return Err(Refusal::NotAuthenticated);
        }
        let endpoint = sagemaker::endpoint(head.uri.path());
        let is_listed = endpoint.is_some_and(|name| self.endpoints.iter().any(|listed| listed == name));
        if is_listed { Ok(()) } else { Err(Refusal::EndpointNotListed) }
    }

    /// Reads the body and signs the request for the upstream. Its headers are those of the next hop already.
    pub(crate) async fn sign(
        &self,
        head: &mut Parts,
        body: Incoming,
        upstream: &Upstream,
    ) -> Result<Bytes, Refusal> {
        let body = read(body).await?;
        for name in OF_SIGNATURE.iter().chain([&TOKEN]) {
            head.headers.remove(name);
        }
        // Set anew from the body that goes out; a chunked one had none.
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        let mut request = http::Request::new(&body[..]);
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = upstream.signed_uri(&head.uri).ok_or(Refusal::NotSigned)?;
        *request.headers_mut() = signed_headers(&head.headers);
        self.aws.sign(Service::SageMakerRuntime, &mut request).await.map_err(|err| {
            tracing::warn!(%err, "a request was not signed");
            Refusal::NotSigned
        })?;
        for (name, value) in request.headers() {
            head.headers.insert(name.clone(), value.clone());
        }
        Ok(body)
    }
}

/// The headers that the signature covers: the host, the type, and those of AWS. Others may change on the way.
fn signed_headers(headers: &HeaderMap) -> HeaderMap {
    let is_covered =
        |name: &HeaderName| *name == HOST || *name == "content-type" || name.as_str().starts_with("x-amz");
    let covered = headers.iter().filter(|(name, _)| is_covered(name));
    covered.map(|(name, value)| (name.clone(), value.clone())).collect()
}

async fn read(mut body: Incoming) -> Result<Bytes, Refusal> {
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return Err(Refusal::NotSigned) };
        let Some(data) = frame.data_ref() else { continue };
        if all.len() + data.len() > SIGNED_BODY_BYTES {
            return Err(Refusal::TooLongToSign);
        }
        all.extend_from_slice(data);
    }
    Ok(all.freeze())
}

/// Takes the same time wherever the two differ.
fn is_same(shown: &[u8], known: &[u8]) -> bool {
    let differing = shown.iter().zip(known).fold(0, |bits, (one, other)| bits | (one ^ other));
    shown.len() == known.len() && differing == 0
}

impl std::fmt::Debug for Signing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signing").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
