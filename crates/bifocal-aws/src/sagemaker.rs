//! SageMaker's control plane: endpoints, their configurations and their inference components.
//!
//! Every field may be absent: accounts of different ages answer differently, and a field that is not there is not
//! zero. A container's environment may hold secrets and is not read at all.

mod component;
mod config;
mod endpoint;
mod parts;

pub use component::{
    ComponentDescription, ComponentSummary, ComputeRequirements, Container, Placement, RuntimeConfig,
    Specification,
};
pub use config::{CaptureConfig, CaptureContentTypes, ConfigVariant, EndpointConfig};
pub use endpoint::{CaptureSummary, EndpointDescription, EndpointSummary, Variant};
pub use parts::{DeployedImage, InstancePool, ManagedInstanceScaling, MetricsConfig, StatusEntry};

use serde::{Deserialize, Serialize};

use crate::connect::Aws;
use crate::error::Error;
use crate::limits::PAGES;
use crate::operation::{Operation, Service};

const LIST_ENDPOINTS: Operation = operation("ListEndpoints", "sagemaker:ListEndpoints");
const DESCRIBE_ENDPOINT: Operation = operation("DescribeEndpoint", "sagemaker:DescribeEndpoint");
const DESCRIBE_CONFIG: Operation = operation("DescribeEndpointConfig", "sagemaker:DescribeEndpointConfig");
const LIST_COMPONENTS: Operation = operation("ListInferenceComponents", "sagemaker:ListInferenceComponents");
const DESCRIBE_COMPONENT: Operation =
    operation("DescribeInferenceComponent", "sagemaker:DescribeInferenceComponent");

const fn operation(name: &'static str, action: &'static str) -> Operation {
    Operation::read(Service::SageMaker, name, action)
}

/// The largest page that SageMaker gives.
const PAGE_SIZE: u32 = 100;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListRequest<'a> {
    max_results: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_contains: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_name_equals: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeRequest<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint_config_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inference_component_name: Option<&'a str>,
}

/// A page of either listing.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    endpoints: Vec<EndpointSummary>,
    inference_components: Vec<ComponentSummary>,
    next_token: Option<String>,
}

impl Aws {
    /// The region's endpoints whose names contain the text (all for `None`), in SageMaker's order.
    pub async fn list_endpoints(&self, name_contains: Option<&str>) -> Result<Vec<EndpointSummary>, Error> {
        let request = ListRequest { name_contains, ..ListRequest::first() };
        let mut all = Vec::new();
        self.pages(&LIST_ENDPOINTS, request, |page| all.extend(page.endpoints)).await?;
        Ok(all)
    }

    /// One endpoint.
    pub async fn describe_endpoint(&self, name: &str) -> Result<EndpointDescription, Error> {
        self.json(
            &DESCRIBE_ENDPOINT,
            &DescribeRequest { endpoint_name: Some(name), ..DescribeRequest::none() },
        )
        .await
    }

    /// One endpoint configuration. It never changes under one name.
    pub async fn describe_endpoint_config(&self, name: &str) -> Result<EndpointConfig, Error> {
        let request = DescribeRequest { endpoint_config_name: Some(name), ..DescribeRequest::none() };
        self.json(&DESCRIBE_CONFIG, &request).await
    }

    /// The inference components of an endpoint, or of the region.
    pub async fn list_inference_components(
        &self,
        endpoint: Option<&str>,
    ) -> Result<Vec<ComponentSummary>, Error> {
        let request = ListRequest { endpoint_name_equals: endpoint, ..ListRequest::first() };
        let mut all = Vec::new();
        self.pages(&LIST_COMPONENTS, request, |page| all.extend(page.inference_components)).await?;
        Ok(all)
    }

    /// One inference component.
    pub async fn describe_inference_component(&self, name: &str) -> Result<ComponentDescription, Error> {
        let request = DescribeRequest { inference_component_name: Some(name), ..DescribeRequest::none() };
        self.json(&DESCRIBE_COMPONENT, &request).await
    }

    async fn pages(
        &self,
        operation: &Operation,
        mut request: ListRequest<'_>,
        mut each: impl FnMut(Page) + Send,
    ) -> Result<(), Error> {
        for _ in 0..PAGES {
            let mut page: Page = self.json(operation, &request).await?;
            request.next_token = page.next_token.take().filter(|token| !token.is_empty());
            each(page);
            if request.next_token.is_none() {
                return Ok(());
            }
        }
        self.inner.telemetry.limit_hit("aws_pages");
        Err(Error::Malformed { action: operation.action, what: format!("more than {PAGES} pages") })
    }
}

impl ListRequest<'_> {
    pub(crate) fn first() -> Self {
        Self { max_results: PAGE_SIZE, name_contains: None, endpoint_name_equals: None, next_token: None }
    }
}

impl DescribeRequest<'_> {
    fn none() -> Self {
        Self { endpoint_name: None, endpoint_config_name: None, inference_component_name: None }
    }
}
