//! The assembly of Bifocal: commands, configuration and the pipeline that joins the crates.
//!
//! Life of the data: sources (proxy, scrape, backfill) offer records to the [`pipeline`], whose one thread makes
//! them durable, evaluates and samples what is new, feeds the watch and publishes a snapshot; the judge's tasks
//! return scores the same way; page, API and `/metrics` read the snapshot and the store's reader.

pub mod cli;
pub mod commands;
pub mod config;
pub mod iam;
mod limits;
pub mod outbound;
pub mod output;
pub mod pipeline;
pub mod plan;
pub mod running;
pub mod sagemaker;
pub mod simulated;
pub mod user_error;

pub use limits::LIMITS;

use std::process::ExitCode;

use bifocal_telemetry::{LogFormat, init_logging};

use cli::{Cli, Command, Format};
use user_error::UserError;

/// Exit codes: 0 done, 1 findings, 2 usage or configuration, 3 runtime.
const FINDINGS: u8 = 1;
const USAGE: u8 = 2;
const RUNTIME: u8 = 3;

/// Runs a command to its end.
pub fn run(cli: &Cli) -> ExitCode {
    let log_format = if cli.format == Format::Json { LogFormat::Json } else { LogFormat::Text };
    init_logging(&cli.log, log_format);
    let result = match &cli.command {
        Command::Serve(args) => commands::serve::run(args),
        Command::Demo(args) => commands::demo::run(args),
        Command::Check(args) => commands::check::run(args, cli.format),
        Command::Backfill(args) => commands::backfill::run(args, cli.format),
        Command::Backtest(args) => commands::backtest::run(args, cli.format),
        Command::Plan(args) => commands::plan::run(args, cli.format),
        Command::Iam(args) => commands::iam::run(args),
        Command::Cloudwatch(command) => commands::cloudwatch::run(command),
        Command::Grafana(command) => commands::grafana::run(command, cli.format),
        Command::Judge(command) => commands::judge::run(command, cli.format),
        Command::Explain { code } => commands::explain::run(code),
    };
    match result {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::WithFindings) => ExitCode::from(FINDINGS),
        Err(error) => {
            output::error(&error);
            let usage = error.downcast_ref::<UserError>().is_some();
            ExitCode::from(if usage { USAGE } else { RUNTIME })
        }
    }
}

/// Prints what clap has to say: help goes to standard output, mistakes to standard error.
pub fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is nobody's fault.
    let _ = error.print();
    if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// All is well.
    Well,
    /// It found something that a person should know.
    WithFindings,
}
