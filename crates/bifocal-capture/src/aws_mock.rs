//! The test bed's AWS in memory (moto), and the Python with boto3 that it comes with.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Running; dropped, it ends.
pub(crate) struct AwsMock {
    /// `http://…`
    pub(crate) address: String,
    /// The Python.
    pub(crate) python: PathBuf,
    child: Child,
}

/// Starts it; `None` when it cannot run here.
pub(crate) fn start() -> Option<AwsMock> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbed/aws-mock");
    let mut child = Command::new(script)
        .arg("--watch-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let Some(ready) = line.strip_prefix("READY ") else {
        assert_eq!(child.wait().unwrap().code(), Some(77), "testbed/aws-mock failed");
        assert!(
            std::env::var_os("BIFOCAL_CI").is_none(),
            "testbed/aws-mock cannot run here, and CI allows no skip"
        );
        println!("skipped: testbed/aws-mock cannot run on this machine");
        return None;
    };
    let ready: Value = serde_json::from_str(ready).unwrap();
    let text = |key: &str| ready[key].as_str().unwrap().to_owned();
    Some(AwsMock { address: text("aws"), python: text("python").into(), child })
}

impl Drop for AwsMock {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
