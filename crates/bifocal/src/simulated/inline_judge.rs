//! Asks the simulated judge in process: the same request and the same reading of the reply as over HTTP, and the same desk
//! that hands out anchors.

use std::sync::Arc;

use bifocal_evaluate::Composite;
use bifocal_evaluate::judge::{AnchorDesk, Confirmer, Judge, JudgeRequest, Taken};
use bifocal_model::{Dimension, Score, Timestamp};
use bifocal_redact::{Redacted, redact_score};
use bifocal_store::Record;

use crate::config::Resolved;
use crate::pipeline::ToJudge;
use crate::running::{anchors, confirmer, judge};

/// Seconds that a simulated judgement takes.
const LATENCY_SECONDS: f64 = 0.4;

/// A judge and the simulated model behind it.
#[derive(Debug)]
pub struct InlineJudge {
    judge: Judge,
    composite: Composite,
    model: bifocal_sim::Judge,
    desk: Option<AnchorDesk>,
    confirmer: Option<Confirmer>,
}

impl InlineJudge {
    /// The configured judge, asked of this model.
    pub fn new(config: &Resolved, model: bifocal_sim::Judge) -> anyhow::Result<Self> {
        let judge = judge(config)?.ok_or_else(|| anyhow::anyhow!("the simulation needs a judge"))?;
        let dimensions: Vec<Dimension> = judge.dimensions().map(|(dimension, _)| dimension).collect();
        let composite = Composite::equal(&dimensions)?;
        let share = judge.config().anchor_share;
        let desk = anchors(config)?.map(|anchors| AnchorDesk::new(anchors, dimensions.into_iter(), share));
        Ok(Self { judge, composite, model, desk, confirmer: confirmer(config)? })
    }

    /// From now on another model stands behind the judge's name.
    pub fn swap(&mut self, model: bifocal_sim::Judge) {
        self.model = model;
    }

    /// The judge that it asks as.
    pub fn judge(&self) -> &Judge {
        &self.judge
    }

    /// The scores of one chosen inference.
    pub fn scores(&self, chosen: &ToJudge) -> anyhow::Result<Vec<Record>> {
        let now = chosen.call.time + bifocal_model::Span::from_secs_f64(LATENCY_SECONDS);
        let mut scores: Vec<Score<Redacted>> = Vec::new();
        for (dimension, _) in self.judge.dimensions().filter(|(dimension, _)| chosen.choice.is_on(dimension))
        {
            let nonce = *chosen.call.id.as_bytes();
            let request = self.judge.request(&chosen.call, &chosen.choice, &dimension, nonce)?;
            let score = self.ask(&request, now);
            if let Some(desk) = &self.desk {
                desk.earn(tokens(&score));
            }
            scores.push(score);
        }
        scores.extend(self.composite.score(&scores, now));
        if let Some(confirmer) = self.confirmer.as_ref().filter(|confirmer| confirmer.is_wanted(&scores)) {
            let mut nonce = *chosen.call.id.as_bytes();
            nonce.reverse();
            let request = confirmer.request(&chosen.call, &chosen.choice, nonce)?;
            scores.push(confirmer.confirmation(self.ask(&request, now)));
        }
        Ok(scores.into_iter().map(|score| Record::Score(Arc::new(score))).collect())
    }

    /// All anchors of these dimensions come first.
    pub fn force_anchors(&self, dimensions: &[Dimension]) {
        if let Some(desk) = &self.desk {
            desk.force(dimensions);
        }
    }

    /// Scores the anchors whose turn it is, at most so many.
    pub fn anchors(&self, now: Timestamp, most: usize) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        let Some(desk) = &self.desk else { return Ok(records) };
        for _ in 0..most {
            let Some(errand) = desk.take() else { break };
            let Some(anchor) = desk.anchor(&errand) else { break };
            let request = self.judge.anchor_request(anchor, &errand.dimension, [7; 16])?;
            let score = self.ask(&request, now);
            desk.pay(tokens(&score));
            records.extend(desk.record(&errand, &score).map(Record::Anchor));
        }
        Ok(records)
    }

    fn ask(&self, request: &JudgeRequest, now: Timestamp) -> Score<Redacted> {
        let taken = Taken { now, latency_seconds: LATENCY_SECONDS };
        let (status, body) = self.model.reply(&request.body);
        redact_score(self.judge.read(request, status, &body, taken))
    }
}

fn tokens(score: &Score<Redacted>) -> u64 {
    u64::from(score.cost.input_tokens) + u64::from(score.cost.output_tokens)
}
