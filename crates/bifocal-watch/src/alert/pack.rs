//! The rules that are there without any configuration.

use super::{Hold, RuleConfig, Severity};

/// What silent degradation says better, and what an outage makes untrustworthy. `safety pass rate` is not among them: a
/// harmful answer matters whatever else is wrong.
const QUALITY: &[&str] = &["relevance pass rate", "composite quality", "answers degraded"];

/// The shipped rules. Pass rates in the spirit of the AWS article: each dimension has its own threshold, and the
/// *upper* end of the interval must lie below it, so that few judged answers do not page.
pub fn shipped_rules() -> Vec<RuleConfig> {
    let rule =
        |name: &str, when: &str, severity, hold| RuleConfig { severity, hold, ..RuleConfig::new(name, when) };
    let inhibits = |rule: RuleConfig, names: &[&str]| RuleConfig {
        inhibits: names.iter().map(|name| (*name).to_owned()).collect(),
        ..rule
    };
    let five_minutes = Hold::secs(300);
    let at_once = Hold::secs(0);
    use Severity::{Critical, Info, Warning};
    vec![
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
            &[QUALITY, &["overloaded", "service degraded", "wasteful"]].concat(),
        ),
        inhibits(rule("overloaded", "state == 'overloaded'", Critical, at_once), &["service degraded"]),
        rule("service degraded", "state == 'service_degraded'", Warning, five_minutes),
        rule("capture loss", "value('capture_coverage_upper_ratio') < 0.9", Warning, at_once),
        rule("wasteful", "state == 'wasteful'", Info, five_minutes),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_rule_compiles() {
        for config in shipped_rules() {
            let rule = super::super::compile(&config, &[]).unwrap();
            assert_eq!(rule.view().warnings, Vec::<String>::new(), "{}", config.name);
        }
    }
}
