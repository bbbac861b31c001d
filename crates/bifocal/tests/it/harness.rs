//! What the tests of the whole share: the real binary as a child process, servers for it to talk to, a call, and
//! random numbers whose seed is printed.

mod call;
mod daemon;
mod random;
pub(crate) mod receivers;
mod servers;

pub(crate) use call::call;
pub(crate) use daemon::{Daemon, bifocal, ended_within};
pub(crate) use random::{Random, seed};
pub(crate) use servers::{Upstream, ask, client, free_port, get_json, serve};

use std::future::Future;
use std::time::Duration;

/// Asks until the answer is there. A machine under load may take long; it is the test's only time limit.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    for _ in 0..3_000 {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("waited in vain for {what}");
}
