//! The canonical map, as data: which series of which server is which signal, in which unit.
//!
//! llama.cpp's throughput gauges are not used: a scrape resets them, so two scrapers take each other's values.
//! vLLM's `perc` is a fraction. Latency histograms are not used: the proxy sees what the client sees.

/// How a series becomes a reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Meaning {
    /// The value now, times a factor.
    Gauge {
        /// What makes the server's unit the signal's.
        factor: f64,
    },
    /// A count that only grows: its change per second since the last scrape.
    Counter,
    /// A part of a whole: this series / (this series + the other one).
    ShareWith {
        /// The other series.
        rest: &'static str,
    },
}

/// How series of one signal and one subject become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combine {
    /// They add up (requests of several engines).
    Sum,
    /// Their mean (KV cache of several engines of the same size).
    Mean,
    /// Each is a part of its own (a GPU).
    Apart,
}

/// One line of the map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// The server's name of the series. A counter is also found without its `_total`.
    pub series: &'static str,
    /// Our signal.
    pub signal: &'static str,
    /// How one becomes the other.
    pub meaning: Meaning,
    /// What several series of one subject do.
    pub combine: Combine,
    /// The label that names the model, empty where the server has none.
    pub model_label: &'static str,
    /// The labels that name the part, the first that is there counts.
    pub part_labels: &'static [&'static str],
}

const fn llamacpp(series: &'static str, signal: &'static str, meaning: Meaning) -> Entry {
    Entry { series, signal, meaning, combine: Combine::Sum, model_label: "", part_labels: &[] }
}

const fn vllm(series: &'static str, signal: &'static str, meaning: Meaning, combine: Combine) -> Entry {
    Entry { series, signal, meaning, combine, model_label: "model_name", part_labels: &[] }
}

/// The exporter itself names no model: its GPUs are the origin's. Where relabelling adds `model_name`, a GPU is that
/// model's, so that idle GPUs of one component are not hidden by busy ones of another.
const fn dcgm(series: &'static str, signal: &'static str, meaning: Meaning) -> Entry {
    let part_labels = &["gpu", "device", "UUID"];
    Entry { series, signal, meaning, combine: Combine::Apart, model_label: "model_name", part_labels }
}

const AS_IT_IS: Meaning = Meaning::Gauge { factor: 1.0 };
const PERCENT: Meaning = Meaning::Gauge { factor: 0.01 };

/// Every series that is known.
pub const ENTRIES: &[Entry] = &[
    llamacpp("llamacpp:requests_processing", "requests_running", AS_IT_IS),
    llamacpp("llamacpp:requests_deferred", "requests_waiting", AS_IT_IS),
    llamacpp("llamacpp:kv_cache_usage_ratio", "kv_cache_usage_ratio", AS_IT_IS),
    llamacpp("llamacpp:prompt_tokens_total", "input_tokens_per_second", Meaning::Counter),
    llamacpp("llamacpp:tokens_predicted_total", "output_tokens_per_second", Meaning::Counter),
    vllm("vllm:num_requests_running", "requests_running", AS_IT_IS, Combine::Sum),
    vllm("vllm:num_requests_waiting", "requests_waiting", AS_IT_IS, Combine::Sum),
    vllm("vllm:kv_cache_usage_perc", "kv_cache_usage_ratio", AS_IT_IS, Combine::Mean),
    // Before 0.11.
    vllm("vllm:gpu_cache_usage_perc", "kv_cache_usage_ratio", AS_IT_IS, Combine::Mean),
    vllm("vllm:prompt_tokens_total", "input_tokens_per_second", Meaning::Counter, Combine::Sum),
    vllm("vllm:generation_tokens_total", "output_tokens_per_second", Meaning::Counter, Combine::Sum),
    vllm("vllm:num_preemptions_total", "preemptions_per_second", Meaning::Counter, Combine::Sum),
    dcgm("DCGM_FI_DEV_GPU_UTIL", "gpu_utilization_ratio", PERCENT),
    dcgm("DCGM_FI_DEV_FB_USED", "gpu_memory_used_ratio", Meaning::ShareWith { rest: "DCGM_FI_DEV_FB_FREE" }),
];

/// The entry of a series' name.
pub fn find(series: &str) -> Option<&'static Entry> {
    let counter = |entry: &Entry| {
        entry.meaning == Meaning::Counter && entry.series.strip_suffix("_total") == Some(series)
    };
    ENTRIES.iter().find(|entry| entry.series == series || counter(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Saturation by preemption is not in the registry of signals; readings of it are kept all the same.
    #[test]
    fn every_signal_is_of_the_registry() {
        for entry in ENTRIES {
            let known = bifocal_model::signal::find(entry.signal).is_some();
            assert!(known, "{}", entry.signal);
        }
    }

    #[test]
    fn counters_are_found_with_and_without_total() {
        assert_eq!(find("vllm:generation_tokens").unwrap().signal, "output_tokens_per_second");
        assert_eq!(find("vllm:generation_tokens_total").unwrap().signal, "output_tokens_per_second");
        for unknown in
            ["vllm:generation_tokens_created", "llamacpp:predicted_tokens_seconds", "vllm:num_requests"]
        {
            assert_eq!(find(unknown), None, "{unknown}");
        }
    }
}
