//! Components of the test bed.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// What a script of the test bed exits with when it cannot run on this system.
const CANNOT_RUN: i32 = 77;

/// A running server of the test bed; dropped, it ends.
#[derive(Debug)]
pub(super) struct Component {
    /// Its addresses, as it printed them.
    pub(super) up: Value,
    child: Child,
}

impl Component {
    /// Starts `testbed/NAME`; `None` when it cannot run here.
    pub(super) fn start(name: &str, args: &[&str]) -> Option<Self> {
        let mut child = Command::new(script(name))
            .arg("--watch-stdin")
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(addresses) = line.strip_prefix("READY ") else {
            missing(name, child.wait().unwrap().code());
            return None;
        };
        Some(Self { up: serde_json::from_str(addresses).unwrap(), child })
    }

    /// One of its addresses.
    pub(super) fn address(&self, key: &str) -> &str {
        self.up[key].as_str().unwrap()
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// The Python that has OpenAI's client; `None` when it cannot be had here.
pub(super) fn openai_python() -> Option<PathBuf> {
    program("openai-python", "python")
}

/// What `testbed/NAME` prints under a key, a program; `None` when it cannot be had here.
pub(super) fn program(name: &str, key: &str) -> Option<PathBuf> {
    let mut child = Command::new(script(name)).stdout(Stdio::piped()).spawn().unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    if !status.success() {
        missing(name, status.code());
        return None;
    }
    let printed: Value = serde_json::from_str(&text).unwrap();
    Some(PathBuf::from(printed[key].as_str().unwrap()))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbed").join(name)
}

#[expect(clippy::print_stdout, reason = "the line by which the test run knows of a skip")]
fn missing(name: &str, code: Option<i32>) {
    assert_eq!(code, Some(CANNOT_RUN), "testbed/{name} failed");
    assert!(
        std::env::var_os("BIFOCAL_CI").is_none(),
        "testbed/{name} cannot run here, and CI allows no skip"
    );
    println!("skipped: testbed/{name} cannot run on this machine");
}
