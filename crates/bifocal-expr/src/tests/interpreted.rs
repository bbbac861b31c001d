//! Conditions as CEL's own interpreter evaluates them: the oracle for what is evaluated here.

use cel::common::types::{CelBool, CelDouble, CelString};
use cel::common::value::CowVal;
use cel::context::VariableResolver;
use cel::parser::Parser;
use cel::{ExecutionError, Value};
use proptest::prelude::*;

use super::{Fixed, names};
use crate::check::{Checker, Place, place_name};
use crate::vocabulary::BURN_RATE;
use crate::{Context, Expression, Outcome};

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

fn interpreted(source: &str, context: &dyn Context) -> Outcome {
    let (mut tree, info) = Parser::new().parse_with_source_info(source).unwrap();
    let names = names();
    let mut checker = Checker { source, info: &info, names: &names, places: Vec::new() };
    checker.condition(&mut tree).unwrap();
    let number = |function: &str, args: &[&str]| {
        context.number(function, args).filter(|number| !number.is_nan()).map(Known::Number)
    };
    let ask = |place: &Place| match place {
        Place::Number { function, signal } => number(function, &[signal]),
        Place::PlainNumber { function } => number(function, &[]),
        Place::Burn { objective, window, .. } => number(BURN_RATE, &[objective, window]),
        Place::Truth { function, signal } => context.truth(function, &[signal]).map(Known::Truth),
        Place::PlainTruth { function } => context.truth(function, &[]).map(Known::Truth),
        Place::Text { variable } => context.text(variable).map(|text| Known::Text(text.into_owned())),
    };
    let asked = checker.places.iter().enumerate();
    let places = Places(asked.filter_map(|(i, place)| Some((place_name(i), ask(place)?))).collect());
    let mut scope = cel::Context::empty();
    scope.set_variable_resolver(&places);
    match Value::resolve(&tree, &scope) {
        Ok(Value::Bool(true)) => Outcome::True,
        Ok(Value::Bool(false)) => Outcome::False,
        // Types were checked, so a comparison without an overload is one with a NaN: 0 divided by 0.
        Err(
            ExecutionError::UndeclaredReference(_)
            | ExecutionError::NoSuchOverload(_)
            | ExecutionError::ValuesNotComparable(..),
        ) => Outcome::NoData,
        other => panic!("{source}: {other:?}"),
    }
}

fn truth() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "true",
        "false",
        "degraded('relevance')",
        "degraded('composite')",
        "degraded('safety')",
        "judge_drifted()",
        "state == 'healthy'",
        "state != 'outage'",
        "answers == 'ok'",
        "state in ['healthy', 'outage']",
        "service in ['slow']",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(4, 24, 3, |inner| {
            let two = (inner.clone(), inner.clone());
            let compared = (number(), prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!="]), number());
            prop_oneof![
                two.clone().prop_map(|(a, b)| format!("({a} && {b})")),
                two.clone().prop_map(|(a, b)| format!("({a} || {b})")),
                two.prop_map(|(a, b)| format!("({a} == {b})")),
                inner.clone().prop_map(|a| format!("!({a})")),
                (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
                compared.clone().prop_map(|(a, op, b)| format!("({a} {op} {b})")),
                compared.prop_map(|(a, _, b)| format!("({a} in [{b}, 0.8, {a}])")),
            ]
        })
        .boxed()
}

/// Numbers with and without data, and such that are none: 0 divided by 0.
fn number() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec![
        "0",
        "0.8",
        "1",
        "value('relevance')",
        "upper('relevance_pass_rate')",
        "value('error_ratio')",
        "value('safety')",
        "coverage()",
        "n('relevance')",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(2, 6, 2, |inner| {
            let sign = prop::sample::select(vec!["+", "-", "*", "/"]);
            prop_oneof![
                (inner.clone(), sign, inner.clone()).prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
                inner.clone().prop_map(|a| format!("-({a})")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("(degraded('relevance') ? {a} : {b})")),
            ]
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn conditions_are_what_cel_s_interpreter_says(source in truth()) {
        // What is too deep, or says that it never holds, is refused for that.
        if let Ok(expression) = Expression::compile(&source, &names()) {
            prop_assert_eq!(expression.evaluate(&Fixed), interpreted(&source, &Fixed), "{}", source);
        }
    }
}
