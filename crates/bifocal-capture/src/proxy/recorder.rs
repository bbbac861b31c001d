//! Behind the proxy: a bounded queue of finished calls and one worker that makes inferences of them.
//!
//! The worker pauses 5 ms between batches: while it pauses it is not waiting on the queue, so a finished call
//! costs its connection no wake-up of another thread. Where the queue or the buffer is full a call is counted
//! and left out; the counts reach the [`Sink`] with the next batch.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifocal_model::{Inference, LedgerOutcome, Loss, Source};
use bifocal_redact::{Redacted, redact_inference};
use bifocal_store::{Arrival, Door};
use bifocal_telemetry::{Clock, Metric, Telemetry};
use bytes::Bytes;
use http::header::HeaderName;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::error::Error;
use crate::proxy::call;
use crate::proxy::config::ProxyOptions;
use crate::proxy::decode::{Decoder, Exchange};

const BATCH: usize = 256;
const PAUSE: Duration = Duration::from_millis(5);

/// Where recorded inferences go. Called from the recorder's own thread: it may take its time, and what does not
/// fit in the meantime is dropped and counted.
pub trait Sink: Send + Sync {
    /// Where calls arrive: each that is to be recorded, as soon as its head was read.
    fn door(&self) -> Door;

    /// One more inference.
    fn take(&self, inference: Inference<Redacted>, arrival: Arrival);

    /// Calls that were forwarded and not recorded.
    fn lost(&self, loss: Loss, arrival: Arrival);
}

/// The proxy's end of the queue. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Tap {
    queue: mpsc::Sender<Message>,
    dropped: Arc<Mutex<Option<Arrival>>>,
    pub(crate) door: Door,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) telemetry: Telemetry,
    pub(crate) ids: Arc<Ids>,
    pub(crate) tenant_header: Option<HeaderName>,
    pub(crate) request_capture_bytes: usize,
    pub(crate) answer_capture_bytes: usize,
}

/// The worker's end of the queue.
pub struct Recorder {
    queue: mpsc::Receiver<Message>,
    dropped: Arc<Mutex<Option<Arrival>>>,
    decoder: Decoder,
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
enum Message {
    Captured(Captured),
    /// Something was dropped while the queue had room: wakes a worker that would otherwise not report it.
    Lost,
}

/// A finished call.
#[derive(Debug)]
pub(crate) struct Captured {
    pub(crate) exchange: Box<Exchange>,
    pub(crate) request_parts: Vec<Bytes>,
    pub(crate) held: Held,
    pub(crate) arrival: Arrival,
}

/// Bytes of bodies that may be held at once.
#[derive(Debug)]
pub(crate) struct Budget {
    free: AtomicUsize,
}

/// Bytes that are held; given back when dropped.
#[derive(Debug)]
pub(crate) struct Held {
    budget: Arc<Budget>,
    bytes: usize,
}

/// Makes the random part of ids: a keyed hash (the key is the operating system's randomness) of a counter.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    key: RandomState,
    count: AtomicU64,
}

pub(crate) fn recorder(
    options: &ProxyOptions,
    decoder: Decoder,
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> Result<(Tap, Recorder), Error> {
    let (send, receive) = mpsc::channel(options.capture_queue.max(1));
    let dropped = Arc::default();
    let tap = Tap {
        queue: send,
        dropped: Arc::clone(&dropped),
        door: sink.door(),
        budget: Arc::new(Budget { free: AtomicUsize::new(options.capture_buffer_bytes) }),
        clock: Arc::clone(&clock),
        telemetry: telemetry.clone(),
        ids: Arc::default(),
        tenant_header: options.tenant_header_name()?,
        request_capture_bytes: options.request_capture_bytes,
        answer_capture_bytes: options.answer_capture_bytes,
    };
    Ok((tap, Recorder { queue: receive, dropped, decoder, sink, clock }))
}

impl Tap {
    /// Hands over a finished call, or counts it. Never waits.
    pub(crate) fn offer(&self, captured: Captured) {
        let (Err(TrySendError::Full(refused)) | Err(TrySendError::Closed(refused))) =
            self.queue.try_send(Message::Captured(captured))
        else {
            return;
        };
        self.telemetry.limit_hit("capture_queue");
        if let Message::Captured(captured) = refused {
            self.lost(captured.arrival);
        }
    }

    /// Counts a call that is not recorded.
    pub(crate) fn lost(&self, arrival: Arrival) {
        {
            let mut dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner);
            match dropped.as_mut() {
                // All are of one door, so nothing comes back.
                Some(dropped) => drop(dropped.join(arrival)),
                None => *dropped = Some(arrival),
            }
        }
        self.telemetry.count(Metric::CaptureDropped, &["buffer_full"], 1);
        // A full queue has a worker that is awake.
        let _ = self.queue.try_send(Message::Lost);
    }
}

impl Recorder {
    /// Works until the proxy has ended and the queue is empty. Blocks: run it on a thread of its own.
    pub fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let taken = self.queue.blocking_recv_many(&mut batch, BATCH);
            for message in batch.drain(..) {
                if let Message::Captured(captured) = message {
                    self.record(captured);
                }
            }
            self.report_losses();
            if taken == 0 {
                return;
            }
            let proxy_runs = self.queue.sender_strong_count() > 0;
            if taken < BATCH && proxy_runs {
                std::thread::sleep(PAUSE);
            }
        }
    }

    fn record(&self, captured: Captured) {
        let Captured { mut exchange, request_parts, held, arrival } = captured;
        exchange.request_body = call::join(request_parts);
        let inference = self.decoder.decode(&exchange);
        drop(exchange);
        drop(held);
        self.sink.take(redact_inference(inference), arrival);
    }

    fn report_losses(&self) {
        let Some(arrival) = self.dropped.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let loss = Loss {
            source: Source::Proxy,
            target: None,
            time: self.clock.now(),
            outcome: LedgerOutcome::Dropped,
            reason: "buffer_full".to_owned(),
            count: arrival.count(),
        };
        self.sink.lost(loss, arrival);
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("decoder", &self.decoder).finish_non_exhaustive()
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
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

impl Ids {
    pub(crate) fn next(&self) -> [u8; 10] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.key.hash_one(count).to_le_bytes());
        random[8..].copy_from_slice(&self.key.hash_one(!count).to_le_bytes()[..2]);
        random
    }
}
