//! Names and types of a parsed condition.
//!
//! The tree is walked once. Whole numbers become `f64`, as all of Bifocal's numbers are (CEL would refuse
//! `2 * baseline('x')`, a whole number times an `f64`). Each call of a function becomes a reference to a numbered
//! place, so that evaluation needs no function at all and an absent value is a reference that nothing resolves.

use cel::IdedExpr;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SourceInfo, operators};

use crate::error::ExprError;
use crate::limits::DEPTH;
use crate::vocabulary::{Argument, BURN_RATE, Type, Vocabulary, nearest};

/// One value that the caller is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Number {
        function: String,
        signal: String,
    },
    Truth {
        function: String,
        signal: String,
    },
    PlainTruth {
        function: String,
    },
    PlainNumber {
        function: String,
    },
    /// The objective's highest burn rate stands with it, in whole thousandths.
    Burn {
        objective: String,
        window: String,
        most_milli: u64,
    },
    Text {
        variable: String,
    },
}

pub(crate) struct Checker<'a> {
    pub(crate) source: &'a str,
    pub(crate) info: &'a SourceInfo,
    pub(crate) names: &'a Vocabulary,
    pub(crate) places: Vec<Place>,
}

/// The name under which a place stands in the tree; no source can spell it.
pub(crate) fn place_name(index: usize) -> String {
    format!("@{index}")
}

impl Checker<'_> {
    /// Checks a whole condition.
    pub(crate) fn condition(&mut self, tree: &mut IdedExpr) -> Result<(), ExprError> {
        let at = leftmost(tree);
        match self.check(tree, 0)? {
            Type::Truth => Ok(()),
            other => Err(self
                .wrong(at, format!("the condition is {}, not true or false", other.name()))
                .hint("compare it with a number, such as `value('relevance') < 0.7`")),
        }
    }

    fn check(&mut self, tree: &mut IdedExpr, depth: usize) -> Result<Type, ExprError> {
        let id = tree.id;
        if depth > DEPTH {
            return Err(self.wrong(id, format!("the condition is nested more than {DEPTH} deep")));
        }
        match &mut tree.expr {
            Expr::Literal(literal) => {
                let (kind, number) = match literal {
                    LiteralValue::Boolean(_) => (Type::Truth, None),
                    LiteralValue::String(_) => (Type::Text, None),
                    LiteralValue::Double(_) => (Type::Number, None),
                    LiteralValue::Int(whole) => (Type::Number, Some(*whole.inner() as f64)),
                    LiteralValue::UInt(whole) => (Type::Number, Some(*whole.inner() as f64)),
                    LiteralValue::Bytes(_) | LiteralValue::Null => {
                        return Err(self.wrong(id, "only numbers, texts, true and false can be written here"));
                    }
                };
                if let Some(number) = number {
                    *literal = LiteralValue::Double(number.into());
                }
                Ok(kind)
            }
            Expr::Ident(name) => {
                if !self.names.has_variable(name) {
                    return Err(self.unknown_variable(id, name));
                }
                let place = Place::Text { variable: std::mem::take(name) };
                *name = self.place(place);
                Ok(Type::Text)
            }
            Expr::List(list) if list.optional_indices.is_empty() => {
                let mut kinds = Vec::new();
                for element in &mut list.elements {
                    kinds.push(self.check(element, depth + 1)?);
                }
                match kinds.first() {
                    Some(Type::Number) if kinds.iter().all(|kind| *kind == Type::Number) => Ok(Type::Numbers),
                    Some(Type::Text) if kinds.iter().all(|kind| *kind == Type::Text) => Ok(Type::Texts),
                    _ => Err(self.wrong(id, "a list holds either numbers or texts, and at least one")),
                }
            }
            Expr::Call(call) if call.target.is_none() => {
                if let Some(result) = self.names.function(&call.func_name) {
                    let place = self.place_of(id, call, result)?;
                    tree.expr = Expr::Ident(self.place(place));
                    return Ok(result);
                }
                self.operator(id, call, depth)
            }
            _ => Err(self.wrong(id, "this part of CEL is not used in conditions").hint(
                "there are functions such as `value('relevance')`, variables such as `state`, and operators",
            )),
        }
    }

    fn place_of(&self, id: u64, call: &CallExpr, result: Type) -> Result<Place, ExprError> {
        let function = call.func_name.clone();
        if function == BURN_RATE {
            return self.burn(id, call);
        }
        if !self.names.takes_signal(&function) {
            return match call.args.first() {
                None if result == Type::Number => Ok(Place::PlainNumber { function }),
                None => Ok(Place::PlainTruth { function }),
                Some(argument) => {
                    Err(self.wrong(argument.id, format!("`{function}` takes nothing: write `{function}()`")))
                }
            };
        }
        let [argument] = call.args.as_slice() else {
            return Err(self
                .wrong(id, format!("`{function}` takes one signal"))
                .hint(self.names.example(&function)));
        };
        let Expr::Literal(LiteralValue::String(signal)) = &argument.expr else {
            return Err(self
                .wrong(argument.id, format!("`{function}` takes the name of a signal in quotes"))
                .hint(self.names.example(&function)));
        };
        let signal = signal.inner().to_owned();
        if let Argument::Of(kind, known) = self.names.argument_of(&function)
            && !known.contains(&signal)
        {
            let near = nearest(&signal, known.iter().map(String::as_str));
            return Err(self
                .wrong(argument.id, format!("there is no {kind} `{signal}`"))
                .maybe_hint(near.map(|near| format!("did you mean `{function}('{near}')`?"))));
        }
        Ok(match result {
            Type::Truth => Place::Truth { function, signal },
            _ => Place::Number { function, signal },
        })
    }

    /// `burn_rate('availability', '1h')`.
    fn burn(&self, id: u64, call: &CallExpr) -> Result<Place, ExprError> {
        let [objective, window] = call.args.as_slice() else {
            let wrong = self.wrong(id, format!("`{BURN_RATE}` takes an objective and a window"));
            return Err(wrong.hint(self.names.example(BURN_RATE)));
        };
        let text = |argument: &IdedExpr| match &argument.expr {
            Expr::Literal(LiteralValue::String(text)) => Ok(text.inner().to_owned()),
            _ => Err(self
                .wrong(argument.id, format!("`{BURN_RATE}` takes names in quotes"))
                .hint(self.names.example(BURN_RATE))),
        };
        let (name, window_name) = (text(objective)?, text(window)?);
        let known = self.names.objective(&name);
        let known = known.map_err(|(what, hint)| self.wrong(objective.id, what).maybe_hint(hint))?;
        if !self.names.windows().contains(&window_name) {
            let all = format!("windows are {}", self.names.windows().join(", "));
            return Err(self.wrong(window.id, format!("there is no window `{window_name}`")).hint(all));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive; cut at the end"
        )]
        let most_milli = (known.burns_at_most * 1000.0).round() as u64;
        Ok(Place::Burn { objective: name, window: window_name, most_milli })
    }

    fn operator(&mut self, id: u64, call: &mut CallExpr, depth: usize) -> Result<Type, ExprError> {
        let name = call.func_name.clone();
        if !name.starts_with(['_', '!', '-', '@']) {
            let near = self.names.nearest_function(&name);
            return Err(self
                .wrong(id, format!("there is no function `{name}`"))
                .maybe_hint(near.map(|near| format!("did you mean `{near}`?"))));
        }
        if matches!(name.as_str(), operators::EQUALS | operators::NOT_EQUALS | operators::IN) {
            self.words(call)?;
        }
        let mut kinds = Vec::new();
        for argument in &mut call.args {
            kinds.push(self.check(argument, depth + 1)?);
        }
        use Type::{Number, Numbers, Text, Texts, Truth};
        let result = match (name.as_str(), kinds.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, [Truth, Truth])
            | (operators::LOGICAL_NOT, [Truth]) => Truth,
            (operators::CONDITIONAL, [Truth, a, b]) if a == b => *a,
            (operators::EQUALS | operators::NOT_EQUALS, [a, b]) if a == b => Truth,
            (operators::IN, [Number, Numbers] | [Text, Texts]) => Truth,
            (
                operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS,
                [Number, Number],
            ) => Truth,
            (
                operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE,
                [Number, Number],
            )
            | (operators::NEGATE, [Number]) => Number,
            _ => {
                let symbol = name.trim_matches(['_', '@']);
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
                return Err(self.wrong(id, format!("`{symbol}` cannot take {}", kinds.join(" and "))));
            }
        };
        Ok(result)
    }

    /// `state == 'outtage'` would never hold, so a word that a variable cannot be is refused.
    fn words(&self, call: &CallExpr) -> Result<(), ExprError> {
        let variable = call.args.iter().find_map(|side| match &side.expr {
            Expr::Ident(name) if self.names.has_variable(name) => Some(name),
            _ => None,
        });
        let Some(variable) = variable else { return Ok(()) };
        let Some(known) = self.names.words(variable) else { return Ok(()) };
        let listed = call.args.iter().flat_map(|side| match &side.expr {
            Expr::List(list) => list.elements.as_slice(),
            _ => std::slice::from_ref(side),
        });
        for word in listed {
            let Expr::Literal(LiteralValue::String(text)) = &word.expr else { continue };
            if !known.contains(&text.inner()) {
                let near = nearest(text.inner(), known.iter().copied());
                let all = format!("`{variable}` is one of {}", known.join(", "));
                return Err(self
                    .wrong(word.id, format!("`{variable}` is never `{}`", text.inner()))
                    .hint(near.map_or(all, |near| format!("did you mean `{near}`?"))));
            }
        }
        Ok(())
    }

    fn unknown_variable(&self, id: u64, name: &str) -> ExprError {
        let hint = if let Some(near) = self.names.nearest_variable(name) {
            Some(format!("did you mean `{near}`?"))
        } else if self.names.function(name).is_some() {
            Some(self.names.example(name))
        } else {
            self.names.nearest_signal(name).map(|near| format!("did you mean `value('{near}')`?"))
        };
        self.wrong(id, format!("there is no variable `{name}`")).maybe_hint(hint)
    }

    fn place(&mut self, place: Place) -> String {
        let index = self.places.iter().position(|known| *known == place).unwrap_or_else(|| {
            self.places.push(place);
            self.places.len() - 1
        });
        place_name(index)
    }

    fn wrong(&self, id: u64, message: impl Into<String>) -> ExprError {
        let (start, _) = self.info.offset_for(id).unwrap_or_default();
        ExprError::at(self.source, start as usize, message)
    }
}

/// The index of a place's name.
pub(crate) fn place_index(name: &str) -> Option<usize> {
    name.strip_prefix('@')?.parse().ok()
}

/// The part of a tree that stands first in the source.
pub(crate) fn leftmost(tree: &IdedExpr) -> u64 {
    let mut at = tree;
    while let Expr::Call(call) = &at.expr {
        match call.args.first() {
            Some(first) if call.args.len() > 1 => at = first,
            _ => break,
        }
    }
    at.id
}
