//! `bifocal check`: resolve, compile, connect.

mod capture;
mod channels;
mod cloudwatch;
mod judge;
mod sagemaker;

use std::time::Duration;

use anyhow::Context as _;
use bifocal_evaluate::judge::{Cap, JudgeConfig, Provider};
use bifocal_telemetry::Telemetry;
use bifocal_watch::{RuleView, Watch};
use serde::Serialize;

use crate::Done;
use crate::cli::{CheckArgs, Format};
use crate::config::{Resolved, judge_place, load, masked};
use crate::outbound::client;
use crate::output;
use crate::running;
use crate::user_error::{Code, UserError};

const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether each channel gets a test message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tests {
    Sent,
    NotSent,
}

/// One thing that was tried.
#[derive(Debug, Serialize)]
struct Tried {
    what: String,
    ok: bool,
    detail: String,
}

/// Prints the resolved configuration and tries every connection. Exit code 1 when one does not work.
pub fn run(args: &CheckArgs, format: Format) -> anyhow::Result<Done> {
    let config = Resolved::of(load(&args.config)?)?;
    let watch = Watch::new(config.watch.clone(), Telemetry::new()).map_err(|err| {
        running::rule_error(&anyhow::Error::from(err), &format!("{}: ", args.config.display()))
    })?;
    let of_rule = |rule: &RuleView| {
        rule.warnings.iter().map(|said| format!("`{}`: {said}", rule.name)).collect::<Vec<_>>()
    };
    let mut warnings: Vec<String> = watch.rules().iter().flat_map(of_rule).collect();
    if config.targets.is_empty() && config.sagemaker.is_empty() {
        warnings.push(
            "nothing to watch: `serve` takes it with --upstream or --sagemaker only; add a [[target]]"
                .to_owned(),
        );
    }
    running::judge(&config).map_err(|err| {
        err.downcast().unwrap_or_else(|err| UserError::new(Code::ConfigInvalid, format!("[judge]: {err:#}")))
    })?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    let tests = if args.send_test { Tests::Sent } else { Tests::NotSent };
    let tried = runtime.block_on(try_all(&config, tests))?;
    let well = tried.iter().all(|tried| tried.ok);
    if format == Format::Json {
        let value = serde_json::json!({ "configuration": config_json(&config)?, "warnings": warnings, "tried": tried });
        output::line(&value.to_string());
    } else {
        output::line("# the configuration, resolved, secrets masked");
        output::line(&masked(&config).context("print the configuration")?);
        if !warnings.is_empty() {
            output::line("\n# what may not be meant");
            warnings.iter().for_each(|said| output::line(&format!("warn    {said}")));
        }
        output::line("\n# where text goes");
        output::line(&where_text_goes(&config));
        output::line("\n# connections");
        for tried in &tried {
            let mark = if tried.ok { "ok    " } else { "FAILED" };
            output::line(&format!("{mark}  {}: {}", tried.what, tried.detail));
        }
    }
    Ok(if well { Done::Well } else { Done::WithFindings })
}

/// The same masking as in text: through TOML.
fn config_json(config: &Resolved) -> anyhow::Result<serde_json::Value> {
    let text = masked(config).context("print the configuration")?;
    let value: toml::Value = toml::from_str(&text).context("read the printed configuration")?;
    serde_json::to_value(value).context("print the configuration")
}

fn where_text_goes(config: &Resolved) -> String {
    match &config.judge {
        None => "Nowhere: no judge is configured. Redacted text stays in the data folder.".to_owned(),
        Some(judge) => {
            let cap = match judge.cap() {
                Cap::Usd { usd, .. } => format!("${usd} a day at most"),
                Cap::Tokens(tokens) => format!("{tokens} tokens a day at most"),
            };
            let cap = match (judge.budget_usd_per_hour, judge.budget_tokens_per_hour) {
                (Some(usd), _) => format!("{cap}, ${usd} an hour"),
                (_, Some(tokens)) => format!("{cap}, {tokens} an hour"),
                (None, None) => cap,
            };
            let rates: Vec<String> = config
                .evaluate
                .iter()
                .map(|rule| {
                    let selected = if rule.selects() { " that the rule selects" } else { "" };
                    format!("{:.1}% of the answers of `{}`{selected}", rule.rate * 100.0, rule.target)
                })
                .collect();
            let second = judge.second.as_ref().map_or_else(String::new, |second| {
                format!(
                    " What it calls clearly harmful goes to {} as well.",
                    judge_place(&second.as_judge(judge))
                )
            });
            let cheap = judge.cheap.as_ref().map_or_else(String::new, |cheap| {
                format!(
                    " Up to {:.0} times as many go to {} as well.",
                    cheap.per_judged.unwrap_or(100.0),
                    judge_place(&cheap.as_judge(judge))
                )
            });
            let second = format!("{second}{cheap}");
            let floor = config.evaluate.iter().map(|rule| rule.floor).max().unwrap_or(0);
            let floor = if floor > 0 {
                format!(", {floor} of each stratum a day if the cap allows")
            } else {
                String::new()
            };
            format!(
                "At most {}, redacted, go to the judge {} ({cap}{floor}).{second}",
                rates.join(", "),
                judge_place(judge)
            )
        }
    }
}

async fn try_all(config: &Resolved, tests: Tests) -> anyhow::Result<Vec<Tried>> {
    let http = client(TIMEOUT)?;
    let mut tried = Vec::new();
    for target in &config.targets {
        let get = http.get(&target.upstream);
        tried.push(reach(get, format!("upstream {}", target.name), upstream).await);
        if let Some(address) = &target.scrape {
            tried.push(reach(http.get(address), format!("scrape of {}", target.name), scrape).await);
        }
    }
    let second = |judge: &JudgeConfig| judge.second.as_ref().map(|second| second.as_judge(judge));
    let cheap = |judge: &JudgeConfig| judge.cheap.as_ref().map(|cheap| cheap.as_judge(judge));
    let judges = config.judge.iter().flat_map(|judge| [Some(judge.clone()), second(judge), cheap(judge)]);
    for judge in judges.flatten() {
        match judge.provider {
            Provider::Bedrock | Provider::Sagemaker => tried.push(judge::on_aws(&judge).await),
            Provider::Openai => tried.extend(judge::over_http(&judge, &http).await),
        }
    }
    for target in &config.sagemaker {
        tried.extend(sagemaker::check(target).await);
    }
    if config.cloudwatch.is_on() {
        tried.extend(cloudwatch::check(&config.cloudwatch).await);
    }
    let otlp = config.otlp.iter().map(|otlp| ("OTLP receiver", &otlp.endpoint, &otlp.headers_env));
    let collectors =
        otlp.chain(config.remote_write.iter().map(|to| ("remote write", &to.url, &to.token_env)));
    for (what, address, variable) in collectors {
        if let Some(unset) = channels::unset(what.to_owned(), variable.clone()) {
            tried.push(unset);
            continue;
        }
        tried.push(channels::connect_to(what.to_owned(), channels::host_and_port(address)).await);
    }
    for channel in &config.channels {
        tried.push(match tests {
            Tests::Sent => channels::send_test(channel, &config.addresses.page(), &http).await,
            Tests::NotSent => channels::connect(channel).await,
        });
    }
    tried.push(data_folder(config));
    Ok(tried)
}

/// Whether a status is well, and what it means.
type Says = fn(u16) -> (bool, &'static str);

async fn reach(get: reqwest::RequestBuilder, what: String, says: Says) -> Tried {
    match get.send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            let (ok, meaning) = says(status);
            let detail = if meaning.is_empty() {
                format!("status {status}")
            } else {
                format!("status {status}: {meaning}")
            };
            Tried { what, ok, detail }
        }
        Err(err) => Tried { what, ok: false, detail: causes(&err.without_url()) },
    }
}

/// The address itself is asked, without credentials: few servers have something there.
fn upstream(status: u16) -> (bool, &'static str) {
    match status {
        200..300 => (true, ""),
        401 | 403 => (true, "somebody is there and wants credentials; clients send theirs with each call"),
        500.. => (false, "the server, or one before it, says that it cannot answer"),
        _ => (true, "somebody is there, and has nothing at this address itself; calls go below it"),
    }
}

fn scrape(status: u16) -> (bool, &'static str) {
    match status {
        200..300 => (true, ""),
        401 | 403 => (
            false,
            "the page wants credentials, and a scrape has none: open it to this machine, or scrape = \"off\"",
        ),
        500.. => (false, "the server says that it cannot answer"),
        _ => (false, "there is no page of metrics"),
    }
}

fn data_folder(config: &Resolved) -> Tried {
    let folder = &config.addresses.data;
    let what = format!("data folder {}", folder.display());
    let was_there = folder.exists();
    let probe = folder.join(".check");
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&probe, b"x"));
    let written = written.and_then(|()| std::fs::remove_file(&probe));
    if !was_there {
        // A check leaves nothing behind. What it could not remove is an empty folder.
        let _ = std::fs::remove_dir(folder);
    }
    match written {
        Ok(()) => Tried { what, ok: true, detail: "can be written".to_owned() },
        Err(err) => Tried { what, ok: false, detail: err.to_string() },
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
