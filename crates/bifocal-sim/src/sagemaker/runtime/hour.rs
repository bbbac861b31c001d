//! An hour that is over: the capture files that an endpoint's load has left.

use bifocal_model::{Span, Timestamp};
use serde_json::json;

use super::capture::{CaptureSettings, Captures, Seen};
use super::objects::Objects;
use crate::sagemaker::scenario::{ComponentTruth, Phase, Says, Scenario};

/// Puts the capture files of the hour from `start` on into the bucket, as the load of a phase leaves them: every call
/// that is no stream is drawn with the percentage, and the calls of a component are as far apart as its rate says.
/// Nothing is put where Data Capture is off.
pub fn deliver_hour(scenario: &Scenario, phase: &Phase, start: Timestamp, objects: &Objects) {
    let Some(capture) = &scenario.endpoint.capture else { return };
    let settings = CaptureSettings {
        percentage: capture.percent,
        destination: capture.destination.trim_start_matches("s3://").trim_end_matches('/').to_owned(),
        input: true,
        output: true,
        json_content_types: vec!["application/json".to_owned()],
    };
    let captures = Captures::numbered_from(objects.clone(), start);
    for component in &phase.components {
        let is_stream = |n: u32| component.streams_every > 0 && n.is_multiple_of(component.streams_every);
        let times = (0..).map(|n: u32| (n, (f64::from(n) + 0.5) / component.requests_per_second));
        for (n, after) in times.take_while(|(_, after)| *after < 3600.0).filter(|(n, _)| !is_stream(*n)) {
            let time = start + Span::from_secs_f64(after);
            let (asked, answered) = bodies(component, n);
            let id = format!("{}:{n}", component.name);
            let seen = Seen {
                endpoint: &scenario.endpoint.name,
                variant: &scenario.endpoint.variant,
                time,
                inference_id: (component.says == Says::InferenceId).then_some(id.as_str()),
                request: ("application/json", asked.as_bytes()),
                response: (Some("application/json"), answered.as_bytes()),
            };
            captures.take(&settings, &seen);
        }
        // The next component's calls begin at the hour's start again.
        captures.deliver();
    }
}

fn bodies(component: &ComponentTruth, n: u32) -> (String, String) {
    let question = json!({"role": "user", "content": format!("question {n}")});
    let mut asked = json!({"messages": [question], "max_tokens": 64});
    if component.says == Says::Model {
        asked["model"] = json!(component.name);
    }
    let answer = json!({"role": "assistant", "content": format!("answer {n} of the endpoint")});
    let choice = json!({"index": 0, "message": answer, "finish_reason": "stop"});
    (asked.to_string(), json!({"object": "chat.completion", "choices": [choice]}).to_string())
}
