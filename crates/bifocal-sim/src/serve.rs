//! The core behind HTTP, on loopback, in the time of a clock that may run faster than the wall.
//!
//! [`UpstreamServer`] answers as an inference server, [`JudgeServer`] as a judge, [`Clients`] send the scripted
//! traffic through whatever stands between. [`IncidentSwitch`] starts and stops incidents while they run.

mod clients;
mod judge;
mod switch;
#[cfg(test)]
mod tests;
mod upstream;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse as _, Response};
use axum::serve::ListenerExt as _;
use bifocal_telemetry::Drain;
use http::header::CONTENT_TYPE;
use serde_json::json;
use tokio::net::TcpListener;

pub use clients::{ClientCounts, ClientStats, Clients};
pub use judge::JudgeServer;
pub use switch::IncidentSwitch;
pub use upstream::UpstreamServer;
pub(crate) use upstream::scripted_arrival;

use crate::SimError;
use crate::limits::REQUEST_BYTES;

/// Names the scripted arrival that a request is: `model/number`.
pub const INDEX_HEADER: &str = "x-sim-index";

/// After the signal to end, answers that are still being sent get so long.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), SimError> {
    if !address.ip().is_loopback() {
        return Err(SimError::NotLoopback { address });
    }
    let failed = |err| SimError::Listen { address, err };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// Serves until the signal to end, and then a little longer for what is under way.
pub(crate) async fn serve(listener: TcpListener, router: Router, drain: Drain) {
    // A chunk of a stream must not wait in the kernel for the next one.
    let listener = listener.tap_io(|connection| {
        if let Err(err) = connection.set_nodelay(true) {
            tracing::debug!(%err, "a connection keeps its delay");
        }
    });
    let mut ended = drain.clone();
    let mut late = drain;
    let server = axum::serve(listener, router.layer(DefaultBodyLimit::max(REQUEST_BYTES)))
        .with_graceful_shutdown(async move { ended.requested().await });
    let grace_over = async move {
        late.requested().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        result = server => {
            if let Err(err) = result {
                tracing::warn!(%err, "a simulated server ended");
            }
        }
        () = grace_over => {}
    }
}

/// A JSON body.
pub(crate) fn json_response(status: u16, body: Vec<u8>) -> Response {
    let status = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}

/// An error in the words of the dialect.
fn error_response(status: u16, kind: &str, message: &str) -> Response {
    let body = json!({"error": {"message": message, "type": kind, "param": null, "code": status}});
    json_response(status, body.to_string().into_bytes())
}

/// The list of models.
fn models_response(models: &[String]) -> Response {
    let model = |id: &String| json!({"id": id, "object": "model", "created": 0, "owned_by": "simulated"});
    let body = json!({"object": "list", "data": models.iter().map(model).collect::<Vec<_>>()});
    json_response(200, body.to_string().into_bytes())
}
