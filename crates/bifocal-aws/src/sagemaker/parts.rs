//! What several shapes share.

use bifocal_model::{Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

/// Instances of one type in a variant of several types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct InstancePool {
    /// `ml.g5.12xlarge`, …
    pub instance_type: Option<String>,
    /// Instances now; only in a description of an endpoint.
    pub current_instance_count: Option<u32>,
    /// Which type is taken first, 1 to 5; only in a configuration.
    pub priority: Option<u32>,
}

/// How far SageMaker scales a variant's instances by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct ManagedInstanceScaling {
    /// `ENABLED` or `DISABLED`.
    pub status: Option<String>,
    /// The lower bound; 0: it scales to zero.
    pub min_instance_count: Option<u32>,
    /// The upper bound.
    pub max_instance_count: Option<u32>,
}

/// What an endpoint publishes to CloudWatch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct MetricsConfig {
    /// Per instance, container and GPU.
    pub enable_enhanced_metrics: Option<bool>,
    /// OpenTelemetry metrics, readable by PromQL alone.
    pub enable_detailed_observability: Option<bool>,
    /// Seconds between two points: 10 to 300.
    pub metric_publish_frequency_in_seconds: Option<u32>,
}

/// An image as it was named and as it was resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct DeployedImage {
    /// With a tag.
    pub specified_image: Option<String>,
    /// With a digest.
    pub resolved_image: Option<String>,
}

/// A step of a deployment in progress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct StatusEntry {
    /// `Creating`, `Updating`, `Deleting`, `ActivatingTraffic`, `Baking`.
    pub status: Option<String>,
    /// In words.
    pub status_message: Option<String>,
    /// Since when.
    #[serde(deserialize_with = "epoch_seconds")]
    pub start_time: Option<Timestamp>,
}

/// A time as AWS's JSON has it: seconds since 1970, whole or not.
pub(crate) fn epoch_seconds<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Timestamp>, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.map(|secs| Timestamp::default() + Span::from_secs_f64(secs)))
}

/// Something is there, whatever is in it.
pub(crate) fn is_present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<serde::de::IgnoredAny>::deserialize(deserializer)?.is_some())
}
