//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Watches LLM inference through two lenses: quantity (latency, errors, GPU, cost) and quality (are the answers
/// still good), joined into one state per target.
#[derive(Debug, Parser)]
#[command(
    name = "bifocal",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Log filter, such as `info` or `bifocal_store=debug,warn`.
    #[arg(long, global = true, env = "BIFOCAL_LOG", default_value = "warn")]
    pub log: String,
    /// How output and logs are written.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// How output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// JSON.
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch an upstream: `--upstream http://HOST:PORT`, or what a configuration file says.
    Serve(ServeArgs),
    /// Watch a simulated two-model endpoint, with incidents to trigger.
    Demo(DemoArgs),
    /// Validate the configuration, print it resolved with secrets masked, and try every connection.
    Check(CheckArgs),
    /// Read SageMaker Data Capture files into the store; twice the same file changes nothing.
    Backfill(BackfillArgs),
    /// Print the page of an error code, such as B0012.
    Explain {
        /// The code.
        code: String,
    },
}

/// Addresses and the data folder, the same for `serve` and `demo`.
#[derive(Clone, Debug, Args)]
pub struct Places {
    /// Address of page, API and /metrics [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<SocketAddr>,
    /// Address of the proxy [default: 127.0.0.1:7701]
    #[arg(long, value_name = "ADDR:PORT")]
    pub proxy_listen: Option<SocketAddr>,
    /// Data folder [default: ./bifocal-data; a temporary one for `demo`]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// The server that clients use now; the proxy forwards to it.
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags are documented where they are declared")]
    pub places: Places,
    /// An OpenAI-compatible server that judges a sample of the answers, with its /v1.
    #[arg(long, value_name = "URL")]
    pub judge_url: Option<String>,
    /// The judge's model.
    #[arg(long, value_name = "NAME", requires = "judge_url")]
    pub judge_model: Option<String>,
    /// Share of answers that is judged, in (0, 1].
    #[arg(long, value_name = "SHARE")]
    pub judge_rate: Option<f64>,
    /// Tokens a day that the judge may use.
    #[arg(long, value_name = "TOKENS", requires = "judge_url")]
    pub judge_tokens_per_day: Option<u64>,
    /// What the hardware costs, dollars an hour.
    #[arg(long, value_name = "USD")]
    pub usd_per_hour: Option<f64>,
    /// POST alerts to this address.
    #[arg(long, value_name = "URL")]
    pub webhook: Option<String>,
}

/// `demo`.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// Simulated seconds in a second, 1 to 20.
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    pub speed: f64,
    /// Start this incident 5 seconds after the demo is ready: silent-degradation, overload, outage, cost-waste.
    #[arg(long, value_name = "NAME")]
    pub incident: Option<String>,
    /// Everything but measured latencies is a function of this number.
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags are documented where they are declared")]
    pub places: Places,
}

/// `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// `backfill`.
#[derive(Clone, Debug, Args)]
pub struct BackfillArgs {
    /// Files, or folders with .jsonl files.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub paths: Vec<PathBuf>,
    /// Configuration file: its [server], [objectives] and [quality] hold, nothing is served or judged.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data folder [default: ./bifocal-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Origin of the targets, such as sagemaker/123456789012/us-east-1.
    #[arg(long, default_value = "data-capture", value_name = "NAME")]
    pub origin: String,
    /// Endpoint, for files whose path does not name it.
    #[arg(long, default_value = "backfill", value_name = "NAME")]
    pub endpoint: String,
    /// The percentage of calls that the endpoint captures; every count divides by it.
    #[arg(long, default_value_t = 100.0, value_name = "PERCENT")]
    pub capture_percentage: f64,
}
