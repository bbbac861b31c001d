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
