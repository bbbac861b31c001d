//! One alert rule.

use bifocal_expr::{Expression, Weight};
pub use bifocal_model::Severity;
use serde::{Deserialize, Serialize};

use super::hold::Hold;
use super::signals::vocabulary;
use crate::Error;
use crate::snapshot::RuleView;

/// An alert rule as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name, unique.
    pub name: String,
    /// The condition, in CEL, over one target's signals.
    pub when: String,
    /// How bad it is.
    #[serde(default = "default_severity")]
    pub severity: Severity,
    /// How long the condition must hold.
    #[serde(default, rename = "for")]
    pub hold: Hold,
    /// Names of the channels that are told; empty: all.
    #[serde(default)]
    pub channels: Vec<String>,
    /// Names of rules that are not told of a target while this one fires for it.
    #[serde(default)]
    pub inhibits: Vec<String>,
    /// Names of rules that keep this one from being told while they fire for the same target.
    #[serde(default)]
    pub inhibited_by: Vec<String>,
}

impl RuleConfig {
    /// A warning that fires at once, is told to every channel and inhibits nothing.
    pub fn new(name: &str, when: &str) -> Self {
        Self {
            name: name.to_owned(),
            when: when.to_owned(),
            severity: default_severity(),
            hold: Hold::default(),
            channels: Vec::new(),
            inhibits: Vec::new(),
            inhibited_by: Vec::new(),
        }
    }
}

fn default_severity() -> Severity {
    Severity::Warning
}

/// A rule ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) config: RuleConfig,
    pub(crate) condition: Expression,
    /// Whether its pages fall under the budget of false pages: it fires on the detectors' word.
    pub(crate) budgeted: bool,
    /// Names of all rules that keep it from being told, whichever side says so.
    pub(crate) inhibitors: Vec<String>,
}

impl Rule {
    /// As it is shown.
    pub(crate) fn view(&self) -> RuleView {
        RuleView {
            name: self.config.name.clone(),
            when: self.config.when.clone(),
            severity: self.config.severity,
            for_seconds: self.config.hold.as_secs(),
            channels: self.config.channels.clone(),
            budgeted: self.budgeted,
            inhibited_by: self.inhibitors.clone(),
            warnings: self.warnings(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let said = self.condition.findings().iter().map(|found| &found.said);
        said.map(|said| match &said.hint {
            Some(hint) => format!("{said}: {hint}"),
            None => said.to_string(),
        })
        .collect()
    }

    /// Whether it pages on drift, whose streams then share the budget.
    pub(crate) fn watches_drift(&self) -> bool {
        calls_drifted(&self.config.when)
    }

    /// Whether it is about severe safety violations, which are told with an example.
    pub(crate) fn is_about_harm(&self) -> bool {
        self.config.when.contains("severe_safety_violations")
    }

    /// Whether it pages on a judge that moved, whose anchors then share the budget.
    pub(crate) fn watches_judges(&self) -> bool {
        self.config.when.contains("judge_drifted(")
    }
}

/// Whether a condition calls `drifted(…)`, which is not `judge_drifted()`.
fn calls_drifted(when: &str) -> bool {
    when.match_indices("drifted(").any(|(at, _)| !when[..at].ends_with("judge_"))
}

/// Checks the condition and its names.
pub(crate) fn compile(config: &RuleConfig, own: &[String]) -> Result<Rule, Error> {
    let condition = Expression::compile(&config.when, &vocabulary(own))
        .map_err(|err| Error::Rule { rule: config.name.clone(), err })?;
    if let Some(refused) = condition.findings().iter().find(|found| found.weight == Weight::Refused) {
        return Err(Error::Rule { rule: config.name.clone(), err: refused.said.clone() });
    }
    let on_detectors = ["degraded(", "judge_drifted(", "silent_degradation"];
    let budgeted = on_detectors.iter().any(|word| config.when.contains(word)) || calls_drifted(&config.when);
    Ok(Rule { config: config.clone(), condition, budgeted, inhibitors: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(when: &str) -> RuleConfig {
        RuleConfig::new("r", when)
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let Error::Rule { err, .. } = compile(&config("value('relevence') < 0.7"), &[]).unwrap_err() else {
            panic!()
        };
        assert!(err.to_string().contains("relevence"), "{err}");
        assert!(format!("{err:?}").contains("relevance"), "{err:?}");
        assert!(compile(&config("value('relevance')"), &[]).is_err(), "no truth value");
        assert!(
            compile(&config("degraded('relevance') && p95('ttft_seconds') < 2.0"), &[]).unwrap().budgeted
        );
        assert!(!compile(&config("value('error_ratio') > 0.01"), &[]).unwrap().budgeted);
        let drift = compile(&config("drifted('behaviour') && !drifted(\"input\")"), &[]).unwrap();
        assert!(drift.budgeted && drift.watches_drift());
        let judge = compile(&config("judge_drifted()"), &[]).unwrap();
        assert!(judge.watches_judges() && !judge.watches_drift() && !drift.watches_judges());
        let Error::Rule { err, .. } = compile(&config("pass_rate('safety') > 0.8"), &[]).unwrap_err() else {
            panic!()
        };
        assert!(
            err.hint.as_deref().is_some_and(|hint| hint.contains("pass_rate('safety') < 0.8")),
            "{err:?}"
        );
        let warned = compile(&config("value('relevance') < 0.7"), &[]).unwrap().view().warnings;
        assert!(warned.len() == 1 && warned[0].contains("upper('relevance') < 0.7"), "{warned:?}");
        assert!(compile(&config("drifted('relevance')"), &[]).is_err(), "a signal is no group of features");
        assert!(compile(&config("degraded('behaviour')"), &[]).is_err(), "a group of features is no signal");
        let own = ["no_links".to_owned()];
        assert!(compile(&config("upper('no_links') < 0.95"), &own).is_ok(), "an evaluator of one's own");
        assert!(compile(&config("upper('no_links') < 0.95"), &[]).is_err());
    }
}
