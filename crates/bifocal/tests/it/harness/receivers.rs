//! Receivers that take what Slack and PagerDuty take, and refuse the rest as those do: what they take stands in schemas.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use bifocal_wire::json_schema::{Fit, Schema};
use serde_json::{Value, json};

const SLACK: &str = include_str!("../../data/slack-webhook.schema.json");
const PAGERDUTY: &str = include_str!("../../data/pagerduty-event.schema.json");

/// What was taken, in order.
pub(crate) type Taken = Arc<Mutex<Vec<Value>>>;

fn fits(schema: &str, body: &str) -> Result<Value, String> {
    let value: Value = serde_json::from_str(body).map_err(|err| err.to_string())?;
    match Schema::read(schema).unwrap().check(&value) {
        Fit::Fits => Ok(value),
        other => Err(format!("{other:?} in {value}")),
    }
}

/// Slack's incoming webhook.
pub(crate) async fn slack(State(taken): State<Taken>, body: String) -> Response {
    match fits(SLACK, &body) {
        Ok(value) => {
            taken.lock().unwrap().push(value);
            "ok".into_response()
        }
        Err(_) => (StatusCode::BAD_REQUEST, "invalid_blocks").into_response(),
    }
}

/// PagerDuty's `/v2/enqueue`.
pub(crate) async fn pagerduty(State(taken): State<Taken>, body: String) -> Response {
    match fits(PAGERDUTY, &body) {
        Ok(value) => {
            let answer =
                json!({"status": "success", "message": "Event processed", "dedup_key": value["dedup_key"]});
            taken.lock().unwrap().push(value);
            (StatusCode::ACCEPTED, Json(answer)).into_response()
        }
        Err(why) => {
            let answer =
                json!({"status": "invalid event", "message": "Event object is invalid", "errors": [why]});
            (StatusCode::BAD_REQUEST, Json(answer)).into_response()
        }
    }
}

#[test]
fn the_receivers_refuse_what_the_services_refuse() {
    let button = json!({"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "http://h"});
    let message =
        |block: Value| json!({"text": "t", "attachments": [{"color": "#c53030", "blocks": [block]}]});
    let actions = |button: &Value| message(json!({"type": "actions", "elements": [button]}));
    assert!(fits(SLACK, &actions(&button).to_string()).is_ok());
    let mut wrong = button.clone();
    wrong["text"]["type"] = json!("mrkdwn");
    assert!(fits(SLACK, &actions(&wrong).to_string()).is_err(), "a button has plain text");
    let long = json!({"type": "section", "text": {"type": "mrkdwn", "text": "x".repeat(3001)}});
    assert!(fits(SLACK, &message(long).to_string()).is_err());
    let image = json!({"type": "image", "image_url": "https://h/x.png", "alt_text": "x"});
    assert!(fits(SLACK, &message(image).to_string()).is_err(), "Slack could not fetch it");

    let payload = json!({"summary": "s", "source": "m", "severity": "critical"});
    let event = json!({"routing_key": "k", "event_action": "trigger", "payload": payload});
    assert!(fits(PAGERDUTY, &event.to_string()).is_ok());
    for (place, value) in [
        ("/event_action", json!("open")),
        ("/payload/severity", json!("bad")),
        ("/payload/summary", json!("")),
    ] {
        let mut wrong = event.clone();
        *wrong.pointer_mut(place).unwrap() = value;
        assert!(fits(PAGERDUTY, &wrong.to_string()).is_err(), "{place}");
    }
}
