//! Endpoints as they run.

use bifocal_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::parts::{
    DeployedImage, InstancePool, ManagedInstanceScaling, MetricsConfig, StatusEntry, epoch_seconds,
    is_present,
};

/// An endpoint of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct EndpointSummary {
    /// The name.
    pub endpoint_name: String,
    /// The resource name: it holds account and region.
    pub endpoint_arn: Option<String>,
    /// `InService`, `Updating`, `Failed`, …
    pub endpoint_status: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "epoch_seconds")]
    pub creation_time: Option<Timestamp>,
    /// When it was changed last.
    #[serde(deserialize_with = "epoch_seconds")]
    pub last_modified_time: Option<Timestamp>,
}

/// An endpoint. Instance types are in its configuration, except where a variant has pools.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct EndpointDescription {
    /// The name.
    pub endpoint_name: String,
    /// The resource name: it holds account and region.
    pub endpoint_arn: Option<String>,
    /// The configuration that it runs now.
    pub endpoint_config_name: Option<String>,
    /// `InService`, `Updating`, `RollingBack`, `Failed`, …
    pub endpoint_status: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "epoch_seconds")]
    pub creation_time: Option<Timestamp>,
    /// When it was changed last.
    #[serde(deserialize_with = "epoch_seconds")]
    pub last_modified_time: Option<Timestamp>,
    /// What takes traffic.
    pub production_variants: Vec<Variant>,
    /// What sees copies of traffic and answers nobody.
    pub shadow_production_variants: Vec<Variant>,
    /// Whether and where calls are captured.
    pub data_capture_config: Option<CaptureSummary>,
    /// What is published to CloudWatch.
    pub metrics_config: Option<MetricsConfig>,
    /// Whether it is an asynchronous endpoint.
    #[serde(rename(deserialize = "AsyncInferenceConfig"), deserialize_with = "is_present")]
    pub is_async: bool,
    /// Whether a deployment is pending.
    #[serde(rename(deserialize = "PendingDeploymentSummary"), deserialize_with = "is_present")]
    pub has_pending_deployment: bool,
}

/// A variant as it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct Variant {
    /// The name.
    pub variant_name: String,
    /// The images that run.
    pub deployed_images: Vec<DeployedImage>,
    /// Its share of the endpoint's traffic, relative to the other weights.
    pub current_weight: Option<f64>,
    /// The share it is going to have.
    pub desired_weight: Option<f64>,
    /// Instances now.
    pub current_instance_count: Option<u32>,
    /// Instances that it is going to have.
    pub desired_instance_count: Option<u32>,
    /// Instances by type, where there are several types.
    pub instance_pools: Vec<InstancePool>,
    /// Steps of a deployment in progress.
    pub variant_status: Vec<StatusEntry>,
    /// Bounds of SageMaker's own scaling.
    pub managed_instance_scaling: Option<ManagedInstanceScaling>,
    /// Whether it is serverless.
    #[serde(rename(deserialize = "CurrentServerlessConfig"), deserialize_with = "is_present")]
    pub is_serverless: bool,
}

/// Data Capture as it runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct CaptureSummary {
    /// Whether it is on.
    pub enable_capture: Option<bool>,
    /// `Started` or `Stopped`.
    pub capture_status: Option<String>,
    /// Percent of the calls.
    pub current_sampling_percentage: Option<f64>,
    /// `s3://BUCKET/PREFIX`.
    pub destination_s3_uri: Option<String>,
    /// The key that files are encrypted with: its ARN or its id; empty where there is none.
    pub kms_key_id: Option<String>,
}
