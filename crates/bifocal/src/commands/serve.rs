//! `bifocal serve`.

use std::net::SocketAddr;

use anyhow::Context as _;
use bifocal_evaluate::judge::{Cap, JudgeConfig};
use bifocal_publish::notify::ChannelConfig;
use bifocal_telemetry::{SystemClock, Telemetry};

use crate::Done;
use crate::cli::ServeArgs;
use crate::config::{ConfigFile, EvaluateRule, Resolved, TargetSection, judge_place, load, mask_address};
use crate::output;
use crate::running::{Extras, Running, open_pipeline};
use crate::user_error::{Code, UserError};

/// Serves until it is told to end.
pub fn run(args: &ServeArgs) -> anyhow::Result<Done> {
    let config = configuration(args)?;
    if config.targets.is_empty() && config.sagemaker.is_empty() {
        return Err(UserError::new(Code::Usage, "serve: nothing to watch")
            .hint("give --upstream http://HOST:PORT, --sagemaker NAME, or --config FILE with a [[target]]")
            .into());
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(serve(&config))?;
    Ok(Done::Well)
}

async fn serve(config: &Resolved) -> anyhow::Result<()> {
    let telemetry = Telemetry::new();
    let clock: std::sync::Arc<dyn bifocal_telemetry::Clock> = std::sync::Arc::new(SystemClock::new());
    let pipeline = open_pipeline(config, &clock, None, &telemetry)?;
    let extras = Extras { clock, demo: None, secret: None };
    let running = Running::start(config, pipeline, extras, telemetry).await?;
    for line in greeting(config, running.page, &running.proxies) {
        output::line(&line);
    }
    told_to_end().await?;
    output::note("ending: finishing streams, committing what waits");
    running.stop().await;
    Ok(())
}

/// What a person wants to know first.
fn greeting(config: &Resolved, page: SocketAddr, proxies: &[SocketAddr]) -> Vec<String> {
    let mut lines = vec![format!("page and API   http://{page}")];
    for (target, proxy) in config.targets.iter().zip(proxies) {
        let upstream = mask_address(&target.upstream);
        lines.push(format!("proxy          http://{proxy}  ->  {upstream} ({})", target.name));
    }
    for target in &config.sagemaker {
        let region = target.region.as_deref().unwrap_or("the environment's");
        lines.push(format!("sagemaker      {} in region {region}", target.pattern));
    }
    lines.push(match &config.judge {
        None => {
            "judge          none: answers are checked by rules only (add one with --judge-url)".to_owned()
        }
        Some(judge) => {
            let cap = match judge.cap() {
                Cap::Usd { usd, .. } => format!("at most ${usd:.2} a day"),
                Cap::Tokens(tokens) => format!("at most {tokens} tokens a day"),
            };
            format!("judge          {} at {}, {cap}", judge.model, judge_place(judge))
        }
    });
    lines.push(format!("data           {}", config.addresses.data.display()));
    lines.push(match proxies {
        [] => "Ctrl-C ends.".to_owned(),
        _ => "Point your clients at the proxy. Ctrl-C ends.".to_owned(),
    });
    lines
}

/// The file with the flags laid over it.
fn configuration(args: &ServeArgs) -> Result<Resolved, UserError> {
    let mut file = match &args.config {
        Some(path) => load(path)?,
        None => ConfigFile::default(),
    };
    file.server.listen = args.places.listen.or(file.server.listen);
    file.server.proxy_listen = args.places.proxy_listen.or(file.server.proxy_listen);
    file.server.data = args.places.data.clone().or(file.server.data);
    if let Some(upstream) = &args.upstream {
        file.target.insert(0, TargetSection::at(upstream));
    }
    if let Some(pattern) = &args.sagemaker {
        let mut target = TargetSection::of_sagemaker(pattern);
        target.region.clone_from(&args.region);
        target.aws_endpoint.clone_from(&args.aws_endpoint);
        file.target.push(target);
    }
    if let (Some(usd), Some(first)) = (args.usd_per_hour, file.target.first_mut()) {
        first.usd_per_hour = Some(usd);
    }
    if let Some(url) = &args.judge_url {
        file.judge = Some(JudgeConfig {
            base_url: url.clone(),
            model: args.judge_model.clone().unwrap_or_else(|| "default".to_owned()),
            budget_tokens_per_day: args.judge_tokens_per_day,
            ..JudgeConfig::default()
        });
    }
    if let Some(rate) = args.judge_rate {
        file.evaluate.insert(0, EvaluateRule::of("*", rate));
    }
    if let Some(webhook) = &args.webhook {
        file.channel.push(ChannelConfig::webhook("webhook", webhook));
    }
    Resolved::of(file)
}

/// Ctrl-C or SIGTERM.
pub(super) async fn told_to_end() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result.context("listen for Ctrl-C"),
        _ = terminate.recv() => Ok(()),
    }
}
