//! Amazon SageMaker AI as its clients see it, on loopback.
//!
//! Written from the service's documents and on its own, never with the code that reads it, so that the two can
//! disagree and a test can notice.

pub mod control;
mod live;
pub mod runtime;
mod scenario;

pub use live::{Live, LiveFleet};
pub use scenario::{CaptureTruth, ComponentTruth, EndpointTruth, Phase, Says, Scenario, Truth};
