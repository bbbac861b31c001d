//! Clocks. Simulated time may run many times faster than the wall; all exported times are the clock's.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use bifocal_model::{Span, Timestamp};

/// Where time comes from. `now` never goes backwards.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// How long to wait on the wall until this much of the clock's time has passed.
    fn wall(&self, span: Span) -> Duration;

    /// How many of the clock's seconds pass in one second of the wall.
    fn speed(&self) -> f64;
}

/// The machine's time: the wall clock at the start plus a monotonic count, so that a step of the wall clock
/// never makes a latency negative.
#[derive(Debug)]
pub struct SystemClock {
    inner: ScaledClock,
}

/// The machine's time, `speed` times as fast from the moment it is made.
#[derive(Debug)]
pub struct ScaledClock {
    start: Timestamp,
    began: Instant,
    speed: f64,
}

/// A clock that stands still until it is moved: for tests and for runs in process.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<Timestamp>,
}

impl SystemClock {
    /// A clock that tells the machine's time.
    pub fn new() -> Self {
        Self { inner: ScaledClock::from_now(1.0) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl ScaledClock {
    /// Starts at the machine's present time and runs `speed` times as fast.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clocks")]
    pub fn from_now(speed: f64) -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let nanos = i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX);
        Self { start: Timestamp::from_nanos(nanos), began: Instant::now(), speed }
    }
}

impl ManualClock {
    /// Stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { now: Mutex::new(now) }
    }

    /// Moves forward; a time in the past is ignored.
    pub fn set(&self, to: Timestamp) {
        let mut now = self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *now = to.max(*now);
    }

    /// Moves forward by a span.
    pub fn advance(&self, span: Span) {
        self.set(self.now() + span);
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn wall(&self, span: Span) -> Duration {
        span.to_duration()
    }

    fn speed(&self) -> f64 {
        1.0
    }
}

impl Clock for ScaledClock {
    fn now(&self) -> Timestamp {
        self.start + Span::from_secs_f64(self.began.elapsed().as_secs_f64() * self.speed)
    }

    fn wall(&self, span: Span) -> Duration {
        Duration::from_secs_f64((span.as_secs_f64() / self.speed).max(0.0))
    }

    fn speed(&self) -> f64 {
        self.speed
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn wall(&self, _span: Span) -> Duration {
        Duration::ZERO
    }

    fn speed(&self) -> f64 {
        1.0
    }
}

/// Waits until this much of the clock's time has passed.
pub async fn sleep(clock: &dyn Clock, span: Span) {
    tokio::time::sleep(clock.wall(span)).await;
}

/// Waits until the clock shows `time`; returns at once when it is past.
pub async fn sleep_until(clock: &dyn Clock, time: Timestamp) {
    tokio::time::sleep(clock.wall(time.since(clock.now()))).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_only_moves_forward() {
        let clock = ManualClock::new(Timestamp::from_secs(100));
        clock.advance(Span::from_secs(5));
        clock.set(Timestamp::from_secs(50));
        assert_eq!(clock.now(), Timestamp::from_secs(105));
    }

    #[test]
    fn a_scaled_clock_waits_less_on_the_wall() {
        let clock = ScaledClock::from_now(20.0);
        assert_eq!(clock.wall(Span::from_secs(10)), Duration::from_millis(500));
        let before = clock.now();
        assert!(clock.now() >= before);
    }
}
