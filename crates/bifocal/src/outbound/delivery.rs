//! Delivers the outbox: at least once, the messages of one alert in their order, with growing pauses. Channels do not wait
//! for each other: one that hangs holds up its own messages alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bifocal_model::{Span, Timestamp};
use bifocal_publish::GROUP_ALERTS_MAX;
use bifocal_publish::notify::{Gathering, next_pause};
use bifocal_store::{Attempt, Outgoing, SmallState};
use bifocal_telemetry::{Clock, Drain, Metric, TaskGroup, Telemetry};

use super::gatherer::Gatherer;
use super::sender::{Failure, Sender};
use crate::limits::DELIVERIES_AT_ONCE;

const LOOK: std::time::Duration = std::time::Duration::from_millis(500);
/// What is under way when the process is to end is waited for so long.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);
/// Between two tries to note an attempt on a disk that refuses.
const NOTE_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
/// Messages that ended are kept so long, to be looked at.
const KEPT: Span = Span::from_secs(30 * 24 * 3600);

/// Takes messages from the outbox to one channel.
#[derive(Debug)]
pub struct Courier {
    /// The outbox.
    pub small_state: SmallState,
    /// The channel's name.
    pub channel: String,
    /// Where its messages go.
    pub sender: Sender,
    /// How many alerts a message may tell of.
    pub gathering: Gathering,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub telemetry: Telemetry,
    /// Whether the log has been told that messages are not taken.
    pub in_trouble: AtomicBool,
}

impl Courier {
    /// Works until the signal, in a task of its own.
    pub fn start(self, tasks: &TaskGroup) {
        tasks.spawn("courier", self.run(tasks.drain()));
    }

    async fn run(self, mut drain: Drain) {
        if let Err(error) = self.small_state.outbox_forget(self.clock.now(), KEPT) {
            tracing::warn!(%error, "old messages of the outbox are kept");
        }
        self.take_up_what_was_interrupted();
        // Spans are those of the wall: a group is waited for as long as a person would wait.
        let mut gatherer = Gatherer::new(self.gathering, self.clock.speed());
        let limit = match self.gathering {
            Gathering::Single => DELIVERIES_AT_ONCE,
            Gathering::Batch | Gathering::Group(_) => u32::MAX,
        };
        let mut quiet_until = Timestamp::default();
        loop {
            tokio::select! {
                () = drain.requested() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            // The receiver has asked to be left alone: with everything, not with the message that it said so of.
            if self.clock.now() < quiet_until {
                continue;
            }
            let (small_state, channel) = (self.small_state.clone(), self.channel.clone());
            let now = self.clock.now();
            let due = move || small_state.outbox_due(&channel, now, limit);
            match tokio::task::spawn_blocking(due).await {
                Ok(Ok(due)) => {
                    let parcels = gatherer.gather(due, now);
                    // The end does not wait for a receiver: what is under way is sent again at the next start, under its key.
                    let patience = async {
                        drain.requested().await;
                        tokio::time::sleep(PATIENCE).await;
                    };
                    tokio::select! {
                        until = self.deliver_all(parcels) => quiet_until = until,
                        () = patience => return,
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "the outbox cannot be read"),
                Err(error) => tracing::warn!(%error, "the outbox reader failed"),
            }
        }
    }

    /// What the last process had begun to send when it ended: the receiver may have it, and gets it again under its key.
    fn take_up_what_was_interrupted(&self) {
        let channel = &self.channel;
        match self.small_state.outbox_interrupted(channel) {
            Ok(0) => {}
            Ok(messages) => {
                self.telemetry.count(Metric::AlertsRepeated, &[channel, "stop"], messages as u64);
                tracing::warn!(
                    channel,
                    messages,
                    "the last process ended before the receiver had answered; what it may have is sent again under the same keys"
                );
            }
            Err(error) => tracing::warn!(%error, channel, "interrupted deliveries cannot be counted"),
        }
    }

    /// Where the receiver is not well the rest waits for the next look; a message that only itself cannot be sent holds up no other.
    /// Gives until when the receiver asks to be left alone.
    async fn deliver_all(&self, parcels: Vec<Vec<Outgoing>>) -> Timestamp {
        let mut parcels = parcels.into_iter().peekable();
        if let Some(first) = parcels.peek() {
            let keys = keys_of(first);
            self.note(&[(&keys, Attempt::Begins)]).await;
        }
        while let Some(parcel) = parcels.next() {
            if parcel.len() == GROUP_ALERTS_MAX {
                self.telemetry.limit_hit("group_alerts");
            }
            if let Delivered::ReceiverUnwell(wait) = self.deliver(parcel, parcels.peek()).await {
                return self.clock.now() + Span::from_secs_f64(wait.as_secs_f64() * self.clock.speed());
            }
        }
        Timestamp::default()
    }

    /// Sends a parcel whose attempt is noted as begun. What became of it is noted together with the beginning of the next one.
    async fn deliver(&self, parcel: Vec<Outgoing>, next: Option<&Vec<Outgoing>>) -> Delivered {
        let outcome = self.sender.send(&parcel).await;
        let delivered = match &outcome {
            Ok(()) => Delivered::Yes,
            Err(failure) if failure.is_of_receiver => {
                Delivered::ReceiverUnwell(failure.wait.unwrap_or_default())
            }
            Err(_) => Delivered::No,
        };
        self.tell(&outcome);
        let attempts = parcel.iter().map(|outgoing| outgoing.attempts).max().unwrap_or_default() + 1;
        let (gave_up, is_answered);
        let (attempt, counted) = match &outcome {
            Ok(()) => (Attempt::Ended { outcome: "delivered" }, "delivered"),
            Err(failure) => match next_pause(attempts) {
                Some(pause) => {
                    let pause = pause.max(failure.wait.unwrap_or_default());
                    let next_time =
                        self.clock.now() + Span::from_secs_f64(pause.as_secs_f64() * self.clock.speed());
                    is_answered = failure.is_answered;
                    if !is_answered {
                        let labels = [self.channel.as_str(), "no_answer"];
                        self.telemetry.count(Metric::AlertsRepeated, &labels, parcel.len() as u64);
                    }
                    (Attempt::Failed { attempts, next_time, outcome: &failure.why, is_answered }, "failed")
                }
                None => {
                    self.telemetry.limit_hit("delivery_attempts");
                    gave_up = format!("gave up: {}", failure.why);
                    (Attempt::Ended { outcome: &gave_up }, "dead")
                }
            },
        };
        self.telemetry.count(Metric::AlertsSent, &[&self.channel, counted], parcel.len() as u64);
        if delivered == Delivered::Yes && parcel.len() > 1 {
            self.telemetry.count(Metric::AlertGroups, &[&self.channel], 1);
        }
        let keys = keys_of(&parcel);
        match next.filter(|_| !matches!(delivered, Delivered::ReceiverUnwell(_))) {
            Some(next) => self.note(&[(&keys, attempt), (&keys_of(next), Attempt::Begins)]).await,
            None => self.note(&[(&keys, attempt)]).await,
        }
        delivered
    }

    /// Notes what is known. While the disk refuses, the channel waits: nothing is sent whose beginning is not noted, nor a
    /// second time because its end is not.
    async fn note(&self, notes: &[(&[&str], Attempt<'_>)]) {
        let channel = &self.channel;
        let mut is_told = false;
        while let Err(error) = self.small_state.outbox_note(channel, self.clock.now(), notes) {
            if !std::mem::replace(&mut is_told, true) {
                tracing::warn!(%error, channel, "an attempt cannot be noted; the channel waits until it can");
            }
            tokio::time::sleep(NOTE_PAUSE).await;
        }
    }

    /// A word in the log when trouble begins.
    fn tell(&self, outcome: &Result<(), Failure>) {
        let channel = &self.channel;
        match outcome {
            Ok(()) => self.in_trouble.store(false, Ordering::Relaxed),
            Err(Failure { why, .. }) if !self.in_trouble.swap(true, Ordering::Relaxed) => {
                tracing::warn!(channel, why, "a message was not taken; it is tried again");
            }
            Err(_) => {}
        }
    }
}

fn keys_of(parcel: &[Outgoing]) -> Vec<&str> {
    parcel.iter().map(|outgoing| outgoing.key.as_str()).collect()
}

/// What became of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivered {
    Yes,
    /// This message was not taken, others may be.
    No,
    /// Nobody is there, or nobody who takes anything now; for so long it asks to be left alone.
    ReceiverUnwell(Span),
}

#[cfg(test)]
mod tests {
    use bifocal_store::{Options, Store};
    use bifocal_telemetry::ManualClock;

    use super::*;

    #[test]
    fn a_look_takes_no_more_than_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_secs(1_800_000_000);
        let options = Options::new(folder.path(), Arc::new(ManualClock::new(now)));
        let (store, _) = Store::open(options, Telemetry::new()).unwrap();
        let outbox = store.small_state();
        for i in 0..=DELIVERIES_AT_ONCE {
            outbox.outbox_put(&format!("alert-{i}:firing"), "sre", b"{}", now).unwrap();
        }
        let due = outbox.outbox_due("sre", now, DELIVERIES_AT_ONCE).unwrap();
        assert_eq!(due.len(), 16);
    }

    use axum::http::StatusCode;
    use axum::routing::post;
    use bifocal_publish::notify::{ChannelConfig, Message};
    use bifocal_watch::alert::Status;

    /// A courier of one webhook, its outbox and the folder that holds it.
    async fn courier(router: axum::Router, tasks: &TaskGroup) -> (Courier, SmallState, tempfile::TempDir) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tasks.spawn("receiver", async move {
            let _ = axum::serve(listener, router).await;
        });
        let folder = tempfile::tempdir().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_secs(1_800_000_000)));
        let (store, _) =
            Store::open(Options::new(folder.path(), Arc::clone(&clock)), Telemetry::new()).unwrap();
        let (small_state, channel) = (store.small_state(), ChannelConfig::webhook("sre", &url));
        let http = crate::outbound::client(std::time::Duration::from_millis(300)).unwrap();
        let sender = Sender::new(&channel, http, Arc::clone(&clock), Telemetry::new()).unwrap();
        let (state, name) = (small_state.clone(), "sre".to_owned());
        let telemetry = Telemetry::new();
        let courier = Courier {
            small_state: state,
            channel: name,
            sender,
            gathering: Gathering::Single,
            clock,
            telemetry,
            in_trouble: AtomicBool::new(false),
        };
        (courier, small_state, folder)
    }

    fn put(outbox: &SmallState, now: Timestamp) -> String {
        let message = Message::test("sre", "http://h", Status::Firing, now);
        outbox.outbox_put(&message.idempotency_key, "sre", &message.to_json(), now).unwrap();
        message.idempotency_key
    }

    #[tokio::test]
    async fn a_receiver_that_has_too_much_is_left_alone_for_as_long_as_it_says() {
        let tasks = TaskGroup::new();
        let busy = || async { (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "120")], "") };
        let (courier, outbox, _folder) =
            courier(axum::Router::new().route("/hook", post(busy)), &tasks).await;
        let now = courier.clock.now();
        let key = put(&outbox, now);
        let due = outbox.outbox_due("sre", now, 10).unwrap();
        assert_eq!(courier.deliver_all(vec![due]).await, now + Span::from_secs(120), "with everything");
        assert!(outbox.outbox_due("sre", now + Span::from_secs(119), 10).unwrap().is_empty(), "not before");
        let again = outbox.outbox_due("sre", now + Span::from_secs(120), 10).unwrap();
        assert_eq!((again.len(), again[0].key.as_str(), again[0].attempts), (1, key.as_str(), 1));
        assert_eq!(courier.telemetry.value(Metric::AlertsSent, &["sre", "failed"]), 1);
        assert_eq!(
            courier.telemetry.value(Metric::AlertsRepeated, &["sre", "no_answer"]),
            0,
            "it has answered"
        );
        assert_eq!(outbox.outbox_interrupted("sre").unwrap(), 0, "nothing is under way");
    }

    #[tokio::test]
    async fn a_gateway_that_waited_in_vain_does_not_say_that_nothing_was_taken() {
        for (status, unanswered) in [(504, 1), (500, 1), (408, 1), (503, 0), (400, 0)] {
            let tasks = TaskGroup::new();
            let answer = move || async move { StatusCode::from_u16(status).unwrap() };
            let (courier, outbox, _folder) =
                courier(axum::Router::new().route("/hook", post(answer)), &tasks).await;
            let now = courier.clock.now();
            put(&outbox, now);
            courier.deliver_all(vec![outbox.outbox_due("sre", now, 10).unwrap()]).await;
            let counted = courier.telemetry.value(Metric::AlertsRepeated, &["sre", "no_answer"]);
            assert_eq!(counted, unanswered, "HTTP {status}");
            assert_eq!(u64::from(outbox.outbox_recent(1).unwrap()[0].unanswered), unanswered);
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_whose_beginning_the_disk_does_not_take_and_nothing_twice() {
        let tasks = TaskGroup::new();
        let heard = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let hook = {
            let heard = Arc::clone(&heard);
            move || {
                heard.fetch_add(1, Ordering::Relaxed);
                async { StatusCode::OK }
            }
        };
        let (courier, outbox, folder) = courier(axum::Router::new().route("/hook", post(hook)), &tasks).await;
        let now = courier.clock.now();
        put(&outbox, now);
        let due = outbox.outbox_due("sre", now, 10).unwrap();
        let disk = rusqlite::Connection::open(folder.path().join("state.sqlite")).unwrap();
        let fill = |what: &str| {
            let sql = format!(
                "CREATE TRIGGER full BEFORE UPDATE OF {what} ON outbox BEGIN SELECT RAISE(ABORT, 'full'); END"
            );
            disk.execute_batch(&sql).unwrap();
        };
        fill("begun");
        let mut delivery = std::pin::pin!(courier.deliver_all(vec![due]));
        let short = std::time::Duration::from_millis(200);
        assert!(tokio::time::timeout(short, &mut delivery).await.is_err());
        assert_eq!(heard.load(Ordering::Relaxed), 0, "it is not sent");
        disk.execute_batch("DROP TRIGGER full").unwrap();
        fill("done_at");
        let long = std::time::Duration::from_millis(2_500);
        assert!(tokio::time::timeout(long, &mut delivery).await.is_err(), "it waits to note the end");
        disk.execute_batch("DROP TRIGGER full").unwrap();
        delivery.await;
        assert_eq!(heard.load(Ordering::Relaxed), 1, "and is not sent again");
        assert_eq!(outbox.outbox_recent(1).unwrap()[0].outcome.as_deref(), Some("delivered"));
    }

    #[tokio::test]
    async fn a_receiver_that_hangs_is_given_up_on_for_now_and_gets_it_later() {
        use std::sync::atomic::{AtomicBool, Ordering};
        let tasks = TaskGroup::new();
        let hangs = Arc::new(AtomicBool::new(true));
        let answers = {
            let hangs = Arc::clone(&hangs);
            move || {
                let hangs = Arc::clone(&hangs);
                async move {
                    if hangs.load(Ordering::Relaxed) {
                        std::future::pending::<()>().await;
                    }
                    StatusCode::OK
                }
            }
        };
        let (courier, outbox, _folder) =
            courier(axum::Router::new().route("/hook", post(answers)), &tasks).await;
        let now = courier.clock.now();
        put(&outbox, now);
        let due = outbox.outbox_due("sre", now, 10).unwrap();
        assert_eq!(
            courier.deliver(due, None).await,
            Delivered::ReceiverUnwell(Span::default()),
            "it timed out"
        );
        let counted = |after| courier.telemetry.value(Metric::AlertsRepeated, &["sre", after]);
        assert_eq!((counted("no_answer"), counted("stop")), (1, 0), "whether it was taken is not known");
        hangs.store(false, Ordering::Relaxed);
        let later = outbox.outbox_due("sre", now + Span::from_secs(3_600), 10).unwrap();
        assert_eq!(courier.deliver(later, None).await, Delivered::Yes, "an hour later it is sent");
        assert!(outbox.outbox_due("sre", now + Span::from_secs(9_000), 10).unwrap().is_empty(), "once");
        assert_eq!(courier.telemetry.value(Metric::AlertsSent, &["sre", "delivered"]), 1);
    }
}
