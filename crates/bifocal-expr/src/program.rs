//! A checked condition as a small tree of its own: what is evaluated every second for every rule and target.
//!
//! CEL reads a condition. Its interpreter boxes every number and looks every name up by its text, which is most of what a look at
//! all rules used to cost; the checker lets so little of CEL through (numbers, texts, truths, flat lists) that a condition is
//! evaluated here instead, with CEL's results: `false && absent` is false, `true || absent` is true, whatever else depends on
//! something absent is absent, and so is an order with what is not a number. Values are asked for when they are needed. CEL's
//! interpreter is the oracle of the tests.

use std::borrow::Cow;
use std::cmp::Ordering;

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, operators};

use crate::check::{Place, place_index};
use crate::evaluate::Context;
use crate::vocabulary::BURN_RATE;

/// A part of a condition.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    Truth(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    /// A value that the caller is asked for, by its place.
    Asked(usize),
    Not(Box<Node>),
    Negated(Box<Node>),
    Both(Box<[Node; 2]>),
    Either(Box<[Node; 2]>),
    /// The first decides between the others.
    Choice(Box<[Node; 3]>),
    Equal(Box<[Node; 2]>),
    Ordered(Order, Box<[Node; 2]>),
    Arithmetic(Sign, Box<[Node; 2]>),
    /// Whether the first is in the second, a list.
    Among(Box<[Node; 2]>),
}

/// `<`, `<=`, `>`, `>=`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    Below,
    AtMost,
    Above,
    AtLeast,
}

/// `+`, `-`, `*`, `/`.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sign {
    Plus,
    Minus,
    Times,
    Over,
}

/// What a part is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Truth(bool),
    Number(f64),
    Text(Cow<'a, str>),
    List(Vec<Value<'a>>),
}

impl Node {
    /// Of a tree that the checker has passed; `None` for what it would not have.
    pub(crate) fn of(tree: &IdedExpr) -> Option<Self> {
        let call = match &tree.expr {
            Expr::Literal(LiteralValue::Boolean(truth)) => return Some(Self::Truth(*truth.inner())),
            Expr::Literal(LiteralValue::Double(number)) => return Some(Self::Number(*number.inner())),
            Expr::Literal(LiteralValue::String(text)) => return Some(Self::Text(text.inner().to_owned())),
            Expr::Ident(name) => return place_index(name).map(Self::Asked),
            Expr::List(list) => {
                return list.elements.iter().map(Self::of).collect::<Option<_>>().map(Self::List);
            }
            Expr::Call(call) => call,
            _ => return None,
        };
        let parts = call.args.iter().map(Self::of).collect::<Option<Vec<_>>>()?;
        Some(match (call.func_name.as_str(), <[Self; 1]>::try_from(parts)) {
            (operators::LOGICAL_NOT, Ok([part])) => Self::Not(Box::new(part)),
            (operators::NEGATE, Ok([part])) => Self::Negated(Box::new(part)),
            (_, Ok(_)) => return None,
            (operators::CONDITIONAL, Err(parts)) => {
                Self::Choice(Box::new(<[Self; 3]>::try_from(parts).ok()?))
            }
            (operator, Err(parts)) => {
                let two = Box::new(<[Self; 2]>::try_from(parts).ok()?);
                match operator {
                    operators::LOGICAL_AND => Self::Both(two),
                    operators::LOGICAL_OR => Self::Either(two),
                    operators::EQUALS => Self::Equal(two),
                    operators::NOT_EQUALS => Self::Not(Box::new(Self::Equal(two))),
                    operators::LESS => Self::Ordered(Order::Below, two),
                    operators::LESS_EQUALS => Self::Ordered(Order::AtMost, two),
                    operators::GREATER => Self::Ordered(Order::Above, two),
                    operators::GREATER_EQUALS => Self::Ordered(Order::AtLeast, two),
                    operators::ADD => Self::Arithmetic(Sign::Plus, two),
                    operators::SUBSTRACT => Self::Arithmetic(Sign::Minus, two),
                    operators::MULTIPLY => Self::Arithmetic(Sign::Times, two),
                    operators::DIVIDE => Self::Arithmetic(Sign::Over, two),
                    operators::IN => Self::Among(two),
                    _ => return None,
                }
            }
        })
    }

    /// Whether the condition holds; `None`: it depends on something for which there is no data.
    pub(crate) fn holds(&self, places: &[Place], context: &dyn Context) -> Option<bool> {
        match self.value(places, context)? {
            Value::Truth(truth) => Some(truth),
            _ => None,
        }
    }

    fn value<'a>(&'a self, places: &[Place], context: &'a dyn Context) -> Option<Value<'a>> {
        let truth = |part: &Self| part.holds(places, context);
        let number = |part: &Self| match part.value(places, context)? {
            Value::Number(number) => Some(number),
            _ => None,
        };
        Some(match self {
            Self::Truth(truth) => Value::Truth(*truth),
            Self::Number(number) => Value::Number(*number),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::List(parts) => {
                Value::List(parts.iter().map(|part| part.value(places, context)).collect::<Option<_>>()?)
            }
            Self::Asked(place) => ask(places.get(*place)?, context)?,
            Self::Not(part) => Value::Truth(!truth(part)?),
            Self::Negated(part) => Value::Number(-number(part)?),
            Self::Both(parts) => Value::Truth(match truth(&parts[0]) {
                Some(false) => false,
                first => match (first, truth(&parts[1])?) {
                    (_, false) => false,
                    (first, true) => first?,
                },
            }),
            Self::Either(parts) => Value::Truth(match truth(&parts[0]) {
                Some(true) => true,
                first => match (first, truth(&parts[1])?) {
                    (_, true) => true,
                    (first, false) => first?,
                },
            }),
            Self::Choice(parts) => {
                let [condition, then, otherwise] = &**parts;
                return if truth(condition)? { then } else { otherwise }.value(places, context);
            }
            Self::Equal(parts) => {
                Value::Truth(parts[0].value(places, context)? == parts[1].value(places, context)?)
            }
            Self::Ordered(order, parts) => {
                let ordering = number(&parts[0])?.partial_cmp(&number(&parts[1])?)?;
                Value::Truth(match order {
                    Order::Below => ordering == Ordering::Less,
                    Order::AtMost => ordering != Ordering::Greater,
                    Order::Above => ordering == Ordering::Greater,
                    Order::AtLeast => ordering != Ordering::Less,
                })
            }
            Self::Arithmetic(sign, parts) => {
                let (a, b) = (number(&parts[0])?, number(&parts[1])?);
                Value::Number(match sign {
                    Sign::Plus => a + b,
                    Sign::Minus => a - b,
                    Sign::Times => a * b,
                    Sign::Over => a / b,
                })
            }
            Self::Among(parts) => {
                let (sought, list) = (parts[0].value(places, context)?, parts[1].value(places, context)?);
                let Value::List(list) = list else { return None };
                Value::Truth(list.contains(&sought))
            }
        })
    }
}

/// Asks for the value of a place.
pub(crate) fn ask<'a>(place: &Place, context: &'a dyn Context) -> Option<Value<'a>> {
    let number = |function: &str, args: &[&str]| {
        context.number(function, args).filter(|number| !number.is_nan()).map(Value::Number)
    };
    match place {
        Place::Number { function, signal } => number(function, &[signal]),
        Place::PlainNumber { function } => number(function, &[]),
        Place::Burn { objective, window, .. } => number(BURN_RATE, &[objective, window]),
        Place::Truth { function, signal } => context.truth(function, &[signal]).map(Value::Truth),
        Place::PlainTruth { function } => context.truth(function, &[]).map(Value::Truth),
        Place::Text { variable } => context.text(variable).map(Value::Text),
    }
}
