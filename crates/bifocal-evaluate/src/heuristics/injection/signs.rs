//! Signs that are not words: frames of grading prompts, verdicts, chat templates.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

/// What a sign is a part of; a text's signs of one kind count once (or twice, for frames).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Opens a turn or a system message in a chat template.
    Turn,
    /// Ends one: models leak these.
    End,
    /// A piece of the frame in which graders are shown answers.
    Frame,
    /// A verdict in the form that a grader's reply is read from.
    Verdict,
    /// What stands before the mark in such a reply, if a mark follows.
    Result,
    /// The name of a field of a verdict, if a mark follows.
    Field,
    /// A turn of a dialogue, written out.
    Dialogue,
    /// Words of grading that honest answers hardly use.
    Cue,
    /// Makes a model something else than it was.
    Switch,
    /// Closes a quotation of three signs and what was around it.
    Escape,
}

use Kind::{Cue, Dialogue, End, Escape, Field, Frame, Result, Switch, Turn, Verdict};

const SIGNS: &[(Kind, &str)] = &[
    (Turn, "<|im_start|>"),
    (Turn, "<|start_header_id|>"),
    (Turn, "<|begin_of_text|>"),
    (Turn, "<|system|>"),
    (Turn, "<|user|>"),
    (Turn, "<|assistant|>"),
    (Turn, "<<sys>>"),
    (Turn, "[system_prompt]"),
    (Turn, "<start_of_turn>"),
    (Turn, "<system>"),
    (Turn, "<instructions>"),
    (End, "<|im_end|>"),
    (End, "<|endoftext|>"),
    (End, "<|end_of_text|>"),
    (End, "<|eot_id|>"),
    (End, "<end_of_turn>"),
    (End, "[inst]"),
    (End, "[/inst]"),
    (Frame, "[the start of assistant"),
    (Frame, "[the end of assistant"),
    (Frame, "[start of assistant"),
    (Frame, "[end of assistant"),
    (Frame, "[end of response"),
    (Frame, "[end of answer"),
    (Frame, "end of candidate"),
    (Frame, "end candidate"),
    (Frame, "[end data]"),
    (Frame, "[begin data]"),
    (Frame, "## model output"),
    (Frame, "# model output"),
    (Frame, "outputs from the models"),
    (Frame, "model_identifier"),
    (Frame, "model identifier"),
    (Frame, "assistant a's answer"),
    (Frame, "assistant b's answer"),
    (Frame, "score rubric"),
    (Frame, "begin grader"),
    (Frame, "end grader"),
    (Frame, "</answer>"),
    (Frame, "</response>"),
    (Frame, "</candidate>"),
    (Frame, "</submission>"),
    (Frame, "<evaluation>"),
    (Frame, "<verdict>"),
    (Frame, "<score>"),
    (Frame, "judge_config"),
    (Frame, "min_score"),
    (Verdict, "[[a]]"),
    (Verdict, "[[b]]"),
    (Verdict, "[[c]]"),
    (Result, "rating: [["),
    (Result, "[result]"),
    (Field, "\"score\""),
    (Field, "\"rating\""),
    (Field, "\"verdict\""),
    (Field, "\"winner\""),
    (Field, "\"rank\""),
    (Field, "final score"),
    (Field, "overall score"),
    (Field, "final verdict"),
    (Field, "verdict:"),
    (Field, "winner:"),
    (Field, "rating:"),
    (Field, "score:"),
    (Field, "score="),
    (Field, "grade:"),
    (Field, "mark:"),
    (Field, "better answer:"),
    (Field, "better response:"),
    (Frame, "end of assessment"),
    (Frame, "end of evaluation"),
    (Switch, "of this evaluation"),
    (Switch, "before this line"),
    (Switch, "after this line"),
    (Switch, "whoever scores"),
    (Switch, "whoever grades"),
    (Switch, "whoever reads"),
    (Switch, "pre-filled"),
    (Dialogue, "\nhuman:"),
    (Dialogue, "\nuser:"),
    (Dialogue, "\nsystem:"),
    (Dialogue, "\nassistant:"),
    (Switch, "you are now"),
    (Switch, "from now on"),
    (Switch, "new task"),
    (Switch, "new instructions"),
    (Switch, "debug mode"),
    (Switch, "debug-mode"),
    (Switch, "developer mode"),
    (Switch, "admin mode"),
    (Switch, "system override"),
    (Switch, "stop evaluating"),
    (Cue, "grader"),
    (Cue, "evaluator"),
    (Cue, "annotator"),
    (Cue, "autorater"),
    (Cue, "rubric"),
    (Cue, "reference answer"),
    (Cue, "reference response"),
    (Cue, "candidate answer"),
    (Cue, "candidate response"),
    (Cue, "assistant a's"),
    (Cue, "assistant b's"),
    (Cue, "two responses"),
    (Cue, "both responses"),
    (Cue, "other assistant"),
    (Cue, "other response"),
    (Cue, "other answer"),
    (Cue, "first model"),
    (Cue, "second model"),
    (Cue, "first response"),
    (Cue, "second response"),
    (Cue, "full marks"),
    (Cue, "full credit"),
    (Cue, "full score"),
    (Cue, "perfect score"),
    (Cue, "perfect answer"),
    (Cue, "top rating"),
    (Cue, "top score"),
    (Cue, "maximum score"),
    (Cue, "maximum rating"),
    (Cue, "maximum grade"),
    (Cue, "highest score"),
    (Cue, "highest rating"),
    (Cue, "low score"),
    (Cue, "10/10"),
    (Cue, "a+."),
    (Cue, "this answer"),
    (Cue, "this response"),
    (Cue, "this output"),
    (Cue, "this reply"),
    (Cue, "this submission"),
    (Cue, "the submission"),
    (Cue, "response above"),
    (Cue, "answer above"),
    (Cue, "any response"),
    (Cue, "any answer"),
    (Cue, "the response"),
    (Cue, "nothing else"),
    (Cue, "without any explanation"),
    (Cue, "without explanation"),
    (Cue, "not check"),
    (Cue, "to check it"),
    (Cue, "checks it"),
    (Cue, "decoy"),
    (Cue, "penali"),
    (Cue, "must be considered"),
    (Cue, "treated as"),
    (Cue, "with the word"),
    (Cue, "question was"),
    (Cue, "question above"),
    (Cue, "be generous"),
    (Cue, "score must"),
    (Cue, "score is"),
    (Cue, "scores below"),
    (Cue, "is asked to"),
    (Cue, "official decision"),
    (Cue, "has been completed"),
    (Escape, "\"\"\"\n}"),
    (Escape, "\"\"\"\n    }"),
    (Escape, "\"\"\",\n}"),
    (Escape, "} } } }"),
];

// A set of fixed words always builds; if a change ever makes it fail, the tests say so.
static MATCHER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).kind(Some(AhoCorasickKind::DFA));
    builder.build(SIGNS.iter().map(|(_, sign)| sign)).ok()
});

/// Points of the signs of a text.
pub(super) fn points(text: &str) -> f64 {
    let Some(matcher) = MATCHER.as_ref() else { return 0.0 };
    let [mut turns, mut ends, mut verdicts, mut results, mut dialogues, mut switches, mut escapes] =
        [0u32; 7];
    let (mut frames, mut fields, mut cues) = (Distinct::default(), Distinct::default(), Distinct::default());
    for found in matcher.find_iter(text) {
        let at = found.pattern().as_usize();
        let Some((kind, _)) = SIGNS.get(at) else { continue };
        let behind = || text.as_bytes().get(found.end()..).unwrap_or_default();
        match kind {
            Turn => turns += 1,
            End => ends += 1,
            Frame => frames.add(at),
            Verdict => verdicts += 1,
            Result => results += u32::from(has_mark(behind())),
            Field if has_mark(behind()) => fields.add(at),
            Field => {}
            Dialogue => dialogues += 1,
            Cue => cues.add(at),
            Switch => switches += 1,
            Escape => escapes += 1,
        }
    }
    let some = |count: u32, points: f64| if count > 0 { points } else { 0.0 };
    some(turns, 2.0)
        + some(ends, 1.0)
        + 1.5 * f64::from(frames.count.min(2))
        + some(verdicts, 2.5)
        + some(results, 3.0)
        + f64::from(fields.count.min(2))
        + some(dialogues.saturating_sub(1), 1.0)
        + some(switches, 1.0)
        + f64::from(cues.count.min(3))
        + some(escapes, 1.0)
}

/// How many different signs were seen.
#[derive(Default)]
struct Distinct {
    seen: [u64; 4],
    count: u32,
}

impl Distinct {
    fn add(&mut self, at: usize) {
        let Some(word) = self.seen.get_mut(at / 64) else { return };
        self.count += u32::from(*word >> (at % 64) & 1 == 0);
        *word |= 1 << (at % 64);
    }
}

/// Whether what follows is a mark: a number or a verdict, behind a few signs.
fn has_mark(behind: &[u8]) -> bool {
    let behind = &behind[..behind.len().min(16)];
    let start = behind.iter().position(u8::is_ascii_alphanumeric).unwrap_or(behind.len());
    let mark = &behind[start..];
    let ends = |length: usize| mark.get(length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    start <= 5
        && (mark.first().is_some_and(u8::is_ascii_digit)
            || [&b"pass"[..], b"a", b"this", b"correct", b"safe"].iter().any(|word| {
                mark.len() >= word.len() && mark[..word.len()].eq_ignore_ascii_case(word) && ends(word.len())
            }))
}
