//! "LLM Quantity": what the article's first dashboard shows, and what the queue and the money say.

use super::dashboard::Row;
use super::desired::Flavour;
use super::panel::{Look, Panel, panel};
use super::query::{CALLS, COMPONENT, COMPONENTS, Query, math, metric, range};

/// The quantile of a histogram of ours, by target.
pub(super) fn quantile(q: &str, histogram: &str, legend: &str) -> Query {
    let rate = format!("rate({histogram}_bucket{{@S}}[$__rate_interval])");
    range(&format!("histogram_quantile({q}, sum by (le, @L) ({rate}))"), legend)
}

/// The rows of the dashboard.
pub(super) fn rows(flavour: Flavour) -> Vec<Row> {
    let row = |title, panels| Row { title, repeat: None, panels };
    let of = match flavour {
        Flavour::Prometheus => [service(), gpus(), money()],
        Flavour::CloudWatch => [service_of_cloudwatch(), gpus_of_cloudwatch(), money_of_cloudwatch()],
    };
    let titles = ["Latency and load", "GPUs", "Cost"];
    titles.into_iter().zip(of).map(|(title, panels)| row(title, panels)).collect()
}

fn service() -> Vec<Panel> {
    vec![
        panel(
            "Model latency",
            "End to end as clients see it (p50, p95, p99), and the mean in the container where the platform says so.",
            Look::Lines("s"),
            vec![
                quantile("0.5", "bifocal_request_duration_seconds", "@N p50"),
                quantile("0.95", "bifocal_request_duration_seconds", "@N p95"),
                quantile("0.99", "bifocal_request_duration_seconds", "@N p99"),
                range("max by (@L) (bifocal_model_duration_seconds{@S})", "@N in the container"),
            ],
        ),
        panel(
            "Time to first token",
            "From the request to the first piece of text.",
            Look::Lines("s"),
            vec![
                quantile("0.5", "bifocal_ttft_seconds", "@N p50"),
                quantile("0.95", "bifocal_ttft_seconds", "@N p95"),
            ],
        ),
        panel(
            "Invocations",
            "Requests a second: in total, and of each target. Where no call is seen, the platform's count.",
            Look::Lines("reqps"),
            vec![
                range("sum(bifocal_requests_per_second{@S})", "total"),
                range("sum by (@L) (bifocal_requests_per_second{@S})", "@N"),
            ],
        ),
        panel(
            "Per-copy invocations",
            "Requests a second divided by the copies that run. Only a control plane says how many run.",
            Look::Lines("reqps"),
            vec![range(
                "sum by (@L) (bifocal_requests_per_second{@S}) / max by (@L) (bifocal_copies{@S} > 0)",
                "@N",
            )],
        ),
        panel(
            "Errors",
            "Share of requests that failed through the service's fault.",
            Look::Lines("percentunit"),
            vec![range("max by (@L) (bifocal_error_ratio{@S})", "@N")],
        ),
        panel(
            "Tokens",
            "Tokens a second, of prompts and of answers.",
            Look::Lines("short"),
            vec![range(
                "sum by (kind, @L) (rate(bifocal_tokens_total{@S}[$__rate_interval]))",
                "@N {{kind}}",
            )],
        ),
        panel(
            "Requests waiting",
            "Requests in the server's queue.",
            Look::Lines("short"),
            vec![range("max by (@L) (bifocal_requests_waiting{@S})", "@N")],
        ),
        panel(
            "KV cache",
            "Share of the KV cache in use. When it is full, requests wait.",
            Look::Lines("percentunit"),
            vec![range("max by (@L) (bifocal_kv_cache_usage_ratio{@S})", "@N")],
        ),
    ]
}

fn gpus() -> Vec<Panel> {
    vec![
        panel(
            "GPU compute",
            "Share of time that a kernel was running: the mean of each model, and each GPU.",
            Look::Lines("percentunit"),
            vec![
                range("avg by (@L) (bifocal_gpu_utilization_ratio{@S})", "@N mean"),
                range("max by (gpu, @L) (bifocal_gpu_utilization_ratio{@S})", "@N {{gpu}}"),
            ],
        ),
        panel(
            "GPU memory",
            "Share of the memory in use. Servers take it at their start, so it seldom moves.",
            Look::Lines("percentunit"),
            vec![
                range("avg by (@L) (bifocal_gpu_memory_used_ratio{@S})", "@N mean"),
                range("max by (gpu, @L) (bifocal_gpu_memory_used_ratio{@S})", "@N {{gpu}}"),
            ],
        ),
        panel(
            "Used GPUs",
            "GPUs that copies hold; where no control plane says so, those that the server's page shows.",
            Look::Stacked("short"),
            vec![range(
                "max by (@L) (bifocal_gpus_used{@S}) or count by (@L) (max by (gpu, @L) (bifocal_gpu_utilization_ratio{@S}))",
                "@N",
            )],
        ),
        panel(
            "Free GPUs",
            "GPUs of each endpoint that are paid and held by no copy. Only a control plane says so.",
            Look::Stacked("short"),
            vec![range("max by (origin, endpoint) (bifocal_gpus_free{@E})", "{{endpoint}}")],
        ),
        panel(
            "Instances",
            "Instances that run. Only a control plane says so.",
            Look::Lines("short"),
            vec![range("max by (origin, endpoint) (bifocal_instances{@E})", "{{endpoint}}")],
        ),
        panel(
            "Copies",
            "Copies of each component that run, and those that were asked for.",
            Look::Lines("short"),
            vec![
                range("max by (@L) (bifocal_copies{@S})", "@N"),
                range("max by (@L) (bifocal_copies_wanted{@S})", "@N wanted"),
            ],
        ),
    ]
}

fn money() -> Vec<Panel> {
    vec![
        panel(
            "Cost per hour",
            "Each target's share of its instances' price by the GPUs that it holds, and what nobody holds.",
            Look::Stacked("currencyUSD"),
            vec![
                range("max by (@L) (bifocal_cost_usd_per_hour{@S})", "@N"),
                range("max by (origin, endpoint) (bifocal_cost_idle_usd_per_hour{@E})", "{{endpoint}} idle"),
            ],
        ),
        panel(
            "Cost of the time shown",
            "The mean cost an hour times the hours.",
            Look::Number("currencyUSD"),
            vec![range(
                "max by (@L) (avg_over_time(bifocal_cost_usd_per_hour{@S}[$__range])) * $__range_s / 3600",
                "@N",
            )],
        ),
        panel(
            "Cost per 1,000 invocations",
            "Cost an hour divided by requests an hour. Without requests there is no number.",
            Look::Lines("currencyUSD"),
            vec![range(
                "max by (@L) (bifocal_cost_usd_per_hour{@S}) / (sum by (@L) (bifocal_requests_per_second{@S} > 0) * 3.6)",
                "@N",
            )],
        ),
        panel(
            "Cost per good answer",
            "Cost of the hardware divided by the answers that pass.",
            Look::Lines("currencyUSD"),
            vec![range("max by (@L) (bifocal_cost_usd_per_good_answer{@S})", "@N")],
        ),
    ]
}

fn service_of_cloudwatch() -> Vec<Panel> {
    let calls = |name, statistic, label: &str| metric(CALLS, name, statistic, label);
    let named = |what: &str| format!("{COMPONENT} {what}");
    vec![
        panel(
            "Model latency",
            "Time in the container: mean, p90 and p99 of each minute.",
            Look::Lines("µs"),
            vec![
                calls("ModelLatency", "Average", &named("mean")),
                calls("ModelLatency", "p90", &named("p90")),
                calls("ModelLatency", "p99", &named("p99")),
            ],
        ),
        panel(
            "Invocations",
            "Requests a minute, of each component. Never add sets of dimensions: they count the same requests.",
            Look::Stacked("short"),
            vec![calls("Invocations", "Sum", COMPONENT)],
        ),
        panel(
            "Per-copy invocations",
            "Requests a minute divided by the copies that run.",
            Look::Lines("short"),
            vec![calls("InvocationsPerCopy", "Sum", COMPONENT)],
        ),
        panel(
            "Errors",
            "Share of requests with a 5xx answer.",
            Look::Lines("percentunit"),
            vec![calls("Invocation5XXErrors", "Average", COMPONENT)],
        ),
        panel(
            "Overhead latency",
            "What SageMaker adds to the container's time.",
            Look::Lines("µs"),
            vec![calls("OverheadLatency", "Average", COMPONENT)],
        ),
        panel(
            "Concurrent requests per copy",
            "In flight and queued, at most in a minute.",
            Look::Lines("short"),
            vec![calls("ConcurrentRequestsPerCopy", "Maximum", COMPONENT)],
        ),
    ]
}

/// One sample for each GPU of each copy and publishing interval: their number is the number of GPUs.
const USED: &str = "SUM(SEARCH('{/aws/sagemaker/InferenceComponents,EndpointName,VariantName,InstanceId,ContainerId,\
                    InferenceComponentName,$gpu_dimension} MetricName=\"GPUUtilizationNormalized\" \
                    EndpointName=\"$endpoint\"', 'SampleCount', 60)) * $publish_seconds / 60";
/// One sample for each instance.
const INSTANCES: &str = "SUM(SEARCH('{/aws/sagemaker/Endpoints,EndpointName,VariantName} \
                         MetricName=\"CPUUtilizationNormalized\" EndpointName=\"$endpoint\"', 'SampleCount', 60)) \
                         * $publish_seconds / 60";

fn gpus_of_cloudwatch() -> Vec<Panel> {
    let hardware = |name| vec![metric(COMPONENTS, name, "Average", COMPONENT)];
    vec![
        panel(
            "GPU compute",
            "Mean over the component's GPUs.",
            Look::Lines("percent"),
            hardware("GPUUtilizationNormalized"),
        ),
        panel(
            "GPU memory",
            "Mean over the component's GPUs.",
            Look::Lines("percent"),
            hardware("GPUMemoryUtilizationNormalized"),
        ),
        panel(
            "Used GPUs",
            "Samples that GPUs of the endpoint published. Needs enhanced metrics, and the variable `Metrics every`.",
            Look::Lines("short"),
            vec![math(USED, "used")],
        ),
        panel(
            "Free GPUs",
            "Instances x GPUs of an instance (a variable) without the used ones. One type of instance only.",
            Look::Lines("short"),
            vec![math(&format!("{INSTANCES} * $gpus_per_instance - {USED}"), "free")],
        ),
        panel(
            "Instances",
            "Samples that instances published. Needs the variable `Metrics every`.",
            Look::Lines("short"),
            vec![math(INSTANCES, "instances")],
        ),
    ]
}

fn money_of_cloudwatch() -> Vec<Panel> {
    vec![panel(
        "Cost per hour",
        "Instances x the price of one, which is a variable: CloudWatch knows no prices. One type of instance only.",
        Look::Lines("currencyUSD"),
        vec![math(&format!("{INSTANCES} * $usd_per_instance_hour"), "all instances")],
    )]
}
