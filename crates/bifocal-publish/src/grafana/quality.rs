//! "LLM Quality": scores with their intervals before the article's bands, and what watches them.

use bifocal_model::Dimension;
use serde_json::{Value, json};

use super::dashboard::Row;
use super::desired::Flavour;
use super::panel::{COLUMNS, Look, Panel, panel};
use super::quantity::quantile;
use super::query::{COMPONENT, Query, math, of_cloudwatch, range};
use crate::cloudwatch::{DIMENSIONS, LATENCY, WriteBackConfig, metric, pass_rate};

/// Title and dimension of the four charts of the article.
pub(super) const SCORES: [(&str, &str); 4] = [
    ("Composite", "composite"),
    ("Safety", "safety"),
    ("Relevance", "relevance"),
    ("Professional tone", "professional_tone"),
];

const SCORE_HELP: &str =
    "Estimate over the window with its 95% interval (dashed). Bands at 85% and 95%. A gap: nobody judged.";

/// The rows of the dashboard.
pub(super) fn rows(flavour: Flavour, written: &WriteBackConfig) -> Vec<Row> {
    match flavour {
        Flavour::Prometheus => prometheus(),
        Flavour::CloudWatch => cloudwatch(written),
    }
}

/// Estimate, lower and upper end, by target.
pub(super) fn scores(dimension: &str) -> Vec<Query> {
    let of = |bound: &str, legend: &str| {
        let select = format!("@S, dimension=\"{dimension}\", bound=\"{bound}\"");
        range(&format!("max by (@L) (bifocal_quality_score{{{select}}})"), legend)
    };
    vec![of("value", "@N"), of("lower", "@N lower"), of("upper", "@N upper")]
}

fn prometheus() -> Vec<Row> {
    let row = |title, panels| Row { title, repeat: None, panels };
    let now = SCORES.map(|(title, dimension)| {
        let value = scores(dimension).swap_remove(0);
        panel(title, SCORE_HELP, Look::Number("percentunit"), vec![value]).wide(COLUMNS / 4)
    });
    let charts = SCORES.map(|(title, dimension)| panel(title, SCORE_HELP, Look::Score, scores(dimension)));
    vec![row("Now", now.to_vec()), row("Scores", charts.to_vec()), row("Behind the scores", behind())]
}

fn behind() -> Vec<Panel> {
    vec![
        panel(
            "Pass rates",
            "Share of judged answers that pass their rubric's mark.",
            Look::Lines("percentunit"),
            vec![range(
                "max by (dimension, @L) (bifocal_quality_pass_ratio{@S, bound=\"value\"})",
                "@N {{dimension}}",
            )],
        ),
        panel(
            "Evaluation latency",
            "How long a judgement takes.",
            Look::Lines("s"),
            vec![
                quantile("0.5", "bifocal_evaluation_duration_seconds", "@N p50"),
                quantile("0.95", "bifocal_evaluation_duration_seconds", "@N p95"),
            ],
        ),
        panel(
            "Judged answers",
            "Judgements an hour. An estimate from few has a wide interval.",
            Look::Stacked("short"),
            vec![range(
                "sum by (dimension, @L) (rate(bifocal_quality_judged_total{@S}[$__rate_interval])) * 3600",
                "@N {{dimension}}",
            )],
        ),
        panel(
            "Evidence of a fall",
            "Evidence of the degradation detector divided by the threshold: at 1 it alarms.",
            Look::Lines("short"),
            vec![range(
                "max by (dimension, @L) (bifocal_quality_evidence{@S} / bifocal_quality_evidence_threshold{@S})",
                "@N {{dimension}}",
            )],
        ),
        panel(
            "Evidence of drift",
            "Evidence that questions, answers or behaviour are not what they were, divided by the threshold: at 1 it alarms.",
            Look::Lines("short"),
            vec![range(
                "max by (group, @L) (bifocal_drift_evidence{@S} / bifocal_drift_evidence_threshold{@S})",
                "@N {{group}}",
            )],
        ),
        panel(
            "Drift by feature",
            "Population stability index of the newest inferences against the reference.",
            Look::Lines("short"),
            vec![range("topk(10, max by (feature, @L) (bifocal_drift_psi{@S}))", "@N {{feature}}")],
        ),
    ]
}

/// The namespace with variables for its placeholders.
fn namespace(written: &WriteBackConfig) -> String {
    String::from(written.namespace.clone())
        .replace("{inference_component}", "$component")
        .replace("{endpoint}", "$endpoint")
}

/// A metric that Bifocal writes, with all the dimensions that it writes.
pub(super) fn written_metric(written: &WriteBackConfig, name: &str, statistic: &str, label: &str) -> Query {
    of_cloudwatch(&namespace(written), name, statistic, dimensions("$component", "$endpoint"), label)
}

/// The dimensions of what is written. A component's label is its name.
pub(super) fn dimensions(component: &str, endpoint: &str) -> Value {
    let [name, label, of_endpoint] = DIMENSIONS;
    json!({name: [component], label: [component], of_endpoint: [endpoint]})
}

fn cloudwatch(written: &WriteBackConfig) -> Vec<Row> {
    let mut of_component: Vec<Panel> = SCORES
        .into_iter()
        .map(|(title, dimension)| {
            let name = metric(&Dimension::new(dimension));
            let mut queries = vec![written_metric(written, &name, "Average", COMPONENT)];
            if written.bounds {
                for bound in ["lower", "upper"] {
                    let label = format!("{COMPONENT} {bound}");
                    queries.push(written_metric(written, &format!("{name}_{bound}"), "Average", &label));
                }
            }
            panel(title, SCORE_HELP, Look::Score, queries)
        })
        .collect();
    of_component.push(panel(
        "Evaluation latency",
        "How long a judgement takes: mean and longest of each round.",
        Look::Lines("ms"),
        vec![
            written_metric(written, LATENCY, "Average", &format!("{COMPONENT} mean")),
            written_metric(written, LATENCY, "Maximum", &format!("{COMPONENT} longest")),
        ],
    ));
    if written.pass_rates {
        let rates = SCORES.map(|(_, dimension)| {
            let name = pass_rate(&Dimension::new(dimension));
            written_metric(written, &name, "Average", &format!("{COMPONENT} {dimension}"))
        });
        of_component.push(panel(
            "Pass rates",
            "Share of judged answers that pass their rubric's mark.",
            Look::Lines("percentunit"),
            rates.to_vec(),
        ));
    }
    let side_by_side = SCORES.map(|(title, dimension)| {
        let name = metric(&Dimension::new(dimension));
        // Without a namespace: each component has its own, and a SEARCH reads all of them.
        let search = format!("SEARCH('MetricName=\"{name}\" EndpointName=\"$endpoint\"', 'Average', 60)");
        panel(title, SCORE_HELP, Look::Score, vec![math(&search, COMPONENT)])
    });
    vec![
        Row { title: "Components side by side", repeat: None, panels: side_by_side.to_vec() },
        Row { title: "$component", repeat: Some("component"), panels: of_component },
    ]
}
