//! The API of a Grafana, as far as it is used: it keeps what it is given, adds what the real one adds, and notes each
//! call. Written from the published API description, independently of the client.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bifocal_telemetry::TaskGroup;
use serde_json::{Value, json};

use crate::harness::serve;

pub(super) const TOKEN: &str = "glsa_of_an_admin";

/// How it behaves, and what it holds.
#[derive(Debug, Default)]
pub(super) struct Inside {
    pub(super) sources: BTreeMap<String, Value>,
    pub(super) folders: BTreeMap<String, Value>,
    pub(super) dashboards: BTreeMap<String, Value>,
    pub(super) points: BTreeMap<String, Value>,
    pub(super) rules: BTreeMap<String, Value>,
    /// Method and path of each call that is no GET.
    pub(super) writes: Vec<String>,
    /// Unified alerting is off: it says so, and takes rules all the same.
    pub(super) alerting_off: bool,
    /// It is of a time before rules could be provisioned.
    pub(super) knows_no_rules: bool,
    /// The token is an Editor's.
    pub(super) editor: bool,
    /// Status that writes of this path's beginning are answered with.
    pub(super) refuse: Option<(&'static str, u16)>,
}

pub(super) type Grafana = Arc<Mutex<Inside>>;

pub(super) async fn start(tasks: &TaskGroup) -> (SocketAddr, Grafana) {
    let grafana = Grafana::default();
    let provisioning = "/api/v1/provisioning";
    let router = Router::new()
        .route("/api/frontend/settings", get(settings))
        .route("/api/search", get(search))
        .route("/api/folders", post(make_folder))
        .route("/api/folders/{uid}", get(folder).put(change_folder))
        .route("/api/dashboards/db", post(save))
        .route("/api/dashboards/uid/{uid}", get(dashboard).delete(delete_dashboard))
        .route("/api/datasources", get(sources).post(make_source))
        .route("/api/datasources/uid/{uid}", axum::routing::put(change_source).delete(delete_source))
        .route(&format!("{provisioning}/contact-points"), get(points).post(make_point))
        .route(
            &format!("{provisioning}/contact-points/{{uid}}"),
            axum::routing::put(change_point).delete(delete_point),
        )
        .route(&format!("{provisioning}/alert-rules"), get(rules).post(make_rule))
        .route(
            &format!("{provisioning}/alert-rules/{{uid}}"),
            axum::routing::put(change_rule).delete(delete_rule),
        )
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&grafana), door))
        .with_state(Arc::clone(&grafana));
    (serve(tasks, router).await, grafana)
}

fn refuse(status: u16, message: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(json!({"message": message}))).into_response()
}

fn answer(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

/// Who comes in, and what is noted of it.
async fn door(
    State(grafana): State<Grafana>,
    method: Method,
    headers: HeaderMap,
    request: axum::extract::Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {TOKEN}")) {
        return refuse(401, "Invalid API key");
    }
    {
        let mut inside = grafana.lock().unwrap();
        if inside.editor && path.starts_with("/api/datasources") {
            return refuse(403, "You'll need additional permissions to perform this action");
        }
        if inside.knows_no_rules && path.starts_with("/api/v1/provisioning") {
            return refuse(404, "Not found");
        }
        if method != Method::GET {
            inside.writes.push(format!("{method} {path}"));
            if let Some((_, status)) = inside.refuse.filter(|(start, _)| path.starts_with(start)) {
                return refuse(status, "as the test wants it");
            }
        }
    }
    next.run(request).await
}

fn parsed(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap()
}

fn uid_of(body: &Value) -> String {
    body["uid"].as_str().unwrap().to_owned()
}

async fn settings(State(grafana): State<Grafana>) -> Response {
    let off = grafana.lock().unwrap().alerting_off;
    answer(200, json!({"unifiedAlertingEnabled": !off, "buildInfo": {"version": "12.4.0"}}))
}

async fn search(State(grafana): State<Grafana>, Query(query): Query<BTreeMap<String, String>>) -> Response {
    assert_eq!(query["type"], "dash-db");
    let inside = grafana.lock().unwrap();
    let has =
        |dashboard: &Value| dashboard["tags"].as_array().is_some_and(|t| t.contains(&json!(query["tag"])));
    let found = inside.dashboards.values().filter(|dashboard| has(dashboard));
    answer(200, found.map(|dashboard| json!({"uid": dashboard["uid"], "type": "dash-db"})).collect())
}

async fn folder(State(grafana): State<Grafana>, Path(uid): Path<String>) -> Response {
    let inside = grafana.lock().unwrap();
    inside
        .folders
        .get(&uid)
        .map_or_else(|| refuse(404, "folder not found"), |found| answer(200, found.clone()))
}

async fn make_folder(State(grafana): State<Grafana>, body: Bytes) -> Response {
    let mut body = parsed(&body);
    let mut inside = grafana.lock().unwrap();
    if inside.folders.contains_key(&uid_of(&body)) {
        return refuse(412, "the folder has been changed by someone else");
    }
    body["version"] = json!(1);
    body["canEdit"] = json!(true);
    inside.folders.insert(uid_of(&body), body.clone());
    answer(200, body)
}

async fn change_folder(State(grafana): State<Grafana>, Path(uid): Path<String>, body: Bytes) -> Response {
    let body = parsed(&body);
    let mut inside = grafana.lock().unwrap();
    let found = inside.folders.get_mut(&uid).unwrap();
    if found["version"] != body["version"] {
        return refuse(412, "the folder has been changed by someone else");
    }
    found["title"] = body["title"].clone();
    found["version"] = json!(found["version"].as_i64().unwrap() + 1);
    answer(200, found.clone())
}

async fn dashboard(State(grafana): State<Grafana>, Path(uid): Path<String>) -> Response {
    let inside = grafana.lock().unwrap();
    let Some(found) = inside.dashboards.get(&uid) else { return refuse(404, "Dashboard not found") };
    answer(200, json!({"dashboard": found, "meta": {"version": found["version"], "provisioned": false}}))
}

async fn save(State(grafana): State<Grafana>, body: Bytes) -> Response {
    let body = parsed(&body);
    let mut dashboard = body["dashboard"].clone();
    let mut inside = grafana.lock().unwrap();
    if !inside.folders.contains_key(body["folderUid"].as_str().unwrap()) {
        return refuse(400, "folder not found");
    }
    assert_eq!(body["overwrite"], false);
    let uid = uid_of(&dashboard);
    let same_title =
        inside.dashboards.values().any(|other| other["title"] == dashboard["title"] && other["uid"] != *uid);
    if same_title {
        return refuse(412, "A dashboard with the same name in the folder already exists");
    }
    let version = match inside.dashboards.get(&uid) {
        Some(found) if found["version"] != dashboard["version"] => {
            return refuse(412, "The dashboard has been changed by someone else");
        }
        Some(found) => found["version"].as_i64().unwrap() + 1,
        None => 1,
    };
    dashboard["version"] = json!(version);
    dashboard["id"] = json!(inside.dashboards.len() + 1);
    inside.dashboards.insert(uid.clone(), dashboard);
    answer(200, json!({"status": "success", "uid": uid, "version": version}))
}

async fn delete_dashboard(State(grafana): State<Grafana>, Path(uid): Path<String>) -> Response {
    gone(grafana.lock().unwrap().dashboards.remove(&uid), 200)
}

fn gone(removed: Option<Value>, status: u16) -> Response {
    removed.map_or_else(|| refuse(404, "Not found"), |_| answer(status, json!({"message": "deleted"})))
}

fn listed(things: &BTreeMap<String, Value>) -> Response {
    answer(200, things.values().cloned().collect())
}

async fn sources(State(grafana): State<Grafana>) -> Response {
    listed(&grafana.lock().unwrap().sources)
}

async fn make_source(State(grafana): State<Grafana>, body: Bytes) -> Response {
    let mut body = parsed(&body);
    let mut inside = grafana.lock().unwrap();
    if inside.sources.values().any(|other| other["name"] == body["name"] || other["uid"] == body["uid"]) {
        return refuse(409, "data source with the same name already exists");
    }
    body["id"] = json!(1);
    body["readOnly"] = json!(false);
    inside.sources.insert(uid_of(&body), body);
    answer(200, json!({"message": "Datasource added"}))
}

async fn change_source(State(grafana): State<Grafana>, Path(uid): Path<String>, body: Bytes) -> Response {
    grafana.lock().unwrap().sources.insert(uid, parsed(&body));
    answer(200, json!({"message": "Datasource updated"}))
}

async fn delete_source(State(grafana): State<Grafana>, Path(uid): Path<String>) -> Response {
    gone(grafana.lock().unwrap().sources.remove(&uid), 200)
}

async fn points(State(grafana): State<Grafana>) -> Response {
    listed(&grafana.lock().unwrap().points)
}

async fn make_point(State(grafana): State<Grafana>, body: Bytes) -> Response {
    let mut body = parsed(&body);
    body["provenance"] = json!("");
    grafana.lock().unwrap().points.insert(uid_of(&body), body.clone());
    answer(202, body)
}

async fn change_point(State(grafana): State<Grafana>, Path(uid): Path<String>, body: Bytes) -> Response {
    grafana.lock().unwrap().points.insert(uid, parsed(&body));
    answer(202, json!({"message": "contactpoint updated"}))
}

async fn delete_point(State(grafana): State<Grafana>, Path(uid): Path<String>) -> Response {
    let mut inside = grafana.lock().unwrap();
    let name = inside.points.get(&uid).map(|point| point["name"].clone());
    let is_used =
        inside.rules.values().any(|rule| Some(&rule["notification_settings"]["receiver"]) == name.as_ref());
    if is_used { refuse(409, "contact point is in use") } else { gone(inside.points.remove(&uid), 202) }
}

async fn rules(State(grafana): State<Grafana>) -> Response {
    listed(&grafana.lock().unwrap().rules)
}

/// What the real one asks of a rule: the fields of its API description, the folder, the data source, the receiver.
fn checked(inside: &Inside, rule: &Value) -> Result<(), (u16, String)> {
    for field in
        ["title", "ruleGroup", "folderUID", "condition", "data", "noDataState", "execErrState", "for"]
    {
        if rule[field].is_null() {
            return Err((400, format!("{field} is missing")));
        }
    }
    let is_there = |uid: &Value| *uid == "__expr__" || inside.sources.contains_key(uid.as_str().unwrap());
    if !rule["data"].as_array().unwrap().iter().all(|query| is_there(&query["datasourceUid"])) {
        return Err((400, "data source not found".to_owned()));
    }
    if !inside.folders.contains_key(rule["folderUID"].as_str().unwrap()) {
        return Err((400, "folder does not exist".to_owned()));
    }
    let receiver = &rule["notification_settings"]["receiver"];
    if !receiver.is_null() && !inside.points.values().any(|point| point["name"] == *receiver) {
        return Err((400, "receiver does not exist".to_owned()));
    }
    let same = |other: &&Value| other["title"] == rule["title"] && other["uid"] != rule["uid"];
    match inside.rules.values().find(same) {
        Some(_) => {
            Err((409, "rule title under the same organisation and folder should be unique".to_owned()))
        }
        None => Ok(()),
    }
}

async fn make_rule(State(grafana): State<Grafana>, headers: HeaderMap, body: Bytes) -> Response {
    let mut rule = parsed(&body);
    let mut inside = grafana.lock().unwrap();
    assert_eq!(headers["x-disable-provenance"], "true");
    if let Err((status, why)) = checked(&inside, &rule) {
        return refuse(status, &why);
    }
    rule["id"] = json!(inside.rules.len() + 1);
    rule["updated"] = json!("2026-11-26T00:00:00Z");
    rule["isPaused"] = json!(false);
    for query in rule["data"].as_array_mut().unwrap() {
        query["queryType"] = json!("");
    }
    inside.rules.insert(uid_of(&rule), rule.clone());
    answer(201, rule)
}

async fn change_rule(State(grafana): State<Grafana>, Path(uid): Path<String>, body: Bytes) -> Response {
    let rule = parsed(&body);
    let mut inside = grafana.lock().unwrap();
    if let Err((status, why)) = checked(&inside, &rule) {
        return refuse(status, &why);
    }
    inside.rules.insert(uid, rule.clone());
    answer(200, rule)
}

async fn delete_rule(State(grafana): State<Grafana>, Path(uid): Path<String>) -> Response {
    // The real one answers 204 also when there is nothing.
    grafana.lock().unwrap().rules.remove(&uid);
    StatusCode::NO_CONTENT.into_response()
}
