//! The traffic: requests at their scripted times, whether or not the earlier ones are answered, as real users do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, Drain, TaskGroup, sleep_until};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Semaphore;

use super::{INDEX_HEADER, IncidentSwitch};
use crate::exchange::{Arrival, Request};
use crate::limits::OPEN_REQUESTS;
use crate::script::Script;

/// Requests are looked up so far ahead; an incident that stops traffic shows after at most so long.
const AHEAD: Span = Span::from_secs(1);
/// A generator that is later than this leaves out what it missed instead of sending it in a burst.
const LATE: Span = Span::from_secs(10);

/// What became of the requests. Cheap to clone; counts only grow.
#[derive(Clone, Debug, Default)]
pub struct ClientStats {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    succeeded: AtomicU64,
    refused: AtomicU64,
    broken: AtomicU64,
    left_out: AtomicU64,
}

/// The counts at one moment. `sent = succeeded + refused + broken + open`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientCounts {
    /// Requests that were started.
    pub sent: u64,
    /// Answered with a status below 400, body read to its end.
    pub succeeded: u64,
    /// Answered with an error status, body read to its end.
    pub refused: u64,
    /// Connection refused, reset, or the body ended early.
    pub broken: u64,
    /// Due but not sent: too many were open, or the generator was too late.
    pub left_out: u64,
}

/// The traffic generator.
#[derive(Debug)]
pub struct Clients {
    target: SocketAddr,
    script: Arc<dyn Script>,
    switch: IncidentSwitch,
    clock: Arc<dyn Clock>,
    stats: ClientStats,
    /// The endpoint of SageMaker that is called; `None`: OpenAI's own routes are.
    endpoint: Option<String>,
    pub(super) open_requests: usize,
}

const COMPONENT: &str = "x-amzn-sagemaker-inference-component";

type HttpClient = Client<HttpConnector, Full<Bytes>>;

impl ClientStats {
    /// The counts now.
    pub fn counts(&self) -> ClientCounts {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.counts;
        ClientCounts {
            sent: get(&counts.sent),
            succeeded: get(&counts.succeeded),
            refused: get(&counts.refused),
            broken: get(&counts.broken),
            left_out: get(&counts.left_out),
        }
    }
}

impl Clients {
    /// Clients that send to an address (of the proxy, or of the server itself).
    pub fn new(
        target: SocketAddr,
        script: Arc<dyn Script>,
        switch: IncidentSwitch,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            target,
            script,
            switch,
            clock,
            stats: ClientStats::default(),
            endpoint: None,
            open_requests: OPEN_REQUESTS,
        }
    }

    /// With another number of requests that may be open at once.
    #[must_use]
    pub fn with_open_requests(mut self, open_requests: usize) -> Self {
        self.open_requests = open_requests.min(OPEN_REQUESTS);
        self
    }

    /// Calls an endpoint of SageMaker, whose inference components have the models' names: for whole answers as an
    /// invocation, for streams in turn as an invocation with a response stream and on the OpenAI path.
    #[must_use]
    pub fn of_endpoint(mut self, endpoint: &str) -> Self {
        self.endpoint = Some(endpoint.to_owned());
        self
    }

    /// What becomes of the requests.
    pub fn stats(&self) -> ClientStats {
        self.stats.clone()
    }

    /// Sends until the signal to end. Requests are tasks of the group.
    pub async fn run(self, group: TaskGroup, mut drain: Drain) {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client: HttpClient = Client::builder(TokioExecutor::new()).build(connector);
        let permits = Arc::new(Semaphore::new(self.open_requests));
        let models = self.script.models();
        let mut from = self.clock.now();
        while !drain.is_requested() {
            let to = from + AHEAD;
            let late = self.clock.now().since(to) > LATE;
            for (model, arrival) in self.due(&models, from, to) {
                if late {
                    self.stats.counts.left_out.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                tokio::select! {
                    () = sleep_until(&*self.clock, arrival.time) => {}
                    () = drain.requested() => return,
                }
                self.send(&client, &permits, &group, model, arrival.index);
            }
            tokio::select! {
                () = sleep_until(&*self.clock, to) => {}
                () = drain.requested() => return,
            }
            // A clock that stands still would turn this loop into a spin.
            tokio::task::yield_now().await;
            from = to;
        }
    }

    fn due<'a>(&self, models: &'a [String], from: Timestamp, to: Timestamp) -> Vec<(&'a str, Arrival)> {
        let incidents = self.switch.snapshot();
        let of_model = |model: &'a String| {
            let arrivals = self.script.arrivals(model, from, to, &incidents);
            arrivals.into_iter().map(move |arrival| (model.as_str(), arrival))
        };
        let mut due: Vec<_> = models.iter().flat_map(of_model).collect();
        due.sort_by_key(|(_, arrival)| arrival.time);
        due
    }

    fn send(
        &self,
        client: &HttpClient,
        permits: &Arc<Semaphore>,
        group: &TaskGroup,
        model: &str,
        index: u64,
    ) {
        let counts = Arc::clone(&self.stats.counts);
        let Ok(permit) = Arc::clone(permits).try_acquire_owned() else {
            counts.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let Some(request) = self.request(model, index) else { return };
        counts.sent.fetch_add(1, Ordering::Relaxed);
        let client = client.clone();
        group.spawn("simulated client", async move {
            let count = match client.request(request).await {
                Err(_) => &counts.broken,
                Ok(response) => {
                    let refused = response.status().as_u16() >= 400;
                    match read_to_end(response.into_body()).await {
                        Err(_) => &counts.broken,
                        Ok(()) if refused => &counts.refused,
                        Ok(()) => &counts.succeeded,
                    }
                }
            };
            count.fetch_add(1, Ordering::Relaxed);
            drop(permit);
        });
    }

    fn request(&self, model: &str, index: u64) -> Option<http::Request<Full<Bytes>>> {
        let scripted = self.script.request(model, index, &self.switch.snapshot())?;
        let endpoint = self.endpoint.as_deref();
        let place = endpoint.map(|endpoint| place(endpoint, model, index, &scripted));
        let path = place.as_deref().unwrap_or(scripted.path);
        let mut request = http::Request::post(format!("http://{}{path}", self.target))
            .header(INDEX_HEADER, format!("{model}/{index}"));
        if place.is_some() {
            request = request.header(COMPONENT, model);
        }
        for (name, value) in scripted.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(scripted.body)).ok()
    }
}

/// The path of SageMaker's runtime that a request goes to.
fn place(endpoint: &str, component: &str, index: u64, request: &Request) -> String {
    let asked: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    if asked["stream"] != true {
        format!("/endpoints/{endpoint}/invocations")
    } else if index.is_multiple_of(2) {
        format!("/endpoints/{endpoint}/invocations-response-stream")
    } else {
        format!("/endpoints/{endpoint}/inference-components/{component}/openai/v1/chat/completions")
    }
}

/// Reads and forgets, frame by frame.
async fn read_to_end(mut body: hyper::body::Incoming) -> Result<(), hyper::Error> {
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(())
}
