//! Starts and stops incidents while the servers run.

use std::sync::{Arc, Mutex, PoisonError};

use bifocal_telemetry::Clock;

use crate::SimError;
use crate::incident::{Incident, Incidents, Occurrence};

/// The incidents of a run, shared by servers, clients and whoever presses the button. Times are the clock's.
#[derive(Clone, Debug)]
pub struct IncidentSwitch {
    clock: Arc<dyn Clock>,
    incidents: Arc<Mutex<Arc<Incidents>>>,
}

impl IncidentSwitch {
    /// Nothing is wrong yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, incidents: Arc::default() }
    }

    /// Starts an incident now; gives whether it started (one that is active goes on as it is).
    pub fn start(&self, incident: Incident, component: &str) -> bool {
        self.change(|incidents, now| incidents.start(incident, component, now))
    }

    /// Starts the incident of a name now.
    pub fn start_named(&self, name: &str, component: &str) -> Result<bool, SimError> {
        Ok(self.start(name.parse()?, component))
    }

    /// Ends all incidents now.
    pub fn stop_all(&self) {
        self.change(Incidents::stop_all);
    }

    /// What is active now.
    pub fn active(&self) -> Vec<Occurrence> {
        self.snapshot().active(self.clock.now()).cloned().collect()
    }

    /// All incidents up to now.
    pub fn snapshot(&self) -> Arc<Incidents> {
        Arc::clone(&self.incidents.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Incidents, bifocal_model::Timestamp) -> T) -> T {
        let mut incidents = self.incidents.lock().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut incidents), self.clock.now())
    }
}
