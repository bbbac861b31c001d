//! The two inference components of the simulated endpoint and what is normal for each.

/// The endpoint that both components belong to.
pub const ENDPOINT: &str = "llm-prod";

/// An inference component: one model on its accelerators.
#[derive(Debug, PartialEq)]
pub struct Component {
    /// The name, which is also the model name that clients ask for.
    pub name: &'static str,
    /// Its place in the fleet, a part of every random key.
    pub(crate) number: u64,
    /// Requests per second, mean over a day.
    pub(crate) requests_per_second: f64,
    /// When the day's rate is highest, hour of the day UTC.
    pub(crate) busiest_hour: f64,
    /// Median time to the first token, seconds.
    pub(crate) ttft_seconds: f64,
    /// Fastest and slowest pace of a request, seconds per token.
    pub(crate) itl_seconds: (f64, f64),
    /// The numbers of its accelerators.
    pub(crate) gpus: &'static [u32],
    /// Busy share of its accelerators under the usual load.
    pub(crate) gpu_busy: f64,
    /// Share of the key-value cache in use under the usual load.
    pub(crate) kv_cache: f64,
    /// Memory in use on each accelerator, MiB.
    pub(crate) gpu_memory_mib: f64,
}

/// All of them.
pub(crate) static COMPONENTS: [Component; 2] = [
    Component {
        name: "gpt-oss-20b",
        number: 0,
        requests_per_second: 11.2,
        busiest_hour: 14.0,
        ttft_seconds: 0.35,
        itl_seconds: (0.014, 0.025),
        gpus: &[0, 1],
        gpu_busy: 0.71,
        kv_cache: 0.36,
        gpu_memory_mib: 40_310.0,
    },
    Component {
        name: "qwen2.5-7b-instruct",
        number: 1,
        requests_per_second: 11.2,
        busiest_hour: 11.0,
        ttft_seconds: 0.22,
        itl_seconds: (0.012, 0.020),
        gpus: &[2],
        gpu_busy: 0.64,
        kv_cache: 0.29,
        gpu_memory_mib: 37_430.0,
    },
];

/// Memory of one accelerator, MiB: an L40S, of which an ml.g6e.12xlarge has four.
pub(crate) const GPU_MEMORY_MIB: f64 = 46_068.0;
/// How far the rate swings around its mean over a day, as a share.
pub(crate) const DAILY_SWING: f64 = 0.1;
/// Spread of the time to the first token: standard deviation of its logarithm.
pub(crate) const TTFT_SIGMA: f64 = 0.3;
