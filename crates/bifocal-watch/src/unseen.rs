//! How much of the newest traffic the baseline's adjustment for the mix knows.

use bifocal_stats::monitor::Monitor;
use serde::{Deserialize, Serialize};

use crate::snapshot::MixView;

/// The share of unseen strata is over some this many of the newest scores.
const NEWEST: f64 = 200.0;

/// How many of the newest scores were in strata that the baseline did not see, each older one weighing less.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unseen {
    scores: f64,
    unseen: f64,
}

impl Unseen {
    /// Takes the stratum of a score. Without a mix to adjust for nothing is counted.
    pub(crate) fn take(&mut self, monitor: &Monitor, stratum: Option<&str>) {
        let Some(mix) = monitor.baseline().mix().filter(|mix| mix.strata() > 0) else { return };
        let keep = 1.0 - 1.0 / NEWEST;
        self.scores = keep * self.scores + 1.0;
        self.unseen = keep * self.unseen + if mix.knows(stratum) { 0.0 } else { 1.0 };
    }

    /// What scores are adjusted for, and how much of the newest is known to it.
    pub(crate) fn view(&self, monitor: &Monitor) -> MixView {
        let mix = monitor.baseline().mix();
        MixView {
            strata: mix.map_or(0, |mix| mix.strata()),
            hours: mix.is_some_and(|mix| mix.has_hours()),
            unseen_share: (self.scores > 0.0).then(|| self.unseen / self.scores),
        }
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::Timestamp;
    use bifocal_stats::monitor::Settings;

    use super::*;

    #[test]
    fn strata_that_came_after_the_baseline_are_counted() {
        let mut monitor = Monitor::new(Settings { provisional: 50, full: 100, ..Settings::default() });
        let mut unseen = Unseen::default();
        let take = |name: &str, monitor: &mut Monitor, unseen: &mut Unseen| {
            unseen.take(monitor, Some(name));
            monitor.take(0.7, Some(name), Timestamp::from_secs(1));
        };
        (0..150).for_each(|i| {
            take(if i % 2 == 0 { "language=de" } else { "language=en" }, &mut monitor, &mut unseen);
        });
        assert_eq!(unseen.view(&monitor), MixView { strata: 2, hours: false, unseen_share: Some(0.0) });
        (0..20).for_each(|_| take("language=fr", &mut monitor, &mut unseen));
        let share = unseen.view(&monitor).unseen_share.unwrap();
        assert!((0.25..0.40).contains(&share), "20 of the newest 70: {share}");
    }
}
