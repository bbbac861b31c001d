//! What a condition asks its caller for, and what it gives.

use std::borrow::Cow;

/// Where the values of functions and variables come from. `None` means that there is no data, which is not zero.
pub trait Context {
    /// The value of a function that gives a number.
    fn number(&self, function: &str, args: &[&str]) -> Option<f64>;

    /// The value of a function that gives true or false.
    fn truth(&self, function: &str, args: &[&str]) -> Option<bool>;

    /// The value of a variable.
    fn text(&self, variable: &str) -> Option<Cow<'_, str>>;
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
