//! Estimates as they are shown. Their intervals cost more than all the rest of a tick, so one over many samples
//! serves for ten seconds of the clock; its window says when it was made.
//!
//! Invariant: nothing that is decided on samples (evidence, alarm, recovery) passes through here, and nothing of it is
//! saved: after a restart estimates are made anew.

use std::cell::Cell;

use bifocal_model::{Estimate, Span, Timestamp};

/// How long an estimate serves.
const SERVES: Span = Span::from_secs(10);
/// Estimates of fewer samples are cheap, and each new sample moves them: they are always made anew.
const MANY: u64 = 256;

/// What a stream shows of its samples.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Estimates {
    /// Mean score and pass rate over the window.
    pub(crate) window: Option<(Estimate, Estimate)>,
    /// Mean score since the alarm.
    pub(crate) since_alarm: Option<Estimate>,
}

/// The newest estimates that were made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    made: Cell<Option<Made>>,
}

#[derive(Clone, Copy, Debug)]
struct Made {
    at: Timestamp,
    alarm: Option<Timestamp>,
    estimates: Estimates,
}

impl Shown {
    /// The estimates at a time, with or without an alarm.
    pub(crate) fn at(
        &self,
        now: Timestamp,
        alarm: Option<Timestamp>,
        make: impl FnOnce() -> Estimates,
    ) -> Estimates {
        if let Some(made) = self.made.get().filter(|made| made.serves(now, alarm)) {
            return made.estimates;
        }
        let estimates = make();
        self.made.set(Some(Made { at: now, alarm, estimates }));
        estimates
    }
}

impl Made {
    fn serves(&self, now: Timestamp, alarm: Option<Timestamp>) -> bool {
        let many = self.estimates.window.is_some_and(|(mean, _)| mean.n_judged >= MANY);
        many && self.alarm == alarm && self.at <= now && now < self.at + SERVES
    }
}

/// What is shown is no state: two streams are the same whatever was last asked of them.
impl PartialEq for Shown {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{Method, Window};

    use super::*;

    fn estimates(n_judged: u64) -> Estimates {
        let end = Timestamp::from_secs(100);
        let window = Window::ending_at(end, Span::from_mins(1));
        let of = |value| Estimate {
            value,
            lower: 0.0,
            upper: 1.0,
            n_judged,
            n_total: n_judged as f64,
            method: Method::StudentT,
            window,
        };
        Estimates { window: Some((of(0.5), of(0.25))), since_alarm: None }
    }

    #[test]
    fn many_samples_serve_for_ten_seconds_or_until_an_alarm() {
        let shown = Shown::default();
        let made = Cell::new(0);
        let ask = |secs: i64, alarm: Option<i64>, n: u64| {
            shown.at(Timestamp::from_secs(secs), alarm.map(Timestamp::from_secs), || {
                made.set(made.get() + 1);
                estimates(n)
            });
            made.get()
        };
        assert_eq!([ask(100, None, 300), ask(101, None, 300), ask(109, None, 300)], [1, 1, 1]);
        assert_eq!([ask(110, None, 300), ask(111, Some(110), 300)], [2, 3], "time, then an alarm");
        assert_eq!([ask(112, None, 20), ask(113, None, 20)], [4, 5], "few samples are asked every time");
    }
}
