//! The circuit breaker of one judge: while a judge is away it is not asked, but for one try now and then.
//!
//! Life: closed, until [`FAILURES`] calls in a row fail for a reason that is no matter of the question; open, for five seconds
//! and twice as long after each try that fails, up to a minute; half open, while one call tries. A call that succeeds closes
//! it, whoever made it. Times are the clock's.

use std::sync::{Mutex, PoisonError};

use bifocal_model::{Failure, Span, Timestamp};
use serde::Serialize;
use tokio::sync::Notify;

use super::transport::{Reply, TransportError};
use crate::limits::CIRCUIT_FAILURES;

/// How long a judge is left alone after the first failures, and at most.
const FIRST: Span = Span::from_secs(5);
const MOST: Span = Span::from_secs(60);
/// A try that nothing is heard of for so long was given up: another may come.
const TRY: Span = Span::from_mins(11);

/// Whether a judge is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// It is asked.
    #[default]
    Closed,
    /// It is away, and is left alone.
    Open,
    /// One call tries.
    HalfOpen,
}

/// What may be done now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Permit {
    Go,
    Wait(Span),
}

/// How a judge stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Standing {
    /// Whether it is asked.
    pub circuit: Circuit,
    /// Since when it has been away; `None`: it is asked.
    pub away_since: Option<Timestamp>,
    /// Calls that failed in a row.
    pub failures: u32,
    /// Why the newest of them failed.
    pub last_failure: Option<&'static str>,
    /// When it is tried next, while it is away.
    pub next_try: Option<Timestamp>,
}

#[derive(Debug, Default)]
pub(crate) struct Breaker {
    inner: Mutex<Inner>,
    pub(crate) changed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    now: Standing,
    /// Tries that failed since it opened.
    tries: u32,
    /// How often it has closed again.
    closed: u64,
    /// How long it was away before `away_since`.
    away: Span,
}

impl Breaker {
    /// Whether a call may be made. Whoever is told to go makes one and tells what became of it.
    pub(crate) fn permit(&self, now: Timestamp) -> Permit {
        self.with(|inner| match (inner.now.circuit, inner.now.next_try) {
            (Circuit::Open | Circuit::HalfOpen, Some(next)) if now < next => Permit::Wait(next.since(now)),
            (Circuit::Open | Circuit::HalfOpen, _) => {
                inner.now.circuit = Circuit::HalfOpen;
                inner.now.next_try = Some(now + TRY);
                Permit::Go
            }
            (Circuit::Closed, _) => Permit::Go,
        })
    }

    /// Who was told to go has made no call: another may go at once.
    pub(crate) fn not_tried(&self, now: Timestamp) {
        let reopens = self.with(|inner| {
            let tries = inner.now.circuit == Circuit::HalfOpen;
            if tries {
                inner.now.circuit = Circuit::Open;
                inner.now.next_try = Some(now);
            }
            tries
        });
        if reopens {
            self.changed.notify_waiters();
        }
    }

    /// A call was answered, with whatever sense.
    pub(crate) fn answered(&self, now: Timestamp) {
        let closes = self.with(|inner| {
            let since = inner.now.away_since;
            inner.now = Standing::default();
            inner.tries = 0;
            let Some(since) = since else { return false };
            inner.away = inner.away + now.since(since).max(Span::default());
            inner.closed += 1;
            true
        });
        if closes {
            self.changed.notify_waiters();
        }
    }

    /// A call failed; `true` when that opened it.
    pub(crate) fn failed(&self, now: Timestamp, failure: Failure) -> bool {
        let opens = self.with(|inner| {
            inner.now.failures = inner.now.failures.saturating_add(1);
            inner.now.last_failure = Some(failure.name());
            match inner.now.circuit {
                Circuit::Closed if inner.now.failures < CIRCUIT_FAILURES => return None,
                // Calls that were on their way when it opened.
                Circuit::Open => return None,
                Circuit::Closed | Circuit::HalfOpen => {}
            }
            let first = inner.now.away_since.is_none();
            inner.now.away_since.get_or_insert(now);
            let times = f64::from(1_u32 << inner.tries.min(10));
            inner.tries += 1;
            let pause = Span::from_secs_f64(FIRST.as_secs_f64() * times).min(MOST);
            inner.now.circuit = Circuit::Open;
            inner.now.next_try = Some(now + pause);
            Some(first)
        });
        if opens.is_some() {
            self.changed.notify_waiters();
        }
        opens == Some(true)
    }

    /// How it stands.
    pub(crate) fn standing(&self) -> Standing {
        self.with(|inner| inner.now)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.with(|inner| inner.now.circuit == Circuit::Closed)
    }

    /// How often it has closed again: whoever failed before and fails after has not failed because the judge was away.
    pub(crate) fn times_closed(&self) -> u64 {
        self.with(|inner| inner.closed)
    }

    /// How long the judge was away in all: that time counts for nobody as waiting.
    pub(crate) fn away(&self, now: Timestamp) -> Span {
        self.with(|inner| {
            let open = inner.now.away_since.map(|since| now.since(since).max(Span::default()));
            inner.away + open.unwrap_or_default()
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether what came back says that the judge is away, and not that this question is one that it cannot answer.
pub(crate) fn is_away(answer: &Result<Reply, TransportError>) -> bool {
    match answer {
        Ok(Reply { status, .. }) => matches!(status, 401..=404 | 408 | 429 | 500..),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000 + secs)
    }

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        for i in 1..=CIRCUIT_FAILURES {
            assert_eq!(breaker.permit(at(0)), Permit::Go);
            assert_eq!(
                breaker.failed(at(0), Failure::Provider),
                i == CIRCUIT_FAILURES,
                "limit circuit_failures"
            );
        }
        breaker
    }

    #[test]
    fn it_opens_after_failures_in_a_row_only() {
        let breaker = Breaker::default();
        for _ in 0..10 {
            for _ in 1..CIRCUIT_FAILURES {
                assert!(!breaker.failed(at(0), Failure::Timeout));
            }
            breaker.answered(at(0));
        }
        assert_eq!(breaker.standing(), Standing::default());
        assert_eq!(breaker.times_closed(), 0);
    }

    #[test]
    fn one_call_tries_and_each_failure_doubles_the_pause() {
        let breaker = opened();
        assert_eq!(breaker.permit(at(4)), Permit::Wait(Span::from_secs(1)));
        let mut now = 5;
        for pause in [10, 20, 40, 60, 60] {
            assert_eq!(breaker.permit(at(now)), Permit::Go);
            assert_eq!(breaker.standing().circuit, Circuit::HalfOpen);
            assert!(matches!(breaker.permit(at(now)), Permit::Wait(_)), "one at a time");
            assert!(!breaker.failed(at(now), Failure::Unreachable), "it is open already");
            assert_eq!(breaker.permit(at(now)), Permit::Wait(Span::from_secs(pause)));
            now += pause;
        }
        assert_eq!(breaker.permit(at(now)), Permit::Go);
        breaker.answered(at(now));
        assert_eq!((breaker.standing(), breaker.times_closed()), (Standing::default(), 1));
        assert_eq!(
            breaker.away(at(9_999)),
            Span::from_secs(now),
            "from the fifth failure to the first answer"
        );
        assert_eq!(breaker.permit(at(now)), Permit::Go);
    }

    #[test]
    fn a_try_that_nothing_is_heard_of_is_not_waited_for_for_ever() {
        let breaker = opened();
        assert_eq!(breaker.permit(at(5)), Permit::Go);
        assert!(matches!(breaker.permit(at(600)), Permit::Wait(_)));
        breaker.not_tried(at(600));
        assert_eq!(breaker.permit(at(600)), Permit::Go, "who makes no call says so");
        let breaker = opened();
        assert_eq!(breaker.permit(at(5)), Permit::Go);
        assert_eq!(breaker.permit(at(5 + 660)), Permit::Go);
        assert_eq!(breaker.away(at(700)), Span::from_secs(700));
    }

    #[test]
    fn what_is_wrong_with_a_question_is_not_the_judge_being_away() {
        let status = |status| Ok(Reply { status, body: Vec::new() });
        for away in [status(401), status(404), status(429), status(503), Err(TransportError::Timeout)] {
            assert!(is_away(&away), "{away:?}");
        }
        for there in [status(200), status(400), status(413), status(422)] {
            assert!(!is_away(&there), "{there:?}");
        }
    }
}
