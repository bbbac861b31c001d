//! How sure was the model of its tokens, where the server says so?

use bifocal_model::TokenSigns;

use super::{Finding, Subject};

/// The geometric mean of the probabilities.
pub(super) fn probability(subject: &Subject<'_>) -> Option<Finding> {
    of(subject, |tokens| Some(tokens.mean.exp()))
}

/// The least of them.
pub(super) fn least(subject: &Subject<'_>) -> Option<Finding> {
    of(subject, |tokens| Some(tokens.min.exp()))
}

/// The one that 5% lie below.
pub(super) fn p5(subject: &Subject<'_>) -> Option<Finding> {
    of(subject, |tokens| Some(tokens.p5.exp()))
}

/// How evenly the alternatives shared it.
pub(super) fn entropy(subject: &Subject<'_>) -> Option<Finding> {
    of(subject, |tokens| tokens.entropy)
}

fn of(subject: &Subject<'_>, value: fn(&TokenSigns) -> Option<f64>) -> Option<Finding> {
    value(subject.inference.signs.tokens.as_ref()?).map(Finding::number)
}
