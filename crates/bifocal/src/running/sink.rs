//! From the recorder into the intake, a batch at a time, without ever waiting.

use std::sync::{Arc, Mutex, PoisonError};

use bifocal_capture::proxy::Sink;
use bifocal_model::{Inference, LedgerOutcome, Loss, Source, TargetKey};
use bifocal_redact::Redacted;
use bifocal_store::{Arrival, Door, Intake, Record};
use bifocal_telemetry::{Metric, Telemetry};

use crate::limits::RESERVED_BATCHES;

/// Offers batches; what the journal has no room for after all is counted and told to the ledger as soon as there is.
#[derive(Debug)]
pub(super) struct IntakeSink {
    intake: Intake,
    telemetry: Telemetry,
    untold: Mutex<Untold>,
}

/// Losses that could not be told yet, with the arrivals of their calls.
#[derive(Debug, Default)]
struct Untold {
    losses: Vec<Loss>,
    arrivals: Vec<Arrival>,
}

impl IntakeSink {
    pub(super) fn new(intake: Intake, telemetry: Telemetry) -> Self {
        Self { intake, telemetry, untold: Mutex::default() }
    }

    fn offer(&self, mut records: Vec<Record>, arrival: Arrival) {
        let mut untold = self.untold.lock().unwrap_or_else(PoisonError::into_inner);
        let Untold { losses, mut arrivals } = std::mem::take(&mut *untold);
        records.extend(losses.into_iter().map(Record::Loss));
        arrivals.push(arrival);
        let Err(refused) = self.intake.try_pass_on(records, arrivals) else { return };
        self.telemetry.limit_hit("intake_batches");
        for record in refused.records {
            match record {
                Record::Inference(call) => {
                    self.telemetry.count(Metric::CaptureDropped, &["journal_full"], 1);
                    note(&mut untold.losses, call.target.clone(), call.time);
                }
                Record::Loss(loss) => untold.losses.push(loss),
                _ => {}
            }
        }
        for arrival in refused.arrivals {
            let other = match untold.arrivals.first_mut() {
                Some(first) => first.join(arrival),
                None => Some(arrival),
            };
            untold.arrivals.extend(other);
        }
    }
}

/// Whether the journal takes more from the proxies. The last places are for those who bring little: scores, readings.
pub(super) fn has_room(intake: &Intake) -> bool {
    intake.room() > RESERVED_BATCHES
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
    fn door(&self) -> Door {
        self.intake.door(Source::Proxy)
    }

    fn has_room(&self) -> bool {
        has_room(&self.intake)
    }

    fn take(&self, inferences: Vec<Inference<Redacted>>, losses: Vec<Loss>, arrival: Arrival) {
        let mut records = Vec::with_capacity(inferences.len() + losses.len());
        records.extend(inferences.into_iter().map(|inference| Record::Inference(Arc::new(inference))));
        records.extend(losses.into_iter().map(Record::Loss));
        self.offer(records, arrival);
    }
}

#[cfg(test)]
mod tests {
    use bifocal_store::{Arrivals, intake};

    use super::*;
    use crate::limits::INTAKE_BATCHES;

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
    async fn proxies_leave_places_to_others() {
        let (intake, batches) = intake(INTAKE_BATCHES, Arrivals::default());
        let sink = IntakeSink::new(intake.clone(), Telemetry::new());
        let mut taken = 0;
        while sink.has_room() {
            sink.take(Vec::new(), vec![loss(1)], sink.door().enter(1));
            taken += 1;
        }
        assert_eq!(taken, INTAKE_BATCHES - RESERVED_BATCHES);
        assert_eq!(intake.room(), RESERVED_BATCHES);
        drop(batches);
    }

    #[tokio::test]
    async fn a_full_journal_is_counted_and_told_later() {
        let telemetry = Telemetry::new();
        let (intake, mut batches) = intake(1, Arrivals::default());
        let sink = IntakeSink::new(intake, telemetry.clone());
        let lose = |count| sink.take(Vec::new(), vec![loss(count)], sink.door().enter(count));
        lose(1);
        lose(2);
        lose(3);
        assert_eq!(telemetry.value(Metric::LimitHits, &["intake_batches"]), 2);
        let first = batches.recv().await.unwrap();
        assert_eq!(first.records.len(), 1);
        lose(4);
        let later = batches.recv().await.unwrap();
        let arrived: u64 = later.arrivals.iter().map(Arrival::count).sum();
        assert_eq!(arrived, 2 + 3 + 4, "each with its arrival");
        let later = later.records;
        let counts: u64 = later.iter().map(|r| if let Record::Loss(loss) = r { loss.count } else { 0 }).sum();
        assert_eq!(counts, 2 + 3 + 4, "nothing is lost silently");
    }
}
