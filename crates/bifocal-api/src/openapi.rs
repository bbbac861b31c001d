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
    ("/api/v1/scores", "Scores, newest first", &["target", "dimension", "from", "to", "limit", "cursor"]),
    ("/api/v1/estimates", "Mean scores and pass rates with their intervals", &[]),
    ("/api/v1/alerts", "Alerts: firing, pending, resolved", &[]),
    ("/api/v1/incidents", "Incidents: open ones, then those that are over", &["target", "limit"]),
    ("/api/v1/incidents/{id}", "One incident: size, cause, what was ruled out, slices, aligned events", &[]),
    ("/api/v1/ledger", "What came in and what became of it", &[]),
    ("/api/v1/judges", "Judges as their anchors show them", &[]),
    ("/api/v1/events", "Things that happened", &["target", "from", "to", "limit"]),
];

/// `GET /api/v1/openapi.json`
pub(crate) async fn document() -> Json<Value> {
    Json(build())
}

fn build() -> Value {
    let error = json!({"$ref": "#/components/schemas/Error"});
    let paths: serde_json::Map<String, Value> = PATHS
        .iter()
        .map(|(path, summary, query)| {
            let in_path = path.contains("{id}").then(|| parameter("id", "path"));
            let parameters: Vec<Value> =
                in_path.into_iter().chain(query.iter().map(|name| parameter(name, "query"))).collect();
            let operation = json!({
                "summary": summary,
                "parameters": parameters,
                "responses": {
                    "200": {"description": "done", "content": {"application/json": {"schema": {"type": "object"}}}},
                    "default": {"description": "an error", "content": {"application/json": {"schema": error}}},
                },
            });
            ((*path).to_owned(), json!({"get": operation}))
        })
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "Bifocal", "version": env!("CARGO_PKG_VERSION"), "license": {"name": "Apache-2.0"}},
        "paths": paths,
        "components": {"schemas": {"Error": {
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
