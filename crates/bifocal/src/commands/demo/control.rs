//! The page's buttons.

use bifocal_api::{ActiveIncident, DemoControl};
use bifocal_sim::serve::IncidentSwitch;
use bifocal_sim::{Fleet, Incident};

/// The simulator's switch, as the API knows it.
#[derive(Debug)]
pub struct SimControl {
    switch: IncidentSwitch,
    speed: f64,
}

impl SimControl {
    /// Of a switch.
    pub fn new(switch: IncidentSwitch, speed: f64) -> Self {
        Self { switch, speed }
    }
}

impl DemoControl for SimControl {
    fn available(&self) -> Vec<String> {
        Incident::ALL.iter().map(ToString::to_string).collect()
    }

    fn active(&self) -> Vec<ActiveIncident> {
        let active = self.switch.active();
        let shown = |o: bifocal_sim::Occurrence| ActiveIncident {
            name: o.incident.to_string(),
            target: o.component,
            since: o.from,
        };
        active.into_iter().map(shown).collect()
    }

    fn start(&self, name: &str, target: &str) -> bool {
        Fleet::component(target).is_some() && self.switch.start_named(name, target).unwrap_or(false)
    }

    fn stop_all(&self) {
        self.switch.stop_all();
    }

    fn speed(&self) -> f64 {
        self.speed
    }
}
