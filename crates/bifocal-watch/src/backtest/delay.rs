//! How late a marked change was seen.

use bifocal_model::Timestamp;
use serde::Serialize;

use super::event::Change;

/// What became of one marked change on one stream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delay {
    /// Of which target.
    pub target: String,
    /// On which dimension.
    pub dimension: String,
    /// By which judge; empty where none is named.
    pub judge: String,
    /// The change.
    pub change: Change,
    /// Whether it was seen.
    pub outcome: Outcome,
    /// Judged answers of the stream from the change to the alarm, or to the end where there was none.
    pub judged: u64,
    /// Hours from the change to the alarm, or to the end where there was none.
    pub hours: f64,
    /// What judging them cost, dollars; `null` where the price is not known.
    pub usd: Option<f64>,
}

/// Whether a marked change was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// An alarm came while it lasted.
    Seen,
    /// It ended, or the history did, without an alarm.
    NotSeen,
    /// The baseline was not complete yet: the change became part of what is normal.
    WhileLearning,
    /// The stream was in alarm already.
    WhileInAlarm,
}

impl Delay {
    pub(super) fn is_seen(&self) -> bool {
        self.outcome == Outcome::Seen
    }
}

/// The marked changes of one stream, in progress.
#[derive(Debug)]
pub(super) struct Waiting {
    all: Vec<Progress>,
    /// Those before it are settled.
    next: usize,
}

#[derive(Debug)]
struct Progress {
    change: Change,
    outcome: Option<Outcome>,
    judged: u64,
    usd: Option<f64>,
    until: Timestamp,
}

/// What a stream was doing when a sample came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    Learning,
    Watching,
    InAlarm,
}

impl Waiting {
    /// For changes in the order of their times.
    pub(super) fn of(changes: Vec<Change>) -> Self {
        let progress = |change: Change| {
            let until = change.t;
            Progress { change, outcome: None, judged: 0, usd: Some(0.0), until }
        };
        Self { all: changes.into_iter().map(progress).collect(), next: 0 }
    }

    /// A judged sample came. `doing`: before it was taken.
    pub(super) fn judged(&mut self, time: Timestamp, usd: Option<f64>, doing: Doing) {
        for progress in self.all.iter_mut().skip(self.next) {
            if time < progress.change.t {
                break;
            }
            if progress.outcome.is_some() {
                continue;
            }
            if progress.change.end.is_some_and(|end| time >= end) {
                progress.outcome = Some(Outcome::NotSeen);
                continue;
            }
            if progress.judged == 0 && doing != Doing::Watching {
                let learning = doing == Doing::Learning;
                progress.outcome =
                    Some(if learning { Outcome::WhileLearning } else { Outcome::WhileInAlarm });
            }
            progress.judged += 1;
            progress.usd = progress.usd.zip(usd).map(|(sum, usd)| sum + usd);
            progress.until = progress.until.max(time);
        }
        while self.all.get(self.next).is_some_and(|progress| progress.outcome.is_some()) {
            self.next += 1;
        }
    }

    /// An alarm came. Gives the change that it is about: the newest that holds.
    pub(super) fn alarm(&mut self, time: Timestamp, onset_from: Timestamp) -> Option<Change> {
        let waiting = self.all.iter_mut().filter(|progress| progress.outcome.is_none());
        for progress in waiting.filter(|progress| progress.change.holds_at(time)) {
            progress.outcome = Some(Outcome::Seen);
        }
        // An alarm on scores from before a change ended is about that change.
        let about = |progress: &&Progress| {
            let change = &progress.change;
            change.t <= time && change.end.is_none_or(|end| onset_from < end)
        };
        self.all.iter().rev().find(about).map(|progress| progress.change.clone())
    }

    /// Whether a marked change holds.
    pub(super) fn holds_at(&self, time: Timestamp) -> bool {
        self.all.iter().any(|progress| progress.change.holds_at(time))
    }

    /// What became of each: nothing more comes.
    pub(super) fn finish(self, target: &str, dimension: &str, judge: &str) -> Vec<Delay> {
        let delay = |progress: Progress| Delay {
            target: target.to_owned(),
            dimension: dimension.to_owned(),
            judge: judge.to_owned(),
            outcome: progress.outcome.unwrap_or(Outcome::NotSeen),
            judged: progress.judged,
            hours: progress.until.since(progress.change.t).as_secs_f64() / 3600.0,
            usd: progress.usd,
            change: progress.change,
        };
        // A stream that had nothing after a change says nothing of it.
        self.all.into_iter().filter(|progress| progress.judged > 0).map(delay).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn change(from: i64, end: Option<i64>) -> Change {
        Change { t: at(from), end: end.map(at), id: format!("c{from}") }
    }

    #[test]
    fn delays_are_counted_from_the_change_to_the_alarm() {
        let mut waiting = Waiting::of(vec![change(100, Some(200)), change(300, None)]);
        for second in 0..400 {
            waiting.judged(at(second), Some(0.01), Doing::Watching);
            if second == 129 {
                assert_eq!(waiting.alarm(at(129), at(101)).unwrap().id, "c100");
            }
            if second == 250 {
                assert_eq!(waiting.alarm(at(250), at(230)), None, "its change was over");
                assert_eq!(waiting.alarm(at(250), at(190)).unwrap().id, "c100", "it began before the end");
            }
        }
        let delays = waiting.finish("t", "d", "");
        assert_eq!((delays[0].outcome, delays[0].judged), (Outcome::Seen, 30));
        assert!((delays[0].hours - 29.0 / 3600.0).abs() < 1e-12);
        assert!((delays[0].usd.unwrap() - 0.3).abs() < 1e-9);
        assert_eq!((delays[1].outcome, delays[1].judged), (Outcome::NotSeen, 100));
    }

    #[test]
    fn a_change_while_learning_or_in_alarm_is_neither_seen_nor_missed() {
        for (doing, outcome) in
            [(Doing::Learning, Outcome::WhileLearning), (Doing::InAlarm, Outcome::WhileInAlarm)]
        {
            let mut waiting = Waiting::of(vec![change(10, None)]);
            waiting.judged(at(10), None, doing);
            waiting.judged(at(11), None, Doing::Watching);
            waiting.alarm(at(11), at(10));
            let delays = waiting.finish("t", "d", "");
            assert_eq!((delays[0].outcome, delays[0].usd), (outcome, None));
        }
        assert_eq!(Waiting::of(vec![change(10, None)]).finish("t", "d", ""), [], "nothing came after it");
    }
}
