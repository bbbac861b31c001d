//! A first look over a history: what there is, and which threshold a budget buys for it.

use std::collections::HashSet;

use bifocal_model::{Span, Timestamp};
use bifocal_stats::budget;

use crate::config::AlertingConfig;

use super::line::Line;

const DAYS_30: Span = Span::from_secs(30 * 24 * 3600);

/// Counts over all lines.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    key: String,
    streams: HashSet<String>,
    judged: u64,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Survey {
    /// Takes a line.
    pub fn take(&mut self, line: &Line<'_>) {
        let Line::Score(score) = line else { return };
        if score.judged.is_none() {
            return;
        }
        self.judged += 1;
        self.first = Some(self.first.map_or(score.time, |first| first.min(score.time)));
        self.last = Some(self.last.map_or(score.time, |last| last.max(score.time)));
        self.key.clear();
        self.key.push_str(&score.target);
        self.key.push('\0');
        self.key.push_str(&score.dimension);
        if !self.streams.contains(&self.key) {
            self.streams.insert(self.key.clone());
        }
    }

    /// Streams with a judged line: a target and a dimension, whoever judges.
    pub fn streams(&self) -> u64 {
        self.streams.len() as u64
    }

    /// Judged lines of all streams.
    pub fn judged(&self) -> u64 {
        self.judged
    }

    /// From the first to the last judged line.
    pub fn span(&self) -> Span {
        self.first.zip(self.last).map_or(Span::ZERO, |(first, last)| last.since(first))
    }

    /// Judged lines of all streams in 30 days at the rate of the history. A history without extent in time counts as 30
    /// days of its own.
    pub fn judged_in_30_days(&self) -> f64 {
        let share = DAYS_30.as_secs_f64() / self.span().as_secs_f64();
        if share.is_finite() { self.judged as f64 * share } else { self.judged as f64 }
    }

    /// The threshold that keeps the budget over streams and rate of this history, or over those that are configured.
    pub fn threshold(&self, alerting: &AlertingConfig) -> f64 {
        let streams = alerting.streams.unwrap_or_else(|| self.streams()).max(1);
        let per_stream = match alerting.judged_per_day {
            Some(per_day) => 30.0 * per_day,
            None => self.judged_in_30_days() / self.streams().max(1) as f64,
        };
        budget::threshold(streams, per_stream, alerting.false_pages_per_30_days)
    }
}
