//! What CloudWatch's PromQL alone can say: the engine's own numbers, which SageMaker's collector ships where detailed observability is
//! on. Classic metrics have no quantiles of the first token and no queue.
//!
//! Names and labels have dots and stand in double quotes: written with underscores they match nothing. Histograms are native and of
//! deltas, which are summed and not rated.

use crate::simple::{Of, Side, Simple};

/// Back so far a quantile looks.
const WINDOW: &str = "5m";

/// Signal, how the engines of one component come together, and what vLLM and SGLang call it.
const GAUGES: [(&str, &str, &[&str]); 3] = [
    ("requests_running", "sum", &["vllm:num_requests_running", "sglang:num_running_reqs"]),
    ("requests_waiting", "sum", &["vllm:num_requests_waiting", "sglang:num_queue_reqs"]),
    (
        "kv_cache_usage_ratio",
        "max",
        &["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "sglang:token_usage"],
    ),
];

/// Signals that are histograms, in seconds.
const HISTOGRAMS: [(&str, &[&str]); 4] = [
    ("ttft_seconds", &["vllm:time_to_first_token_seconds", "sglang:time_to_first_token_seconds"]),
    ("itl_seconds", &["vllm:inter_token_latency_seconds", "sglang:inter_token_latency_seconds"]),
    ("duration_seconds", &["vllm:e2e_request_latency_seconds", "sglang:e2e_request_latency_seconds"]),
    ("queue_seconds", &["vllm:request_queue_time_seconds", "sglang:queue_time_seconds"]),
];

/// The query that has a result while a condition holds for a component; `None`: the collector ships nothing that it could ask.
pub(super) fn query(simple: &Simple, endpoint: &str, component: &str) -> Option<String> {
    let Simple::Compare { of, signal, side, threshold } = simple else { return None };
    let selector = |name: &str| {
        let (endpoint, component) = (escaped(endpoint), escaped(component));
        format!(
            "{{\"{name}\",\"aws.sagemaker.endpoint.name\"=\"{endpoint}\",\
             \"aws.sagemaker.inference_component.name\"=\"{component}\"}}"
        )
    };
    let number = match of {
        Of::Value => {
            let (_, together, names) = GAUGES.iter().find(|row| row.0 == signal)?;
            let each: Vec<String> =
                names.iter().map(|name| format!("{together}({})", selector(name))).collect();
            each.join(" or ")
        }
        Of::Quantile(percent) => {
            let (_, names) = HISTOGRAMS.iter().find(|row| row.0 == signal)?;
            let of = |name: &&str| format!("sum(sum_over_time({}[{WINDOW}]))", selector(name));
            let each: Vec<String> = names.iter().map(of).collect();
            format!("histogram_quantile({}, {})", f64::from(*percent) / 100.0, each.join(" or "))
        }
        Of::Lower | Of::Upper => return None,
    };
    let comparison = match side {
        Side::Below => "<",
        Side::AtMost => "<=",
        Side::Above => ">",
        Side::AtLeast => ">=",
    };
    Some(format!("({number}) {comparison} {threshold}"))
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(when: &str) -> Option<String> {
        query(&Simple::parse(when).unwrap(), "llm-prod", "qwen")
    }

    #[test]
    fn names_are_quoted_deltas_are_summed_and_either_engine_answers() {
        let labels =
            r#""aws.sagemaker.endpoint.name"="llm-prod","aws.sagemaker.inference_component.name"="qwen"}"#;
        assert_eq!(
            of("p95('ttft_seconds') > 2.5").unwrap(),
            format!(
                r#"(histogram_quantile(0.95, sum(sum_over_time({{"vllm:time_to_first_token_seconds",{labels}[5m])) or sum(sum_over_time({{"sglang:time_to_first_token_seconds",{labels}[5m])))) > 2.5"#
            )
        );
        assert_eq!(
            of("value('requests_waiting') > 10").unwrap(),
            format!(
                r#"(sum({{"vllm:num_requests_waiting",{labels}) or sum({{"sglang:num_queue_reqs",{labels})) > 10"#
            )
        );
        assert!(of("value('kv_cache_usage_ratio') < 0.1").unwrap().ends_with(") < 0.1"));
        for other in ["upper('relevance') < 0.5", "p95('relevance') < 0.5", "state == 'outage'"] {
            assert_eq!(Simple::parse(other).and_then(|simple| query(&simple, "e", "c")), None, "{other}");
        }
    }
}
