//! One request to the upstream and its response back.

use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use crate::proxy::call::Call;
use crate::proxy::config::Upstream;
use crate::proxy::decode::Ended;
use crate::proxy::pool::{Failed, Pool};
use crate::proxy::refusal::Refusal;
use crate::proxy::service::{InFlight, Outcome};
use crate::proxy::signing::Signing;
use crate::proxy::tap::Tap;
use crate::proxy::tee::{AnswerTee, BrokenOff, RequestTee};
use crate::proxy::{decode, headers, sagemaker};

/// A client that sends its request slower than this gets its 502 before it is done.
const READ_OUT_MAX: Duration = Duration::from_secs(2);

/// Forwards a request. Every path is forwarded; calls of a model are captured too.
pub(crate) async fn forward(
    pool: &Arc<Pool>,
    tap: &Arc<Tap>,
    mut in_flight: InFlight,
    request: Request<Incoming>,
) -> Response<AnswerTee> {
    let (mut head, body) = request.into_parts();
    if head.method == Method::CONNECT || headers::asks_for_another_protocol(&head.headers) {
        in_flight.outcome(Outcome::Refused);
        return Refusal::Protocol.response().map(|body| AnswerTee::Own(Some(body)));
    }

    let mut signing = None;
    if sagemaker::is_runtime(head.uri.path()) {
        signing = pool.signing();
        if let Err(refusal) = may_pass(signing, &head, pool.upstream()) {
            return refuse(refusal, in_flight);
        }
    }

    let mut call = is_captured(&head.method, head.uri.path()).then(|| Call::begin(tap, &head)).flatten();
    headers::to_upstream(&mut head.headers, &pool.upstream().host_header);
    head.uri = pool.upstream().request_target(&head.uri);
    head.version = Version::HTTP_11;
    let capture = call.as_ref().map(Call::request);
    let broken = BrokenOff::default();
    let body = match signing {
        None => RequestTee::new(body, capture, broken.clone()),
        // The only place where a request is held back: the signature covers all of it.
        Some(signing) => match signing.sign(&mut head, body, pool.upstream()).await {
            Ok(body) => RequestTee::whole(body, capture),
            Err(refusal) => {
                if let Refusal::TooLongToSign = refusal {
                    tap.telemetry.limit_hit("signed_body_bytes");
                }
                return refuse(refusal, in_flight);
            }
        },
    };

    match pool.send(Request::from_parts(head, body)).await {
        Ok((response, lease)) => {
            let (mut head, body) = response.into_parts();
            if let Some(call) = &mut call {
                call.head(head.status.as_u16(), &head.headers);
            }
            headers::to_client(&mut head.headers);
            head.version = Version::HTTP_11;
            Response::from_parts(head, AnswerTee::upstream(body, call, lease, in_flight))
        }
        Err(Failed::Response) if broken.happened() => {
            // The client's doing: the upstream had no whole request to answer.
            let response = Refusal::BrokenRequest.response();
            in_flight.outcome(Outcome::ClientGone);
            if let Some(call) = call {
                call.end(Ended::ClientGone);
            }
            response.map(|body| AnswerTee::Own(Some(body)))
        }
        Err(failed) => {
            let refusal = match failed {
                Failed::Connect(request) => {
                    read_out(request.into_body()).await;
                    Refusal::Unreachable
                }
                Failed::Response => Refusal::NoResponse,
            };
            let response = refusal.response();
            in_flight.outcome(Outcome::Unreachable);
            if let Some(mut call) = call {
                call.head(response.status().as_u16(), response.headers());
                call.end(Ended::Unreachable);
            }
            response.map(|body| AnswerTee::Own(Some(body)))
        }
    }
}

/// Whether a call of SageMaker's runtime may go on.
fn may_pass(
    signing: Option<&Signing>,
    head: &http::request::Parts,
    upstream: &Upstream,
) -> Result<(), Refusal> {
    match signing {
        Some(signing) => signing.allows(head),
        None if sagemaker::is_signed_for_another_host(&head.headers, &upstream.host_header) => {
            Err(Refusal::OtherHost)
        }
        None => Ok(()),
    }
}

fn refuse(refusal: Refusal, mut in_flight: InFlight) -> Response<AnswerTee> {
    in_flight.outcome(Outcome::Refused);
    refusal.response().map(|body| AnswerTee::Own(Some(body)))
}

/// Reads a request that nobody takes, so that its capture says which model is out of reach.
async fn read_out(mut body: RequestTee) {
    let reading = async { while body.wants_more() && matches!(body.frame().await, Some(Ok(_))) {} };
    let _ = tokio::time::timeout(READ_OUT_MAX, reading).await;
}

fn is_captured(method: &Method, path: &str) -> bool {
    *method == Method::POST && decode::CAPTURED_PATHS.iter().any(|end| path.ends_with(end))
}
