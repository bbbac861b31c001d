//! `bifocal grafana` against a Grafana that is not: its HTTP API with its status codes, versions and defaults.

mod cloudwatch;
mod commands;
mod server;
