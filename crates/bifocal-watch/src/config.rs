//! What can be set: objectives of the quantity lens, baselines and budget of the quality lens, alert rules.

use bifocal_model::signal::{Lens, SIGNALS};
use serde::{Deserialize, Serialize};

use crate::alert::RuleConfig;
use crate::limits::RULE_NAME_CHARS;
use crate::mute::MaintenanceConfig;
use crate::slo::{self, SloConfig, shipped_slos};

/// Everything the watch is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WatchConfig {
    /// Dimensions of the configuration's own evaluators, which rules may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_dimensions: Vec<String>,
    /// Objectives on the quantity lens.
    pub objectives: Objectives,
    /// Windows and baselines of the quality lens.
    pub quality: QualityConfig,
    /// The budget of false pages.
    pub alerting: AlertingConfig,
    /// Shares that must be good over weeks.
    pub slos: Vec<SloConfig>,
    /// The alert rules.
    pub rules: Vec<RuleConfig>,
    /// Times in which alerts are shown and not told.
    pub maintenance: Vec<MaintenanceConfig>,
}

/// Objectives on latency, errors, saturation and waste.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Objectives {
    /// 95% of streamed requests have their first token within this, seconds.
    pub ttft_p95_seconds: f64,
    /// 95% of all requests end within this, seconds.
    pub duration_p95_seconds: f64,
    /// At most this share of requests fails through the service's fault; above it the state is `outage`.
    pub error_ratio: f64,
    /// A slow service with at least this many requests waiting (mean of two minutes) is overloaded.
    pub requests_waiting: f64,
    /// A slow service with at least this share of its KV cache in use is overloaded.
    pub kv_cache_usage_ratio: f64,
    /// Accelerators that are busy for less than this share of time are idle.
    pub idle_gpu_utilization_ratio: f64,
    /// Idle for this long is wasteful, seconds.
    pub idle_for_seconds: f64,
    /// An answer that passes may cost at most this much hardware, dollars; unset: no ceiling.
    pub usd_per_good_answer: Option<f64>,
    /// Requests are judged over this window, seconds.
    pub window_seconds: f64,
    /// With fewer requests in the window nothing is said about the service.
    pub requests_min: u64,
    /// Without inference and reading for this long a target is unknown, seconds.
    pub stale_after_seconds: f64,
    /// A worse state is entered at once and left after this long at the earliest, seconds.
    pub dwell_seconds: f64,
}

/// Windows and baselines of the quality lens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QualityConfig {
    /// Estimates are over this window, seconds (or the newest 4,096 judged, whichever is shorter).
    pub window_seconds: f64,
    /// Judged samples of a frozen baseline.
    pub baseline_judged: u64,
    /// Judged samples of a provisional baseline, which is shown and pages nothing.
    pub provisional_judged: u64,
    /// A change of the mean up to this is no change, on [0, 1]: 0 sees all, 0.02 ignores harmless drift and sees large
    /// changes later.
    pub min_effect: f64,
    /// How far below the baseline's lower bound the recovery test still calls it recovered, on [0, 1].
    pub recovery_tolerance: f64,
    /// Evidence at which recovery is believed.
    pub recovery_threshold: f64,
    /// Whether a fixed threshold and a rolling z-test run beside the detectors, to count what they would have paged. They
    /// gate nothing.
    pub comparison: bool,
}

/// The budget of false pages.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlertingConfig {
    /// Expected false pages in 30 days over all budgeted streams.
    pub false_pages_per_30_days: f64,
    /// Judged samples a day and stream that thresholds are made for; unset: the highest rate seen.
    pub judged_per_day: Option<f64>,
    /// Streams that thresholds are made for; unset: the streams there are.
    pub streams: Option<u64>,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            own_dimensions: Vec::new(),
            objectives: Objectives::default(),
            quality: QualityConfig::default(),
            alerting: AlertingConfig::default(),
            slos: shipped_slos(),
            rules: Vec::new(),
            maintenance: Vec::new(),
        }
    }
}

impl Default for Objectives {
    fn default() -> Self {
        Self {
            ttft_p95_seconds: 2.0,
            duration_p95_seconds: 30.0,
            error_ratio: 0.05,
            requests_waiting: 2.0,
            kv_cache_usage_ratio: 0.95,
            idle_gpu_utilization_ratio: 0.10,
            idle_for_seconds: 600.0,
            usd_per_good_answer: None,
            window_seconds: 300.0,
            requests_min: 10,
            stale_after_seconds: 600.0,
            dwell_seconds: 600.0,
        }
    }
}

impl Default for QualityConfig {
    fn default() -> Self {
        Self {
            window_seconds: 3600.0,
            baseline_judged: 500,
            provisional_judged: 200,
            min_effect: 0.0,
            recovery_tolerance: 0.02,
            recovery_threshold: 1000.0,
            comparison: false,
        }
    }
}

impl Default for AlertingConfig {
    fn default() -> Self {
        Self { false_pages_per_30_days: 1.0, judged_per_day: None, streams: None }
    }
}

impl WatchConfig {
    /// Whether every number lies where it means something; else which one does not, and what it may be.
    pub fn check(&self) -> Result<(), String> {
        let quality = SIGNALS.iter().filter(|signal| signal.lens == Lens::Quality);
        let dimensions =
            quality.map(|signal| signal.name.to_owned()).chain(self.own_dimensions.iter().cloned());
        slo::check(&self.slos, &dimensions.collect::<Vec<_>>())?;
        self.rules.iter().try_for_each(check_name)?;
        let Self { objectives: o, quality: q, alerting: a, .. } = self;
        let numbers = [
            ("objectives", "ttft_p95_seconds", o.ttft_p95_seconds, 0.001, 600.0),
            ("objectives", "duration_p95_seconds", o.duration_p95_seconds, 0.001, 86_400.0),
            ("objectives", "error_ratio", o.error_ratio, 0.0, 0.999),
            ("objectives", "requests_waiting", o.requests_waiting, 0.0, 1e6),
            ("objectives", "kv_cache_usage_ratio", o.kv_cache_usage_ratio, 0.0, 1.0),
            ("objectives", "idle_gpu_utilization_ratio", o.idle_gpu_utilization_ratio, 0.0, 1.0),
            ("objectives", "idle_for_seconds", o.idle_for_seconds, 0.0, 2_592_000.0),
            ("objectives", "usd_per_good_answer", o.usd_per_good_answer.unwrap_or(1.0), 0.0, 1e6),
            ("objectives", "window_seconds", o.window_seconds, 1.0, 86_400.0),
            ("objectives", "stale_after_seconds", o.stale_after_seconds, 1.0, 2_592_000.0),
            ("objectives", "dwell_seconds", o.dwell_seconds, 0.0, 86_400.0),
            ("quality", "window_seconds", q.window_seconds, 1.0, 2_592_000.0),
            ("quality", "baseline_judged", q.baseline_judged as f64, 1.0, 1e6),
            ("quality", "provisional_judged", q.provisional_judged as f64, 1.0, 1e6),
            ("quality", "min_effect", q.min_effect, 0.0, 0.999),
            ("quality", "recovery_tolerance", q.recovery_tolerance, 0.0, 0.999),
            ("quality", "recovery_threshold", q.recovery_threshold, 1.0, 1e12),
            // 0 would buy a threshold that no evidence reaches: no detector would ever page.
            ("alerting", "false_pages_per_30_days", a.false_pages_per_30_days, 1e-6, 1e6),
            ("alerting", "judged_per_day", a.judged_per_day.unwrap_or(1.0), 1e-6, 1e9),
            ("alerting", "streams", a.streams.unwrap_or(1) as f64, 1.0, 1e6),
        ];
        // NaN lies nowhere.
        match numbers.into_iter().find(|(.., value, least, most)| !(least..=most).contains(&value)) {
            Some((section, key, value, least, most)) => {
                Err(format!("[{section}] {key} = {value}: from {least} to {most} can be meant"))
            }
            None => Ok(()),
        }
    }
}

/// Names stand in keys, headers, subjects, labels and files of others.
fn check_name(rule: &RuleConfig) -> Result<(), String> {
    let (name, chars) = (&rule.name, rule.name.chars().count());
    let is_odd = name.chars().any(char::is_control) || name.trim() != name;
    if is_odd || !(1..=RULE_NAME_CHARS).contains(&chars) {
        return Err(format!(
            "[[alert]] {name:?}: a name has 1 to {RULE_NAME_CHARS} characters, none of them a line break or its like, and no blank at \
             either end"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_others_cannot_carry_are_refused_limit_rule_name_chars() {
        let checked = |name: &str| {
            WatchConfig { rules: vec![RuleConfig::new(name, "true")], ..Default::default() }.check()
        };
        for odd in ["", " ", "a\nb", "outage ", "\0", &"n".repeat(RULE_NAME_CHARS + 1)] {
            assert!(checked(odd).unwrap_err().contains("[[alert]]"), "{odd:?}");
        }
        for well in ["Störung", "cost > 5", &"n".repeat(RULE_NAME_CHARS)] {
            assert_eq!(checked(well), Ok(()), "{well}");
        }
    }

    #[test]
    fn numbers_that_disarm_the_watch_are_refused() {
        assert_eq!(WatchConfig::default().check(), Ok(()));
        let refused = |change: fn(&mut WatchConfig)| {
            let mut config = WatchConfig::default();
            change(&mut config);
            config.check().unwrap_err()
        };
        let err = refused(|config| config.alerting.false_pages_per_30_days = -1.0);
        assert_eq!(err, "[alerting] false_pages_per_30_days = -1: from 0.000001 to 1000000 can be meant");
        for change in [
            (|config| config.alerting.false_pages_per_30_days = 0.0) as fn(&mut WatchConfig),
            |config| config.objectives.error_ratio = 5.0,
            |config| config.objectives.ttft_p95_seconds = -2.0,
            |config| config.objectives.ttft_p95_seconds = 2_000.0,
            |config| config.objectives.usd_per_good_answer = Some(f64::NAN),
            |config| config.quality.window_seconds = f64::INFINITY,
            |config| config.quality.baseline_judged = 0,
        ] {
            assert!(refused(change).starts_with('['));
        }
    }
}
