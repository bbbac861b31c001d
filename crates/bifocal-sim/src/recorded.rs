//! Answers that real models once gave, with the score that a real judge once gave them, served behind a name that does not
//! change when the model behind it does.
//!
//! The files are JSON lines, gzipped: prompts with `prompt_id` and `prompt`; responses with `prompt_id`, `model`,
//! `response` and `judge_score` in [0, 1].

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use bifocal_model::{Span, Timestamp, fnv1a};
use bytes::Bytes;
use serde::Deserialize;

use crate::SimError;
use crate::exchange::{Arrival, Exchange, Request, Response};
use crate::incident::Incidents;
use crate::judge::JudgeTable;
use crate::openai::{Dialect, Generated, quoted, tokens};
use crate::random::Random;
use crate::script::{Ask, Script};
use crate::trace::{Trace, read_gz};

#[cfg(test)]
mod tests;

/// Seconds to the first token: at least, and for each token of the recorded request.
const TTFT_BASE_SECONDS: f64 = 0.12;
const PREFILL_SECONDS_PER_TOKEN: f64 = 0.000_15;
/// Pace of the answer, seconds per token.
const ITL_SECONDS: f64 = 0.015;
/// Requests that came in the last so many seconds count as running.
const RUNNING_SECONDS: i64 = 4;

/// Prompts with the answers of two models.
#[derive(Clone, Debug)]
pub struct Recorded {
    pairs: Vec<Pair>,
}

#[derive(Clone, Debug)]
struct Pair {
    prompt: String,
    before: Answer,
    after: Answer,
}

#[derive(Clone, Debug)]
struct Answer {
    text: String,
    score: f64,
}

#[derive(Deserialize)]
struct PromptLine {
    prompt_id: String,
    prompt: String,
}

#[derive(Deserialize)]
struct ResponseLine {
    prompt_id: String,
    model: String,
    response: String,
    judge_score: f64,
}

/// Answers with the scores that several judges gave them, on 1 to 10.
#[derive(Deserialize)]
struct ScoresLine {
    prompt_id: String,
    model: String,
    response: String,
    scores: HashMap<String, f64>,
}

/// A name that clients ask for, and when the model behind it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedTarget {
    /// The model name as requested and as reported.
    pub name: String,
    /// The first request that the later model answers; `None`: never.
    pub swapped_from: Option<u64>,
}

/// Recorded answers as traffic.
#[derive(Clone, Debug)]
pub struct RecordedScript {
    seed: u64,
    recorded: Arc<Recorded>,
    trace: Trace,
    start: Timestamp,
    targets: Vec<RecordedTarget>,
}

impl Recorded {
    /// Joins responses to prompts by `prompt_id` and keeps the prompts that both models answered.
    pub fn load(
        responses_gz: &Path,
        prompts_gz: &Path,
        before_model: &str,
        after_model: &str,
    ) -> Result<Self, SimError> {
        let mut answers: HashMap<(String, bool), Answer> = HashMap::new();
        for line in lines::<ResponseLine>(responses_gz)? {
            let answer = Answer { text: line.response, score: line.judge_score.clamp(0.0, 1.0) };
            // The two models may be the same one: nothing changes then.
            if line.model == before_model {
                answers.insert((line.prompt_id.clone(), false), answer.clone());
            }
            if line.model == after_model {
                answers.insert((line.prompt_id, true), answer);
            }
        }
        let mut pairs = Vec::new();
        for line in lines::<PromptLine>(prompts_gz)? {
            let before = answers.remove(&(line.prompt_id.clone(), false));
            let after = answers.remove(&(line.prompt_id, true));
            if let (Some(before), Some(after)) = (before, after) {
                pairs.push(Pair { prompt: line.prompt, before, after });
            }
        }
        if pairs.is_empty() {
            return Err(SimError::NoSuchModel {
                model: after_model.to_owned(),
                before: before_model.to_owned(),
            });
        }
        Ok(Self { pairs })
    }

    /// From a file of answers with scores of several judges on 1 to 10, without prompts: those of one judge. A prompt's id
    /// stands for it.
    pub fn load_scores(
        scores_gz: &Path,
        judge: &str,
        before_model: &str,
        after_model: &str,
    ) -> Result<Self, SimError> {
        let mut by_prompt: BTreeMap<String, (Option<Answer>, Option<Answer>)> = BTreeMap::new();
        for line in lines::<ScoresLine>(scores_gz)? {
            let Some(score) = line.scores.get(judge) else { continue };
            let answer = Answer { text: line.response, score: ((score - 1.0) / 9.0).clamp(0.0, 1.0) };
            let (before, after) = by_prompt.entry(line.prompt_id).or_default();
            if line.model == before_model {
                *before = Some(answer.clone());
            }
            if line.model == after_model {
                *after = Some(answer);
            }
        }
        let pairs = by_prompt.into_iter().filter_map(|(id, (before, after))| {
            let words: Vec<String> =
                id.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into()).collect();
            Some(Pair { prompt: format!("Task {}", words.join(" ")), before: before?, after: after? })
        });
        let pairs: Vec<Pair> = pairs.collect();
        if pairs.is_empty() {
            return Err(SimError::NoSuchModel {
                model: after_model.to_owned(),
                before: before_model.to_owned(),
            });
        }
        Ok(Self { pairs })
    }

    /// The first so many prompts, and the others.
    pub fn split(&self, first: usize) -> (Self, Self) {
        let (head, tail) = self.pairs.split_at(first.min(self.pairs.len()));
        (Self { pairs: head.to_vec() }, Self { pairs: tail.to_vec() })
    }

    /// The prompts with the later model's answers: an anchors file, each with the score that the judge gave it on a dimension.
    pub fn anchors(&self, dimension: &str) -> String {
        let mut text = String::new();
        for (at, Pair { prompt, after, .. }) in
            self.pairs.iter().enumerate().filter(|(_, p)| !p.after.text.is_empty())
        {
            let scores = serde_json::json!({ dimension: after.score });
            let line = serde_json::json!({
                "id": format!("recorded-{at}"), "prompt": prompt, "answer": after.text, "scores": scores
            });
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// How many prompts both models answered.
    pub fn prompts(&self) -> usize {
        self.pairs.len()
    }

    /// The mean recorded score before and after the change.
    pub fn mean_scores(&self) -> (f64, f64) {
        let mean =
            |score: fn(&Pair) -> f64| self.pairs.iter().map(score).sum::<f64>() / self.pairs.len() as f64;
        (mean(|pair| pair.before.score), mean(|pair| pair.after.score))
    }

    /// What a judge needs to give these scores again. `normalise` does to the texts what is done to them before a judge
    /// sees them (redaction).
    pub fn judge_table(&self, normalise: fn(&str) -> String) -> JudgeTable {
        let mut table = JudgeTable::of_corpus();
        self.add_to(&mut table, normalise);
        table
    }

    /// The same, added to what a judge knows.
    pub fn add_to(&self, table: &mut JudgeTable, normalise: fn(&str) -> String) {
        for pair in &self.pairs {
            let question = normalise(&pair.prompt);
            for answer in [&pair.before, &pair.after] {
                table.add_recorded(&question, &normalise(&answer.text), answer.score);
            }
        }
    }
}

fn lines<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Vec<T>, SimError> {
    let text = read_gz(path)?;
    let parse = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|_| SimError::BadRecord { path: path.to_owned(), line: at + 1 })
    };
    text.lines().enumerate().filter(|(_, line)| !line.is_empty()).map(parse).collect()
}

impl RecordedScript {
    /// Traffic to some targets. Each draws its prompts on its own, with replacement; all come at the trace's times
    /// from `start` on.
    pub fn new(
        seed: u64,
        recorded: Arc<Recorded>,
        trace: Trace,
        start: Timestamp,
        targets: Vec<RecordedTarget>,
    ) -> Self {
        Self { seed, recorded, trace, start, targets }
    }

    fn target(&self, name: &str) -> Option<&RecordedTarget> {
        self.targets.iter().find(|target| target.name == name)
    }

    fn pair(&self, name: &str, index: u64) -> &Pair {
        Random::keyed(self.seed, &[fnv1a(name.bytes()), index]).of(&self.recorded.pairs)
    }

    /// An arrival of a target with its answer; `None` where there is no such target.
    pub fn exchange(&self, name: &str, index: u64) -> Option<Exchange> {
        let time = self.start + Span::from_secs_f64(self.trace.row(index).1);
        let (request, response) =
            (self.request(name, index, &Incidents::none())?, self.respond(name, index, &Incidents::none())?);
        Some(Exchange { component: name.to_owned(), index, time, request, response })
    }
}

impl Script for RecordedScript {
    fn models(&self) -> Vec<String> {
        self.targets.iter().map(|target| target.name.clone()).collect()
    }

    fn arrivals(&self, model: &str, from: Timestamp, to: Timestamp, _incidents: &Incidents) -> Vec<Arrival> {
        self.target(model).map_or_else(Vec::new, |_| self.trace.arrivals(self.start, from, to))
    }

    fn request(&self, model: &str, index: u64, _incidents: &Incidents) -> Option<Request> {
        let name = &self.target(model)?.name;
        let body = format!(
            "{{\"model\":{},\"messages\":[{{\"role\":\"user\",\"content\":{}}}],\"stream\":true,\
             \"stream_options\":{{\"include_usage\":true}}}}",
            quoted(name),
            quoted(&self.pair(name, index).prompt)
        );
        let headers = vec![("content-type", "application/json".to_owned())];
        Some(Request { path: "/v1/chat/completions", headers, body: Bytes::from(body) })
    }

    fn respond(&self, model: &str, index: u64, _incidents: &Incidents) -> Option<Response> {
        let target = self.target(model)?;
        let pair = self.pair(&target.name, index);
        let swapped = target.swapped_from.is_some_and(|from| index >= from);
        let answer = if swapped { &pair.after } else { &pair.before };
        let (row, seconds) = self.trace.row(index);
        let generated = Generated {
            dialect: Dialect::Chat,
            id: index,
            model: &target.name,
            created: self.start + Span::from_secs_f64(seconds),
            text: &answer.text,
            prompt_tokens: tokens(&pair.prompt),
            finish_reason: "stop",
            ttft_seconds: TTFT_BASE_SECONDS + PREFILL_SECONDS_PER_TOKEN * row.input_tokens,
            itl_seconds: ITL_SECONDS,
        };
        Some(generated.streamed())
    }

    fn improvise(&self, ask: &Ask, at: Timestamp, _incidents: &Incidents) -> Option<Response> {
        let target = self.target(&ask.model)?;
        let known = self.recorded.pairs.iter().find(|pair| pair.prompt == ask.question);
        let answer = &known.or_else(|| self.recorded.pairs.first())?.before;
        let generated = Generated {
            dialect: ask.dialect,
            id: fnv1a(ask.question.bytes()),
            model: &target.name,
            created: at,
            text: &answer.text,
            prompt_tokens: tokens(&ask.question),
            finish_reason: "stop",
            ttft_seconds: TTFT_BASE_SECONDS,
            itl_seconds: ITL_SECONDS,
        };
        Some(if ask.streamed { generated.streamed() } else { generated.whole() })
    }

    fn metrics_text(&self, at: Timestamp, incidents: &Incidents) -> String {
        let mut page = "# TYPE vllm:num_requests_running gauge\n".to_owned();
        let from = at - Span::from_secs(RUNNING_SECONDS);
        for target in &self.targets {
            let running = self.arrivals(&target.name, from, at, incidents).len();
            let label = format!("{{engine=\"0\",model_name={}}}", quoted(&target.name));
            let _ = writeln!(
                page,
                "vllm:num_requests_running{label} {running}\nvllm:num_requests_waiting{label} 0"
            );
        }
        page
    }
}
