//! What has to be done so that an account of CloudWatch holds the alarms and the dashboard that are wanted.
//!
//! What is wanted is the [`Template`] with its parameters filled in. An alarm is as wanted when all that is wanted stands in
//! what AWS describes. What was made earlier and is wanted no longer is known by its name's beginning *and* the mark at the
//! end of its description, which names the owner: alarms of a stack, of another owner, of anybody else stay.

use serde_json::{Map, Value, json};

use super::template::{DASHBOARD_MARK, Template};
use crate::grafana::differences;

/// How the names of all of Bifocal's alarms and dashboards begin.
pub const PREFIX: &str = "bifocal-";
/// Longest description that AWS takes.
const DESCRIPTION_MAX: usize = 1024;
/// Dashboards that a template holds.
const DASHBOARD: &str = "AWS::CloudWatch::Dashboard";
const COMPOSITE: &str = "AWS::CloudWatch::CompositeAlarm";

/// Whom alarms tell, and whose they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// ARN of the topic that alarms tell; `None`: nobody.
    pub topic: Option<String>,
    /// Name or ARN of an alarm that silences the critical ones while it is in ALARM.
    pub suppressor: Option<String>,
    /// The region, which the dashboard's charts name.
    pub region: String,
    /// Who makes them: another owner's are left alone.
    pub owner: String,
}

/// Which of the two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// On metrics.
    Metric,
    /// Over other alarms, which must be there first.
    Composite,
}

/// One alarm, as the API takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Of which kind.
    pub kind: AlarmKind,
    /// Its name.
    pub name: String,
    /// The parameters of PutMetricAlarm or PutCompositeAlarm.
    pub body: Value,
}

/// Everything that is wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// In the order in which they can be made.
    pub alarms: Vec<Alarm>,
    /// The dashboard's name and body.
    pub dashboard: Option<(String, String)>,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum AlarmStep {
    /// It is not there.
    Create(Alarm),
    /// It is there and differs, at these places.
    Update(Alarm, Vec<String>),
    /// It was made by this owner and is wanted no longer.
    Delete(String),
    /// Its name is taken by an alarm that this owner did not make.
    Taken(String),
}

impl Wanted {
    /// What a template comes to with these parameters.
    pub fn of(template: &Template, parameters: &Parameters) -> Self {
        let mut wanted = Self::default();
        let resources = template.body["Resources"].as_object();
        for resource in resources.into_iter().flat_map(Map::values) {
            let Some(Value::Object(mut body)) = filled(&resource["Properties"], parameters) else { continue };
            if resource["Type"] == DASHBOARD {
                let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
                wanted.dashboard = text("DashboardName").zip(text("DashboardBody"));
                if let Some((name, _)) = wanted.dashboard.as_mut().filter(|_| parameters.owner != OWNER) {
                    name.push_str(&format!("-{}", parameters.owner));
                }
                continue;
            }
            let kind = if resource["Type"] == COMPOSITE { AlarmKind::Composite } else { AlarmKind::Metric };
            let Some(name) = body.get("AlarmName").and_then(Value::as_str).map(str::to_owned) else {
                continue;
            };
            let described = body.get("AlarmDescription").and_then(Value::as_str).unwrap_or_default();
            let mark = mark(&parameters.owner);
            let room = described.floor_char_boundary(DESCRIPTION_MAX - mark.len().min(DESCRIPTION_MAX));
            let described = format!("{}{mark}", described.get(..room).unwrap_or_default());
            body.insert("AlarmDescription".to_owned(), json!(described));
            body.insert("ActionsEnabled".to_owned(), json!(true));
            // Said even where they are none: an update overwrites, and what is not said stays to be compared with.
            for actions in ["AlarmActions", "OKActions"] {
                body.entry(actions).or_insert_with(|| json!([]));
            }
            wanted.alarms.push(Alarm { kind, name, body: Value::Object(body) });
        }
        // A composite alarm may stand over another one, whose rule is then shorter by nothing that could be sorted by.
        wanted.alarms.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        in_order(&mut wanted.alarms);
        wanted
    }
}

/// The owner that needs no naming.
pub const OWNER: &str = "bifocal";

/// Composite alarms behind those that they name.
fn in_order(alarms: &mut [Alarm]) {
    let names: Vec<String> = alarms.iter().map(|alarm| alarm.name.clone()).collect();
    let depth = |start: &Alarm| {
        let mut depth = 0_usize;
        let mut level = vec![start.name.clone()];
        while !level.is_empty() && depth <= names.len() {
            let of = |name: &String| alarms.iter().find(|alarm| alarm.name == *name);
            let rules = level.iter().filter_map(of).filter_map(|alarm| alarm.body["AlarmRule"].as_str());
            let below: Vec<String> = rules
                .flat_map(|rule| names.iter().filter(move |name| rule.contains(&format!("\"{name}\""))))
                .cloned()
                .collect();
            level = below;
            depth += 1;
        }
        depth
    };
    let depths: std::collections::HashMap<String, usize> =
        alarms.iter().map(|alarm| (alarm.name.clone(), depth(alarm))).collect();
    alarms.sort_by_key(|alarm| (alarm.kind, depths.get(&alarm.name).copied().unwrap_or_default()));
}

/// The end of the description of everything that an owner made.
fn mark(owner: &str) -> String {
    format!(" [made by bifocal cloudwatch apply: {owner}]")
}

/// A value of the template with its parameters filled in; `None`: it is not there.
fn filled(value: &Value, parameters: &Parameters) -> Option<Value> {
    let Value::Object(fields) = value else {
        return match value {
            Value::Array(items) => Some(items.iter().filter_map(|item| filled(item, parameters)).collect()),
            other => Some(other.clone()),
        };
    };
    if let Some([condition, yes, no]) = fields.get("Fn::If").and_then(Value::as_array).map(Vec::as_slice) {
        let holds = match condition.as_str() {
            Some("HasTopic") => parameters.topic.is_some(),
            Some("HasSuppressor") => parameters.suppressor.is_some(),
            _ => false,
        };
        return filled(if holds { yes } else { no }, parameters);
    }
    if let Some(text) = fields.get("Fn::Sub").and_then(Value::as_str) {
        return Some(json!(text.replace("${AWS::Region}", &parameters.region)));
    }
    match fields.get("Ref").and_then(Value::as_str) {
        Some("AlarmTopic") => return parameters.topic.clone().map(Value::from),
        Some("Suppressor") => return parameters.suppressor.clone().map(Value::from),
        Some("AWS::NoValue") => return None,
        _ => {}
    }
    let kept = fields.iter().filter_map(|(key, value)| Some((key.clone(), filled(value, parameters)?)));
    Some(Value::Object(kept.collect()))
}

/// What to do, in order: what is made, then what is deleted. `found`: alarms of both kinds, as AWS describes them.
pub fn alarm_steps(wanted: &[Alarm], found: &[Value], owner: &str) -> Vec<AlarmStep> {
    let name_of = |alarm: &Value| alarm["AlarmName"].as_str().unwrap_or_default().to_owned();
    let mark = mark(owner);
    let is_ours = |alarm: &Value| {
        name_of(alarm).starts_with(PREFIX)
            && alarm["AlarmDescription"].as_str().is_some_and(|text| text.ends_with(&mark))
    };
    let mut steps = Vec::new();
    for alarm in wanted {
        match found.iter().find(|found| name_of(found) == alarm.name) {
            None => steps.push(AlarmStep::Create(alarm.clone())),
            Some(found) if !is_ours(found) => steps.push(AlarmStep::Taken(alarm.name.clone())),
            Some(found) => {
                let mut places = Vec::new();
                differences(&alarm.body, found, "", &mut places);
                if !places.is_empty() {
                    steps.push(AlarmStep::Update(alarm.clone(), places));
                }
            }
        }
    }
    let mut surplus: Vec<&Value> = found
        .iter()
        .filter(|found| is_ours(found) && wanted.iter().all(|alarm| alarm.name != name_of(found)))
        .collect();
    // An alarm that another one stands over cannot be deleted before that one.
    while !surplus.is_empty() {
        let names_it = |by: &&Value, name: &str| {
            by["AlarmRule"].as_str().is_some_and(|rule| rule.contains(&format!("\"{name}\"")))
        };
        let free = surplus.iter().position(|alarm| !surplus.iter().any(|by| names_it(by, &name_of(alarm))));
        steps.push(AlarmStep::Delete(name_of(surplus.remove(free.unwrap_or_default()))));
    }
    steps
}

/// Whether a dashboard was made by Bifocal, whoever owns it: it says so.
pub fn is_our_dashboard(body: &str) -> bool {
    body.contains(DASHBOARD_MARK)
}

/// Whether two dashboards say the same, however they are written.
pub fn same_dashboard(wanted: &str, found: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let (Some(wanted), Some(found)) = (read(wanted), read(found)) else { return wanted == found };
    let mut places = Vec::new();
    differences(&wanted, &found, "", &mut places);
    places.is_empty()
}

#[cfg(test)]
mod tests {
    use bifocal_watch::alert::{Hold, RuleConfig, Severity};

    use super::*;
    use crate::cloudwatch::{AlarmOptions, WriteBackConfig};

    fn parameters(topic: bool) -> Parameters {
        Parameters {
            topic: topic.then(|| "arn:aws:sns:us-east-1:1:llm".to_owned()),
            suppressor: None,
            region: "us-east-1".to_owned(),
            owner: OWNER.to_owned(),
        }
    }

    fn wanted(parameters: &Parameters) -> Wanted {
        let rule = |name: &str, when: &str, severity, inhibits: &[&str]| RuleConfig {
            severity,
            hold: Hold::secs(60),
            inhibits: inhibits.iter().map(|name| (*name).to_owned()).collect(),
            ..RuleConfig::new(name, when)
        };
        let options = AlarmOptions {
            rules: vec![
                rule("relevance", "upper('relevance_pass_rate') < 0.7", Severity::Warning, &["slow"]),
                rule("slow", "state == 'service_degraded'", Severity::Warning, &[]),
                rule("outage", "state == 'outage'", Severity::Critical, &["relevance", "slow"]),
            ],
            written: WriteBackConfig { bounds: true, pass_rates: true, states: true, ..Default::default() },
            components: vec![("llm-prod".into(), "qwen".into())],
            detailed: false,
        };
        Wanted::of(&Template::of(&options).unwrap(), parameters)
    }

    #[test]
    fn nothing_of_the_template_s_language_is_left_and_children_come_first() {
        let all = wanted(&parameters(true));
        let text =
            serde_json::to_string(&all.alarms.iter().map(|a| a.body.clone()).collect::<Vec<_>>()).unwrap();
        assert!(!text.contains("Fn::") && !text.contains("Ref"), "{text}");
        assert!(all.dashboard.as_ref().unwrap().1.contains("us-east-1"));
        let place = |name: &str| {
            all.alarms.iter().position(|a| a.name == format!("bifocal-llm-prod-qwen-{name}")).unwrap()
        };
        for alarm in all.alarms.iter().filter(|alarm| alarm.kind == AlarmKind::Composite) {
            let rule = alarm.body["AlarmRule"].as_str().unwrap();
            for child in rule.split("ALARM(\"bifocal-llm-prod-qwen-").skip(1) {
                let child = child.split('"').next().unwrap();
                assert!(
                    place(child) < all.alarms.iter().position(|a| a.name == alarm.name).unwrap(),
                    "{child}"
                );
            }
        }
        // `slow` waits for `relevance`, which waits for `outage`.
        assert!(place("outage") < place("relevance") && place("relevance") < place("slow"));
        let slow = &all.alarms[place("slow")].body;
        assert_eq!(slow["AlarmActions"], json!(["arn:aws:sns:us-east-1:1:llm"]));
        assert_eq!(all.alarms[place("slow-part-1")].body["AlarmActions"], json!([]));
    }

    #[test]
    fn twice_changes_nothing_and_what_aws_adds_is_no_difference() {
        let all = wanted(&parameters(true));
        let describe = |alarm: &Alarm| {
            let mut body = alarm.body.clone();
            body["AlarmArn"] = json!("arn:aws:cloudwatch:us-east-1:1:alarm:x");
            body["StateValue"] = json!("OK");
            body["InsufficientDataActions"] = json!([]);
            body
        };
        let found: Vec<Value> = all.alarms.iter().map(describe).collect();
        assert_eq!(alarm_steps(&all.alarms, &found, OWNER), []);
        assert_eq!(alarm_steps(&all.alarms, &[], OWNER).len(), all.alarms.len());
        // The topic is taken away: whoever told it tells nobody any more.
        let silent = wanted(&parameters(false));
        let steps = alarm_steps(&silent.alarms, &found, OWNER);
        assert!(!steps.is_empty(), "{steps:?}");
        for step in &steps {
            let AlarmStep::Update(_, places) = step else { panic!("{step:?}") };
            assert!(places.iter().all(|place| place.contains("Actions")), "{places:?}");
        }
    }

    #[test]
    fn what_is_wanted_no_longer_goes_and_what_is_foreign_stays() {
        let all = wanted(&parameters(false));
        let mut found: Vec<Value> = all.alarms.iter().map(|alarm| alarm.body.clone()).collect();
        found.push(json!({"AlarmName": "bifocal-old", "AlarmDescription": format!("x{}", mark(OWNER))}));
        found.push(json!({"AlarmName": "bifocal-of-a-stack", "AlarmDescription": "x"}));
        found.push(json!({"AlarmName": "bifocal-other", "AlarmDescription": format!("x{}", mark("team b"))}));
        found.push(json!({"AlarmName": "theirs", "AlarmDescription": format!("x{}", mark(OWNER))}));
        assert_eq!(alarm_steps(&all.alarms, &found, OWNER), [AlarmStep::Delete("bifocal-old".to_owned())]);
        let taken = json!({"AlarmName": all.alarms[0].name, "AlarmDescription": "of a stack"});
        let steps = alarm_steps(&all.alarms[..1], &[taken], OWNER);
        assert_eq!(steps, [AlarmStep::Taken(all.alarms[0].name.clone())]);
    }

    #[test]
    fn what_stands_over_others_goes_before_them() {
        let ours = |name: &str, rule: Option<&str>| {
            let mut alarm = json!({"AlarmName": name, "AlarmDescription": mark(OWNER)});
            if let Some(rule) = rule {
                alarm["AlarmRule"] = json!(rule);
            }
            alarm
        };
        let found = [
            ours("bifocal-a", None),
            ours("bifocal-b", Some("ALARM(\"bifocal-a\")")),
            ours("bifocal-c", Some("ALARM(\"bifocal-b\") AND NOT ALARM(\"bifocal-a\")")),
        ];
        let gone = ["bifocal-c", "bifocal-b", "bifocal-a"].map(|name| AlarmStep::Delete(name.to_owned()));
        assert_eq!(alarm_steps(&[], &found, OWNER), gone);
    }

    #[test]
    fn dashboards_are_compared_by_what_they_say() {
        assert!(same_dashboard(r#"{"widgets": [1]}"#, r#"{ "widgets":[1.0] }"#));
        assert!(!same_dashboard(r#"{"widgets": [1]}"#, r#"{"widgets": [2]}"#));
        assert!(!same_dashboard(r#"{"widgets": [1]}"#, "no json"));
    }
}
