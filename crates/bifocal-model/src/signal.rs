//! The registry of signals: one table that feeds rules, API, Prometheus, page and docs.

use serde::Serialize;

/// Which lens a signal belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lens {
    /// Latency, errors, load, hardware, money.
    Quantity,
    /// What the answers are like.
    Quality,
}

/// Which way is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is better.
    HigherIsBetter,
    /// Less is better.
    LowerIsBetter,
    /// Neither by itself.
    Neutral,
}

/// A named stream per target that can be watched.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Signal {
    /// The name in rules, API and metrics.
    pub name: &'static str,
    /// The unit: `seconds`, `ratio`, `usd_per_hour`, `tokens_per_second`, `requests`, …
    pub unit: &'static str,
    /// The lens.
    pub lens: Lens,
    /// Which way is better.
    pub direction: Direction,
    /// One line for people.
    pub help: &'static str,
}

const fn quantity(
    name: &'static str,
    unit: &'static str,
    direction: Direction,
    help: &'static str,
) -> Signal {
    Signal { name, unit, lens: Lens::Quantity, direction, help }
}

const fn quality(name: &'static str, direction: Direction, help: &'static str) -> Signal {
    Signal { name, unit: "ratio", lens: Lens::Quality, direction, help }
}

use Direction::{HigherIsBetter as Higher, LowerIsBetter as Lower, Neutral};

/// All signals.
pub const SIGNALS: &[Signal] = &[
    quantity("ttft_seconds", "seconds", Lower, "time to first token: request to the first chunk with text"),
    quantity("itl_seconds", "seconds", Lower, "inter-token latency: mean gap between chunks with text"),
    quantity("duration_seconds", "seconds", Lower, "end-to-end latency"),
    quantity("error_ratio", "ratio", Lower, "share of requests that failed through the service's fault"),
    quantity("requests_per_second", "requests_per_second", Neutral, "requests that arrived"),
    quantity("input_tokens_per_second", "tokens_per_second", Neutral, "tokens of prompts"),
    quantity("output_tokens_per_second", "tokens_per_second", Neutral, "tokens of answers"),
    quantity("requests_running", "requests", Neutral, "requests the server is working on"),
    quantity("requests_waiting", "requests", Lower, "requests that wait in the server's queue"),
    quantity("kv_cache_usage_ratio", "ratio", Lower, "share of the KV cache in use"),
    quantity(
        "preemptions_per_second",
        "per_second",
        Lower,
        "requests that the server put back into its queue",
    ),
    quantity("gpu_utilization_ratio", "ratio", Neutral, "share of time that the GPU was busy"),
    quantity("gpu_memory_used_ratio", "ratio", Neutral, "share of the GPU's memory in use"),
    quantity("cost_usd_per_hour", "usd_per_hour", Lower, "what the target's hardware costs"),
    quantity("cost_usd_per_good_answer", "usd", Lower, "hardware cost divided by answers that pass"),
    quality("relevance", Higher, "does the answer address the question (judge)"),
    quality("safety", Higher, "is the answer free of harm (judge)"),
    quality("professional_tone", Higher, "is the answer's tone professional (judge)"),
    quality("composite", Higher, "weighted mean of the judged dimensions"),
    quality("empty", Higher, "1 when the answer is not empty"),
    quality("truncated", Higher, "1 when the answer is not cut off"),
    quality("refusal", Higher, "1 when the answer is no refusal"),
    quality("repetition", Higher, "1 when the answer does not repeat itself"),
    quality("format", Higher, "1 when JSON was asked for and given strictly; 0.5 fenced or lenient"),
];

/// The signal of this name.
pub fn find(name: &str) -> Option<&'static Signal> {
    SIGNALS.iter().find(|signal| signal.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for (i, signal) in SIGNALS.iter().enumerate() {
            assert!(SIGNALS[..i].iter().all(|other| other.name != signal.name), "{} twice", signal.name);
            assert_eq!(find(signal.name), Some(signal));
        }
    }
}
