//! Two answers to one question, compared by a judge in one order at a time.

use std::collections::BTreeMap;
use std::path::Path;

use bifocal_model::{Cost, Dimension, Failure};
use bifocal_redact::{Redacted, redact_owned};
use bifocal_stats::pairwise::Better;
use serde::Deserialize;

use super::{Judge, parse};
use crate::Error;
use crate::limits::{ANCHOR_LINE_BYTES, PAIRS};

/// One question and two answers to it, redacted.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The id that both sets give it.
    pub id: String,
    pub(super) prompt: Redacted,
    pub(super) a: Redacted,
    pub(super) b: Redacted,
}

/// Which answer is shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// A, then B.
    Forth,
    /// B, then A.
    Back,
}

/// The pairs of two sets of recorded answers, and what stands in one of them alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs {
    /// In the order of the first set.
    pub all: Vec<Pair>,
    /// Ids that only one set has.
    pub alone: usize,
}

#[derive(Deserialize)]
struct Line {
    id: String,
    prompt: String,
    answer: String,
}

impl Pairs {
    /// Joins two files of JSON lines `{"id", "prompt", "answer"}` by id.
    pub fn open(a: &Path, b: &Path) -> Result<Self, Error> {
        let read = |path: &Path| {
            let text = std::fs::read_to_string(path)
                .map_err(|err| Error::ReadAnswers { path: path.to_owned(), err })?;
            lines(&text).map_err(|(line, problem)| Error::BadAnswer { path: path.to_owned(), line, problem })
        };
        let (of_a, of_b) = (read(a)?, read(b)?);
        Self::join(of_a, of_b).map_err(|problem| Error::BadAnswer { path: b.to_owned(), line: 0, problem })
    }

    fn join(a: Vec<Line>, b: Vec<Line>) -> Result<Self, String> {
        let (of_a, of_b) = (a.len(), b.len());
        let mut others: BTreeMap<String, Line> = b.into_iter().map(|line| (line.id.clone(), line)).collect();
        let mut all = Vec::new();
        for one in a {
            let Some(other) = others.remove(&one.id) else { continue };
            if other.prompt != one.prompt {
                return Err(format!("`{}` is another question than in the first file", one.id));
            }
            let [prompt, a, b] = [one.prompt, one.answer, other.answer].map(|text| redact_owned(text).0);
            all.push(Pair { id: one.id, prompt, a, b });
        }
        let alone = of_a + of_b - 2 * all.len();
        if all.is_empty() {
            return Err("no id stands in both files".to_owned());
        }
        Ok(Self { all, alone })
    }
}

fn lines(text: &str) -> Result<Vec<Line>, (usize, String)> {
    let mut all: Vec<Line> = Vec::new();
    let mut ids = std::collections::BTreeSet::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        if line.len() > ANCHOR_LINE_BYTES {
            return Err((number, format!("the line has more than {ANCHOR_LINE_BYTES} bytes")));
        }
        if all.len() == PAIRS {
            return Err((number, format!("there are more than {PAIRS} answers")));
        }
        let line: Line = serde_json::from_str(line).map_err(|err| (number, err.to_string()))?;
        if line.id.is_empty() || !ids.insert(line.id.clone()) {
            return Err((number, format!("the id `{}` is empty or there twice", line.id)));
        }
        all.push(line);
    }
    Ok(all)
}

impl Judge {
    /// The question which of two answers is better on a dimension, in one order.
    pub fn pair_request(
        &self,
        pair: &Pair,
        order: Order,
        dimension: &Dimension,
        nonce: [u8; 16],
    ) -> Result<Vec<u8>, Error> {
        let (rubric, _) = self.rubric(dimension)?;
        let (first, second) = match order {
            Order::Forth => (&pair.a, &pair.b),
            Order::Back => (&pair.b, &pair.a),
        };
        self.prompts.pair_body(&self.config, rubric, [&pair.prompt, first, second], nonce)
    }

    /// What a reply to it says, and what it cost.
    pub fn read_pair(&self, status: u16, body: &[u8]) -> (Result<Better, (Failure, String)>, Cost) {
        let (said, cost) = parse::read_pair(status, body);
        let usd = self.prices.map(|prices| prices.usd(cost.input_tokens, cost.output_tokens));
        (said, Cost { usd, ..cost })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::judge::tests::judge;

    fn line(id: &str, prompt: &str, answer: &str) -> String {
        serde_json::json!({"id": id, "prompt": prompt, "answer": answer, "model": "kept as a note"})
            .to_string()
    }

    fn join(a: &[String], b: &[String]) -> Result<Pairs, String> {
        Pairs::join(lines(&a.join("\n")).unwrap(), lines(&b.join("\n")).unwrap())
    }

    #[test]
    fn both_orders_show_the_same_texts_in_other_places() {
        let pairs = join(
            &[line("1", "why?", "because<|im_end|>"), line("2", "how?", "so")],
            &[line("1", "why?", "mail a@b.org"), line("3", "who?", "me")],
        )
        .unwrap();
        assert_eq!((pairs.all.len(), pairs.alone), (1, 2));
        let shown = |order| {
            let dimension = Dimension::new("relevance");
            let body = judge().pair_request(&pairs.all[0], order, &dimension, [7; 16]).unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                body["response_format"]["json_schema"]["schema"]["properties"]["better"]["enum"],
                serde_json::json!(["1", "2", "tie"])
            );
            body["messages"][1]["content"].as_str().unwrap().to_owned()
        };
        let nonce = "07".repeat(16);
        let place = |text: &str, n: u32| format!("<<<ANSWER {n} {nonce}\n{text}\nANSWER {n} {nonce}>>>");
        let (a, b) = ("because< |im_end|>", "mail [email]");
        let forth = shown(Order::Forth);
        assert!(forth.contains(&place(a, 1)) && forth.contains(&place(b, 2)), "{forth}");
        let back = shown(Order::Back);
        assert!(back.contains(&place(b, 1)) && back.contains(&place(a, 2)));
        assert!(!forth.contains("5: "), "grades are for single answers");
    }

    #[test]
    fn what_does_not_go_together_is_refused_with_its_place() {
        assert!(
            join(&[line("1", "why?", "x")], &[line("1", "how?", "x")])
                .unwrap_err()
                .contains("another question")
        );
        assert!(join(&[line("1", "why?", "x")], &[line("2", "why?", "x")]).unwrap_err().contains("in both"));
        let twice = format!("{}\n\n{}", line("1", "a", "b"), line("1", "a", "b"));
        assert_eq!(lines(&twice).err().unwrap().0, 3);
        assert!(lines("{").err().unwrap().1.contains("EOF"));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        assert!(matches!(Pairs::open(&path, &path), Err(Error::ReadAnswers { .. })));
        std::fs::write(&path, "{}").unwrap();
        assert!(Pairs::open(&path, &path).unwrap_err().to_string().contains("a.jsonl:1"));
    }

    #[test]
    fn limit_pairs() {
        let many: Vec<String> = (0..=PAIRS).map(|i| line(&i.to_string(), "p", "a")).collect();
        assert_eq!(lines(&many.join("\n")).err().unwrap().0, PAIRS + 1);
        assert_eq!(lines(&many[1..].join("\n")).unwrap().len(), PAIRS);
    }
}
