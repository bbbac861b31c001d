//! What is SageMaker's in a call: ids, variant and target model in headers, the content type inside frames, and
//! error classes that the status alone does not give.

use bifocal_model::ErrorClass;
use bifocal_wire::ErrorBody;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue};

use crate::limits::INFERENCE_ID_BYTES;

/// The beginning of the runtime's paths.
const ENDPOINTS: &str = "/endpoints/";
/// The container failed: its own status is in the body.
const MODEL_ERROR: u16 = 424;

const INFERENCE_ID: HeaderName = HeaderName::from_static("x-amzn-sagemaker-inference-id");
const TARGET_VARIANT: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-variant");
const TARGET_MODEL: HeaderName = HeaderName::from_static("x-amzn-sagemaker-target-model");
const INVOKED_VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const INNER_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-sagemaker-content-type");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// The headers of a call to SageMaker's runtime that say something of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SageMakerCall {
    /// The id that joins this call's views from several sources.
    pub inference_id: Option<String>,
    /// The variant that was asked for.
    pub target_variant: Option<String>,
    /// The model of a multi-model endpoint that was asked for.
    pub target_model: Option<String>,
    /// The variant that answered.
    pub invoked_variant: Option<String>,
    /// The content type of what is in the frames.
    pub inner_content_type: Option<String>,
    /// The service's name of an error.
    pub error_type: Option<String>,
}

/// Whether a path is one of the runtime's.
pub(crate) fn is_runtime(path: &str) -> bool {
    path.starts_with(ENDPOINTS)
}

/// The endpoint that a path names.
pub(crate) fn endpoint(path: &str) -> Option<&str> {
    path.strip_prefix(ENDPOINTS)?.split('/').next().filter(|name| !name.is_empty())
}

/// Whether a call carries a signature that covers another host than the upstream's: it cannot be good there.
pub(crate) fn is_signed_for_another_host(headers: &HeaderMap, upstream: &HeaderValue) -> bool {
    let is_signed =
        headers.get(AUTHORIZATION).is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256"));
    let host = headers.get(HOST).map_or(&b""[..], HeaderValue::as_bytes);
    is_signed && !host.eq_ignore_ascii_case(upstream.as_bytes())
}

impl SageMakerCall {
    /// What a request says; `None` on paths that are not the runtime's.
    pub(crate) fn of_request(path: &str, headers: &HeaderMap) -> Option<Box<Self>> {
        if !is_runtime(path) {
            return None;
        }
        let inference_id = text(headers, &INFERENCE_ID).filter(|id| id.len() <= INFERENCE_ID_BYTES);
        Some(Box::new(Self {
            inference_id,
            target_variant: text(headers, &TARGET_VARIANT),
            target_model: text(headers, &TARGET_MODEL),
            ..Self::default()
        }))
    }

    /// The response's head is here.
    pub(crate) fn answered(&mut self, headers: &HeaderMap) {
        self.invoked_variant = text(headers, &INVOKED_VARIANT);
        self.inner_content_type = text(headers, &INNER_CONTENT_TYPE);
        self.error_type = text(headers, &ERROR_TYPE);
    }

    /// The variant of the target's key.
    pub(crate) fn variant(&self) -> Option<&str> {
        self.invoked_variant.as_deref().or(self.target_variant.as_deref())
    }

    /// The class of a failure whose status alone would mislead; `None` where the status is right.
    pub(crate) fn error_class(&self, status: u16, error: Option<&ErrorBody>) -> Option<ErrorClass> {
        // `Name:http://…` and `Name#…` are both seen in AWS's services.
        let kind = self.error_type.as_deref().unwrap_or_default();
        let kind = kind.split([':', '#']).next().unwrap_or_default();
        if kind == "ThrottlingException" {
            return Some(ErrorClass::Throttled);
        }
        if status != MODEL_ERROR {
            return None;
        }
        let of_container = error.and_then(|error| error.code).and_then(ErrorClass::of_status);
        Some(of_container.unwrap_or(ErrorClass::Upstream))
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let value = headers.get(name)?.to_str().ok()?.trim();
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_calls_of_the_runtime_have_it() {
        let sent =
            headers(&[("x-amzn-sagemaker-inference-id", "i-1"), ("x-amzn-sagemaker-target-variant", "blue")]);
        assert_eq!(SageMakerCall::of_request("/v1/chat/completions", &sent), None);
        let mut call = SageMakerCall::of_request("/endpoints/e/invocations", &sent).unwrap();
        assert_eq!((call.inference_id.as_deref(), call.variant()), (Some("i-1"), Some("blue")));
        call.answered(&headers(&[("x-amzn-invoked-production-variant", "green")]));
        assert_eq!(call.variant(), Some("green"), "the one that answered");
        let longest = "i".repeat(INFERENCE_ID_BYTES);
        for (id, kept) in [(longest.clone(), true), (longest + "i", false)] {
            let mut sent = HeaderMap::new();
            sent.insert(INFERENCE_ID, id.parse().unwrap());
            let call = SageMakerCall::of_request("/endpoints/e/invocations", &sent).unwrap();
            assert_eq!(call.inference_id.is_some(), kept);
        }
    }

    #[test]
    fn a_failure_of_the_container_has_the_containers_class() {
        let error = |code| Some(ErrorBody { code, message: String::new() });
        let call = SageMakerCall::default();
        assert_eq!(call.error_class(424, error(Some(500)).as_ref()), Some(ErrorClass::Upstream));
        assert_eq!(call.error_class(424, error(Some(400)).as_ref()), Some(ErrorClass::Client));
        assert_eq!(call.error_class(424, None), Some(ErrorClass::Upstream));
        assert_eq!(call.error_class(400, error(None).as_ref()), None);
        let throttled = SageMakerCall {
            error_type: Some("ThrottlingException:http://x".into()),
            ..SageMakerCall::default()
        };
        assert_eq!(throttled.error_class(400, None), Some(ErrorClass::Throttled));
    }

    #[test]
    fn a_signature_covers_its_host() {
        let upstream = HeaderValue::from_static("runtime.sagemaker.us-east-1.amazonaws.com");
        let signed = |host| headers(&[("authorization", "AWS4-HMAC-SHA256 Credential=A/b"), ("host", host)]);
        assert!(is_signed_for_another_host(&signed("127.0.0.1:7701"), &upstream));
        assert!(!is_signed_for_another_host(&signed("Runtime.SageMaker.us-east-1.amazonaws.com"), &upstream));
        let bearer = headers(&[("authorization", "Bearer t"), ("host", "127.0.0.1:7701")]);
        assert!(!is_signed_for_another_host(&bearer, &upstream), "a token is good for any host");
    }
}
