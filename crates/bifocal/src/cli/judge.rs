//! `bifocal judge`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The judge as an instrument.
#[derive(Debug, Subcommand)]
pub enum JudgeCommand {
    /// Read labels of people from a file of JSON lines into the store; twice the same file changes nothing.
    #[command(after_long_help = LABELS_FORM)]
    Labels(LabelsArgs),
    /// How each judge agrees with people, and what people would say of all that it judged.
    Agreement(JudgeStore),
}

const LABELS_FORM: &str = r#"A line is one person's word on one answer:
  {"inference": "0199...", "who": "ann", "dimension": "relevance", "grade": 4}
  {"inference": "0199...", "who": "ann", "thumbs": "down", "correction": "It closes at six."}
with one of "grade" (1 to 5), "pass" (true or false) and "thumbs" ("up" or "down"); without "dimension" it is about the
answer as a whole. Lines that cannot be taken are told and left out; the exit code is then 1. Guide: docs/guide/judge.md"#;

/// `judge labels`.
#[derive(Clone, Debug, Args)]
pub struct LabelsArgs {
    /// The file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    #[expect(missing_docs, reason = "the flags are documented where they are declared")]
    pub store: JudgeStore,
}

/// Which store.
#[derive(Clone, Debug, Args)]
pub struct JudgeStore {
    /// The data folder of `bifocal serve`, which must not run [default: ./bifocal-data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Configuration file: its [server] and [quality] hold.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
