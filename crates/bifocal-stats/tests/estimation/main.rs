//! The promises of estimation, by simulation on the public data and against other implementations.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

mod coverage;
mod data;
mod golden;
mod proxies;
mod sequences;
#[path = "../../src/test_random.rs"]
#[expect(dead_code, reason = "made-up scores are for the unit tests")]
mod test_random;

/// Whether the full sets run (`cargo xtask test --long`).
fn long() -> bool {
    std::env::var_os("BIFOCAL_LONG").is_some()
}
