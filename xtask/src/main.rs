//! Everything that is done with this repository, in one place: `cargo xtask COMMAND`.

mod bench;
mod demo;
mod report;
mod run;
mod test;
mod tidy;
mod tools;
mod ui;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask COMMAND

  demo [ARGS...]        build the page and the binary, run `bifocal demo ARGS`
  test [--ci] [--long]  everything that must pass: format, lints, tests, real components, browser
                        --ci: what cannot run here fails instead of being skipped
                        --long: the full sets of faults, seeds and simulations
  bench NAME [ARGS...]  a benchmark of bench/ against a release build
  tidy                  the repository's own rules
  ui                    build the page into ui/dist";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            eprintln!("error: {err:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let Some((name, rest)) = args.split_first() else {
        bail!("no command\n\n{USAGE}");
    };
    match (name.as_str(), rest) {
        ("demo", rest) => demo::run(rest),
        ("test", rest) => test::run(test::Options::parse(rest)?),
        ("bench", rest) => bench::run(rest),
        ("tidy", []) => tidy::run(),
        ("ui", []) => ui::build(),
        ("help" | "--help" | "-h", _) => {
            report::say(USAGE);
            Ok(())
        }
        _ => bail!("`{}` is not understood\n\n{USAGE}", args.join(" ")),
    }
}
