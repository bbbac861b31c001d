//! The cheap judge: asked about many answers, paid from the same budget, promised to nobody.

use bifocal_model::{EvaluatorKind, Score};
use bifocal_redact::{Redacted, redact_score};

use super::Worker;
use super::asking::Asked;
use crate::judge::breaker::Permit;
use crate::judge::queue::Job;

impl Worker {
    /// What it says of an answer on each dimension. Nothing where it is away, where the budget has no room, and of dimensions that it
    /// fails on: those are counted, and the answer tells nothing of the mean.
    pub(super) async fn ask_cheap(&self, job: &Job) -> Vec<Score<Redacted>> {
        let mut scores = Vec::new();
        let (Some(judge), Some(way), Some(inclusion)) = (&self.cheap, &self.shared.cheap_way, job.cheap)
        else {
            return scores;
        };
        for (dimension, _) in judge.dimensions().filter(|(dimension, _)| job.choice.is_on(dimension)) {
            let now = self.shared.clock.now();
            if matches!(way.breaker.permit(now), Permit::Wait(_)) {
                return scores;
            }
            let nonce = self.nonce(job.inference.id, &dimension);
            let Ok(request) = judge.request(&job.inference, &job.choice, &dimension, nonce) else {
                way.breaker.not_tried(now);
                return scores;
            };
            if !self.budget(|budget| budget.try_reserve(now, request.estimated_tokens)) {
                way.breaker.not_tried(now);
                self.shared.telemetry.limit_hit("judge_budget");
                return scores;
            }
            let Asked { score, spent, .. } = self.ask_of(judge, way, &request).await;
            let now = self.shared.clock.now();
            self.budget(|budget| budget.settle(now, request.estimated_tokens, &spent));
            scores.push(redact_score(Score { kind: EvaluatorKind::Cheap, inclusion, ..score }));
        }
        scores
    }
}
