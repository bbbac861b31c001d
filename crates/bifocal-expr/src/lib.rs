//! Conditions of alert rules and evaluation rules, written in CEL (Common Expression Language).
//!
//! CEL decides, Bifocal computes: windows, estimates, baselines and detectors are the caller's, offered here as
//! functions of a signal's name (`value('relevance')`, `degraded('safety')`), as `judge_drifted()` and as variables
//! (`state`).
//!
//! Conditions on one answer have a vocabulary of their own ([`Vocabulary::of_answers`]).
//!
//! The life of a condition: the source is measured (`guard`) before anything recursive sees it, parsed on a thread
//! with a stack of its own (`compile`), its names and types are checked and its calls are replaced by numbered
//! places (`check`), it is asked whether it makes sense (`sense`), and it becomes a small tree that is evaluated without CEL
//! (`program`): it asks the caller for what it needs (`evaluate`).
//!
//! Invariants: no source, however hostile, ends the process or overflows the stack of the caller; no `cel` type is
//! in a public signature; an absent number is never zero: what depends on it is [`Outcome::NoData`], while
//! `false && absent` is false and `true || absent` is true, as CEL has it.

mod check;
mod compile;
mod error;
mod evaluate;
mod guard;
mod limits;
mod program;
mod sense;
mod vocabulary;

pub use compile::Expression;
pub use error::ExprError;
pub use evaluate::{Context, Outcome};
pub use limits::LIMITS;
pub use sense::{Finding, Purpose, Weight};
pub use vocabulary::{Objective, Vocabulary, nearest};

#[cfg(test)]
mod tests;
