//! Every limit of this crate with its number.

/// Counters of one page that are followed.
pub(crate) const SERIES: usize = 16_384;
/// Copies that are tried in search of enough.
pub(crate) const COPIES_MAX: u32 = 1_000;

/// Queries of PromQL that are on their way at once.
pub(crate) const PROMQL_AT_ONCE: usize = 8;
/// Names that PromQL is asked for, a query for each and endpoint.
pub(crate) const PROMQL_NAMES: usize = 120;
/// Series of single GPUs that CloudWatch is asked for; past it each component's whole stands for all.
pub const GPU_SERIES: usize = 800;

/// Name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    (
        "series",
        SERIES as u64,
        "followed counters of one page: 70 engines with 230 each, histograms included; of PromQL, series of one \
         endpoint; further ones are left out until one is unseen for 15 minutes",
    ),
    (
        "copies_tried",
        COPIES_MAX as u64,
        "copies of one target; where more would be needed nothing is advised",
    ),
    (
        "promql_names",
        PROMQL_NAMES as u64,
        "names that PromQL is asked for: twice all that the map has of one server",
    ),
    (
        "promql_at_once",
        PROMQL_AT_ONCE as u64,
        "queries on their way at once: CloudWatch takes 30, and others ask too; further ones wait",
    ),
    ("gpu_series", GPU_SERIES as u64, "series of single GPUs: 50 components of 8 GPUs, two of each"),
];
