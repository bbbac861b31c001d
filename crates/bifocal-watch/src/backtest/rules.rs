//! Alert rules over a history: when each would have fired, how late after a marked change, how often for nothing.
//!
//! A target is looked at when a judged answer of it comes, once a minute of the history at most, through the same streams
//! that watch live scores. A history of scores knows nothing of the service: `service` is taken as `ok` and `state` follows
//! from it and the answers, so that a rule on another state has no answer; where a rule needs anything else that is not there (a latency, an error ratio), it has no
//! answer, and the report names what was missing.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};

use bifocal_expr::Context;
use bifocal_model::{Answers, Condition, Efficiency, Service, Span, StateName, Timestamp};
use serde::Serialize;

use crate::Error;
use crate::alert::{
    JudgedValues, Ladder, Own, Rule, RuleConfig, Severity, Standing, Status, Transition, compile, step,
};
use crate::limits::HISTORY_FIRINGS;
use crate::snapshot::StreamView;

use super::beside::{Method, Tally};
use super::delay::{Delay, Doing, Waiting};
use super::event::{Change, Changes};
use super::pages::FalsePages;

/// Time of the history between two looks at one target.
const LOOK_EVERY: Span = Span::from_secs(60);

/// One rule over all targets.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleReport {
    /// Its name.
    pub rule: String,
    /// Its condition.
    pub when: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether its pages fall under the budget of false pages.
    pub budgeted: bool,
    /// Whether the history could answer it; else nothing is known of it.
    pub answered: bool,
    /// Looks at which it depended on what the history does not hold.
    pub undecided: u64,
    /// What the history does not hold, as the rule asks for it.
    pub missing: Vec<String>,
    /// What was taken for granted, as the rule asks for it.
    pub assumed: Vec<String>,
    /// How often it fired.
    pub fired: u64,
    /// Firings outside of marked changes, over the targets on which it had an answer.
    pub false_pages: FalsePages,
    /// Marked changes that it could have told of, one for each target.
    pub changes: u64,
    /// Of these, how many it did.
    pub seen: u64,
    /// Judged answers of the target from change to firing, mean over those seen; `null` where none was.
    pub judged_mean: Option<f64>,
    /// Hours from change to firing, mean over those seen.
    pub hours_mean: Option<f64>,
    /// Dollars of judging from change to firing, mean over those seen whose price is known.
    pub usd_mean: Option<f64>,
    /// The first firings, one by one; `fired` counts all.
    pub firings: Vec<Firing>,
}

/// A rule fired.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Firing {
    /// For which target.
    pub target: String,
    /// When.
    pub t: Timestamp,
    /// When its condition had not held for a minute; `null`: not in this history.
    pub resolved: Option<Timestamp>,
    /// The marked change that it is about; `null`: it counts as false.
    pub change: Option<String>,
}

/// Rules in progress.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Replayed>,
    targets: HashMap<String, Looked>,
}

/// One rule over all targets so far.
#[derive(Debug)]
struct Replayed {
    rule: Rule,
    missing: BTreeSet<String>,
    assumed: BTreeSet<String>,
    tally: Tally,
    undecided: u64,
    firings: Vec<Firing>,
}

/// One target so far.
#[derive(Debug)]
struct Looked {
    /// Places of its streams among the tracks of the replay.
    streams: Vec<usize>,
    last: Option<Timestamp>,
    /// One for each rule.
    rules: Vec<Stand>,
}

/// Where one rule stands for one target.
#[derive(Debug)]
struct Stand {
    standing: Option<Standing>,
    ladder: Ladder,
    answered: bool,
    waiting: Waiting,
    /// Its place among the told firings, while it fires.
    told: Option<usize>,
}

impl Rules {
    /// Checks the conditions.
    pub(super) fn new(rules: &[RuleConfig], own: &Own<'_>) -> Result<Self, Error> {
        let replayed = |config| {
            Ok(Replayed {
                rule: compile(config, own)?,
                missing: BTreeSet::new(),
                assumed: BTreeSet::new(),
                tally: Tally::default(),
                undecided: 0,
                firings: Vec::new(),
            })
        };
        Ok(Self { rules: rules.iter().map(replayed).collect::<Result<_, Error>>()?, targets: HashMap::new() })
    }

    /// A judged answer of a target came, on the stream at this place. `true` when the target is to be looked at.
    pub(super) fn judged(
        &mut self,
        target: &str,
        stream: usize,
        (time, usd): (Timestamp, Option<f64>),
        learning: bool,
        changes: &Changes,
    ) -> bool {
        if !self.targets.contains_key(target) {
            let stand = |_: &Replayed| Stand {
                standing: None,
                ladder: Ladder::default(),
                answered: false,
                waiting: Waiting::of(changes.of_target(target)),
                told: None,
            };
            let rules = self.rules.iter().map(stand).collect();
            self.targets.insert(target.to_owned(), Looked { streams: Vec::new(), last: None, rules });
        }
        let Some(looked) = self.targets.get_mut(target) else { return false };
        if !looked.streams.contains(&stream) {
            looked.streams.push(stream);
        }
        for (stand, replayed) in looked.rules.iter_mut().zip(&self.rules) {
            let doing = stand.doing(learning && replayed.rule.budgeted);
            stand.waiting.judged(time, usd, doing);
        }
        looked.last.is_none_or(|last| time.since(last) >= LOOK_EVERY)
    }

    /// The streams of a target.
    pub(super) fn streams(&self, target: &str) -> &[usize] {
        self.targets.get(target).map_or(&[], |looked| &looked.streams)
    }

    /// Whether any condition asks for a mean or a pass rate of a dimension.
    pub(super) fn ask_estimates_of(&self, dimension: &str) -> bool {
        let asks = |rule: &Rule| {
            rule.config
                .conditions()
                .chain(rule.config.resolve_when.as_deref())
                .any(|when| asks_estimate(when, dimension))
        };
        self.rules.iter().any(|replayed| asks(&replayed.rule))
    }

    /// Looks at every rule for one target, whose streams stand as these views tell.
    pub(super) fn look(&mut self, target: &str, time: Timestamp, views: &[StreamView], learning: bool) {
        let Some(looked) = self.targets.get_mut(target) else { return };
        let since = looked.last.map_or(Span::ZERO, |last| time.since(last));
        looked.last = Some(time);
        let answers = if views.iter().any(|view| view.alarm.is_some()) {
            Answers::Worse
        } else if learning {
            Answers::Learning { n: 0, of: 0 }
        } else {
            Answers::Ok
        };
        for (stand, replayed) in looked.rules.iter_mut().zip(&mut self.rules) {
            let values = Values::of(JudgedValues(views), answers);
            let is_enough = values.is_enough(&replayed.rule);
            let look = stand.ladder.look(&replayed.rule, &values, is_enough, time).look;
            // What decided nothing this time may at another: the report names all that a history lacks.
            let recovery = replayed.rule.recovery.iter().filter(|_| look.holds == Some(false));
            let conditions = replayed.rule.levels.iter().map(|level| &level.condition).chain(recovery);
            conditions.for_each(|condition| condition.ask_all(&values));
            let holds = look.holds;
            replayed.missing.append(&mut values.missing.into_inner());
            replayed.assumed.append(&mut values.assumed.into_inner());
            if holds.is_some() {
                stand.answer(since, time, &mut replayed.tally);
            } else {
                replayed.undecided += 1;
            }
            let (after, transition) = step(stand.standing, look, time);
            stand.standing = after;
            match transition {
                Some(Transition::Fired) => replayed.fire(stand, target, time),
                Some(Transition::Resolved) => {
                    let told = stand.told.take().and_then(|at| replayed.firings.get_mut(at));
                    if let Some(firing) = told {
                        firing.resolved = Some(time);
                    }
                }
                None => {}
            }
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(self) -> Vec<RuleReport> {
        let mut delays: Vec<Vec<Delay>> = self.rules.iter().map(|_| Vec::new()).collect();
        for (target, looked) in self.targets {
            for (stand, delays) in looked.rules.into_iter().zip(&mut delays) {
                if stand.answered {
                    delays.extend(stand.waiting.finish(&target, "", ""));
                }
            }
        }
        self.rules.into_iter().zip(delays).map(|(replayed, delays)| replayed.report(&delays)).collect()
    }
}

/// Whether a condition on states names one that a target with a healthy service can be in, or excludes some.
fn can_hold(when: &str) -> bool {
    let reachable = [StateName::SilentDegradation.name(), StateName::Healthy.name(), Service::Ok.name()];
    let named = |name: &str| when.contains(&format!("'{name}'")) || when.contains(&format!("\"{name}\""));
    when.contains('!') || reachable.into_iter().any(named)
}

/// Whether a condition names a dimension other than in `degraded(…)`.
fn asks_estimate(when: &str, dimension: &str) -> bool {
    let before = |at: usize| when.get(..at).map_or("", |before| before.trim_end_matches(['\'', '"']));
    when.match_indices(dimension).any(|(at, _)| !before(at).ends_with("degraded("))
}

impl Stand {
    fn doing(&self, learning: bool) -> Doing {
        if self.is_firing() {
            Doing::InAlarm
        } else if learning || !self.answered {
            Doing::Learning
        } else {
            Doing::Watching
        }
    }

    fn is_firing(&self) -> bool {
        self.standing.is_some_and(|standing| standing.status == Status::Firing)
    }

    /// The history answered: time since the look before is watched, outside of marked changes.
    fn answer(&mut self, since: Span, time: Timestamp, tally: &mut Tally) {
        if !self.answered {
            self.answered = true;
            tally.streams += 1;
        } else if !self.is_firing() && !self.waiting.holds_at(time) {
            tally.exposure = tally.exposure + since;
            tally.watched += 1;
        }
    }
}

impl Replayed {
    fn fire(&mut self, stand: &mut Stand, target: &str, time: Timestamp) {
        // What began before a change ended is about that change.
        let since = stand.standing.map_or(time, |standing| standing.since);
        let change: Option<Change> = stand.waiting.alarm(time, since);
        self.tally.pages += 1;
        self.tally.false_pages += u64::from(change.is_none());
        if self.firings.len() < HISTORY_FIRINGS {
            stand.told = Some(self.firings.len());
            let change = change.map(|change| change.id);
            self.firings.push(Firing { target: target.to_owned(), t: time, resolved: None, change });
        }
    }

    fn report(self, delays: &[Delay]) -> RuleReport {
        // A state that a healthy service never is in, and a condition that needed what is not there whenever it came to it,
        // are no answer.
        let asks_another_state = !self.assumed.is_empty() && !can_hold(&self.rule.config.when);
        let silent = self.tally.pages == 0 && self.undecided > 0;
        let answered = self.tally.streams > 0 && !asks_another_state && !silent;
        let Self { rule, mut missing, assumed, tally, undecided, firings } = self;
        if asks_another_state {
            missing.insert("the service".to_owned());
        }
        let RuleConfig { name, when, severity, .. } = rule.config;
        let method = Method::of(&name, String::new(), &tally, delays, None);
        let seen = delays.iter().filter(|delay| delay.is_seen());
        let usd: Vec<f64> = seen.filter_map(|delay| delay.usd).collect();
        RuleReport {
            when,
            severity,
            budgeted: rule.budgeted,
            answered,
            undecided,
            missing: missing.into_iter().collect(),
            assumed: assumed.into_iter().collect(),
            fired: tally.pages,
            false_pages: method.false_pages,
            changes: method.changes,
            seen: method.seen,
            judged_mean: method.judged_mean,
            hours_mean: method.hours_mean,
            usd_mean: (!usd.is_empty()).then(|| usd.iter().sum::<f64>() / usd.len() as f64),
            firings,
            rule: name,
        }
    }
}

/// What a history of scores answers, and a note of what it does not.
struct Values<'a> {
    judged: JudgedValues<'a>,
    answers: Answers,
    missing: RefCell<BTreeSet<String>>,
    assumed: RefCell<BTreeSet<String>>,
}

impl<'a> Values<'a> {
    fn of(judged: JudgedValues<'a>, answers: Answers) -> Self {
        Self { judged, answers, missing: RefCell::default(), assumed: RefCell::default() }
    }

    /// Whether everything that a rule counts rests on enough judged answers. Requests are not there to be counted.
    fn is_enough(&self, rule: &Rule) -> bool {
        let judged = |name: &String| self.judged.estimate(name).map_or(0, |estimate| estimate.n_judged);
        rule.config.min_samples.is_none_or(|least| rule.counted.iter().all(|name| judged(name) >= least))
    }

    /// `None`, and a note of it.
    fn lacks<T>(&self, what: String) -> Option<T> {
        self.missing.borrow_mut().insert(what);
        None
    }
}

impl Context for Values<'_> {
    fn number(&self, function: &str, args: &[&str]) -> Option<f64> {
        let &[name] = args else {
            let args: Vec<String> = args.iter().map(|arg| format!("'{arg}'")).collect();
            return self.lacks(format!("{function}({})", args.join(", ")));
        };
        self.judged.number(function, name).or_else(|| self.lacks(format!("{function}('{name}')")))
    }

    fn truth(&self, function: &str, args: &[&str]) -> Option<bool> {
        match (function, args) {
            ("degraded", &[name]) => Some(self.judged.degraded(name)),
            _ => self.lacks(format!("{function}({})", args.join(", "))),
        }
    }

    fn text(&self, variable: &str) -> Option<Cow<'_, str>> {
        let (service, answers) = (Service::Ok, self.answers);
        let condition = Condition { service, answers, efficiency: Efficiency::Unknown, saturated: false };
        let word = match variable {
            "answers" => return Some(answers.name().into()),
            "state" => condition.name().name(),
            "service" => service.name(),
            _ => return self.lacks(variable.to_owned()),
        };
        self.assumed.borrow_mut().insert("service is ok".to_owned());
        Some(word.into())
    }
}

#[cfg(test)]
mod tests;
