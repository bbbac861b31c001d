//! Small things that outlive the process: the secret of the sampler, what the judge has spent today.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use bifocal_evaluate::judge::{JudgeQueue, Spent};
use bifocal_store::SmallState;
use bifocal_telemetry::Drain;

const SECRET: &str = "sampling_secret";
const SPENT: &str = "judge_spent";
const KEEP_EVERY: Duration = Duration::from_secs(2);

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
    let kept = small_state.kv_get(SPENT)?;
    Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Keeps what is spent, every two seconds and at the end.
pub(super) async fn keep_spent(small_state: SmallState, queue: JudgeQueue, mut drain: Drain) {
    let mut kept = None;
    loop {
        let ends = tokio::select! {
            () = drain.requested() => true,
            () = tokio::time::sleep(KEEP_EVERY) => false,
        };
        let spent = queue.spent();
        if kept != Some(spent) {
            match serde_json::to_vec(&spent).map(|bytes| small_state.kv_put(SPENT, &bytes)) {
                Ok(Ok(())) => kept = Some(spent),
                Ok(Err(error)) => tracing::warn!(%error, "the judge's spending could not be kept"),
                Err(error) => tracing::warn!(%error, "the judge's spending could not be written"),
            }
        }
        if ends {
            return;
        }
    }
}
