//! SageMaker's runtime: invocations, response streams, the OpenAI path, and the files of Data Capture.
//!
//! The life of a call: [`signature`] lets it in, [`call`] finds endpoint and component and asks the script,
//! [`family`] says it in the dialect of the component's container, [`frames`] cuts a stream into frames,
//! [`capture`] writes down what Data Capture would: no stream, no component, no latency. [`objects`] is the bucket
//! that the files lie in.
//!
//! Invariant: what Data Capture cannot see on SageMaker is not in its files here.

mod call;
mod capture;
mod family;
mod frames;
mod hour;
mod objects;
mod signature;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use bifocal_telemetry::{Clock, Drain};
use tokio::net::TcpListener;

pub use capture::CaptureSettings;
pub use family::Family;
pub use hour::deliver_hour;
pub(in crate::sagemaker) use objects::Listing;
pub use objects::Objects;
pub use signature::Access;
pub(in crate::sagemaker) use signature::Bearer;

use crate::SimError;
use crate::script::Script;
use crate::serve::{IncidentSwitch, bind, serve};
use capture::Captures;

/// An endpoint with one variant.
#[derive(Clone, Debug)]
pub struct RuntimeEndpoint {
    /// Its name.
    pub name: String,
    /// The name of its production variant.
    pub variant: String,
    /// What answers: one without a name (a model of the variant), or inference components.
    pub components: Vec<RuntimeComponent>,
    /// Data Capture, where it is on.
    pub capture: Option<CaptureSettings>,
}

/// A container that answers.
#[derive(Clone, Debug)]
pub struct RuntimeComponent {
    /// The inference component; `None` for a model that belongs to the variant itself.
    pub name: Option<String>,
    /// The model of the script that stands in it.
    pub model: String,
    /// How it speaks.
    pub family: Family,
    /// Its streams break after so many chunks.
    pub breaks_after: Option<usize>,
}

/// The runtime of one region.
#[derive(Debug)]
pub struct RuntimeServer {
    listener: TcpListener,
    address: SocketAddr,
    world: Arc<World>,
}

/// What the runtime stands on.
#[derive(Debug)]
pub struct RuntimeOptions {
    /// The endpoints.
    pub endpoints: Vec<RuntimeEndpoint>,
    /// Who may call.
    pub access: Access,
    /// Where the files of Data Capture go; its bucket is served too.
    pub objects: Objects,
    /// What is answered.
    pub script: Arc<dyn Script>,
    /// What goes wrong.
    pub switch: IncidentSwitch,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct World {
    endpoints: Vec<RuntimeEndpoint>,
    access: Access,
    captures: Captures,
    objects: Objects,
    script: Arc<dyn Script>,
    switch: IncidentSwitch,
    clock: Arc<dyn Clock>,
}

impl RuntimeServer {
    /// Listens on a loopback address (port 0: any free one).
    pub async fn bind(address: SocketAddr, options: RuntimeOptions) -> Result<Self, SimError> {
        let RuntimeOptions { endpoints, access, objects, script, switch, clock } = options;
        let (listener, address) = bind(address).await?;
        let captures = Captures::new(objects.clone());
        let world = World { endpoints, access, captures, objects, script, switch, clock };
        Ok(Self { listener, address, world: Arc::new(world) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the signal to end; then the last capture files are delivered.
    pub async fn run(self, drain: Drain) {
        let world = Arc::clone(&self.world);
        let router = Router::new()
            .route("/endpoints/{endpoint}/invocations", post(call::invoke))
            .route("/endpoints/{endpoint}/invocations-response-stream", post(call::invoke_with_stream))
            .route("/endpoints/{endpoint}/openai/v1/chat/completions", post(call::openai))
            .route(
                "/endpoints/{endpoint}/inference-components/{component}/openai/v1/chat/completions",
                post(call::openai_of_component),
            )
            .route("/{bucket}", get(objects::list))
            .route("/{bucket}/{*key}", get(objects::read))
            .with_state(self.world);
        serve(self.listener, router, drain).await;
        world.captures.deliver();
    }
}
