//! Scrapes one upstream at an interval until the signal to end.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bifocal_model::{Reading, Span, TargetKey, Timestamp};
use bifocal_store::{Intake, Record, Refused};
use bifocal_telemetry::{Clock, Drain, Metric, Telemetry, sleep};
use bifocal_wire::WireError;

use crate::cost::Prices;
use crate::scrape::{Oddities, Scraper};

/// Fetches a page. The binary brings one that speaks HTTP; its timeout is to be shorter than the interval.
pub trait Fetch: Send + Sync {
    /// The body of a successful response.
    fn fetch<'a>(
        &'a self,
        url: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Unfetched>> + Send + 'a>>;
}

/// Why no page came. One line, for the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fetch metrics: {0}")]
pub struct Unfetched(pub String);

/// Options of one scrape.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the page is.
    pub url: String,
    /// Between two scrapes.
    pub interval: Span,
    /// The upstream's name in the keys of targets.
    pub origin: String,
    /// Targets of models as the server names them.
    pub targets: HashMap<String, TargetKey>,
    /// What the targets cost; read at each scrape.
    pub prices: Prices,
}

/// A scrape that runs at an interval.
pub struct Scrape {
    options: Options,
    scraper: Scraper,
    fetch: Arc<dyn Fetch>,
    intake: Intake,
    clock: Arc<dyn Clock>,
    telemetry: Telemetry,
    /// Whether the last one failed: an outage is logged once.
    failing: bool,
}

impl Scrape {
    /// Nothing is fetched yet.
    pub fn new(
        options: Options,
        fetch: Arc<dyn Fetch>,
        intake: Intake,
        clock: Arc<dyn Clock>,
        telemetry: Telemetry,
    ) -> Self {
        let scraper = Scraper::new(&options.origin, options.targets.clone());
        Self { options, scraper, fetch, intake, clock, telemetry, failing: false }
    }

    /// Scrapes at once and then at the interval, until the signal.
    pub async fn run(mut self, mut drain: Drain) {
        while !drain.is_requested() {
            tokio::select! {
                () = drain.requested() => return,
                () = self.scrape_once() => {}
            }
            tokio::select! {
                () = drain.requested() => return,
                () = sleep(&*self.clock, self.options.interval) => {}
            }
        }
    }

    /// One scrape.
    pub async fn scrape_once(&mut self) {
        let fetched = self.fetch.fetch(&self.options.url).await;
        let now = self.clock.now();
        // The price is paid whether the server answers or not.
        let mut readings = self.options.prices.readings(now);
        let outcome = match fetched {
            Err(err) => {
                self.note_failure(&err.to_string());
                self.scraper.forget();
                "unreachable"
            }
            Ok(page) => match self.read(&page, now) {
                Err(err) => {
                    self.note_failure(&err.to_string());
                    "malformed"
                }
                Ok(read) => {
                    self.failing = false;
                    let known = !read.is_empty();
                    readings.extend(read);
                    if known { "ok" } else { "nothing_known" }
                }
            },
        };
        self.telemetry.count(Metric::Scrapes, &[outcome], 1);
        self.offer(readings);
    }

    fn read(&mut self, page: &[u8], now: Timestamp) -> Result<Vec<Reading>, WireError> {
        let before = self.scraper.oddities();
        let read = self.scraper.read(page, now);
        let after = self.scraper.oddities();
        if after.left_out > before.left_out {
            self.telemetry.limit_hit("series");
        }
        if before == Oddities::default() && after != before {
            tracing::info!(url = %self.options.url, ?after, "the metrics page holds what makes no reading");
        }
        read
    }

    fn offer(&self, readings: Vec<Reading>) {
        if readings.is_empty() {
            return;
        }
        let records = readings.into_iter().map(Record::Reading).collect();
        match self.intake.try_offer(records) {
            Ok(()) => {}
            Err(Refused::Full(_)) => self.telemetry.count(Metric::Scrapes, &["dropped_full"], 1),
            Err(Refused::Closed(_)) => self.telemetry.count(Metric::Scrapes, &["dropped_closed"], 1),
        }
    }

    fn note_failure(&mut self, err: &str) {
        if !self.failing {
            tracing::warn!(url = %self.options.url, err, "no metrics of the upstream; its signals are unknown until it answers");
        }
        self.failing = true;
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").field("options", &self.options).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bifocal_store::intake;
    use bifocal_telemetry::ManualClock;

    use super::*;

    /// Gives the pages in turn, then errors.
    struct Pages(Mutex<Vec<&'static str>>);

    impl Fetch for Pages {
        fn fetch<'a>(
            &'a self,
            _: &'a str,
        ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, Unfetched>> + Send + 'a>> {
            let page = self.0.lock().unwrap().pop();
            let page = page
                .map(|page| page.as_bytes().to_vec())
                .ok_or_else(|| Unfetched("connection refused".into()));
            Box::pin(async move { page })
        }
    }

    fn scrape(
        pages: &[&'static str],
        room: usize,
    ) -> (Scrape, tokio::sync::mpsc::Receiver<bifocal_store::Batch>) {
        let (intake, queue) = intake(room, bifocal_store::Arrivals::default());
        let pages = Arc::new(Pages(Mutex::new(pages.iter().rev().copied().collect())));
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(100)));
        let target = TargetKey::of_model("local", "m");
        let options = Options {
            url: "http://127.0.0.1:1/metrics".into(),
            interval: Span::from_secs(5),
            origin: "local".into(),
            targets: HashMap::new(),
            prices: Prices::new([(target, 2.0)]),
        };
        (Scrape::new(options, pages, intake, clock, Telemetry::new()), queue)
    }

    fn signals(batch: &bifocal_store::Batch) -> Vec<&str> {
        let names = batch.records.iter().map(|record| match record {
            Record::Reading(reading) => reading.signal.as_str(),
            other => panic!("{other:?}"),
        });
        names.collect()
    }

    #[tokio::test]
    async fn an_upstream_that_does_not_answer_costs_money_and_says_nothing() {
        let (mut scrape, mut queue) =
            scrape(&["vllm:num_requests_running{model_name=\"m\"} 1\n", "x 1\n"], 8);
        for _ in 0..3 {
            scrape.scrape_once().await;
        }
        assert_eq!(signals(&queue.recv().await.unwrap()), ["cost_usd_per_hour", "requests_running"]);
        assert_eq!(signals(&queue.recv().await.unwrap()), ["cost_usd_per_hour"]);
        assert_eq!(signals(&queue.recv().await.unwrap()), ["cost_usd_per_hour"]);
        for outcome in ["ok", "nothing_known", "unreachable"] {
            assert_eq!(scrape.telemetry.value(Metric::Scrapes, &[outcome]), 1, "{outcome}");
        }
    }

    #[tokio::test]
    async fn a_full_queue_is_counted_and_not_waited_for() {
        let (mut scrape, queue) = scrape(&[], 1);
        scrape.scrape_once().await;
        scrape.scrape_once().await;
        assert_eq!(scrape.telemetry.value(Metric::Scrapes, &["dropped_full"]), 1);
        drop(queue);
        scrape.scrape_once().await;
        assert_eq!(scrape.telemetry.value(Metric::Scrapes, &["dropped_closed"]), 1);
    }

    #[tokio::test]
    async fn the_signal_ends_it() {
        let (scrape, mut queue) = scrape(&["x 1\n"; 3], 8);
        let tasks = bifocal_telemetry::TaskGroup::new();
        tasks.spawn("scrape", scrape.run(tasks.drain()));
        queue.recv().await.unwrap();
        tasks.stop_and_join().await;
        assert_eq!(tasks.running(), 0);
    }
}
