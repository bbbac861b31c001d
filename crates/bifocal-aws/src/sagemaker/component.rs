//! Inference components: models that share a variant's instances.

use bifocal_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::parts::{DeployedImage, epoch_seconds};

/// A component of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct ComponentSummary {
    /// The name.
    pub inference_component_name: String,
    /// The endpoint that it runs on.
    pub endpoint_name: Option<String>,
    /// The variant that it runs on.
    pub variant_name: Option<String>,
    /// `InService`, `Creating`, `Updating`, `Failed`, `Deleting`.
    pub inference_component_status: Option<String>,
    /// When it was changed last.
    #[serde(deserialize_with = "epoch_seconds")]
    pub last_modified_time: Option<Timestamp>,
}

/// A component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct ComponentDescription {
    /// The name.
    pub inference_component_name: String,
    /// The resource name.
    pub inference_component_arn: Option<String>,
    /// The endpoint that it runs on.
    pub endpoint_name: Option<String>,
    /// The variant that it runs on.
    pub variant_name: Option<String>,
    /// `InService`, `Creating`, `Updating`, `Failed`, `Deleting`.
    pub inference_component_status: Option<String>,
    /// Why it failed.
    pub failure_reason: Option<String>,
    /// What each copy is and needs.
    pub specification: Option<Specification>,
    /// The same by instance type, where the variant has several types.
    pub specifications: Vec<Specification>,
    /// How many copies.
    pub runtime_config: Option<RuntimeConfig>,
    /// When it was made.
    #[serde(deserialize_with = "epoch_seconds")]
    pub creation_time: Option<Timestamp>,
    /// When it was changed last.
    #[serde(deserialize_with = "epoch_seconds")]
    pub last_modified_time: Option<Timestamp>,
}

/// What a copy is and needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct Specification {
    /// The model resource, where it is not given by a container.
    pub model_name: Option<String>,
    /// The type that this specification is for; absent where there is one type.
    pub instance_type: Option<String>,
    /// The container, without its environment.
    pub container: Option<Container>,
    /// What a copy reserves; absent for adapters.
    pub compute_resource_requirements: Option<ComputeRequirements>,
    /// The component whose copies an adapter (LoRA) runs in.
    pub base_inference_component_name: Option<String>,
}

/// A container. Its environment may hold secrets and is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct Container {
    /// The image.
    pub deployed_image: Option<DeployedImage>,
    /// Where the weights are.
    pub artifact_url: Option<String>,
}

/// What a copy reserves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct ComputeRequirements {
    /// Cores.
    pub number_of_cpu_cores_required: Option<f64>,
    /// GPUs or other accelerators; absent for a component that needs none.
    pub number_of_accelerator_devices_required: Option<f64>,
    /// MiB.
    pub min_memory_required_in_mb: Option<u64>,
    /// MiB.
    pub max_memory_required_in_mb: Option<u64>,
}

/// How many copies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct RuntimeConfig {
    /// Copies that it is going to have.
    pub desired_copy_count: Option<u32>,
    /// Copies now.
    pub current_copy_count: Option<u32>,
    /// Copies by instance type, where there are several types.
    pub placement_status: Vec<Placement>,
}

/// Copies on one instance type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all(deserialize = "PascalCase"), default)]
pub struct Placement {
    /// `ml.g5.12xlarge`, …
    pub instance_type: Option<String>,
    /// Copies now.
    pub current_copy_count: Option<u32>,
}
