//! Which metric of CloudWatch tells what a condition asks, and when it is bad.

use bifocal_model::Dimension;

use super::book::{STATE, metric, pass_rate};
use super::config::WriteBackConfig;
use crate::simple::{Of, Side, Simple};

/// A metric and when it is bad.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    /// One of SageMaker's namespaces; `None`: what Bifocal writes.
    pub(crate) namespace: Option<&'static str>,
    pub(crate) metric: String,
    pub(crate) statistic: &'static str,
    pub(crate) bad: Bad,
}

/// When a number is bad, in the metric's own unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bad {
    Below(f64),
    AtMost(f64),
    Above(f64),
    AtLeast(f64),
    /// Of whole numbers: when it is this one.
    Is(f64),
}

/// Signals that SageMaker itself writes for each component: namespace, metric, statistic, and what a signal is multiplied
/// with to be in the metric's unit over a period of a minute.
const OF_SAGEMAKER: [(&str, &str, &str, &str, f64); 5] = [
    ("error_ratio", "AWS/SageMaker", "Invocation5XXErrors", "Average", 1.0),
    ("requests_per_second", "AWS/SageMaker", "Invocations", "Sum", 60.0),
    ("model_duration_seconds", "AWS/SageMaker", "ModelLatency", "Average", 1e6),
    (
        "gpu_utilization_ratio",
        "/aws/sagemaker/InferenceComponents",
        "GPUUtilizationNormalized",
        "Average",
        100.0,
    ),
    (
        "gpu_memory_used_ratio",
        "/aws/sagemaker/InferenceComponents",
        "GPUMemoryUtilizationNormalized",
        "Average",
        100.0,
    ),
];

/// What is judged, and so written. Shares of what every answer is checked for are not.
const JUDGED: [&str; 4] = ["composite", "safety", "relevance", "professional_tone"];

/// What to ask; or what is missing, for a person.
pub(crate) fn asked(simple: &Simple, written: &WriteBackConfig) -> Result<Asked, String> {
    match simple {
        Simple::State(state) => {
            needs(written.states, "states")?;
            let bad = Bad::Is(f64::from(state.code()));
            Ok(Asked { namespace: None, metric: STATE.to_owned(), statistic: "Maximum", bad })
        }
        Simple::Compare { of, signal, side, threshold } => {
            let native = OF_SAGEMAKER.iter().find(|row| row.0 == signal && *of == Of::Value);
            if let Some((_, namespace, metric, statistic, factor)) = native {
                let bad = bad(*side, threshold * factor);
                return Ok(Asked {
                    namespace: Some(namespace),
                    metric: (*metric).to_owned(),
                    statistic,
                    bad,
                });
            }
            let metric = quality(*of, signal, written)?;
            Ok(Asked { namespace: None, metric, statistic: "Average", bad: bad(*side, *threshold) })
        }
    }
}

fn bad(side: Side, threshold: f64) -> Bad {
    match side {
        Side::Below => Bad::Below(threshold),
        Side::AtMost => Bad::AtMost(threshold),
        Side::Above => Bad::Above(threshold),
        Side::AtLeast => Bad::AtLeast(threshold),
    }
}

fn needs(is_on: bool, key: &str) -> Result<(), String> {
    if is_on { Ok(()) } else { Err(format!("it needs `{key} = true` in [cloudwatch]")) }
}

/// The metric of a quality signal that is written.
fn quality(of: Of, signal: &str, written: &WriteBackConfig) -> Result<String, String> {
    let (name, is_rate) = match signal.strip_suffix("_pass_rate") {
        Some(name) => (name, true),
        None => (signal, false),
    };
    if let Of::Quantile(_) = of {
        return Err(format!("CloudWatch has no quantiles of `{signal}`"));
    }
    if !JUDGED.contains(&name) {
        return Err(format!("`{signal}` is not in CloudWatch"));
    }
    let dimension = Dimension::new(name);
    let mut metric = if is_rate { pass_rate(&dimension) } else { metric(&dimension) };
    if is_rate {
        needs(written.pass_rates, "pass_rates")?;
    }
    let bound = match of {
        Of::Value | Of::Quantile(_) => return Ok(metric),
        Of::Lower => "_lower",
        Of::Upper => "_upper",
    };
    needs(written.bounds, "bounds")?;
    metric.push_str(bound);
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_in_the_unit_of_the_metric() {
        let of = |when: &str| asked(&Simple::parse(when).unwrap(), &WriteBackConfig::default());
        let latency = of("value('model_duration_seconds') > 2.5").unwrap();
        assert_eq!((latency.metric.as_str(), latency.bad), ("ModelLatency", Bad::Above(2.5e6)));
        let calls = of("value('requests_per_second') < 0.5").unwrap();
        assert_eq!(of("value('error_ratio') >= 1.0").unwrap().bad, Bad::AtLeast(1.0), "all of them fail");
        assert_eq!((calls.statistic, calls.bad), ("Sum", Bad::Below(30.0)));
        assert_eq!(of("value('gpu_utilization_ratio') < 0.05").unwrap().bad, Bad::Below(5.0));
        let score = of("value('relevance') < 0.7").unwrap();
        assert_eq!((score.namespace, score.metric.as_str()), (None, "relevance_score"));
    }

    #[test]
    fn what_is_not_written_is_named() {
        let off = WriteBackConfig::default();
        let why = |when: &str| asked(&Simple::parse(when).unwrap(), &off).unwrap_err();
        for (when, part) in [
            ("upper('relevance') < 0.7", "`bounds = true`"),
            ("value('safety_pass_rate') < 0.8", "`pass_rates = true`"),
            ("state == 'outage'", "`states = true`"),
            ("value('ttft_seconds') > 2.0", "`ttft_seconds` is not in CloudWatch"),
            ("upper('error_ratio') > 0.1", "`error_ratio` is not in CloudWatch"),
            ("value('empty') < 0.9", "`empty` is not in CloudWatch"),
        ] {
            assert!(why(when).contains(part), "{when}: {}", why(when));
        }
    }
}
