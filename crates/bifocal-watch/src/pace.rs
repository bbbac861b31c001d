//! How fast samples come, at most.

use bifocal_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

const DAYS_30: Span = Span::from_secs(30 * 24 * 3600);

/// The highest number of samples in a span so far. The span is the caller's, and always the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pace {
    span_start: Timestamp,
    in_span: u64,
    highest: u64,
}

impl Pace {
    /// Counts a sample. One of an earlier span counts in the present one.
    pub(crate) fn count(&mut self, time: Timestamp, span: Span) {
        let start = time.floor_to(span);
        if start > self.span_start {
            self.highest = self.highest.max(self.in_span);
            (self.span_start, self.in_span) = (start, 0);
        }
        self.in_span += 1;
    }

    /// Samples in 30 days at the highest rate seen.
    pub(crate) fn in_30_days(&self, span: Span) -> f64 {
        self.highest.max(self.in_span) as f64 * (DAYS_30.as_secs_f64() / span.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_span_counts_for_all_of_thirty_days() {
        let (span, mut pace) = (Span::from_mins(10), Pace::default());
        assert_eq!(pace.in_30_days(span), 0.0);
        for secs in [0, 10, 20, 700, 710, 690, 5_000] {
            pace.count(Timestamp::from_secs(secs), span);
        }
        assert_eq!(pace.in_30_days(span), 3.0 * 4_320.0, "three in the first ten minutes");
        (0..9).for_each(|i| pace.count(Timestamp::from_secs(5_010 + i), span));
        assert_eq!(pace.in_30_days(span), 10.0 * 4_320.0, "the present span counts before it is over");
    }
}
