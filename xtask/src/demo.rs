//! `demo`: from a checkout to a running page.

use std::os::unix::process::CommandExt as _;

use anyhow::{Context as _, Result};

use crate::{report, run, tools, ui, workspace};

/// Builds the page and the binary and becomes `bifocal demo ARGS`, so that Ctrl-C and the exit code are the demo's own.
pub(crate) fn run(args: &[String]) -> Result<()> {
    tools::check_prerequisites()?;
    ui::build()?;
    report::say("building bifocal");
    run::check(run::cargo().args(["build", "--package", "bifocal"]))?;
    let mut demo = std::process::Command::new(workspace::binary("debug"));
    let err = demo.arg("demo").args(args).exec();
    Err(err).context("start the demo")
}
