//! The value of a condition.

use cel::common::types::{CelBool, CelDouble, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::{ExecutionError, Value};

use crate::check::{Place, place_name};
use crate::compile::Expression;
use crate::error::ExprError;
use crate::vocabulary::BURN_RATE;

/// Where the values of functions and variables come from. `None` means that there is no data, which is not zero.
pub trait Context {
    /// The value of a function that gives a number.
    fn number(&self, function: &str, args: &[&str]) -> Option<f64>;

    /// The value of a function that gives true or false.
    fn truth(&self, function: &str, args: &[&str]) -> Option<bool>;

    /// The value of a variable.
    fn text(&self, variable: &str) -> Option<String>;
}

/// What a condition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It depends on something for which there is no data.
    NoData,
}

/// Values to try a new condition on.
pub(crate) struct Sample {
    pub(crate) truth: bool,
}

impl Context for Sample {
    fn number(&self, _: &str, _: &[&str]) -> Option<f64> {
        Some(0.5)
    }

    fn truth(&self, _: &str, _: &[&str]) -> Option<bool> {
        Some(self.truth)
    }

    fn text(&self, _: &str) -> Option<String> {
        Some("ok".to_owned())
    }
}

enum Known {
    Number(f64),
    Truth(bool),
    Text(String),
}

/// The places of one evaluation by name. A place without data is not here, so that CEL finds no such reference.
struct Places(Vec<(String, Known)>);

impl VariableResolver for Places {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let (_, known) = self.0.iter().find(|(name, _)| name == variable)?;
        Some(match known {
            Known::Number(number) => CowVal::owned(CelDouble::from(*number)),
            Known::Truth(truth) => CowVal::owned(CelBool::from(*truth)),
            Known::Text(text) => CowVal::owned(CelString::from(text.clone())),
        })
    }
}

pub(crate) fn run(expression: &Expression, context: &dyn Context) -> Result<Outcome, ExprError> {
    let ask = |place: &Place| match place {
        Place::Number { function, signal } => {
            context.number(function, &[signal]).filter(|number| !number.is_nan()).map(Known::Number)
        }
        Place::Truth { function, signal } => context.truth(function, &[signal]).map(Known::Truth),
        Place::PlainTruth { function } => context.truth(function, &[]).map(Known::Truth),
        Place::PlainNumber { function } => {
            context.number(function, &[]).filter(|number| !number.is_nan()).map(Known::Number)
        }
        Place::Burn { objective, window, .. } => {
            context.number(BURN_RATE, &[objective, window]).filter(|rate| !rate.is_nan()).map(Known::Number)
        }
        Place::Text { variable } => context.text(variable).map(Known::Text),
    };
    let asked = expression.places.iter().enumerate();
    let places = Places(asked.filter_map(|(i, place)| Some((place_name(i), ask(place)?))).collect());
    let mut scope = cel::Context::empty();
    scope.set_variable_resolver(&places);
    match Value::resolve(&expression.tree, &scope) {
        Ok(Value::Bool(true)) => Ok(Outcome::True),
        Ok(Value::Bool(false)) => Ok(Outcome::False),
        Err(ExecutionError::UndeclaredReference(_)) => Ok(Outcome::NoData),
        // Types were checked, so a comparison without an overload is one with a NaN: 0 divided by 0.
        Err(ExecutionError::NoSuchOverload(_) | ExecutionError::ValuesNotComparable(..)) => {
            Ok(Outcome::NoData)
        }
        Ok(_) => Err(failed("the condition is neither true nor false")),
        Err(err) => Err(failed(&err.to_string())),
    }
}

fn failed(message: &str) -> ExprError {
    ExprError { line: 1, column: 1, message: message.to_owned(), hint: None }
}
