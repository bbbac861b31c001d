//! What a platform that counts calls measures of a component, in the mean of a minute.

use bifocal_model::Timestamp;

use crate::arrivals::WASTE_KEEPS;
use crate::component::GPU_MEMORY_MIB;
use crate::fleet::{Fleet, OUTAGE_FAILS, QUEUE_SECONDS};
use crate::incident::{Incident, Incidents};
use crate::load::MEAN_ANSWER_TOKENS;

/// Means of a component.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// Requests that arrive, failed ones among them.
    pub requests_per_second: f64,
    /// Time to the first token.
    pub ttft_seconds: f64,
    /// Time in the container.
    pub duration_seconds: f64,
    /// Share of the requests that the container fails.
    pub error_ratio: f64,
    /// Busy share of the accelerators.
    pub gpu_busy: f64,
    /// Share of the accelerators' memory in use.
    pub gpu_memory: f64,
}

impl Fleet {
    /// Means of a component at a time; `None` for a name that the fleet does not have.
    pub fn measured(&self, name: &str, time: Timestamp, incidents: &Incidents) -> Option<Measured> {
        let component = Self::component(name)?;
        let is = |incident| incidents.is_active(incident, component.name, time);
        let kept = if is(Incident::CostWaste) { WASTE_KEEPS } else { 1.0 };
        let ttft_seconds =
            component.ttft_seconds + QUEUE_SECONDS.0 * incidents.queue_level(component.name, time);
        let (fastest, slowest) = component.itl_seconds;
        Some(Measured {
            requests_per_second: kept * component.rate(time.as_secs_f64()),
            ttft_seconds,
            duration_seconds: ttft_seconds + MEAN_ANSWER_TOKENS * f64::midpoint(fastest, slowest),
            error_ratio: if is(Incident::Outage) { OUTAGE_FAILS } else { 0.0 },
            gpu_busy: self.load(component, time, incidents).gpu_busy,
            gpu_memory: component.gpu_memory_mib / GPU_MEMORY_MIB,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_platform_sees_load_latency_and_errors_but_no_answers() {
        let fleet = Fleet::new(7);
        let time = Timestamp::from_secs(1_795_512_000);
        let measured = |incidents: &Incidents| fleet.measured("gpt-oss-20b", time, incidents).unwrap();
        let with =
            |incident| Incidents::one(incident, "gpt-oss-20b", time - bifocal_model::Span::from_mins(10));
        let usual = measured(&Incidents::none());
        assert!((8.0..14.0).contains(&usual.requests_per_second) && usual.error_ratio == 0.0, "{usual:?}");
        assert_eq!(measured(&with(Incident::SilentDegradation)), usual, "worse answers are as fast");
        assert!(measured(&with(Incident::Outage)).error_ratio > 0.9);
        assert!(measured(&with(Incident::Overload)).ttft_seconds > 5.0);
        assert!(measured(&with(Incident::CostWaste)).requests_per_second < 1.0);
        assert_eq!(fleet.measured("nobody", time, &Incidents::none()), None);
    }
}
