//! Recording and alert rules for Prometheus itself, over our own `/metrics`.

use bifocal_watch::alert::RuleConfig;
use serde_json::{Value, json};

use super::alerts::{ABSENT, GONE, GONE_FOR, firing, runbook};
use super::query::LABELS;
use super::yaml;

/// Name and expression of what dashboards over long ranges read instead of histograms and counters.
const RECORDED: [(&str, &str); 8] = [
    (
        "bifocal:request_duration_seconds:p95_5m",
        "histogram_quantile(0.95, sum by (le, @L) (rate(bifocal_request_duration_seconds_bucket[5m])))",
    ),
    (
        "bifocal:ttft_seconds:p95_5m",
        "histogram_quantile(0.95, sum by (le, @L) (rate(bifocal_ttft_seconds_bucket[5m])))",
    ),
    (
        "bifocal:evaluation_duration_seconds:p95_5m",
        "histogram_quantile(0.95, sum by (le, @L) (rate(bifocal_evaluation_duration_seconds_bucket[5m])))",
    ),
    ("bifocal:requests:rate5m", "sum by (@L) (rate(bifocal_requests_total[5m]))"),
    ("bifocal:tokens:rate5m", "sum by (kind, @L) (rate(bifocal_tokens_total[5m]))"),
    ("bifocal:quality_judged:rate1h", "sum by (dimension, @L) (rate(bifocal_quality_judged_total[1h]))"),
    ("bifocal:cost_usd_per_hour:sum", "sum(max by (@L) (bifocal_cost_usd_per_hour))"),
    ("bifocal:gpu_utilization_ratio:avg", "avg by (@L) (bifocal_gpu_utilization_ratio)"),
];

/// A rule file: recorded series, one alert for each rule of the configuration, and one for a Bifocal that is not there.
pub fn prometheus_rules(rules: &[RuleConfig], page: Option<&str>) -> String {
    let recorded =
        RECORDED.map(|(record, expr)| json!({"record": record, "expr": expr.replace("@L", LABELS)}));
    let mut alerts: Vec<Value> = rules.iter().map(|rule| alert(rule, page)).collect();
    alerts.push(json!({
        "alert": GONE, "expr": ABSENT, "for": GONE_FOR.to_string(), "labels": {"severity": "critical"},
        "annotations": {"summary": "Prometheus has no state of any target: Bifocal is down, or is not scraped."},
    }));
    let file = json!({"groups": [
        {"name": "bifocal-recorded", "interval": "30s", "rules": recorded},
        {"name": "bifocal-alerts", "interval": "30s", "rules": alerts},
    ]});
    yaml::document(
        "Made by `bifocal grafana render`. For `rule_files` of a Prometheus that scrapes Bifocal.",
        &file,
    )
}

/// Fires while Bifocal says so: it has evaluated the condition and waited for its span.
fn alert(rule: &RuleConfig, page: Option<&str>) -> Value {
    let name = "{{ $labels.inference_component }}{{ $labels.model }} of {{ $labels.endpoint }}";
    let mut annotations = json!({
        "summary": format!("{}: {name}", rule.name),
        "description": format!("Bifocal's rule: {}", rule.when),
    });
    if let Some(page) = page {
        annotations["link"] = json!(page);
    }
    if let Some(runbook) = runbook(rule, page) {
        annotations["runbook_url"] = json!(runbook);
    }
    // Where nothing fires there is no series, and no alert. The severity is Bifocal's, which may have raised it.
    let firing = format!("max by (severity, {LABELS}) ({} == 1)", firing(&rule.name));
    json!({"alert": rule.name, "expr": firing, "annotations": annotations})
}
