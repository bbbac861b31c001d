//! What evaluating may cost.

/// Longest text that a heuristic looks at, bytes; longer answers are judged by their head.
pub(crate) const HEURISTIC_BYTES: usize = 256 << 10;
/// Words of a text that the rules look at.
pub(crate) const EVALUATOR_WORDS: usize = 16 << 10;
/// Head of a question or context that the rules look at, bytes.
pub(crate) const QUESTION_BYTES: usize = 32 << 10;
/// End of a longer answer in which attacks on judges are looked for as well, bytes: what a judge is shown of it.
pub(crate) const ANSWER_TAIL_BYTES: usize = 16 << 10;
/// Earlier turns of a conversation that the newest is compared with.
pub(crate) const TURNS: usize = 8;
/// Head of a text that features are measured on, bytes.
pub(crate) const FEATURE_BYTES: usize = 4 << 10;
/// Words of an answer that are looked up.
pub(crate) const FEATURE_WORDS: u32 = 256;
/// Longest question shown to the judge, characters; longer ones are shown by head and tail.
pub(crate) const QUESTION_CHARS: usize = 6_000;
/// Longest answer shown to the judge, characters. WildBench judgements read 1,712 tokens on average, p95 2,814.
pub(crate) const ANSWER_CHARS: usize = 12_000;
/// Longest explanation kept, characters.
pub(crate) const EXPLANATION_CHARS: usize = 2_000;
/// Largest reply of a judge that is read, bytes.
pub(crate) const REPLY_BYTES: usize = 1 << 20;
/// Rubrics of one's own, and bytes of one of their files.
pub(crate) const RUBRIC_FILES: usize = 64;
pub(crate) const RUBRIC_FILE_BYTES: u64 = 64 << 10;
/// Steps that a rubric's template may take, and bytes of what it makes: 8,000 tokens.
pub(crate) const PROMPT_FUEL: u64 = 50_000;
pub(crate) const PROMPT_TEXT_BYTES: usize = 32 << 10;
/// Longest context shown to the judge, characters: 6,000 tokens, some ten passages of a search.
pub(crate) const CONTEXT_CHARS: usize = 24_000;
/// Places that a field map names, and bytes of one of its delimiters.
pub(crate) const CONTEXT_PLACES: usize = 32;
pub(crate) const CONTEXT_DELIMITERS: usize = 128;
/// Dimensions of one judge.
pub(crate) const DIMENSIONS: usize = 8;
/// Inferences that wait for the judge. At 30 KiB each: 60 MiB.
pub(crate) const QUEUE: usize = 2_048;
/// Shed selections that wait to be written.
pub(crate) const SHED: usize = 16_384;
/// How long an inference may wait for the judge, seconds of the clock.
pub(crate) const WAIT_SECONDS: i64 = 900;
/// Calls of one judgement, the first included.
pub(crate) const ATTEMPTS: u32 = 3;
/// Calls that fail in a row before a judge is left alone.
pub(crate) const CIRCUIT_FAILURES: u32 = 5;
/// Times that one answer is tried while its judge is away, one a minute at most: more than an hour's.
pub(crate) const CIRCUIT_TRIES: u32 = 100;
/// Longest reply that a judge is shown to repair it, characters.
pub(crate) const REPAIR_CHARS: usize = 4_000;

/// Headers of one's own on calls of a judge.
pub(crate) const HEADERS: usize = 16;
/// Evaluation rules, and characters of the condition of one.
pub(crate) const RULES: usize = 64;
pub(crate) const CONDITION_CHARS: usize = 2_000;
/// Strata that judging is allotted by, over all targets: some 30 a target.
pub(crate) const STRATA: usize = 512;
/// Chosen answers that the pace counts as still to be paid: more than wait in the queue.
pub(crate) const PACED_PENDING: usize = 4_096;

/// Answers that wait for evaluators behind HTTP (at 30 KiB: 15 MiB), bytes of a reply and characters of a label.
pub(crate) const REMOTE_QUEUE: usize = 512;
pub(crate) const REMOTE_REPLY_BYTES: usize = 64 << 10;
pub(crate) const REMOTE_LABEL_CHARS: usize = 48;
/// Evaluators of one's own.
pub(crate) const CUSTOM_EVALUATORS: usize = 16;
/// Bytes of a pattern of theirs, of what it compiles to, and of a JSON Schema.
pub(crate) const PATTERN_BYTES: usize = 4 << 10;
pub(crate) const REGEX_BYTES: usize = 1 << 20;
pub(crate) const SCHEMA_BYTES: u64 = 64 << 10;

/// Bytes of a file of vectors and of a tokenizer: four and ten times wordllama's.
pub(crate) const VECTORS_BYTES: u64 = 64 << 20;
pub(crate) const TOKENIZER_BYTES: u64 = 16 << 20;

/// Prompts of a probe, bytes of its file, characters kept of each answer, words that ROUGE-L compares.
pub(crate) const PROBE_PROMPTS: usize = 500;
pub(crate) const PROBE_FILE_BYTES: u64 = 8 << 20;
pub(crate) const PROBE_ANSWER_CHARS: usize = 500;
pub(crate) const ROUGE_WORDS: usize = 512;

/// Recorded answers of one file that are compared with those of another.
pub(crate) const PAIRS: usize = 10_000;
/// Anchors of one file: the watch keeps as many.
pub(crate) const ANCHORS: usize = 512;
/// Longest line of an anchors file, bytes: longest question and answer that a judge is shown, in four bytes a character.
pub(crate) const ANCHOR_LINE_BYTES: usize = 128 << 10;

/// Every limit of this crate with its number: name, value, why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("heuristic_bytes", HEURISTIC_BYTES as u64, "head of an answer that heuristics look at"),
    ("evaluator_words", EVALUATOR_WORDS as u64, "words of a text that the rules look at"),
    (
        "evaluator_question_bytes",
        QUESTION_BYTES as u64,
        "head of a question or context that the rules look at",
    ),
    (
        "evaluator_tail_bytes",
        ANSWER_TAIL_BYTES as u64,
        "end of a longer answer in which attacks are looked for",
    ),
    ("evaluator_turns", TURNS as u64, "earlier turns that the newest is compared with"),
    (
        "feature_bytes",
        FEATURE_BYTES as u64,
        "head of a text that features are measured on: a microsecond or two",
    ),
    ("feature_words", FEATURE_WORDS as u64, "words of an answer that are looked up, five nanoseconds each"),
    (
        "judge_question_chars",
        QUESTION_CHARS as u64,
        "question shown to the judge; the middle of longer ones is left out",
    ),
    (
        "judge_answer_chars",
        ANSWER_CHARS as u64,
        "answer shown to the judge; the middle of longer ones is left out",
    ),
    ("judge_explanation_chars", EXPLANATION_CHARS as u64, "words of the judge that are kept"),
    ("judge_reply_bytes", REPLY_BYTES as u64, "largest reply of a judge that is read"),
    ("rubric_files", RUBRIC_FILES as u64, "rubrics in a folder of one's own; more are refused at start"),
    ("rubric_file_bytes", RUBRIC_FILE_BYTES, "a longer file of a rubric is refused at start"),
    ("prompt_fuel", PROMPT_FUEL, "steps of a rubric's template; one that takes more is refused at start"),
    ("prompt_text_bytes", PROMPT_TEXT_BYTES as u64, "a template that makes more is refused at start"),
    (
        "judge_context_chars",
        CONTEXT_CHARS as u64,
        "context shown to the judge; the middle of longer ones is left out",
    ),
    ("context_places", CONTEXT_PLACES as u64, "places of context in all; more are refused at start"),
    (
        "context_delimiters",
        CONTEXT_DELIMITERS as u64,
        "bytes of a delimiter; longer ones are refused at start",
    ),
    ("judge_dimensions", DIMENSIONS as u64, "dimensions of one judge: each is a call"),
    (
        "judge_queue",
        QUEUE as u64,
        "inferences that wait for the judge; further ones are shed and recorded as such",
    ),
    ("judge_shed", SHED as u64, "shed selections that wait to be written"),
    ("judge_wait_seconds", WAIT_SECONDS as u64, "an inference that waited longer is shed"),
    ("judge_headers", HEADERS as u64, "headers of one's own on calls of a judge; more are refused"),
    ("evaluation_rules", RULES as u64, "evaluation rules; more are refused at start"),
    (
        "evaluation_condition_chars",
        CONDITION_CHARS as u64,
        "longest condition of a rule; longer ones are refused",
    ),
    ("judge_strata", STRATA as u64, "strata with a pace of their own; further ones go by the rate of all"),
    (
        "judge_paced_pending",
        PACED_PENDING as u64,
        "chosen answers whose cost is foreseen; the oldest are let go",
    ),
    (
        "remote_queue",
        REMOTE_QUEUE as u64,
        "answers that wait for evaluators behind HTTP; further ones are not asked about",
    ),
    ("remote_reply_bytes", REMOTE_REPLY_BYTES as u64, "a reply of an evaluator; a longer one is none"),
    ("remote_label_chars", REMOTE_LABEL_CHARS as u64, "a label of an evaluator; longer ones are cut"),
    (
        "custom_evaluators",
        CUSTOM_EVALUATORS as u64,
        "evaluators of one's own: each leaves a record of each answer",
    ),
    ("custom_pattern_bytes", PATTERN_BYTES as u64, "longest pattern; longer ones are refused at start"),
    ("custom_regex_bytes", REGEX_BYTES as u64, "a pattern that compiles to more is refused at start"),
    ("custom_schema_bytes", SCHEMA_BYTES, "longest JSON Schema; longer ones are refused at start"),
    ("custom_vectors_bytes", VECTORS_BYTES, "a longer file of vectors is refused at start"),
    ("custom_tokenizer_bytes", TOKENIZER_BYTES, "a longer tokenizer is refused at start"),
    ("probe_prompts", PROBE_PROMPTS as u64, "prompts of one probe; a longer file is refused"),
    ("probe_file_bytes", PROBE_FILE_BYTES, "bytes of the file of a probe; a longer one is refused"),
    ("probe_answer_chars", PROBE_ANSWER_CHARS as u64, "characters kept of each answer"),
    ("rouge_words", ROUGE_WORDS as u64, "words of answer and reference that are compared"),
    ("pairs", PAIRS as u64, "answers of one file that are compared with another's; a longer file is refused"),
    ("anchors", ANCHORS as u64, "anchors of one file; a longer file is refused"),
    ("anchor_line_bytes", ANCHOR_LINE_BYTES as u64, "a longer line of an anchors file is refused"),
    ("circuit_failures", CIRCUIT_FAILURES as u64, "calls that fail in a row before a judge is left alone"),
    (
        "judge_circuit_tries",
        CIRCUIT_TRIES as u64,
        "tries of one answer while the judge is away; then it has failed",
    ),
    ("repair_chars", REPAIR_CHARS as u64, "a reply that cannot be used is shown to its judge so far"),
    ("judge_attempts", ATTEMPTS as u64, "calls of one judgement, the first included"),
];
