//! Limits of the API.

/// Rows of one answer at most.
pub(crate) const PAGE_ROWS_MAX: usize = 500;
/// Points of one series at most; a finer step is made coarser.
pub(crate) const SERIES_POINTS_MAX: usize = 1500;
/// Bytes of a question shown in a list.
pub(crate) const QUESTION_CHARS: usize = 240;
/// Characters of an answer shown in a list.
pub(crate) const ANSWER_CHARS: usize = 400;

/// Labels of one request at most.
pub(crate) const LABEL_LINES_MAX: usize = 1_000;
/// Characters of a person's or a dimension's name.
pub(crate) const NAME_CHARS_MAX: usize = 64;
/// Characters of a correction.
pub(crate) const CORRECTION_CHARS_MAX: usize = 20_000;

/// Every limit with its number and why.
pub const LIMITS: &[(&str, u64, &str)] = &[
    ("api_page_rows", PAGE_ROWS_MAX as u64, "rows of one answer; `limit` above it is cut"),
    ("api_series_points", SERIES_POINTS_MAX as u64, "points of one series; a finer step is made coarser"),
    ("api_question_chars", QUESTION_CHARS as u64, "characters of a question in a list"),
    ("api_label_lines", LABEL_LINES_MAX as u64, "labels of one request; more are refused"),
    ("api_name_chars", NAME_CHARS_MAX as u64, "characters of a name in a label; longer ones are refused"),
    (
        "api_correction_chars",
        CORRECTION_CHARS_MAX as u64,
        "characters of a correction; longer ones are refused",
    ),
    ("api_answer_chars", ANSWER_CHARS as u64, "characters of an answer in a list"),
];
