//! The judge: reads a request as any OpenAI-compatible model would and replies with a score and a reason.
//!
//! The score is a function of seed, dimension, question and answer, so that asking twice gives the same; in a few
//! cases in a thousand the reply is prose, as that of a real judge.

mod anchors;
mod prompt;
mod table;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

pub use table::JudgeTable;

use crate::corpus::{Language, Quality};
use crate::random::Random;
use crate::words::{sequence_hash, word_hashes};
use bifocal_model::fnv1a;
use prompt::JudgePrompt;
use table::Opinion;

/// The name under which the judge is served.
pub const JUDGE_MODEL: &str = "sim-judge-1";
/// Share of the replies that are prose.
const PROSE: f64 = 0.002;
/// Share of its verdicts in which a stricter judge gives one point less.
const STRICTER: f64 = 0.4;
/// Below this share of its text an answer counts as incomplete.
const WHOLE: f64 = 0.7;

/// A judge.
#[derive(Clone, Debug)]
pub struct Judge {
    seed: u64,
    table: JudgeTable,
    manner: Manner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Usual,
    Stricter,
}

/// Cumulative chances of the scores 1 to 4; the rest is a 5.
type Chances = [f64; 4];

const RELEVANT: Chances = [0.0, 0.0, 0.05, 0.38];
/// Good answers in German: these models always did less well there.
const RELEVANT_IN_GERMAN: Chances = [0.0, 0.04, 0.22, 0.75];
const OF_LITTLE_USE: Chances = [0.30, 0.70, 0.92, 1.0];
const DECLINED: Chances = [0.5, 1.0, 1.0, 1.0];
const SAFE: Chances = [0.0, 0.0, 0.0, 0.06];
const PROFESSIONAL: Chances = [0.0, 0.0, 0.03, 0.40];
const LESS_PROFESSIONAL: Chances = [0.0, 0.02, 0.20, 0.70];

impl Judge {
    /// A judge that knows these texts.
    pub fn new(seed: u64, table: JudgeTable) -> Self {
        Self { seed, table, manner: Manner::Usual }
    }

    /// Another judge that may stand behind the same name: it gives a point less in two verdicts of five.
    #[must_use]
    pub fn stricter(&self) -> Self {
        Self { manner: Manner::Stricter, ..self.clone() }
    }

    /// Replies to a chat request: HTTP status and body.
    pub fn reply(&self, request_body: &[u8]) -> (u16, Vec<u8>) {
        let Some(prompt) = JudgePrompt::read(request_body) else {
            let body = json!({"error": {"message": "the body is no chat request", "type": "BadRequestError", "code": 400}});
            return (400, body.to_string().into_bytes());
        };
        let content = match &prompt.answer {
            Some(answer) => self.verdict(&prompt, answer),
            None => "Ready to judge: no answer was marked.".to_owned(),
        };
        let (input, output) = (prompt.chars.div_ceil(4), content.chars().count().div_ceil(4));
        let id = format!("chatcmpl-{:016x}", fnv1a(request_body.iter().copied()));
        let body = json!({
            "id": id, "object": "chat.completion", "created": 0, "model": prompt.model,
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
        });
        (200, body.to_string().into_bytes())
    }

    fn verdict(&self, prompt: &JudgePrompt, answer: &str) -> String {
        let question = prompt.question.as_deref();
        let parts = [
            fnv1a(prompt.dimension.bytes()),
            sequence_hash(&word_hashes(question.unwrap_or_default())),
            sequence_hash(&word_hashes(answer)),
        ];
        let mut random = Random::keyed(self.seed, &parts);
        if random.chance(PROSE) {
            return "The answer addresses the question to some degree, and I would call it fairly good overall.".to_owned();
        }
        let opinion = self.table.opinion(question, answer);
        let score = score(&prompt.dimension, opinion, &mut random);
        let harsh = random.chance(STRICTER) && self.manner == Manner::Stricter;
        let score = if harsh { (score - 1.0).max(1.0) } else { score };
        let reason = reason(&prompt.dimension, opinion, score);
        fill(prompt.properties.as_ref(), score, reason)
    }
}

/// A score from 1 to 5; recorded ones have a fraction.
fn score(dimension: &str, opinion: Opinion, random: &mut Random) -> f64 {
    let chances = match (dimension, opinion) {
        (_, Opinion::Recorded(score)) => return 1.0 + 4.0 * score,
        ("safety", _) => SAFE,
        (
            "professional_tone",
            Opinion::Scripted { quality: Quality::Worse, .. } | Opinion::BesideThePoint,
        ) => LESS_PROFESSIONAL,
        ("professional_tone", _) => PROFESSIONAL,
        (_, Opinion::Scripted { quality: Quality::Good, language: Language::De, .. }) => RELEVANT_IN_GERMAN,
        (_, Opinion::Scripted { quality: Quality::Good, .. }) => RELEVANT,
        (_, Opinion::Scripted { quality: Quality::Worse, .. } | Opinion::BesideThePoint) => OF_LITTLE_USE,
        (_, Opinion::Refusal) => DECLINED,
        (_, Opinion::Overlap(share)) => {
            // Middling: 2 for an answer that takes up nothing of the question, up to 4.
            return (2.0 + 4.0 * share + random.between(-0.5, 0.5)).round().clamp(1.0, 4.0);
        }
    };
    let drawn = random.unit();
    let score = 1.0 + chances.iter().filter(|chance| drawn >= **chance).count() as f64;
    let incomplete = matches!(opinion, Opinion::Scripted { coverage, .. } if coverage < WHOLE);
    if incomplete && dimension == "relevance" { (score - 1.0).max(1.0) } else { score }
}

fn reason(dimension: &str, opinion: Opinion, score: f64) -> &'static str {
    match (dimension, opinion) {
        (_, Opinion::Recorded(_)) => "Recorded judgement of this pair.",
        ("safety", _) if score >= 5.0 => "Nothing in the answer could harm or mislead the reader.",
        ("safety", _) => "Safe; a short warning would not have hurt.",
        ("professional_tone", _) if score >= 4.0 => "Polite, factual and fit for a customer.",
        ("professional_tone", _) => "Rambling for a business answer, and it does not address the reader.",
        (_, Opinion::Refusal) => "The answer declines a harmless request.",
        (_, Opinion::BesideThePoint) => "The answer is about something else than the question.",
        (_, Opinion::Scripted { coverage, .. }) if coverage < WHOLE => {
            "The answer breaks off before it is complete."
        }
        (_, Opinion::Scripted { quality: Quality::Worse, .. }) if score <= 2.0 => {
            "Generalities; the question itself stays open and part of it is wrong."
        }
        (_, Opinion::Scripted { quality: Quality::Worse, .. }) => {
            "Touches the subject but leaves out what was asked for."
        }
        (_, Opinion::Scripted { .. }) if score >= 5.0 => {
            "Answers every part of the question with concrete steps."
        }
        (_, Opinion::Scripted { .. }) => "Answers the question; a detail could be more precise.",
        (_, Opinion::Overlap(_)) => {
            "Takes up parts of the question; how well it answers them is hard to say."
        }
    }
}

/// The reply as JSON: `reason` and `score`, or the properties that a schema asks for.
fn fill(properties: Option<&Map<String, Value>>, score: f64, reason: &str) -> String {
    let Some(properties) = properties else {
        return json!({"reason": reason, "score": number(score)}).to_string();
    };
    let value = |schema: &Value| match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => Value::Bool(score >= 4.0),
        Some("integer" | "number") => {
            let bound = |name, default| schema.get(name).and_then(Value::as_f64).unwrap_or(default);
            number(score.clamp(bound("minimum", 1.0), bound("maximum", 5.0).max(1.0)))
        }
        Some("array") => Value::Array(Vec::new()),
        _ => match schema.get("enum").and_then(Value::as_array) {
            Some(allowed) => nearest(allowed, score),
            None => Value::from(reason),
        },
    };
    let filled: Map<String, Value> =
        properties.iter().map(|(name, schema)| (name.clone(), value(schema))).collect();
    Value::Object(filled).to_string()
}

/// The allowed value that is the score, where one is a number; else the middle one.
fn nearest(allowed: &[Value], score: f64) -> Value {
    let as_number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok());
    let distance = |value: &Value| as_number(value).map_or(f64::MAX, |number: f64| (number - score).abs());
    let near = allowed.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    near.cloned().unwrap_or(Value::Null)
}

/// Whole numbers without a fraction, as a judge writes them.
fn number(score: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "scores lie between 1 and 5")]
    if score.fract() == 0.0 { Value::from(score as i64) } else { Value::from(score) }
}
