//! What a target usually costs: the median hour of the day before.

use std::collections::VecDeque;

use bifocal_model::{Span, Timestamp};
use serde::{Deserialize, Serialize};

const HOUR: Span = Span::from_mins(60);
const DAY: Span = Span::from_mins(24 * 60);
/// Whole hours that are looked back.
const HOURS: usize = 24;
/// With fewer nothing is usual yet.
const HOURS_MIN: usize = 6;

/// Mean cost by hour: start, sum, count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct UsualCost {
    hours: VecDeque<(Timestamp, f64, u64)>,
}

impl UsualCost {
    /// What it cost at a time.
    pub(crate) fn add(&mut self, time: Timestamp, usd_per_hour: f64) {
        let start = time.floor_to(HOUR);
        let at = self.hours.partition_point(|(hour, ..)| *hour < start);
        if self.hours.get(at).is_none_or(|(hour, ..)| *hour != start) {
            self.hours.insert(at, (start, 0.0, 0));
        }
        self.hours[at].1 += usd_per_hour;
        self.hours[at].2 += 1;
        while self.hours.len() > HOURS + 2 {
            self.hours.pop_front();
        }
    }

    /// The median of the hours of a day that ended an hour ago, dollars an hour; `None` while fewer than six are known. The hour
    /// before this one is left out: a jump must not become usual while it is being told. `None` too where the usual is nothing, as of
    /// a target that is mostly scaled to zero: any cost would be a jump for as long as it is up.
    pub(crate) fn at(&self, now: Timestamp) -> Option<f64> {
        let until = now.floor_to(HOUR) - HOUR;
        let known = self.hours.iter().filter(|(hour, ..)| *hour < until && *hour >= until - DAY);
        let mut means: Vec<f64> = known.map(|(_, sum, n)| sum / *n as f64).collect();
        if means.len() < HOURS_MIN {
            return None;
        }
        means.sort_by(f64::total_cmp);
        Some(means[means.len() / 2]).filter(|median| *median > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_is_the_median_hour_of_the_day_before() {
        let at = |minute: i64| Timestamp::from_secs(1_799_996_400 + minute * 60);
        let mut usual = UsualCost::default();
        for minute in 0..(30 * 60) {
            usual.add(at(minute), if minute >= 29 * 60 { 20.0 } else { 10.0 });
            if minute == 6 * 60 {
                assert_eq!(usual.at(at(minute)), None, "five whole hours before the last are not enough");
            }
        }
        assert_eq!(usual.at(at(30 * 60)), Some(10.0));
        assert!(usual.hours.len() <= HOURS + 2);
        assert_eq!(usual.at(at(90 * 60)), None, "what is long ago is no more usual");
        let mut asleep = UsualCost::default();
        (0..30 * 60).for_each(|minute| asleep.add(at(minute), if minute < 28 * 60 { 0.0 } else { 5.0 }));
        assert_eq!(asleep.at(at(30 * 60)), None, "waking up is no jump");
    }
}
