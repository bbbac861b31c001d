//! The proxy's end of the recorder's queue: which calls begin to be captured, how many bytes of them are held, and
//! what was left out. Nothing here waits.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bifocal_model::{Probability, Timestamp};
use bifocal_store::{Arrival, Door};
use bifocal_telemetry::{Clock, Counter, Metric, Telemetry};
use http::header::HeaderName;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::proxy::admission::{self, LeftOut, Random};
use crate::proxy::config::ProxyOptions;
use crate::proxy::pace::Pace;
use crate::proxy::recorder::Message;

/// One for a proxy; its calls share it.
#[derive(Debug)]
pub(crate) struct Tap {
    queue: mpsc::Sender<Message>,
    /// Calls that may wait in the queue. It has room for more: a call that was let in at its head finds a place.
    waiting_max: usize,
    losses: Arc<Losses>,
    door: Door,
    pub(crate) budget: Arc<Budget>,
    pace: Pace,
    random: Random,
    counters: Counters,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    pub(crate) tenant_header: Option<HeaderName>,
    pub(crate) request_capture_bytes: usize,
    pub(crate) answer_capture_bytes: usize,
}

/// Calls that were left out since the recorder last told of them, by reason.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    arrivals: Mutex<[Option<Arrival>; LeftOut::ALL.len()]>,
}

/// A call that is let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// The random part of its id.
    pub(crate) id: [u8; 10],
    pub(crate) time: Timestamp,
    /// With which probability it was let in.
    pub(crate) probability: Probability,
    pub(crate) arrival: Arrival,
}

/// Bytes of bodies that may be held at once.
#[derive(Debug)]
pub(crate) struct Budget {
    free: AtomicUsize,
    all: usize,
}

/// Bytes that are held; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

/// Looked up once: an overloaded proxy counts often.
#[derive(Debug)]
struct Counters {
    left_out: [Counter; LeftOut::ALL.len()],
    queue_full: Counter,
    buffer_full: Counter,
}

impl Tap {
    /// The two ends of a queue.
    pub(crate) fn new(
        options: &ProxyOptions,
        door: Door,
        clock: Arc<dyn Clock>,
        telemetry: &Telemetry,
    ) -> Result<(Self, mpsc::Receiver<Message>), Error> {
        let waiting_max = options.capture_queue.max(1);
        // A connection has one call at a time.
        let (queue, receive) = mpsc::channel(waiting_max + options.connections);
        let bytes = options.capture_buffer_bytes;
        let tap = Self {
            queue,
            waiting_max,
            losses: Arc::default(),
            door,
            budget: Arc::new(Budget { free: AtomicUsize::new(bytes), all: bytes }),
            pace: Pace::new(options.recorded_per_second),
            random: Random::default(),
            counters: Counters::new(telemetry),
            clock,
            telemetry: telemetry.clone(),
            tenant_header: options.tenant_header_name()?,
            request_capture_bytes: options.request_capture_bytes,
            answer_capture_bytes: options.answer_capture_bytes,
        };
        Ok((tap, receive))
    }

    /// A call arrives: it is let in, or counted and left out.
    pub(crate) fn admit(&self) -> Option<Admitted> {
        let (time, arrival) = (self.clock.now(), self.door.enter(1));
        match admission::decide(self.free(time), &self.random) {
            Ok(probability) => {
                self.pace.take(time);
                Some(Admitted { id: self.random.id(), time, probability, arrival })
            }
            Err(left_out) => {
                if left_out == LeftOut::Full {
                    self.counters.queue_full.increment();
                }
                self.lost(arrival, left_out);
                None
            }
        }
    }

    /// The share of the room that is free: of the queue, of the bytes, of the pace, whichever is least.
    fn free(&self, now: Timestamp) -> f64 {
        if self.queue.is_closed() {
            return 0.0;
        }
        let waiting = self.queue.max_capacity() - self.queue.capacity();
        let calls = 1.0 - waiting as f64 / self.waiting_max as f64;
        calls.min(self.budget.free_share()).min(self.pace.free(now))
    }

    /// Hands over a finished call.
    pub(crate) fn offer(&self, message: Message) {
        // Only a recorder that has ended refuses.
        let Err(refused) = self.queue.try_send(message) else { return };
        if let Message::Captured(captured) = refused.into_inner() {
            self.counters.queue_full.increment();
            self.lost(captured.arrival, LeftOut::Full);
        }
    }

    /// Counts a call that is not recorded.
    fn lost(&self, arrival: Arrival, left_out: LeftOut) {
        self.counters.left_out[left_out as usize].increment();
        if self.losses.add(arrival, left_out) {
            // Wakes a recorder that sleeps. If there is no room it is awake.
            let _ = self.queue.try_send(Message::Lost);
        }
    }

    /// No room for the bytes of a call that was let in.
    pub(crate) fn starved(&self, arrival: Arrival) {
        self.counters.buffer_full.increment();
        self.lost(arrival, LeftOut::Full);
    }

    /// What was left out, for the recorder to tell.
    pub(crate) fn losses(&self) -> Arc<Losses> {
        Arc::clone(&self.losses)
    }
}

impl Losses {
    /// `true` when it is the first since they were last taken.
    fn add(&self, arrival: Arrival, left_out: LeftOut) -> bool {
        let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = arrivals.iter().all(Option::is_none);
        match &mut arrivals[left_out as usize] {
            // All are of one door, so nothing comes back.
            Some(before) => drop(before.join(arrival)),
            none => *none = Some(arrival),
        }
        is_first
    }

    /// All of them, with the reason of each.
    pub(crate) fn take(&self) -> impl Iterator<Item = (LeftOut, Arrival)> {
        let taken = std::mem::take(&mut *self.arrivals.lock().unwrap_or_else(PoisonError::into_inner));
        LeftOut::ALL.into_iter().zip(taken).filter_map(|(left_out, arrival)| Some((left_out, arrival?)))
    }
}

impl Budget {
    /// Takes bytes if they fit.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }

    /// Gives back bytes that were taken.
    pub(crate) fn give(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Moves bytes that were taken into a holder.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        Held { budget: Arc::clone(self), bytes }
    }

    fn free_share(&self) -> f64 {
        self.free.load(Ordering::Relaxed) as f64 / self.all.max(1) as f64
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

impl Counters {
    fn new(telemetry: &Telemetry) -> Self {
        Self {
            left_out: LeftOut::ALL.map(|reason| telemetry.counter(Metric::CaptureDropped, &[reason.name()])),
            queue_full: telemetry.counter(Metric::LimitHits, &["capture_queue"]),
            buffer_full: telemetry.counter(Metric::LimitHits, &["capture_buffer_bytes"]),
        }
    }
}
