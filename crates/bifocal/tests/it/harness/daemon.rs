//! The binary as a child process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A command without the environment of whoever runs the tests.
pub(crate) fn bifocal() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bifocal"));
    command.env_remove("BIFOCAL_LOG").env_remove("BIFOCAL_FAILPOINT");
    command
}

/// Waits for a child's end; `None` when it takes longer.
pub(crate) fn ended_within(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let step = Duration::from_millis(5);
    for _ in 0..=time.as_millis() / step.as_millis() {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(step);
    }
    None
}

/// A running `serve`.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    /// `http://…` of page and API, once it is ready.
    pub(crate) page: String,
    /// `http://…` of the first proxy, once it is ready.
    pub(crate) proxy: String,
    lines: Receiver<String>,
    errors: Arc<Mutex<String>>,
}

impl Daemon {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let errors = Arc::new(Mutex::new(String::new()));
        let (mut stderr, sink) = (child.stderr.take().unwrap(), Arc::clone(&errors));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..read]));
            }
        });
        Self { child, page: String::new(), proxy: String::new(), lines, errors }
    }

    /// Waits until it has said where it listens; `false` when it ended before.
    pub(crate) fn is_ready(&mut self) -> bool {
        while let Ok(line) = self.lines.recv() {
            let address = |line: &str| {
                line.split_whitespace().find(|word| word.starts_with("http://")).map(str::to_owned)
            };
            if line.starts_with("page and API") {
                self.page = address(&line).unwrap();
            } else if line.starts_with("proxy") && self.proxy.is_empty() {
                self.proxy = address(&line).unwrap();
            } else if line.ends_with("Ctrl-C ends.") {
                return true;
            }
        }
        false
    }

    /// Starts it and waits until it is ready.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut daemon = Self::spawn(command);
        assert!(daemon.is_ready(), "it ended before it was ready: {}", daemon.errors());
        daemon
    }

    /// What it wrote to standard error so far.
    pub(crate) fn errors(&self) -> String {
        self.errors.lock().unwrap().clone()
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) -> ExitStatus {
        self.child.kill().unwrap();
        self.child.wait().unwrap()
    }

    /// SIGTERM, and waits for its end.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let ended = ended_within(&mut self.child, Duration::from_secs(60));
        ended.unwrap_or_else(|| panic!("it did not end within a minute: {}", self.errors()))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
