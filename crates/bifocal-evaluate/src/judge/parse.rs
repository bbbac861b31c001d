//! A judge's reply: bytes in, a verdict or a typed failure out. A failure's detail never quotes the reply, which may
//! quote what was judged.

mod pair;

use bifocal_model::{Failure, Unit, Verdict};
use serde::Deserialize;

use crate::heuristics::is_refusal;
use crate::judge::rubric::OwnReply;
use crate::limits::{EXPLANATION_CHARS, REPLY_BYTES};
use crate::loose_json::inside_fence;

pub(crate) use pair::read as read_pair;

/// Changes with every change of what is read as which score.
pub(crate) const VERSION: &str = "1";

/// What a reply holds.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) verdict: Verdict<String>,
    pub(crate) input_tokens: u32,
    pub(crate) output_tokens: u32,
}

#[derive(Deserialize)]
struct Completion {
    choices: Vec<ReplyChoice>,
    #[serde(default)]
    usage: Option<ReplyUsage>,
}

#[derive(Deserialize)]
struct ReplyChoice {
    message: ReplyMessage,
    #[serde(default)]
    finish_reason: Option<String>,
    /// In any shape: only one that is understood is used.
    #[serde(default)]
    logprobs: Option<serde_json::Value>,
}

/// The probabilities behind each token of the verdict.
#[derive(Deserialize)]
struct Logprobs {
    content: Vec<TokenLogprobs>,
}

#[derive(Deserialize)]
struct TokenLogprobs {
    token: String,
    #[serde(default)]
    top_logprobs: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    token: String,
    logprob: f64,
}

#[derive(Deserialize)]
struct ReplyMessage {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct ReplyUsage {
    #[serde(default)]
    prompt_tokens: u32,
    #[serde(default)]
    completion_tokens: u32,
}

/// What the judge was told to write. A field that is there twice is refused by the deserializer.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    reason: String,
    score: f64,
}

/// How the score is taken from a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scoring {
    /// The number that is written.
    Written,
    /// The mean of the grades by their probabilities, where the reply tells them; else the number that is written.
    Expected,
}

/// Least probability of the grades 1 to 5 together at which their mean is believed.
const GRADES_MASS: f64 = 0.9;

/// What a verdict is read by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms<'a> {
    /// From which score on an answer passes, on the scale of 1 to 5.
    pub(crate) pass_score: f64,
    pub(crate) scoring: Scoring,
    /// The rubric's own form of a reply, where it has one.
    pub(crate) own: Option<&'a OwnReply>,
}

pub(crate) fn read(status: u16, body: &[u8], terms: Terms<'_>) -> Read {
    let Opened { choice, input_tokens, output_tokens } = match opened(status, body) {
        Ok(opened) => opened,
        Err((failure, detail)) => {
            let verdict = Verdict::Failed { failure, detail };
            return Read { verdict, input_tokens: 0, output_tokens: 0 };
        }
    };
    let verdict = match choice {
        Some(choice) => verdict(choice, terms),
        None => unparsable("the reply has no choice"),
    };
    Read { verdict, input_tokens, output_tokens }
}

/// A reply that is a chat completion, with its first choice.
struct Opened {
    choice: Option<ReplyChoice>,
    input_tokens: u32,
    output_tokens: u32,
}

fn opened(status: u16, body: &[u8]) -> Result<Opened, (Failure, String)> {
    let failed = |failure, detail: String| Err((failure, detail));
    if !(200..300).contains(&status) {
        let failure = match status {
            429 => Failure::RateLimited,
            400..=499 if status != 408 => Failure::Rejected,
            _ => Failure::Provider,
        };
        return failed(failure, format!("the judge answered with status {status}"));
    }
    if body.len() > REPLY_BYTES {
        return failed(Failure::Unparsable, format!("a reply of {} bytes is too long", body.len()));
    }
    let Ok(completion) = serde_json::from_slice::<Completion>(body) else {
        return failed(Failure::Unparsable, "the reply is no chat completion".to_owned());
    };
    let (input_tokens, output_tokens) =
        completion.usage.map_or((0, 0), |usage| (usage.prompt_tokens, usage.completion_tokens));
    Ok(Opened { choice: completion.choices.into_iter().next(), input_tokens, output_tokens })
}

impl ReplyChoice {
    /// The judge, or a filter before him, says that he will not judge.
    fn refuses(&self) -> bool {
        self.message.refusal.as_ref().is_some_and(|refusal| !refusal.is_empty())
            || self.finish_reason.as_deref() == Some("content_filter")
    }
}

/// The words of a reply, whatever they are.
pub(crate) fn said(body: &[u8]) -> Option<String> {
    if body.len() > REPLY_BYTES {
        return None;
    }
    serde_json::from_slice::<Completion>(body).ok()?.choices.into_iter().next()?.message.content
}

fn verdict(choice: ReplyChoice, Terms { pass_score, scoring, own }: Terms<'_>) -> Verdict<String> {
    let refuses = choice.refuses();
    let finish = choice.finish_reason.unwrap_or_default();
    if refuses {
        return Verdict::Failed { failure: Failure::Refused, detail: "the judge refused".to_owned() };
    }
    let content = choice.message.content.unwrap_or_default();
    let content = behind_thoughts(&content).trim();
    let fenced = || {
        let inside = inside_fence(content)?;
        Some((serde_json::from_str::<Written>(inside).ok()?, inside))
    };
    let (written, json, label) = match serde_json::from_str::<Written>(content) {
        Ok(written) => (written, content, None),
        Err(_) => match fenced() {
            Some((written, inside)) => (written, inside, Some("fenced".to_owned())),
            _ if finish == "length" => return unparsable("the verdict was cut off"),
            _ if is_refusal(content) => {
                return Verdict::Failed { failure: Failure::Refused, detail: "the judge refused".to_owned() };
            }
            _ => return unparsable("the verdict is not the JSON that was asked for"),
        },
    };
    if let Some(keyword) = own.and_then(|own| own.broken(json)) {
        return unparsable(&format!("the verdict breaks `{keyword}` of the form that was asked for"));
    }
    if !(1.0..=5.0).contains(&written.score) {
        let detail = format!("the score {} is not on the scale of 1 to 5", written.score);
        return Verdict::Failed { failure: Failure::OutOfScale, detail };
    }
    let expected = choice.logprobs.filter(|_| scoring == Scoring::Expected);
    let expected = expected.and_then(|logprobs| expected_grade(logprobs, written.score));
    let label = expected.map_or(label, |_| Some("expected".to_owned()));
    let explanation: String = written.reason.chars().take(EXPLANATION_CHARS).collect();
    Verdict::Scored {
        value: Unit::clamped((expected.unwrap_or(written.score) - 1.0) / 4.0),
        // Whether it passes is what the judge says, not what it was close to saying.
        pass: written.score >= pass_score,
        label,
        explanation: (!explanation.is_empty()).then_some(explanation),
    }
}

/// The mean of the grades by the probabilities of the token that stands behind `"score":`, over the grades alone. `None` where
/// that token is not found, is no whole grade, is not the score that was read, or where the grades hold less than
/// [`GRADES_MASS`] of the probability: then the mean would be of something else.
///
/// G-Eval's scoring (Liu et al. 2023, arXiv 2303.16634): it breaks ties and takes the rounding out of a grade. Assumes that the
/// top alternatives of one token are the grades; broken by tokenizers that join a grade with what stands before it.
fn expected_grade(logprobs: serde_json::Value, written: f64) -> Option<f64> {
    let tokens = serde_json::from_value::<Logprobs>(logprobs).ok()?.content;
    let mut before = String::new();
    let mut scores = tokens.iter().enumerate().filter_map(|(at, token)| {
        let key = before.trim_end().strip_suffix(':').map(str::trim_end);
        let follows = key.is_some_and(|key| key.ends_with("\"score\"")) && !token.token.trim().is_empty();
        before.push_str(&token.token);
        follows.then_some(at)
    });
    // Of several, as in a reply with parts that have scores of their own, it is not known which was read.
    let (Some(at), None) = (scores.next(), scores.next()) else { return None };
    let token = tokens.get(at)?;
    let goes_on = tokens.get(at + 1).is_some_and(|next| {
        next.token.starts_with(|c: char| c == '.' || c == 'e' || c == 'E' || c.is_ascii_digit())
    });
    if goes_on || grade(&token.token).is_none_or(|grade| grade != written) {
        return None;
    }
    let (mut mass, mut sum) = (0.0, 0.0);
    for Alternative { token, logprob } in &token.top_logprobs {
        if let Some(grade) = grade(token) {
            let p = logprob.exp();
            mass += p;
            sum += grade * p;
        }
    }
    let mean = sum / mass;
    ((GRADES_MASS..1.01).contains(&mass) && (1.0..=5.0).contains(&mean)).then_some(mean)
}

/// A token that is a grade.
fn grade(token: &str) -> Option<f64> {
    match token.trim() {
        "1" => Some(1.0),
        "2" => Some(2.0),
        "3" => Some(3.0),
        "4" => Some(4.0),
        "5" => Some(5.0),
        _ => None,
    }
}

/// Reasoning models may write their thoughts first, where the server does not take them out.
fn behind_thoughts(content: &str) -> &str {
    if !content.trim_start().starts_with("<think>") {
        return content;
    }
    content.split_once("</think>").map_or(content, |(_, rest)| rest)
}

fn unparsable(detail: &str) -> Verdict<String> {
    Verdict::Failed { failure: Failure::Unparsable, detail: detail.to_owned() }
}
