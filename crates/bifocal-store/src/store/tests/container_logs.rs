//! What containers wrote around incidents.

use bifocal_model::{ContainerLog, LogLine};
use bifocal_redact::{Redacted, redact_container_log};

use crate::fixture::{at, open};
use crate::limits::CONTAINER_LOGS;

fn log(text: &str) -> ContainerLog<Redacted> {
    redact_container_log(ContainerLog {
        group: "/aws/sagemaker/InferenceComponents/qwen".into(),
        from: at(1),
        to: at(9),
        read: at(10),
        lines: vec![LogLine { time: at(5), stream: "AllTraffic/i-0".into(), text: text.to_owned() }],
        is_cut: true,
    })
}

/// limit container_logs
#[test]
fn logs_of_the_newest_incidents_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    let state = store.small_state();
    assert_eq!(state.container_logs("a").unwrap(), None, "nobody looked");
    assert!(!state.container_logs_put("a", &[], at(1)).unwrap());
    assert_eq!(state.container_logs("a").unwrap(), Some(Vec::new()), "somebody looked, and there was none");
    state.container_logs_put("a", &[log("mail to a@b.org")], at(2)).unwrap();
    drop((store, state));
    let (store, _) = open(dir.path());
    let state = store.small_state();
    assert_eq!(state.container_logs("a").unwrap(), Some(vec![log("mail to [email]")]));
    for n in 1..CONTAINER_LOGS {
        let is_one_gone = state.container_logs_put(&format!("{n}"), &[], at(10 + i64::from(n))).unwrap();
        assert!(!is_one_gone, "{n}");
    }
    assert!(state.container_logs_put("new", &[], at(1_000)).unwrap());
    assert_eq!(state.container_logs("a").unwrap(), None, "the oldest had to go");
    assert!(state.container_logs("1").unwrap().is_some());
}
