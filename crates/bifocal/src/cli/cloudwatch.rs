//! The command line of `bifocal cloudwatch`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

const TEMPLATE_EXAMPLES: &str = r#"Examples:
  bifocal cloudwatch template --component llm-prod/qwen > alarms.json
  bifocal cloudwatch template --config bifocal.toml --component llm-prod/qwen > alarms.json
  aws cloudformation deploy --stack-name bifocal-alarms --template-file alarms.json \
    --parameter-overrides AlarmTopic=arn:aws:sns:us-east-1:123456789012:llm

What cannot be said in CloudWatch is named on standard error, with the reason and the price. Guide: docs/guide/cloudwatch.md"#;

/// `cloudwatch`.
#[derive(Clone, Debug, Subcommand)]
pub enum CloudwatchCommand {
    /// Print a CloudFormation template: metric and composite alarms from the alert rules, and a dashboard.
    #[command(after_long_help = TEMPLATE_EXAMPLES)]
    Template(TemplateArgs),
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
}
