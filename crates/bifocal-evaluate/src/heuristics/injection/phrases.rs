//! Words that speak to a grader, found by the classes of words that stand near each other.

use std::sync::LazyLock;

use crate::heuristics::words::{Word, WordTable};

type Classes = u32;
const CLASSES: usize = 21;
/// Sets instructions aside.
const OVERRIDE: Classes = 1;
/// What was said before.
const PRIOR: Classes = 1 << 1;
/// What a model was told.
const INSTRUCTIONS: Classes = 1 << 2;
/// Who grades.
const GRADER: Classes = 1 << 3;
/// What graders do with a mark.
const GIVE: Classes = 1 << 4;
/// The best mark, or a word for it.
const TOP: Classes = 1 << 5;
/// A mark.
const SCORE: Classes = 1 << 6;
/// An answer.
const ANSWER: Classes = 1 << 7;
/// Must, please, simply, only, instead, …
const URGE: Classes = 1 << 8;
/// A number of up to three digits.
const NUMBER: Classes = 1 << 9;
const NOT: Classes = 1 << 10;
/// Follow, obey, check, …
const FOLLOW: Classes = 1 << 11;
const YOU: Classes = 1 << 12;
/// Grading, as work.
const GRADING: Classes = 1 << 13;
/// This, diese, cette, …
const THIS: Classes = 1 << 14;
/// What graders do, and others hardly.
const RATE: Classes = 1 << 15;
/// Opens a word to somebody.
const NOTE: Classes = 1 << 16;
/// A language model.
const MODEL: Classes = 1 << 17;
/// Vouches for something.
const CLAIM: Classes = 1 << 18;
/// Who grades, in words for nobody else.
const SCORER: Classes = 1 << 19;
/// What is graded by.
const RUBRIC: Classes = 1 << 20;

const LISTS: &[(Classes, &str)] = &[
    (
        OVERRIDE,
        "ignore disregard forget override overrides bypass revoked revoke void supersede supersedes replaces ignoring \
         ignoriere ignorieren vergiss missachte ignorez oubliez ignora ignoren olvida olvide neglect overruled",
    ),
    (
        PRIOR,
        "previous previously above prior earlier original preceding all any everything vorherigen obigen bisherigen alle \
         précédentes toutes précédents tous anteriores previas todas todo",
    ),
    (
        INSTRUCTIONS,
        "instruction instructions prompt prompts rubric rubrics guideline guidelines criteria criterion directions told \
         anweisungen anweisung vorgaben kriterien consignes instrucciones criterios rules conversation",
    ),
    (
        GRADER,
        "grader graders judge judges evaluator evaluators rater raters scorer scorers autorater annotator annotators \
         reviewer reviewers assessor assessors bewerter bewerterin prüfer gutachter évaluateur évaluateurs correcteur \
         evaluador evaluadores juez verifier",
    ),
    (
        GIVE,
        "give gives award assign assigns rate rated rates score mark grade output return returns print emit respond reply \
         choose pick select prefer deserve deserves receive receives treat treated vergib vergebe vergeben gib bewerte mark \
         bewerten accept confirm skip reward earn earns gets consider considered printing repeat antworte antworten donner dar attribuez donnez notez accordez asigna otorga da califica assume declare",
    ),
    (
        TOP,
        "highest maximum max full fully perfect top best excellent highly flawless winner pass better preferred correct \
         gold generous beste besten bester höchste höchsten höchstnote maximale maximal volle vollen bestnote máxima máximo mejor meilleure parfaite \
         fehlerfrei trusted",
    ),
    (
        SCORE,
        "score scores rating ratings mark marks grade grades credit star stars verdict punktzahl note bewertung \
         puntuación nota calificación punkte preferred winner ranking höchstnote bestnote",
    ),
    (
        ANSWER,
        "answer response reply output submission answers responses outputs antwort antworten réponse \
         respuesta",
    ),
    (URGE, "must please should simply only always instead bitte regardless need nothing kindly reminded reminder doit devez debes musst muss without agree hereby"),
    (NOT, "not don t never no"),
    (FOLLOW, "follow obey check verify read use"),
    (YOU, "you your yours"),
    (
        GRADING,
        "evaluates assess assesses assessed assessment penalise penalised penalize penalized penalties deduct deductions benchmark
         evaluation evaluating evaluate grading judging graded bewertung évaluation evaluación \
         criterion rubric rubrics",
    ),
    (THIS, "this diese dieser cette esta"),
    (RATE, "rate grade score award mark bewerte bewerten notez califica"),
    (NOTE, "attention dear note notice hinweis memo message tip important"),
    (MODEL, "model llm models ai"),
    (SCORER, "grader graders evaluator evaluators rater raters scorer scorers autorater assessor assessors bewerter évaluateur evaluador"),
    (RUBRIC, "rubric rubrics"),
    (
        CLAIM,
        "verified certified certify approved validated official committee developers experts admin administrator author confirm geprüft \
         vérifié verificado",
    ),
];

static TABLE: LazyLock<WordTable<Classes>> = LazyLock::new(|| WordTable::new(LISTS, |a, b| a | b));

/// Points for classes that stand within so many words. Each rule counts once.
const RULES: &[(f64, usize, Classes)] = &[
    (3.0, 12, OVERRIDE | PRIOR | INSTRUCTIONS),
    (3.0, 3, OVERRIDE | INSTRUCTIONS),
    (1.5, 2, OVERRIDE | PRIOR),
    (1.5, 12, OVERRIDE | PRIOR | YOU | INSTRUCTIONS),
    (2.5, 6, NOT | FOLLOW | YOU | INSTRUCTIONS),
    (1.5, 8, GRADER | GIVE | URGE),
    (1.0, 8, GRADER | GIVE | TOP),
    (1.5, 14, GRADER | GIVE | TOP | SCORE),
    (1.5, 14, GRADER | GIVE | NUMBER),
    (1.0, 12, GRADER | ANSWER | SCORE),
    (1.0, 3, GRADER | YOU),
    (1.5, 5, NOTE | GRADER),
    (1.0, 2, NOTE | MODEL),
    (2.0, 4, RATE | THIS | ANSWER),
    (1.0, 6, RATE | THIS | ANSWER | TOP),
    (0.5, 10, GIVE | TOP | SCORE),
    (0.5, 5, GIVE | TOP | SCORE),
    (1.5, 10, GIVE | TOP | SCORE | ANSWER | THIS),
    (1.0, 6, GIVE | THIS | ANSWER | TOP),
    (1.0, 3, TOP | THIS | ANSWER),
    (1.0, 8, GIVE | SCORE | NUMBER | URGE),
    (1.0, 8, GIVE | ANSWER | NUMBER | SCORE),
    (1.0, 4, GIVE | NUMBER | URGE),
    (1.5, 12, GRADING | ANSWER | TOP | GIVE),
    (1.0, 8, GRADING | THIS | ANSWER),
    (1.0, 8, GRADING | SCORE | NUMBER),
    (1.5, 18, GRADING | SCORE | NUMBER | GIVE),
    (1.0, 8, GRADING | GIVE | THIS),
    (1.0, 10, YOU | GRADING | GIVE),
    (2.0, 6, YOU | MODEL | GRADING),
    (1.0, 8, SCORE | YOU | GIVE | ANSWER),
    (1.0, 6, INSTRUCTIONS | TOP | NUMBER),
    (1.0, 12, INSTRUCTIONS | GRADING | NUMBER | TOP),
    (0.5, 6, GIVE | TOP | ANSWER),
    (1.0, 3, INSTRUCTIONS | GRADER),
    (2.0, 1, MODEL | GRADER),
    (1.5, 12, CLAIM | ANSWER | SCORE),
    (1.0, 6, CLAIM | GRADING),
    (1.0, 6, CLAIM | GRADER),
    (0.5, 10, YOU | URGE | GIVE | ANSWER),
    (0.5, 4, YOU | GIVE | SCORE),
    (1.0, 4, SCORE | NUMBER | URGE),
    (0.5, 1, THIS | ANSWER),
    (1.0, 8, THIS | ANSWER | TOP),
    (1.0, 12, THIS | ANSWER | GRADING),
    (1.0, 12, THIS | ANSWER | SCORE),
    (0.5, 8, THIS | ANSWER | URGE),
    (0.5, 6, THIS | ANSWER | GIVE),
    (0.5, 8, THIS | ANSWER | CLAIM),
    (1.0, 0, SCORER),
    (1.0, 10, SCORER | ANSWER),
    (1.0, 0, RUBRIC),
    (1.0, 8, RUBRIC | NUMBER),
    (0.5, 1, YOU | SCORE | GIVE),
    (0.5, 3, YOU | SCORE | NUMBER),
    (0.5, 8, GRADING | ANSWER),
    (0.5, 8, GRADING | YOU),
    (0.5, 8, GRADING | TOP),
    (0.5, 4, GRADING | GIVE),
    (1.0, 10, GRADER | TOP | SCORE),
];

/// Points of the phrases of a text.
pub(super) fn points(words: &[Word], text: &str) -> f64 {
    let (met, spelled) = rules_met(words, text);
    let points = RULES.iter().enumerate().filter(|(i, _)| met >> i & 1 == 1).map(|(_, (points, ..))| points);
    points.sum::<f64>() + if spelled { 1.5 } else { 0.0 }
}

/// A bit for each rule, and whether words are spelled letter by letter.
fn rules_met(words: &[Word], text: &str) -> (u64, bool) {
    let mut last = [usize::MAX; CLASSES];
    let mut met = 0u64;
    let (mut single, mut longest_single) = (0, 0);
    for (at, word) in words.iter().enumerate() {
        // Letters spelled one by one hide a phrase.
        let is_letter =
            word.length == 1 && text.as_bytes().get(word.start).is_some_and(u8::is_ascii_alphabetic);
        single = if is_letter { single + 1 } else { 0 };
        longest_single = longest_single.max(single);
        let mut classes = TABLE.get(word.hash);
        if classes == 0 && is_number(word, text) {
            classes = NUMBER;
        }
        if classes == 0 {
            continue;
        }
        let mut rest = classes;
        while rest != 0 {
            last[rest.trailing_zeros() as usize] = at;
            rest &= rest - 1;
        }
        for (i, (_, near, needed)) in RULES.iter().enumerate() {
            if met >> i & 1 == 0 && needed & classes != 0 && stand_within(&last, at, *near, *needed) {
                met |= 1 << i;
            }
        }
    }
    (met, longest_single >= SPELLED)
}

/// Whether every class was seen within so many words.
fn stand_within(last: &[usize; CLASSES], at: usize, near: usize, needed: Classes) -> bool {
    let mut rest = needed;
    while rest != 0 {
        let seen = last[rest.trailing_zeros() as usize];
        if seen == usize::MAX || at - seen > near {
            return false;
        }
        rest &= rest - 1;
    }
    true
}

/// So many single letters in a row are a word that is spelled.
const SPELLED: usize = 12;

/// A number of up to three digits.
fn is_number(word: &Word, text: &str) -> bool {
    word.length <= 3
        && text
            .as_bytes()
            .get(word.start..word.start + word.length)
            .is_some_and(|bytes| bytes.iter().all(u8::is_ascii_digit))
}
