//! Scoring anchors beside the traffic, from the same budget and through the same way.

use std::sync::Arc;

use bifocal_model::Cost;
use bifocal_store::Record;
use bifocal_telemetry::Drain;

use super::Worker;
use super::asking::Asked;
use crate::judge::{AnchorDesk, Errand};

impl Worker {
    /// Takes one errand after the other and waits for more.
    pub(super) async fn score_anchors(self: Arc<Self>, mut drain: Drain) {
        let Some(desk) = self.shared.anchors.clone() else { return };
        loop {
            // Wait for the word before looking, so that none is missed between look and wait.
            let waiting = self.shared.anchors_wait.notified();
            tokio::pin!(waiting);
            waiting.as_mut().enable();
            if drain.is_requested() {
                return;
            }
            if let Some(errand) = desk.take() {
                if !self.shared.way.open(&mut drain).await || !self.score_anchor(&desk, &errand).await {
                    return;
                }
                continue;
            }
            tokio::select! {
                biased;
                () = drain.requested() => return,
                () = waiting => {}
            }
        }
    }

    /// The traffic has cost this: anchors earn their share.
    pub(super) fn earn_anchors(&self, spent: &Cost) {
        if let Some(desk) = &self.shared.anchors {
            desk.earn(tokens(spent));
            self.shared.anchors_wait.notify_one();
        }
    }

    /// One anchor on one dimension; false when nothing can be written any more. What the budget has no room for is left
    /// out: the round comes by again.
    async fn score_anchor(&self, desk: &AnchorDesk, errand: &Errand) -> bool {
        let judge = &self.shared.judge;
        let Some(anchor) = desk.anchor(errand) else { return true };
        let nonce = self.nonce(anchor.inference.id, &errand.dimension);
        let request = match judge.anchor_request(anchor, &errand.dimension, nonce) {
            Ok(request) => request,
            Err(err) => {
                tracing::error!(error = %err, "a request about an anchor could not be built");
                return true;
            }
        };
        let reserved = request.estimated_tokens;
        if !self.budget(|budget| budget.try_reserve(self.shared.clock.now(), reserved)) {
            self.shared.way.breaker.not_tried(self.shared.clock.now());
            self.shared.telemetry.limit_hit("judge_budget");
            // Paid for as if it were done: the round must not turn on the spot while the budget is empty.
            desk.pay(reserved);
            return true;
        }
        let Asked { score, spent, .. } = self.ask_of(judge, &self.shared.way, &request).await;
        self.budget(|budget| budget.settle(self.shared.clock.now(), reserved, &spent));
        // A failure may have cost nothing and must not turn the round on the spot either.
        desk.pay(if score.value().is_some() { tokens(&score.cost) } else { reserved });
        match desk.record(errand, &score) {
            Some(record) => self.write(vec![Record::Anchor(record)]).await,
            None => true,
        }
    }
}

fn tokens(cost: &Cost) -> u64 {
    u64::from(cost.input_tokens) + u64::from(cost.output_tokens)
}
