//! A judge's reply: bytes in, a verdict or a typed failure out. A failure's detail never quotes the reply, which may
//! quote what was judged.

use bifocal_model::{Failure, Unit, Verdict};
use serde::Deserialize;

use crate::heuristics::is_refusal;
use crate::limits::{EXPLANATION_CHARS, REPLY_BYTES};
use crate::loose_json::inside_fence;

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

pub(crate) fn read(status: u16, body: &[u8], pass_score: f64) -> Read {
    let failed = |failure, detail: String| Read {
        verdict: Verdict::Failed { failure, detail },
        input_tokens: 0,
        output_tokens: 0,
    };
    if !(200..300).contains(&status) {
        return failed(Failure::Provider, format!("the judge answered with status {status}"));
    }
    if body.len() > REPLY_BYTES {
        return failed(Failure::Unparsable, format!("a reply of {} bytes is too long", body.len()));
    }
    let Ok(completion) = serde_json::from_slice::<Completion>(body) else {
        return failed(Failure::Unparsable, "the reply is no chat completion".to_owned());
    };
    let (input_tokens, output_tokens) =
        completion.usage.map_or((0, 0), |usage| (usage.prompt_tokens, usage.completion_tokens));
    let verdict = match completion.choices.into_iter().next() {
        Some(choice) => verdict(choice, pass_score),
        None => unparsable("the reply has no choice"),
    };
    Read { verdict, input_tokens, output_tokens }
}

fn verdict(choice: ReplyChoice, pass_score: f64) -> Verdict<String> {
    let finish = choice.finish_reason.unwrap_or_default();
    if choice.message.refusal.is_some_and(|refusal| !refusal.is_empty()) || finish == "content_filter" {
        return Verdict::Failed { failure: Failure::Refused, detail: "the judge refused".to_owned() };
    }
    let content = choice.message.content.unwrap_or_default();
    let content = behind_thoughts(&content).trim();
    let (written, label) = match serde_json::from_str::<Written>(content) {
        Ok(written) => (written, None),
        Err(_) => match inside_fence(content).map(serde_json::from_str::<Written>) {
            Some(Ok(written)) => (written, Some("fenced".to_owned())),
            _ if finish == "length" => return unparsable("the verdict was cut off"),
            _ if is_refusal(content) => {
                return Verdict::Failed { failure: Failure::Refused, detail: "the judge refused".to_owned() };
            }
            _ => return unparsable("the verdict is not the JSON that was asked for"),
        },
    };
    if !(1.0..=5.0).contains(&written.score) {
        let detail = format!("the score {} is not on the scale of 1 to 5", written.score);
        return Verdict::Failed { failure: Failure::OutOfScale, detail };
    }
    let explanation: String = written.reason.chars().take(EXPLANATION_CHARS).collect();
    Verdict::Scored {
        value: Unit::clamped((written.score - 1.0) / 4.0),
        pass: written.score >= pass_score,
        label,
        explanation: (!explanation.is_empty()).then_some(explanation),
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
