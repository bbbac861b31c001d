//! The page's listener: accepts, limits, drains. A connection that brings nothing would else hold its place for ever.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bifocal_telemetry::{Drain, TaskGroup, Telemetry};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{PAGE_CONNECTIONS, PAGE_HEAD_SECONDS};

/// Answers that are still being read this long after the signal to end are cut.
const DRAIN_MAX: Duration = Duration::from_secs(5);
/// After a failed accept (no file descriptor left, for one) wait for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a client may take of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Connections at once.
    pub(super) connections: usize,
    /// How long a connection may go without a whole request head.
    pub(super) head_wait: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: PAGE_CONNECTIONS, head_wait: Duration::from_secs(PAGE_HEAD_SECONDS) }
    }
}

/// Serves until the signal, then takes no more connections and lets running answers finish.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    telemetry: Telemetry,
    mut drain: Drain,
) {
    let connections = Arc::new(Semaphore::new(bounds.connections));
    let tasks = TaskGroup::new();
    loop {
        let accepted = tokio::select! {
            () = drain.requested() => break,
            accepted = accept(&listener, &connections, &telemetry) => accepted,
        };
        let Some((stream, permit)) = accepted else { continue };
        let connection =
            connection(stream, router.clone(), bounds.head_wait, telemetry.clone(), tasks.drain());
        tasks.spawn("page connection", async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_MAX, tasks.stop_and_join()).await.is_err() {
        tracing::warn!(connections = tasks.running(), "readers of the page were cut");
    }
}

async fn accept(
    listener: &TcpListener,
    connections: &Arc<Semaphore>,
    telemetry: &Telemetry,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    if connections.available_permits() == 0 {
        telemetry.limit_hit("page_connections");
    }
    let permit = Arc::clone(connections).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, permit)),
        Err(err) => {
            tracing::warn!(%err, "accept a connection of the page");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    head_wait: Duration,
    telemetry: Telemetry,
    mut drain: Drain,
) {
    // Without it small answers wait for an acknowledgement. It fails on a dead socket only.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_wait)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = drain.requested() => None,
    };
    match ended {
        Some(Err(err)) if err.is_timeout() => telemetry.limit_hit("page_head_seconds"),
        // Other errors are those of one reader's connection: it is gone.
        Some(_) => {}
        None => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use bifocal_telemetry::Metric;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n";

    async fn listening(bounds: Bounds) -> (SocketAddr, Telemetry, TaskGroup) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(|| async { "here" }));
        let (telemetry, tasks) = (Telemetry::new(), TaskGroup::new());
        let drain = tasks.drain();
        tasks.spawn("page", serve(listener, router, bounds, telemetry.clone(), drain));
        (address, telemetry, tasks)
    }

    async fn answered(stream: &mut TcpStream) -> String {
        let mut answer = [0; 1024];
        let read = stream.read(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    #[tokio::test]
    async fn a_connection_without_a_request_is_cut() {
        let bounds = Bounds { head_wait: Duration::from_millis(100), ..Bounds::default() };
        let (address, telemetry, tasks) = listening(bounds).await;
        for (n, sent) in [&b""[..], &REQUEST[..20]].into_iter().enumerate() {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            // Comes to an end, for the server ends it.
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            while telemetry.value(Metric::LimitHits, &["page_head_seconds"]) <= n as u64 {
                tokio::task::yield_now().await;
            }
        }
        // One that was answered and says no more goes the same way.
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(REQUEST).await.unwrap();
        assert!(answered(&mut stream).await.ends_with("here"));
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty());
        tasks.stop_and_join().await;
    }

    #[tokio::test]
    async fn past_the_limit_page_connections_the_next_one_waits() {
        let (address, telemetry, tasks) = listening(Bounds { connections: 2, ..Bounds::default() }).await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(REQUEST).await.unwrap();
            assert!(answered(&mut stream).await.ends_with("here"));
            held.push(stream);
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        third.write_all(REQUEST).await.unwrap();
        while telemetry.value(Metric::LimitHits, &["page_connections"]) == 0 {
            tokio::task::yield_now().await;
        }
        held.clear();
        assert!(answered(&mut third).await.ends_with("here"));
        drop(third);
        tasks.stop_and_join().await;
    }

    #[test]
    fn the_bounds_are_the_limits() {
        let bounds = Bounds::default();
        assert_eq!(bounds.connections, PAGE_CONNECTIONS);
        assert_eq!(bounds.head_wait.as_secs(), PAGE_HEAD_SECONDS);
    }
}
