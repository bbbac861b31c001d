//! The limits of this crate.

/// Judged scores that make a baseline final.
pub(crate) const BASELINE_JUDGED: u64 = 500;
/// Judged scores that make a provisional baseline.
pub(crate) const BASELINE_PROVISIONAL_JUDGED: u64 = 200;
/// Judged scores below which no interval rests on the central limit theorem.
pub(crate) const CLT_MIN_JUDGED: u64 = 50;
/// Least value of judged x mean and of judged x (1 - mean) for a t interval.
pub(crate) const CLT_MIN_MASS: u64 = 30;
/// Steps of the grid of candidate means of a betting confidence sequence.
pub(crate) const BETTING_GRID: u64 = 400;
/// Largest ratio of mean to smallest inclusion probability at which weighted scores are bet on.
pub(crate) const BETTING_MAX_WEIGHT_RATIO: u64 = 3;
/// Least value of judged x mean and of judged x (1 - mean) for an asymptotic sequence of weighted scores.
pub(crate) const ASYMPTOTIC_MIN_MASS: u64 = 15;
/// Least alarm threshold that a budget can buy.
pub(crate) const MIN_ALARM_THRESHOLD: u64 = 1_000;
/// Bins of a quantile sketch: at 1% accuracy they span a factor of 10^17 between smallest and largest value.
pub(crate) const SKETCH_BINS: u64 = 2_048;

/// Every limit of this crate with its number: name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("baseline_judged", BASELINE_JUDGED, "95% of baselines of this size keep the promised false-alarm rate"),
    (
        "baseline_provisional_judged",
        BASELINE_PROVISIONAL_JUDGED,
        "enough to warn, not to page: 1 in 10 such baselines is too high",
    ),
    ("clt_min_judged", CLT_MIN_JUDGED, "below, t intervals of skewed scores cover less than 93%"),
    ("clt_min_mass", CLT_MIN_MASS, "the same for means near 0 or 1"),
    (
        "betting_grid",
        BETTING_GRID,
        "resolution 0.0025 of a confidence sequence; work per score grows with it",
    ),
    (
        "betting_max_weight_ratio",
        BETTING_MAX_WEIGHT_RATIO,
        "beyond, a betting interval of weighted scores is too wide to be of use",
    ),
    (
        "asymptotic_min_mass",
        ASYMPTOTIC_MIN_MASS,
        "below, the asymptotic sequence of weighted scores covers 91% where a few scores hold most weight",
    ),
    (
        "min_alarm_threshold",
        MIN_ALARM_THRESHOLD,
        "a quiet or a new stream must not page after a handful of scores",
    ),
    ("sketch_bins", SKETCH_BINS, "16 KiB at most per sketch"),
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
