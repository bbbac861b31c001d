//! What people say of answers, into the journal.

use std::sync::Arc;

use bifocal_api::labels::{Keeping, Kept, LabelDesk, NotKept};
use bifocal_model::Label;
use bifocal_redact::redact_label;
use bifocal_store::{Intake, Record};

/// Redacts, and waits until the journal has the labels.
#[derive(Debug)]
pub(super) struct IntakeLabels {
    intake: Intake,
}

impl IntakeLabels {
    pub(super) fn new(intake: Intake) -> Self {
        Self { intake }
    }
}

impl LabelDesk for IntakeLabels {
    fn keep(&self, labels: Vec<Label<String>>) -> Keeping {
        let intake = self.intake.clone();
        Box::pin(async move {
            let kept = intake.submit(labels.into_iter().map(record).collect()).await.map_err(|_| NotKept)?;
            Ok(Kept { new: kept.labels, known: kept.labels_known })
        })
    }
}

/// The record of a label, redacted.
pub(crate) fn record(label: Label<String>) -> Record {
    Record::Label(Arc::new(redact_label(label)))
}
