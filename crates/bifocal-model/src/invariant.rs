//! Invariants as data: each has a name, a broken one panics in debug builds and is counted in production.

use std::sync::atomic::{AtomicU64, Ordering};

/// The named invariants (the numbers are those of ARCHITECTURE.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Invariant {
    /// 2: the bytes that the client got are those that the upstream sent.
    BytesIdentical,
    /// 4: acknowledged means durable.
    AcknowledgedIsDurable,
    /// 5: nothing counts twice.
    CountedOnce,
    /// 6: scores of different fingerprints are never pooled.
    OneFingerprint,
    /// 7: no estimate without inclusion probabilities.
    EstimateHasWeights,
    /// lower <= value <= upper.
    EstimateOrdered,
    /// A detector's evidence is finite and not negative.
    EvidenceNonNegative,
    /// received = stored + duplicate + rejected + dropped + in flight.
    LedgerBalances,
    /// A segment holds the rows that were written.
    SegmentRows,
}

const COUNT: usize = 9;
static BROKEN: [AtomicU64; COUNT] = [const { AtomicU64::new(0) }; COUNT];

impl Invariant {
    /// All of them.
    pub const ALL: [Self; COUNT] = [
        Self::BytesIdentical,
        Self::AcknowledgedIsDurable,
        Self::CountedOnce,
        Self::OneFingerprint,
        Self::EstimateHasWeights,
        Self::EstimateOrdered,
        Self::EvidenceNonNegative,
        Self::LedgerBalances,
        Self::SegmentRows,
    ];

    /// The name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BytesIdentical => "bytes_identical",
            Self::AcknowledgedIsDurable => "acknowledged_is_durable",
            Self::CountedOnce => "counted_once",
            Self::OneFingerprint => "one_fingerprint",
            Self::EstimateHasWeights => "estimate_has_weights",
            Self::EstimateOrdered => "estimate_ordered",
            Self::EvidenceNonNegative => "evidence_non_negative",
            Self::LedgerBalances => "ledger_balances",
            Self::SegmentRows => "segment_rows",
        }
    }

    /// How often it was found broken since the process started.
    pub fn broken(self) -> u64 {
        BROKEN[self as usize].load(Ordering::Relaxed)
    }

    /// Counts one breach. Called by [`crate::check_invariant!`].
    pub fn record_breach(self) {
        BROKEN[self as usize].fetch_add(1, Ordering::Relaxed);
    }
}

/// Checks a named invariant: panics in debug builds, counts in production.
///
/// `check_invariant!(Invariant::EvidenceNonNegative, evidence >= 0.0, "evidence={evidence}");`
#[macro_export]
macro_rules! check_invariant {
    ($invariant:expr, $holds:expr, $($detail:tt)+) => {
        if !$holds {
            $invariant.record_breach();
            debug_assert!(false, "invariant {} broken: {}", $invariant.name(), format_args!($($detail)+));
        }
    };
}
