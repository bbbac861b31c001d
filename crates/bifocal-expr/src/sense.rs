//! Whether a condition says what its author means: comparisons of a signal with a number are checked for unit and
//! direction by walking the tree.
//!
//! A share is never 80 and a latency hardly ever 2000 seconds. More of `safety` is better, so `pass_rate('safety') > 0.8` holds
//! while answers are good: as an alert it is a floor written as a ceiling. Beside something that is wrong the same
//! comparison is right: "answers are worse, *and the first token is fast*". So a condition is refused when it holds
//! because something is good and nothing else:
//!
//! ```text
//! a && b   refused when one is good, and the other good or a mere guard (a count, `true`)
//! a || b   refused when one of them is
//! !a       the same with its parts turned round
//! ```
//! What cannot be told (two signals, arithmetic, words, neutral signals) counts as neither and saves a condition.

mod contradiction;

use bifocal_model::signal::{self, Direction, Lens, Range};
use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue, SourceInfo, operators};

use crate::check::{Place, leftmost, place_index};
use crate::error::ExprError;
use crate::vocabulary::BURN_RATE;

/// A latency to the first or next token of so many seconds is one in milliseconds.
const SECONDS_MAX: f64 = 1000.0;
/// A whole call may take hours: a batch, or much thinking.
const DURATION_SECONDS_MAX: f64 = 86_400.0;

/// From how many seconds on a signal's number was meant in milliseconds.
fn seconds_max(signal: &str) -> f64 {
    if signal.contains("duration") { DURATION_SECONDS_MAX } else { SECONDS_MAX }
}

/// Something about a condition that its author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub weight: Weight,
    /// What and where, and what to write instead.
    pub said: ExprError,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// The condition is a mistake.
    Refused,
    /// It may be one.
    Warned,
}

/// What a condition is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It holds while something is wrong.
    Alarm,
    /// It holds when what was wrong is well again.
    Recovery,
}

/// Why a part of a condition holds.
enum Holds {
    /// Something is wrong.
    Bad,
    /// Something is well: where it says so, and what to write instead.
    Good(ExprError),
    /// It says how much was seen, or nothing.
    Guard,
    /// It cannot be told.
    Unclear,
}

pub(crate) fn look(
    tree: &IdedExpr,
    places: &[Place],
    source: &str,
    info: &SourceInfo,
    purpose: Purpose,
) -> Vec<Finding> {
    let counts = places.iter().any(|p| matches!(p, Place::Number { function, .. } if function == "n"));
    let mut sense = Sense { places, source, info, counts, findings: Vec::new() };
    let refused = match purpose {
        Purpose::Alarm => match sense.of(tree, false) {
            Holds::Good(said) => Some(said),
            _ => None,
        },
        // What ends an alert must not hold because something is wrong. That little was judged matters to what begins one.
        Purpose::Recovery => {
            let holds = sense.of(tree, false);
            sense.findings.retain(|found| found.weight == Weight::Refused);
            matches!(holds, Holds::Bad).then(|| {
                sense
                    .at(tree, "this holds while something is wrong, and it is what ends the alert".to_owned())
                    .hint(
                        "write what holds when all is well again, such as `upper('relevance') >= 0.75`"
                            .to_owned(),
                    )
            })
        }
    };
    sense.findings.extend(refused.map(|said| Finding { weight: Weight::Refused, said }));
    sense.contradictions(tree);
    sense.findings
}

struct Sense<'a> {
    places: &'a [Place],
    source: &'a str,
    info: &'a SourceInfo,
    /// Whether the condition asks anywhere how many answers were judged.
    counts: bool,
    findings: Vec<Finding>,
}

/// How two parts are joined.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Join {
    And,
    Or,
}

/// A signal as a condition names it.
struct Named<'a> {
    function: &'a str,
    signal: &'a str,
    /// The window of a burn rate and the most that it can be.
    burn: Option<(&'a str, f64)>,
}

/// What is known of a signal.
struct Facts {
    unit: &'static str,
    range: Range,
    direction: Direction,
    lens: Lens,
}

impl Named<'_> {
    fn facts(&self) -> Option<Facts> {
        let plain = |unit, range, direction| Facts { unit, range, direction, lens: Lens::Quantity };
        if let Some((_, most)) = self.burn {
            let range = Range { min: 0.0, max: Some(most) };
            return Some(plain("times", range, Direction::LowerIsBetter));
        }
        if self.signal.is_empty() {
            return Some(plain("ratio", Range::UNIT, Direction::HigherIsBetter));
        }
        let of = |signal: &signal::Signal| Facts {
            unit: signal.unit,
            range: signal.range,
            direction: signal.direction,
            lens: signal.lens,
        };
        let rate = || self.signal.strip_suffix("_pass_rate").and_then(signal::find);
        let facts = signal::find(self.signal).map(of).or_else(|| rate().map(of))?;
        let is_rate = self.function.starts_with("pass_rate") || self.signal.ends_with("_pass_rate");
        // Passing is better, whatever the signal itself is.
        Some(if is_rate { Facts { direction: Direction::HigherIsBetter, ..facts } } else { facts })
    }

    fn text(&self) -> String {
        match self.burn {
            Some((window, _)) => format!("{}('{}', '{window}')", self.function, self.signal),
            None if self.signal.is_empty() => format!("{}()", self.function),
            None => format!("{}('{}')", self.function, self.signal),
        }
    }
}

impl Facts {
    /// Whether it is sure which way is worse. Free accelerators and low cost are better by the registry, and an alert on too few
    /// of them may well be meant.
    fn is_one_sided(&self, name: &str) -> bool {
        self.lens == Lens::Quality
            || ["seconds", "times"].contains(&self.unit)
            || name.is_empty()
            || ["error", "capture_", "goodput_ratio", "judge_"].iter().any(|start| name.starts_with(start))
    }
}

impl<'a> Sense<'a> {
    /// Why this part holds, or, negated, why it does not.
    fn of(&mut self, tree: &IdedExpr, negated: bool) -> Holds {
        let call = match &tree.expr {
            Expr::Literal(_) => return Holds::Guard,
            Expr::Ident(name) => return self.of_truth(tree, name, negated),
            Expr::Call(call) => call,
            _ => return Holds::Unclear,
        };
        match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::LOGICAL_NOT, [part]) => self.of(part, !negated),
            (operators::LOGICAL_AND, [a, b]) => self.joined((a, false), (b, false), Join::And, negated),
            (operators::LOGICAL_OR, [a, b]) => self.joined((a, false), (b, false), Join::Or, negated),
            (
                name @ (operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS),
                [a, b],
            ) => self.of_comparison(tree, name, a, b, negated),
            (name @ (operators::EQUALS | operators::NOT_EQUALS), [a, b]) => {
                // `degraded('x') == false` is `!degraded('x')`.
                let (part, word) = match (truth(a), truth(b)) {
                    (None, Some(word)) => (a, word),
                    (Some(word), None) => (b, word),
                    _ => {
                        if name == operators::EQUALS {
                            self.equality(tree, a, b);
                        }
                        return Holds::Unclear;
                    }
                };
                let turned = word == (name == operators::NOT_EQUALS);
                self.of(part, negated != turned)
            }
            (operators::CONDITIONAL, [condition, a, b]) => match (truth(a), truth(b)) {
                (Some(true), Some(false)) => self.of(condition, negated),
                (Some(false), Some(true)) => self.of(condition, !negated),
                // `a ? b : false` is `a && b`, `a ? true : b` is `a || b`, and so on.
                (None, Some(false)) => self.joined((condition, false), (a, false), Join::And, negated),
                (None, Some(true)) => self.joined((condition, true), (a, false), Join::Or, negated),
                (Some(false), None) => self.joined((condition, true), (b, false), Join::And, negated),
                (Some(true), None) => self.joined((condition, false), (b, false), Join::Or, negated),
                _ => {
                    for part in [condition, a, b] {
                        self.of(part, negated);
                    }
                    Holds::Unclear
                }
            },
            _ => Holds::Unclear,
        }
    }

    /// Two parts, each as it stands or turned round, joined.
    fn joined(&mut self, a: (&IdedExpr, bool), b: (&IdedExpr, bool), join: Join, negated: bool) -> Holds {
        let (a, b) = (self.of(a.0, negated != a.1), self.of(b.0, negated != b.1));
        if (join == Join::And) == negated { either(a, b) } else { both(a, b) }
    }

    /// `degraded('x')`: something is wrong; negated, something is well.
    fn of_truth(&self, tree: &IdedExpr, name: &str, negated: bool) -> Holds {
        let text = match place_index(name).and_then(|at| self.places.get(at)) {
            Some(Place::Truth { function, signal }) => format!("{function}('{signal}')"),
            Some(Place::PlainTruth { function }) => format!("{function}()"),
            _ => return Holds::Unclear,
        };
        if !negated {
            return Holds::Bad;
        }
        Holds::Good(
            self.at(tree, format!("`!{text}` holds while nothing is wrong"))
                .hint(format!("write `{text}`, or join it with what is wrong")),
        )
    }

    fn of_comparison(
        &mut self,
        tree: &IdedExpr,
        name: &str,
        a: &IdedExpr,
        b: &IdedExpr,
        negated: bool,
    ) -> Holds {
        let above = matches!(name, operators::GREATER | operators::GREATER_EQUALS);
        let or_equal = matches!(name, operators::LESS_EQUALS | operators::GREATER_EQUALS);
        let (signal, number, above) = match (self.named(a), number(b), number(a), self.named(b)) {
            (Some(signal), Some(number), ..) => (signal, number, above),
            // `0.8 > value('x')` is `value('x') < 0.8`.
            (_, _, Some(number), Some(signal)) => (signal, number, !above),
            (Some(a), None, None, Some(b)) => {
                self.units(tree, &a, &b);
                return Holds::Unclear;
            }
            _ => return Holds::Unclear,
        };
        let Some(facts) = signal.facts() else { return Holds::Unclear };
        let op = match (above, or_equal) {
            (true, false) => ">",
            (true, true) => ">=",
            (false, false) => "<",
            (false, true) => "<=",
        };
        if !self.unit(tree, &signal, &facts, op, number) || signal.function == "n" {
            return Holds::Guard;
        }
        let more_is_better = match facts.direction {
            _ if signal.function == "baseline" => return Holds::Unclear,
            Direction::Neutral => return Holds::Unclear,
            Direction::HigherIsBetter => true,
            Direction::LowerIsBetter => false,
        };
        let holds_above = above != negated;
        if holds_above != more_is_better {
            self.few(tree, &signal, &facts, op, number);
            return Holds::Bad;
        }
        if !facts.is_one_sided(signal.signal) {
            return Holds::Unclear;
        }
        let (text, turned) = (signal.text(), if above { op.replace('>', "<") } else { op.replace('<', ">") });
        let side = if more_is_better { "more" } else { "less" };
        let name = if signal.signal.is_empty() { signal.function } else { signal.signal };
        Holds::Good(if negated {
            self.at(
                tree,
                format!("`!({text} {op} {number})` holds while all is well: {side} of `{name}` is better"),
            )
            .hint(format!("write `{text} {op} {number}`, or join it with what is wrong"))
        } else {
            self.at(tree, format!("`{text} {op} {number}` holds while all is well: {side} of `{name}` is better"))
                .hint(format!("write `{text} {turned} {number}`, or join it with what is wrong, such as `degraded('relevance') && …`"))
        })
    }

    /// Whether a number can be what the signal is; what cannot is refused.
    fn unit(&mut self, tree: &IdedExpr, signal: &Named<'_>, facts: &Facts, op: &str, number: f64) -> bool {
        let text = signal.text();
        let refuse = |message: String, hint: String| {
            Some(Finding { weight: Weight::Refused, said: self.at(tree, message).hint(hint) })
        };
        let found = if signal.function == "n" {
            if number < 0.0 || (number > 0.0 && number < 1.0) {
                let value = format!("write `value('{}') {op} {number}` for the signal itself", signal.signal);
                refuse(format!("`{text}` counts judged answers and is compared with {number}"), value)
            } else {
                None
            }
        } else if let Some(max) = facts.range.max {
            let (min, share) = (facts.range.min, number / 100.0);
            if number > max && share <= max && facts.unit == "ratio" {
                let hint = format!("write `{text} {op} {share}`");
                refuse(format!("`{text}` is a share from 0 to 1 and is compared with {number}"), hint)
            } else if number < min || number > max {
                let hint = format!("compare it with a number from {min} to {max}");
                refuse(format!("`{text}` lies from {min} to {max} and is compared with {number}"), hint)
            } else if (op == "<" && number <= min) || (op == ">" && number >= max) {
                let hint = format!("compare it with a number between {min} and {max}");
                refuse(format!("`{text} {op} {number}` never holds"), hint)
            } else if (op == ">=" && number <= min) || (op == "<=" && number >= max) {
                let hint = format!("compare it with a number between {min} and {max}");
                refuse(format!("`{text} {op} {number}` always holds"), hint)
            } else {
                None
            }
        } else if number < facts.range.min {
            let hint = format!("compare it with a number from {} up", facts.range.min);
            refuse(format!("`{text}` is never below {}", facts.range.min), hint)
        } else if op == "<" && number <= facts.range.min {
            let hint = format!("compare it with a number above {}", facts.range.min);
            refuse(format!("`{text} {op} {number}` never holds"), hint)
        } else if op == ">=" && number <= facts.range.min {
            let hint = format!("compare it with a number above {}", facts.range.min);
            refuse(format!("`{text} {op} {number}` always holds"), hint)
        } else if facts.unit == "seconds" && number >= seconds_max(signal.signal) {
            let hint = format!("write `{text} {op} {}` if milliseconds were meant", number / 1000.0);
            refuse(format!("`{text}` is in seconds and is compared with {number} of them"), hint)
        } else {
            None
        };
        let fits = found.is_none();
        self.findings.extend(found);
        fits
    }

    /// A point estimate, or the lower end of its interval, pages on a handful of answers.
    fn few(&mut self, tree: &IdedExpr, signal: &Named<'_>, facts: &Facts, op: &str, number: f64) {
        let upper = match signal.function {
            "value" | "lower" => "upper",
            "pass_rate" | "pass_rate_lower" => "pass_rate_upper",
            _ => return,
        };
        if facts.lens == Lens::Quality && !self.counts {
            let message =
                format!("`{} {op} {number}` may page on a handful of judged answers", signal.text());
            let hint = format!(
                "write `{upper}('{}') {op} {number}`, or ask for `n('{}')` too",
                signal.signal, signal.signal
            );
            self.warn(tree, message, hint);
        }
    }

    fn units(&mut self, tree: &IdedExpr, a: &Named<'_>, b: &Named<'_>) {
        let (Some(of_a), Some(of_b)) = (a.facts(), b.facts()) else { return };
        if of_a.unit != of_b.unit && a.function != "n" && b.function != "n" {
            let message = format!("`{}` is in {} and `{}` in {}", a.text(), of_a.unit, b.text(), of_b.unit);
            self.warn(tree, message, "compare signals of one unit".to_owned());
        }
    }

    fn equality(&mut self, tree: &IdedExpr, a: &IdedExpr, b: &IdedExpr) {
        let pair = match (self.named(a), number(b), number(a), self.named(b)) {
            (Some(signal), Some(number), ..) | (.., Some(number), Some(signal)) => Some((signal, number)),
            _ => None,
        };
        if let Some((signal, number)) = pair.filter(|(_, number)| number.fract() != 0.0) {
            let message = format!("`{} == {number}` hardly ever holds of what is measured", signal.text());
            self.warn(tree, message, "write `<` or `>`".to_owned());
        }
    }

    fn named(&self, tree: &IdedExpr) -> Option<Named<'a>> {
        let Expr::Ident(name) = &tree.expr else { return None };
        match place_index(name).and_then(|at| self.places.get(at)) {
            Some(Place::Number { function, signal }) => Some(Named { function, signal, burn: None }),
            Some(Place::PlainNumber { function }) => Some(Named { function, signal: "", burn: None }),
            Some(Place::Burn { objective, window, most_milli }) => Some(Named {
                function: BURN_RATE,
                signal: objective,
                burn: Some((window, *most_milli as f64 / 1000.0)),
            }),
            _ => None,
        }
    }

    fn warn(&mut self, tree: &IdedExpr, message: String, hint: String) {
        let said = self.at(tree, message).hint(hint);
        self.findings.push(Finding { weight: Weight::Warned, said });
    }

    fn at(&self, tree: &IdedExpr, message: String) -> ExprError {
        let (start, _) = self.info.offset_for(leftmost(tree)).unwrap_or_default();
        ExprError::at(self.source, self.name_before(start as usize), message)
    }

    /// A call stands at its bracket; its name is before it.
    fn name_before(&self, at: usize) -> usize {
        let is_bracket = self.source.as_bytes().get(at) == Some(&b'(');
        let before = self.source.get(..at).filter(|_| is_bracket).unwrap_or_default();
        at - before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
    }
}

/// Both must hold: one that is bad makes the whole bad, and a good one stands only beside guards.
fn both(a: Holds, b: Holds) -> Holds {
    match (a, b) {
        (Holds::Bad, _) | (_, Holds::Bad) => Holds::Bad,
        (Holds::Unclear, _) | (_, Holds::Unclear) => Holds::Unclear,
        (Holds::Good(said), _) | (_, Holds::Good(said)) => Holds::Good(said),
        (Holds::Guard, Holds::Guard) => Holds::Guard,
    }
}

/// One is enough: then a good one is enough.
fn either(a: Holds, b: Holds) -> Holds {
    match (a, b) {
        (Holds::Good(said), _) | (_, Holds::Good(said)) => Holds::Good(said),
        (Holds::Bad, _) | (_, Holds::Bad) => Holds::Bad,
        (Holds::Unclear, _) | (_, Holds::Unclear) => Holds::Unclear,
        (Holds::Guard, Holds::Guard) => Holds::Guard,
    }
}

/// `true` or `false` as it is written.
fn truth(tree: &IdedExpr) -> Option<bool> {
    match &tree.expr {
        Expr::Literal(LiteralValue::Boolean(word)) => Some(*word.inner()),
        _ => None,
    }
}

/// A number as it is written, with its sign.
fn number(tree: &IdedExpr) -> Option<f64> {
    match &tree.expr {
        Expr::Literal(LiteralValue::Double(number)) => Some(*number.inner()),
        Expr::Call(call) if call.func_name == operators::NEGATE => {
            call.args.first().and_then(number).map(|number| -number)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
