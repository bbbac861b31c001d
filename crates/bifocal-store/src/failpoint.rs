//! Places where a test can kill the process, to show that a crash there loses nothing.
//!
//! `BIFOCAL_FAILPOINT=name` ends the process at the first passing of the point, `name:3` at the third. Only debug
//! builds have them.

/// The environment variable that names a point.
pub const ENVIRONMENT: &str = "BIFOCAL_FAILPOINT";

/// Every point, in the order in which an append and a seal pass them.
pub const POINTS: &[&str] = &[
    "append.before_sync",
    "append.after_sync",
    "seal.after_temp",
    "seal.after_rename",
    "rollup.written",
    "sqlite.mid_transaction",
    "seal.before_commit",
    "seal.after_commit",
    "seal.before_cut",
];

/// Passes a point: dies if the environment says so.
#[cfg(debug_assertions)]
pub(crate) fn pass(name: &'static str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var(ENVIRONMENT).ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().unwrap_or(1)))
    });
    let Some((wanted, count)) = armed else { return };
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn pass(_name: &'static str) {}
