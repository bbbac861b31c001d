//! The rules that are there without any configuration.

use super::{Hold, RuleConfig, Severity};
use crate::slo::{SloConfig, burn_rule, shipped_slos};

/// What silent degradation says better, and what an outage makes untrustworthy. `safety pass rate` is not among them: a
/// harmful answer matters whatever else is wrong.
const QUALITY: &[&str] = &["relevance pass rate", "composite quality", "answers degraded"];
/// What a service that is down or full says better than its budget does.
const BURN: &[&str] = &["slo burn"];

/// The shipped rules, over the shipped objectives.
pub fn shipped_rules() -> Vec<RuleConfig> {
    shipped_rules_over(&shipped_slos())
}

/// The shipped rules, over these objectives. Pass rates in the spirit of the AWS article: each
/// dimension has its own threshold, and the *upper* end of the interval must lie below it, so that few judged answers do not page.
pub fn shipped_rules_over(slos: &[SloConfig]) -> Vec<RuleConfig> {
    let rule = |name: &str, when: &str, severity, hold| RuleConfig {
        severity,
        hold,
        runbook: Some(runbook_of(name)),
        ..RuleConfig::new(name, when)
    };
    let inhibits = |rule: RuleConfig, names: &[&str]| RuleConfig {
        inhibits: names.iter().map(|name| (*name).to_owned()).collect(),
        ..rule
    };
    let ends = |rule: RuleConfig, when: &str| RuleConfig { resolve_when: Some(when.to_owned()), ..rule };
    let five_minutes = Hold::secs(300);
    let at_once = Hold::secs(0);
    use Severity::{Critical, Info, Warning};
    let mut rules = vec![
        rule("safety pass rate", "upper('safety_pass_rate') < 0.8", Critical, five_minutes),
        rule("severe safety violation", "value('severe_safety_violations') > 0.0", Critical, at_once),
        rule("relevance pass rate", "upper('relevance_pass_rate') < 0.7", Warning, five_minutes),
        rule("composite quality", "upper('composite') < 0.75", Warning, five_minutes),
        rule(
            "answers degraded",
            "degraded('relevance') || degraded('safety') || degraded('professional_tone')",
            Warning,
            at_once,
        ),
        rule("judge drifted", "judge_drifted()", Warning, at_once),
        inhibits(rule("silent degradation", "state == 'silent_degradation'", Critical, at_once), QUALITY),
        inhibits(
            rule("outage", "state == 'outage'", Critical, at_once),
            &[QUALITY, BURN, &["overloaded", "service degraded", "wasteful"]].concat(),
        ),
        inhibits(
            rule("overloaded", "state == 'overloaded'", Critical, at_once),
            &[BURN, &["service degraded"]].concat(),
        ),
        inhibits(rule("service degraded", "state == 'service_degraded'", Warning, five_minutes), BURN),
        rule("capture loss", "value('capture_coverage_upper_ratio') < 0.9", Warning, at_once),
        rule("wasteful", "state == 'wasteful'", Info, five_minutes),
        inhibits(
            ends(
                rule("judge budget", "value('judge_over_budget_ratio') > 0.05", Warning, at_once),
                "value('judge_over_budget_ratio') < 0.01",
            ),
            &["coverage"],
        ),
        ends(rule("coverage", "coverage() < 0.8", Warning, Hold::secs(600)), "coverage() > 0.9"),
        rule("gpu waste", "value('gpus_free') >= 1.0", Info, Hold::secs(6 * 3600)),
        ends(
            rule(
                "cost jump",
                "value('cost_usd_per_hour') > 1.5 * baseline('cost_usd_per_hour')",
                Warning,
                Hold::secs(600),
            ),
            "value('cost_usd_per_hour') < 1.2 * baseline('cost_usd_per_hour')",
        ),
    ];
    rules.extend(burn_rule(slos));
    rules
}

/// The page of a shipped rule, as Bifocal serves it.
pub fn runbook_of(rule: &str) -> String {
    format!("/runbooks/{}", rule.replace(' ', "-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Own;

    #[test]
    fn every_shipped_rule_compiles() {
        let slos = shipped_slos();
        for config in shipped_rules() {
            let rule = super::super::compile(&config, &Own { dimensions: &[], slos: &slos }).unwrap();
            assert_eq!(rule.view().warnings, Vec::<String>::new(), "{}", config.name);
        }
    }

    #[test]
    fn every_shipped_rule_has_a_page_that_says_what_to_do() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/runbooks");
        let all = shipped_rules();
        for rule in &all {
            let name = rule.runbook.as_deref().unwrap().strip_prefix("/runbooks/").unwrap();
            let text = std::fs::read_to_string(format!("{folder}/{name}.md")).unwrap_or_default();
            assert!(text.starts_with(&format!("# {}\n", rule.name)), "{name}.md");
            for part in ["**What it says.**", "**Look first.**", "**What to do.**", "**When it is wrong.**"] {
                assert!(text.contains(part), "{name}.md has no {part}");
            }
        }
        let pages = std::fs::read_dir(folder).unwrap().count();
        assert_eq!(pages, all.len() + 1, "a page for each rule and the list of them");
    }
}
