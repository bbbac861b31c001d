//! The command line of `bifocal cloudwatch`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const TEMPLATE_EXAMPLES: &str = r#"Examples:
  bifocal cloudwatch template --component llm-prod/qwen > alarms.json
  bifocal cloudwatch template --config bifocal.toml --component llm-prod/qwen > alarms.json
  aws cloudformation deploy --stack-name bifocal-alarms --template-file alarms.json \
    --parameter-overrides AlarmTopic=arn:aws:sns:us-east-1:123456789012:llm

What cannot be said in CloudWatch is named on standard error, with the reason and the price. Guide: docs/guide/cloudwatch.md"#;

const APPLY_EXAMPLES: &str = r#"Examples:
  bifocal cloudwatch diff --config bifocal.toml --component llm-prod/qwen
  bifocal cloudwatch apply --config bifocal.toml --component llm-prod/qwen \
    --topic arn:aws:sns:us-east-1:123456789012:llm
  bifocal cloudwatch apply --config bifocal.toml --component llm-prod/qwen --suppressor deploying

A second run changes nothing. What this owner made and wants no longer is deleted, unless --component says that the run is about
some components only; what others made stays. `diff` ends with exit code 1 where something would change. The policy: bifocal iam --alarms. Guide: docs/guide/cloudwatch.md"#;

/// `cloudwatch`.
#[derive(Clone, Debug, Subcommand)]
pub enum CloudwatchCommand {
    /// Print a CloudFormation template: metric and composite alarms from the alert rules, and a dashboard.
    #[command(after_long_help = TEMPLATE_EXAMPLES)]
    Template(TemplateArgs),
    /// Make alarms and a dashboard through the API, and delete what is wanted no longer.
    #[command(after_long_help = APPLY_EXAMPLES)]
    Apply(ApplyArgs),
    /// Show what `apply` would change.
    #[command(after_long_help = APPLY_EXAMPLES)]
    Diff(ApplyArgs),
}

/// `cloudwatch apply` and `diff`.
#[derive(Clone, Debug, Args)]
pub struct ApplyArgs {
    #[command(flatten)]
    /// Which alarms.
    pub wanted: TemplateArgs,
    /// ARN of the SNS topic that alarms tell [default: nobody]
    #[arg(long, value_name = "ARN")]
    pub topic: Option<String>,
    /// An alarm that silences the critical ones while it is in ALARM, such as one of a deployment.
    #[arg(long, value_name = "NAME_OR_ARN")]
    pub suppressor: Option<String>,
    /// The region [default: of the environment, the profile or the machine]
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Whose alarms these are, where several Bifocals share an account: each deletes its own alone.
    #[arg(long, value_name = "NAME", default_value = "bifocal")]
    pub owner: String,
}

/// `cloudwatch template`.
#[derive(Clone, Debug, Args)]
pub struct TemplateArgs {
    /// Configuration file: its alert rules, components and [cloudwatch] hold.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// An inference component; may be given more than once.
    #[arg(long, value_name = "ENDPOINT/NAME")]
    pub component: Vec<String>,
    /// The endpoints have detailed observability: conditions on the engine's own numbers become PromQL alarms.
    #[arg(long)]
    pub detailed: bool,
}
