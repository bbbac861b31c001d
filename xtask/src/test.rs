//! `test`: everything a contributor and CI must see pass, in order of cost. The first failing step ends the run.
//!
//! A test that cannot run prints a line `skipped: REASON`. Such lines are read from nextest's JUnit file, so that no skip
//! is silent: without `--ci` they are shown at the end, with `--ci` they are failures. Tests named `real_data_*` read
//! `BIFOCAL_SHARED` and say `skipped: no shared data` without it; with it, a skip of theirs is a failure everywhere.

mod junit;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::report::{self, Outcome, Step};
use crate::{run, tidy, tools, ui, workspace};
use junit::Skip;

/// The exit code of a test bed script, and of a browser test, that cannot run on this machine.
const CANNOT_RUN: i32 = 77;

/// The real components, in the order of their use.
const COMPONENTS: &[&str] = &[
    "llm-server",
    "openai-python",
    "cfn-lint",
    "wordllama",
    "aws-mock",
    "ministack",
    "rotel",
    "prometheus",
    "browser",
];

/// What the command line asks for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// Nothing may be skipped.
    ci: bool,
    /// The full sets of faults, seeds and simulations.
    long: bool,
}

impl Options {
    /// Reads the flags after `test`.
    pub(crate) fn parse(args: &[String]) -> Result<Self> {
        let mut options = Self::default();
        for arg in args {
            match arg.as_str() {
                "--ci" => options.ci = true,
                "--long" => options.long = true,
                other => bail!("`test` knows --ci and --long, not `{other}`"),
            }
        }
        Ok(options)
    }

    /// The profile of `.config/nextest.toml`.
    fn profile(self) -> &'static str {
        match self {
            Self { long: true, .. } => "long",
            Self { ci: true, .. } => "ci",
            Self { .. } => "default",
        }
    }
}

/// One run: what was asked for, and what was seen on the way.
struct Run {
    options: Options,
    /// `BIFOCAL_SHARED`, absolute: real data that the repository does not carry.
    shared: Option<PathBuf>,
    /// Notes for the end: what was skipped and why.
    notes: Vec<String>,
}

type Action = fn(&mut Run) -> Result<Outcome>;

const STEPS: &[(&str, Action)] = &[
    ("tools", |_| passed(tools::check_prerequisites())),
    ("fmt", |_| passed(run::check(run::cargo().args(["fmt", "--all", "--check"])))),
    ("tidy", |_| passed(tidy::run())),
    ("deny", |_| deny()),
    ("ui build", |_| passed(ui::build())),
    ("ui tests", |_| passed(ui::test())),
    ("clippy", |_| {
        let clippy = ["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"];
        passed(run::check(run::cargo().args(clippy)))
    }),
    ("build", |_| passed(run::check(run::cargo().args(["build", "--package", "bifocal"])))),
    ("components", Run::components),
    ("tests", Run::tests),
    ("fuzz", |_| fuzz()),
    ("browser", Run::browser),
];

/// Runs all steps and prints their table.
pub(crate) fn run(options: Options) -> Result<()> {
    let mut run = Run { options, shared: shared_data()?, notes: Vec::new() };
    let mut steps = Vec::new();
    let mut failure = None;
    for &(name, action) in STEPS {
        report::heading(name);
        let (took, result) = timed(|| action(&mut run));
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(err) => {
                failure = Some(err.context(format!("step `{name}`")));
                Outcome::Failed
            }
        };
        steps.push(Step { name, took, outcome });
        if failure.is_some() {
            break;
        }
    }
    report::heading("summary");
    report::say(&report::table(&steps));
    for note in &run.notes {
        report::say(note);
    }
    failure.map_or(Ok(()), Err)
}

fn passed(result: Result<()>) -> Result<Outcome> {
    result.map(|()| Outcome::Passed)
}

#[expect(clippy::disallowed_methods, reason = "the duration of a build step is wall time")]
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let result = work();
    (began.elapsed(), result)
}

/// `BIFOCAL_SHARED` made absolute, since tests run in the folders of their crates.
fn shared_data() -> Result<Option<PathBuf>> {
    let Some(folder) = std::env::var_os("BIFOCAL_SHARED").filter(|folder| !folder.is_empty()) else {
        return Ok(None);
    };
    let folder = PathBuf::from(folder);
    let path =
        folder.canonicalize().with_context(|| format!("BIFOCAL_SHARED names `{}`", folder.display()))?;
    Ok(Some(path))
}

fn deny() -> Result<Outcome> {
    let deny = tools::cargo_deny()?;
    // Advisories are left out: their database comes from the network and changes without a commit of ours.
    passed(run::check(run::command(deny).args([
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ])))
}

/// The fuzz targets' checks as property tests. `fuzz/` is a workspace of its own.
fn fuzz() -> Result<Outcome> {
    let mut test = run::cargo();
    test.args([
        "test",
        "--quiet",
        "--no-default-features",
        "--manifest-path",
        "fuzz/Cargo.toml",
        "--target-dir",
    ]);
    passed(run::check(test.arg(workspace::target_dir().join("fuzz"))))
}

impl Run {
    /// Tells a test what it needs to know of this run.
    fn environment<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("BIFOCAL_TESTBED", workspace::testbed_dir());
        if self.options.ci {
            command.env("BIFOCAL_CI", "1");
        }
        if self.options.long {
            command.env("BIFOCAL_LONG", "1");
        }
        match &self.shared {
            Some(shared) => command.env("BIFOCAL_SHARED", shared),
            None => command.env_remove("BIFOCAL_SHARED"),
        }
    }

    /// Installs the real components before the tests, so that no test pays for it.
    fn components(&mut self) -> Result<Outcome> {
        let mut missing = Vec::new();
        for name in COMPONENTS {
            let script = workspace::root().join("testbed").join(name);
            let mut install = run::command(&script);
            match run::code_and_output(self.environment(install.arg("--install")))?.0 {
                Some(0) => {}
                Some(CANNOT_RUN) => missing.push(*name),
                code => bail!("testbed/{name} --install ended with {code:?}: its output is above"),
            }
        }
        self.unless_skipped(&missing)
    }

    fn unless_skipped(&self, missing: &[&str]) -> Result<Outcome> {
        if missing.is_empty() {
            return Ok(Outcome::Passed);
        }
        let names = missing.join(", ");
        if self.options.ci {
            bail!("{names} cannot run on this machine (the reason is above), and --ci allows no skip");
        }
        Ok(Outcome::Skipped(format!("{names} cannot run on this machine")))
    }

    fn tests(&mut self) -> Result<Outcome> {
        let profile = self.options.profile();
        // nextest keeps its reports in the root, wherever CARGO_TARGET_DIR points.
        let report = workspace::root().join("target/nextest").join(profile).join("junit.xml");
        // A report of an earlier run must not speak for this one.
        if report.exists() {
            fs::remove_file(&report).with_context(|| format!("remove `{}`", report.display()))?;
        }
        let mut nextest = run::command(tools::cargo_nextest()?);
        let result = run::check(self.environment(nextest.args([
            "nextest",
            "run",
            "--workspace",
            "--profile",
            profile,
        ])));
        let xml = fs::read_to_string(&report).unwrap_or_default();
        let skips = junit::skips(&xml);
        self.notes.extend(notes(&skips, junit::real_data_tests(&xml), self.shared.is_some()));
        result?;
        if xml.is_empty() {
            bail!("nextest left no report at `{}`", report.display());
        }
        refuse_skips(&skips, self.options.ci, self.shared.is_some())?;
        Ok(Outcome::Passed)
    }

    /// Each `e2e/*.mjs` is a program for node that drives the binary with a real browser.
    fn browser(&mut self) -> Result<Outcome> {
        let script = workspace::root().join("testbed/browser");
        let (code, browser) = run::code_and_output(self.environment(&mut run::command(script)))?;
        match code {
            Some(0) => {}
            Some(CANNOT_RUN) => return self.unless_skipped(&["browser"]),
            code => bail!("testbed/browser ended with {code:?}: its output is above"),
        }
        let folder = workspace::root().join("e2e");
        let entries = fs::read_dir(&folder).with_context(|| format!("read `{}`", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "mjs"));
        files.sort();
        if files.is_empty() {
            bail!("e2e/ holds no browser test (*.mjs)");
        }
        for file in files {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            report::say(&format!("e2e/{name}"));
            let mut node = run::command("node");
            node.arg(&file)
                .env("BIFOCAL_BIN", workspace::binary("debug"))
                .env("BIFOCAL_BROWSER", browser.trim());
            run::check(self.environment(&mut node))?;
        }
        Ok(Outcome::Passed)
    }
}

/// What a person must know of the tests that did not run.
fn notes(skips: &[Skip], real_data: usize, shared: bool) -> Vec<String> {
    let others = skips.iter().filter(|skip| !skip.real_data);
    let mut notes: Vec<String> =
        others.map(|skip| format!("SKIPPED {}: {}", skip.test, skip.reason)).collect();
    notes.push(if shared {
        format!("real-data: {real_data} tests")
    } else {
        format!("real-data: SKIPPED ({real_data} tests)")
    });
    notes
}

/// Fails when a test was skipped that had to run.
fn refuse_skips(skips: &[Skip], ci: bool, shared: bool) -> Result<()> {
    let refused: Vec<_> = skips
        .iter()
        .filter(|skip| if skip.real_data { shared } else { ci })
        .map(|skip| format!("{} ({})", skip.test, skip.reason))
        .collect();
    if !refused.is_empty() {
        bail!("tests that had to run were skipped: {}", refused.join("; "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(test: &str, reason: &str, real_data: bool) -> Skip {
        Skip { test: test.to_owned(), reason: reason.to_owned(), real_data }
    }

    #[test]
    fn flags_choose_the_profile_and_unknown_ones_are_refused() {
        let profile = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
            Options::parse(&args).map(Options::profile)
        };
        assert_eq!(profile(&[]).unwrap(), "default");
        assert_eq!(profile(&["--ci"]).unwrap(), "ci");
        assert_eq!(profile(&["--ci", "--long"]).unwrap(), "long");
        assert_eq!(
            profile(&["--fast"]).unwrap_err().to_string(),
            "`test` knows --ci and --long, not `--fast`"
        );
    }

    #[test]
    fn a_missing_component_is_a_skip_for_a_person_and_a_failure_in_ci() {
        let skips = [skip("bifocal::e2e serves_llama", "no Python", false)];
        assert!(refuse_skips(&skips, false, true).is_ok());
        let err = refuse_skips(&skips, true, false).unwrap_err().to_string();
        assert!(err.ends_with("skipped: bifocal::e2e serves_llama (no Python)"), "{err}");
    }

    #[test]
    fn missing_shared_data_is_a_failure_only_where_it_was_promised() {
        let skips = [skip("bifocal-stats::real_data real_data_swap", "no shared data", true)];
        assert!(refuse_skips(&skips, true, false).is_ok());
        assert!(refuse_skips(&skips, false, true).is_err());
    }

    #[test]
    fn the_notes_count_real_data_and_list_the_rest() {
        let skips = [skip("a", "no Python", false), skip("b", "no shared data", true)];
        assert_eq!(notes(&skips, 4, false), ["SKIPPED a: no Python", "real-data: SKIPPED (4 tests)"]);
        assert_eq!(notes(&[], 4, true), ["real-data: 4 tests"]);
    }
}
