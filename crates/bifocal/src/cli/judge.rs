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
    /// Have two judges score the same answers: the step of the mean, the map from one to the other, what it means for baselines.
    #[command(after_long_help = BRIDGE_EXAMPLES)]
    Bridge(BridgeArgs),
    /// Have the judge compare two sets of recorded answers, each pair in both orders: which wins, and whether the judge goes by the
    /// place.
    #[command(after_long_help = PAIRWISE_EXAMPLES)]
    Pairwise(PairwiseArgs),
}

const PAIRWISE_EXAMPLES: &str = r#"Examples:
  bifocal judge pairwise bifocal.toml old.jsonl new.jsonl
  bifocal judge pairwise bifocal.toml old.jsonl new.jsonl --dimension helpfulness --repeat 2 --format json

Of CONFIG only its [judge] and `rubrics` matter. A line of A and of B is {"id", "prompt", "answer"}; answers to the same question
have the same id. Each pair costs two calls, times --repeat, outside of the daily budget. Guide: docs/guide/judge.md"#;

/// `judge pairwise`.
#[derive(Clone, Debug, Args)]
pub struct PairwiseArgs {
    /// Configuration file of the judge.
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,
    /// Answers of one model.
    #[arg(value_name = "A")]
    pub a: PathBuf,
    /// Answers of the other to the same questions.
    #[arg(value_name = "B")]
    pub b: PathBuf,
    /// What they are compared on [default: the first dimension of the judge]
    #[arg(long, value_name = "NAME")]
    pub dimension: Option<String>,
    /// At most so many pairs.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub limit: usize,
    /// How often each pair is asked about in each order; from 2 on the judge's repeatability is told.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repeat: u32,
}

const BRIDGE_EXAMPLES: &str = r#"Examples:
  bifocal judge bridge bifocal.toml next.toml --set answers.jsonl
  bifocal judge bridge bifocal.toml next.toml --limit 50 --format json

OLD and NEW are configuration files; only their [judge] and `rubrics` matter. Each answer costs a call of either judge for
each dimension, outside of the daily budgets. A line of --set is an anchor: {"id", "prompt", "answer", "scores"}; take 200
answers like those that will be judged. Guide: docs/guide/judge.md"#;

/// `judge bridge`.
#[derive(Clone, Debug, Args)]
pub struct BridgeArgs {
    /// Configuration file of the judge in use.
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// Configuration file of the judge that may take its place.
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
    /// Answers that both score, in the form of anchors [default: the anchors of OLD]
    #[arg(long, value_name = "FILE")]
    pub set: Option<PathBuf>,
    /// At most so many of them.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub limit: usize,
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
