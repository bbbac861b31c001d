//! The quantity lens in `/metrics`: load, latency in the container, hardware and money, from the watch's snapshot.

use std::collections::BTreeMap;

use bifocal_watch::{CaptureView, Snapshot, TargetView};

use super::exposition::with;
use super::text::Text;

type Pick = fn(&TargetView) -> Option<f64>;

/// Name, help and value of what a target has one number of.
const GAUGES: [(&str, &str, Pick); 13] = [
    (
        "bifocal_requests_per_second",
        "requests that arrive; where no call is seen, the platform's count",
        |v| v.requests_per_second,
    ),
    ("bifocal_goodput_ratio", "share of requests that succeed and meet every latency objective", |v| {
        v.within_objectives
    }),
    ("bifocal_goodput_per_second", "requests that succeed and meet every latency objective", |v| {
        v.goodput_per_second
    }),
    (
        "bifocal_judge_coverage_ratio",
        "share of the answers chosen for a judge that have a verdict, of an hour that ended 16 minutes ago",
        |v| v.judging.coverage,
    ),
    (
        "bifocal_judge_over_budget_ratio",
        "share of the answers chosen in the last hour that the day's budget had no room for",
        |v| v.judging.over_budget,
    ),
    (
        "bifocal_cost_baseline_usd_per_hour",
        "the median hour of the day before of what the target's hardware costs",
        |v| v.cost_baseline_usd_per_hour,
    ),
    ("bifocal_error_ratio", "share of requests that failed through the service's fault", |v| v.error_ratio),
    ("bifocal_model_duration_seconds", "mean time in the model's container, as the platform says", |v| {
        v.model_duration_seconds
    }),
    ("bifocal_output_tokens_per_second", "tokens of answers", |v| v.output_tokens_per_second),
    ("bifocal_gpus_used", "GPUs that the target's copies hold", |v| v.gpus_used),
    ("bifocal_requests_waiting", "requests in the server's queue", |v| v.requests_waiting),
    ("bifocal_kv_cache_usage_ratio", "share of the KV cache in use", |v| v.kv_cache_usage_ratio),
    ("bifocal_cost_usd_per_good_answer", "hardware cost divided by answers that pass", |v| {
        v.cost_usd_per_good_answer
    }),
];

type PickOfCapture = fn(&CaptureView) -> Option<f64>;

/// Value of the label `share`, and where it is from.
const CAPTURE: [(&str, PickOfCapture); 5] = [
    ("coverage", |capture| capture.coverage),
    ("coverage_upper", |capture| capture.coverage_upper),
    ("attributed", |capture| capture.attributed),
    ("unattributed", |capture| capture.unattributed),
    ("invisible", |capture| capture.invisible),
];

pub(super) fn render(text: &mut Text, snapshot: &Snapshot) {
    for (name, help, pick) in GAUGES {
        text.family(name, "gauge", help);
        for view in &snapshot.targets {
            if let Some(value) = pick(view) {
                text.sample(name, &with(&view.key, &[]), value);
            }
        }
    }
    text.family("bifocal_cost_usd_per_hour", "gauge", "cost of the target's hardware by basis");
    for view in &snapshot.targets {
        if let Some(cost) = view.cost_usd_per_hour {
            text.sample("bifocal_cost_usd_per_hour", &with(&view.key, &[("basis", "configured")]), cost);
        }
    }
    text.family("bifocal_gpu_utilization_ratio", "gauge", "share of time that the GPU was busy");
    for view in &snapshot.targets {
        for (gpu, share) in &view.gpus {
            text.sample("bifocal_gpu_utilization_ratio", &with(&view.key, &[("gpu", gpu)]), *share);
        }
    }
    text.family("bifocal_gpus_free", "gauge", "GPUs of the endpoint that are paid and held by no copy");
    of_endpoints(text, snapshot, "bifocal_gpus_free", &[], |view| view.gpus_free);
    let help =
        "what Data Capture shows of the endpoint's calls: coverage and its upper bound, shares of all calls";
    text.family("bifocal_capture_ratio", "gauge", help);
    for (share, pick) in CAPTURE {
        of_endpoints(text, snapshot, "bifocal_capture_ratio", &[("share", share)], |view| {
            pick(&view.capture)
        });
    }
}

/// One number of an endpoint that each of its targets shows: written once, so that nobody adds it up.
fn of_endpoints(
    text: &mut Text,
    snapshot: &Snapshot,
    name: &str,
    labels: &[(&str, &str)],
    pick: impl Fn(&TargetView) -> Option<f64>,
) {
    let row = |view: &TargetView| Some(((view.key.origin.clone(), view.key.endpoint.clone()), pick(view)?));
    let by_endpoint: BTreeMap<(String, String), f64> =
        snapshot.targets.iter().rev().filter_map(row).collect();
    for ((origin, endpoint), value) in &by_endpoint {
        let own = [("origin", origin.as_str()), ("endpoint", endpoint.as_str())];
        text.sample(name, &[&own[..], labels].concat(), *value);
    }
}
