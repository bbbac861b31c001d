//! A judge's word on two answers.

use bifocal_model::{Cost, Failure};
use bifocal_stats::pairwise::Better;
use serde::Deserialize;
use serde_json::Value;

use super::{Opened, behind_thoughts, opened};
use crate::heuristics::is_refusal;
use crate::loose_json::inside_fence;

/// What a reply holds: which is better, or why it says nothing; and what it cost in tokens.
pub(crate) type Read = (Result<Better, (Failure, String)>, Cost);

/// What the judge was told to write.
#[derive(Deserialize)]
struct Written {
    better: Value,
}

pub(crate) fn read(status: u16, body: &[u8]) -> Read {
    let Opened { choice, input_tokens, output_tokens } = match opened(status, body) {
        Ok(opened) => opened,
        Err(read) => return (Err(read), Cost::default()),
    };
    let cost = Cost { usd: None, input_tokens, output_tokens };
    let unparsable = |what: &str| Err((Failure::Unparsable, what.to_owned()));
    let refused = || Err((Failure::Refused, "the judge refused".to_owned()));
    let Some(choice) = choice else { return (unparsable("the reply has no choice"), cost) };
    if choice.refuses() {
        return (refused(), cost);
    }
    let is_cut = choice.finish_reason.as_deref() == Some("length");
    let content = choice.message.content.unwrap_or_default();
    let content = behind_thoughts(&content).trim();
    let bare = serde_json::from_str::<Written>(content).ok();
    let written = bare.or_else(|| serde_json::from_str::<Written>(inside_fence(content)?).ok());
    let said = match written {
        Some(written) => better(&written.better).map_or_else(
            || Err((Failure::OutOfScale, "what is better is none of 1, 2 and tie".to_owned())),
            Ok,
        ),
        None if is_cut => unparsable("the verdict was cut off"),
        None if is_refusal(content) => refused(),
        None => unparsable("the verdict is not the JSON that was asked for"),
    };
    (said, cost)
}

fn better(said: &Value) -> Option<Better> {
    match said {
        Value::Number(number) => match number.as_f64()? {
            1.0 => Some(Better::First),
            2.0 => Some(Better::Second),
            0.0 => Some(Better::Tie),
            _ => None,
        },
        Value::String(word) => match word.trim().to_ascii_lowercase().as_str() {
            "1" | "answer 1" | "first" => Some(Better::First),
            "2" | "answer 2" | "second" => Some(Better::Second),
            "tie" | "neither" | "both" => Some(Better::Tie),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::reply;

    fn said(content: &str) -> Result<Better, Failure> {
        read(200, &reply(content)).0.map_err(|(failure, _)| failure)
    }

    #[test]
    fn words_numbers_and_fences_are_read_and_nothing_else() {
        for (content, wanted) in [
            (r#"{"reason":"x","better":"1"}"#, Ok(Better::First)),
            (r#"{"reason":"x","better":2}"#, Ok(Better::Second)),
            ("```json\n{\"better\":\"Tie\"}\n```", Ok(Better::Tie)),
            ("<think>1?</think>{\"better\":\"answer 2\"}", Ok(Better::Second)),
            (r#"{"better":"3"}"#, Err(Failure::OutOfScale)),
            (r#"{"better":null}"#, Err(Failure::OutOfScale)),
            (r#"{"better":1.5}"#, Err(Failure::OutOfScale)),
            ("The first one.", Err(Failure::Unparsable)),
            ("I'm sorry, but I can't help with that.", Err(Failure::Refused)),
            ("", Err(Failure::Unparsable)),
        ] {
            assert_eq!(said(content), wanted, "{content}");
        }
        assert_eq!(read(429, b"").0.unwrap_err().0, Failure::RateLimited);
        assert_eq!(read(200, b"{}").0.unwrap_err().0, Failure::Unparsable);
        let cost = read(200, &reply("no")).1;
        assert_eq!(
            (cost.input_tokens, cost.output_tokens),
            (600, 40),
            "a word that cannot be read is paid for too"
        );
    }
}
