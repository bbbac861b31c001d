//! Whether a condition can hold at all, and whether it can ever not hold: `value('x') > 0.8 && value('x') < 0.3` is of no number,
//! `state == 'outage' && state == 'overloaded'` of no state, and an alert on `value('x') > 0.2 || value('x') < 0.5` never ends.
//!
//! A condition is split into the cases in which it holds. A case says of each place what is left for it: an interval, words, true
//! or false; to begin with what its signal's range is. Places are taken as independent, so what follows from two of them is not
//! found (`lower` above `upper`, `state` against `service`), nor is what arithmetic or two signals say.

use std::collections::BTreeMap;

use bifocal_model::signal::Range;
use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};

use super::{Sense, number};
use crate::check::{Place, place_index};

/// Conditions with more cases than this are not followed.
const CASES_MAX: usize = 64;

/// What is left for one place.
#[derive(Clone, Debug, PartialEq)]
enum Left {
    Numbers(Interval),
    Words(Vec<String>),
    Truth(bool),
}

/// From one number to another; an open end does not belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Interval {
    low: f64,
    is_low_open: bool,
    high: f64,
    is_high_open: bool,
}

/// What is left for each place that is asked for.
type Case = BTreeMap<usize, Left>;

/// How much of what a condition is about is left for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Never,
    Always,
}

impl Sense<'_> {
    /// Warns of the smallest parts that never hold, and of those that always do.
    pub(super) fn contradictions(&mut self, tree: &IdedExpr) {
        if let Some((part, holds)) = self.contradiction(tree) {
            let (message, hint) = match holds {
                Holds::Never => (
                    "this never holds: its parts contradict each other",
                    "what must be one or the other is joined with `||`",
                ),
                Holds::Always => (
                    "this holds whatever is measured: what is not one of its parts is the other",
                    "what must be both is joined with `&&`",
                ),
            };
            self.warn(part, message.to_owned(), hint.to_owned());
        }
    }

    fn contradiction<'t>(&self, tree: &'t IdedExpr) -> Option<(&'t IdedExpr, Holds)> {
        let Expr::Call(call) = &tree.expr else { return None };
        if let Some(found) = call.args.iter().find_map(|part| self.contradiction(part)) {
            return Some(found);
        }
        let joins = [operators::LOGICAL_AND, operators::LOGICAL_OR];
        if !joins.contains(&call.func_name.as_str()) {
            return None;
        }
        let is_empty = |negated| self.cases(tree, negated).is_empty();
        match (is_empty(false), is_empty(true)) {
            (true, _) => Some((tree, Holds::Never)),
            (_, true) => Some((tree, Holds::Always)),
            _ => None,
        }
    }

    /// The cases in which a part holds, or, negated, does not; none: there is no such case. What cannot be told restricts nothing.
    fn cases(&self, tree: &IdedExpr, negated: bool) -> Vec<Case> {
        let unknown = || vec![Case::new()];
        let call = match &tree.expr {
            Expr::Ident(name) => {
                let Some((at, Place::Truth { .. } | Place::PlainTruth { .. })) = self.place(name) else {
                    return unknown();
                };
                return vec![Case::from([(at, Left::Truth(!negated))])];
            }
            Expr::Call(call) => call,
            _ => return unknown(),
        };
        let cases = match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [part]) => self.cases(part, !negated),
            (name @ (operators::LOGICAL_AND | operators::LOGICAL_OR), [a, b]) => {
                let (a, b) = (self.cases(a, negated), self.cases(b, negated));
                if (name == operators::LOGICAL_AND) == negated {
                    [a, b].concat()
                } else {
                    a.iter().flat_map(|a| b.iter().filter_map(|b| both(a, b))).collect()
                }
            }
            (name, [a, b]) => match self.left(name, a, b, negated) {
                Some((at, left)) => left.map(|left| Case::from([(at, left)])).into_iter().collect(),
                None => unknown(),
            },
            _ => unknown(),
        };
        if cases.len() > CASES_MAX { unknown() } else { cases }
    }

    /// What a comparison leaves for its place: nothing is an empty answer, what cannot be told none.
    fn left(&self, name: &str, a: &IdedExpr, b: &IdedExpr, negated: bool) -> Option<(usize, Option<Left>)> {
        let place = |tree: &IdedExpr| match &tree.expr {
            Expr::Ident(name) => self.place(name),
            _ => None,
        };
        let ((at, place), other, mirrored) = match (place(a), place(b)) {
            (Some(found), None) => (found, b, false),
            (None, Some(found)) => (found, a, true),
            _ => return None,
        };
        if let Place::Text { .. } = place {
            let words = words(name, other).filter(|_| !negated && name != operators::NOT_EQUALS)?;
            return Some((at, Some(Left::Words(words))));
        }
        let number = number(other)?;
        let operator = if mirrored { turned_round(name) } else { name };
        let interval = Interval::of(operator, number, negated)?;
        let range = self.range(if mirrored { b } else { a });
        Some((at, interval.and(range).map(Left::Numbers)))
    }

    fn place(&self, name: &str) -> Option<(usize, &Place)> {
        let at = place_index(name)?;
        Some((at, self.places.get(at)?))
    }

    /// What the number of a place can be.
    fn range(&self, place: &IdedExpr) -> Interval {
        let named = self.named(place);
        let facts = named.as_ref().and_then(|named| named.facts().filter(|_| named.function != "n"));
        let range = facts.map_or(Range { min: f64::NEG_INFINITY, max: None }, |facts| facts.range);
        Interval {
            low: range.min,
            is_low_open: false,
            high: range.max.unwrap_or(f64::INFINITY),
            is_high_open: false,
        }
    }
}

impl Interval {
    /// The numbers of which a comparison with this one is true, or, negated, false.
    fn of(operator: &str, number: f64, negated: bool) -> Option<Self> {
        let all =
            Self { low: f64::NEG_INFINITY, is_low_open: false, high: f64::INFINITY, is_high_open: false };
        Some(match (operator, negated) {
            (operators::LESS, false) | (operators::GREATER_EQUALS, true) => {
                Self { high: number, is_high_open: true, ..all }
            }
            (operators::LESS_EQUALS, false) | (operators::GREATER, true) => Self { high: number, ..all },
            (operators::GREATER, false) | (operators::LESS_EQUALS, true) => {
                Self { low: number, is_low_open: true, ..all }
            }
            (operators::GREATER_EQUALS, false) | (operators::LESS, true) => Self { low: number, ..all },
            (operators::EQUALS, false) | (operators::NOT_EQUALS, true) => {
                Self { low: number, high: number, ..all }
            }
            _ => return None,
        })
    }

    /// What both hold; `None`: nothing.
    fn and(self, other: Self) -> Option<Self> {
        let low = if (other.low, other.is_low_open) > (self.low, self.is_low_open) { other } else { self };
        let high =
            if (other.high, !other.is_high_open) < (self.high, !self.is_high_open) { other } else { self };
        let both = Self {
            low: low.low,
            is_low_open: low.is_low_open,
            high: high.high,
            is_high_open: high.is_high_open,
        };
        let is_point_left = both.low == both.high && !both.is_low_open && !both.is_high_open;
        (both.low < both.high || is_point_left).then_some(both)
    }
}

/// A case in which both hold; `None`: they contradict each other.
fn both(a: &Case, b: &Case) -> Option<Case> {
    let mut case = a.clone();
    for (at, left) in b {
        let left = match (case.get(at), left) {
            (None, left) => left.clone(),
            (Some(Left::Numbers(a)), Left::Numbers(b)) => Left::Numbers(a.and(*b)?),
            (Some(Left::Words(a)), Left::Words(b)) => {
                let common: Vec<String> = a.iter().filter(|word| b.contains(word)).cloned().collect();
                Left::Words(Some(common).filter(|common| !common.is_empty())?)
            }
            (Some(before), left) if before == left => left.clone(),
            _ => return None,
        };
        case.insert(*at, left);
    }
    Some(case)
}

/// The words that a variable is compared with.
fn words(name: &str, other: &IdedExpr) -> Option<Vec<String>> {
    let text = |tree: &IdedExpr| match &tree.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
    };
    match (name, &other.expr) {
        (operators::EQUALS, _) => text(other).map(|word| vec![word]),
        (operators::IN, Expr::List(list)) => list.elements.iter().map(text).collect(),
        _ => None,
    }
}

/// `0.8 > x` is `x < 0.8`.
fn turned_round(operator: &str) -> &str {
    match operator {
        operators::LESS => operators::GREATER,
        operators::LESS_EQUALS => operators::GREATER_EQUALS,
        operators::GREATER => operators::LESS,
        operators::GREATER_EQUALS => operators::LESS_EQUALS,
        same => same,
    }
}
