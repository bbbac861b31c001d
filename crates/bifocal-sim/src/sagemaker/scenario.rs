//! The truth of a simulated endpoint: what runs in each phase, and what a watcher should make of it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::SimError;

/// An account with one endpoint that changes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Twelve digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// The endpoint.
    pub endpoint: EndpointTruth,
    /// What runs, phase after phase; there is at least one.
    #[serde(rename = "phase")]
    pub phases: Vec<Phase>,
}

/// What of the endpoint does not change.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndpointTruth {
    /// Its name.
    pub name: String,
    /// Its only variant.
    pub variant: String,
    /// So many endpoints that are all alike, `NAME-01` and so on, with components whose names end so too; 0: the one of the
    /// name alone. The truth of a phase is that of each.
    #[serde(default)]
    pub twins: u32,
    /// Seconds between two points of its metrics.
    pub publish_every_seconds: u32,
    /// Seconds until a point can be read.
    #[serde(default)]
    pub late_seconds: u32,
    /// Whether there are metrics per instance, container and GPU.
    #[serde(default)]
    pub enhanced: bool,
    /// Whether the collector on the instances ships metrics for PromQL.
    #[serde(default)]
    pub detailed: bool,
    /// What the dimension of a GPU is called: `GpuId` or `AcceleratorId`.
    pub gpu_dimension: String,
    /// Lower bound of SageMaker's own scaling.
    pub min_instances: u32,
    /// Upper bound.
    pub max_instances: u32,
    /// Data Capture, where it is on.
    pub capture: Option<CaptureTruth>,
}

/// Data Capture of the endpoint.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaptureTruth {
    /// `s3://BUCKET/PREFIX`.
    pub destination: String,
    /// `InitialSamplingPercentage`.
    pub percent: u8,
    /// The ARN of the key that files are encrypted with.
    #[serde(default)]
    pub key: Option<String>,
}

/// What runs for a while.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// In words.
    pub name: String,
    /// When it begins on its own.
    pub after_seconds: i64,
    /// Instances by type.
    pub pools: BTreeMap<String, u32>,
    /// Components, adapters among them.
    #[serde(rename = "component", default)]
    pub components: Vec<ComponentTruth>,
    /// What a watcher should make of it.
    pub truth: Truth,
}

/// One inference component.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ComponentTruth {
    /// Its name.
    pub name: String,
    /// The component whose copies an adapter runs in.
    pub base: Option<String>,
    /// Accelerators of one copy; absent for one that needs none.
    pub accelerators: Option<u32>,
    /// Copies by instance type.
    pub copies: BTreeMap<String, u32>,
    /// Load.
    pub requests_per_second: f64,
    /// Mean time in the container.
    pub model_latency_ms: f64,
    /// Mean time of SageMaker around it.
    pub overhead_ms: f64,
    /// Mean time to the first chunk of a stream.
    pub first_chunk_ms: f64,
    /// Every n-th call is a stream; 0: none is.
    pub streams_every: u32,
    /// What of a captured call says that it is this component's.
    pub says: Says,
    /// Share of calls that end in 5xx.
    pub server_error_ratio: f64,
    /// Use of each of its GPUs, 0 to 100.
    pub gpu_percent: f64,
    /// Memory in use of each of its GPUs, 0 to 100.
    pub gpu_memory_percent: f64,
}

/// What of a captured call says whose it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// Nothing.
    #[default]
    Nothing,
    /// The model in the payload is the component's name.
    Model,
    /// The inference id begins with it.
    InferenceId,
}

/// What a watcher should make of a phase, worked out by hand.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Truth {
    /// GPUs that copies hold.
    pub gpus_used: f64,
    /// GPUs that are paid and held by no copy.
    pub gpus_free: f64,
    /// Cost by component, of what its copies hold.
    pub usd_per_hour: BTreeMap<String, f64>,
    /// Cost of what no copy holds.
    pub idle_usd_per_hour: f64,
}

/// The account of the demo.
const DEMO: &str = include_str!("../../scenarios/demo.toml");

impl Scenario {
    /// The account of the demo.
    pub fn of_demo() -> Result<Self, SimError> {
        Self::parse(DEMO)
    }

    /// Reads the text of a scenario file (TOML).
    pub fn parse(text: &str) -> Result<Self, SimError> {
        let wrong = |what: String| SimError::BadScenario { what };
        let scenario: Self = toml::from_str(text).map_err(|err| wrong(err.to_string()))?;
        if scenario.phases.is_empty() {
            return Err(wrong("it has no phase".into()));
        }
        let later = scenario.phases.windows(2).all(|pair| pair[0].after_seconds < pair[1].after_seconds);
        if later { Ok(scenario) } else { Err(wrong("its phases are not in the order of time".into())) }
    }
}

impl Phase {
    /// Instances of all types.
    pub fn instances(&self) -> u32 {
        self.pools.values().sum()
    }
}

impl ComponentTruth {
    /// Copies on all types.
    pub fn copies(&self) -> u32 {
        self.copies.values().sum()
    }
}
