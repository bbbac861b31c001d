//! Incidents on request: only the demo has them.

use bifocal_model::Timestamp;
use serde::Serialize;

/// What the demo lets the page do. The binary fills it with its simulator.
pub trait DemoControl: Send + Sync + std::fmt::Debug {
    /// Names of incidents that can be started.
    fn available(&self) -> Vec<String>;
    /// Incidents that run now.
    fn active(&self) -> Vec<ActiveIncident>;
    /// Starts one; `false` when name or target are not known.
    fn start(&self, name: &str, target: &str) -> bool;
    /// Ends all.
    fn stop_all(&self);
    /// How many simulated seconds pass in one second.
    fn speed(&self) -> f64;
}

/// An incident that runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActiveIncident {
    /// Its name.
    pub name: String,
    /// The component it strikes.
    pub target: String,
    /// Since when.
    pub since: Timestamp,
}
