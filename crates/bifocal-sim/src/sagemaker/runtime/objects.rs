//! A bucket in memory, and the two calls of S3 that read one.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, ETAG};
use serde::Deserialize;

use super::World;

/// Objects of a listing's page.
const PAGE: usize = 1000;

/// Objects by `bucket/key`. Cheap to clone; clones are the same bucket.
#[derive(Clone, Debug, Default)]
pub struct Objects(Arc<Mutex<BTreeMap<String, Object>>>);

#[derive(Clone, Debug)]
struct Object {
    body: Bytes,
    modified: String,
    /// Whether a policy of its own lets nobody read it.
    is_forbidden: bool,
}

impl Objects {
    /// Writes one; `modified` is RFC 3339.
    pub fn put(&self, bucket_and_key: &str, body: Bytes, modified: &str) {
        let object = Object { body, modified: modified.to_owned(), is_forbidden: false };
        self.lock().insert(bucket_and_key.to_owned(), object);
    }

    /// Lets nobody read one, as a key that is not the caller's does. It is listed all the same.
    pub fn forbid(&self, bucket_and_key: &str) {
        if let Some(object) = self.lock().get_mut(bucket_and_key) {
            object.is_forbidden = true;
        }
    }

    /// Whether it is there.
    pub(in crate::sagemaker) fn has(&self, bucket: &str, key: &str) -> bool {
        self.lock().contains_key(&format!("{bucket}/{key}"))
    }

    /// Keys, bucket included, and contents, in the order of keys.
    pub fn all(&self) -> Vec<(String, Bytes)> {
        self.lock().iter().map(|(key, object)| (key.clone(), object.body.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sagemaker) struct Listing {
    #[serde(default)]
    prefix: String,
    start_after: Option<String>,
    continuation_token: Option<String>,
}

impl Listing {
    pub(in crate::sagemaker) fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// ListObjectsV2.
pub(super) async fn list(
    State(world): State<Arc<World>>,
    Path(bucket): Path<String>,
    Query(listing): Query<Listing>,
) -> Response {
    world.objects.page(&bucket, &listing)
}

/// GetObject.
pub(super) async fn read(
    State(world): State<Arc<World>>,
    Path((bucket, key)): Path<(String, String)>,
) -> Response {
    world.objects.object(&bucket, &key)
}

impl Objects {
    /// A page of a listing.
    pub(in crate::sagemaker) fn page(&self, bucket: &str, listing: &Listing) -> Response {
        let after = listing.continuation_token.as_ref().or(listing.start_after.as_ref());
        let after = after.map_or("", String::as_str);
        let found: Vec<(String, Object)> = {
            let objects = self.lock();
            let of_bucket = objects.iter().filter_map(|(name, object)| {
                let key = name.strip_prefix(bucket)?.strip_prefix('/')?;
                (key.starts_with(&listing.prefix) && key > after).then(|| (key.to_owned(), object.clone()))
            });
            of_bucket.take(PAGE + 1).collect()
        };
        let is_truncated = found.len() > PAGE;
        let mut page = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>{bucket}</Name><MaxKeys>{PAGE}</MaxKeys><IsTruncated>{is_truncated}</IsTruncated>"
        );
        for (key, object) in found.iter().take(PAGE) {
            let _ = write!(
                page,
                "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size></Contents>",
                escaped(key),
                object.modified,
                etag(&object.body),
                object.body.len()
            );
        }
        if let Some((key, _)) = found.get(PAGE - 1).filter(|_| is_truncated) {
            let _ = write!(page, "<NextContinuationToken>{}</NextContinuationToken>", escaped(key));
        }
        page.push_str("</ListBucketResult>");
        ([(CONTENT_TYPE, "application/xml")], page).into_response()
    }

    /// An object, or that there is none.
    pub(in crate::sagemaker) fn object(&self, bucket: &str, key: &str) -> Response {
        let object = self.lock().get(&format!("{bucket}/{key}")).cloned();
        let Some(object) = object else {
            let error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>";
            return (StatusCode::NOT_FOUND, [(CONTENT_TYPE, "application/xml")], error).into_response();
        };
        if object.is_forbidden {
            let error = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>";
            return (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "application/xml")], error).into_response();
        }
        ([(ETAG, format!("\"{}\"", etag(&object.body)))], object.body).into_response()
    }
}

fn etag(body: &[u8]) -> String {
    format!("{:016x}{:016x}", bifocal_model::fnv1a(body.iter().copied()), body.len())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
