//! What can be wrong with the set-up of evaluators.

use std::io;
use std::path::PathBuf;

/// Why an evaluator could not be set up. Failures of single judgements are no errors but typed failures of a score.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder or a file of rubrics could not be read.
    #[error("read rubrics `{path}`")]
    ReadRubric {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A rubric is not written as rubrics are.
    #[error("read rubric `{name}`")]
    ParseRubric {
        /// Which.
        name: String,
        /// What is wrong and where.
        #[source]
        err: Box<toml::de::Error>,
    },
    /// A rubric says something that cannot be.
    #[error("use rubric `{name}`: {problem}")]
    BadRubric {
        /// Which.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The prompt of a rubric cannot be used.
    #[error("use prompt {}{}: {problem}", path.display(), place(*line))]
    BadPrompt {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1, where one is known.
        line: Option<usize>,
        /// What is wrong.
        problem: String,
    },
    /// The schema of a rubric's reply cannot be used.
    #[error("use the reply's schema {}: {problem}", path.display())]
    BadReplySchema {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A dimension is to be judged for which there is no rubric.
    #[error("judge `{dimension}`: no rubric of that name (known: {known})")]
    NoRubric {
        /// Which dimension.
        dimension: String,
        /// The dimensions that have one.
        known: String,
    },
    /// The file of anchors could not be read.
    #[error("read anchors `{}`", path.display())]
    ReadAnchors {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A line of the file of anchors is not written as anchors are.
    #[error("read anchors {}:{line}: {problem}", path.display())]
    BadAnchor {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A file of recorded answers could not be read.
    #[error("read answers `{}`", path.display())]
    ReadAnswers {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        err: io::Error,
    },
    /// A file of recorded answers is not written as they are, or does not go with the other.
    #[error("read answers {}:{line}: {problem}", path.display())]
    BadAnswer {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1; 0 for the file as a whole.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A setting of the judge is out of its range.
    #[error("use the judge's `{setting}`: {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// The file of a probe cannot be used.
    #[error("read prompts `{}`: {what}", path.display())]
    Probe {
        /// Which.
        path: PathBuf,
        /// What is wrong, with its line.
        what: String,
    },
    /// An evaluator of one's own cannot be used.
    #[error("use evaluator `{name}`: {what}")]
    Custom {
        /// Which.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// The template of the prompt does not work.
    #[error("render the judge's prompt")]
    Prompt(#[source] minijinja::Error),
    /// The request could not be written as JSON.
    #[error("write the judge's request")]
    Request(#[source] serde_json::Error),
}

fn place(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}
