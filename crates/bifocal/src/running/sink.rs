//! From the recorder into the intake, without ever waiting.

use std::sync::Mutex;
use std::sync::PoisonError;

use bifocal_capture::proxy::Sink;
use bifocal_model::{Inference, LedgerOutcome, Loss, Source, TargetKey};
use bifocal_redact::Redacted;
use bifocal_store::{Intake, Record, Refused};
use bifocal_telemetry::{Metric, Telemetry};

/// Offers each inference; what the journal has no room for is counted and told to the ledger as soon as there is.
#[derive(Debug)]
pub(super) struct IntakeSink {
    intake: Intake,
    telemetry: Telemetry,
    /// Losses that could not be told yet.
    untold: Mutex<Vec<Loss>>,
}

impl IntakeSink {
    pub(super) fn new(intake: Intake, telemetry: Telemetry) -> Self {
        Self { intake, telemetry, untold: Mutex::default() }
    }

    fn offer(&self, mut records: Vec<Record>) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        records.extend(untold.drain(..).map(Record::Loss));
        let (Err(Refused::Full(refused)) | Err(Refused::Closed(refused))) = self.intake.try_offer(records)
        else {
            return;
        };
        self.telemetry.limit_hit("intake_batches");
        for record in refused {
            match record {
                Record::Inference(call) => {
                    self.telemetry.count(Metric::CaptureDropped, &["journal_full"], 1);
                    note(&mut untold, call.target, call.time);
                }
                Record::Loss(loss) => untold.push(loss),
                _ => {}
            }
        }
    }
}

/// One line for each target: losses add up while the journal has no room.
fn note(untold: &mut Vec<Loss>, target: TargetKey, time: bifocal_model::Timestamp) {
    let same = |loss: &&mut Loss| loss.target.as_ref() == Some(&target) && loss.reason == "journal_full";
    match untold.iter_mut().find(same) {
        Some(loss) => {
            loss.count += 1;
            loss.time = time;
        }
        None => untold.push(Loss {
            source: Source::Proxy,
            target: Some(target),
            time,
            outcome: LedgerOutcome::Dropped,
            reason: "journal_full".to_owned(),
            count: 1,
        }),
    }
}

impl Sink for IntakeSink {
    fn take(&self, inference: Inference<Redacted>) {
        self.offer(vec![Record::Inference(Box::new(inference))]);
    }

    fn lost(&self, loss: Loss) {
        self.offer(vec![Record::Loss(loss)]);
    }
}

#[cfg(test)]
mod tests {
    use bifocal_store::intake;

    use super::*;

    fn loss(count: u64) -> Loss {
        Loss {
            source: Source::Proxy,
            target: None,
            time: bifocal_model::Timestamp::from_secs(1),
            outcome: LedgerOutcome::Dropped,
            reason: "buffer_full".to_owned(),
            count,
        }
    }

    #[tokio::test]
    async fn a_full_journal_is_counted_and_told_later() {
        let telemetry = Telemetry::new();
        let (intake, mut batches) = intake(1);
        let sink = IntakeSink::new(intake, telemetry.clone());
        sink.lost(loss(1));
        sink.lost(loss(2));
        sink.lost(loss(3));
        assert_eq!(telemetry.value(Metric::LimitHits, &["intake_batches"]), 2);
        let first = batches.recv().await.unwrap();
        assert_eq!(first.records.len(), 1);
        sink.lost(loss(4));
        let later = batches.recv().await.unwrap().records;
        let counts: u64 = later.iter().map(|r| if let Record::Loss(loss) = r { loss.count } else { 0 }).sum();
        assert_eq!(counts, 2 + 3 + 4, "nothing is lost silently");
    }
}
