//! The listener: accepts, limits, spreads over the workers, drains.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bifocal_telemetry::{Clock, Counter, Drain, Gauge, Metric, TaskGroup, Telemetry};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::proxy::config::{ProxyOptions, Upstream};
use crate::proxy::decode::Decoder;
use crate::proxy::forward::forward;
use crate::proxy::pool::Pool;
use crate::proxy::recorder::{Recorder, Sink};
use crate::proxy::signing::Signing;
use crate::proxy::tap::Tap;
use crate::proxy::worker::{self, Worker};

/// Streams that are still running this long after the signal to end are cut.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// After a failed accept (no file descriptor left, for one) wait for some to be closed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A proxy that listens and does not accept yet.
#[derive(Debug)]
pub struct Proxy {
    listener: TcpListener,
    address: SocketAddr,
    upstream: Upstream,
    /// Signs calls of SageMaker's runtime, where it was asked to.
    signing: Option<Arc<Signing>>,
    /// How many threads forward.
    workers: usize,
    idle_upstream_connections: usize,
    tap: Arc<Tap>,
    counters: Counters,
    telemetry: Telemetry,
    head_wait: Duration,
    connections: Arc<Semaphore>,
    upstream_tasks: TaskGroup,
}

/// What the connections of a worker share.
#[derive(Debug)]
pub(crate) struct Shared {
    pool: Arc<Pool>,
    tap: Arc<Tap>,
    counters: Counters,
    telemetry: Telemetry,
    /// A client that has not sent a whole request head after this long is cut off: it would hold a connection.
    head_wait: Duration,
}

/// The proxy's counters, looked up once.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    outcomes: Arc<[Counter; 5]>,
    in_flight: Gauge,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Answered by the upstream, to the end.
    Forwarded,
    /// The upstream broke off in its answer.
    MidStream,
    /// No connection, or no response.
    Unreachable,
    /// The client went away.
    ClientGone,
    /// Not a request that can be forwarded.
    Refused,
}

/// A request in the proxy, counted when it leaves.
#[derive(Debug)]
pub(crate) struct InFlight {
    counters: Counters,
    outcome: Outcome,
}

impl Proxy {
    /// Opens the listener. The [`Recorder`] is to be run on a thread of its own
    /// ([`TaskGroup::spawn_blocking`]); it ends by itself when the proxy has ended and its queue is empty.
    pub async fn bind(
        options: &ProxyOptions,
        sink: Arc<dyn Sink>,
        clock: Arc<dyn Clock>,
        telemetry: &Telemetry,
    ) -> Result<(Self, Recorder), Error> {
        Self::bind_signing(options, None, sink, clock, telemetry).await
    }

    /// As [`Self::bind`], for a proxy that signs calls of SageMaker's runtime itself.
    pub async fn bind_signing(
        options: &ProxyOptions,
        signing: Option<Signing>,
        sink: Arc<dyn Sink>,
        clock: Arc<dyn Clock>,
        telemetry: &Telemetry,
    ) -> Result<(Self, Recorder), Error> {
        let upstream = options.upstream()?;
        let decoder = Decoder::new(&options.origin, options.components.clone(), telemetry.clone())
            .with_fields(options.context_fields.clone());
        let (tap, queue) = Tap::new(options, sink.door(), Arc::clone(&clock), telemetry)?;
        let recorder = Recorder::new(queue, tap.losses(), decoder, sink, Arc::clone(&clock));
        let listen = |err| Error::Listen { address: options.listen, err };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let proxy = Self {
            listener,
            address,
            upstream,
            signing: signing.map(Arc::new),
            workers: options.workers.max(1),
            idle_upstream_connections: options.idle_upstream_connections,
            tap: Arc::new(tap),
            counters: Counters::new(telemetry),
            telemetry: telemetry.clone(),
            head_wait: Duration::from_secs_f64(options.head_seconds),
            connections: Arc::new(Semaphore::new(options.connections)),
            upstream_tasks: TaskGroup::new(),
        };
        Ok((proxy, recorder))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the signal, then takes no more connections and lets running calls finish.
    pub async fn run(self, mut drain: Drain) {
        let (tasks, threads) = (TaskGroup::new(), TaskGroup::new());
        let workers = self.start_workers(&threads).await;
        for worker in workers.iter().cycle() {
            let accepted = tokio::select! {
                () = drain.requested() => break,
                accepted = self.accept() => accepted,
            };
            let Some((stream, permit)) = accepted else { continue };
            let connection = serve(Arc::clone(&worker.shared), stream, permit, tasks.drain());
            let _on_its_thread = worker.runtime.enter();
            tasks.spawn_one_of_many(connection);
        }
        drop(self.listener);
        if tokio::time::timeout(DRAIN_MAX, tasks.stop_and_join()).await.is_err() {
            tracing::warn!(connections = tasks.running(), "streams were cut: they did not end in 30 s");
        }
        workers.iter().for_each(|worker| worker.shared.pool.close());
        self.upstream_tasks.stop();
        drop(workers);
        threads.stop_and_join().await;
    }

    /// At least one: if no thread can be had, this runtime forwards.
    async fn start_workers(&self, threads: &TaskGroup) -> Vec<Worker> {
        let mut runtimes = Vec::with_capacity(self.workers);
        for _ in 0..self.workers {
            runtimes.extend(worker::start(threads).await);
        }
        if runtimes.is_empty() {
            runtimes.push(Handle::current());
        }
        let idle_max = self.idle_upstream_connections.div_ceil(runtimes.len());
        runtimes.into_iter().map(|runtime| self.worker(runtime, idle_max)).collect()
    }

    fn worker(&self, runtime: Handle, idle_max: usize) -> Worker {
        let (clock, tasks) = (Arc::clone(&self.tap.clock), self.upstream_tasks.clone());
        let (upstream, signing) = (self.upstream.clone(), self.signing.clone());
        let pool = Pool::new(upstream, signing, idle_max, clock, tasks, self.telemetry.clone());
        let shared = Shared {
            pool: Arc::new(pool),
            tap: Arc::clone(&self.tap),
            counters: self.counters.clone(),
            telemetry: self.telemetry.clone(),
            head_wait: self.head_wait,
        };
        Worker { runtime, shared: Arc::new(shared) }
    }

    async fn accept(&self) -> Option<(std::net::TcpStream, OwnedSemaphorePermit)> {
        if self.connections.available_permits() == 0 {
            self.telemetry.limit_hit("connections");
        }
        let permit = Arc::clone(&self.connections).acquire_owned().await.ok()?;
        let accepted = self.listener.accept().await;
        // Its worker makes it one of its own.
        match accepted.and_then(|(stream, _)| stream.into_std()) {
            Ok(stream) => Some((stream, permit)),
            Err(err) => {
                tracing::warn!(%err, "accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

async fn serve(
    shared: Arc<Shared>,
    stream: std::net::TcpStream,
    permit: OwnedSemaphorePermit,
    mut drain: Drain,
) {
    let Ok(stream) = TcpStream::from_std(stream) else { return };
    // Without it small chunks wait up to 40 ms for an acknowledgement. It fails on a dead socket only.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let in_flight = shared.counters.enter();
        let shared = &shared;
        async move { Ok::<_, Infallible>(forward(&shared.pool, &shared.tap, in_flight, request).await) }
    });
    // The date is the upstream's or absent, like every other header.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.head_wait)
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // Errors are those of one client's connection: it is gone, and its calls have recorded that.
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = drain.requested() => None,
    };
    match ended {
        Some(Err(err)) if err.is_timeout() => shared.telemetry.limit_hit("head_seconds"),
        Some(_) => {}
        None => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    drop(permit);
}

impl Counters {
    fn new(telemetry: &Telemetry) -> Self {
        let outcomes = ["forwarded", "mid_stream", "unreachable", "client_gone", "refused"]
            .map(|outcome| telemetry.counter(Metric::ProxyRequests, &[outcome]));
        Self { outcomes: Arc::new(outcomes), in_flight: telemetry.gauge(Metric::ProxyInFlight, &[]) }
    }

    fn enter(&self) -> InFlight {
        self.in_flight.increment();
        InFlight { counters: self.clone(), outcome: Outcome::ClientGone }
    }
}

impl InFlight {
    pub(crate) fn outcome(&mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.counters.in_flight.decrement();
        self.counters.outcomes[self.outcome as usize].increment();
    }
}
