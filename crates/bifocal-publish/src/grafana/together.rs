//! "LLM Quantity x Quality": both lenses on one chart, and the state that they make together.

use bifocal_model::Dimension;

use super::dashboard::Row;
use super::desired::Flavour;
use super::panel::{COLUMNS, Look, Panel, panel};
use super::quality::{scores, written_metric};
use super::quantity::quantile;
use super::query::{CALLS, COMPONENT, COMPONENTS, Query, metric as metric_of_sagemaker, range};
use crate::cloudwatch::{LATENCY, STATE, WriteBackConfig, metric};

/// The rows of the dashboard.
pub(super) fn rows(flavour: Flavour, written: &WriteBackConfig) -> Vec<Row> {
    match flavour {
        Flavour::Prometheus => vec![
            Row { title: "State", repeat: None, panels: states() },
            Row { title: "Both lenses", repeat: None, panels: overlays() },
        ],
        Flavour::CloudWatch => {
            vec![Row { title: "$component", repeat: Some("component"), panels: of_cloudwatch(written) }]
        }
    }
}

const STATE_HELP: &str =
    "Service, answers and efficiency joined into one name. The first that matches counts.";

fn states() -> Vec<Panel> {
    vec![
        panel(
            "State",
            STATE_HELP,
            Look::States,
            vec![range("max by (@L) (bifocal_target_state_code{@S})", "@N")],
        )
        .wide(COLUMNS),
        panel(
            "Alerts",
            "Alert rules that fire, as Bifocal decides. Nothing is drawn while none does.",
            Look::Firing,
            vec![range("max by (alert, @L) (bifocal_alert_firing{@S})", "@N {{alert}}")],
        )
        .wide(COLUMNS),
    ]
}

/// A score on the left, a quantity on the right.
fn overlay(title: &'static str, dimension: &str, quantity: Query, unit: &'static str) -> Panel {
    let score = scores(dimension).swap_remove(0);
    let help = "Left: the estimate of the score. Right, dashed: the quantity. Moving together they suggest a cause; they prove none.";
    panel(title, help, Look::Lines("percentunit"), vec![score, quantity]).on_the_right("B", unit)
}

fn overlays() -> Vec<Panel> {
    let latency = quantile("0.95", "bifocal_request_duration_seconds", "@N latency p95");
    let first = quantile("0.95", "bifocal_ttft_seconds", "@N first token p95");
    let gpu = range("avg by (@L) (bifocal_gpu_utilization_ratio{@S})", "@N GPU compute");
    let calls = range("sum by (@L) (bifocal_requests_per_second{@S})", "@N invocations");
    let cost = range("max by (@L) (bifocal_cost_usd_per_hour{@S})", "@N cost");
    let good = range("max by (@L) (bifocal_cost_usd_per_good_answer{@S})", "@N cost of a good answer");
    vec![
        overlay("Composite x Model latency", "composite", latency, "s"),
        overlay("Relevance x Time to first token", "relevance", first, "s"),
        overlay("Safety x Invocations", "safety", calls, "reqps"),
        overlay("Composite x GPU compute", "composite", gpu, "percentunit"),
        overlay("Composite x Cost per hour", "composite", cost, "currencyUSD"),
        overlay("Composite x Cost per good answer", "composite", good, "currencyUSD"),
    ]
}

fn of_cloudwatch(written: &WriteBackConfig) -> Vec<Panel> {
    let score = |dimension: &str| {
        written_metric(
            written,
            &metric(&Dimension::new(dimension)),
            "Average",
            &format!("{COMPONENT} {dimension}"),
        )
    };
    let overlay = |title, dimension: &str, quantity: Query, unit| {
        let help = "Left: the estimate of the score. Right, dashed: the quantity.";
        panel(title, help, Look::Lines("percentunit"), vec![score(dimension), quantity])
            .on_the_right("B", unit)
    };
    let calls = |name, statistic, what: &str| metric_of_sagemaker(CALLS, name, statistic, what);
    vec![
        panel(
            "State",
            "Needs `states = true` in [cloudwatch]. Service, answers and efficiency joined into one name.",
            Look::States,
            vec![written_metric(written, STATE, "Maximum", COMPONENT)],
        )
        .wide(COLUMNS),
        overlay("Composite x Model latency", "composite", calls("ModelLatency", "p90", "latency p90"), "µs"),
        overlay(
            "Relevance x Per-copy invocations",
            "relevance",
            calls("InvocationsPerCopy", "Sum", "per copy"),
            "short",
        ),
        overlay("Safety x Invocations", "safety", calls("Invocations", "Sum", "invocations"), "short"),
        overlay(
            "Composite x GPU compute",
            "composite",
            metric_of_sagemaker(COMPONENTS, "GPUUtilizationNormalized", "Average", "GPU compute"),
            "percent",
        ),
        overlay(
            "Professional tone x Evaluation latency",
            "professional_tone",
            written_metric(written, LATENCY, "Average", "evaluation latency"),
            "ms",
        ),
    ]
}
