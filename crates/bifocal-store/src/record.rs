//! What the journal holds. What is large is shared: memory, the watch and the judge hold the record that was written.

use std::sync::Arc;

use bifocal_model::{
    Act, AnchorScore, Event, Inference, Label, Loss, Reading, ReadingSubject, Score, Selection, Source,
    TargetKey,
};
use bifocal_redact::Redacted;
use serde::{Deserialize, Serialize};

/// The position of a record in the journal: 1, 2, 3, … without gaps, never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Seq(pub u64);

/// One record of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A request and its response.
    Inference(Arc<Inference<Redacted>>),
    /// What an evaluator says of an inference.
    Score(Arc<Score<Redacted>>),
    /// A frozen answer was scored again. It is part of no estimate of the traffic and of no ledger of inferences.
    Anchor(AnchorScore),
    /// What a person says of an inference.
    Label(Arc<Label<Redacted>>),
    /// An inference was chosen to be judged.
    Selection(Selection),
    /// A point of an infrastructure series.
    Reading(Reading),
    /// Something that happened.
    Event(Event),
    /// Something that was received and not stored.
    Loss(Loss),
    /// How far a backfill has read a file.
    Checkpoint(Checkpoint),
    /// What a person did to alerts and incidents; the watch keeps it.
    Act(Act),
}

impl Record {
    /// The line of the ledger that it counts in, and how often; `None` for what is not received but made.
    pub(crate) fn of_line(&self) -> Option<((Source, Option<&TargetKey>), u64)> {
        match self {
            Self::Inference(inference) => Some(((inference.identity.source, Some(&inference.target)), 1)),
            Self::Reading(reading) => {
                let target = match &reading.subject {
                    ReadingSubject::Target(target) => Some(target),
                    ReadingSubject::Origin(_) => None,
                };
                Some(((reading.source, target), 1))
            }
            Self::Loss(loss) => Some(((loss.source, loss.target.as_ref()), loss.count)),
            Self::Score(_)
            | Self::Selection(_)
            | Self::Anchor(_)
            | Self::Label(_)
            | Self::Event(_)
            | Self::Checkpoint(_)
            | Self::Act(_) => None,
        }
    }
}

/// How far a file has been read. It stands in the journal behind the records that it vouches for, in the same
/// batch: when it is durable they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The file's fingerprint (of its first bytes and its name's end), not its path.
    pub file: String,
    /// Bytes read so far; a later run goes on from here.
    pub offset: u64,
    /// Length of the file when it was read to its end; `None` while there is more.
    pub finished_at: Option<u64>,
}
