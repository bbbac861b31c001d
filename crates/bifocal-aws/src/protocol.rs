//! The protocols of the services: JSON with a target header, and forms.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::{JSON_BYTES, XML_BYTES};
use crate::operation::{Operation, Service};

impl Aws {
    /// A call of a JSON service.
    pub(crate) async fn json<I: Serialize + Sync, O: DeserializeOwned>(
        &self,
        operation: &Operation,
        input: &I,
    ) -> Result<O, Error> {
        let url = self.inner.endpoints.base(operation.service, self.region())?;
        let request = json_request(operation, &url, input)?;
        let body = self.call(operation, &request, JSON_BYTES).await?;
        read_json(operation, &body)
    }

    /// A call of a form service; its answer is XML.
    pub(crate) async fn form(
        &self,
        operation: &Operation,
        version: &str,
        fields: &[(&str, &str)],
    ) -> Result<String, Error> {
        let url = self.inner.endpoints.base(operation.service, self.region())?;
        let request = form_request(operation, &url, version, fields)?;
        let body = self.call(operation, &request, XML_BYTES).await?;
        utf8(operation, body)
    }
}

fn form_request(
    operation: &Operation,
    url: &Url,
    version: &str,
    fields: &[(&str, &str)],
) -> Result<http::Request<Bytes>, Error> {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", operation.name).append_pair("Version", version);
    form.extend_pairs(fields);
    http::Request::post(url.as_str())
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Bytes::from(form.finish()))
        .map_err(|err| unbuildable(operation, &err))
}

/// The request of a JSON service: version and target are the service's own.
pub(crate) fn json_request<I: Serialize>(
    operation: &Operation,
    url: &Url,
    input: &I,
) -> Result<http::Request<Bytes>, Error> {
    let (version, target) = match operation.service {
        Service::CloudWatch => ("1.0", "GraniteServiceVersion20100801."),
        Service::Sqs => ("1.0", "AmazonSQS."),
        Service::Logs => ("1.1", "Logs_20140328."),
        Service::Events => ("1.1", "AWSEvents."),
        _ => ("1.1", "SageMaker."),
    };
    let action = operation.action;
    let body = serde_json::to_vec(input).map_err(|err| Error::Misuse { action, what: err.to_string() })?;
    http::Request::post(url.as_str())
        .header("content-type", format!("application/x-amz-json-{version}"))
        .header("x-amz-target", format!("{target}{}", operation.name))
        .body(Bytes::from(body))
        .map_err(|err| unbuildable(operation, &err))
}

/// Reads an answer; an error names the place, never the text.
pub(crate) fn read_json<O: DeserializeOwned>(operation: &Operation, body: &[u8]) -> Result<O, Error> {
    serde_json::from_slice(body).map_err(|err| {
        let (line, column) = (err.line(), err.column());
        let what = match err.classify() {
            serde_json::error::Category::Data => {
                format!("a field is of another type (line {line}, column {column})")
            }
            _ => format!("it is no JSON (line {line}, column {column})"),
        };
        Error::Malformed { action: operation.action, what }
    })
}

pub(crate) fn unbuildable(operation: &Operation, err: &http::Error) -> Error {
    Error::Misuse { action: operation.action, what: err.to_string() }
}

pub(crate) fn utf8(operation: &Operation, body: Vec<u8>) -> Result<String, Error> {
    let wrong = |_| Error::Malformed { action: operation.action, what: "it is not UTF-8".into() };
    String::from_utf8(body).map_err(wrong)
}
