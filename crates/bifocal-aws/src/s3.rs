//! S3: listing and reading objects.

use bifocal_model::Timestamp;
use bytes::Bytes;
use url::Url;

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::XML_BYTES;
use crate::operation::{Operation, Service};
use crate::protocol::{unbuildable, utf8};
use crate::xml;

const LIST_OBJECTS: Operation = Operation::read(Service::S3, "ListObjectsV2", "s3:ListBucket");
const GET_OBJECT: Operation = Operation::read(Service::S3, "GetObject", "s3:GetObject");

/// An object of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// A fingerprint of the content, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: Option<Timestamp>,
}

/// One page of a listing, in the order of the keys' bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// Up to 1,000.
    pub objects: Vec<Object>,
    /// Asks for the next page; `None`: this is the last.
    pub next: Option<String>,
}

/// The content of an object as it arrives.
#[derive(Debug)]
pub struct ObjectBody {
    response: reqwest::Response,
    left: usize,
    cap: usize,
}

impl Aws {
    /// One page of the objects whose keys begin with `prefix`.
    ///
    /// `start_after` leaves out the keys up to and with it; `page` is what the page before gave.
    pub async fn list_objects(
        &self,
        bucket: &str,
        prefix: &str,
        start_after: Option<&str>,
        page: Option<&str>,
    ) -> Result<ObjectPage, Error> {
        let mut url = self.inner.endpoints.bucket(bucket, self.region())?;
        let mut query = format!("list-type=2&prefix={}", encode(prefix, Slash::Encoded));
        for (name, value) in [("start-after", start_after), ("continuation-token", page)] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", encode(value, Slash::Encoded)));
            }
        }
        url.set_query(Some(&query));
        let body = self.call(&LIST_OBJECTS, &get(&LIST_OBJECTS, &url)?, XML_BYTES).await?;
        read_page(&utf8(&LIST_OBJECTS, body)?)
    }

    /// Opens an object of no more than `cap` bytes.
    pub async fn get_object(&self, bucket: &str, key: &str, cap: usize) -> Result<ObjectBody, Error> {
        let mut url = self.inner.endpoints.bucket(bucket, self.region())?;
        if key.split('/').any(|part| part == "." || part == "..") {
            let what = "a key with `.` or `..` as a part cannot be addressed".to_owned();
            return Err(Error::Misuse { action: GET_OBJECT.action, what });
        }
        let path = format!("{}/{}", url.path().trim_end_matches('/'), encode(key, Slash::Kept));
        url.set_path(&path);
        let response = self.open(&GET_OBJECT, &get(&GET_OBJECT, &url)?).await?;
        if response.content_length().is_some_and(|length| length > cap as u64) {
            return Err(Error::TooLarge { action: GET_OBJECT.action, limit: cap });
        }
        Ok(ObjectBody { response, left: cap, cap })
    }
}

impl ObjectBody {
    /// The next bytes; `None` at the end. A body that ends before its length is an error, never an end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let action = GET_OBJECT.action;
        let broken = |err: reqwest::Error| Error::Unreachable { action, source: Box::new(err.without_url()) };
        let Some(chunk) = self.response.chunk().await.map_err(broken)? else { return Ok(None) };
        self.left = self.left.checked_sub(chunk.len()).ok_or(Error::TooLarge { action, limit: self.cap })?;
        Ok(Some(chunk))
    }

    /// All of it.
    pub async fn read(mut self) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    /// The content's fingerprint, without quotes.
    pub fn etag(&self) -> Option<&str> {
        Some(self.response.headers().get("etag")?.to_str().ok()?.trim_matches('"'))
    }
}

fn get(operation: &Operation, url: &Url) -> Result<http::Request<Bytes>, Error> {
    http::Request::get(url.as_str()).body(Bytes::new()).map_err(|err| unbuildable(operation, &err))
}

pub(crate) fn read_page(text: &str) -> Result<ObjectPage, Error> {
    let mut page = ObjectPage::default();
    let mut truncated = false;
    let read = xml::children(text, |name, mut element| {
        match name {
            "IsTruncated" => truncated = xml::text(element)? == "true",
            "NextContinuationToken" => page.next = Some(xml::text(element)?),
            "Contents" => {
                let mut object = Object::default();
                while let Some(field) = element.next_tag() {
                    match field.start_el().local() {
                        "Key" => object.key = xml::text(field)?,
                        "Size" => object.size = xml::text(field)?.trim().parse().unwrap_or_default(),
                        "ETag" => object.etag = xml::text(field)?.trim_matches('"').to_owned(),
                        "LastModified" => object.modified = xml::text(field)?.trim().parse().ok(),
                        _ => {}
                    }
                }
                page.objects.push(object);
            }
            _ => {}
        }
        Ok(())
    });
    let malformed = |what: &str| Error::Malformed { action: LIST_OBJECTS.action, what: what.to_owned() };
    read.map_err(|_| malformed("it is no XML"))?;
    if page.objects.iter().any(|object| object.key.is_empty()) {
        return Err(malformed("an object without a key"));
    }
    if truncated && page.next.is_none() {
        return Err(malformed("there is more, and no token to ask for it"));
    }
    if !truncated {
        page.next = None;
    }
    Ok(page)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slash {
    Kept,
    Encoded,
}

/// A name as one part of a path: all but letters, digits and `-_.~` is encoded.
pub(crate) fn percent_encoded(name: &str) -> String {
    encode(name, Slash::Encoded)
}

/// Percent-encodes as S3 signs: all but letters, digits and `-_.~`.
fn encode(text: &str, slash: Slash) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            b'/' if slash == Slash::Kept => encoded.push('/'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_and_what_is_missing_is_said() {
        let page = read_page(include_str!("../testdata/s3/list.response.xml")).unwrap();
        assert_eq!(page.objects.len(), 2);
        assert_eq!(page.objects[0].key, "capture/llm prod/AllTraffic/2026/11/24/12/00-01-683-a&b.jsonl");
        assert_eq!(
            (page.objects[0].size, page.objects[0].etag.as_str()),
            (2048, "9b2cf535f27731c974343645a3985328")
        );
        assert_eq!(page.objects[1].modified.unwrap().to_string(), "2026-11-24T12:04:00Z");
        assert_eq!(page.next.as_deref(), Some("1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM="));
        for wrong in ["", "<a", "{}", "<L><IsTruncated>true</IsTruncated></L>", "<L><Contents/></L>"] {
            assert!(read_page(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn keys_are_encoded_as_they_are_signed() {
        assert_eq!(encode("a b/date=1+ü", Slash::Kept), "a%20b/date%3D1%2B%C3%BC");
        assert_eq!(encode("a/b", Slash::Encoded), "a%2Fb");
    }
}
