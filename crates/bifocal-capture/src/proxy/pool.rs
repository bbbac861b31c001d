//! Kept connections to the upstream. The last one used is taken first, so that a quiet time lets the rest age.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, TaskGroup, Telemetry};
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::proxy::config::Upstream;
use crate::proxy::signing::Signing;
use crate::proxy::tee::RequestTee;

/// uvicorn, under most Python servers, closes a connection that was idle for 5 s: let go before it does, else a
/// request may meet the closing.
const IDLE_SECS_MAX: f64 = 4.0;
/// A SYN that is not answered in this time: the upstream is down.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The pool of one worker to one upstream.
#[derive(Debug)]
pub(crate) struct Pool {
    upstream: Upstream,
    signing: Option<Arc<Signing>>,
    idle: Mutex<Vec<Idle>>,
    idle_max: usize,
    clock: Arc<dyn Clock>,
    tasks: TaskGroup,
    telemetry: Telemetry,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<RequestTee>,
    since: Timestamp,
}

/// A connection in use. Dropping it closes the connection; [`Lease::give_back`] keeps it.
#[derive(Debug)]
pub(crate) struct Lease {
    sender: SendRequest<RequestTee>,
    pool: Arc<Pool>,
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum Failed {
    /// No connection; the request comes back untouched.
    Connect(Box<Request<RequestTee>>),
    /// The request was sent, wholly or in part, and no response came.
    Response,
}

impl Pool {
    pub(crate) fn new(
        upstream: Upstream,
        signing: Option<Arc<Signing>>,
        idle_max: usize,
        clock: Arc<dyn Clock>,
        tasks: TaskGroup,
        telemetry: Telemetry,
    ) -> Self {
        Self { upstream, signing, idle: Mutex::new(Vec::new()), idle_max, clock, tasks, telemetry }
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// Who signs calls of SageMaker's runtime, where it is the proxy.
    pub(crate) fn signing(&self) -> Option<&Signing> {
        self.signing.as_deref()
    }

    /// Sends a request over a kept connection or a new one. A kept connection that turns out to be closed before
    /// a byte of the request was written is replaced; once bytes are out, nothing is ever sent twice.
    pub(crate) async fn send(
        self: &Arc<Self>,
        mut request: Request<RequestTee>,
    ) -> Result<(Response<Incoming>, Lease), Failed> {
        while let Some(mut sender) = self.take_idle() {
            if sender.ready().await.is_err() {
                continue;
            }
            match sender.try_send_request(request).await {
                Ok(response) => return Ok((response, Lease { sender, pool: Arc::clone(self) })),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Failed::Response),
                },
            }
        }
        let Ok(mut sender) = self.connect().await else { return Err(Failed::Connect(Box::new(request))) };
        let response = sender.send_request(request).await.map_err(|_| Failed::Response)?;
        Ok((response, Lease { sender, pool: Arc::clone(self) }))
    }

    fn take_idle(&self) -> Option<SendRequest<RequestTee>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = idle.pop()?;
        // A scaled clock runs faster than the sockets do.
        let oldest = Span::from_secs_f64(IDLE_SECS_MAX * self.clock.speed());
        if self.clock.now().since(kept.since) <= oldest {
            return Some(kept.sender);
        }
        // The last one used is too old, so all are.
        idle.clear();
        None
    }

    async fn connect(&self) -> Result<SendRequest<RequestTee>, ()> {
        let connecting = TcpStream::connect((self.upstream.host.as_str(), self.upstream.port));
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.map_err(drop)?.map_err(drop)?;
        // Nagle's algorithm against delayed acknowledgements costs 40 ms.
        stream.set_nodelay(true).map_err(drop)?;
        let Some(tls) = &self.upstream.tls else { return self.begin(stream).await };
        let greeting = tls.connector.connect(tls.name.clone(), stream);
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, greeting).await.map_err(drop)?;
        self.begin(stream.map_err(|err| tracing::warn!(%err, "TLS with the upstream"))?).await
    }

    async fn begin<S>(&self, stream: S) -> Result<SendRequest<RequestTee>, ()>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(drop)?;
        self.tasks.spawn_one_of_many(async move {
            // Its errors reach the call that they belong to.
            let _ = connection.await;
        });
        Ok(sender)
    }

    fn keep(&self, sender: SendRequest<RequestTee>) {
        if sender.is_closed() {
            return;
        }
        let since = self.clock.now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push(Idle { sender, since });
        } else {
            drop(idle);
            self.telemetry.limit_hit("idle_upstream_connections");
        }
    }

    /// Closes the kept connections.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Lease {
    /// Keeps the connection for the next call. Only after a response that was read to its end.
    pub(crate) fn give_back(self) {
        let Self { sender, pool } = self;
        pool.keep(sender);
    }
}
