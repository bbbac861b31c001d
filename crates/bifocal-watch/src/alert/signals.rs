//! The names that a condition may use, and their values for one target.

use std::borrow::Cow;

use bifocal_expr::{Context, Objective, Vocabulary};
use bifocal_model::signal::{self, Lens, SIGNALS};
use bifocal_model::{Estimate, FeatureGroup, Timestamp, Window};
use bifocal_stats::burn;

use super::rule::Rule;
use crate::drift::DriftStatus;
use crate::slo::{self, SloConfig};
use crate::snapshot::{StreamView, TargetView};
use crate::watch::Quantiles;

const PASS_RATE: &str = "_pass_rate";

/// Answers of the last hour that were judged clearly harmful and not refuted; no signal, for it has no series.
const SEVERE: &str = "severe_safety_violations";

/// Every name that `value('…')` and its like accept: the signals, a pass rate for each quality dimension, and the count of
/// severe safety violations.
pub fn valid_names() -> Vec<String> {
    let names = SIGNALS.iter().map(|signal| signal.name.to_owned());
    let quality = SIGNALS.iter().filter(|signal| signal.lens == Lens::Quality);
    let rates = quality.map(|signal| format!("{}{PASS_RATE}", signal.name));
    names.chain(rates).chain([SEVERE.to_owned()]).collect()
}

/// What the configuration adds to the names that rules may use.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Own<'a> {
    /// Dimensions of its own evaluators.
    pub(crate) dimensions: &'a [String],
    /// Its objectives.
    pub(crate) slos: &'a [SloConfig],
}

/// All names.
pub(super) fn vocabulary(own: &Own<'_>) -> Vocabulary {
    let groups = FeatureGroup::ALL.map(|group| group.name().to_owned());
    let names = own.dimensions.iter().flat_map(|name| [name.clone(), format!("{name}{PASS_RATE}")]);
    let objective =
        |slo: &SloConfig| Objective { name: slo.name.clone(), burns_at_most: burn::most(slo.objective) };
    let windows = slo::WINDOWS.map(|(name, ..)| name.to_owned());
    Vocabulary::new(valid_names().into_iter().chain(names).collect())
        .with_groups(groups.to_vec())
        .with_objectives(own.slos.iter().map(objective).collect(), windows.to_vec())
}

/// Whether a signal rests on judged answers or on requests, which `min_samples` counts.
pub(super) fn is_counted(name: &str) -> bool {
    if name == SEVERE {
        return false;
    }
    let of_requests = OF_REQUESTS.contains(&name);
    of_requests || signal::find(name).is_none_or(|signal| signal.lens == Lens::Quality)
}

/// Signals that are measured on the requests of the objectives' window.
const OF_REQUESTS: [&str; 6] =
    ["ttft_seconds", "itl_seconds", "duration_seconds", "error_ratio", "goodput_ratio", "goodput_per_second"];

/// The values of one target's signals now.
#[derive(Debug)]
pub(crate) struct SignalValues<'a, Q> {
    pub(crate) view: &'a TargetView,
    pub(crate) quantiles: &'a Q,
    pub(crate) window: Window,
}

/// What judged streams say of a signal: of one target now, or of one target of a replayed history.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JudgedValues<'a>(pub(crate) &'a [StreamView]);

impl<'a> JudgedValues<'a> {
    fn stream(self, name: &str) -> Option<&'a StreamView> {
        self.0.iter().find(|stream| stream.dimension.as_str() == name)
    }

    /// A mean score, or a pass rate.
    pub(crate) fn estimate(self, name: &str) -> Option<Estimate> {
        match name.strip_suffix(PASS_RATE) {
            Some(dimension) => self.stream(dimension)?.pass_rate,
            None => self.stream(name)?.estimate,
        }
    }

    /// A number of one stream.
    pub(crate) fn number(self, function: &str, name: &str) -> Option<f64> {
        match function {
            "pass_rate" => self.stream(name)?.pass_rate.map(|estimate| estimate.value),
            "pass_rate_lower" => self.stream(name)?.pass_rate.map(|estimate| estimate.lower),
            "pass_rate_upper" => self.stream(name)?.pass_rate.map(|estimate| estimate.upper),
            "baseline" => self.stream(name)?.baseline.map(|baseline| baseline.mean),
            _ => of_estimate(function, &self.estimate(name)?),
        }
    }

    /// A dimension that is not judged has no detector in alarm: `degraded(a) || degraded(b)` must resolve where only one
    /// of them is judged.
    pub(crate) fn degraded(self, name: &str) -> bool {
        self.stream(name).is_some_and(|stream| stream.alarm.is_some())
    }
}

/// `value`, `lower`, `upper` or `n`.
fn of_estimate(function: &str, estimate: &Estimate) -> Option<f64> {
    match function {
        "value" => Some(estimate.value),
        "lower" => Some(estimate.lower),
        "upper" => Some(estimate.upper),
        "n" => Some(estimate.n_judged as f64),
        _ => None,
    }
}

impl<Q: Quantiles> SignalValues<'_, Q> {
    fn judged(&self) -> JudgedValues<'_> {
        JudgedValues(&self.view.streams)
    }

    /// The estimate of a quality signal: a mean score, a pass rate, or the share that is free of a failure.
    fn estimate(&self, name: &str) -> Option<Estimate> {
        let judged = self.judged();
        if let Some(dimension) = name.strip_suffix(PASS_RATE)
            && judged.stream(dimension).is_none()
        {
            return self.free_of(dimension);
        }
        judged.estimate(name).or_else(|| self.free_of(name))
    }

    fn free_of(&self, dimension: &str) -> Option<Estimate> {
        let failure = self.view.failures.iter().find(|failure| failure.dimension.as_str() == dimension)?;
        let Estimate { value, lower, upper, .. } = failure.share;
        Some(Estimate { value: 1.0 - value, lower: 1.0 - upper, upper: 1.0 - lower, ..failure.share })
    }

    fn quantity(&self, name: &str) -> Option<f64> {
        let view = self.view;
        match name {
            // Nothing is known where safety is not judged; else no word of one is none.
            SEVERE => {
                let is_judged = view.streams.iter().any(|stream| stream.dimension.as_str() == "safety");
                is_judged.then(|| view.severe.as_ref().map_or(0.0, |severe| severe.count() as f64))
            }
            "error_ratio" => view.error_ratio,
            "goodput_ratio" => view.within_objectives,
            "goodput_per_second" => view.goodput_per_second,
            "judge_over_budget_ratio" => view.judging.over_budget,
            "requests_per_second" => view.requests_per_second,
            "output_tokens_per_second" => view.output_tokens_per_second,
            "requests_waiting" => view.requests_waiting,
            "kv_cache_usage_ratio" => view.kv_cache_usage_ratio,
            "gpu_utilization_ratio" => view.gpu_utilization_ratio,
            "gpus_used" => view.gpus_used,
            "gpus_free" => view.gpus_free,
            "capture_coverage_ratio" => view.capture.coverage,
            "capture_coverage_upper_ratio" => view.capture.coverage_upper,
            "capture_attributed_ratio" => view.capture.attributed,
            "capture_unattributed_ratio" => view.capture.unattributed,
            "capture_invisible_ratio" => view.capture.invisible,
            "model_duration_seconds" => view.model_duration_seconds,
            "cost_usd_per_hour" => view.cost_usd_per_hour,
            "cost_usd_per_good_answer" => view.cost_usd_per_good_answer,
            "ttft_seconds" | "itl_seconds" | "duration_seconds" => self.quantile(name, 0.5),
            _ => None,
        }
    }

    /// Whether everything that a rule counts rests on enough samples.
    pub(crate) fn is_enough(&self, rule: &Rule) -> bool {
        let Some(least) = rule.config.min_samples else { return true };
        rule.counted.iter().all(|name| {
            let seen = match OF_REQUESTS.contains(&name.as_str()) {
                true => self.view.requests,
                false => self.estimate(name).map_or(0, |estimate| estimate.n_judged),
            };
            seen >= least
        })
    }

    fn quantile(&self, signal: &str, q: f64) -> Option<f64> {
        self.quantiles.quantile(&self.view.key, signal, q, self.window)
    }
}

impl<Q: Quantiles> Context for SignalValues<'_, Q> {
    fn number(&self, function: &str, args: &[&str]) -> Option<f64> {
        let name = match *args {
            [] => return self.view.judging.coverage.filter(|_| function == "coverage"),
            [objective, window] => {
                let found = self.view.slos.iter().find(|slo| slo.name == objective)?;
                return found.burn(window);
            }
            [name] => name,
            _ => return None,
        };
        match function {
            "baseline" if name == "cost_usd_per_hour" => self.view.cost_baseline_usd_per_hour,
            "p50" => self.quantile(name, 0.5),
            "p95" => self.quantile(name, 0.95),
            "p99" => self.quantile(name, 0.99),
            "value" | "lower" | "upper" | "n" => {
                let of_estimate = self.estimate(name).and_then(|estimate| of_estimate(function, &estimate));
                of_estimate.or_else(|| self.quantity(name).filter(|_| function == "value"))
            }
            _ => self.judged().number(function, name),
        }
    }

    fn truth(&self, function: &str, args: &[&str]) -> Option<bool> {
        match (function, args) {
            ("judge_drifted", &[]) => Some(self.view.streams.iter().any(|stream| stream.judge_drifted)),
            ("degraded", &[name]) => Some(self.judged().degraded(name)),
            ("drifted", &[name]) => {
                let mut drift = self.view.drift.iter();
                Some(drift.any(|view| view.group.name() == name && view.status == DriftStatus::Drifted))
            }
            _ => None,
        }
    }

    fn text(&self, variable: &str) -> Option<Cow<'_, str>> {
        let view = self.view;
        let name = match variable {
            "state" => view.state.name(),
            "service" => view.service.name(),
            "answers" => view.answers.name(),
            "efficiency" => view.efficiency.name(),
            _ => return None,
        };
        Some(name.into())
    }
}

/// The window over which quantiles are taken.
pub(crate) fn window(now: Timestamp, seconds: f64) -> Window {
    Window::ending_at(now, bifocal_model::Span::from_secs_f64(seconds))
}
