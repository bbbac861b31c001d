//! Alert rules of Grafana, from the alert rules of the configuration.
//!
//! Over Prometheus a rule asks what Bifocal itself decided (`bifocal_alert_firing`), so Grafana pages exactly when
//! Bifocal does, for whatever condition. Each target is an alert instance of its own. Over CloudWatch a rule compares
//! what Bifocal wrote there: conditions on one number or on the state can be said so, others cannot, and are named.

use bifocal_model::fnv1a;
use bifocal_watch::alert::{Hold, RuleConfig, Severity};
use serde_json::{Value, json};

use super::dashboard::{Page, uid as dashboard_uid};
use super::desired::{Component, Flavour};
use super::quality::dimensions;
use super::query::LABELS;
use super::{FOLDER, MARK, PREFIX};
use crate::cloudwatch::{Asked, Bad, WriteBackConfig, asked};
use crate::notify::runbook_address;
use crate::simple::Simple;

/// The group that the rules stand in.
const GROUP: &str = "bifocal";
/// The rule for a Bifocal that Prometheus does not see.
pub(super) const GONE: &str = "Bifocal is not seen";
pub(super) const GONE_FOR: Hold = Hold::secs(300);
pub(super) const ABSENT: &str = "absent(bifocal_target_state_code)";

/// What rules need beside their conditions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    /// The uid of the data source that is asked.
    pub(super) source: &'a str,
    /// The contact point that is told; `None`: as Grafana's policies say.
    pub(super) receiver: Option<&'a str>,
    /// The page of Bifocal, for links.
    pub(super) page: Option<&'a str>,
}

/// Bifocal's word on one rule: a series for each target while it fires.
pub(super) fn firing(rule: &str) -> String {
    // A name may hold quotes; PromQL strings escape like JSON's.
    format!("bifocal_alert_firing{{alert={}}}", Value::from(rule))
}

/// Bifocal's verdict for each target: 1 while the rule fires, else 0, so that a silent Bifocal is no data. Of a rule that can become
/// worse the severity is Bifocal's, and so a label of the series.
pub(super) fn verdict(rule: &RuleConfig) -> String {
    let firing = firing(&rule.name);
    let severity = if climbs(rule) { "severity, " } else { "" };
    format!("max by ({severity}{LABELS}) ({firing}) or 0 * max by ({LABELS}) (bifocal_target_state_code)")
}

fn climbs(rule: &RuleConfig) -> bool {
    !rule.escalate.is_empty()
}

/// Rules over Prometheus. Bifocal has waited for each rule's span already. One more says that Bifocal is not there.
pub(super) fn over_prometheus(rules: &[RuleConfig], around: &Around<'_>) -> Vec<Value> {
    let verdicts = rules.iter().map(|rule| of_prometheus(rule, &verdict(rule), Hold::secs(0), around));
    let gone = RuleConfig { severity: Severity::Critical, hold: GONE_FOR, ..RuleConfig::new(GONE, ABSENT) };
    verdicts.chain([of_prometheus(&gone, ABSENT, GONE_FOR, around)]).collect()
}

fn of_prometheus(rule: &RuleConfig, expression: &str, hold: Hold, around: &Around<'_>) -> Value {
    let query = json!({
        "refId": "A", "expr": expression, "instant": true, "range": false, "editorMode": "code",
        "intervalMs": 60_000, "maxDataPoints": 43_200,
    });
    let body = Body {
        uid: format!("{PREFIX}p-{:016x}", hash(&[&rule.name])),
        title: rule.name.clone(),
        hold: hold.to_string(),
        query,
        evaluator: json!({"type": "gt", "params": [0.5]}),
        summary: "{{ $labels.inference_component }}{{ $labels.model }} of {{ $labels.endpoint }}".to_owned(),
        flavour: Flavour::Prometheus,
    };
    let mut body = body.json(rule, around);
    if let Some(labels) = body["labels"].as_object_mut().filter(|_| climbs(rule)) {
        // A label of the rule would stand over that of the series.
        labels.remove("severity");
    }
    body
}

/// Rules over CloudWatch, one for each component, and the names of those that cannot be said there, with the reason.
pub(super) fn over_cloudwatch(
    rules: &[RuleConfig],
    components: &[Component],
    written: &WriteBackConfig,
    around: &Around<'_>,
) -> (Vec<Value>, Vec<String>) {
    let (mut made, mut left_out) = (Vec::new(), Vec::new());
    for rule in rules {
        let asked = Simple::parse(&rule.when)
            .ok_or_else(|| "only Bifocal can evaluate its condition".to_owned())
            .and_then(|simple| asked(&simple, written));
        match asked {
            Ok(asked) => made.extend(
                components.iter().map(|component| of_cloudwatch(rule, component, written, &asked, around)),
            ),
            Err(why) => left_out.push(format!("`{}`: {why}", rule.name)),
        }
    }
    (made, left_out)
}

/// When Grafana calls it bad.
fn evaluator(bad: Bad) -> Value {
    match bad {
        Bad::Below(threshold) => json!({"type": "lt", "params": [threshold]}),
        // Not every Grafana knows `gte`: the next number beyond says the same.
        Bad::AtMost(threshold) => json!({"type": "lt", "params": [threshold.next_up()]}),
        Bad::Above(threshold) => json!({"type": "gt", "params": [threshold]}),
        Bad::AtLeast(threshold) => json!({"type": "gt", "params": [threshold.next_down()]}),
        Bad::Is(code) => json!({"type": "within_range", "params": [code - 0.5, code + 0.5]}),
    }
}

fn of_cloudwatch(
    rule: &RuleConfig,
    component: &Component,
    written: &WriteBackConfig,
    asked: &Asked,
    around: &Around<'_>,
) -> Value {
    let (namespace, dimensions) = match asked.namespace {
        Some(namespace) => (namespace.to_owned(), json!({"InferenceComponentName": [component.name]})),
        None => (
            written.namespace.named(&component.name, &component.endpoint),
            dimensions(&component.name, &component.endpoint),
        ),
    };
    let query = json!({
        "refId": "A", "id": "qa", "queryMode": "Metrics", "metricQueryType": 0, "metricEditorMode": 0,
        "region": "default", "namespace": namespace, "metricName": asked.metric, "dimensions": dimensions,
        "matchExact": true, "statistic": asked.statistic, "period": "60", "intervalMs": 60_000, "maxDataPoints": 43_200,
    });
    let body = Body {
        uid: format!("{PREFIX}c-{:016x}", hash(&[&rule.name, &component.endpoint, &component.name])),
        title: format!("{}: {} ({})", component.name, rule.name, component.endpoint),
        hold: rule.hold.to_string(),
        query,
        evaluator: evaluator(asked.bad),
        summary: format!("{} of {}", component.name, component.endpoint),
        flavour: Flavour::CloudWatch,
    };
    body.json(rule, around)
}

/// What differs between the two flavours.
struct Body {
    uid: String,
    title: String,
    hold: String,
    query: Value,
    evaluator: Value,
    summary: String,
    flavour: Flavour,
}

impl Body {
    fn json(self, rule: &RuleConfig, around: &Around<'_>) -> Value {
        let now = json!({"from": 0, "to": 0});
        let expression = |letter: &str, model: Value| {
            let mut model = model;
            model["refId"] = json!(letter);
            json!({"refId": letter, "relativeTimeRange": now, "datasourceUid": "__expr__", "model": model})
        };
        let reduce =
            json!({"type": "reduce", "expression": "A", "reducer": "last", "settings": {"mode": "dropNN"}});
        let threshold =
            json!({"type": "threshold", "expression": "B", "conditions": [{"evaluator": self.evaluator}]});
        let mut annotations = json!({
            "summary": format!("{}: {}", rule.name, self.summary),
            "description": format!("Bifocal's rule: {}", rule.when),
            "__dashboardUid__": dashboard_uid(Page::Together, self.flavour),
        });
        if let Some(page) = around.page {
            annotations["link"] = json!(page);
        }
        if let Some(runbook) = runbook(rule, around.page) {
            annotations["runbook_url"] = json!(runbook);
        }
        let mut body = json!({
            "uid": self.uid, "title": self.title, "ruleGroup": GROUP, "folderUID": FOLDER, "orgID": 1,
            "condition": "C", "for": self.hold,
            // No data is no alert: nobody judged, or nobody is there, for which there is a rule of its own.
            "noDataState": "OK", "execErrState": "Error",
            "labels": {"severity": rule.severity.name(), "managed_by": MARK},
            "annotations": annotations,
            "data": [
                {"refId": "A", "relativeTimeRange": {"from": 600, "to": 0}, "datasourceUid": around.source,
                 "model": self.query},
                expression("B", reduce),
                expression("C", threshold),
            ],
        });
        if let Some(receiver) = around.receiver {
            body["notification_settings"] = json!({"receiver": receiver});
        }
        body
    }
}

/// Where it is written what to do: the rule's own address, the page that Bifocal serves, or, where nobody says where that is,
/// the page in the documentation.
pub(super) fn runbook(rule: &RuleConfig, page: Option<&str>) -> Option<String> {
    match (rule.runbook.as_deref()?, page) {
        (runbook, Some(page)) => runbook_address(Some(runbook), page),
        (runbook, None) if runbook.starts_with('/') => Some(format!("docs{runbook}.md")),
        (runbook, None) => Some(runbook.to_owned()),
    }
}

fn hash(parts: &[&str]) -> u64 {
    fnv1a(parts.iter().flat_map(|part| part.bytes().chain([0])))
}
