//! From source to a condition that can be evaluated.

use std::thread;

use cel::ParseErrors;
use cel::parser::Parser;

use crate::check::{Checker, Place};
use crate::error::ExprError;
use crate::guard;
use crate::limits::{NESTING, STACK_BYTES};
use crate::program::{Node, ask};
use crate::sense::{self, Finding, Purpose};
use crate::vocabulary::{BURN_RATE, Vocabulary};
use crate::{Context, Outcome};

/// A checked condition.
#[derive(Clone, Debug)]
pub struct Expression {
    root: Node,
    places: Vec<Place>,
    findings: Vec<Finding>,
}

impl Expression {
    /// Reads a condition that tells of something wrong, and checks its names and types.
    pub fn compile(source: &str, names: &Vocabulary) -> Result<Self, ExprError> {
        Self::compile_for(source, names, Purpose::Alarm)
    }

    /// As [`Self::compile`], for what a condition is there for.
    pub fn compile_for(source: &str, names: &Vocabulary, purpose: Purpose) -> Result<Self, ExprError> {
        guard::check(source)?;
        // The generated parser needs more stack than a thread of the runtime has, and what it does with a hostile
        // source is not ours to promise: a panic ends this thread and is an error of the condition.
        thread::scope(|scope| {
            let parser = thread::Builder::new().name("expression".to_owned()).stack_size(STACK_BYTES);
            let parsing = parser.spawn_scoped(scope, || read(source, names, purpose));
            match parsing.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(read)) => read,
                Ok(Err(_panic)) => Err(ExprError::at(source, 0, "the condition cannot be read")),
                Err(_) => Err(ExprError::at(source, 0, "there is no thread to read the condition on")),
            }
        })
    }

    /// What its author should know: comparisons with a number of another unit, a condition that holds while all is well.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The signals that it asks for a number of.
    pub fn signals(&self) -> impl Iterator<Item = &str> {
        self.places.iter().filter_map(|place| match place {
            Place::Number { signal, .. } => Some(signal.as_str()),
            _ => None,
        })
    }

    /// What the condition looks at, as it is now: `upper('relevance_pass_rate') = 0.62`, and what it asks for that is true.
    pub fn looked_at(&self, context: &dyn Context) -> Vec<String> {
        let look = |place: &Place| match place {
            Place::Number { function, signal } => {
                let number = context.number(function, &[signal]).filter(|number| number.is_finite())?;
                Some(format!("{function}('{signal}') = {}", three_digits(number)))
            }
            Place::Truth { function, signal } => {
                context.truth(function, &[signal])?.then(|| format!("{function}('{signal}')"))
            }
            Place::PlainTruth { function } => context.truth(function, &[])?.then(|| format!("{function}()")),
            Place::PlainNumber { function } => {
                let number = context.number(function, &[]).filter(|number| number.is_finite())?;
                Some(format!("{function}() = {}", three_digits(number)))
            }
            Place::Burn { objective, window, .. } => {
                let rate = context.number(BURN_RATE, &[objective, window]).filter(|rate| rate.is_finite())?;
                Some(format!("{BURN_RATE}('{objective}', '{window}') = {}", three_digits(rate)))
            }
            Place::Text { .. } => None,
        };
        self.places.iter().filter_map(look).collect()
    }

    /// Asks for everything that the condition names, whether it decides or not: for a context that notes what it lacks.
    pub fn ask_all(&self, context: &dyn Context) {
        self.places.iter().for_each(|place| drop(ask(place, context)));
    }

    /// The condition's value now.
    pub fn evaluate(&self, context: &dyn Context) -> Outcome {
        match self.root.holds(&self.places, context) {
            Some(true) => Outcome::True,
            Some(false) => Outcome::False,
            None => Outcome::NoData,
        }
    }
}

fn read(source: &str, names: &Vocabulary, purpose: Purpose) -> Result<Expression, ExprError> {
    let parser = Parser::new().error_recovery_limit(4);
    let (mut tree, info) =
        parser.parse_with_source_info(source).map_err(|errors| unreadable(source, &errors))?;
    let mut checker = Checker { source, info: &info, names, places: Vec::new() };
    checker.condition(&mut tree)?;
    let places = checker.places;
    let findings = sense::look(&tree, &places, source, &info, purpose);
    let root = Node::of(&tree).ok_or_else(|| ExprError::at(source, 0, "the condition cannot be read"))?;
    Ok(Expression { root, places, findings })
}

/// The parser lists everything that it would have taken; where it stopped is what helps.
fn plain(message: &str) -> String {
    let first = message.split_once(" expecting").map_or(message, |(first, _)| first);
    first.replace("'<EOF>'", "the end").replace("mismatched input", "did not expect")
}

fn unreadable(source: &str, errors: &ParseErrors) -> ExprError {
    let Some(first) = errors.errors.first() else {
        return ExprError::at(source, 0, "the condition cannot be read");
    };
    let message = match first.msg.split_once(':') {
        _ if first.msg.contains("recursion") => format!("brackets are nested more than {NESTING} deep"),
        Some(("Syntax error", rest)) => plain(rest.trim()),
        _ => first.msg.clone(),
    };
    let from_one = |position: isize| usize::try_from(position).unwrap_or(0).max(1);
    ExprError { line: from_one(first.pos.0), column: from_one(first.pos.1), message, hint: None }
        .hint("a condition looks like `upper('relevance_pass_rate') < 0.7 && state != 'outage'`")
}

/// A number with three digits that count.
fn three_digits(number: f64) -> String {
    let whole = number.abs().max(1e-6).log10().floor();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "cut to 0..=8")]
    let decimals = (2.0 - whole).clamp(0.0, 8.0) as usize;
    let text = format!("{number:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{DEPTH, OPERATORS};

    /// What the guard lets through is read on half of the stack: the other half is room for a newer parser. A stack
    /// that is too small ends the whole process.
    #[test]
    fn the_worst_conditions_need_less_than_half_of_the_stack() {
        let nested = |open: &str, inner: &str, close: &str, depth: usize| {
            format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
        };
        let worst = [
            nested("(", "true", ")", NESTING),
            nested("!(", "true", ")", NESTING),
            nested("[", "1", "]", NESTING),
            nested("{1: ", "1", "}", NESTING),
            nested("(true ? false : ", "true", ")", NESTING),
            format!("{}1 > 0", "1+".repeat(DEPTH)),
            format!("{}true", "!".repeat(OPERATORS)),
            format!("{}1 > 0", "- ".repeat(OPERATORS - 1)),
            format!("{}true", "true ? false : ".repeat(OPERATORS / 2)),
            format!("true{}", " && true".repeat(OPERATORS)),
            format!("state{}", ".a".repeat(OPERATORS)),
        ];
        let names = Vocabulary::new(Vec::new());
        for source in &worst {
            guard::check(source).unwrap();
            thread::scope(|scope| {
                let half = thread::Builder::new().stack_size(STACK_BYTES / 2);
                let read =
                    half.spawn_scoped(scope, || read(source, &names, Purpose::Alarm).is_ok()).unwrap().join();
                assert!(read.is_ok(), "{source:.40}");
            });
        }
    }

    #[test]
    fn numbers_are_told_with_three_digits_that_count() {
        for (number, text) in [
            (0.6234, "0.623"),
            (0.5, "0.5"),
            (12.34, "12.3"),
            (2_000.4, "2000"),
            (0.000_123_4, "0.000123"),
            (0.0, "0"),
        ] {
            assert_eq!(three_digits(number), text);
        }
    }
}
