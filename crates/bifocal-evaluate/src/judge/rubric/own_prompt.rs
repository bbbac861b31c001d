//! A rubric's own words to the judge: a Jinja template.
//!
//! The template is rendered when the rubric is read, and never again. In the place of the texts that are judged it sees marks,
//! which stay what they are or make it refused; what comes out is a list of pieces, and the texts are put between them at each
//! question, behind markers with the nonce. So no text of a user or a model ever passes through the template language, and a
//! template that works once works always.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use minijinja::value::{Object, ObjectRepr, Value};
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, context};

use super::Rubric;
use crate::limits::{PROMPT_FUEL, PROMPT_TEXT_BYTES};

/// A template that was read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OwnPrompt {
    source: String,
    with_context: Vec<Piece>,
    without_context: Vec<Piece>,
}

/// A part of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Words of the template.
    Words(String),
    /// Where a text stands that is data.
    Slot(Slot),
}

/// A text that is data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// What was asked.
    Question,
    /// What the answer was to be made from.
    Context,
    /// What is judged.
    Answer,
}

/// The line of the template, where one is known, and what is wrong there.
pub(super) type Problem = (Option<usize>, String);

/// Begins and ends a mark in the place of a text. A private character: no template has a use for it.
const FENCE: char = '\u{f8f1}';
const NAMES: &str = "there are dimension, version, pass_score, rubric, grades (of grade and means), question, context and answer";

impl Slot {
    const ALL: [Self; 3] = [Self::Question, Self::Context, Self::Answer];

    /// Its name in templates.
    const fn name(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Context => "context",
            Self::Answer => "answer",
        }
    }

    /// Its name in markers.
    pub(crate) const fn marker(self) -> &'static str {
        match self {
            Self::Question => "QUESTION",
            Self::Context => "CONTEXT",
            Self::Answer => "ANSWER",
        }
    }

    fn mark(self, body: Body) -> Value {
        let Body { around, within, holds_all } = body;
        let text = format!("{around}{FENCE}{}{within}{FENCE}{around}", self.name());
        Value::from_object(Mark { text, holds_all })
    }
}

/// What stands in the place of a text. It can be shown; to a template that asks what it says, or how long it is, it is nothing
/// that could be asked.
#[derive(Debug)]
struct Mark {
    text: String,
    holds_all: bool,
}

impl Object for Mark {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        if self.holds_all { ObjectRepr::Map } else { ObjectRepr::Plain }
    }

    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        self.holds_all.then(|| Value::from(true))
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What a mark is made of beside its name.
#[derive(Clone, Copy, Debug)]
struct Body {
    around: &'static str,
    within: &'static str,
    /// Whether everything is in it that is looked for, or nothing.
    holds_all: bool,
}

/// A template is rendered with both, and must make the same of them: what cuts, trims, wraps,
/// counts or looks for a word does not.
const BODIES: [Body; 2] = [
    Body { around: "", within: "", holds_all: false },
    Body { around: "\n \n", within: include_str!("long_text.txt"), holds_all: true },
];

impl OwnPrompt {
    /// Reads and tries a template.
    pub(super) fn read(source: &str, rubric: &Rubric) -> Result<Self, Problem> {
        if source.contains(FENCE) || rubric.text().contains(FENCE) {
            return Err((None, "it or its rubric holds U+F8F1, a private character: take it out".to_owned()));
        }
        let made = |has_context| {
            let of = |body| pieces(&rendered(source, rubric, has_context, body)?, body);
            let [short, long] = BODIES.map(of);
            let short = short?;
            if short == long? { Ok(short) } else { Err(changed("a text")) }
        };
        let (with_context, without_context) = (made(true)?, made(false)?);
        Ok(Self { source: source.to_owned(), with_context, without_context })
    }

    /// The template as it is written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Its pieces for an answer that was, or was not, given something to be made from.
    pub(crate) fn pieces(&self, has_context: bool) -> &[Piece] {
        if has_context { &self.with_context } else { &self.without_context }
    }

    /// Whether it shows what an answer was given to be made from.
    pub(crate) fn shows_context(&self) -> bool {
        self.with_context.contains(&Piece::Slot(Slot::Context))
    }
}

fn rendered(source: &str, rubric: &Rubric, has_context: bool, body: Body) -> Result<String, Problem> {
    let mut templates = Environment::new();
    templates.set_auto_escape_callback(|_| AutoEscape::None);
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.set_fuel(Some(PROMPT_FUEL));
    let graded = rubric.anchors.graded().into_iter();
    let grades: Vec<_> = graded.map(|(grade, means)| context! { grade => grade, means => means }).collect();
    let known = context! {
        dimension => rubric.dimension.as_str(),
        version => rubric.version.as_str(),
        pass_score => rubric.pass_score,
        rubric => rubric.text(),
        grades => grades,
        question => Slot::Question.mark(body),
        context => if has_context { Slot::Context.mark(body) } else { Value::from("") },
        answer => Slot::Answer.mark(body),
    };
    let text = templates.render_str(source, known).map_err(|err| problem(&err))?;
    if body.within.is_empty() && text.len() > PROMPT_TEXT_BYTES {
        let said = format!("it makes {} bytes, and {PROMPT_TEXT_BYTES} are the most: shorten it", text.len());
        return Err((None, said));
    }
    Ok(text)
}

/// Cuts at the marks, each of which must have stayed as it was.
fn pieces(text: &str, body: Body) -> Result<Vec<Piece>, Problem> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((words, behind)) = rest.split_once(FENCE) {
        let named = |name: &str| Slot::ALL.into_iter().find(|slot| slot.name() == name);
        let cut = || {
            let (mark, behind) = behind.split_once(FENCE)?;
            let slot = named(mark.strip_suffix(body.within)?)?;
            Some((words.strip_suffix(body.around)?, slot, behind.strip_prefix(body.around)?))
        };
        let Some((words, slot, behind)) = cut() else { return Err(changed("a text")) };
        pieces.push(Piece::Words(words.to_owned()));
        pieces.push(Piece::Slot(slot));
        rest = behind;
    }
    pieces.push(Piece::Words(rest.trim_end().to_owned()));
    for slot in Slot::ALL {
        let count = pieces.iter().filter(|piece| **piece == Piece::Slot(slot)).count();
        match (slot, count) {
            (_, 1) | (Slot::Question | Slot::Context, 0) => {}
            (_, 0) => return Err(changed(slot.name())),
            (_, count) => {
                let said = format!("{} is shown {count} times: show it once", slot.name());
                return Err((None, said));
            }
        }
    }
    Ok(pieces)
}

fn changed(name: &str) -> Problem {
    let said = format!(
        "{name} is not shown as it is: write {{{{ answer }}}} once, and question and context at most once, without filters, \
         slices or conditions on what they say; a template never sees these texts"
    );
    (None, said)
}

/// What is wrong, and what to do.
fn problem(err: &minijinja::Error) -> Problem {
    let mut said = err.kind().to_string();
    if let Some(detail) = err.detail() {
        let _ = write!(said, ": {detail}");
    }
    match err.kind() {
        ErrorKind::UndefinedError => {
            let _ = write!(said, "; {NAMES}");
        }
        ErrorKind::InvalidOperation => {
            said.push_str("; question, context and answer can be shown, and nothing else");
        }
        ErrorKind::OutOfFuel => {
            let _ = write!(said, "; at most {PROMPT_FUEL} steps are taken: shorten its loops");
        }
        _ => {}
    }
    (err.line(), said)
}
