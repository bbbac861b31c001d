//! The binary: reads the command line and hands over.

use std::process::ExitCode;

use bifocal::cli::Cli;
use clap::Parser as _;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => bifocal::run(&cli),
        Err(error) => bifocal::usage(&error),
    }
}
