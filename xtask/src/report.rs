//! The one place of xtask that prints.

use std::time::Duration;

/// One line on standard output.
#[expect(clippy::print_stdout, reason = "a command line tool answers on standard output")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// A line that stands out between the output of other programs.
pub(crate) fn heading(name: &str) {
    say(&format!("\n==> {name}"));
}

/// How one step of a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    Failed,
    Skipped(String),
}

/// One step of a run: its name, how long it took and how it ended.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) took: Duration,
    pub(crate) outcome: Outcome,
}

/// The table of steps, one line each.
pub(crate) fn table(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let (word, reason) = match &step.outcome {
            Outcome::Passed => ("ok", ""),
            Outcome::Failed => ("FAILED", ""),
            Outcome::Skipped(reason) => ("SKIPPED", reason.as_str()),
        };
        let line = format!("{:<12} {:>7.1} s  {word:<7} {reason}", step.name, step.took.as_secs_f64());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let total: Duration = steps.iter().map(|step| step.took).sum();
    text.push_str(&format!("{:<12} {:>7.1} s", "total", total.as_secs_f64()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_time_outcome_and_reason_of_each_step() {
        let steps = [
            Step { name: "fmt", took: Duration::from_millis(1500), outcome: Outcome::Passed },
            Step { name: "e2e", took: Duration::ZERO, outcome: Outcome::Skipped("no chromium".to_owned()) },
            Step { name: "tests", took: Duration::from_secs(60), outcome: Outcome::Failed },
        ];
        let expected = "fmt              1.5 s  ok\n\
                        e2e              0.0 s  SKIPPED no chromium\n\
                        tests           60.0 s  FAILED\n\
                        total           61.5 s";
        assert_eq!(table(&steps), expected);
    }
}
