//! How busy a component is at a time, and what it has done up to then.
//!
//! Invariant: what is counted never falls, and the count at a time does not depend on what happens later.

use bifocal_model::Timestamp;

use crate::arrivals::WASTE_KEEPS;
use crate::component::Component;
use crate::fleet::{Fleet, Purpose, QUEUE_SECONDS};
use crate::incident::{Incident, Incidents};

/// When the simulated servers were started: 2023-11-14T22:13:20Z. Earlier than that they have done nothing.
const STARTED: i64 = 1_700_000_000;
/// Tokens of a mean request and of a mean answer; a test compares them with the traffic.
pub(crate) const MEAN_PROMPT_TOKENS: f64 = 82.0;
pub(crate) const MEAN_ANSWER_TOKENS: f64 = 110.0;
/// Share of the requests that are served in an outage.
const OUTAGE_SERVES: f64 = 0.07;
/// Requests that a full batch holds.
const FULL_BATCH: f64 = 64.0;

/// Gauges of a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Load {
    /// Requests being served.
    pub running: f64,
    /// Requests in the queue.
    pub waiting: f64,
    /// Share of the key-value cache in use.
    pub kv_cache: f64,
    /// Busy share of the accelerators.
    pub gpu_busy: f64,
}

/// Counters of a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Done {
    /// Requests answered.
    pub requests: f64,
    /// Requests pushed back into the queue for lack of cache.
    pub preemptions: f64,
}

/// Share of the usual traffic that is served at a time.
fn served_share(component: &Component, at: Timestamp, incidents: &Incidents) -> f64 {
    let share = |incident, share| if incidents.is_active(incident, component.name, at) { share } else { 1.0 };
    share(Incident::CostWaste, WASTE_KEEPS) * share(Incident::Outage, OUTAGE_SERVES)
}

impl Fleet {
    pub(crate) fn load(&self, component: &Component, at: Timestamp, incidents: &Incidents) -> Load {
        let served = served_share(component, at, incidents);
        let queue = incidents.queue_level(component.name, at);
        let arriving = component.rate(at.as_secs_f64());
        let rate = arriving * served;
        let (fastest, slowest) = component.itl_seconds;
        let service_seconds = component.ttft_seconds + MEAN_ANSWER_TOKENS * f64::midpoint(fastest, slowest);
        let mut random = self.random(component, Purpose::Gauges, at.as_secs_f64().to_bits());
        // The number in service is Poisson by Little's law; a Poisson of up to 64 is drawn in parts of at most 16.
        let mean_running = (rate * service_seconds).mul_add(1.0 - queue, FULL_BATCH * queue);
        let running: u64 = (0..4).map(|_| random.poisson(mean_running / 4.0)).sum();
        let usual = rate / component.requests_per_second;
        let wobble = random.between(0.96, 1.04);
        let towards =
            |usual: f64, full: f64| (usual * wobble).mul_add(1.0 - queue, full * queue).clamp(0.0, 1.0);
        Load {
            running: (running as f64).min(FULL_BATCH),
            waiting: (arriving * QUEUE_SECONDS.0 * queue).round(),
            kv_cache: towards(component.kv_cache * usual, 0.97),
            gpu_busy: towards(component.gpu_busy * usual, 0.99),
        }
    }
}

/// What the component has done up to a time.
pub(crate) fn done(component: &Component, at: Timestamp, incidents: &Incidents) -> Done {
    let here: Vec<_> =
        incidents.all().iter().filter(|occurrence| occurrence.component == component.name).collect();
    let start = Timestamp::from_secs(STARTED);
    let mut cuts: Vec<Timestamp> =
        here.iter().flat_map(|occurrence| [Some(occurrence.from), occurrence.until]).flatten().collect();
    cuts.extend([start, at]);
    cuts.retain(|cut| start <= *cut && *cut <= at);
    cuts.sort_unstable();
    let mut requests = 0.0;
    for pair in cuts.windows(2) {
        let [from, to] = pair else { continue };
        let came = component.rate_integral(to.as_secs_f64()) - component.rate_integral(from.as_secs_f64());
        requests += came.max(0.0) * served_share(component, *from, incidents);
    }
    let preemptions = here.iter().fold(0.0, |sum, occurrence| sum + 0.5 * occurrence.queue_integral(at));
    Done { requests, preemptions }
}
