//! The OpenAPI document, written by hand as data beside the routes: a test checks that it names every route.

use axum::Json;
use serde_json::{Value, json};

/// Path, summary, query parameters.
const PATHS: &[(&str, &str, &[&str])] = &[
    ("/api/v1/fleet", "Everything that the first page draws", &[]),
    ("/api/v1/targets", "All targets with their states", &[]),
    ("/api/v1/targets/{id}", "One target: streams, failures, events", &[]),
    ("/api/v1/targets/{id}/signals", "Both lenses on one time axis", &["from", "to", "step"]),
    ("/api/v1/inferences", "Inferences, newest first", &["target", "from", "to", "limit", "cursor", "worst"]),
    ("/api/v1/inferences/{id}", "One inference with its texts and scores", &[]),
    ("/api/v1/inferences/{id}/labels", "What people say of it", &[]),
    ("/api/v1/labels", "What people say of answers, newest first", &["limit"]),
    ("/api/v1/scores", "Scores, newest first", &["target", "dimension", "from", "to", "limit", "cursor"]),
    ("/api/v1/estimates", "Mean scores and pass rates with their intervals", &[]),
    ("/api/v1/alerts", "Alerts: firing, pending, resolved", &[]),
    ("/api/v1/rules", "Alert rules, with what inhibits each", &[]),
    ("/api/v1/silences", "Silences: those that are not over, then those that are", &[]),
    ("/api/v1/incidents", "Incidents: open ones, then those that are over", &["target", "limit"]),
    ("/api/v1/incidents/{id}", "One incident: size, cause, what was ruled out, slices, aligned events", &[]),
    ("/api/v1/incidents/{id}/logs", "What containers wrote around its beginning, where that is kept", &[]),
    (
        "/api/v1/incidents/{id}/chart.png",
        "Its picture: score with interval, baseline, onset range, aligned events",
        &[],
    ),
    ("/api/v1/ledger", "What came in and what became of it", &[]),
    ("/api/v1/judges", "Judges as their anchors show them, and how they agree with people", &[]),
    (
        "/api/v1/judging",
        "What judging costs today and this month, judge by judge, and how it is allotted to strata",
        &[],
    ),
    ("/api/v1/events", "Things that happened", &["target", "from", "to", "limit"]),
];

/// What people do.
struct Doing {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// Parameters of the query.
    query: &'static [&'static str],
    /// Fields of the body; those with `?` may be left out.
    fields: &'static [&'static str],
}

const fn post(path: &'static str, summary: &'static str, fields: &'static [&'static str]) -> Doing {
    Doing { method: "post", path, summary, query: &[], fields }
}

const DOINGS: &[Doing] = &[
    post(
        "/api/v1/silences",
        "Silence alerts: every field of rule, target and severity that is there must match; `end` or `for`",
        &["rule?", "target?", "severity?", "owner", "reason", "start?", "end?", "for?"],
    ),
    post("/api/v1/incidents/{id}/acknowledge", "Somebody looks after an incident", &["by"]),
    post("/api/v1/incidents/{id}/comments", "Say something about an incident", &["by", "text"]),
    post("/api/v1/incidents/{id}/close", "Close an incident; a new alarm opens another", &["by", "note"]),
    Doing {
        method: "delete",
        path: "/api/v1/silences/{id}",
        summary: "End a silence before its end",
        query: &["by"],
        fields: &[],
    },
];

/// Path, summary and content type of what takes labels.
const LABELLING: &[(&str, &str, &str)] = &[
    ("/api/v1/inferences/{id}/labels", "Say what you think of an answer", "application/json"),
    ("/api/v1/labels", "Many labels as JSON lines, all of them or none", "application/x-ndjson"),
];

/// `GET /api/v1/openapi.json`
pub(crate) async fn document() -> Json<Value> {
    Json(build())
}

fn build() -> Value {
    let mut paths: serde_json::Map<String, Value> = PATHS
        .iter()
        .map(|(path, summary, query)| ((*path).to_owned(), json!({"get": operation(path, summary, query)})))
        .collect();
    for Doing { method, path, summary, query, fields } in DOINGS {
        let mut operation = operation(path, summary, query);
        if !fields.is_empty() {
            operation["requestBody"] = body(fields);
        }
        let methods = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
        methods[*method] = operation;
    }
    for (path, summary, content_type) in LABELLING {
        let mut operation = operation(path, summary, &[]);
        let schema = json!({"$ref": "#/components/schemas/Label"});
        operation["requestBody"] = json!({"required": true, "content": {*content_type: {"schema": schema}}});
        let methods = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
        methods["post"] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Bifocal", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": {"Label": label(), "Error": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": {
                "type": "object",
                "required": ["code", "message", "hint"],
                "properties": {
                    "code": {"type": "string"}, "message": {"type": "string"}, "hint": {"type": "string"},
                },
            }},
        }}},
    })
}

fn operation(path: &str, summary: &str, query: &[&str]) -> Value {
    let error = json!({"$ref": "#/components/schemas/Error"});
    let in_path = path.contains("{id}").then(|| parameter("id", "path"));
    let parameters: Vec<Value> =
        in_path.into_iter().chain(query.iter().map(|name| parameter(name, "query"))).collect();
    json!({
        "summary": summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}},
            "default": {"description": "an error", "content": {"application/json": {"schema": error}}},
        },
    })
}

fn body(fields: &[&str]) -> Value {
    let name = |field: &&str| field.trim_end_matches('?').to_owned();
    let properties: serde_json::Map<String, Value> =
        fields.iter().map(|field| (name(field), json!({"type": "string"}))).collect();
    let required: Vec<String> = fields.iter().filter(|field| !field.ends_with('?')).map(name).collect();
    let schema = json!({"type": "object", "properties": properties, "required": required});
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}

/// A label; of a line of many it has an `inference` too.
fn label() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "object",
        "required": ["who"],
        "additionalProperties": false,
        "properties": {
            "inference": text, "who": text, "dimension": text, "correction": text,
            "thumbs": {"enum": ["up", "down"]},
            "grade": {"type": "integer", "minimum": 1, "maximum": 5},
            "pass": {"type": "boolean"},
        },
    })
}

fn parameter(name: &str, place: &str) -> Value {
    let number = matches!(name, "limit" | "step");
    let schema = if number { json!({"type": "number"}) } else { json!({"type": "string"}) };
    json!({"name": name, "in": place, "required": place == "path", "schema": schema})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_frozen() {
        insta::assert_json_snapshot!(build());
    }
}
