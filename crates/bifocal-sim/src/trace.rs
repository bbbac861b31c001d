//! When requests came in a recorded trace: CSV with `t_s`, `input_tokens` and more, gzipped.

use std::io::Read as _;
use std::path::Path;

use bifocal_model::{Span, Timestamp};
use flate2::read::MultiGzDecoder;

use crate::SimError;
use crate::exchange::Arrival;

/// The arrivals of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    rows: Vec<Row>,
    /// Seconds after which the trace starts anew.
    length_secs: f64,
}

/// One recorded request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Row {
    pub seconds: f64,
    pub input_tokens: f64,
}

/// The text of a gzipped file.
pub(crate) fn read_gz(path: &Path) -> Result<String, SimError> {
    let failed = |err| SimError::ReadRecorded { path: path.to_owned(), err };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = String::new();
    MultiGzDecoder::new(std::io::BufReader::new(file)).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

impl Trace {
    /// Reads a file whose first two columns are `t_s` and `input_tokens`, in the order of time.
    pub fn load(path: &Path) -> Result<Self, SimError> {
        let text = read_gz(path)?;
        let bad = |line| SimError::BadRecord { path: path.to_owned(), line };
        let mut rows: Vec<Row> = Vec::new();
        for (at, line) in text.lines().enumerate().skip(1) {
            let mut columns = line.split(',').map(|column| column.trim().parse::<f64>().ok());
            let (Some(Some(seconds)), Some(Some(input_tokens))) = (columns.next(), columns.next()) else {
                return Err(bad(at + 1));
            };
            if rows.last().is_some_and(|last| last.seconds > seconds) || !seconds.is_finite() {
                return Err(bad(at + 1));
            }
            rows.push(Row { seconds, input_tokens });
        }
        let last = rows.last().ok_or_else(|| bad(1))?.seconds;
        Ok(Self { rows, length_secs: last + 1.0 })
    }

    /// So many requests a second, evenly, of middling size.
    pub fn even(requests_per_second: f64) -> Self {
        let length_secs = 1.0 / requests_per_second.max(1e-3);
        Self { rows: vec![Row { seconds: 0.0, input_tokens: 400.0 }], length_secs }
    }

    /// The row of an arrival and its time after the start. The trace begins again after its end.
    pub(crate) fn row(&self, index: u64) -> (Row, f64) {
        let rows = self.rows.len() as u64;
        let place = usize::try_from(index % rows).unwrap_or(0);
        let row = self.rows[place];
        (row, (index / rows) as f64 * self.length_secs + row.seconds)
    }

    /// What is due in `[from, to)` when the trace starts at `start`.
    pub(crate) fn arrivals(&self, start: Timestamp, from: Timestamp, to: Timestamp) -> Vec<Arrival> {
        let elapsed = from.since(start).as_secs_f64();
        let rounds = (elapsed / self.length_secs).floor();
        let into_round = elapsed - rounds * self.length_secs;
        // One row early, so that rounding never skips one; the comparison with `from` below decides.
        let place = self.rows.partition_point(|row| row.seconds < into_round).saturating_sub(1);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of whole rounds, not negative"
        )]
        let mut index = rounds as u64 * self.rows.len() as u64 + place as u64;
        let mut due = Vec::new();
        loop {
            let time = start + Span::from_secs_f64(self.row(index).1);
            if time >= to {
                return due;
            }
            if time >= from {
                due.push(Arrival { index, time });
            }
            index += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_repeats_and_any_cut_gives_the_same_arrivals() {
        let row = |seconds| Row { seconds, input_tokens: 1.0 };
        let trace = Trace { rows: vec![row(0.0), row(0.5), row(0.5), row(2.0)], length_secs: 3.0 };
        let start = Timestamp::from_secs(1_000);
        let at = |secs: f64| start + Span::from_secs_f64(secs);
        let all = trace.arrivals(start, start, at(9.0));
        assert_eq!(all.iter().map(|due| due.index).collect::<Vec<_>>(), (0..12).collect::<Vec<u64>>());
        assert_eq!(all[7].time, at(5.0));
        let cuts: Vec<Arrival> = (0..90)
            .flat_map(|tenth| {
                trace.arrivals(start, at(f64::from(tenth) / 10.0), at(f64::from(tenth + 1) / 10.0))
            })
            .collect();
        assert_eq!(cuts, all);
        assert!(trace.arrivals(start, at(-5.0), start).is_empty());
    }

    #[test]
    fn an_even_trace_keeps_its_rate() {
        let start = Timestamp::from_secs(0);
        let due = Trace::even(4.0).arrivals(start, Timestamp::from_secs(10), Timestamp::from_secs(20));
        assert_eq!(due.len(), 40);
    }
}
