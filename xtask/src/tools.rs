//! What must be on the machine, and what is installed when it is not.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{report, run, workspace};

/// Pinned: a newer release may refuse what the older one accepted, and then every old commit fails.
const DENY_VERSION: &str = "0.20.2";
const NEXTEST_VERSION: &str = "0.9.143";

/// A program of the host with the least version that works.
struct Prerequisite {
    program: &'static str,
    least: (u32, u32),
    why: &'static str,
    advice: &'static str,
}

const CARGO: Prerequisite = Prerequisite {
    program: "cargo",
    least: (1, 95),
    why: "builds the binary",
    advice: "install Rust from https://rustup.rs; the version is in rust-toolchain.toml",
};
const NODE: Prerequisite = Prerequisite {
    program: "node",
    least: (20, 19),
    why: "builds the page",
    advice: "install Node.js 20.19 or later with npm",
};
const PYTHON: Prerequisite = Prerequisite {
    program: "python3",
    least: (3, 11),
    why: "runs the test bed and the benchmarks",
    advice: "install Python 3.11 or later",
};

/// Fails with one line for each program that is missing or too old.
pub(crate) fn check_prerequisites() -> Result<()> {
    let problems: Vec<String> = [CARGO, NODE, PYTHON]
        .iter()
        .filter_map(|wanted| problem(wanted, &version_of(wanted.program)))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    bail!("{}", problems.join("\n"));
}

fn problem(wanted: &Prerequisite, answer: &str) -> Option<String> {
    let Prerequisite { program, least: (major, minor), why, advice } = wanted;
    match parse_version(answer) {
        Some(found) if found >= wanted.least => None,
        Some((found_major, found_minor)) => Some(format!(
            "{program} {found_major}.{found_minor} is too old ({major}.{minor} {why}): {advice}"
        )),
        None => Some(format!("{program} is not on PATH ({why}): {advice}")),
    }
}

/// What `PROGRAM --version` says; empty when the program does not start.
fn version_of(program: &str) -> String {
    let done = run::command(program).arg("--version").output();
    done.map(|done| String::from_utf8_lossy(&done.stdout).into_owned()).unwrap_or_default()
}

/// Major and minor of the first word that looks like a version: `v20.20.2`, `Python 3.11.7`, `cargo 1.95.0 (…)`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

/// cargo-deny: from PATH, else installed under the target folder (unoptimised: it runs for a second).
pub(crate) fn cargo_deny() -> Result<PathBuf> {
    installed("cargo-deny", DENY_VERSION, &["--debug"])
}

/// cargo-nextest: from PATH, else installed under the target folder.
pub(crate) fn cargo_nextest() -> Result<PathBuf> {
    installed("cargo-nextest", NEXTEST_VERSION, &["--debug"])
}

fn installed(name: &str, version: &str, options: &[&str]) -> Result<PathBuf> {
    let works =
        |path: &PathBuf| run::command(path).arg("--version").output().is_ok_and(|done| done.status.success());
    let on_path = PathBuf::from(name);
    if works(&on_path) {
        return Ok(on_path);
    }
    let root = workspace::root().join("target/tools");
    let path = root.join("bin").join(name);
    if works(&path) {
        return Ok(path);
    }
    report::say(&format!(
        "{name} is not on PATH: installing {version} into target/tools (a few minutes, once)"
    ));
    let mut install = run::cargo();
    // A folder of its own: the flags of this workspace's builds are not those of the tool.
    install.env("CARGO_TARGET_DIR", root.join("build"));
    run::check(
        install
            .args(["install", "--locked", "--quiet", name, "--version", version])
            .args(options)
            .arg("--root")
            .arg(&root),
    )?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        assert_eq!(parse_version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(parse_version("Python 3.11.7"), Some((3, 11)));
        assert_eq!(parse_version("cargo 1.95.0 (f2d3ce0bd 2026-03-21)"), Some((1, 95)));
        assert_eq!(parse_version("no number"), None);
    }

    #[test]
    fn an_old_and_a_missing_program_each_get_a_line_with_advice() {
        assert_eq!(problem(&NODE, "v20.19.0"), None);
        assert_eq!(problem(&NODE, "v24.0.0"), None);
        let old = problem(&NODE, "v18.20.1").unwrap();
        assert_eq!(
            old,
            "node 18.20 is too old (20.19 builds the page): install Node.js 20.19 or later with npm"
        );
        let missing = problem(&PYTHON, "").unwrap();
        assert!(
            missing.starts_with("python3 is not on PATH")
                && missing.ends_with("install Python 3.11 or later")
        );
    }

    #[test]
    fn minor_versions_compare_as_numbers() {
        assert_eq!(problem(&PYTHON, "Python 3.9.2").unwrap().split(' ').nth(1), Some("3.9"));
        assert_eq!(problem(&PYTHON, "Python 3.14.0"), None);
    }
}
