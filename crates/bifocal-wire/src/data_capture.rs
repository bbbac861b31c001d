//! One line of a SageMaker Data Capture file.
//!
//! The record is read without building it: what is needed is borrowed from the line, and the payloads, which
//! stand in it as text, are unescaped once and read by the same parsers as a proxied call's.

use std::borrow::Cow;

use base64::Engine as _;
use bifocal_model::Timestamp;
use serde::Deserialize;

use crate::error::WireError;
use crate::fields::Fields;
use crate::limits::CAPTURE_LINE_BYTES;
use crate::loose::Loose;
use crate::openai::{CallRequest, CallResponse, ErrorBody, Reply, error_of};
use crate::stream::{StreamDecoder, StreamKind};

/// A captured call.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturedCall {
    /// SageMaker's id of the event.
    pub event_id: Option<String>,
    /// The id that the client sent; it joins the views of one call from several sources.
    pub inference_id: Option<String>,
    /// When the call was made, to the second.
    pub time: Timestamp,
    /// The request; `None` where only the output was captured.
    pub request: Option<CallRequest>,
    /// The response; `None` where only the input was captured or the call failed.
    pub response: Option<CallResponse>,
    /// How the call failed, where it did.
    pub failed: Option<ErrorBody>,
    /// What the client sent as custom attributes.
    pub custom_attributes: Option<String>,
}

/// Why a line could not be used. Never holds any of its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not a record: not JSON, or not of its shape.
    #[error("read the capture record")]
    Malformed(#[source] WireError),
    /// The line or a payload is not UTF-8.
    #[error("read the capture record as UTF-8")]
    NotUtf8,
    /// Longer than the limit.
    #[error("read a capture record of more than {CAPTURE_LINE_BYTES} bytes (limit `capture_line_bytes`)")]
    TooLong,
    /// `encoding` is none of JSON, CSV, BASE64.
    #[error("decode a payload of an unknown encoding (JSON, CSV and BASE64 are known)")]
    UnknownEncoding,
    /// `encoding` is BASE64 and the data is not.
    #[error("decode a payload as base64")]
    BadBase64,
    /// No `inferenceTime`, or not a time.
    #[error("find the time of the call (`eventMetadata.inferenceTime`, RFC 3339)")]
    NoTime,
    /// Neither an input nor an output.
    #[error("find an input or an output in the capture record")]
    Empty,
    /// A payload of no known family.
    #[error("read a payload")]
    UnknownPayload(#[source] WireError),
}

impl LineError {
    /// A stable word for ledgers and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed",
            Self::NotUtf8 => "not_utf8",
            Self::TooLong => "too_long",
            Self::UnknownEncoding => "unknown_encoding",
            Self::BadBase64 => "bad_base64",
            Self::NoTime => "no_time",
            Self::Empty => "empty",
            Self::UnknownPayload(_) => "unknown_payload",
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    capture_data: CaptureData<'a>,
    #[serde(borrow, default)]
    event_metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CaptureData<'a> {
    #[serde(borrow)]
    endpoint_input: Option<Side<'a>>,
    #[serde(borrow)]
    endpoint_output: Option<Side<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Side<'a> {
    #[serde(borrow, default)]
    observed_content_type: Loose<'a>,
    #[serde(borrow, default)]
    data: Loose<'a>,
    #[serde(borrow, default)]
    encoding: Loose<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Metadata<'a> {
    #[serde(borrow)]
    event_id: Loose<'a>,
    #[serde(borrow)]
    inference_id: Loose<'a>,
    #[serde(borrow)]
    inference_time: Loose<'a>,
    #[serde(borrow)]
    custom_attributes: Loose<'a>,
}

/// A payload, decoded: its content type and its text.
struct Payload<'a> {
    content_type: Option<Cow<'a, str>>,
    text: Cow<'a, str>,
}

/// Reads one line (without its line end, or with it).
pub fn parse_line(line: &[u8]) -> Result<CapturedCall, LineError> {
    parse_line_with(line, &Fields::default())
}

/// As [`parse_line`], with what stands in these fields of the request as messages of the role `context`.
pub fn parse_line_with(line: &[u8], fields: &Fields) -> Result<CapturedCall, LineError> {
    if line.len() > CAPTURE_LINE_BYTES {
        return Err(LineError::TooLong);
    }
    let line = std::str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
    let record: Record<'_> =
        serde_json::from_str(line).map_err(|err| LineError::Malformed(WireError::json(&err)))?;
    let metadata = record.event_metadata;
    let time = metadata.inference_time.text().and_then(|text| text.parse().ok()).ok_or(LineError::NoTime)?;

    let input = record.capture_data.endpoint_input.map(Side::decode).transpose()?;
    let output = record.capture_data.endpoint_output;
    // A failed call's output has no content type and says how it failed.
    let may_have_failed = output.as_ref().is_some_and(|side| side.observed_content_type == Loose::Absent);
    let output = output.map(Side::decode).transpose()?;
    if input.is_none() && output.is_none() {
        return Err(LineError::Empty);
    }
    let failed = output.as_ref().filter(|_| may_have_failed).and_then(|output| failure(&output.text));
    let response = match output {
        Some(output) if failed.is_none() => Some(output.response()?),
        _ => None,
    };
    Ok(CapturedCall {
        event_id: metadata.event_id.name(),
        inference_id: metadata.inference_id.name(),
        time,
        request: input.map(|input| input.request(fields)).transpose()?,
        response,
        failed,
        custom_attributes: metadata.custom_attributes.text().map(Cow::into_owned),
    })
}

impl<'a> Side<'a> {
    fn decode(self) -> Result<Payload<'a>, LineError> {
        let data = self.data.text().unwrap_or_default();
        let encoding = self.encoding.text();
        let text = match encoding.as_deref() {
            Some("JSON" | "CSV") | None => data,
            Some("BASE64") => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(data.trim().as_bytes());
                let bytes = bytes.map_err(|_| LineError::BadBase64)?;
                Cow::Owned(String::from_utf8(bytes).map_err(|_| LineError::NotUtf8)?)
            }
            Some(_) => return Err(LineError::UnknownEncoding),
        };
        Ok(Payload { content_type: self.observed_content_type.text(), text })
    }
}

impl Payload<'_> {
    fn is_json(&self) -> bool {
        let named = self.content_type.as_deref().is_none_or(|kind| kind.contains("json"));
        // Clients that send JSON under `application/octet-stream` or `text/plain` are common.
        named || self.text.trim_start().starts_with(['{', '['])
    }

    fn request(self, fields: &Fields) -> Result<CallRequest, LineError> {
        if !self.is_json() {
            return Ok(CallRequest::of_text(self.text.into_owned()));
        }
        CallRequest::parse_str(&self.text, fields).map_err(LineError::UnknownPayload)
    }

    fn response(self) -> Result<CallResponse, LineError> {
        let stream = self.content_type.as_deref().and_then(StreamKind::of_content_type);
        let stream = stream.or_else(|| self.text.starts_with("data:").then_some(StreamKind::Sse));
        if let Some(kind) = stream {
            let mut decoder = StreamDecoder::new(kind);
            decoder.push(self.text.as_bytes()).map_err(LineError::UnknownPayload)?;
            return Ok(decoder.finish());
        }
        if !self.is_json() {
            return Ok(CallResponse::of_text(self.text.into_owned()));
        }
        CallResponse::parse_str(&self.text).map_err(LineError::UnknownPayload)
    }
}

/// How the call failed; `None` where the text is no report of a failure.
fn failure(text: &str) -> Option<ErrorBody> {
    let said: Reply<'_> = serde_json::from_str(text).ok()?;
    let told = said.code.is_present() || said.message.is_present() || said.aws_message.is_present();
    error_of(&said).or_else(|| told.then(|| ErrorBody::of_report(&said)))
}

#[cfg(test)]
mod tests;
