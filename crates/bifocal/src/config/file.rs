//! The file as written.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use bifocal_evaluate::ContextConfig;
use bifocal_evaluate::custom::CustomConfig;
use bifocal_evaluate::judge::JudgeConfig;
use bifocal_evaluate::rule::EvaluateRule;
use bifocal_publish::cloudwatch::WriteBackConfig;
use bifocal_publish::export::{OtlpConfig, RemoteWriteConfig};
use bifocal_publish::notify::ChannelConfig;
use bifocal_watch::alert::{Hold, RuleConfig};
use bifocal_watch::{AlertingConfig, MaintenanceConfig, Objectives, QualityConfig, SloConfig};
use serde::{Deserialize, Serialize};

/// `bifocal.toml`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// Addresses and the data folder.
    pub server: ServerSection,
    /// What is watched.
    pub target: Vec<TargetSection>,
    /// What is evaluated, and how much of it is judged.
    pub evaluate: Vec<EvaluateRule>,
    /// Evaluators of one's own, run on every answer.
    pub evaluator: Vec<CustomConfig>,
    /// Frozen prompts that are asked again and again.
    pub probe: Vec<ProbeSection>,
    /// The judge; without this section nothing is judged.
    pub judge: Option<JudgeConfig>,
    /// Folder with rubric files that replace or add to the shipped ones.
    pub rubrics: Option<PathBuf>,
    /// Where answers find what they are to be made from; default: messages of tools, else what stands between `<context>` and
    /// `</context>`. Since 0.2.
    pub context: Option<ContextConfig>,
    /// Objectives on latency, errors, saturation and waste.
    pub objectives: Objectives,
    /// Windows and baselines of the quality lens.
    pub quality: QualityConfig,
    /// The budget of false pages.
    pub alerting: AlertingConfig,
    /// Shares that must be good over weeks; they are added to the shipped ones, and one of the same name replaces a shipped
    /// one. Since 0.2.
    pub slo: Vec<SloConfig>,
    /// Alert rules; they are added to the shipped ones, and one of the same name replaces a shipped one.
    pub alert: Vec<RuleConfig>,
    /// Times in which alerts are shown and not told.
    pub maintenance: Vec<MaintenanceConfig>,
    /// Whom alerts are told.
    pub channel: Vec<ChannelConfig>,
    /// What happened, as others write it down.
    pub events: EventsSection,
    /// Quality metrics written to CloudWatch; off unless `write = true`.
    pub cloudwatch: WriteBackConfig,
    /// An OpenTelemetry receiver that metrics and judgements are sent to; without this section nothing is.
    pub otlp: Option<OtlpConfig>,
    /// A Prometheus that metrics are written to; without this section nothing is.
    pub remote_write: Option<RemoteWriteConfig>,
    /// Prices of one's own, before those that come with the binary.
    pub price: Vec<PriceSection>,
}

/// `[[price]]`: what an instance type costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceSection {
    /// The type: `ml.g6.12xlarge`.
    pub instance_type: String,
    /// The region; without one, all of them.
    pub region: Option<String>,
    /// Dollars an hour of one instance.
    pub usd_per_hour: f64,
    /// Accelerators of one instance, for types that are not known.
    pub accelerators: Option<u32>,
}

/// `[[probe]]`. Since 0.2.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProbeSection {
    /// Its name, lower case letters, digits and `_`; its stream is `probe_NAME`. Default: the file's.
    pub name: Option<String>,
    /// The file of prompts, JSON lines.
    pub prompts: PathBuf,
    /// The model as it is requested.
    pub model: String,
    /// Name of the `[[target]]` that is asked; may be left out where there is one only.
    pub target: Option<String>,
    /// From the beginning of one round to that of the next, such as `30m`, `1h` (the default); at least a minute.
    #[serde(default = "hourly")]
    pub every: Hold,
    /// Whether an endpoint that is scaled to zero, or of which nothing says that it runs, is asked; default false.
    #[serde(default)]
    pub wake: bool,
    /// Name of the environment variable with the upstream's key.
    pub api_key_env: Option<String>,
    /// Longest answer, tokens; default 512.
    pub max_tokens: Option<u32>,
    /// Default 0.
    pub temperature: Option<f64>,
    /// Seconds to wait for one answer; default 60.
    pub timeout_seconds: Option<f64>,
}

fn hourly() -> Hold {
    Hold::secs(3_600)
}

/// `[events]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventsSection {
    /// A file that deployments and the like are appended to, one JSON object a line: `{"t", "target", "kind", "id"}`. It is
    /// followed while it grows, and a restart goes on where it was.
    pub file: Option<PathBuf>,
}

/// `[server]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerSection {
    /// Address of page and API; default 127.0.0.1:7700.
    pub listen: Option<SocketAddr>,
    /// Where people reach the page, such as `https://bifocal.example.com`: links and pictures in messages point there; default: the
    /// address of `listen`. Since 0.2.
    pub public_url: Option<String>,
    /// Address of the proxy of the first target; default 127.0.0.1:7701.
    pub proxy_listen: Option<SocketAddr>,
    /// The data folder; default ./bifocal-data.
    pub data: Option<PathBuf>,
    /// Name of the environment variable with the bearer token that page, API and `/metrics` then ask for.
    pub token_env: Option<String>,
    /// Bytes of the journal after which it is sealed into segments; default 33,554,432. Smaller: less memory and a
    /// shorter start after a crash, but more and smaller files.
    pub seal_journal_bytes: Option<u64>,
}

/// `[[target]]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetSection {
    /// The upstream's name: the origin and, where nothing else is said, the endpoint of its targets.
    pub name: Option<String>,
    /// The proxy forwards here: `http://HOST:PORT` or `https://HOST`.
    #[serde(default)]
    pub upstream: String,
    /// A PEM file of certificates that are trusted in place of the system's.
    pub upstream_ca: Option<PathBuf>,
    /// The `Host` that the upstream gets and that clients sign for, where it is not the upstream's own.
    pub upstream_host: Option<String>,
    /// SageMaker endpoints, each in full, whose calls the proxy signs with its own credentials for AWS.
    #[serde(default)]
    pub sign_for: Vec<String>,
    /// Name of the environment variable with the token that clients show to be signed for.
    pub client_token_env: Option<String>,
    /// A SageMaker endpoint that is watched, by its name; `*` stands for anything: `llm-*`. Its variants and inference
    /// components become targets. Since 0.2.
    pub sagemaker: Option<String>,
    /// The region that is watched or signed for; default: that of the environment, of the profile or of the machine.
    pub region: Option<String>,
    /// A role to assume, in this account or in another one.
    pub role_arn: Option<String>,
    /// The external id that the role's owner asks for.
    pub external_id: Option<String>,
    /// One address in place of AWS's; default: the variables `AWS_ENDPOINT_URL` and `AWS_ENDPOINT_URL_<SERVICE>`.
    pub aws_endpoint: Option<String>,
    /// Seconds between two looks at CloudWatch, 60 to 86400; default 300. AWS bills each series of each look.
    pub cloudwatch_every_seconds: Option<f64>,
    /// Dollars a month that CloudWatch may cost for this target; default 10. Looks become rarer to keep it.
    pub cloudwatch_usd_per_month: Option<f64>,
    /// Reads each GPU by itself, where the endpoint publishes such metrics; default false.
    pub per_gpu: Option<bool>,
    /// Reads what the collector on the instances measures (vLLM, SGLang, DCGM), through CloudWatch's PromQL; default false.
    /// Since 0.2.
    pub detailed_observability: Option<bool>,
    /// Reads the answers of the endpoint's Data Capture files; default true.
    pub capture: Option<bool>,
    /// A queue of SQS with S3's notifications of the capture files, by its address or ARN: files are read as soon as they are
    /// told of. The queue is Bifocal's own. Since 0.2.
    pub capture_queue: Option<String>,
    /// Keeps what containers write to CloudWatch Logs around the beginning of an incident, redacted, with the incident;
    /// default false. Since 0.2.
    pub container_logs: Option<bool>,
    /// Whether clients may stream; default true. With false, a call that Data Capture does not show was lost.
    pub streams: Option<bool>,
    /// The upstream's Prometheus page; default: the upstream with the path `/metrics`. `"off"` turns it off.
    pub scrape: Option<String>,
    /// Seconds between two scrapes; default 10.
    pub scrape_every_seconds: Option<f64>,
    /// Address of this target's proxy; needed from the second target on.
    pub proxy_listen: Option<SocketAddr>,
    /// What the hardware behind it costs, dollars an hour, shared by its components.
    pub usd_per_hour: Option<f64>,
    /// Dollars an hour of single components, by the model's name as requested.
    #[serde(default)]
    pub component_usd_per_hour: BTreeMap<String, f64>,
    /// The endpoint's name, when its models are inference components of one.
    pub endpoint: Option<String>,
    /// The production variant's name.
    pub variant: Option<String>,
    /// Inference components by the model's name as requested.
    #[serde(default)]
    pub components: BTreeMap<String, String>,
    /// The header that names the tenant.
    pub tenant_header: Option<String>,
}

impl TargetSection {
    /// A SageMaker endpoint and nothing else.
    pub fn of_sagemaker(pattern: &str) -> Self {
        Self { sagemaker: Some(pattern.to_owned()), ..Self::at("") }
    }

    /// An upstream and nothing else.
    pub fn at(upstream: &str) -> Self {
        Self {
            name: None,
            upstream: upstream.to_owned(),
            upstream_ca: None,
            upstream_host: None,
            sign_for: Vec::new(),
            client_token_env: None,
            sagemaker: None,
            region: None,
            role_arn: None,
            external_id: None,
            aws_endpoint: None,
            cloudwatch_every_seconds: None,
            cloudwatch_usd_per_month: None,
            per_gpu: None,
            detailed_observability: None,
            capture: None,
            capture_queue: None,
            container_logs: None,
            streams: None,
            scrape: None,
            scrape_every_seconds: None,
            proxy_listen: None,
            usd_per_hour: None,
            component_usd_per_hour: BTreeMap::new(),
            endpoint: None,
            variant: None,
            components: BTreeMap::new(),
            tenant_header: None,
        }
    }
}
