//! Reads what a service says when it refuses.

use serde::Deserialize;

use crate::error::Error;
use crate::limits::FAULT_CHARS;
use crate::permission;
use crate::xml;

/// What a refusal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) status: u16,
    /// Without namespace and address.
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What a fault means for the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Throttled,
    AccessDenied,
    Expired,
    RefusedCredentials,
    /// The signature's time is not near the service's.
    Skewed,
    NotFound,
    Refused,
    /// 5xx.
    Service,
}

#[derive(Deserialize)]
struct JsonFault {
    #[serde(rename = "__type", default)]
    kind: String,
    #[serde(alias = "Message", alias = "errorMessage", default)]
    message: String,
    #[serde(alias = "Code", default)]
    code: String,
}

impl Fault {
    /// From an answer's status, its `x-amzn-errortype` and `x-amzn-query-error` headers, and its body.
    pub(crate) fn read(
        status: u16,
        error_type: Option<&str>,
        query_error: Option<&str>,
        body: &[u8],
    ) -> Self {
        let text = String::from_utf8_lossy(body);
        let mut fault = Self { status, ..Self::default() };
        if let Ok(json) = serde_json::from_str::<JsonFault>(&text) {
            fault.code = if json.kind.is_empty() { json.code } else { json.kind };
            fault.message = json.message;
        } else if text.trim_start().starts_with('<') {
            let [code, message] = xml::find(&text, ["Code", "Message"]);
            fault.code = code.unwrap_or_default();
            fault.message = message.unwrap_or_default();
        }
        // The code of the query protocol is the one that the guides name.
        if let Some(code) =
            query_error.and_then(|header| header.split(';').next()).filter(|code| !code.is_empty())
        {
            code.clone_into(&mut fault.code);
        } else if fault.code.is_empty() {
            error_type.unwrap_or_default().clone_into(&mut fault.code);
        }
        fault.code = bare(&fault.code).to_owned();
        fault.message = fault.message.chars().filter(|c| !c.is_control()).take(FAULT_CHARS).collect();
        fault
    }

    pub(crate) fn meaning(&self) -> Meaning {
        match self.code.as_str() {
            "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "SlowDown"
            | "BandwidthLimitExceeded"
            | "LimitExceededException"
            | "PriorRequestNotComplete"
            | "ProvisionedThroughputExceededException"
            | "TransactionInProgressException" => Meaning::Throttled,
            "AccessDenied"
            | "AccessDeniedException"
            | "UnauthorizedOperation"
            | "NotAuthorized"
            | "AuthorizationError"
            | "AuthorizationErrorException" => Meaning::AccessDenied,
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => Meaning::Expired,
            "RequestTimeTooSkewed" | "RequestExpired" | "RequestInTheFuture" => Meaning::Skewed,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "InvalidSignature"
            | "IncompleteSignature"
            | "InvalidToken"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => Meaning::RefusedCredentials,
            "ResourceNotFound"
            | "ResourceNotFoundException"
            | "DashboardNotFoundError"
            | "NoSuchKey"
            | "NoSuchBucket"
            | "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue" => Meaning::NotFound,
            "ValidationException" | "ValidationError" if self.message.contains("Could not find") => {
                Meaning::NotFound
            }
            _ if self.status == 429 => Meaning::Throttled,
            _ if self.status == 403 => Meaning::AccessDenied,
            _ if self.status == 404 => Meaning::NotFound,
            _ if self.status >= 500 => Meaning::Service,
            _ => Meaning::Refused,
        }
    }

    pub(crate) fn into_error(self, action: &'static str) -> Error {
        let Self { status, ref code, ref message } = self;
        let code_or_status = || if code.is_empty() { format!("status {status}") } else { code.clone() };
        match self.meaning() {
            Meaning::Throttled => Error::Throttled { action },
            Meaning::AccessDenied => {
                Error::AccessDenied { action: denied(message).unwrap_or(action), message: message.clone() }
            }
            Meaning::Expired => Error::ExpiredCredentials { action },
            Meaning::RefusedCredentials | Meaning::Skewed => {
                Error::RefusedCredentials { action, code: code_or_status() }
            }
            Meaning::NotFound => Error::NotFound { action, message: message.clone() },
            Meaning::Service => Error::Service { action, status },
            Meaning::Refused => Error::Refused { action, code: code_or_status(), message: message.clone() },
        }
    }
}

/// The action that AWS says is not allowed: some calls need several.
fn denied(message: &str) -> Option<&'static str> {
    let (_, after) = message.split_once("not authorized to perform: ")?;
    let named = after.split_whitespace().next()?;
    let actions = permission::PERMISSIONS.iter().flat_map(|permission| permission.actions);
    actions.copied().find(|action| *action == named)
}

/// `com.amazonaws.x#CODE:http://…` without what is around the code.
fn bare(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.split(':').next().unwrap_or(code).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_protocol_s_refusal_is_read() {
        let json = br#"{"__type":"com.amazonaws.sagemaker#ValidationException","message":"Could not find endpoint \"x\"."}"#;
        let fault = Fault::read(400, None, None, json);
        assert_eq!((fault.code.as_str(), fault.meaning()), ("ValidationException", Meaning::NotFound));

        let xml = b"<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>The key\n is gone</Message></Error>";
        let fault = Fault::read(404, None, None, xml);
        assert_eq!((fault.code.as_str(), fault.message.as_str()), ("NoSuchKey", "The key is gone"));

        let query = Fault::read(400, None, Some("Throttling;Sender"), br#"{"__type":"x#ThrottlingEx"}"#);
        assert_eq!(query.meaning(), Meaning::Throttled);

        let rest = Fault::read(429, Some("ModelNotReadyException:http://x"), None, b"{}");
        assert_eq!((rest.code.as_str(), rest.meaning()), ("ModelNotReadyException", Meaning::Throttled));
    }

    #[test]
    fn a_refusal_without_a_body_is_read_from_its_status() {
        for (status, meaning) in [
            (403, Meaning::AccessDenied),
            (404, Meaning::NotFound),
            (400, Meaning::Refused),
            (503, Meaning::Service),
        ] {
            assert_eq!(Fault::read(status, None, None, b"").meaning(), meaning, "{status}");
            assert_eq!(Fault::read(status, None, None, &[0xff, b'<', 0]).meaning(), meaning, "{status}");
        }
    }

    #[test]
    fn a_refused_signature_does_not_repeat_what_was_signed() {
        let body = br#"{"__type":"InvalidSignatureException","message":"The Canonical String was x-amz-security-token:SECRET"}"#;
        let err = Fault::read(403, None, None, body).into_error("sagemaker:ListEndpoints");
        assert!(!format!("{err} {err:?}").contains("SECRET"));
        assert_eq!(err.kind(), crate::Kind::Credentials);
    }

    #[test]
    fn a_message_is_kept_short() {
        let long = format!("{{\"__type\":\"X\",\"message\":\"{}\"}}", "a".repeat(10_000));
        assert_eq!(Fault::read(400, None, None, long.as_bytes()).message.len(), FAULT_CHARS);
    }
}
