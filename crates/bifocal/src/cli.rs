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
    /// Watch an upstream (`--upstream http://HOST:PORT`), a SageMaker endpoint (`--sagemaker NAME`), or what a
    /// configuration file says.
    Serve(ServeArgs),
    /// Watch a simulated two-model endpoint, with incidents to trigger.
    Demo(DemoArgs),
    /// Validate the configuration, print it resolved with secrets masked, and try every connection.
    Check(CheckArgs),
    /// Read SageMaker Data Capture files into the store; twice the same file changes nothing.
    Backfill(BackfillArgs),
    /// Replay history against the detectors: delay, false pages and judge cost before a rule is switched on.
    #[command(after_long_help = BACKTEST_EXAMPLES)]
    Backtest(BacktestArgs),
    /// What a configuration will cost a month, when its baselines are ready, and what it can detect how soon.
    #[command(after_long_help = PLAN_EXAMPLES)]
    Plan(PlanArgs),
    /// Print the smallest IAM policy for a configuration, read-only first.
    #[command(after_long_help = IAM_EXAMPLES)]
    Iam(IamArgs),
    /// Dashboards and alert rules for Grafana: as files, or through its API.
    #[command(subcommand)]
    Grafana(GrafanaCommand),
    /// Alarms and a dashboard for CloudWatch.
    #[command(subcommand)]
    Cloudwatch(CloudwatchCommand),
    /// Labels of people, and how judges agree with them.
    #[command(subcommand)]
    Judge(JudgeCommand),
    /// Print the page of an error code, such as B0012.
    Explain {
        /// The code.
        code: String,
    },
}

const BACKTEST_EXAMPLES: &str = r#"Examples:
  bifocal backtest --scores scores.jsonl.gz --false-pages-per-30-days 1
  bifocal backtest --scores scores.jsonl --events events.jsonl --threshold 1e5 --format json
  bifocal backtest --data ./bifocal-data --config bifocal.toml --against stricter.toml
  bifocal backtest --scores scores.jsonl --change 2026-11-24T13:51:00Z --usd-per-judgement 0.01

A line of --scores is one inference on one dimension; `score` is null where it was not judged:
  {"t": "2026-11-24T13:51:00Z", "target": "qwen", "dimension": "relevance", "score": 0.75,
   "proxy": null, "pi": 0.1, "stratum": "german", "judge": "gpt-4o-2024-05-13"}
A frozen answer that was scored again has "anchor": "ID", and may have "frozen": its score then.
A line of --events: {"t": "...", "target": "qwen", "kind": "deployment", "id": "d-123"}; the kinds `change`
and `change_end` mark what delays are counted from. Exit code 0 whatever it finds. Guide: docs/guide/backtest.md"#;

const PLAN_EXAMPLES: &str = r#"Examples:
  bifocal plan --requests-per-day 20000 --judge-rate 0.05 --price 3/15 --budget-usd-per-day 5
  bifocal plan --config bifocal.toml                 (traffic and spread from the store of that configuration)
  bifocal plan --config bifocal.toml --requests-per-day 50000 --format json

What nobody said and no store has seen is assumed, and marked so. Guide: docs/guide/plan.md"#;

const IAM_EXAMPLES: &str = r#"Examples:
  bifocal iam --sagemaker llm-prod --region us-east-1 --account 123456789012
  bifocal iam --config bifocal.toml --account 123456789012
  bifocal iam --sagemaker 'llm-*' --capture s3://my-bucket/capture --write-back > policy.json

Reading statements come first; each feature that writes has a statement of its own, to be left out if it is not wanted.
Guide: docs/guide/iam.md"#;

mod cloudwatch;
mod grafana;
mod judge;

pub use cloudwatch::{ApplyArgs, CloudwatchCommand, TemplateArgs};
pub use grafana::{GrafanaCommand, GrafanaFlavour, GrafanaKind, GrafanaServer, GrafanaWanted, RenderArgs};
pub use judge::{BridgeArgs, JudgeCommand, JudgeStore, LabelsArgs, PairwiseArgs};

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
    /// Watch this SageMaker endpoint: its variants, inference components, GPUs and cost. `*` stands for anything.
    #[arg(long, value_name = "NAME")]
    pub sagemaker: Option<String>,
    /// Region of --sagemaker [default: AWS_REGION, the profile's, the machine's]
    #[arg(long, value_name = "REGION", requires = "sagemaker")]
    pub region: Option<String>,
    /// One address in place of AWS's [default: AWS_ENDPOINT_URL and AWS_ENDPOINT_URL_<SERVICE>]
    #[arg(long, value_name = "URL", requires = "sagemaker")]
    pub aws_endpoint: Option<String>,
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
    /// Start this incident 5 seconds after the demo is ready: silent-degradation, overload, outage, cost-waste,
    /// harmless-deployment, judge-swap, mix-shift.
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
    /// Send a test alert and its end to every channel: people are told.
    #[arg(long)]
    pub send_test: bool,
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
    /// Store the calls alone: evaluators that cost nothing are not run on them either, and drift does not follow them.
    #[arg(long)]
    pub without_evaluators: bool,
}

/// `backtest`.
#[derive(Clone, Debug, Args)]
pub struct BacktestArgs {
    /// Files of JSON lines, plain or gzip; several are read one after the other.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub scores: Vec<PathBuf>,
    /// Without --scores: the data folder of `bifocal serve`, which must not run [default: ./bifocal-data]
    #[arg(long, value_name = "DIR", conflicts_with = "scores")]
    pub data: Option<PathBuf>,
    /// File of events, JSON lines: marked changes, and what alarms are aligned with.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,
    /// Everything changed at this time (RFC 3339); may be given more than once.
    #[arg(long, value_name = "T")]
    pub change: Vec<String>,
    /// Configuration file: its [quality] and [alerting] hold.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Another configuration file, to be compared on the same history.
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// Budget of false pages over all streams; the threshold is judged in 30 days over it [default: 1]
    #[arg(long, value_name = "B")]
    pub false_pages_per_30_days: Option<f64>,
    /// Evidence at which a stream alarms; overrides the budget.
    #[arg(long, value_name = "A")]
    pub threshold: Option<f64>,
    /// What a judgement costs where no line says so, dollars.
    #[arg(long, value_name = "USD")]
    pub usd_per_judgement: Option<f64>,
    /// Leave out lines that cannot be read, and count them.
    #[arg(long)]
    pub lenient: bool,
}

/// `plan`.
#[derive(Clone, Debug, Args)]
pub struct PlanArgs {
    /// Configuration file: its targets, [[evaluate]], [judge], [quality] and [alerting] hold.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Data folder with the traffic to plan for [default: the configuration's, or ./bifocal-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Requests a day of each target; without it, what the store has seen.
    #[arg(long, value_name = "N")]
    pub requests_per_day: Option<f64>,
    /// Targets, where the configuration names none.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub targets: u32,
    /// Share of answers that is judged, in (0, 1].
    #[arg(long, value_name = "SHARE")]
    pub judge_rate: Option<f64>,
    /// Tokens into the judge for one judgement.
    #[arg(long, value_name = "N")]
    pub tokens_in: Option<f64>,
    /// Tokens out of the judge for one judgement.
    #[arg(long, value_name = "N")]
    pub tokens_out: Option<f64>,
    /// The judge's price: dollars for a million tokens in and out, such as 3/15.
    #[arg(long, value_name = "IN/OUT")]
    pub price: Option<String>,
    /// Dollars a day that the judge may cost; needs a price.
    #[arg(long, value_name = "USD")]
    pub budget_usd_per_day: Option<f64>,
    /// Squared correlation of a cheap judge's scores with the strong judge's, as `bifocal backtest` measures it.
    #[arg(long, value_name = "R")]
    pub rho2: Option<f64>,
    /// Budget of false pages over all streams.
    #[arg(long, value_name = "B")]
    pub false_pages_per_30_days: Option<f64>,
    /// A fall of the mean score, on [0, 1], that is to be seen; may be repeated [default: 0.05 and 0.10]
    #[arg(long, value_name = "FALL")]
    pub fall: Vec<f64>,
    /// Ask no account of SageMaker what runs there and what reading its metrics costs.
    #[arg(long)]
    pub offline: bool,
}

/// `iam`.
#[derive(Clone, Debug, Args)]
pub struct IamArgs {
    /// An endpoint that is watched, or a pattern; may be given more than once.
    #[arg(long, value_name = "NAME")]
    pub sagemaker: Vec<String>,
    /// Configuration file: its [[target]] with `sagemaker` or `sign_for` and its [cloudwatch] hold.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The region [default: *]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// The account's number [default: *]
    #[arg(long, value_name = "NUMBER")]
    pub account: Option<String>,
    /// Where Data Capture writes answers: its DestinationS3Uri.
    #[arg(long, value_name = "S3_URI")]
    pub capture: Option<String>,
    /// A queue of SQS with S3's notifications of captured answers, by its address or ARN.
    #[arg(long, value_name = "QUEUE")]
    pub capture_queue: Option<String>,
    /// ARN of the key that captured answers are encrypted with.
    #[arg(long, value_name = "ARN", requires = "capture")]
    pub kms_key: Option<String>,
    /// ARN of a role that Bifocal assumes.
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,
    /// The proxy signs for its clients with Bifocal's credentials.
    #[arg(long)]
    pub resign: bool,
    /// Quality metrics are written to CloudWatch.
    #[arg(long)]
    pub write_back: bool,
    /// Alarms and a dashboard are made by `bifocal cloudwatch apply`.
    #[arg(long)]
    pub alarms: bool,
    /// Judged answers are written to CloudWatch Logs.
    #[arg(long)]
    pub logs: bool,
    /// Metrics of detailed observability are read through PromQL.
    #[arg(long)]
    pub detailed: bool,
    /// What containers wrote to CloudWatch Logs around an incident is kept with it.
    #[arg(long)]
    pub container_logs: bool,
}
