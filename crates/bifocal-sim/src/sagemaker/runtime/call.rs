//! One invocation: from the request's head to the container's answer.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, sleep_until};
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::capture::Seen;
use super::family::Family;
use super::signature::Bearer;
use super::{RuntimeComponent, RuntimeEndpoint, World, frames};
use crate::exchange::{self, Chunk};
use crate::limits::REQUEST_BYTES;
use crate::openai::Dialect;
use crate::script::Ask;
use crate::serve::scripted_arrival;

const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";
const COMPONENT: &str = "x-amzn-sagemaker-inference-component";
const VARIANT: HeaderName = HeaderName::from_static("x-amzn-invoked-production-variant");
const INNER_CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-sagemaker-content-type");
const CUSTOM_ATTRIBUTES: HeaderName = HeaderName::from_static("x-amzn-sagemaker-custom-attributes");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// Which of the surfaces was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Surface {
    Whole,
    Frames,
    OpenAi,
}

/// InvokeEndpoint.
pub(super) async fn invoke(
    State(world): State<Arc<World>>,
    Path(endpoint): Path<String>,
    request: Request,
) -> Response {
    answer(&world, Surface::Whole, &endpoint, None, request).await
}

/// InvokeEndpointWithResponseStream.
pub(super) async fn invoke_with_stream(
    State(world): State<Arc<World>>,
    Path(endpoint): Path<String>,
    request: Request,
) -> Response {
    answer(&world, Surface::Frames, &endpoint, None, request).await
}

/// Chat completions of an endpoint with one container.
pub(super) async fn openai(
    State(world): State<Arc<World>>,
    Path(endpoint): Path<String>,
    request: Request,
) -> Response {
    answer(&world, Surface::OpenAi, &endpoint, None, request).await
}

/// Chat completions of an inference component.
pub(super) async fn openai_of_component(
    State(world): State<Arc<World>>,
    Path((endpoint, component)): Path<(String, String)>,
    request: Request,
) -> Response {
    answer(&world, Surface::OpenAi, &endpoint, Some(component), request).await
}

async fn answer(
    world: &World,
    surface: Surface,
    endpoint: &str,
    component: Option<String>,
    request: Request,
) -> Response {
    let arrived = world.clock.now();
    let (head, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, REQUEST_BYTES).await else {
        return error(413, "ValidationError", json!({"Message": "The request is too long."}));
    };
    let bearer = if surface == Surface::OpenAi { Bearer::Taken } else { Bearer::Refused };
    if let Err(refused) = world.access.check(&head, &body, "sagemaker", bearer) {
        return error(403, refused.kind, json!({"message": refused.message}));
    }
    let Some(endpoint) = world.endpoints.iter().find(|known| known.name == endpoint) else {
        let message = format!("Endpoint {endpoint} of account 123456789012 not found.");
        return error(400, "ValidationError", json!({"Message": message}));
    };
    let named = component.or_else(|| header(&head, COMPONENT).map(str::to_owned));
    let container = match endpoint.container(named.as_deref()) {
        Ok(container) => container,
        Err(message) => return error(400, "ValidationError", json!({"Message": message})),
    };
    let (said, family) = world.ask(container, surface, &head, &body, arrived);
    // The container's failure has its status; what the service makes of it is its own.
    let failed = said.status >= 400;
    let said = if failed { said } else { family.say(said) };
    if let Some(capture) =
        endpoint.capture.as_ref().filter(|_| surface == Surface::Whole || !said.is_in_pieces())
    {
        let report =
            json!({"code": said.status, "message": "Received error from the model container"}).to_string();
        let whole = said.body();
        let response =
            if failed { (None, report.as_bytes()) } else { (Some(said.content_type), whole.as_slice()) };
        let content_type = header(&head, CONTENT_TYPE.as_str()).unwrap_or("application/octet-stream");
        world.captures.take(
            capture,
            &Seen {
                endpoint: &endpoint.name,
                variant: &endpoint.variant,
                time: arrived,
                inference_id: header(&head, "x-amzn-sagemaker-inference-id"),
                request: (content_type, &body),
                response,
            },
        );
    }
    let mut response = if failed {
        model_error(&world.clock, arrived, surface, &said).await
    } else {
        send(Arc::clone(&world.clock), arrived, surface, said, container.breaks_after).await
    };
    let headers = response.headers_mut();
    if let Ok(variant) = HeaderValue::from_str(&endpoint.variant) {
        headers.insert(VARIANT, variant);
    }
    if let Some(attributes) = head.headers.get(&CUSTOM_ATTRIBUTES) {
        headers.insert(CUSTOM_ATTRIBUTES, attributes.clone());
    }
    response
}

impl RuntimeEndpoint {
    fn container(&self, named: Option<&str>) -> Result<&RuntimeComponent, String> {
        let has_components = self.components.iter().any(|component| component.name.is_some());
        match named {
            None if has_components => {
                Err("Inference Component Name header is required for endpoints with inference components."
                    .to_owned())
            }
            None => self.components.first().ok_or_else(|| "The endpoint has no model.".to_owned()),
            Some(name) => self
                .components
                .iter()
                .find(|component| component.name.as_deref() == Some(name))
                .ok_or_else(|| format!("Inference Component {name} of endpoint {} not found.", self.name)),
        }
    }
}

impl World {
    /// The script's answer, in OpenAI's bytes, and the family to say it in.
    fn ask(
        &self,
        container: &RuntimeComponent,
        surface: Surface,
        head: &Parts,
        body: &[u8],
        arrived: Timestamp,
    ) -> (exchange::Response, Family) {
        let incidents = self.switch.snapshot();
        let scripted = scripted_arrival(&head.headers)
            .and_then(|(model, index)| self.script.respond(model, index, &incidents));
        if let Some(scripted) = scripted {
            return (scripted, Family::OpenAi);
        }
        let bad = |status, message: &str| {
            let body = json!({"error": {"message": message, "type": "BadRequestError", "code": status}});
            (exchange::Response::json(status, 0.0, body.to_string()), Family::OpenAi)
        };
        let Some((ask, family)) = read(container, surface, body) else {
            return bad(400, "the body asks nothing in the words of this container");
        };
        match self.script.improvise(&ask, arrived, &incidents) {
            Some(response) => (response, family),
            None => bad(404, "the model does not exist"),
        }
    }
}

/// What is asked, and in whose words it is answered: LMI answers chat in OpenAI's.
fn read(container: &RuntimeComponent, surface: Surface, body: &[u8]) -> Option<(Ask, Family)> {
    let mut asked: Value = serde_json::from_slice(body).ok()?;
    let of_inputs = asked.get("inputs").and_then(|inputs| inputs.as_str().or_else(|| inputs[0].as_str()));
    let (dialect, family) = match of_inputs.map(str::to_owned) {
        Some(inputs) if container.family != Family::OpenAi => {
            asked["prompt"] = json!(inputs);
            (Dialect::Completions, container.family)
        }
        Some(_) => return None,
        None if asked.get("prompt").is_some() => (Dialect::Completions, Family::OpenAi),
        None => (Dialect::Chat, Family::OpenAi),
    };
    asked["model"] = json!(container.model);
    if surface != Surface::OpenAi {
        // Which call was made says whether it streams; a container that is asked for whole answers gives one piece.
        asked["stream"] = json!(surface == Surface::Frames);
    }
    Some((Ask::read(dialect, asked.to_string().as_bytes())?, family))
}

/// Sends each piece when it is due on the clock, in frames where these are asked for.
async fn send(
    clock: Arc<dyn Clock>,
    arrived: Timestamp,
    surface: Surface,
    said: exchange::Response,
    breaks_after: Option<usize>,
) -> Response {
    let content_type = HeaderValue::from_static(said.content_type);
    if surface == Surface::Whole || (surface == Surface::OpenAi && !said.is_in_pieces()) {
        let body = said.body();
        due(&clock, arrived, said.duration_seconds()).await;
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        return response;
    }
    let mut chunks = said.chunks;
    let first = chunks.first().map_or(0.0, |chunk| chunk.delay_seconds);
    if surface == Surface::Frames {
        for chunk in &mut chunks {
            chunk.bytes = Bytes::from(frames::parts(&chunk.bytes));
        }
        if let Some(limit) = breaks_after.filter(|limit| *limit < chunks.len()) {
            chunks.truncate(limit);
            let delay_seconds = chunks.last().map_or(first, |chunk| chunk.delay_seconds);
            let report = r#"{"Message":"The model container closed the stream.","ErrorCode":"StreamBroken"}"#;
            chunks.push(Chunk {
                delay_seconds,
                bytes: Bytes::from(frames::exception("ModelStreamError", report)),
            });
        }
    }
    due(&clock, arrived, first).await;
    let body = stream::unfold((clock, chunks.into_iter()), move |(clock, mut chunks)| async move {
        let chunk = chunks.next()?;
        due(&clock, arrived, chunk.delay_seconds).await;
        Some((Ok::<_, Infallible>(chunk.bytes), (clock, chunks)))
    });
    let mut response = Response::new(Body::from_stream(body));
    if surface == Surface::Frames {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        response.headers_mut().insert(INNER_CONTENT_TYPE, content_type);
    } else {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

async fn due(clock: &Arc<dyn Clock>, arrived: Timestamp, delay_seconds: f64) {
    sleep_until(&**clock, arrived + Span::from_secs_f64(delay_seconds)).await;
}

/// What the service makes of a container's failure.
async fn model_error(
    clock: &Arc<dyn Clock>,
    arrived: Timestamp,
    surface: Surface,
    said: &exchange::Response,
) -> Response {
    due(clock, arrived, said.duration_seconds()).await;
    let original = String::from_utf8_lossy(&said.body()).into_owned();
    if surface == Surface::OpenAi {
        return crate::serve::json_response(said.status, original.into_bytes());
    }
    let message =
        format!("Received client error ({}) from primary with message \"{original}\".", said.status);
    let body = json!({"Message": message, "OriginalStatusCode": said.status, "OriginalMessage": original,
        "LogStreamArn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/simulated"});
    error(424, "ModelError", body)
}

fn error(status: u16, kind: &'static str, body: Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(kind));
    response
}

fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    head.headers.get(name)?.to_str().ok().filter(|value| !value.is_empty())
}
