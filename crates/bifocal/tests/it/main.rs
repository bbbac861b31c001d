//! Tests of the whole: the real binary, or its library in process. One test binary, so that it is linked once.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test stops at the first thing that is not as it should be"
)]

mod away;
mod backtest_real;
mod command_line;
mod days;
mod grafana;
mod harness;
mod injection;
mod judge_crowd;
mod kills;
mod label_lines;
mod ledger;
mod own_evaluators;
mod planned_swaps;
mod probes;
mod real_components;
mod recorded_judge;
mod recorded_swap;
mod replay;
mod sagemaker;
mod simulation;
mod targets;
