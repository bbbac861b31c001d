//! One file a command.

pub mod backfill;
pub mod backtest;
pub mod check;
pub mod cloudwatch;
pub mod demo;
pub mod explain;
pub mod grafana;
pub mod iam;
pub mod judge;
mod named;
pub mod plan;
pub mod serve;
