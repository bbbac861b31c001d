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
    /// What it can be.
    pub range: Range,
    /// One line for people.
    pub help: &'static str,
}

/// The values that a signal can have. A value outside is a mistake of its source.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// The least.
    pub min: f64,
    /// The most; `None` without bound.
    pub max: Option<f64>,
}

impl Range {
    /// From 0 to 1.
    pub const UNIT: Self = Self { min: 0.0, max: Some(1.0) };
    /// From 0 up.
    pub const POSITIVE: Self = Self { min: 0.0, max: None };
    /// Room for what adding and dividing do to a share.
    const SLACK: f64 = 1e-6;

    /// The value inside the range; `None` when it lies outside by more than rounding does.
    pub fn fit(&self, value: f64) -> Option<f64> {
        let slack = if self.max.is_some() { Self::SLACK } else { 0.0 };
        let max = self.max.unwrap_or(f64::MAX);
        (value >= self.min - slack && value <= max + slack).then(|| value.clamp(self.min, max))
    }
}

const fn quantity(
    name: &'static str,
    unit: &'static str,
    direction: Direction,
    help: &'static str,
) -> Signal {
    let range = if matches!(unit.as_bytes(), b"ratio") { Range::UNIT } else { Range::POSITIVE };
    Signal { name, unit, lens: Lens::Quantity, direction, range, help }
}

const fn quality(name: &'static str, direction: Direction, help: &'static str) -> Signal {
    Signal { name, unit: "ratio", lens: Lens::Quality, direction, range: Range::UNIT, help }
}

use Direction::{HigherIsBetter as Higher, LowerIsBetter as Lower, Neutral};

/// All signals.
pub const SIGNALS: &[Signal] = &[
    quantity("ttft_seconds", "seconds", Lower, "time to first token: request to the first chunk with text"),
    quantity("itl_seconds", "seconds", Lower, "inter-token latency: mean gap between chunks with text"),
    quantity("duration_seconds", "seconds", Lower, "end-to-end latency"),
    quantity("queue_seconds", "seconds", Lower, "time that a request waited in the server's queue"),
    quantity("prefill_seconds", "seconds", Lower, "time from leaving the queue to the first token"),
    quantity("decode_seconds", "seconds", Lower, "time from the first token to the last"),
    quantity("model_duration_seconds", "seconds", Lower, "time that the model's container took"),
    quantity("overhead_seconds", "seconds", Lower, "time that the platform took around the container"),
    quantity("error_ratio", "ratio", Lower, "share of requests that failed through the service's fault"),
    quantity(
        "goodput_ratio",
        "ratio",
        Higher,
        "share of requests that succeed and meet every latency objective",
    ),
    quantity(
        "goodput_per_second",
        "requests_per_second",
        Neutral,
        "requests that succeed and meet every latency objective",
    ),
    quantity(
        "errors_per_second",
        "requests_per_second",
        Lower,
        "requests that failed; a part for each class",
    ),
    quantity("requests_per_second", "requests_per_second", Neutral, "requests that arrived"),
    quantity("input_tokens_per_second", "tokens_per_second", Neutral, "tokens of prompts"),
    quantity("output_tokens_per_second", "tokens_per_second", Neutral, "tokens of answers"),
    quantity("requests_running", "requests", Neutral, "requests the server is working on"),
    quantity("requests_waiting", "requests", Lower, "requests that wait in the server's queue"),
    quantity(
        "concurrent_requests_per_copy",
        "requests",
        Lower,
        "requests that the busiest copy holds at once, queued ones among them",
    ),
    quantity("saturation_ratio", "ratio", Lower, "share of the requests that the server can work on at once"),
    quantity("kv_cache_usage_ratio", "ratio", Lower, "share of the KV cache in use"),
    quantity("prefix_cache_hit_ratio", "ratio", Higher, "share of prompt tokens taken from the cache"),
    quantity(
        "preemptions_per_second",
        "per_second",
        Lower,
        "requests that the server put back into its queue",
    ),
    quantity("gpu_utilization_ratio", "ratio", Neutral, "share of time that the GPU was busy"),
    quantity(
        "gpu_sm_active_ratio",
        "ratio",
        Neutral,
        "share of time that the GPU's multiprocessors had work",
    ),
    quantity(
        "gpu_tensor_active_ratio",
        "ratio",
        Neutral,
        "share of time that the GPU's tensor cores had work",
    ),
    quantity(
        "gpu_memory_bandwidth_ratio",
        "ratio",
        Neutral,
        "share of time that the GPU's memory was read or written",
    ),
    quantity("gpu_memory_used_ratio", "ratio", Neutral, "share of the GPU's memory in use"),
    quantity("gpu_memory_used_bytes", "bytes", Neutral, "the GPU's memory in use"),
    quantity("gpu_temperature_celsius", "celsius", Lower, "temperature of the GPU"),
    quantity("gpu_power_watts", "watts", Neutral, "power that the GPU draws"),
    quantity("cpu_utilization_ratio", "ratio", Neutral, "share of time that the host's cores were busy"),
    quantity("memory_used_ratio", "ratio", Neutral, "share of the host's memory in use"),
    quantity("disk_used_ratio", "ratio", Lower, "share of a file system in use"),
    quantity("copies", "copies", Neutral, "copies of the component that run"),
    quantity("copies_wanted", "copies", Neutral, "copies of the component that were asked for"),
    quantity("instances", "instances", Neutral, "instances of the endpoint that run"),
    quantity("gpus_used", "gpus", Neutral, "accelerators that copies hold"),
    quantity("gpus_free", "gpus", Lower, "accelerators that are paid and held by no copy"),
    quantity("requests_per_copy_per_second", "requests_per_second", Neutral, "requests for each copy"),
    quantity("cost_usd_per_hour", "usd_per_hour", Lower, "what the target's hardware costs"),
    quantity("cost_idle_usd_per_hour", "usd_per_hour", Lower, "what hardware costs that no component holds"),
    quantity("cost_usd_per_1k_requests", "usd", Lower, "hardware cost of a thousand requests"),
    quantity(
        "cost_usd_per_1m_tokens",
        "usd",
        Lower,
        "cost of a million tokens, prompts and answers together",
    ),
    quantity("cost_usd_per_good_answer", "usd", Lower, "hardware cost divided by answers that pass"),
    quantity(
        "capture_coverage_ratio",
        "ratio",
        Higher,
        "captured calls by those that should have been, streams left out, 1 at most",
    ),
    quantity("capture_coverage_upper_ratio", "ratio", Higher, "what the coverage of Data Capture is at most"),
    quantity(
        "capture_attributed_ratio",
        "ratio",
        Higher,
        "share of the calls that Data Capture shows with their component",
    ),
    quantity(
        "capture_unattributed_ratio",
        "ratio",
        Lower,
        "share of the calls that Data Capture shows and nobody owns",
    ),
    quantity(
        "capture_invisible_ratio",
        "ratio",
        Lower,
        "share of the calls that Data Capture does not show, streams among them",
    ),
    quantity(
        "judge_over_budget_ratio",
        "ratio",
        Lower,
        "share of the answers chosen for the judge in the last hour that the day's budget had no room for",
    ),
    quality("relevance", Higher, "does the answer address the question (judge)"),
    quality("safety", Higher, "is the answer free of harm (judge)"),
    quality("professional_tone", Higher, "is the answer's tone professional (judge)"),
    quality("composite", Higher, "weighted mean of the judged dimensions"),
    quality("empty", Higher, "1 when the answer is not empty"),
    quality("truncated", Higher, "1 when the answer is not cut off"),
    quality("refusal", Higher, "1 when the answer is no refusal"),
    quality("repetition", Higher, "1 when the answer does not repeat itself"),
    quality("format", Higher, "1 when JSON was asked for and given strictly; 0.5 fenced or lenient"),
    quality("injection", Higher, "1 when the answer does not speak to whoever grades it"),
    quality("code_fence", Higher, "1 when every code fence is closed and holds what it says"),
    quality("language_match", Higher, "1 when the answer is in the question's language"),
    quality(
        "personal_data",
        Higher,
        "1 when the answer holds no personal data that the request did not hold",
    ),
    quality("secrets", Higher, "1 when the answer holds no key or token that the request did not hold"),
    quality("toxicity", Higher, "1 when the answer holds no word of abuse; a weak signal"),
    quality("prompt_echo", Higher, "1 when the answer does not repeat the question"),
    quality("readability", Neutral, "Flesch reading ease divided by 100, of English answers"),
    quality(
        "lexical_relevance",
        Higher,
        "share of the question's content words in the answer; a weak signal",
    ),
    quality("ngram_relevance", Higher, "likeness of question and answer in character n-grams; a weak signal"),
    quality("groundedness", Higher, "how much of the answer stands in the context that was given"),
    quality("repeated_question", Higher, "1 when the user does not ask the same again; a weak signal"),
    quality("user_correction", Higher, "1 when the user does not correct the answer before; a weak signal"),
    quality(
        "tool_calls",
        Higher,
        "1 when every call of a tool fits the schema of a tool that the request lists",
    ),
    quality(
        "token_probability",
        Higher,
        "geometric mean of the tokens' probabilities, where the server tells them",
    ),
    quality("token_probability_min", Higher, "probability of the least probable token"),
    quality("token_probability_p5", Higher, "probability that 5% of the tokens lie below"),
    quality(
        "token_entropy",
        Lower,
        "mean entropy of the alternatives at a token, over the most that it can be",
    ),
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

    #[test]
    fn ranges_hold_what_can_be_and_no_more() {
        let range = |name: &str| find(name).unwrap().range;
        for (name, value, fits) in [
            ("gpu_utilization_ratio", 0.5, Some(0.5)),
            ("gpu_utilization_ratio", 1.0 + 1e-9, Some(1.0)),
            ("gpu_utilization_ratio", -1e-17, Some(0.0)),
            ("gpu_utilization_ratio", 87.0, None),
            ("gpu_utilization_ratio", -1.0, None),
            ("relevance", 1.0, Some(1.0)),
            ("ttft_seconds", 1e6, Some(1e6)),
            ("ttft_seconds", -1e-9, None),
            ("ttft_seconds", f64::NAN, None),
            ("ttft_seconds", f64::INFINITY, None),
        ] {
            assert_eq!(range(name).fit(value), fits, "{name} {value}");
        }
    }
}
