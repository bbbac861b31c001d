//! Asks the simulated judge in process: the same request and the same reading of the reply as over HTTP.

use bifocal_evaluate::Composite;
use bifocal_evaluate::judge::{Judge, Taken};
use bifocal_model::{Dimension, Score};
use bifocal_redact::{Redacted, redact_score};
use bifocal_store::Record;

use crate::config::Resolved;
use crate::pipeline::ToJudge;
use crate::running::judge;

/// Seconds that a simulated judgement takes.
const LATENCY_SECONDS: f64 = 0.4;

/// A judge and the simulated model behind it.
#[derive(Debug)]
pub struct InlineJudge {
    judge: Judge,
    composite: Composite,
    model: bifocal_sim::Judge,
}

impl InlineJudge {
    /// The configured judge, asked of this model.
    pub fn new(config: &Resolved, model: bifocal_sim::Judge) -> anyhow::Result<Self> {
        let judge = judge(config)?.ok_or_else(|| anyhow::anyhow!("the simulation needs a judge"))?;
        let dimensions: Vec<Dimension> = judge.dimensions().map(|(dimension, _)| dimension).collect();
        let composite = Composite::equal(&dimensions)?;
        Ok(Self { judge, composite, model })
    }

    /// The selection and the scores of one chosen inference.
    pub fn judge(&self, chosen: &ToJudge) -> anyhow::Result<Vec<Record>> {
        let mut records = vec![Record::Selection(self.judge.selection(&chosen.call, &chosen.choice, None))];
        let now = chosen.call.time + bifocal_model::Span::from_secs_f64(LATENCY_SECONDS);
        let taken = Taken { now, latency_seconds: LATENCY_SECONDS };
        let mut scores: Vec<Score<Redacted>> = Vec::new();
        for (dimension, _) in self.judge.dimensions() {
            let nonce = *chosen.call.id.as_bytes();
            let request = self.judge.request(&chosen.call, &chosen.choice, &dimension, nonce)?;
            let (status, body) = self.model.reply(&request.body);
            scores.push(redact_score(self.judge.read(&request, status, &body, taken)));
        }
        scores.extend(self.composite.score(&scores, now));
        records.extend(scores.into_iter().map(|score| Record::Score(Box::new(score))));
        Ok(records)
    }
}
