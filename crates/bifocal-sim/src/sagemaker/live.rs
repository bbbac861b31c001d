//! An endpoint whose load is that of the simulated fleet, and not one that stands in a scenario.

use std::fmt;

use bifocal_model::Timestamp;

use super::scenario::ComponentTruth;
use crate::fleet::Fleet;
use crate::serve::IncidentSwitch;

/// Says what a component does at a time.
pub trait Live: fmt::Debug + Send + Sync {
    /// The component with its load, latencies, errors and use at that time.
    fn at(&self, component: &ComponentTruth, time: Timestamp) -> ComponentTruth;
}

/// The fleet under the incidents of a switch.
#[derive(Debug)]
pub struct LiveFleet {
    fleet: Fleet,
    switch: IncidentSwitch,
}

impl LiveFleet {
    /// Follows a fleet.
    pub fn new(fleet: Fleet, switch: IncidentSwitch) -> Self {
        Self { fleet, switch }
    }
}

impl Live for LiveFleet {
    fn at(&self, component: &ComponentTruth, time: Timestamp) -> ComponentTruth {
        let Some(measured) = self.fleet.measured(&component.name, time, &self.switch.snapshot()) else {
            return component.clone();
        };
        ComponentTruth {
            requests_per_second: measured.requests_per_second,
            model_latency_ms: 1e3 * measured.duration_seconds,
            overhead_ms: OVERHEAD_MS,
            first_chunk_ms: 1e3 * measured.ttft_seconds,
            server_error_ratio: measured.error_ratio,
            gpu_percent: 100.0 * measured.gpu_busy,
            gpu_memory_percent: 100.0 * measured.gpu_memory,
            ..component.clone()
        }
    }
}

/// What SageMaker adds to a call.
const OVERHEAD_MS: f64 = 12.0;
