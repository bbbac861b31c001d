//! The configuration with every default filled in and every name checked.

use std::net::SocketAddr;
use std::path::PathBuf;

use bifocal_evaluate::ContextMap;
use bifocal_evaluate::custom::{CustomConfig, Customs};
use bifocal_evaluate::judge::JudgeConfig;
use bifocal_evaluate::probe::Probe;
use bifocal_evaluate::rule::{EvaluateRule, Rules};
use bifocal_publish::cloudwatch::WriteBackConfig;
use bifocal_publish::export::{OtlpConfig, RemoteWriteConfig};
use bifocal_publish::notify::ChannelConfig;
use bifocal_watch::alert::{RuleConfig, shipped_rules_over};
use bifocal_watch::{SloConfig, WatchConfig, shipped_slos};
use serde::Serialize;

use super::channels::channels;
use super::file::{ConfigFile, PriceSection};
use super::probe::ProbeConfig;
use super::sagemaker::{self, SageMakerTarget};
use super::secret::mask_address;
use super::upstream::UpstreamTarget;
use crate::user_error::{Code, UserError};

/// Ready to run.
#[derive(Clone, Debug, Serialize)]
pub struct Resolved {
    /// Where to listen and where the data are.
    pub addresses: Addresses,
    /// The upstreams.
    pub targets: Vec<UpstreamTarget>,
    /// Endpoints of SageMaker.
    pub sagemaker: Vec<SageMakerTarget>,
    /// Which share is judged.
    pub evaluate: Vec<EvaluateRule>,
    /// Evaluators of one's own.
    pub evaluators: Vec<CustomConfig>,
    /// Frozen prompts that are asked again and again.
    pub probes: Vec<ProbeConfig>,
    /// The judge.
    pub judge: Option<JudgeConfig>,
    /// Folder with rubric files of one's own.
    pub rubrics: Option<PathBuf>,
    /// Where answers find what they are to be made from.
    #[serde(skip_serializing_if = "ContextMap::is_usual")]
    pub context: ContextMap,
    /// Objectives, baselines, budget, rules.
    pub watch: WatchConfig,
    /// Whom alerts are told.
    pub channels: Vec<ChannelConfig>,
    /// The file of events; `None`: none.
    pub events_file: Option<PathBuf>,
    /// What is written to CloudWatch.
    pub cloudwatch: WriteBackConfig,
    /// Where OpenTelemetry goes; `None`: nowhere.
    pub otlp: Option<OtlpConfig>,
    /// Which Prometheus is written to; `None`: none.
    pub remote_write: Option<RemoteWriteConfig>,
    /// Prices that come before the built-in ones.
    pub prices: Vec<PriceSection>,
}

/// Where to listen and where the data are.
#[derive(Clone, Debug, Serialize)]
pub struct Addresses {
    /// Page and API.
    pub listen: SocketAddr,
    /// Where people reach them, if that is another address.
    pub public_url: Option<String>,
    /// The data folder.
    pub data: PathBuf,
    /// Name of the environment variable with the token.
    pub token_env: Option<String>,
    /// Bytes of the journal after which it is sealed; `None`: the store's default.
    pub seal_journal_bytes: Option<u64>,
}

/// The share judged when a judge is configured and no rule says otherwise.
const DEFAULT_RATE: f64 = 0.1;

impl Resolved {
    /// Fills in and checks.
    pub fn of(file: ConfigFile) -> Result<Self, UserError> {
        let listen = file.server.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 7700)));
        let first_proxy = file.server.proxy_listen;
        let of_sagemaker =
            file.target.iter().filter_map(|target| Some((target.sagemaker.as_deref()?, target)));
        let book = sagemaker::book(&file.price)?;
        let sagemaker = of_sagemaker
            .map(|(pattern, target)| SageMakerTarget::of(pattern, target, &book))
            .collect::<Result<Vec<_>, _>>()?;
        sagemaker::one_reader_each(&sagemaker)?;
        let targets = file
            .target
            .into_iter()
            .filter(|target| target.sagemaker.is_none() || !target.upstream.is_empty())
            .enumerate()
            .map(|(i, target)| UpstreamTarget::of(i, target, first_proxy))
            .collect::<Result<Vec<_>, _>>()?;
        if let Some(name) = &file.server.token_env {
            check_token(name)?;
        }
        for address in std::iter::once(listen).chain(targets.iter().map(|target| target.proxy_listen)) {
            check_loopback(address, file.server.token_env.as_deref())?;
        }
        let mut evaluate = file.evaluate;
        let judged = file.judge.as_ref().map(|judge| judge.dimensions.as_slice());
        Rules::compile(&evaluate, judged).map_err(|what| {
            UserError::new(Code::ConfigInvalid, format!("[[evaluate]] {what}")).hint(
                "rate = 0.1 judges one answer in ten at most; leave a rule out to judge nothing of a target",
            )
        })?;
        if evaluate.is_empty() {
            let rate = file.judge.as_ref().map_or(DEFAULT_RATE, |judge| judge.rate);
            evaluate.push(EvaluateRule::of("*", rate));
        }
        if let Some(judge) = &file.judge {
            judge.check().map_err(|err| {
                UserError::new(Code::ConfigInvalid, format!("[judge]: {err}"))
                    .hint("see docs/guide/configuration.md for every key with its range")
            })?;
        }
        let context = file.context.map(ContextMap::of).transpose().map_err(|what| {
            UserError::new(Code::ConfigInvalid, what).hint("see \"Context\" in docs/guide/evaluators.md")
        })?;
        let context = context.unwrap_or_default();
        customs(&file.evaluator)?;
        let probes = ProbeConfig::all(&file.probe, &targets)?;
        let of_probes = probes.iter().map(|probe| Probe::dimension_of(&probe.name));
        let own = file.evaluator.iter().map(|evaluator| evaluator.dimension().to_owned());
        let judged = file.judge.iter().flat_map(JudgeConfig::own_dimensions);
        let own_dimensions = own.chain(of_probes).chain(judged).collect();
        let slos = slos(file.slo);
        let watch = WatchConfig {
            own_dimensions,
            objectives: file.objectives,
            quality: file.quality,
            alerting: file.alerting,
            rules: alert_rules(with_evaluators(file.alert, &file.evaluator), &slos),
            slos,
            maintenance: file.maintenance,
        };
        watch.check().map_err(|what| {
            UserError::new(Code::ConfigInvalid, what).hint("see docs/guide/configuration.md for every key")
        })?;
        sagemaker::check_emf(file.cloudwatch.emf, file.cloudwatch.write)?;
        let channels = channels(file.channel, &watch.rules)?;
        let otlp = file.otlp.iter().map(|otlp| ("[otlp] endpoint", &otlp.endpoint, otlp.every_seconds));
        let written = file.remote_write.iter().map(|to| ("[remote_write] url", &to.url, to.every_seconds));
        otlp.chain(written).try_for_each(|(key, address, every)| check_collector(key, address, every))?;
        let addresses = Addresses {
            listen,
            public_url: file.server.public_url.map(public_url).transpose()?,
            data: file.server.data.unwrap_or_else(|| PathBuf::from("bifocal-data")),
            token_env: file.server.token_env,
            seal_journal_bytes: file.server.seal_journal_bytes,
        };
        Ok(Self {
            addresses,
            targets,
            sagemaker,
            evaluate,
            evaluators: file.evaluator,
            probes,
            judge: file.judge,
            rubrics: file.rubrics,
            context,
            watch,
            channels,
            events_file: file.events.file,
            cloudwatch: file.cloudwatch,
            otlp: file.otlp,
            remote_write: file.remote_write,
            prices: file.price,
        })
    }
}

impl Addresses {
    /// The address of the page, for links in messages.
    pub fn page(&self) -> String {
        self.public_url.clone().unwrap_or_else(|| format!("http://{}", self.listen))
    }
}

/// An address without a slash at its end.
fn public_url(text: String) -> Result<String, UserError> {
    let parsed = url::Url::parse(&text).ok().filter(|url| url.host_str().is_some() && url.query().is_none());
    let known = parsed.filter(|url| matches!(url.scheme(), "http" | "https") && url.username().is_empty());
    match known {
        Some(_) => Ok(text.trim_end_matches('/').to_owned()),
        None => Err(UserError::new(
            Code::ConfigInvalid,
            format!("[server] public_url `{}` is no https://HOST address", mask_address(&text)),
        )
        .hint("give the address at which people open the page, such as https://bifocal.example.com")),
    }
}

/// The evaluators of one's own, ready to run.
pub fn customs(configs: &[CustomConfig]) -> Result<Customs, UserError> {
    Customs::compile(configs).map_err(|err| {
        UserError::new(Code::ConfigInvalid, format!("[[evaluator]]: {err}"))
            .hint("each kind with an example is in docs/guide/evaluators.md")
    })
}

/// The shipped objectives, with those of the same name replaced, then the others.
pub fn slos(own: Vec<SloConfig>) -> Vec<SloConfig> {
    let kept = shipped_slos().into_iter().filter(|shipped| own.iter().all(|slo| slo.name != shipped.name));
    kept.collect::<Vec<_>>().into_iter().chain(own).collect()
}

/// One's own rules, and one for each evaluator of one's own that has a severity and no rule of that name.
fn with_evaluators(own: Vec<RuleConfig>, evaluators: &[CustomConfig]) -> Vec<RuleConfig> {
    let of = |evaluator: &CustomConfig| {
        let rule = RuleConfig::new(&format!("evaluator {}", evaluator.name), &evaluator.condition()?);
        Some(RuleConfig { severity: evaluator.severity?, ..rule })
    };
    let made: Vec<RuleConfig> = evaluators
        .iter()
        .filter_map(of)
        .filter(|made| own.iter().all(|rule| rule.name != made.name))
        .collect();
    own.into_iter().chain(made).collect()
}

/// The shipped rules over these objectives, with those of the same name replaced, then the others.
pub fn alert_rules(own: Vec<RuleConfig>, slos: &[SloConfig]) -> Vec<RuleConfig> {
    let kept = shipped_rules_over(slos)
        .into_iter()
        .filter(|shipped| own.iter().all(|rule| rule.name != shipped.name));
    let mut rules: Vec<RuleConfig> = kept.collect();
    rules.extend(own);
    rules
}

/// A token that is named must be there, on loopback too: a misspelt variable would open everything in silence.
fn check_token(name: &str) -> Result<(), UserError> {
    if std::env::var(name).is_ok_and(|token| !token.is_empty()) {
        return Ok(());
    }
    let message = format!("[server] token_env: the environment variable `{name}` is not set or empty");
    Err(UserError::new(Code::NeedsToken, message)
        .hint("set it, or leave token_env out and listen on 127.0.0.1"))
}

/// Off loopback a token must be named; that it is there has been checked.
fn check_loopback(address: SocketAddr, token_env: Option<&str>) -> Result<(), UserError> {
    if address.ip().is_loopback() || token_env.is_some() {
        return Ok(());
    }
    Err(UserError::new(
        Code::NeedsToken,
        format!("listen on {address}: this address is reachable from other machines and no token is set"),
    )
    .hint("set [server] token_env = \"BIFOCAL_TOKEN\" and that variable, or listen on 127.0.0.1"))
}

/// A collector has an address and an interval of at least a second.
fn check_collector(key: &str, address: &str, every_seconds: u32) -> Result<(), UserError> {
    let url = url::Url::parse(address).ok().filter(|url| url.host_str().is_some());
    if url.is_none_or(|url| !matches!(url.scheme(), "http" | "https")) {
        let message =
            format!("{key} `{}` is no http://HOST:PORT or https://HOST address", mask_address(address));
        return Err(UserError::new(Code::ConfigInvalid, message)
            .hint("each export with an example is in docs/guide/exports.md"));
    }
    if every_seconds == 0 {
        return Err(UserError::new(Code::ConfigInvalid, format!("{key}: every_seconds = 0: at least 1")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn resolve(text: &str) -> Result<Resolved, UserError> {
        Resolved::of(parse(text, "f").unwrap())
    }

    #[test]
    fn defaults_are_filled_in() {
        let config = resolve("[[target]]\nupstream = \"http://127.0.0.1:8000/\"\n").unwrap();
        let target = &config.targets[0];
        assert_eq!(target.name, "127.0.0.1:8000");
        assert_eq!(target.proxy_listen.to_string(), "127.0.0.1:7701");
        assert_eq!(target.scrape.as_deref(), Some("http://127.0.0.1:8000/metrics"));
        assert_eq!(config.watch.rules, shipped_rules_over(&shipped_slos()));
    }

    #[test]
    fn off_loopback_needs_a_token() {
        let err = resolve("[server]\ntoken_env = \"BIFOCAL_TEST_NO_SUCH_TOKEN\"\n").unwrap_err();
        assert_eq!(err.code, Code::NeedsToken, "a token that is named must be there, on loopback too");
        assert!(err.message.contains("BIFOCAL_TEST_NO_SUCH_TOKEN"), "{err}");
        let err = resolve("[server]\nlisten = \"0.0.0.0:7700\"\n").unwrap_err();
        assert_eq!(err.code, Code::NeedsToken);
        let err =
            resolve("[[target]]\nupstream = \"http://h:1\"\nproxy_listen = \"0.0.0.0:7701\"\n").unwrap_err();
        assert_eq!(err.code, Code::NeedsToken);
    }

    #[test]
    fn prices_of_the_configuration_come_before_the_built_in_ones() {
        let text = "[[target]]\nsagemaker = \"llm\"\n[[price]]\ninstance_type = \"ml.g6.12xlarge\"\nusd_per_hour = 4.1\n\
                    [[price]]\ninstance_type = \"ml.new.48xlarge\"\nregion = \"eu-west-1\"\nusd_per_hour = 41.0\naccelerators = 16\n";
        let config = resolve(text).unwrap();
        let book = &config.sagemaker[0].book;
        assert_eq!(book.price("ml.g6.12xlarge", "us-east-1").map(|price| price.usd_per_hour), Some(4.1));
        assert_eq!(book.price("ml.new.48xlarge", "eu-west-1").map(|price| price.usd_per_hour), Some(41.0));
        assert_eq!(book.price("ml.new.48xlarge", "us-east-1"), None, "another region's is no price");
        assert_eq!(book.accelerators("ml.new.48xlarge"), Some(16));
        let err = resolve(&text.replace("4.1", "-4.1")).unwrap_err();
        assert!(err.to_string().contains("[[price]]: price of `ml.g6.12xlarge`"), "{err}");
    }

    #[test]
    fn a_rule_of_the_same_name_replaces_the_shipped_one() {
        let text = "[[alert]]\nname = \"outage\"\nwhen = \"value('error_ratio') > 0.5\"\n";
        let rules = resolve(text).unwrap().watch.rules;
        let outage: Vec<_> = rules.iter().filter(|rule| rule.name == "outage").collect();
        assert_eq!(outage.len(), 1);
        assert_eq!(outage[0].when, "value('error_ratio') > 0.5");
    }

    #[test]
    fn mistakes_say_what_to_do() {
        for (text, part) in [
            ("[[target]]\nupstream = \"127.0.0.1:8000\"\n", "http://HOST:PORT"),
            ("[[evaluate]]\nrate = 0.0\n", "(0, 1]"),
            ("[[alert]]\nname = \"x\"\nwhen = \"true\"\nchannels = [\"sre\"]\n", "no channel `sre`"),
            ("[[channel]]\nname = \"sre\"\n", "says nowhere to go"),
            ("[[target]]\nupstream = \"http://a:1\"\nscrape_every_seconds = 0.0\n", "from 1 to 3600"),
            ("[alerting]\nfalse_pages_per_30_days = -1.0\n", "[alerting] false_pages_per_30_days = -1"),
            ("[objectives]\nttft_p95_seconds = 2000.0\n", "from 0.001 to 600"),
            ("[[channel]]\nname = \"sre\"\nsns = \"alerts\"\n", "is no topic"),
            (
                "[[target]]\nupstream = \"http://a:1\"\n[[target]]\nupstream = \"http://b:1\"\n",
                "proxy address of its own",
            ),
            (
                "[[target]]\nsagemaker = \"a\"\ncapture_queue = \"https://sqs.us-east-1.amazonaws.com/1/q\"\n\
                 [[target]]\nsagemaker = \"b\"\ncapture_queue = \"arn:aws:sqs:us-east-1:1:q\"\n",
                "sagemaker `a` and `b`: both read capture_queue `q`",
            ),
        ] {
            let err = resolve(text).unwrap_err();
            assert!(err.message.contains(part), "{err}");
            assert!(err.hint.is_some(), "{err}");
        }
    }
}
