//! How many answers are still to come today: yesterday's shape at today's level.

use bifocal_model::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DAY_NANOS, HOUR_NANOS, HOURS};

/// Weight of yesterday in the shape of a day.
const NEWEST: f64 = 0.5;
/// Share of a usual day that must be seen before the level of today is believed by half.
const LEVEL_FROM: f64 = 0.05;
/// Before anything is known: one answer in these seconds.
const COLD_SECONDS: f64 = 10.0;

/// Counts by hour of the day (UTC).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Forecast {
    /// When counting began.
    began: Option<Timestamp>,
    today: [f64; HOURS],
    /// The usual day; `None` until one was seen.
    usual: Option<[f64; HOURS]>,
}

impl Forecast {
    /// An answer came.
    pub(super) fn count(&mut self, at: Timestamp) {
        self.began.get_or_insert(at);
        if let Some(hour) = self.today.get_mut(hour_of(at)) {
            *hour += 1.0;
        }
    }

    /// Whether a day was seen to its end.
    pub(super) fn knows_a_day(&self) -> bool {
        self.usual.is_some()
    }

    /// A day is over: it takes part in the usual one. Hours before counting began are as the mean of those behind.
    pub(super) fn turn(&mut self, day: i64) {
        let first = self.began.filter(|began| day_of(*began) == day).map_or(0, hour_of);
        let seen = self.today.get(first..).unwrap_or_default();
        let mean = seen.iter().sum::<f64>() / (seen.len() as f64).max(1.0);
        let today = std::mem::take(&mut self.today);
        let whole = |hour: usize| if hour < first { mean } else { today.get(hour).copied().unwrap_or(0.0) };
        let usual = self.usual.take();
        self.usual = Some(std::array::from_fn(|hour| match &usual {
            Some(usual) => {
                let before = usual.get(hour).copied().unwrap_or(0.0);
                before + NEWEST * (whole(hour) - before)
            }
            None => whole(hour),
        }));
    }

    /// Answers expected from now to a later moment of the same day.
    pub(super) fn expected(&self, now: Timestamp, until: Timestamp) -> f64 {
        let seconds = until.since(now).as_secs_f64().max(0.0);
        let so_far: f64 = self.today.iter().sum();
        let Some(usual) = &self.usual else {
            let start = self.began.unwrap_or(now).max(midnight(now));
            let elapsed = now.since(start).as_secs_f64().max(0.0);
            return (so_far + 1.0) / (elapsed + COLD_SECONDS) * seconds;
        };
        let passed = usual_between(usual, midnight(now), now);
        let prior = LEVEL_FROM * usual.iter().sum::<f64>() + 1.0;
        let level = (so_far + prior) / (passed + prior);
        level * usual_between(usual, now, until)
    }
}

/// The usual count between two moments of one day.
fn usual_between(usual: &[f64; HOURS], from: Timestamp, to: Timestamp) -> f64 {
    let start = midnight(from);
    let at = |time: Timestamp| (time.as_nanos() - start.as_nanos()) as f64 / HOUR_NANOS as f64;
    let (from, to) = (at(from), at(to));
    let hours = usual.iter().enumerate().map(|(hour, count)| {
        let (begins, ends) = (hour as f64, hour as f64 + 1.0);
        count * (to.min(ends) - from.max(begins)).max(0.0)
    });
    hours.sum()
}

pub(super) fn day_of(at: Timestamp) -> i64 {
    at.as_nanos().div_euclid(DAY_NANOS)
}

pub(super) fn midnight(at: Timestamp) -> Timestamp {
    Timestamp::from_nanos(day_of(at) * DAY_NANOS)
}

pub(super) fn hour_of(at: Timestamp) -> usize {
    usize::try_from(at.as_nanos().rem_euclid(DAY_NANOS) / HOUR_NANOS).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use bifocal_model::Span;

    use super::*;

    const DAY: i64 = 20_000;

    fn at(day: i64, secs: i64) -> Timestamp {
        Timestamp::from_secs((DAY + day) * 86_400 + secs)
    }

    fn noon_heavy(forecast: &mut Forecast, day: i64, level: i64, hours: std::ops::Range<i64>) {
        for hour in hours {
            let count = level * if (8..20).contains(&hour) { 3 } else { 1 };
            (0..count).for_each(|i| forecast.count(at(day, hour * 3_600 + i * 3_600 / count)));
        }
    }

    #[test]
    fn the_first_day_goes_by_its_pace() {
        let mut forecast = Forecast::default();
        assert!((forecast.expected(at(0, 0), at(1, 0)) - 8_640.0).abs() < 1.0, "one in ten seconds");
        (0..600).for_each(|i| forecast.count(at(0, 36_000 + i)));
        let rest = forecast.expected(at(0, 36_600), at(1, 0));
        assert!((rest / 49_800.0 - 1.0).abs() < 0.03, "one a second: {rest}");
    }

    #[test]
    fn later_days_have_a_shape_and_a_level() {
        let mut forecast = Forecast::default();
        noon_heavy(&mut forecast, 0, 20, 0..24);
        forecast.turn(DAY);
        let whole = forecast.expected(at(1, 0), at(2, 0));
        assert!((whole - 960.0).abs() < 1.0, "{whole}");
        // Half of the day at twice the level: 16 hours of weight 1 or 3 are behind.
        noon_heavy(&mut forecast, 1, 40, 0..12);
        let rest = forecast.expected(at(1, 12 * 3_600), at(2, 0));
        assert!((rest - 2.0 * 560.0).abs() < 120.0, "{rest}");
        let hour = forecast.expected(at(1, 12 * 3_600), at(1, 13 * 3_600));
        assert!((hour / rest - 60.0 / 560.0).abs() < 1e-9);
    }

    #[test]
    fn a_day_that_began_in_the_afternoon_is_no_quiet_day() {
        let mut forecast = Forecast::default();
        noon_heavy(&mut forecast, 0, 10, 20..24);
        forecast.turn(DAY);
        assert!((forecast.expected(at(1, 0), at(2, 0)) - 240.0).abs() < 1.0);
        assert_eq!(hour_of(at(0, 7_199)), 1);
        assert_eq!(midnight(at(3, 5)), at(3, 0));
        assert_eq!(forecast.expected(at(1, 60), at(1, 0) - Span::from_secs(5)), 0.0, "nothing in the past");
    }
}
