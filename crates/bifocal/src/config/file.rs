//! The file as written.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use bifocal_evaluate::judge::JudgeConfig;
use bifocal_publish::cloudwatch::WriteBackConfig;
use bifocal_publish::notify::ChannelConfig;
use bifocal_watch::alert::RuleConfig;
use bifocal_watch::{AlertingConfig, Objectives, QualityConfig};
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
    /// The judge; without this section nothing is judged.
    pub judge: Option<JudgeConfig>,
    /// Folder with rubric files that replace or add to the shipped ones.
    pub rubrics: Option<PathBuf>,
    /// Objectives on latency, errors, saturation and waste.
    pub objectives: Objectives,
    /// Windows and baselines of the quality lens.
    pub quality: QualityConfig,
    /// The budget of false pages.
    pub alerting: AlertingConfig,
    /// Alert rules; they are added to the shipped ones, and one of the same name replaces a shipped one.
    pub alert: Vec<RuleConfig>,
    /// Whom alerts are told.
    pub channel: Vec<ChannelConfig>,
    /// What happened, as others write it down.
    pub events: EventsSection,
    /// Quality metrics written to CloudWatch; off unless `write = true`.
    pub cloudwatch: WriteBackConfig,
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
    /// The proxy forwards here: `http://HOST:PORT`.
    pub upstream: String,
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

/// `[[evaluate]]`: the first rule whose target matches decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRule {
    /// A model's or component's name, or `*`.
    #[serde(default = "any")]
    pub target: String,
    /// The share of answers that is judged, in (0, 1].
    pub rate: f64,
}

fn any() -> String {
    "*".to_owned()
}

impl TargetSection {
    /// An upstream and nothing else.
    pub fn at(upstream: &str) -> Self {
        Self {
            name: None,
            upstream: upstream.to_owned(),
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
