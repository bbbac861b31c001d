//! The limits of this crate.

/// Steps of the grid of candidate means of a betting confidence sequence.
pub(crate) const BETTING_GRID: u64 = 400;
/// Least alarm threshold that a budget can buy.
pub(crate) const MIN_ALARM_THRESHOLD: u64 = 1_000;
/// Strata that a baseline tells apart, and that a fall is split over.
pub(crate) const STRATA_MAX: u64 = 50;
/// Values of one side of a two-sample comparison that wait for the other.
pub(crate) const PAIRS_WAITING_MAX: u64 = 1_000;
/// Bins of a quantile sketch: at 1% accuracy they span a factor of 10^17 between smallest and largest value.
pub(crate) const SKETCH_BINS: u64 = 2_048;
/// Bins of a histogram between its smallest and its largest value, above which it gives up a bit of resolution.
pub(crate) const HISTOGRAM_BINS: u64 = 4_096;
/// Columns that one drift detector watches.
pub(crate) const DRIFT_COLUMNS: usize = 64;
/// Points of both samples together in a kernel test or a domain classifier.
pub(crate) const POINTS: usize = 20_000;
/// Dimensions of a point.
pub(crate) const DIMENSIONS: usize = 256;

/// Names of strata that sums are kept for: a name carries facets besides those that a fall is split over.
pub(crate) const STRATA_NAMES: u64 = 200;
/// Slices tried and shown by one look.
pub(crate) const SLICES_TRIED: usize = 500;
pub(crate) const SLICES_SHOWN: usize = 5;
/// Anchors of one judge, and re-scores that are kept of them: three sweeps of 300 and some.
pub(crate) const ANCHORS: u64 = 512;
pub(crate) const RESCORES: u64 = 1_024;

/// Every limit of this crate with its number: name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "betting_grid",
        BETTING_GRID,
        "resolution 0.0025 of a confidence sequence; work per score grows with it",
    ),
    (
        "min_alarm_threshold",
        MIN_ALARM_THRESHOLD,
        "a quiet or a new stream must not page after a handful of scores",
    ),
    (
        "strata",
        STRATA_MAX,
        "a stratum needs some ten of the 500 judged of a baseline; the rest is not told apart",
    ),
    (
        "pairs_waiting",
        PAIRS_WAITING_MAX,
        "values of one stream that wait for a partner of the other; the oldest leave",
    ),
    ("strata_names", STRATA_NAMES, "a few kilobytes per stream"),
    ("slices_tried", SLICES_TRIED as u64, "work of one look"),
    ("slices_shown", SLICES_SHOWN as u64, "a person reads them"),
    ("anchors", ANCHORS, "anchors of one judge; further ones are left out"),
    ("rescores", RESCORES, "re-scores kept per judge and dimension; the oldest leave"),
    ("sketch_bins", SKETCH_BINS, "16 KiB at most per sketch"),
    ("histogram_bins", HISTOGRAM_BINS, "32 KiB; past it, and down to 1% wide bins, resolution is given up"),
    ("drift_columns", DRIFT_COLUMNS as u64, "work per inference, and the allowance, grow with them"),
    ("points", POINTS as u64, "a permutation test of so many takes about a second"),
    ("dimensions", DIMENSIONS as u64, "a Newton step of the classifier is their cube"),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn the_table_names_every_limit_once() {
        let names: HashSet<_> = super::LIMITS.iter().map(|(name, _, _)| name).collect();
        assert_eq!(names.len(), super::LIMITS.len());
        assert!(super::LIMITS.iter().all(|(_, value, why)| *value > 0 && !why.is_empty()));
    }
}
