//! What is wanted, as files: dashboards to import, bodies for the API, file provisioning, rules for Prometheus.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::desired::{Desired, Flavour, Kind, Object, Options};
use super::{FOLDER, PREFIX, prometheus_rules, yaml};

const MADE: &str = "Made by `bifocal grafana render`.";
/// Where Grafana finds the dashboards that its file provisioning loads.
const DASHBOARDS: &str = "/var/lib/grafana/dashboards/bifocal";

/// Paths below the folder and their text.
pub fn files(options: &Options) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for flavour in &options.flavours {
        let one = Desired::of(&Options { flavours: vec![*flavour], ..options.clone() });
        of_flavour(*flavour, &one.objects, &mut all);
    }
    if options.flavours.contains(&Flavour::Prometheus) {
        let rules = prometheus_rules(&options.rules, options.page.as_deref());
        all.insert("prometheus/rules/bifocal.yaml".to_owned(), rules);
    }
    all
}

fn of_flavour(flavour: Flavour, objects: &[Object], all: &mut BTreeMap<String, String>) {
    let folder = flavour.name();
    let of = |kind| objects.iter().filter(move |object| object.kind == kind);
    let bodies = |kind| of(kind).map(|object| object.body.clone()).collect::<Vec<Value>>();
    for dashboard in of(Kind::Dashboard) {
        let name =
            dashboard.uid.trim_start_matches(PREFIX).trim_start_matches(folder).trim_start_matches('-');
        all.insert(format!("{folder}/dashboards/{name}.json"), pretty(&dashboard.body));
    }
    for (kind, file) in [
        (Kind::Folder, "folder"),
        (Kind::DataSource, "data-sources"),
        (Kind::ContactPoint, "contact-points"),
        (Kind::AlertRule, "alert-rules"),
    ] {
        let bodies = bodies(kind);
        if !bodies.is_empty() {
            all.insert(format!("{folder}/api/{file}.json"), pretty(&Value::Array(bodies)));
        }
    }
    let mut provision = |file: &str, value: Value| {
        all.insert(format!("{folder}/provisioning/{file}/bifocal.yaml"), yaml::for_grafana(MADE, &value));
    };
    let sources = bodies(Kind::DataSource);
    if !sources.is_empty() {
        provision("datasources", json!({"apiVersion": 1, "datasources": sources}));
    }
    provision(
        "dashboards",
        json!({"apiVersion": 1, "providers": [{
            "name": format!("{PREFIX}{folder}"), "orgId": 1, "folder": "LLM", "folderUid": FOLDER, "type": "file",
            "updateIntervalSeconds": 30, "allowUiUpdates": false, "options": {"path": format!("{DASHBOARDS}/{folder}")},
        }]}),
    );
    let mut alerting = json!({"apiVersion": 1});
    let rules: Vec<Value> =
        of(Kind::AlertRule).map(|rule| without(&rule.body, &["ruleGroup", "folderUID", "orgID"])).collect();
    if !rules.is_empty() {
        alerting["groups"] =
            json!([{"orgId": 1, "name": "bifocal", "folder": "LLM", "interval": "60s", "rules": rules}]);
    }
    let contacts: Vec<Value> = of(Kind::ContactPoint)
        .map(|point| json!({"orgId": 1, "name": point.body["name"], "receivers": [without(&point.body, &["name"])]}))
        .collect();
    if !contacts.is_empty() {
        alerting["contactPoints"] = Value::Array(contacts);
    }
    if alerting.as_object().is_some_and(|fields| fields.len() > 1) {
        provision("alerting", alerting);
    }
}

fn without(body: &Value, names: &[&str]) -> Value {
    let fields = body.as_object().into_iter().flatten();
    let kept = fields.filter(|(name, _)| !names.contains(&name.as_str()));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
