//! How much of an endpoint's calls Data Capture lets be seen.
//!
//! Three shares of all calls that CloudWatch counts in an hour add up to 1: those whose component is known, those of
//! which nothing says whose they are, and those that are not seen at all. Captured calls are divided by the probability
//! of capture, so that a share is of calls and not of the captured ones. What is not seen is streams, which Data Capture
//! leaves out, and calls that were lost.

use super::coverage::Coverage;

/// The upper bound of the coverage holds but for one hour in a million.
const ALPHA: f64 = 1e-6;

/// One hour of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sight {
    /// All calls, as CloudWatch counts them.
    pub calls: u64,
    /// Streams among them; `None` where nothing tells: a call that is missing may then be a stream or lost.
    pub streams: Option<u64>,
    /// Captured calls whose component is known.
    pub attributed: u64,
    /// Captured calls of which nothing says whose they are.
    pub unattributed: u64,
    /// `InitialSamplingPercentage` as a probability.
    pub probability: f64,
}

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// Share of the calls whose component is known, 0 to 1.
    pub attributed: f64,
    /// Share of the calls that are captured and nobody's.
    pub unattributed: f64,
    /// Share of the calls that are not seen.
    pub invisible: f64,
    /// Captured by expected, of the calls that are no streams; `None` where none is expected or streams are not told.
    /// Chance moves it around 1.
    pub coverage: Option<f64>,
    /// What the coverage is at most: chance alone lies above it once in a million hours.
    pub coverage_upper: Option<f64>,
}

impl Sight {
    /// The shares; `None` of an hour without calls.
    pub fn shares(&self) -> Option<Shares> {
        let calls = self.calls as f64;
        if self.calls == 0 {
            return None;
        }
        let of_calls = |captured: u64| captured as f64 / self.probability / calls;
        let (attributed, unattributed) = (of_calls(self.attributed), of_calls(self.unattributed));
        // Chance may show a few calls more than there were: the shares are of what there is.
        let seen = (attributed + unattributed).max(1.0);
        let coverage = self.coverage();
        Some(Shares {
            attributed: attributed / seen,
            unattributed: unattributed / seen,
            invisible: (1.0 - attributed - unattributed).max(0.0),
            coverage: coverage.and_then(|coverage| coverage.ratio()),
            coverage_upper: coverage.and_then(|coverage| coverage.upper(ALPHA)),
        })
    }

    /// What should have been captured, and what was.
    pub fn coverage(&self) -> Option<Coverage> {
        Some(Coverage {
            calls: self.calls.saturating_sub(self.streams?),
            captured: self.attributed + self.unattributed,
            probability: self.probability,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_of_all_calls_and_add_up() {
        let sight =
            Sight { calls: 1000, streams: Some(200), attributed: 300, unattributed: 100, probability: 0.5 };
        let shares = sight.shares().unwrap();
        assert_eq!((shares.attributed, shares.unattributed), (0.6, 0.2));
        assert!((shares.invisible - 0.2).abs() < 1e-12);
        assert_eq!(shares.coverage, Some(1.0));
        assert!(shares.coverage_upper.unwrap() > 1.0);
        assert_eq!(Sight { calls: 0, ..sight }.shares(), None);
        // More by chance than there were.
        let more = Sight { calls: 700, streams: None, ..sight }.shares().unwrap();
        assert!((more.attributed + more.unattributed - 1.0).abs() < 1e-12);
        assert_eq!((more.invisible, more.coverage, more.coverage_upper), (0.0, None, None));
    }

    #[test]
    fn lost_calls_push_the_upper_bound_of_the_coverage_below_one() {
        let kept = |captured| Sight {
            calls: 10_000,
            streams: Some(0),
            attributed: captured,
            unattributed: 0,
            probability: 0.5,
        };
        let upper = |captured| kept(captured).shares().unwrap().coverage_upper.unwrap();
        assert!(upper(4900) > 1.0, "two standard errors are chance");
        assert!(upper(4500) < 0.96, "{}", upper(4500));
        assert!(upper(4500) > 0.9, "{}", upper(4500));
        assert_eq!(kept(0).shares().unwrap().invisible, 1.0);
    }
}
