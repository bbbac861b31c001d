//! `bifocal demo`: a simulated two-model endpoint, watched through the ordinary proxy, scrape and judge.

mod account;
mod control;
mod history;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use bifocal_evaluate::judge::JudgeConfig;
use bifocal_model::Span;
use bifocal_sim::serve::{Clients, IncidentSwitch, JudgeServer};
use bifocal_sim::{ENDPOINT, Fleet, Incident, JUDGE_MODEL, Judge, JudgeTable};
use bifocal_telemetry::{Clock, ScaledClock, TaskGroup, Telemetry};

use account::Account;

use crate::Done;
use crate::cli::DemoArgs;
use crate::config::{ConfigFile, EvaluateRule, Resolved, TargetSection};
use crate::output;
use crate::running::{Extras, Running, open_pipeline};
use crate::user_error::{Code, UserError};

pub use account::Addresses as AccountAddresses;
pub use control::SimControl;
pub use history::{Past, write_history};

/// The component that incidents of the command line strike.
pub const STRUCK: &str = "qwen2.5-7b-instruct";
/// The file of the demo's anchors, in its data folder.
const ANCHORS: &str = "anchors.jsonl";
/// Half of the answers is judged.
const JUDGED: f64 = 0.5;
/// Days of history before the page opens.
const HISTORY_DAYS: u32 = 7;
/// The judge of the demo costs nothing and may be asked as often as it takes.
const JUDGE_TOKENS_PER_DAY: u64 = 20_000_000_000;
/// First tokens of the simulated models take half a second; under the overload incident, five to fifteen.
const TTFT_OBJECTIVE_SECONDS: f64 = 4.0;
/// An incident of the command line starts so long after ready.
const INCIDENT_AFTER: std::time::Duration = std::time::Duration::from_secs(5);
const FREE_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Runs the demo until it is told to end.
pub fn run(args: &DemoArgs) -> anyhow::Result<Done> {
    if !(1.0..=20.0).contains(&args.speed) {
        return Err(UserError::new(Code::Usage, format!("demo: --speed {} is not in 1..20", args.speed))
            .hint("10 shows ten simulated seconds in one")
            .into());
    }
    let incident = args.incident.as_deref().map(named).transpose()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(demo(args, incident))?;
    Ok(Done::Well)
}

fn named(name: &str) -> Result<Incident, UserError> {
    name.parse().map_err(|_| {
        let known: Vec<String> = Incident::ALL.iter().map(ToString::to_string).collect();
        UserError::new(Code::Usage, format!("demo: there is no incident `{name}`"))
            .hint(format!("incidents: {}", known.join(", ")))
    })
}

async fn demo(args: &DemoArgs, incident: Option<Incident>) -> anyhow::Result<()> {
    let folder = DataFolder::of(args.places.data.clone())?;
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::from_now(args.speed));
    let telemetry = Telemetry::new();
    let fleet = Fleet::new(args.seed);
    let switch = IncidentSwitch::new(Arc::clone(&clock));
    let account = Account::bind(&fleet, &switch, &clock).await?;
    let sim_judge = Judge::new(args.seed, JudgeTable::of_corpus());
    let judge = JudgeServer::bind(FREE_PORT, sim_judge.clone(), Arc::clone(&clock)).await?;
    let judge = judge.with_incidents(switch.clone());
    let config = configuration(args, folder.path.clone(), account.addresses(), judge.address())?;
    write_anchors(&config, &sim_judge)?;
    let secret = secret_of(args.seed);

    output::note("writing seven simulated days of history …");
    let began = bifocal_telemetry::SystemClock::new();
    let start = began.now();
    let mut pipeline = open_pipeline(&config, &clock, Some(secret), &telemetry)?;
    let world = TaskGroup::new();
    account.run(&world);
    let standing = account::standing(&config, &clock, &telemetry).await?;
    let past = Past { seed: args.seed, now: clock.now(), days: HISTORY_DAYS, standing };
    let written = write_history(&mut pipeline, &config, &sim_judge, past)?;
    let took = began.now().since(start).as_secs_f64();
    output::note(&format!("{written} records of simulated history in {took:.1} s"));

    world.spawn("simulated judge", judge.run(world.drain()));
    let control = Arc::new(SimControl::new(switch.clone(), args.speed));
    let extras = Extras { clock: Arc::clone(&clock), demo: Some(control), secret: Some(secret) };
    let running = Running::start(&config, pipeline, extras, telemetry).await?;
    let proxy = running.proxies.first().copied().context("the demo has one proxy")?;
    let clients =
        Clients::new(proxy, Arc::new(fleet), switch.clone(), Arc::clone(&clock)).of_endpoint(ENDPOINT);
    world.spawn("simulated clients", clients.run(world.clone(), world.drain()));
    greet(&running, args);
    if let Some(incident) = incident {
        tokio::select! {
            () = tokio::time::sleep(INCIDENT_AFTER) => {}
            result = super::serve::told_to_end() => {
                result?;
                return end(world, running).await;
            }
        }
        switch.start(incident, STRUCK);
        output::note(&format!("incident {incident} on {STRUCK} (simulated)"));
    }
    super::serve::told_to_end().await?;
    end(world, running).await
}

async fn end(world: TaskGroup, running: Running) -> anyhow::Result<()> {
    output::note("ending");
    world.stop();
    running.stop().await;
    world.stop_and_join().await;
    Ok(())
}

fn greet(running: &Running, args: &DemoArgs) {
    output::line(&format!("page and API   http://{}   (everything it shows is simulated)", running.page));
    for proxy in &running.proxies {
        output::line(&format!("proxy          http://{proxy}"));
    }
    output::line(&format!("time           {} simulated seconds in one, seed {}", args.speed, args.seed));
    let names: Vec<String> = Incident::ALL.iter().map(ToString::to_string).collect();
    output::line(&format!("incidents      {} (buttons on the page, or --incident NAME)", names.join(", ")));
    output::line("ready");
    output::line("To watch your own endpoint: bifocal serve --upstream http://HOST:PORT");
}

/// The demo's configuration: what a person would write for such an endpoint.
pub fn configuration(
    args: &DemoArgs,
    data: PathBuf,
    account: AccountAddresses,
    judge: SocketAddr,
) -> Result<Resolved, UserError> {
    let components = Fleet::components().iter().map(|c| (c.name.to_owned(), c.name.to_owned())).collect();
    let target = TargetSection {
        name: Some(account::ORIGIN.to_owned()),
        endpoint: Some(ENDPOINT.to_owned()),
        variant: Some("AllTraffic".to_owned()),
        components,
        scrape: Some(format!("http://{}/metrics", account.containers)),
        tenant_header: Some("x-tenant".to_owned()),
        ..TargetSection::at(&format!("http://{}", account.runtime))
    };
    let mut file = ConfigFile { target: vec![target, account.target()], ..ConfigFile::default() };
    file.server.listen = args.places.listen;
    file.server.proxy_listen = args.places.proxy_listen;
    let anchors = data.join(ANCHORS);
    file.server.data = Some(data);
    file.evaluate = vec![EvaluateRule::of("*", JUDGED)];
    file.judge = Some(JudgeConfig {
        base_url: format!("http://{judge}/v1"),
        model: JUDGE_MODEL.to_owned(),
        budget_tokens_per_day: Some(JUDGE_TOKENS_PER_DAY),
        anchors: Some(anchors),
        // A judgement takes 20 to 30 ms of the machine at speed 20, and 700 a second are asked for.
        concurrency: 64,
        ..JudgeConfig::default()
    });
    // At speed 20 a pause of the machine of 100 ms is two simulated seconds: leave it some room.
    file.objectives.ttft_p95_seconds = TTFT_OBJECTIVE_SECONDS;
    // What others would page on the same answers is a part of the demo.
    file.quality.comparison = true;
    // Ten requests a second, half of them judged, all day: the rate that the thresholds are made for.
    file.alerting.judged_per_day = Some(12.0 * JUDGED * 86_400.0);
    let mut config = Resolved::of(file)?;
    config.sagemaker.iter_mut().for_each(|target| target.credentials = Some(account::keys()));
    Ok(config)
}

/// Writes the demo's anchors to where its configuration names them.
pub fn write_anchors(config: &Resolved, judge: &Judge) -> anyhow::Result<()> {
    let Some(path) = config.judge.as_ref().and_then(|judge| judge.anchors.as_ref()) else { return Ok(()) };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))?;
    }
    std::fs::write(path, judge.anchors()).with_context(|| format!("write {}", path.display()))
}

/// The sampler's secret, a function of the seed.
pub fn secret_of(seed: u64) -> [u8; 16] {
    let mut secret = *b"bifocal demo ...";
    secret[8..].copy_from_slice(&seed.to_le_bytes());
    secret
}

/// The data folder: the one asked for, or a temporary one that goes with the demo.
#[derive(Debug)]
struct DataFolder {
    path: PathBuf,
    temporary: bool,
}

impl DataFolder {
    fn of(asked: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = asked {
            return Ok(Self { path, temporary: false });
        }
        let path = std::env::temp_dir().join(format!("bifocal-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("make the folder {}", path.display()))?;
        Ok(Self { path, temporary: true })
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if self.temporary {
            // What cannot be removed is left to the system's cleaning of temporary folders.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// How late the simulated past ends before the present begins.
pub(crate) const GAP: Span = Span::from_secs(1);
