//! Alarms and a dashboard as a CloudFormation template, from the alert rules of the configuration.
//!
//! A condition on one number that CloudWatch has, or on the state, becomes a metric alarm of each component, and one on the engine's own
//! numbers, where its collector ships them, a PromQL alarm; several that
//! are joined become metric alarms that tell nobody and a composite one over them, as does one that others inhibit: its
//! composite alarm holds while none of those is in ALARM. A further composite alarm stands over
//! all critical ones of a component: it alone tells of them, and can be suppressed, by a deployment say.

mod alarm;
mod dashboard;

pub(super) use dashboard::MARK as DASHBOARD_MARK;

use std::collections::BTreeSet;

use bifocal_watch::alert::{RuleConfig, Severity};
use serde_json::{Map, Value, json};

use super::asked::{Asked, asked};
use super::config::WriteBackConfig;
use super::detailed;
use crate::limits::{CLOUDFORMATION_RESOURCES, COMPOSITE_CHILDREN};
use crate::simple::{Joined, Simple};

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlarmOptions {
    /// The alert rules of the configuration.
    pub rules: Vec<RuleConfig>,
    /// What Bifocal writes.
    pub written: WriteBackConfig,
    /// Endpoint and inference component, each pair once.
    pub components: Vec<(String, String)>,
    /// Whether SageMaker's collector ships the engines' own metrics: conditions on them become PromQL alarms.
    pub detailed: bool,
}

/// A template with what a person should know of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Template {
    /// The template, JSON.
    pub body: Value,
    /// Rules that cannot be said in CloudWatch, each with the reason.
    pub left_out: Vec<String>,
    /// Metric alarms.
    pub metric_alarms: usize,
    /// PromQL alarms.
    pub promql_alarms: usize,
    /// Composite alarms.
    pub composite_alarms: usize,
}

/// Why there is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// CloudFormation refuses more.
    #[error("{0} resources in one template, CloudFormation takes {CLOUDFORMATION_RESOURCES}")]
    Resources(usize),
    /// CloudWatch refuses more.
    #[error("{0} alarms under one composite alarm, CloudWatch takes {COMPOSITE_CHILDREN}")]
    Children(usize),
    /// One would overwrite the other.
    #[error(
        "two alarms would be called `{0}`: the names of two rules or components differ only in characters that an alarm's name has not"
    )]
    SameName(String),
}

/// An alarm looks back a day at most.
const HOLD_MAX_SECS: u32 = 86_400;

/// Dollars a month: a metric alarm, a composite one, a dashboard, in us-east-1 without the free ones.
const USD: (f64, f64, f64) = (0.10, 0.50, 3.0);

/// One rule as CloudWatch can say it.
struct Said<'a> {
    rule: &'a RuleConfig,
    joined: Joined,
    parts: Vec<Part>,
    /// Rules that keep it from being told, of those that CloudWatch can say too.
    inhibitors: Vec<&'a str>,
}

/// How a part of a condition is said.
enum Part {
    /// As a metric alarm.
    Metric(Asked),
    /// As a PromQL alarm.
    PromQl(Simple),
}

impl Template {
    /// The template of these options.
    pub fn of(options: &AlarmOptions) -> Result<Self, TemplateError> {
        let (mut said, mut left_out) = (Vec::new(), Vec::new());
        for rule in &options.rules {
            match say(rule, options) {
                Ok(one) => said.push(one),
                Err(why) => left_out.push(format!("`{}`: {why}", rule.name)),
            }
        }
        let names: Vec<&str> = said.iter().map(|one: &Said<'_>| one.rule.name.as_str()).collect();
        for one in &mut said {
            one.inhibitors =
                inhibitors(one.rule, &options.rules).filter(|name| names.contains(name)).collect();
        }
        let mut template = Self { left_out, ..Self::default() };
        let mut resources = Map::new();
        let mut critical_names = Vec::new();
        for (endpoint, component) in &options.components {
            let of = alarm::Of { endpoint, component, written: &options.written };
            let mut critical = Vec::new();
            for one in &said {
                template.add_rule(&of, one, &mut resources);
                if one.rule.severity == Severity::Critical {
                    critical.push(one.rule.name.as_str());
                }
            }
            if critical.len() > COMPOSITE_CHILDREN {
                return Err(TemplateError::Children(critical.len()));
            }
            if !critical.is_empty() {
                let (id, body) = of.over_all(&critical);
                template.composite_alarms += 1;
                critical_names.push(of.name(alarm::OVER_ALL));
                resources.insert(id, body);
            }
        }
        resources.insert("Dashboard".to_owned(), dashboard::resource(options));
        if resources.len() > CLOUDFORMATION_RESOURCES {
            return Err(TemplateError::Resources(resources.len()));
        }
        let mut names = BTreeSet::new();
        for name in resources.values().filter_map(|resource| resource["Properties"]["AlarmName"].as_str()) {
            if !names.insert(name) {
                return Err(TemplateError::SameName(name.to_owned()));
            }
        }
        template.body = body(resources, &critical_names);
        Ok(template)
    }

    /// What it costs a month, dollars. A PromQL alarm is taken for a metric alarm: AWS's page of prices does not name it.
    pub fn usd_per_month(&self) -> f64 {
        let (metric, composite, dashboard) = USD;
        (self.metric_alarms + self.promql_alarms) as f64 * metric
            + self.composite_alarms as f64 * composite
            + dashboard
    }

    /// The alarm or alarms of a rule for a component.
    fn add_rule(&mut self, of: &alarm::Of<'_>, said: &Said<'_>, resources: &mut Map<String, Value>) {
        // Critical ones are told by the alarm over all of them.
        let tells =
            if said.rule.severity == Severity::Critical { alarm::Tells::Nobody } else { alarm::Tells::Topic };
        // Critical ones are under one alarm: there it makes no difference which of them it is.
        let inhibitors = if tells == alarm::Tells::Topic { said.inhibitors.as_slice() } else { &[] };
        let (joint, parts) = match (&said.joined, said.parts.as_slice()) {
            (Joined::One(_), [only]) if inhibitors.is_empty() => {
                let (id, body) = self.part(of, said.rule, &said.rule.name, only, tells);
                resources.insert(id, body);
                return;
            }
            (Joined::Any(_), parts) => ("OR", parts),
            (_, parts) => ("AND", parts),
        };
        let mut children = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            let name = format!("{} part {}", said.rule.name, i + 1);
            let (id, body) = self.part(of, said.rule, &name, part, alarm::Tells::Nobody);
            resources.insert(id, body);
            children.push(name);
        }
        let (id, body) = of.joined(said.rule, &children, joint, inhibitors, tells);
        self.composite_alarms += 1;
        resources.insert(id, body);
    }
}

impl Template {
    /// The alarm of a part of a rule's condition, counted.
    fn part(
        &mut self,
        of: &alarm::Of<'_>,
        rule: &RuleConfig,
        name: &str,
        part: &Part,
        tells: alarm::Tells,
    ) -> (String, Value) {
        match part {
            Part::Metric(asked) => {
                self.metric_alarms += 1;
                of.metric(rule, name, asked, tells)
            }
            Part::PromQl(simple) => {
                self.promql_alarms += 1;
                of.promql(rule, name, simple, tells)
            }
        }
    }
}

/// Names of the rules that inhibit one, whichever side says so.
fn inhibitors<'a>(rule: &'a RuleConfig, rules: &'a [RuleConfig]) -> impl Iterator<Item = &'a str> {
    rules.iter().map(|other| (other, other.name.as_str())).filter_map(move |(other, name)| {
        let inhibits = other.inhibits.contains(&rule.name) || rule.inhibited_by.iter().any(|by| by == name);
        inhibits.then_some(name)
    })
}

fn say<'a>(rule: &'a RuleConfig, options: &AlarmOptions) -> Result<Said<'a>, String> {
    if rule.min_samples.is_some() {
        return Err("only Bifocal counts samples".to_owned());
    }
    let joined =
        Joined::parse(&rule.when).ok_or_else(|| "only Bifocal can evaluate its condition".to_owned())?;
    if rule.hold.as_secs() > HOLD_MAX_SECS {
        return Err(format!("its `for` of {} is longer than the day that CloudWatch looks back", rule.hold));
    }
    let part = |simple: &Simple| match asked(simple, &options.written) {
        Ok(asked) => Ok(Part::Metric(asked)),
        Err(why) if detailed::query(simple, "", "").is_none() => Err(why),
        Err(_) if options.detailed => Ok(Part::PromQl(simple.clone())),
        Err(why) => {
            Err(format!("{why}; with `detailed_observability = true` of the endpoint it is a PromQL alarm"))
        }
    };
    let parts = joined.parts().iter().map(part).collect::<Result<Vec<_>, _>>()?;
    Ok(Said { rule, joined, parts, inhibitors: Vec::new() })
}

fn body(resources: Map<String, Value>, critical: &[String]) -> Value {
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Alarms and a dashboard over quantity and quality of LLM endpoints, made by `bifocal cloudwatch template`",
        "Parameters": {
            "AlarmTopic": {
                "Type": "String", "Default": "", "Description": "ARN of the SNS topic that alarms tell; empty: nobody",
            },
            "Suppressor": {
                "Type": "String", "Default": "",
                "Description": "Name or ARN of an alarm that silences the critical ones while it is in ALARM, such as one of a deployment",
            },
        },
        "Conditions": {
            "HasTopic": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopic"}, ""]}]},
            "HasSuppressor": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Suppressor"}, ""]}]},
        },
        "Resources": resources,
        "Outputs": {
            "CriticalAlarms": {
                "Description": "The alarm over all critical ones of each component",
                "Value": if critical.is_empty() { "none".to_owned() } else { critical.join(",") },
            },
        },
    })
}

#[cfg(test)]
mod tests;
