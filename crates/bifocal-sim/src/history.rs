//! Days of traffic before a demo starts: exchanges thinned evenly from the full traffic, metrics pages in full.

use std::collections::VecDeque;

use bifocal_model::{Probability, Timestamp};

use crate::arrivals::first_index;
use crate::component::COMPONENTS;
use crate::exchange::Exchange;
use crate::fleet::{Fleet, Purpose};
use crate::incident::Incidents;

/// How many exchanges a history holds, about.
const EXCHANGES: f64 = 20_000.0;
const SECONDS_PER_DAY: i64 = 86_400;
/// Seconds between two metrics pages.
const METRICS_EVERY: i64 = 60;

/// Something of the past, in the order of time.
#[derive(Clone, Debug)]
pub enum HistoryItem {
    /// A request with its answer.
    Exchange(Exchange),
    /// The page of `/metrics` as a scrape at this time would have read it.
    Metrics {
        /// When.
        time: Timestamp,
        /// The page.
        text: String,
    },
}

/// The items of some days.
#[derive(Debug)]
pub struct History {
    fleet: Fleet,
    second: i64,
    end: i64,
    probability: Probability,
    due: VecDeque<HistoryItem>,
    full_count: u64,
}

/// The history of a fleet up to `end` (whole seconds). Without incidents: a baseline is made of it.
pub fn history(seed: u64, end: Timestamp, days: u32) -> History {
    let end = end.as_nanos().div_euclid(1_000_000_000);
    let second = end - i64::from(days.max(1)) * SECONDS_PER_DAY;
    let expected =
        |second: i64| COMPONENTS.iter().map(move |component| component.rate_integral(second as f64));
    let full: f64 = expected(end).sum::<f64>() - expected(second).sum::<f64>();
    let probability = Probability::new((EXCHANGES / full).min(1.0)).unwrap_or(Probability::ONE);
    History { fleet: Fleet::new(seed), second, end, probability, due: VecDeque::new(), full_count: 0 }
}

impl History {
    /// The probability with which each exchange of the full traffic is in here; every count divides by it.
    pub fn capture_probability(&self) -> Probability {
        self.probability
    }

    /// The first moment that is covered.
    pub fn start(&self) -> Timestamp {
        Timestamp::from_secs(self.second)
    }

    /// How many exchanges the full traffic had up to the last item taken.
    pub fn full_count(&self) -> u64 {
        self.full_count
    }

    fn fill(&mut self) {
        let (second, none) = (self.second, Incidents::none());
        if second % METRICS_EVERY == 0 {
            let time = Timestamp::from_secs(second);
            self.due.push_back(HistoryItem::Metrics { time, text: self.fleet.metrics_text(time, &none) });
        }
        let mut exchanges = Vec::new();
        for component in &COMPONENTS {
            let count = self.fleet.count_in_second(component, second);
            self.full_count += count;
            let first = first_index(second);
            let mut kept = (first..first + count).filter(|index| {
                self.fleet.random(component, Purpose::Thinning, *index).chance(self.probability.get())
            });
            // Almost every second keeps nothing: its times are not drawn then.
            let Some(one) = kept.next() else { continue };
            for index in std::iter::once(one).chain(kept) {
                if let Some(time) = self.fleet.time_of(component, index) {
                    exchanges.push(self.fleet.exchange(component, index, time, &none));
                }
            }
        }
        exchanges.sort_by_key(|exchange| exchange.time);
        self.due.extend(exchanges.into_iter().map(HistoryItem::Exchange));
        self.second += 1;
    }
}

impl Iterator for History {
    type Item = HistoryItem;

    fn next(&mut self) -> Option<HistoryItem> {
        while self.due.is_empty() && self.second < self.end {
            self.fill();
        }
        self.due.pop_front()
    }
}
