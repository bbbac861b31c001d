//! What people see on the command line, and what happens when the world around it fails.

mod backtest;
mod bridge;
mod capture_files;
mod configuration;
mod full_disk;
mod groups;
mod in_process;
mod labels;
mod own_rubrics;
mod pairwise;
mod plan;
mod severe;
mod silences;
mod trouble;
mod usage;
mod webhook;

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::ended_within;

/// What a command that ends by itself left behind.
struct Ended {
    code: Option<i32>,
    out: String,
    errors: String,
}

/// Runs a command that must end by itself.
fn run(command: &mut Command) -> Ended {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Long output would fill the pipe; what these commands print fits.
    if ended_within(&mut child, Duration::from_secs(120)).is_none() {
        child.kill().unwrap();
        panic!("{command:?} did not end");
    }
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { code: output.status.code(), out: text(output.stdout), errors: text(output.stderr) }
}
