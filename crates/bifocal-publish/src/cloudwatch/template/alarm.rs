//! One alarm of a template.

use bifocal_model::fnv1a;
use bifocal_watch::alert::RuleConfig;
use serde_json::{Value, json};

use crate::cloudwatch::asked::{Asked, Bad};
use crate::cloudwatch::book::DIMENSIONS;
use crate::cloudwatch::config::{WriteBackConfig, ascii};
use crate::cloudwatch::detailed;
use crate::simple::Simple;

/// Seconds of a period of an alarm.
const PERIOD: u32 = 60;
/// Longest name of an alarm.
const NAME_MAX: usize = 255;
/// Longest description of an alarm.
const DESCRIPTION_MAX: usize = 1024;
/// The end of the name of the alarm over all critical ones.
pub(super) const OVER_ALL: &str = "critical";

/// The component that alarms are for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Of<'a> {
    pub(super) endpoint: &'a str,
    pub(super) component: &'a str,
    pub(super) written: &'a WriteBackConfig,
}

/// Who is told when an alarm changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    Nobody,
    /// The topic of the template's parameter, if it has one.
    Topic,
}

impl Of<'_> {
    /// The name of an alarm.
    pub(super) fn name(&self, what: &str) -> String {
        let plain = |text: &str| ascii(text).replace([' ', '"'], "-");
        let mut name = format!("bifocal-{}-{}-{}", plain(self.endpoint), plain(self.component), plain(what));
        name.truncate(NAME_MAX);
        name
    }

    /// The name of its resource: letters and digits alone.
    fn id(&self, what: &str) -> String {
        let words = [self.component, what];
        let kept = words.iter().flat_map(|text| text.chars()).filter(char::is_ascii_alphanumeric).take(60);
        let hash =
            fnv1a([self.endpoint, self.component, what].iter().flat_map(|text| text.bytes().chain([0])));
        format!("Alarm{}{hash:016x}", kept.collect::<String>())
    }

    /// An alarm on one metric.
    pub(super) fn metric(
        &self,
        rule: &RuleConfig,
        what: &str,
        asked: &Asked,
        tells: Tells,
    ) -> (String, Value) {
        let minutes = rule.hold.as_secs().div_ceil(PERIOD).max(1);
        let metric = self.metric_of(asked);
        let mut properties = json!({
            "AlarmName": self.name(what),
            "AlarmDescription": describe(rule),
            "EvaluationPeriods": minutes,
            "DatapointsToAlarm": minutes,
            // Nobody judged, or no call came: a gap is not an alarm, and not the end of one.
            "TreatMissingData": "missing",
        });
        let (comparison, threshold) = match asked.bad {
            Bad::Below(threshold) => ("LessThanThreshold", threshold),
            Bad::AtMost(threshold) => ("LessThanOrEqualToThreshold", threshold),
            Bad::Above(threshold) => ("GreaterThanThreshold", threshold),
            Bad::AtLeast(threshold) => ("GreaterThanOrEqualToThreshold", threshold),
            Bad::Is(_) => ("GreaterThanOrEqualToThreshold", 1.0),
        };
        properties["ComparisonOperator"] = json!(comparison);
        properties["Threshold"] = json!(threshold);
        if let Bad::Is(code) = asked.bad {
            let stat = json!({"Metric": metric, "Period": PERIOD, "Stat": asked.statistic});
            properties["Metrics"] = json!([
                {"Id": "is", "Expression": format!("IF(state == {code}, 1, 0)"), "Label": what, "ReturnData": true},
                {"Id": "state", "MetricStat": stat, "ReturnData": false},
            ]);
        } else {
            for key in ["Namespace", "MetricName", "Dimensions"] {
                properties[key] = metric[key].clone();
            }
            properties["Statistic"] = json!(asked.statistic);
            properties["Period"] = json!(PERIOD);
        }
        tell(&mut properties, tells);
        (self.id(what), json!({"Type": "AWS::CloudWatch::Alarm", "Properties": properties}))
    }

    /// An alarm on a PromQL query. Each series of the result is a contributor, of which here is one.
    pub(super) fn promql(
        &self,
        rule: &RuleConfig,
        what: &str,
        simple: &Simple,
        tells: Tells,
    ) -> (String, Value) {
        let query = detailed::query(simple, self.endpoint, self.component);
        let mut properties = json!({
            "AlarmName": self.name(what),
            "AlarmDescription": describe(rule),
            "EvaluationCriteria": {"PromQLCriteria": {
                "Query": query, "PendingPeriod": rule.hold.as_secs(), "RecoveryPeriod": PERIOD,
            }},
            "EvaluationInterval": PERIOD,
        });
        tell(&mut properties, tells);
        (self.id(what), json!({"Type": "AWS::CloudWatch::Alarm", "Properties": properties}))
    }

    fn metric_of(&self, asked: &Asked) -> Value {
        let (namespace, dimensions) = match asked.namespace {
            Some(namespace) => {
                (namespace.to_owned(), json!([{"Name": "InferenceComponentName", "Value": self.component}]))
            }
            None => {
                let values = [self.component, self.component, self.endpoint].map(ascii);
                let each = DIMENSIONS.into_iter().zip(values);
                let all: Vec<Value> =
                    each.map(|(name, value)| json!({"Name": name, "Value": value})).collect();
                (self.written.namespace.named(self.component, self.endpoint), Value::Array(all))
            }
        };
        json!({"Namespace": namespace, "MetricName": asked.metric, "Dimensions": dimensions})
    }

    /// An alarm over the parts of one rule, while none of its inhibitors is in ALARM.
    pub(super) fn joined(
        &self,
        rule: &RuleConfig,
        parts: &[String],
        joint: &str,
        inhibitors: &[&str],
        tells: Tells,
    ) -> (String, Value) {
        let names: Vec<String> = parts.iter().map(|part| self.name(part)).collect();
        let mut condition = over(&names, joint);
        if !inhibitors.is_empty() {
            let names: Vec<String> = inhibitors.iter().map(|rule| self.name(rule)).collect();
            condition = format!("({condition}) AND NOT ({})", over(&names, "OR"));
        }
        let mut properties = json!({
            "AlarmName": self.name(&rule.name),
            "AlarmDescription": describe(rule),
            "AlarmRule": condition,
        });
        tell(&mut properties, tells);
        let under = parts.iter().map(String::as_str).chain(inhibitors.iter().copied());
        let after: Vec<String> = under.map(|part| self.id(part)).collect();
        let body =
            json!({"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": after, "Properties": properties});
        (self.id(&rule.name), body)
    }

    /// The alarm over those of critical rules.
    pub(super) fn over_all(&self, rules: &[&str]) -> (String, Value) {
        let names: Vec<String> = rules.iter().map(|rule| self.name(rule)).collect();
        let when = |value: Value| json!({"Fn::If": ["HasSuppressor", value, {"Ref": "AWS::NoValue"}]});
        let mut properties = json!({
            "AlarmName": self.name(OVER_ALL),
            "AlarmDescription": format!("Any critical rule for {} of {}", self.component, self.endpoint),
            "AlarmRule": over(&names, "OR"),
            "ActionsSuppressor": when(json!({"Ref": "Suppressor"})),
            "ActionsSuppressorWaitPeriod": when(json!(60)),
            "ActionsSuppressorExtensionPeriod": when(json!(60)),
        });
        tell(&mut properties, Tells::Topic);
        let after: Vec<String> = rules.iter().map(|rule| self.id(rule)).collect();
        let body =
            json!({"Type": "AWS::CloudWatch::CompositeAlarm", "DependsOn": after, "Properties": properties});
        (self.id(OVER_ALL), body)
    }
}

fn describe(rule: &RuleConfig) -> String {
    let runbook = match rule.runbook.as_deref() {
        Some(runbook) if runbook.starts_with('/') => format!(". What to do: docs{runbook}.md"),
        Some(runbook) => format!(". What to do: {runbook}"),
        None => String::new(),
    };
    let mut text = format!("{} ({}): {}", rule.name, rule.severity.name(), rule.when);
    // CloudWatch takes 1,024 characters.
    text.truncate(text.floor_char_boundary(DESCRIPTION_MAX - runbook.len().min(DESCRIPTION_MAX / 2)));
    text + &runbook
}

/// The rule of a composite alarm. Names are in quotes; none holds one.
fn over(names: &[String], joint: &str) -> String {
    let each: Vec<String> = names.iter().map(|name| format!("ALARM(\"{name}\")")).collect();
    each.join(&format!(" {joint} "))
}

fn tell(properties: &mut Value, tells: Tells) {
    if tells == Tells::Topic {
        let topic = json!({"Fn::If": ["HasTopic", [{"Ref": "AlarmTopic"}], {"Ref": "AWS::NoValue"}]});
        properties["AlarmActions"] = topic.clone();
        properties["OKActions"] = topic;
    }
}
