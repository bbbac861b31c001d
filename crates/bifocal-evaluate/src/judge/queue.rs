//! The way into the judge: bounded, and never waited for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bifocal_model::{Dimension, Inference, Probability, Score, Selection, Shed, Span, Timestamp};
use bifocal_redact::Redacted;
use bifocal_telemetry::{Clock, Metric, Telemetry};
use tokio::sync::{Notify, mpsc};

use super::Judge;
use super::anchors::AnchorDesk;
use super::budget::{Budget, Spent};
use super::cheap_waits::{CheapWait, CheapWaits};
use super::way::{JudgeState, Way};
use crate::Choice;
use crate::limits::{QUEUE, SHED};

/// One chosen inference that waits.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) inference: Arc<Inference<Redacted>>,
    pub(super) choice: Choice,
    /// With which probability the cheap judge is asked about it; `None`: it is not.
    pub(super) cheap: Option<Probability>,
    /// Whether the judge is asked, and not the cheap one alone.
    pub(super) is_chosen: bool,
    pub(super) queued: Timestamp,
    /// How long the judge had been away in all when it was queued.
    pub(super) away: Span,
    /// What is known of it, from before the judge went away.
    pub(super) done: Vec<Score<Redacted>>,
    /// How often the judge had come back when it failed on this first.
    pub(super) failed_at: Option<u64>,
    /// How often it has failed on this.
    pub(super) failures: u32,
}

/// The sending side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JudgeQueue {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) shared: Arc<Shared>,
}

/// What queue and workers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) judge: Judge,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) telemetry: Telemetry,
    pub(super) budget: Mutex<Budget>,
    sheds: Mutex<VecDeque<Selection>>,
    pub(super) shed_waits: Notify,
    pub(super) anchors: Option<AnchorDesk>,
    pub(super) anchors_wait: Notify,
    /// The way to the judge.
    pub(super) way: Way,
    /// The way to who confirms, where that is another.
    pub(super) second_way: Option<Arc<Way>>,
    /// The way to the cheap judge.
    pub(super) cheap_way: Option<Arc<Way>>,
    /// What the judge was away for: it is asked about again, first.
    returned: Mutex<VecDeque<Job>>,
    /// What the cheap judge was drawn for and has said nothing of.
    pub(super) cheap_waits: CheapWaits,
}

impl JudgeQueue {
    pub(super) fn new(
        judge: Judge,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
        spent: Spent,
        anchors: Option<AnchorDesk>,
        (way, second_way, cheap_way): (Way, Option<Arc<Way>>, Option<Arc<Way>>),
    ) -> (Self, mpsc::Receiver<Job>) {
        let (jobs, receive) = mpsc::channel(QUEUE);
        let budget = Budget::new(judge.config().cap(), spent).hourly(judge.config().hourly_cap());
        let budget = Mutex::new(budget);
        let sheds = Mutex::default();
        let shared = Arc::new(Shared {
            judge,
            clock,
            telemetry,
            budget,
            sheds,
            shed_waits: Notify::new(),
            anchors,
            anchors_wait: Notify::new(),
            way,
            second_way,
            cheap_way,
            returned: Mutex::default(),
            cheap_waits: CheapWaits::default(),
        });
        (Self { jobs, shared }, receive)
    }

    /// Hands over an inference that was chosen (`choice.draw.included`) and whose selection is in the journal; others
    /// are ignored. Never waits: what does not fit is recorded as shed. When the workers have ended it is left: its
    /// selection waits for the next start.
    pub fn offer(&self, inference: Arc<Inference<Redacted>>, choice: Choice) {
        self.offer_with(inference, choice, None);
    }

    /// As [`Self::offer`], and the cheap judge is asked about it too, as it was drawn with this probability. One that was not
    /// chosen is for the cheap judge alone: nobody was promised a word on it, and where it does not fit it is let go.
    pub fn offer_with(
        &self,
        inference: Arc<Inference<Redacted>>,
        choice: Choice,
        cheap: Option<Probability>,
    ) {
        let is_chosen = choice.draw.included;
        if !is_chosen && cheap.is_none() {
            return;
        }
        let job = Job { cheap, is_chosen, ..self.shared.job(inference, choice) };
        if !is_chosen && self.waiting() >= QUEUE / 2 {
            self.shared.telemetry.limit_hit("judge_queue");
            return;
        }
        let wait = job.cheap.map(|inclusion| CheapWait::of(job.inference.id, &job.choice, inclusion));
        // Before it is sent: a worker may be done with it before we go on.
        wait.into_iter().for_each(|wait| self.shared.cheap_waits.add(wait));
        match self.jobs.try_send(job) {
            Ok(()) => self.shared.telemetry.gauge(Metric::JudgeQueue, &[]).set(self.waiting() as u64),
            Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(job)) => {
                self.shared.telemetry.limit_hit("judge_queue");
                self.shared.shed(&job, Shed::QueueFull);
            }
        }
    }

    /// An alarm asks whether the judge moved: every anchor is scored on these dimensions now, within the budget. Without
    /// anchors nothing happens.
    pub fn force_anchors(&self, dimensions: &[Dimension]) {
        if let Some(desk) = &self.shared.anchors {
            desk.force(dimensions);
            self.shared.anchors_wait.notify_waiters();
        }
    }

    /// Gives up a selection that cannot be judged any more: its text is gone, or its judge is another one by now.
    pub fn give_up(&self, selection: Selection) {
        self.shared.note_shed(Selection { shed: Some(Shed::Expired), ..selection });
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.jobs.max_capacity() - self.jobs.capacity() + self.shared.returned(|jobs| jobs.len())
    }

    /// How the judge stands, and who confirms where that is another.
    pub fn states(&self) -> Vec<JudgeState> {
        let second = self.shared.second_way.iter().chain(&self.shared.cheap_way).map(|way| way.state());
        std::iter::once(self.shared.way.state()).chain(second).collect()
    }

    /// What the cheap judge was drawn for and has said nothing of; to be kept over a restart.
    pub fn cheap_waits(&self) -> Vec<CheapWait> {
        self.shared.cheap_waits.all()
    }

    /// Whether a cheap judge is asked.
    pub fn has_cheap(&self) -> bool {
        self.shared.cheap_way.is_some()
    }

    /// The judge.
    pub fn judge(&self) -> &Judge {
        &self.shared.judge
    }

    /// What was spent today; to be kept over a restart.
    pub fn spent(&self) -> Spent {
        self.shared.budget.lock().unwrap_or_else(PoisonError::into_inner).spent()
    }
}

impl Shared {
    pub(super) fn job(&self, inference: Arc<Inference<Redacted>>, choice: Choice) -> Job {
        let queued = self.clock.now();
        let away = self.way.breaker.away(queued);
        Job {
            inference,
            choice,
            cheap: None,
            is_chosen: true,
            queued,
            away,
            done: Vec::new(),
            failed_at: None,
            failures: 0,
        }
    }

    pub(super) fn returned<T>(&self, work: impl FnOnce(&mut VecDeque<Job>) -> T) -> T {
        work(&mut self.returned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a chosen inference is not judged. A worker writes the note.
    pub(super) fn shed(&self, job: &Job, why: Shed) {
        self.cheap_waits.done(job.inference.id);
        if !job.is_chosen {
            return;
        }
        let judges = self.judge.dimensions().filter(|(dimension, _)| job.choice.is_on(dimension)).collect();
        self.note_shed(job.choice.selection(&job.inference, judges, Some(why)));
    }

    fn note_shed(&self, selection: Selection) {
        let why = selection.shed.map_or("shed", Shed::name);
        self.telemetry.count(Metric::JudgeCalls, &[why], 1);
        let mut sheds = self.sheds.lock().unwrap_or_else(PoisonError::into_inner);
        if sheds.len() >= SHED {
            self.telemetry.limit_hit("judge_shed");
        } else {
            sheds.push_back(selection);
        }
        drop(sheds);
        self.shed_waits.notify_one();
    }

    pub(super) fn take_sheds(&self) -> Vec<Selection> {
        self.sheds.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }
}
