//! What commands that make alarms for others take from flags and configuration: components by name, and rules.

use std::collections::BTreeSet;

use bifocal_evaluate::judge::JudgeConfig;
use bifocal_telemetry::Telemetry;
use bifocal_watch::alert::RuleConfig;
use bifocal_watch::{Watch, WatchConfig};

use crate::config::{ConfigFile, TargetSection, alert_rules, slos};
use crate::running::rule_error;
use crate::user_error::{Code, UserError};

/// Endpoint and component of the configuration's targets and of the flags, each pair once.
pub(super) fn named_components(
    config: &ConfigFile,
    flags: &[String],
) -> Result<BTreeSet<(String, String)>, UserError> {
    let mut all: BTreeSet<(String, String)> = config.target.iter().flat_map(configured).collect();
    for text in flags {
        all.insert(parsed(text)?);
    }
    Ok(all)
}

/// The components that a target of the configuration names. An endpoint that is watched by name names none.
fn configured(target: &TargetSection) -> Vec<(String, String)> {
    let Some(endpoint) = target.endpoint.as_ref().or(target.name.as_ref()) else { return Vec::new() };
    target.components.values().map(|name| (endpoint.clone(), name.clone())).collect()
}

fn parsed(text: &str) -> Result<(String, String), UserError> {
    match text.split_once('/') {
        Some((endpoint, name)) if !endpoint.is_empty() && !name.is_empty() => {
            Ok((endpoint.to_owned(), name.to_owned()))
        }
        _ => Err(UserError::new(Code::Usage, format!("--component `{text}` is no ENDPOINT/NAME"))
            .hint("such as llm-prod/qwen2.5-7b-instruct")),
    }
}

/// The shipped rules and the configuration's own. One whose condition cannot be used is refused.
pub(super) fn checked_rules(config: &ConfigFile) -> Result<Vec<RuleConfig>, UserError> {
    let slos = slos(config.slo.clone());
    let rules = alert_rules(config.alert.clone(), &slos);
    let own = config.evaluator.iter().map(|evaluator| evaluator.dimension().to_owned());
    let judged = config.judge.iter().flat_map(JudgeConfig::own_dimensions);
    let own_dimensions = own.chain(judged).collect();
    let watched = WatchConfig { rules: rules.clone(), own_dimensions, slos, ..WatchConfig::default() };
    watched.check().map_err(|what| UserError::new(Code::ConfigInvalid, what))?;
    Watch::new(watched, Telemetry::new()).map_err(|err| rule_error(&anyhow::Error::from(err), ""))?;
    Ok(rules)
}
