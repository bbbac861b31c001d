//! A judge that is asked from the command line: tries with pauses, what it costs, and whether it is there at all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifocal_evaluate::judge::{Judge, PATH, Reply, Transport, TransportError};
use bifocal_model::{Cost, Failure};
use bifocal_telemetry::{Clock, Telemetry};
use serde::Serialize;

use crate::config::{Resolved, judge_place};
use crate::running::{judge, judge_transport};
use crate::user_error::{Code, UserError};

/// Calls of one question, the first included, and what is waited before the second.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// A judge that has not answered so many questions in a row, and none before, is not asked any more.
const GIVEN_UP: u64 = 8;

/// One judge and the way to it.
pub(super) struct Asked {
    pub(super) judge: Judge,
    transport: Arc<dyn Transport>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    tally: Mutex<Tally>,
}

/// What asking one judge came to.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Tally {
    /// Which judge, and where.
    pub(super) judge: String,
    /// Questions that were answered.
    pub(super) answered: u64,
    /// Questions that were not, by the reason of the last try.
    pub(super) failed: BTreeMap<&'static str, u64>,
    /// Whether it was given up as one that cannot be reached: what was left was not asked.
    pub(super) given_up: bool,
    /// Tokens, in and out.
    pub(super) tokens: u64,
    /// Dollars, where its prices are known.
    pub(super) usd: Option<f64>,
}

/// What a reply says, or why it says nothing; and what it cost.
pub(super) type Said<T> = (Result<T, Failure>, Cost);

impl Asked {
    /// The judge of a configuration file, which is called `which` in a message.
    pub(super) fn of(
        config: &Resolved,
        which: &str,
        clock: &Arc<dyn Clock>,
        telemetry: &Telemetry,
    ) -> anyhow::Result<Self> {
        let judge = judge(config)?.ok_or_else(|| {
            UserError::new(Code::ConfigInvalid, format!("{which} has no [judge]"))
                .hint("give a configuration file with a [judge]")
        })?;
        let transport = judge_transport(judge.config(), clock, telemetry)?;
        let timeout = Duration::from_secs_f64(judge.config().timeout_seconds);
        let name = format!("{} at {}", judge.config().model, judge_place(judge.config()));
        let tally = Mutex::new(Tally { judge: name, ..Tally::default() });
        Ok(Self { judge, transport, timeout, clock: Arc::clone(clock), tally })
    }

    /// A nonce that whoever wrote the answers cannot know.
    pub(super) fn nonce(&self, salt: u8) -> [u8; 16] {
        let now = self.clock.now().as_nanos().to_be_bytes();
        std::array::from_fn(|i| now.get(i % 8).map_or(0, |byte| byte.rotate_left(u32::from(i > 7)) ^ salt))
    }

    /// One question, asked again after a pause where the failure may pass, and once more at once where the reply could not be
    /// used. `read` makes what is wanted of a reply.
    pub(super) async fn ask<T>(&self, body: &[u8], read: impl Fn(&Reply) -> Said<T>) -> Option<T> {
        if self.tally(|tally| tally.given_up) {
            return None;
        }
        let mut tried = 1;
        loop {
            let call = self.transport.post(PATH, body.to_vec(), &[("content-type", "application/json")]);
            let answer =
                tokio::time::timeout(self.timeout, call).await.unwrap_or(Err(TransportError::Timeout));
            let said = match &answer {
                Ok(reply) => read(reply),
                Err(TransportError::Timeout) => (Err(Failure::Timeout), Cost::default()),
                Err(TransportError::Unreachable) => (Err(Failure::Unreachable), Cost::default()),
            };
            let (said, cost) = said;
            self.tally(|tally| tally.pay(&cost));
            let failure = match said {
                Ok(said) => {
                    self.tally(|tally| tally.answered += 1);
                    return Some(said);
                }
                Err(failure) => failure,
            };
            let pause = match failure {
                Failure::Unparsable | Failure::OutOfScale if tried == 1 => Some(Duration::ZERO),
                Failure::Provider | Failure::RateLimited | Failure::Timeout | Failure::Unreachable => {
                    Some(PAUSE * 2_u32.pow(tried - 1))
                }
                _ => None,
            };
            let Some(pause) = pause.filter(|_| tried < TRIES) else {
                self.tally(|tally| tally.fail(failure));
                return None;
            };
            tokio::time::sleep(pause).await;
            tried += 1;
        }
    }

    /// What it came to.
    pub(super) fn told(&self) -> Tally {
        self.tally(|tally| tally.clone())
    }

    fn tally<T>(&self, work: impl FnOnce(&mut Tally) -> T) -> T {
        work(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tally {
    fn pay(&mut self, cost: &Cost) {
        self.tokens += u64::from(cost.input_tokens) + u64::from(cost.output_tokens);
        if let Some(usd) = cost.usd {
            self.usd = Some(self.usd.unwrap_or(0.0) + usd);
        }
    }

    fn fail(&mut self, failure: Failure) {
        *self.failed.entry(failure.name()).or_default() += 1;
        let is_away = |name: &&str| {
            let away = [
                Failure::Unreachable,
                Failure::Timeout,
                Failure::Provider,
                Failure::RateLimited,
                Failure::Rejected,
            ];
            away.iter().any(|failure| failure.name() == *name)
        };
        let away: u64 = self.failed.iter().filter(|(name, _)| is_away(name)).map(|(_, count)| count).sum();
        self.given_up |= self.answered == 0 && away >= GIVEN_UP;
    }

    /// Questions that were not answered.
    pub(super) fn unanswered(&self) -> u64 {
        self.failed.values().sum()
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let usd = self.usd.map_or_else(String::new, |usd| format!(", ${usd:.2}"));
        let mut text =
            format!("{}: {} questions answered, {} tokens{usd}", self.judge, self.answered, self.tokens);
        if !self.failed.is_empty() {
            let reasons: Vec<String> = self
                .failed
                .iter()
                .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
                .collect();
            text.push_str(&format!("; {} not: {}", self.unanswered(), reasons.join(", ")));
        }
        if self.given_up {
            text.push_str("; it answered nothing, so the rest was not asked");
        }
        text
    }
}
