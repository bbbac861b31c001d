//! One file a command.

pub mod backfill;
pub mod check;
pub mod demo;
pub mod explain;
pub mod serve;
