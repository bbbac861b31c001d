//! How many calls are recorded a second for long. What recording costs has an upper end, on the processor and on the
//! disk, however many calls there are.
//!
//! A virtual queue (the generic cell rate algorithm) is served at that pace: every recorded call joins it, and how much
//! of a second's worth waits in it is what [`admission`](crate::proxy::admission) sees of it. A burst of half a second's
//! worth is recorded whole.

use std::sync::atomic::{AtomicI64, Ordering};

use bifocal_model::Timestamp;

const NANOS: f64 = 1e9;

/// The virtual queue.
#[derive(Debug)]
pub(crate) struct Pace {
    nanos_per_call: i64,
    /// When it will be empty, nanoseconds of the clock.
    empty_at: AtomicI64,
}

impl Pace {
    #[expect(clippy::cast_possible_truncation, reason = "at most ten digits")]
    pub(crate) fn new(per_second: u32) -> Self {
        let nanos_per_call = (NANOS / f64::from(per_second.max(1))) as i64;
        Self { nanos_per_call, empty_at: AtomicI64::new(i64::MIN) }
    }

    /// The share of a second's worth that is free.
    pub(crate) fn free(&self, now: Timestamp) -> f64 {
        let waits = self.empty_at.load(Ordering::Relaxed).saturating_sub(now.as_nanos());
        (1.0 - waits.max(0) as f64 / NANOS).max(0.0)
    }

    /// One more call is recorded.
    pub(crate) fn take(&self, now: Timestamp) {
        // Two that come at once may both find the queue empty: it is then longer by less than one call.
        self.empty_at.fetch_max(now.as_nanos(), Ordering::Relaxed);
        self.empty_at.fetch_add(self.nanos_per_call, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Probability, Span};

    use super::*;
    use crate::limits::RECORDED_PER_SECOND;
    use crate::proxy::admission::{Random, decide};

    /// Calls at an even rate for ten seconds: how many are recorded in the last five, and what they stand for.
    fn recorded(per_second: u32) -> (f64, f64) {
        let (pace, random) = (Pace::new(RECORDED_PER_SECOND), Random::default());
        let every = Span::from_secs_f64(1.0 / f64::from(per_second));
        let (mut now, middle) = (Timestamp::from_secs(100), Timestamp::from_secs(105));
        let (mut count, mut weight) = (0.0, 0.0);
        for _ in 0..10 * per_second {
            if let Ok(probability) = decide(pace.free(now), &random) {
                pace.take(now);
                if now >= middle {
                    count += 1.0;
                    weight += probability.weight();
                }
            }
            now = now + every;
        }
        (count / 5.0, weight / 5.0)
    }

    #[test]
    fn up_to_the_limit_every_call_is_recorded_and_past_it_so_many() {
        let limit = f64::from(RECORDED_PER_SECOND);
        let (below, weight) = recorded(RECORDED_PER_SECOND * 9 / 10);
        assert!(
            (below / limit - 0.9).abs() < 0.01 && (weight / below - 1.0).abs() < 1e-9,
            "{below} {weight}"
        );
        let (past, weight) = recorded(RECORDED_PER_SECOND * 5);
        assert!((past / limit - 1.0).abs() < 0.05, "{past} of {limit} a second");
        assert!((weight / limit - 5.0).abs() < 0.25, "they stand for {weight} of {} a second", 5.0 * limit);
    }

    #[test]
    fn a_burst_of_half_a_second_is_recorded_whole() {
        let (pace, random, now) =
            (Pace::new(RECORDED_PER_SECOND), Random::default(), Timestamp::from_secs(9));
        for _ in 0..RECORDED_PER_SECOND / 2 {
            assert_eq!(decide(pace.free(now), &random), Ok(Probability::ONE));
            pace.take(now);
        }
        let later = now + Span::from_secs(1);
        assert!(pace.free(now) <= 0.5 && pace.free(later) > 0.99);
    }
}
