//! Endpoint configurations: what an endpoint was told to be.

use serde::{Deserialize, Deserializer, Serialize};

use super::parts::{InstancePool, ManagedInstanceScaling, MetricsConfig, is_present};

/// A configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct EndpointConfig {
    /// The name.
    pub endpoint_config_name: String,
    /// What takes traffic.
    pub production_variants: Vec<ConfigVariant>,
    /// What sees copies of traffic and answers nobody.
    pub shadow_production_variants: Vec<ConfigVariant>,
    /// Whether, what and where calls are captured.
    pub data_capture_config: Option<CaptureConfig>,
    /// What is published to CloudWatch.
    pub metrics_config: Option<MetricsConfig>,
    /// Whether it is for an asynchronous endpoint.
    #[serde(rename(deserialize = "AsyncInferenceConfig"), deserialize_with = "is_present")]
    pub is_async: bool,
}

/// A variant as it was configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct ConfigVariant {
    /// The name.
    pub variant_name: String,
    /// Its model; absent where inference components run on it.
    pub model_name: Option<String>,
    /// `ml.g5.12xlarge`, …; absent where it has pools.
    pub instance_type: Option<String>,
    /// Instances at the start.
    pub initial_instance_count: Option<u32>,
    /// Its share of the endpoint's traffic, relative to the other weights.
    pub initial_variant_weight: Option<f64>,
    /// Several types, the first choice first.
    pub instance_pools: Vec<InstancePool>,
    /// Bounds of SageMaker's own scaling.
    pub managed_instance_scaling: Option<ManagedInstanceScaling>,
    /// Whether it is serverless.
    #[serde(rename(deserialize = "ServerlessConfig"), deserialize_with = "is_present")]
    pub is_serverless: bool,
}

/// Data Capture as it was configured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct CaptureConfig {
    /// Whether it is on.
    pub enable_capture: Option<bool>,
    /// Percent of the calls.
    pub initial_sampling_percentage: Option<f64>,
    /// `s3://BUCKET/PREFIX`.
    pub destination_s3_uri: Option<String>,
    /// `Input`, `Output`, `InputAndOutput`.
    #[serde(deserialize_with = "modes")]
    pub capture_options: Vec<String>,
    /// Content types that are kept as text; others are BASE64.
    pub capture_content_type_header: Option<CaptureContentTypes>,
}

/// Content types that Data Capture keeps as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct CaptureContentTypes {
    /// Kept as CSV.
    pub csv_content_types: Vec<String>,
    /// Kept as JSON.
    pub json_content_types: Vec<String>,
}

fn modes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Mode {
        #[serde(default)]
        capture_mode: String,
    }
    Ok(Vec::<Mode>::deserialize(deserializer)?.into_iter().map(|mode| mode.capture_mode).collect())
}
