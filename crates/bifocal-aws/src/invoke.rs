//! SageMaker's runtime: one question to a model behind an endpoint, in the form that its container takes.

use bytes::Bytes;

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::JSON_BYTES;
use crate::operation::{Operation, Service};
use crate::protocol::unbuildable;
use crate::s3::percent_encoded;

/// Asking again changes nothing but the bill.
const INVOKE: Operation =
    Operation::read(Service::SageMakerRuntime, "InvokeEndpoint", "sagemaker:InvokeEndpoint");

impl Aws {
    /// Asks the model of an endpoint, or one of its inference components, with a JSON body; gives the container's answer.
    pub async fn invoke_endpoint(
        &self,
        endpoint: &str,
        component: Option<&str>,
        body: Bytes,
    ) -> Result<Vec<u8>, Error> {
        let mut url = self.inner.endpoints.base(Service::SageMakerRuntime, self.region())?;
        let root = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{root}/endpoints/{}/invocations", percent_encoded(endpoint)));
        let mut request = http::Request::post(url.as_str())
            .header("content-type", "application/json")
            .header("accept", "application/json");
        if let Some(component) = component {
            request = request.header("x-amzn-sagemaker-inference-component", component);
        }
        let request = request.body(body).map_err(|err| unbuildable(&INVOKE, &err))?;
        self.call(&INVOKE, &request, JSON_BYTES).await
    }
}
