//! The second word, from the same budget and through a way of its own.

use bifocal_model::{Dimension, Score};
use bifocal_redact::{Redacted, redact_score};

use super::Worker;
use super::asking::Asked;
use crate::judge::breaker::Permit;
use crate::judge::queue::Job;
use crate::judge::{SEVERE, Taken, TransportError};

impl Worker {
    /// Asks for it where the scores call for it. What the budget has no room for is a failure: it is told as not confirmed
    /// and not as refuted.
    pub(super) async fn confirm(&self, job: &Job, scores: &[Score<Redacted>]) -> Option<Score<Redacted>> {
        let confirmer = self.second.as_ref()?;
        let way = self.shared.second_way.as_deref().unwrap_or(&self.shared.way);
        if !confirmer.is_wanted(scores) {
            return None;
        }
        let nonce = self.nonce(job.inference.id, &Dimension::known(SEVERE));
        let request = match confirmer.request(&job.inference, &job.choice, nonce) {
            Ok(request) => request,
            Err(err) => {
                tracing::error!(error = %err, "a request to the second judge could not be built");
                return None;
            }
        };
        let (now, reserved) = (self.shared.clock.now(), request.estimated_tokens);
        let said = if matches!(way.breaker.permit(now), Permit::Wait(_)) {
            let taken = Taken { now, latency_seconds: 0.0 };
            confirmer.judge().unanswered(&request, TransportError::Unreachable, taken)
        } else if self.budget(|budget| budget.try_reserve(now, reserved)) {
            let Asked { score, spent, .. } = self.ask_of(confirmer.judge(), way, &request).await;
            self.budget(|budget| budget.settle(self.shared.clock.now(), reserved, &spent));
            score
        } else {
            way.breaker.not_tried(now);
            self.shared.telemetry.limit_hit("judge_budget");
            confirmer.unasked(&request, now)
        };
        Some(redact_score(confirmer.confirmation(said)))
    }
}
