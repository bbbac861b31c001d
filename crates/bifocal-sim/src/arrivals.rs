//! When requests come: a Poisson process whose rate swings mildly over the day.
//!
//! The process is drawn second by second, each from its own key, so any stretch of time can be made without what
//! came before it. The number of an arrival is `second * 64 + place in the second`.

use std::f64::consts::TAU;

use bifocal_model::{Span, Timestamp};

use crate::component::{Component, DAILY_SWING};
use crate::exchange::Arrival;
use crate::fleet::{Fleet, Purpose};
use crate::incident::{Incident, Incidents};
use crate::limits::ARRIVALS_PER_SECOND;
use crate::random::Random;

const SECONDS_PER_DAY: f64 = 86_400.0;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Share of the requests that still come while a component is wasted.
pub(crate) const WASTE_KEEPS: f64 = 0.02;

impl Component {
    /// Requests per second at a time, without incidents.
    pub(crate) fn rate(&self, seconds: f64) -> f64 {
        self.requests_per_second * (1.0 + DAILY_SWING * self.day_angle(seconds).cos())
    }

    /// The integral of the rate from 1970 to a time.
    pub(crate) fn rate_integral(&self, seconds: f64) -> f64 {
        let swing = DAILY_SWING * SECONDS_PER_DAY / TAU * self.day_angle(seconds).sin();
        self.requests_per_second * (seconds + swing)
    }

    fn day_angle(&self, seconds: f64) -> f64 {
        TAU * (seconds / SECONDS_PER_DAY - self.busiest_hour / 24.0)
    }
}

impl Fleet {
    /// The requests to a component that are due in `[from, to)`, in the order of time.
    pub fn arrivals(
        &self,
        component: &Component,
        from: Timestamp,
        to: Timestamp,
        incidents: &Incidents,
    ) -> Vec<Arrival> {
        let mut arrivals = Vec::new();
        let mut second = from.as_nanos().div_euclid(NANOS_PER_SECOND);
        while Timestamp::from_secs(second) < to {
            let times = self.times_in_second(component, second);
            let first = first_index(second);
            let all = times.into_iter().zip(first..).map(|(time, index)| Arrival { index, time });
            arrivals.extend(all.filter(|arrival| {
                from <= arrival.time && arrival.time < to && self.comes(component, *arrival, incidents)
            }));
            second += 1;
        }
        arrivals
    }

    /// When the arrival of a number was due; `None` where there is none of that number.
    pub fn time_of(&self, component: &Component, index: u64) -> Option<Timestamp> {
        let second = i64::try_from(index / ARRIVALS_PER_SECOND).ok()?;
        let place = usize::try_from(index % ARRIVALS_PER_SECOND).ok()?;
        self.times_in_second(component, second).get(place).copied()
    }

    /// How many come in a second, without incidents.
    pub(crate) fn count_in_second(&self, component: &Component, second: i64) -> u64 {
        self.draw_count(component, second).1
    }

    fn draw_count(&self, component: &Component, second: i64) -> (Random, u64) {
        let mut random = self.random(component, Purpose::Arrivals, second.unsigned_abs());
        let count = random.poisson(component.rate(second as f64)).min(ARRIVALS_PER_SECOND);
        (random, count)
    }

    pub(crate) fn times_in_second(&self, component: &Component, second: i64) -> Vec<Timestamp> {
        let (mut random, count) = self.draw_count(component, second);
        let start = Timestamp::from_secs(second);
        let mut times: Vec<Timestamp> =
            (0..count).map(|_| start + Span::from_secs_f64(random.unit())).collect();
        times.sort_unstable();
        times
    }

    fn comes(&self, component: &Component, arrival: Arrival, incidents: &Incidents) -> bool {
        let wasted = incidents.is_active(Incident::CostWaste, component.name, arrival.time);
        !wasted || self.random(component, Purpose::Waste, arrival.index).chance(WASTE_KEEPS)
    }
}

/// The number of the first arrival of a second.
pub(crate) fn first_index(second: i64) -> u64 {
    second.unsigned_abs() * ARRIVALS_PER_SECOND
}
