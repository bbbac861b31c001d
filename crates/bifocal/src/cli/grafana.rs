//! The command line of `bifocal grafana`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

const RENDER_EXAMPLES: &str = r#"Examples:
  bifocal grafana render --out grafana
  bifocal grafana render --out grafana --flavour prometheus --config bifocal.toml --prometheus-url http://prometheus:9090
  bifocal grafana render --out grafana --flavour cloudwatch --component llm-prod/qwen --region us-east-1

Works without a configuration: the dashboards have variables. Guide: docs/guide/grafana.md"#;

const APPLY_EXAMPLES: &str = r#"Examples:
  bifocal grafana diff --url https://grafana.example --token-env GRAFANA_TOKEN --prometheus-uid abc
  bifocal grafana apply --url https://grafana.example --token-env GRAFANA_TOKEN --prometheus-url http://prometheus:9090
  bifocal grafana apply --url https://g-0123456789.grafana-workspace.us-east-1.amazonaws.com --token-env GRAFANA_TOKEN \
    --flavour cloudwatch --region us-east-1 --component llm-prod/qwen --sns-topic arn:aws:sns:us-east-1:123456789012:grafana-llm \
    --kind managed

The token is that of a service account: Editor for dashboards and alert rules, Admin for data sources. A second apply changes nothing.
Guide: docs/guide/grafana.md"#;

/// `grafana`.
#[derive(Clone, Debug, Subcommand)]
pub enum GrafanaCommand {
    /// Write dashboards, API bodies, file provisioning and Prometheus rules into a folder.
    #[command(after_long_help = RENDER_EXAMPLES)]
    Render(RenderArgs),
    /// Make a Grafana hold them; delete what an earlier apply made and is wanted no longer.
    #[command(after_long_help = APPLY_EXAMPLES)]
    Apply(GrafanaServer),
    /// Say what apply would do. Exit code 1 when it would do something.
    #[command(after_long_help = APPLY_EXAMPLES)]
    Diff(GrafanaServer),
}

/// `grafana render`.
#[derive(Clone, Debug, Args)]
pub struct RenderArgs {
    /// The folder; what is in it under the same names is written over.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags are documented where they are declared")]
    pub wanted: GrafanaWanted,
}

/// `grafana apply` and `grafana diff`.
#[derive(Clone, Debug, Args)]
pub struct GrafanaServer {
    /// Grafana's address.
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// Name of the environment variable with the token of a service account.
    #[arg(long, value_name = "NAME")]
    pub token_env: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags are documented where they are declared")]
    pub wanted: GrafanaWanted,
}

/// What is wanted, the same for all three.
#[derive(Clone, Debug, Args)]
pub struct GrafanaWanted {
    /// Which data source the dashboards read.
    #[arg(long, value_enum, default_value_t = GrafanaFlavour::Both)]
    pub flavour: GrafanaFlavour,
    /// Configuration file: its alert rules, components and [cloudwatch] hold.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Make a data source for the Prometheus at this address, as Grafana reaches it.
    #[arg(long, value_name = "URL")]
    pub prometheus_url: Option<String>,
    /// Read from the Prometheus data source of this uid, which is there.
    #[arg(long, value_name = "UID", conflicts_with = "prometheus_url")]
    pub prometheus_uid: Option<String>,
    /// Make a data source for the CloudWatch of this region.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Read from the CloudWatch data source of this uid, which is there.
    #[arg(long, value_name = "UID", conflicts_with = "region")]
    pub cloudwatch_uid: Option<String>,
    /// An inference component for CloudWatch's alert rules; may be given more than once.
    #[arg(long, value_name = "ENDPOINT/NAME")]
    pub component: Vec<String>,
    /// A contact point for this topic; with it alert rules send there, without one as Grafana's policies say.
    #[arg(long, value_name = "ARN")]
    pub sns_topic: Option<String>,
    /// A contact point for this address.
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
    /// Which shape of an SNS contact point.
    #[arg(long, value_enum, default_value_t = GrafanaKind::Oss)]
    pub kind: GrafanaKind,
    /// Address of Bifocal's page, for links in alerts.
    #[arg(long, value_name = "URL")]
    pub page: Option<String>,
}

/// Which data source the dashboards read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GrafanaFlavour {
    /// A Prometheus that scrapes Bifocal.
    Prometheus,
    /// CloudWatch.
    Cloudwatch,
    /// Both, side by side.
    Both,
}

/// Which Grafana.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GrafanaKind {
    /// Grafana itself.
    Oss,
    /// Amazon Managed Grafana.
    Managed,
}
