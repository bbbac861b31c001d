//! A running Bifocal: everything that `serve` and `demo` start, and the order in which it ends.
//!
//! Start: store and watch, engine, judge, proxies, scrapes, courier, page. End: the proxies stop accepting and finish
//! their streams, the judge finishes what it has in hand, the engine commits what waits and seals, the page goes last.

mod capture_files;
mod cloudwatch;
mod container_logs;
mod events;
mod exports;
mod judging;
mod kept;
mod labels;
mod listener;
mod page;
mod probes;
mod sagemaker;
mod sink;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use bifocal_api::{ApiState, DemoControl};
use bifocal_aws::Aws;
use bifocal_capture::proxy::{ComponentRoute, Proxy, ProxyOptions, Signing};
use bifocal_evaluate::custom::Remote;
use bifocal_evaluate::custom::service::{self, RemoteParts, RemoteQueue};
use bifocal_evaluate::judge::Transport;
use bifocal_infra::cost::Prices;
use bifocal_infra::scrape::{Options as ScrapeOptions, Scrape};
use bifocal_model::Span;
use bifocal_publish::prometheus::Form;
use bifocal_store::{Intake, SmallState, intake};
use bifocal_telemetry::{Clock, TaskGroup, Telemetry};

use crate::config::{Resolved, SigningConfig, UpstreamTarget, channel_error, customs};
use crate::limits::INTAKE_BATCHES;
use crate::outbound::{Courier, HttpFetch, HttpJudge, Pictures, Sender, client};
use crate::pipeline::engine::Engine;
use crate::pipeline::{Costs, Options, Pipeline};
use crate::user_error::{Code, UserError};

pub(crate) use judging::judge_transport;
use judging::start_judge;
pub use judging::{anchors, choosing, confirmer, judge};
pub use kept::sampling_secret;
pub(crate) use labels::record as label_record;
use sink::IntakeSink;

/// What differs between `serve` and `demo`.
#[derive(Debug)]
pub struct Extras {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Incidents on request.
    pub demo: Option<Arc<dyn DemoControl>>,
    /// Decides which answers are judged; `None`: one made once and kept in the data folder.
    pub secret: Option<[u8; 16]>,
}

/// A running Bifocal.
#[derive(Debug)]
pub struct Running {
    /// Where page and API are.
    pub page: SocketAddr,
    /// Where the proxies are, in the order of the targets.
    pub proxies: Vec<SocketAddr>,
    sources: TaskGroup,
    judging: TaskGroup,
    engine: TaskGroup,
    outlets: TaskGroup,
}

/// Opens the pipeline that a configuration describes. `serve` runs it, `backfill` and the demo's history use it
/// before or instead.
pub fn open_pipeline(
    config: &Resolved,
    clock: &Arc<dyn Clock>,
    secret: Option<[u8; 16]>,
    telemetry: &Telemetry,
) -> anyhow::Result<Pipeline> {
    let mut store = bifocal_store::Options::new(&config.addresses.data, Arc::clone(clock));
    store.seal_journal_bytes = config.addresses.seal_journal_bytes.unwrap_or(store.seal_journal_bytes);
    let options = Options {
        store,
        watch: config.watch.clone(),
        chooser: choosing(config, secret)?,
        customs: customs(&config.evaluators)?,
        contexts: config.context.clone(),
        costs: Costs::of(&config.targets),
        channels: config.channels.clone(),
        page: config.addresses.page(),
        cloudwatch: config.cloudwatch.clone(),
    };
    Pipeline::open(options, clock.now(), telemetry).map_err(user_error)
}

impl Running {
    /// Starts everything on an open pipeline.
    pub async fn start(
        config: &Resolved,
        mut pipeline: Pipeline,
        extras: Extras,
        telemetry: Telemetry,
    ) -> anyhow::Result<Self> {
        let clock = extras.clock;
        let (intake, batches) = intake(INTAKE_BATCHES, pipeline.arrivals());
        let (sources, judging, engine, outlets) =
            (TaskGroup::new(), TaskGroup::new(), TaskGroup::new(), TaskGroup::new());
        let reader = pipeline.reader();
        let small_state = pipeline.small_state();
        let begun = async {
            let listener = page::bind(config.addresses.listen).await?;
            let page = listener.local_addr()?;
            let queue = start_judge(config, &intake, &clock, &telemetry, &small_state, &judging)?;
            let remotes = start_remotes(config, &intake, &clock, &telemetry, &small_state, &judging)?;
            let mut proxies = Vec::new();
            for target in &config.targets {
                proxies.push(start_proxy(config, target, &intake, &clock, &telemetry, &sources).await?);
            }
            for target in &config.targets {
                start_scrape(target, &intake, &clock, &telemetry, &sources)?;
            }
            sagemaker::start(config, (&intake, &pipeline), &clock, &telemetry, &sources);
            events::start(config, &intake, &reader, &sources);
            probes::start(config, (&intake, &reader, &small_state), &clock, &telemetry, &sources)?;
            let writers = cloudwatch::writers(config, &pipeline, &clock, &telemetry).await?;
            let exporters = exports::exporters(config)?;
            anyhow::Ok((listener, page, (queue, remotes), proxies, writers, exporters))
        };
        let (listener, page, (queue, remotes), proxies, writers, exporters) = match Box::pin(begun).await {
            Ok(begun) => begun,
            Err(error) => {
                // Nothing was watched yet: the next start must not report that something may be missing.
                if let Err(error) = pipeline.close() {
                    tracing::warn!(error = format!("{error:#}"), "the store could not be closed");
                }
                return Err(error);
            }
        };
        let spend = queue.clone();
        let state = ApiState {
            snapshot: page::snapshot(pipeline.snapshot()),
            reader: reader.clone(),
            intake: intake.clone(),
            clock: Arc::clone(&clock),
            metrics: page::metrics(Form::Plain, &pipeline, &telemetry),
            open_metrics: page::metrics(Form::Open, &pipeline, &telemetry),
            ready: page::readiness(intake.clone()),
            judge_spend: page::judge_spend(spend, pipeline.pace()),
            judge_pace: page::judge_pace(pipeline.pace()),
            deliveries: page::deliveries(small_state.clone()),
            small_state: small_state.clone(),
            acts: Arc::default(),
            labels: Arc::new(labels::IntakeLabels::new(intake.clone())),
            demo: extras.demo,
            token: config
                .addresses
                .token_env
                .as_ref()
                .and_then(|name| std::env::var(name).ok())
                .map(Into::into),
        };
        page::serve(listener, state, telemetry.clone(), &outlets);
        let pictures = page::pictures(&pipeline, &clock);
        start_couriers(config, &small_state, &pictures, &clock, &telemetry, &outlets)?;
        if let Some(writer) = writers.metrics {
            outlets.spawn("cloudwatch", writer.run(outlets.drain()));
        }
        exports::start(config, exporters, &mut pipeline, (&clock, &telemetry), &outlets);
        if let Some(writer) = writers.logs {
            outlets.spawn("cloudwatch logs", writer.run(outlets.drain()));
        }
        if let Some(queue) = &queue {
            judging::requeue(&reader, queue, &small_state);
        }
        let drain = engine.drain();
        let thread = Engine { pipeline, batches, judge: queue, remotes, clock };
        engine.spawn_blocking("engine", move || {
            if let Err(error) = thread.run(&drain) {
                tracing::error!(error = format!("{error:#}"), "the engine ended without sealing");
            }
        });
        Ok(Self { page, proxies, sources, judging, engine, outlets })
    }

    /// Ends everything in order.
    pub async fn stop(self) {
        self.sources.stop_and_join().await;
        self.judging.stop_and_join().await;
        self.engine.stop_and_join().await;
        self.outlets.stop_and_join().await;
    }
}

fn start_couriers(
    config: &Resolved,
    small_state: &SmallState,
    pictures: &Pictures,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
    tasks: &TaskGroup,
) -> anyhow::Result<()> {
    let client = client(Duration::from_secs(10))?;
    let names: Vec<String> = config.channels.iter().map(|channel| channel.name.clone()).collect();
    let given_up = small_state.outbox_give_up(&names, clock.now(), "the channel is no longer configured");
    if given_up.context("look through the outbox")? > 0 {
        tracing::warn!("messages for channels that are no longer configured were given up");
    }
    for channel in &config.channels {
        if let Some(variable) = channel.unset_variable() {
            let channel = &channel.name;
            tracing::warn!(channel, variable, "the environment variable is not set: nothing can be sent");
        }
        let sender = Sender::new(channel, client.clone(), Arc::clone(clock), telemetry.clone());
        let sender = sender.map_err(|what| channel_error(&channel.name, &what))?;
        let courier = Courier {
            small_state: small_state.clone(),
            channel: channel.name.clone(),
            sender: sender.with_pictures(pictures.clone()),
            gathering: channel.gathering().map_err(|what| channel_error(&channel.name, &what))?,
            clock: Arc::clone(clock),
            telemetry: telemetry.clone(),
            in_trouble: AtomicBool::new(false),
        };
        courier.start(tasks);
    }
    Ok(())
}

/// Evaluators behind HTTP; `None` where there is none.
fn start_remotes(
    config: &Resolved,
    intake: &Intake,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
    small_state: &SmallState,
    tasks: &TaskGroup,
) -> anyhow::Result<Option<RemoteQueue>> {
    let customs = customs(&config.evaluators)?;
    let way = |remote: &Remote| -> anyhow::Result<(Remote, Arc<dyn Transport>)> {
        let http = client(Duration::from_secs_f64(remote.timeout_seconds))?;
        let key = remote.api_key_env.as_ref().and_then(|name| std::env::var(name).ok());
        let transport = HttpJudge::at(http, &remote.url, key, telemetry.clone());
        Ok((remote.clone(), Arc::new(transport)))
    };
    let parts = RemoteParts {
        remotes: customs.remotes().map(way).collect::<anyhow::Result<_>>()?,
        intake: intake.clone(),
        clock: Arc::clone(clock),
        telemetry: telemetry.clone(),
        secret: sampling_secret(small_state)?,
        spent: kept::calls(small_state)?,
    };
    let queue = service::start(parts, tasks);
    if let Some(queue) = &queue {
        let keep = kept::keep_calls(small_state.clone(), queue.clone(), tasks.drain());
        tasks.spawn("evaluator calls", keep);
    }
    Ok(queue)
}

async fn start_proxy(
    config: &Resolved,
    target: &UpstreamTarget,
    intake: &Intake,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
    tasks: &TaskGroup,
) -> anyhow::Result<SocketAddr> {
    let mut options = ProxyOptions::new(target.proxy_listen, &target.upstream, &target.name);
    options.context_fields = config.context.fields();
    options.tenant_header.clone_from(&target.tenant_header);
    options.upstream_ca.clone_from(&target.upstream_ca);
    options.upstream_host.clone_from(&target.upstream_host);
    let route = |(model, component): (&String, &String)| {
        let route = ComponentRoute {
            endpoint: Some(target.endpoint.clone()),
            variant: target.variant.clone(),
            inference_component: Some(component.clone()),
        };
        (model.clone(), route)
    };
    options.components = target.components.iter().map(route).collect();
    let sink = Arc::new(IntakeSink::new(intake.clone(), telemetry.clone()));
    let signing = match &target.signing {
        Some(config) => Some(signing(config, clock, telemetry).await?),
        None => None,
    };
    let bound = Proxy::bind_signing(&options, signing, sink, Arc::clone(clock), telemetry).await;
    let (proxy, recorder) = bound.map_err(|err| {
        let code = Code::find(err.code()).unwrap_or(Code::ProxyAddress);
        let err = anyhow::Error::from(err);
        UserError::new(code, format!("{err:#}"))
            .hint("choose another address with --proxy-listen, or another upstream")
    })?;
    let address = proxy.address();
    tasks.spawn("proxy", proxy.run(tasks.drain()));
    tasks.spawn_blocking("recorder", move || recorder.run());
    Ok(address)
}

async fn signing(
    config: &SigningConfig,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> anyhow::Result<Signing> {
    let options = bifocal_aws::Options { region: config.region.clone(), ..bifocal_aws::Options::default() };
    let aws = Aws::connect(&options, Arc::clone(clock), telemetry.clone()).await.map_err(|err| {
        UserError::new(Code::SigningFailed, format!("connect to AWS to sign calls: {err}"))
            .hint("give the region and credentials as for any tool of AWS: AWS_REGION, AWS_PROFILE, a role")
    })?;
    let token = std::env::var(&config.client_token_env).unwrap_or_default();
    Signing::new(aws, config.sign_for.clone(), token)
        .map_err(|err| UserError::new(Code::SigningOpen, err.to_string()).into())
}

fn start_scrape(
    target: &UpstreamTarget,
    intake: &Intake,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
    tasks: &TaskGroup,
) -> anyhow::Result<()> {
    let Some(url) = &target.scrape else { return Ok(()) };
    let interval = Span::from_secs_f64(target.scrape_every_seconds);
    let timeout = clock.wall(interval).max(Duration::from_millis(500));
    let fetch = Arc::new(HttpFetch::new(client(timeout)?, telemetry.clone()));
    let options = ScrapeOptions {
        url: url.clone(),
        interval,
        origin: target.name.clone(),
        targets: target.components.keys().map(|model| (model.clone(), target.key(model))).collect(),
        prices: Prices::default(),
    };
    let scrape = Scrape::new(options, fetch, intake.clone(), Arc::clone(clock), telemetry.clone());
    tasks.spawn("scrape", scrape.run(tasks.drain()));
    Ok(())
}

/// What is wrong with the alert rules, maintenance or inhibition, with what to write instead where that is known.
pub(crate) fn rule_error(error: &anyhow::Error, place: &str) -> UserError {
    let instead = error.chain().find_map(|cause| match cause.downcast_ref::<bifocal_watch::Error>()? {
        bifocal_watch::Error::Rule { err, .. } => err.hint.clone(),
        _ => None,
    });
    let names = "the names that conditions may use are in docs/guide/alerts.md";
    UserError::new(Code::AlertRule, format!("{place}{error:#}"))
        .hint(instead.map_or_else(|| names.to_owned(), |instead| format!("{instead}; {names}")))
}

/// Errors of opening that a person can mend get their code.
pub(crate) fn user_error(error: anyhow::Error) -> anyhow::Error {
    let code = error.chain().find_map(|cause| {
        if let Some(err) = cause.downcast_ref::<bifocal_store::Error>() {
            return err.code().and_then(Code::find);
        }
        cause.downcast_ref::<bifocal_watch::Error>().map(|_| Code::AlertRule)
    });
    match code {
        Some(Code::AlertRule) => rule_error(&error, "").into(),
        Some(code) => {
            UserError::new(code, format!("{error:#}")).hint("choose another folder with --data").into()
        }
        None => error,
    }
}
