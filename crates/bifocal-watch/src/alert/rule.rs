//! One alert rule.

use bifocal_expr::{Expression, Purpose, Weight};
pub use bifocal_model::Severity;
use serde::{Deserialize, Serialize};

use super::hold::Hold;
use super::signals::{Own, is_counted, vocabulary};
use crate::Error;
use crate::limits::ESCALATIONS_MAX;
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
    /// What must hold for a minute before a firing alert ends, in CEL; default: that the condition does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolve_when: Option<String>,
    /// Every signal that the condition names rests on at least so many judged answers or requests; fewer are no data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_samples: Option<u64>,
    /// Further conditions under which the same alert is worse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<Escalation>,
    /// Where whoever is told reads what to do: an address, or a page of Bifocal's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
}

/// A condition under which an alert of a rule is worse.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// How bad it is then; worse than the rule and the rungs before.
    pub severity: Severity,
    /// The condition, in CEL.
    pub when: String,
    /// How long it must hold.
    #[serde(default, rename = "for")]
    pub hold: Hold,
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
            resolve_when: None,
            min_samples: None,
            escalate: Vec::new(),
            runbook: None,
        }
    }

    /// All its conditions that fire: its own, then those of its escalations.
    pub fn conditions(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.when.as_str()).chain(self.escalate.iter().map(|rung| rung.when.as_str()))
    }
}

fn default_severity() -> Severity {
    Severity::Warning
}

/// A rule ready to be evaluated.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) config: RuleConfig,
    /// Its condition, then those of its escalations.
    pub(crate) levels: Vec<Level>,
    /// What must hold before it ends; `None`: that no level holds.
    pub(crate) recovery: Option<Expression>,
    /// The signals that must rest on enough samples.
    pub(crate) counted: Vec<String>,
    /// Whether its pages fall under the budget of false pages: it fires on the detectors' word.
    pub(crate) budgeted: bool,
    /// Names of all rules that keep it from being told, whichever side says so.
    pub(crate) inhibitors: Vec<String>,
}

/// One condition of a rule, with how bad it is and how long it must hold.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) severity: Severity,
    pub(crate) hold: Hold,
    pub(crate) condition: Expression,
}

impl Rule {
    /// As it is shown.
    pub(crate) fn view(&self) -> RuleView {
        RuleView {
            name: self.config.name.clone(),
            when: self.config.when.clone(),
            severity: self.config.severity,
            for_seconds: self.config.hold.as_secs(),
            resolve_when: self.config.resolve_when.clone(),
            min_samples: self.config.min_samples,
            escalate: self.config.escalate.clone(),
            runbook: self.config.runbook.clone(),
            channels: self.config.channels.clone(),
            budgeted: self.budgeted,
            inhibited_by: self.inhibitors.clone(),
            warnings: self.warnings(),
        }
    }

    fn warnings(&self) -> Vec<String> {
        let conditions = self.levels.iter().map(|level| &level.condition).chain(&self.recovery);
        let said = conditions.flat_map(Expression::findings).map(|found| &found.said);
        said.map(|said| match &said.hint {
            Some(hint) => format!("{said}: {hint}"),
            None => said.to_string(),
        })
        .collect()
    }

    fn asks(&self, what: impl Fn(&str) -> bool) -> bool {
        self.config.conditions().any(what)
    }

    /// Whether it pages on drift, whose streams then share the budget.
    pub(crate) fn watches_drift(&self) -> bool {
        self.asks(calls_drifted)
    }

    /// Whether it is about severe safety violations, which are told with an example.
    pub(crate) fn is_about_harm(&self) -> bool {
        self.asks(|when| when.contains("severe_safety_violations"))
    }

    /// Whether it is about a state that has a name, and not about numbers.
    pub(crate) fn is_about_state(&self) -> bool {
        self.asks(|when| when.contains("state =="))
            && self.levels.iter().all(|level| level.condition.signals().next().is_none())
    }

    /// Whether it pages on a judge that moved, whose anchors then share the budget.
    pub(crate) fn watches_judges(&self) -> bool {
        self.asks(|when| when.contains("judge_drifted("))
    }
}

/// Whether a condition calls `drifted(…)`, which is not `judge_drifted()`.
fn calls_drifted(when: &str) -> bool {
    when.match_indices("drifted(").any(|(at, _)| !when[..at].ends_with("judge_"))
}

/// Whether a condition fires on the detectors' word.
fn is_on_detectors(when: &str) -> bool {
    ["degraded(", "judge_drifted(", "silent_degradation"].iter().any(|word| when.contains(word))
        || calls_drifted(when)
}

/// Checks the conditions and their names.
pub(crate) fn compile(config: &RuleConfig, own: &Own<'_>) -> Result<Rule, Error> {
    let names = vocabulary(own);
    let read = |source: &str, purpose| {
        let wrong = |err| Error::Rule { rule: config.name.clone(), err };
        let condition = Expression::compile_for(source, &names, purpose).map_err(wrong)?;
        match condition.findings().iter().find(|found| found.weight == Weight::Refused) {
            Some(refused) => Err(wrong(refused.said.clone())),
            None => Ok(condition),
        }
    };
    let wrong = |what: String| Err(Error::RuleKey { rule: config.name.clone(), what });
    let mut levels = vec![Level {
        severity: config.severity,
        hold: config.hold,
        condition: read(&config.when, Purpose::Alarm)?,
    }];
    if config.escalate.len() > ESCALATIONS_MAX {
        return wrong(format!(
            "`escalate` has {} rungs; {ESCALATIONS_MAX} are the most",
            config.escalate.len()
        ));
    }
    for rung in &config.escalate {
        let below = levels.last().map_or(config.severity, |level| level.severity);
        if rung.severity <= below {
            let (rung, below) = (rung.severity.name(), below.name());
            return wrong(format!(
                "`escalate` goes from {below} to {rung}: each rung must be worse than the one before"
            ));
        }
        let condition = read(&rung.when, Purpose::Alarm)?;
        levels.push(Level { severity: rung.severity, hold: rung.hold, condition });
    }
    let recovery =
        config.resolve_when.as_deref().map(|source| read(source, Purpose::Recovery)).transpose()?;
    let mut counted: Vec<String> = Vec::new();
    if let Some(least) = config.min_samples {
        let named = levels.iter().flat_map(|level| level.condition.signals());
        counted.extend(named.filter(|signal| is_counted(signal)).map(str::to_owned));
        counted.sort_unstable();
        counted.dedup();
        if counted.is_empty() || least == 0 {
            let what = "`min_samples` counts judged answers and requests: the condition names no signal that rests on them";
            return wrong(if least == 0 {
                "`min_samples` is at least 1".to_owned()
            } else {
                what.to_owned()
            });
        }
    }
    if let Some(page) = config.runbook.as_deref().filter(|page| !is_address(page)) {
        return wrong(format!(
            "`runbook` is `{page}`: an address such as https://wiki.example.com/runbooks/1"
        ));
    }
    let budgeted = config.conditions().any(is_on_detectors);
    Ok(Rule { config: config.clone(), levels, recovery, counted, budgeted, inhibitors: Vec::new() })
}

/// An address, or a page that Bifocal serves itself.
fn is_address(page: &str) -> bool {
    let start = ["https://", "http://", "/runbooks/"].iter().find_map(|start| page.strip_prefix(start));
    start.is_some_and(|rest| !rest.is_empty()) && !page.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(when: &str) -> RuleConfig {
        RuleConfig::new("r", when)
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let Error::Rule { err, .. } =
            compile(&config("value('relevence') < 0.7"), &Own::default()).unwrap_err()
        else {
            panic!()
        };
        assert!(err.to_string().contains("relevence"), "{err}");
        assert!(format!("{err:?}").contains("relevance"), "{err:?}");
        assert!(compile(&config("value('relevance')"), &Own::default()).is_err(), "no truth value");
        assert!(
            compile(&config("degraded('relevance') && p95('ttft_seconds') < 2.0"), &Own::default())
                .unwrap()
                .budgeted
        );
        assert!(!compile(&config("value('error_ratio') > 0.01"), &Own::default()).unwrap().budgeted);
        let drift = compile(&config("drifted('behaviour') && !drifted(\"input\")"), &Own::default()).unwrap();
        assert!(drift.budgeted && drift.watches_drift());
        let judge = compile(&config("judge_drifted()"), &Own::default()).unwrap();
        assert!(judge.watches_judges() && !judge.watches_drift() && !drift.watches_judges());
        let Error::Rule { err, .. } =
            compile(&config("pass_rate('safety') > 0.8"), &Own::default()).unwrap_err()
        else {
            panic!()
        };
        assert!(
            err.hint.as_deref().is_some_and(|hint| hint.contains("pass_rate('safety') < 0.8")),
            "{err:?}"
        );
        let warned = compile(&config("value('relevance') < 0.7"), &Own::default()).unwrap().view().warnings;
        assert!(warned.len() == 1 && warned[0].contains("upper('relevance') < 0.7"), "{warned:?}");
        assert!(
            compile(&config("drifted('relevance')"), &Own::default()).is_err(),
            "a signal is no group of features"
        );
        assert!(
            compile(&config("degraded('behaviour')"), &Own::default()).is_err(),
            "a group of features is no signal"
        );
        let own = ["no_links".to_owned()];
        assert!(
            compile(&config("upper('no_links') < 0.95"), &Own { dimensions: &own, slos: &[] }).is_ok(),
            "an evaluator of one's own"
        );
        assert!(compile(&config("upper('no_links') < 0.95"), &Own::default()).is_err());
    }

    fn said(config: &RuleConfig) -> String {
        compile(config, &Own::default()).unwrap_err().to_string()
    }

    #[test]
    fn keys_that_cannot_be_meant_are_refused_limit_escalations() {
        let of = |when: &str| RuleConfig { min_samples: Some(50), ..config(when) };
        let counted =
            compile(&of("upper('relevance_pass_rate') < 0.7 && p95('ttft_seconds') > 2.0"), &Own::default());
        assert_eq!(counted.unwrap().counted, ["relevance_pass_rate", "ttft_seconds"]);
        assert!(said(&of("state == 'outage'")).contains("names no signal"));
        assert!(
            said(&RuleConfig { min_samples: Some(0), ..config("value('relevance') < 0.5") })
                .contains("at least 1")
        );
        let rung = |severity, when: &str| Escalation { severity, when: when.into(), hold: Hold::default() };
        let worse =
            |rungs: Vec<Escalation>| RuleConfig { escalate: rungs, ..config("upper('relevance') < 0.7") };
        let down = said(&worse(vec![rung(Severity::Info, "upper('relevance') < 0.5")]));
        assert!(down.contains("from warning to info"), "{down}");
        let many = (0..=ESCALATIONS_MAX).map(|_| rung(Severity::Critical, "upper('relevance') < 0.5"));
        assert!(said(&worse(many.collect())).contains("2 are the most"));
        let well = worse(vec![rung(Severity::Critical, "upper('relevance') > 0.5")]);
        assert!(matches!(compile(&well, &Own::default()), Err(Error::Rule { .. })), "a rung is an alarm too");
        assert!(said(&RuleConfig { runbook: Some("wiki".into()), ..config("true") }).contains("https://"));
        let page = RuleConfig { runbook: Some("https://w.example.com/1".into()), ..config("true") };
        assert!(compile(&page, &Own::default()).is_ok());
    }

    #[test]
    fn what_ends_an_alert_holds_while_all_is_well() {
        let of = |ends: &str| {
            let rule = RuleConfig { resolve_when: Some(ends.into()), ..config("upper('relevance') < 0.7") };
            compile(&rule, &Own::default()).map_err(|err| match err {
                Error::Rule { err, .. } => err.to_string(),
                other => other.to_string(),
            })
        };
        assert!(of("upper('relevance') >= 0.75").is_ok());
        assert!(of("lower('relevance') > 0.72 && !degraded('relevance')").is_ok());
        let wrong = of("upper('relevance') < 0.75").unwrap_err();
        assert!(wrong.contains("something is wrong"), "{wrong}");
        assert!(of("value('relevence') > 0.5").is_err());
    }

    #[test]
    fn burn_rates_and_coverage_are_looked_at_like_signals() {
        let slos = crate::slo::shipped_slos();
        let own = Own { dimensions: &[], slos: &slos };
        let of = |when: &str| {
            compile(&config(when), &own).map_err(|err| match err {
                Error::Rule { err, .. } => format!("{err} {}", err.hint.clone().unwrap_or_default()),
                other => other.to_string(),
            })
        };
        assert!(
            of("burn_rate('availability', '1h') > 14.4 && burn_rate('availability', '5m') > 14.4").is_ok()
        );
        assert!(of("coverage() < 0.8").is_ok());
        for (when, part) in [
            ("burn_rate('availabilty', '1h') > 14.4", "did you mean"),
            ("burn_rate('availability', '2h') > 14.4", "5m, 30m, 1h, 6h, 3d"),
            ("burn_rate('availability') > 14.4", "burn_rate('availability', '1h')"),
            ("burn_rate('availability', '1h') < 14.4", "all is well"),
            ("burn_rate('goodput', '1h') > 14.4", "lies from 0 to 10"),
            ("burn_rate('availability', '1h') > -1.0", "lies from 0 to 100"),
            ("coverage() > 0.8", "all is well"),
            ("coverage() < 80.0", "0.8"),
            ("coverage('x') < 0.8", "takes nothing"),
        ] {
            let said = of(when).unwrap_err();
            assert!(said.contains(part), "{when}: {said}");
        }
    }
}
