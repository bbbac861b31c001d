//! Small things that outlive the process: the secret of the sampler, what judge and evaluators have spent today, what the cheap judge
//! was drawn for and has not said.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use bifocal_evaluate::custom::service::{Calls, RemoteQueue};
use bifocal_evaluate::judge::{CheapWait, JudgeQueue, Spent};
use bifocal_store::SmallState;
use bifocal_telemetry::Drain;
use serde::Serialize;
use serde::de::DeserializeOwned;

const SECRET: &str = "sampling_secret";
const SPENT: &str = "judge_spent";
const CALLS: &str = "evaluator_calls";
const CHEAP_WAITS: &str = "cheap_waits";
const KEEP_EVERY: Duration = Duration::from_secs(2);
/// The list of answers may be long, and nobody was promised a word on them.
const KEEP_WAITS_EVERY: u32 = 10;

/// The secret that decides which answers are judged: made once, kept in the data folder, never shown. Its
/// randomness is that of the standard library's hash keys, which come from the operating system.
pub fn sampling_secret(small_state: &SmallState) -> anyhow::Result<[u8; 16]> {
    if let Some(kept) = small_state.kv_get(SECRET)?
        && let Ok(secret) = <[u8; 16]>::try_from(kept.as_slice())
    {
        return Ok(secret);
    }
    let half = || RandomState::new().hash_one(SECRET).to_le_bytes();
    let mut secret = [0; 16];
    secret[..8].copy_from_slice(&half());
    secret[8..].copy_from_slice(&half());
    small_state.kv_put(SECRET, &secret)?;
    Ok(secret)
}

/// What was spent before a restart.
pub(super) fn spent(small_state: &SmallState) -> anyhow::Result<Option<Spent>> {
    read(small_state, SPENT)
}

/// What evaluators behind HTTP were asked before a restart.
pub(super) fn calls(small_state: &SmallState) -> anyhow::Result<Calls> {
    Ok(read(small_state, CALLS)?.unwrap_or_default())
}

/// What the cheap judge was drawn for before a restart and may not have said.
pub(super) fn cheap_waits(small_state: &SmallState) -> anyhow::Result<Vec<CheapWait>> {
    Ok(read(small_state, CHEAP_WAITS)?.unwrap_or_default())
}

/// Keeps what is spent and what waits for the cheap judge, every few seconds and at the end.
pub(super) async fn keep_spent(small_state: SmallState, queue: JudgeQueue, mut drain: Drain) {
    let (mut spent, mut waits) = (Kept::new(SPENT), Kept::new(CHEAP_WAITS));
    for turn in 1_u32.. {
        let ends = pause(&mut drain).await;
        spent.keep(&small_state, queue.spent());
        if queue.has_cheap() && (ends || turn % KEEP_WAITS_EVERY == 0) {
            waits.keep(&small_state, queue.cheap_waits());
        }
        if ends {
            return;
        }
    }
}

/// Keeps how often evaluators behind HTTP were asked today, every two seconds and at the end.
pub(super) async fn keep_calls(small_state: SmallState, queue: RemoteQueue, mut drain: Drain) {
    let mut calls = Kept::new(CALLS);
    loop {
        let ends = pause(&mut drain).await;
        calls.keep(&small_state, queue.calls());
        if ends {
            return;
        }
    }
}

/// Whether it is the end.
async fn pause(drain: &mut Drain) -> bool {
    tokio::select! {
        () = drain.requested() => true,
        () = tokio::time::sleep(KEEP_EVERY) => false,
    }
}

fn read<T: DeserializeOwned>(small_state: &SmallState, name: &str) -> anyhow::Result<Option<T>> {
    let kept = small_state.kv_get(name)?;
    Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// A value that is written where it has changed.
struct Kept<T> {
    name: &'static str,
    last: Option<T>,
}

impl<T: Serialize + PartialEq> Kept<T> {
    const fn new(name: &'static str) -> Self {
        Self { name, last: None }
    }

    fn keep(&mut self, small_state: &SmallState, value: T) {
        if self.last.as_ref() == Some(&value) {
            return;
        }
        let kept = self.name;
        match serde_json::to_vec(&value).map(|bytes| small_state.kv_put(kept, &bytes)) {
            Ok(Ok(())) => self.last = Some(value),
            Ok(Err(error)) => tracing::warn!(%error, kept, "what is to outlive a restart could not be kept"),
            Err(error) => tracing::warn!(%error, kept, "what is to outlive a restart could not be written"),
        }
    }
}
