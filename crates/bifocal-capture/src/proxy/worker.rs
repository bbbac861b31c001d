//! The threads that forward. Each has a runtime of its own: a call's two connections meet on one thread, and an event
//! of a socket wakes the thread that it belongs to and no other. (On a runtime that threads share, the first one to wake
//! also wakes a second one, which looks whether there is more to do: with little load that costs as much as the call.)

use std::sync::Arc;

use bifocal_telemetry::TaskGroup;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::proxy::service::Shared;

/// A thread that forwards, and the kept connections of its own.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) runtime: Handle,
    pub(crate) shared: Arc<Shared>,
}

/// Starts a thread that runs what is spawned on it until the group is told to end. `None` where the system refuses.
pub(crate) async fn start(threads: &TaskGroup) -> Option<Handle> {
    let (tell, told) = oneshot::channel();
    let mut drain = threads.drain();
    threads.spawn_blocking("proxy worker", move || {
        match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let _ = tell.send(runtime.handle().clone());
                runtime.block_on(drain.requested());
            }
            Err(err) => tracing::warn!(%err, "start a thread of the proxy; the others do its work"),
        }
    });
    told.await.ok()
}
