//! Who may call: signature version 4, checked as the service checks it, and bearer tokens.
//!
//! The signature covers the host that the client meant. A proxy that changes the `Host` header breaks it, and this
//! must be noticed here.

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use http::request::Parts;
use sha2::{Digest as _, Sha256};

/// Who may call; by default everybody.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Access key id and secret; where there are any, calls must be signed with one of them.
    pub keys: Vec<(String, String)>,
    /// Tokens that are good on the OpenAI path.
    pub bearer_tokens: Vec<String>,
    /// The host that the service has; `None`: any.
    pub host: Option<String>,
}

/// Why a call is refused: the service's error type, and a message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sagemaker) struct Refused {
    pub(in crate::sagemaker) kind: &'static str,
    pub(in crate::sagemaker) message: &'static str,
}

const MISMATCH: Refused = Refused {
    kind: "InvalidSignatureException",
    message: "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
};
const UNSIGNED: Refused =
    Refused { kind: "MissingAuthenticationTokenException", message: "Missing Authentication Token" };
const INCOMPLETE: Refused = Refused {
    kind: "IncompleteSignatureException",
    message: "The Authorization header is not one of signature version 4.",
};
const UNKNOWN_KEY: Refused = Refused {
    kind: "UnrecognizedClientException",
    message: "The security token included in the request is invalid.",
};
const WRONG_HOST: Refused =
    Refused { kind: "UnknownOperationException", message: "No service answers to this Host header." };

/// What `Authorization` says.
struct Claim<'a> {
    key_id: &'a str,
    scope: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl Access {
    /// Whether the call may pass; `tokens_count` on paths that take a bearer token.
    pub(in crate::sagemaker) fn check(
        &self,
        head: &Parts,
        body: &[u8],
        service: &str,
        bearer: Bearer,
    ) -> Result<(), Refused> {
        if self.keys.is_empty() && self.bearer_tokens.is_empty() {
            return Ok(());
        }
        let host = text(&head.headers, HOST.as_str());
        if self.host.as_deref().is_some_and(|mine| mine != host) {
            return Err(WRONG_HOST);
        }
        let said = text(&head.headers, AUTHORIZATION.as_str());
        if let Some(token) = said.strip_prefix("Bearer ") {
            let known = bearer == Bearer::Taken && self.bearer_tokens.iter().any(|good| good == token);
            return if known { Ok(()) } else { Err(UNKNOWN_KEY) };
        }
        if said.is_empty() {
            return Err(UNSIGNED);
        }
        let claim = Claim::parse(&said).ok_or(INCOMPLETE)?;
        let secret = self.keys.iter().find(|(id, _)| id == claim.key_id).map(|(_, secret)| secret);
        claim.check(head, body, service, secret.ok_or(UNKNOWN_KEY)?)
    }
}

/// Whether a path takes bearer tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sagemaker) enum Bearer {
    Taken,
    Refused,
}

impl<'a> Claim<'a> {
    fn parse(said: &'a str) -> Option<Self> {
        let fields = said.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| fields.split(',').find_map(|part| part.trim().strip_prefix(name));
        let (key_id, scope) = field("Credential=")?.split_once('/')?;
        Some(Self {
            key_id,
            scope,
            signed_headers: field("SignedHeaders=")?,
            signature: field("Signature=")?,
        })
    }

    fn check(&self, head: &Parts, body: &[u8], service: &str, secret: &str) -> Result<(), Refused> {
        let scope: Vec<&str> = self.scope.split('/').collect();
        let [date, region, signed_for, "aws4_request"] = scope[..] else { return Err(INCOMPLETE) };
        let signs_host = self.signed_headers.split(';').any(|name| name == "host");
        if signed_for != service || !signs_host {
            return Err(INCOMPLETE);
        }
        let time = text(&head.headers, "x-amz-date");
        let hash =
            hex(&Sha256::digest(canonical_request(head, body, self.signed_headers, signed_for).as_bytes()));
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{}\n{hash}", self.scope);
        let key = [date, region, signed_for, "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part.as_bytes()));
        let same = time.starts_with(date) && hex(&mac(&key, to_sign.as_bytes())) == self.signature;
        if same { Ok(()) } else { Err(MISMATCH) }
    }
}

/// The request in the one form that both sides sign.
fn canonical_request(head: &Parts, body: &[u8], signed_headers: &str, service: &str) -> String {
    // S3 signs the path as it is sent; the others encode it once more.
    let encode = |part: &str| if service == "s3" { part.to_owned() } else { encoded(part) };
    let path: Vec<String> = head.uri.path().split('/').map(encode).collect();
    let mut query: Vec<&str> =
        head.uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty()).collect();
    query.sort_unstable();
    let query: Vec<String> =
        query.iter().map(|p| if p.contains('=') { (*p).to_owned() } else { format!("{p}=") }).collect();
    let headers: String = signed_headers
        .split(';')
        .map(|name| {
            format!("{name}:{}\n", text(&head.headers, name).split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect();
    let hash = hex(&Sha256::digest(body));
    format!("{}\n{}\n{}\n{headers}\n{signed_headers}\n{hash}", head.method, path.join("/"), query.join("&"))
}

fn encoded(part: &str) -> String {
    let mut encoded = String::new();
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn text(headers: &HeaderMap, name: &str) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let Ok(mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.chain_update(message).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
