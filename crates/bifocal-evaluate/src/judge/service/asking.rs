//! One question to a judge: tries, the repair of a reply that cannot be used, and what all of it costs.

use std::time::Duration;

use bifocal_model::{Cost, Score, Verdict};
use bifocal_telemetry::Metric;
use tokio::time::sleep;

use super::{Worker, add};
use crate::judge::breaker::is_away;
use crate::judge::transport::{Reply, TransportError};
use crate::judge::way::Way;
use crate::judge::{Judge, JudgeRequest, Taken, parse, repair};
use crate::limits::ATTEMPTS;

/// What came of a question.
pub(super) struct Asked {
    /// The score, or the failure; its cost is that of all tries.
    pub(super) score: Score<String>,
    /// What is still to be settled against what was reserved for it.
    pub(super) spent: Cost,
    /// The judge is away: the question was not answered and can be asked again later.
    pub(super) is_away: bool,
}

impl Worker {
    /// Asks, again where the failure may pass, and once more for a reply that can be used.
    pub(super) async fn ask_of(&self, judge: &Judge, way: &Way, request: &JudgeRequest) -> Asked {
        let mut spent = Cost::default();
        let mut attempt = 1;
        loop {
            let (mut score, answer) = self.call(judge, way, request, &request.body).await;
            add(&mut spent, &score.cost);
            let away = is_away(&answer);
            let is_away = match &score.verdict {
                Verdict::Failed { failure, .. } if away => way.failed(*failure),
                _ => false,
            };
            let may_pass = match &answer {
                Ok(Reply { status, .. }) => matches!(status, 408 | 429 | 500..),
                Err(_) => true,
            };
            if !is_away && may_pass && attempt < ATTEMPTS {
                sleep(self.pause(request, attempt)).await;
                attempt += 1;
                continue;
            }
            score.cost = spent;
            if let Ok(reply) = answer {
                score = self.repaired(judge, way, request, score, &reply).await;
            }
            return Asked { score, spent, is_away };
        }
    }

    /// The score of a second turn, where the reply asks for one, the budget has room and the turn brings one; else the failure
    /// as it was, with what the turn has cost.
    async fn repaired(
        &self,
        judge: &Judge,
        way: &Way,
        request: &JudgeRequest,
        score: Score<String>,
        reply: &Reply,
    ) -> Score<String> {
        let said = parse::said(&reply.body);
        let own = judge.own_reply(request);
        let Some(repair) = repair::of(&request.body, said.as_deref(), &score.verdict, own) else {
            return score;
        };
        let clock = &self.shared.clock;
        let counted = |outcome| self.shared.telemetry.count(Metric::JudgeRepairs, &[outcome], 1);
        if !self.budget(|budget| budget.try_reserve(clock.now(), repair.tokens)) {
            counted("no_budget");
            return score;
        }
        let (mut again, _) = self.call(judge, way, request, &repair.body).await;
        self.budget(|budget| budget.settle(clock.now(), repair.tokens, &again.cost));
        let mut cost = score.cost;
        add(&mut cost, &again.cost);
        if let Verdict::Scored { label, .. } = &mut again.verdict {
            counted("repaired");
            *label = Some("repaired".to_owned());
            return Score { cost, ..again };
        }
        counted("failed");
        Score { cost, ..score }
    }

    /// One call, read and counted.
    async fn call(
        &self,
        judge: &Judge,
        way: &Way,
        request: &JudgeRequest,
        body: &[u8],
    ) -> (Score<String>, Result<Reply, TransportError>) {
        let clock = &self.shared.clock;
        let asked = clock.now();
        let answer = way.call(body).await;
        let now = clock.now();
        let taken = Taken { now, latency_seconds: now.since(asked).as_secs_f64() };
        let mut score = match &answer {
            Ok(Reply { status, body }) => judge.read(request, *status, body, taken),
            Err(error) => judge.unanswered(request, *error, taken),
        };
        if answer == Err(TransportError::Timeout) {
            // The judge may have read it all and charge for it.
            let tokens = u32::try_from(body.len() / 4).unwrap_or(u32::MAX);
            score.cost.input_tokens = tokens;
            score.cost.usd = judge.prices().map(|prices| prices.usd(tokens, 0));
        }
        self.count(&score);
        (score, answer)
    }

    /// 0.25 s, then 0.5 s, each between half and all of it: workers that failed together do not come back together.
    fn pause(&self, request: &JudgeRequest, attempt: u32) -> Duration {
        let jitter = self.hash(&[request.subject.inference.as_bytes(), &attempt.to_le_bytes()]) % 1_000;
        let full = 0.25 * f64::from(1u32 << (attempt - 1).min(6));
        Duration::from_secs_f64(full * (0.5 + jitter as f64 / 2_000.0))
    }

    fn count(&self, score: &Score<String>) {
        let outcome = match &score.verdict {
            Verdict::Scored { .. } => "scored",
            Verdict::Failed { failure, .. } => failure.name(),
        };
        let telemetry = &self.shared.telemetry;
        telemetry.count(Metric::JudgeCalls, &[outcome], 1);
        telemetry.count(Metric::JudgeTokens, &["input"], u64::from(score.cost.input_tokens));
        telemetry.count(Metric::JudgeTokens, &["output"], u64::from(score.cost.output_tokens));
    }
}
