//! When to try again and how long to wait before.

use std::sync::atomic::{AtomicU64, Ordering};

use bifocal_model::Span;

/// First wait after a fault of the service, doubled each time.
const BASE_MS: u64 = 100;
/// First wait after throttling: the bucket needs time to fill.
const THROTTLED_BASE_MS: u64 = 500;
/// No wait is longer.
const CAP_MS: u64 = 20_000;

/// Full jitter: a wait is drawn evenly from nothing to the back-off, so that many clients do not come back together.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

/// Why the call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Throttled,
    Failed,
}

impl Jitter {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// How long to wait after this many failed attempts (1 or more).
    pub(crate) fn wait(&self, why: Why, failed: u32) -> Span {
        let ceiling_ms = ceiling_ms(why, failed);
        let drawn = self.next() % (ceiling_ms + 1);
        Span::from_nanos(i64::try_from(drawn).unwrap_or_default().saturating_mul(1_000_000))
    }

    /// SplitMix64.
    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn ceiling_ms(why: Why, failed: u32) -> u64 {
    let base = match why {
        Why::Throttled => THROTTLED_BASE_MS,
        Why::Failed => BASE_MS,
    };
    base.saturating_mul(1 << failed.saturating_sub(1).min(20)).min(CAP_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_spread_over_a_ceiling_that_doubles_to_a_cap() {
        assert_eq!([1, 2, 3, 30].map(|failed| ceiling_ms(Why::Failed, failed)), [100, 200, 400, 20_000]);
        assert_eq!(ceiling_ms(Why::Throttled, 1), 500);
        let jitter = Jitter::new(7);
        let waits: Vec<f64> = (0..2000).map(|_| jitter.wait(Why::Failed, 3).as_secs_f64()).collect();
        let mean = waits.iter().sum::<f64>() / 2000.0;
        assert!(waits.iter().all(|wait| (0.0..=0.4).contains(wait)));
        // Even over 0..0.4 s: mean 0.2, standard error 0.0026.
        assert!((mean - 0.2).abs() < 0.013, "{mean}");
    }
}
