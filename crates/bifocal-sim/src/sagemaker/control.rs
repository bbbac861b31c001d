//! SageMaker's control plane, CloudWatch with its alarms, logs and PromQL, S3, SQS and the caller's identity, of one account with one endpoint.
//!
//! The life of a call: the policy is asked, [`describe`] or [`metrics`] answers from the phase in force at that time.
//! Points of metrics are functions of the time alone: nothing is stored but what was written.

mod alarms;
mod bucket;
mod describe;
mod logs;
mod metrics;
mod policy;
mod promql;
mod queues;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, Drain};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub use bucket::written_notice;
pub use policy::Policy;
pub use queues::Queues;

use super::live::Live;
use super::runtime::{Access, Bearer, Objects};
use super::scenario::{Phase, Scenario};
use crate::SimError;
use crate::limits::REQUEST_BYTES;
use crate::serve::{bind, serve};
use policy::Asked;

/// The control plane of one region.
#[derive(Debug)]
pub struct ControlServer {
    listener: TcpListener,
    address: SocketAddr,
    world: Arc<World>,
}

/// Changes the account while it is watched. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ControlSwitch(Arc<World>);

#[derive(Debug)]
struct World {
    scenario: Scenario,
    access: Access,
    objects: Objects,
    queues: Queues,
    clock: Arc<dyn Clock>,
    /// What components do, where that does not stand in the scenario.
    live: OnceLock<Arc<dyn Live>>,
    /// The metrics of each phase, once they were asked for.
    published: Vec<OnceLock<HashSet<metrics::Name>>>,
    state: Mutex<Changing>,
}

#[derive(Debug)]
struct Changing {
    policy: Policy,
    /// From when which phase is in force, oldest first.
    entered: Vec<(Timestamp, usize)>,
    /// Calls that are to be throttled.
    to_throttle: usize,
    /// Answered calls by action.
    calls: Vec<&'static str>,
    written: metrics::Written,
    logs: logs::Groups,
    board: alarms::Board,
}

/// An error as the services say it.
struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl ControlServer {
    /// Listens on a loopback address (port 0: any free one). The phases begin when the scenario says.
    pub async fn bind(
        address: SocketAddr,
        scenario: Scenario,
        policy: Policy,
        access: Access,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SimError> {
        let (listener, address) = bind(address).await?;
        let start = clock.now();
        let begins = |(i, phase): (usize, &Phase)| (start + Span::from_secs(phase.after_seconds), i);
        let entered = scenario.phases.iter().enumerate().map(begins).collect();
        let state = Mutex::new(Changing {
            policy,
            entered,
            to_throttle: 0,
            calls: Vec::new(),
            written: metrics::Written::default(),
            logs: logs::Groups::default(),
            board: alarms::Board::default(),
        });
        let (objects, queues) = (Objects::default(), Queues::default());
        let published = scenario.phases.iter().map(|_| OnceLock::new()).collect();
        let world =
            World { scenario, access, objects, queues, clock, live: OnceLock::new(), published, state };
        Ok(Self { listener, address, world: Arc::new(world) })
    }

    /// The account's buckets: what is put there is listed and read.
    pub fn objects(&self) -> Objects {
        self.world.objects.clone()
    }

    /// The account's queues.
    pub fn queues(&self) -> Queues {
        self.world.queues.clone()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// With components that do what is said here, and not what the scenario says; the first that is given holds.
    #[must_use]
    pub fn with_live(self, live: Arc<dyn Live>) -> Self {
        self.world.live.get_or_init(|| live);
        self
    }

    /// Changes it while it runs.
    pub fn switch(&self) -> ControlSwitch {
        ControlSwitch(Arc::clone(&self.world))
    }

    /// Serves until the signal to end.
    pub async fn run(self, drain: Drain) {
        let router = Router::new()
            .route("/", post(answer))
            .route("/api/v1/query", get(promql::query).post(promql::query))
            .route("/api/v1/label/__name__/values", get(promql::names))
            .route("/{bucket}", get(bucket::list))
            .route("/{bucket}/{*key}", get(bucket::read))
            .with_state(self.world);
        serve(self.listener, router, drain).await;
    }
}

impl ControlSwitch {
    /// Enters a phase now and stays in it, whatever the scenario's times say.
    pub fn enter(&self, phase: usize) {
        let now = self.0.clock.now();
        let mut state = self.0.lock();
        state.entered.retain(|(from, _)| *from < now);
        state.entered.push((now, phase));
    }

    /// As if the present phase had begun this much earlier, so that there is a history to read.
    pub fn with_history(&self, history: Span) {
        let mut state = self.0.lock();
        if let Some(first) = state.entered.first_mut() {
            first.0 = first.0 - history;
        }
    }

    /// The next calls are throttled.
    pub fn throttle(&self, calls: usize) {
        self.0.lock().to_throttle = calls;
    }

    /// From now on the caller may do this and no more.
    pub fn allow(&self, policy: Policy) {
        self.0.lock().policy = policy;
    }

    /// The events of a log group, and for how many days they are kept; `None`: there is no such group.
    pub fn log_events(&self, group: &str) -> Option<(Vec<Value>, Option<u64>)> {
        self.0.lock().logs.events(group)
    }

    /// A container writes a line into its log group, which is made if it is not there.
    pub fn write_log(&self, group: &str, stream: &str, time: Timestamp, message: &str) {
        self.0.lock().logs.write(group, stream, time.as_nanos() / 1_000_000, message);
    }

    /// The actions that were called so far, in order.
    pub fn calls(&self) -> Vec<&'static str> {
        self.0.lock().calls.clone()
    }
}

impl World {
    /// What the names of its endpoints and components end in.
    fn twins(&self) -> Vec<String> {
        match self.scenario.endpoint.twins {
            0 => vec![String::new()],
            twins => (1..=twins).map(|n| format!("-{n:02}")).collect(),
        }
    }

    /// What a name ends in that begins so; `None`: it is no such name.
    fn twin_of(&self, name: &str, begin: &str) -> Option<String> {
        let end = name.strip_prefix(begin)?;
        self.twins().into_iter().find(|twin| twin == end)
    }

    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is in force at a time, with its beginning.
    fn phase_at(&self, time: Timestamp) -> Option<(Timestamp, &Phase)> {
        let state = self.lock();
        let (from, i) = state.entered.iter().rev().find(|(from, _)| *from <= time)?;
        Some((*from, self.scenario.phases.get(*i)?))
    }

    /// What is in force now; before the first there is the first.
    fn phase(&self) -> (Timestamp, usize, &Phase) {
        let now = self.clock.now();
        let state = self.lock();
        let in_force =
            state.entered.iter().rev().find(|(from, _)| *from <= now).or_else(|| state.entered.first());
        let (from, i) = in_force.copied().unwrap_or_default();
        (from, i, &self.scenario.phases[i.min(self.scenario.phases.len() - 1)])
    }

    fn call(
        &self,
        asked: Asked<'_>,
        call: impl FnOnce() -> Result<Value, Refusal>,
    ) -> Result<Value, Refusal> {
        {
            let mut state = self.lock();
            state.calls.push(asked.action);
            if state.to_throttle > 0 {
                state.to_throttle -= 1;
                return Err(Refusal::new("ThrottlingException", "Rate exceeded"));
            }
            state.policy.check(asked, &self.scenario.account)?;
        }
        call()
    }
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }
}

async fn answer(State(world): State<Arc<World>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, REQUEST_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let service = match target.split_once('.') {
        Some(("SageMaker", _)) => "sagemaker",
        Some(("AmazonSQS", _)) => "sqs",
        Some(("Logs_20140328", _)) => "logs",
        Some(_) => "monitoring",
        None => "sts",
    };
    if let Err(refused) = world.access.check(&head, &body, service, Bearer::Refused) {
        let body = json!({"__type": refused.kind, "message": refused.message});
        return (StatusCode::FORBIDDEN, [(CONTENT_TYPE, "application/x-amz-json-1.1")], body.to_string())
            .into_response();
    }
    let input: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (answered, version) = match target.split_once('.') {
        Some(("SageMaker", operation)) => (world.sagemaker(operation, &text), "1.1"),
        Some(("GraniteServiceVersion20100801", operation)) => (world.cloudwatch(operation, &input), "1.0"),
        Some(("Logs_20140328", operation)) => (world.logs(operation, &input), "1.1"),
        Some(("AmazonSQS", operation)) => (world.sqs(operation, &input).await, "1.0"),
        _ if body.starts_with(b"Action=GetCallerIdentity&") => return identity(&world),
        _ if body.starts_with(b"Action=AssumeRole&") => return assumed(&world, &body),
        _ => (Err(Refusal::new("UnknownOperationException", "")), "1.1"),
    };
    let (status, body) = match answered {
        Ok(value) => (200, value),
        Err(refusal) => (refusal.status, json!({"__type": refusal.code, "message": refusal.message})),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, [(CONTENT_TYPE, format!("application/x-amz-json-{version}"))], body.to_string()).into_response()
}

/// No policy can forbid it.
fn identity(world: &World) -> Response {
    let account = &world.scenario.account;
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/watcher</Arn><UserId>AIDAEXAMPLE</UserId><Account>{account}</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>simulated</RequestId></ResponseMetadata></GetCallerIdentityResponse>"
    );
    ([(CONTENT_TYPE, "text/xml")], body).into_response()
}

/// Keys of a role, for an hour. They are the caller's own, and so is what they may do.
fn assumed(world: &World, body: &[u8]) -> Response {
    let body = String::from_utf8_lossy(body);
    let arn = body.split('&').find_map(|field| field.strip_prefix("RoleArn=")).unwrap_or_default();
    let arn = arn.replace("%3A", ":").replace("%2F", "/");
    let asked = Asked { action: "sts:AssumeRole", resource: &arn, context: &[] };
    let xml = [(CONTENT_TYPE, "text/xml")];
    if let Err(refused) = world.call(asked, || Ok(Value::Null)) {
        let code = if refused.code == "AccessDeniedException" { "AccessDenied" } else { refused.code };
        let said = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error></ErrorResponse>",
            refused.message
        );
        return (StatusCode::FORBIDDEN, xml, said).into_response();
    }
    let (id, secret) = world.access.keys.first().cloned().unwrap_or_default();
    let until = world.clock.now() + Span::from_mins(60);
    let said = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey><SessionToken>token</SessionToken><Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    );
    (xml, said).into_response()
}
