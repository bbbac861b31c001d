//! S3 of the account: the same bucket that the runtime's capture files go to, under the account's policy.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse as _, Response};
use bifocal_model::Timestamp;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::policy::Asked;
use super::{Refusal, World};
use crate::sagemaker::runtime::{Bearer, Listing};

/// ListObjectsV2.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Path(bucket): Path<String>,
    Query(listing): Query<Listing>,
    request: Request,
) -> Response {
    let context = [("s3:prefix", listing.prefix())];
    let arn = format!("arn:aws:s3:::{bucket}");
    let asked = Asked { action: "s3:ListBucket", resource: &arn, context: &context };
    match world.s3(request, asked) {
        Err(refused) => refused,
        Ok(()) => world.objects.page(&bucket, &listing),
    }
}

/// GetObject.
pub(super) async fn read(
    State(world): State<Arc<World>>,
    Path((bucket, key)): Path<(String, String)>,
    request: Request,
) -> Response {
    let arn = format!("arn:aws:s3:::{bucket}/{key}");
    let asked = Asked { action: "s3:GetObject", resource: &arn, context: &[] };
    match world.s3(request, asked) {
        Err(refused) => refused,
        // Whoever may not list the whole bucket is not told that an object is not there.
        Ok(()) if !world.objects.has(&bucket, &key) && !world.may_list(&bucket) => {
            refusal(&Refusal::new("AccessDeniedException", "Access Denied"))
        }
        Ok(()) => match world.decrypt() {
            Err(refused) => refusal(&refused),
            Ok(()) => world.objects.object(&bucket, &key),
        },
    }
}

impl World {
    fn may_list(&self, bucket: &str) -> bool {
        let arn = format!("arn:aws:s3:::{bucket}");
        let asked = Asked { action: "s3:ListBucket", resource: &arn, context: &[] };
        self.lock().policy.check(asked, &self.scenario.account).is_ok()
    }

    /// S3 asks the key's service for the caller, where files are encrypted.
    fn decrypt(&self) -> Result<(), Refusal> {
        let key = self.scenario.endpoint.capture.as_ref().and_then(|capture| capture.key.as_deref());
        let Some(key) = key else { return Ok(()) };
        self.call(Asked { action: "kms:Decrypt", resource: key, context: &[] }, || Ok(Value::Null)).map(drop)
    }

    #[expect(clippy::result_large_err, reason = "the answer is given at once")]
    fn s3(&self, request: Request, asked: Asked<'_>) -> Result<(), Response> {
        let (head, _) = request.into_parts();
        let signed = self.access.check(&head, b"", "s3", Bearer::Refused);
        let signed = signed.map_err(|refused| refusal(&Refusal::new(refused.kind, refused.message)));
        signed?;
        self.call(asked, || Ok(Value::Null)).map(drop).map_err(|refused| refusal(&refused))
    }
}

/// An error in S3's words.
fn refusal(refused: &Refusal) -> Response {
    let (status, code) = match refused.code {
        "AccessDeniedException" => (StatusCode::FORBIDDEN, "AccessDenied"),
        "ThrottlingException" => (StatusCode::SERVICE_UNAVAILABLE, "SlowDown"),
        "InvalidSignatureException" => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
        other => (StatusCode::FORBIDDEN, other),
    };
    let message = &refused.message;
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    (status, [(CONTENT_TYPE, "application/xml")], body).into_response()
}

/// The message that S3 sends to a queue for an object that was written.
pub fn written_notice(region: &str, bucket: &str, key: &str, time: Timestamp) -> String {
    let mut encoded = String::new();
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'/' => encoded.push(byte.into()),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    let object = json!({"key": encoded, "size": 1, "sequencer": format!("{:016X}", time.as_nanos())});
    let s3 = json!({
        "s3SchemaVersion": "1.0", "configurationId": "capture", "object": object,
        "bucket": {"name": bucket, "arn": format!("arn:aws:s3:::{bucket}")},
    });
    let record = json!({
        "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": region, "eventTime": time.to_string(),
        "eventName": "ObjectCreated:Put", "s3": s3,
    });
    json!({ "Records": [record] }).to_string()
}
