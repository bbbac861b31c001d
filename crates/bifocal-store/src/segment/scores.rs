//! Scores as rows.

use std::path::Path;

use arrow_array::RecordBatch;
use bifocal_model::{Cost, Dimension, Fingerprint, InferenceId, Score, Timestamp, Unit, Verdict};
use bifocal_redact::Redacted;

use super::columns::{Columns, Rows, bool_at, float_at, text_at};
use super::inferences::{parse_id, probability};
use super::target::{self, Targets};
use crate::{Error, Seq};

type Row<'a> = (Seq, &'a Score<Redacted>);

/// What a scored verdict says, in the order of its columns.
type Said<'a> = (f64, bool, Option<&'a str>, Option<&'a str>);

fn said(score: &Score<Redacted>) -> Option<Said<'_>> {
    match &score.verdict {
        Verdict::Scored { value, pass, label, explanation } => {
            Some((value.get(), *pass, label.as_deref(), explanation.as_ref().map(Redacted::as_str)))
        }
        Verdict::Failed { .. } => None,
    }
}

fn failed(score: &Score<Redacted>) -> Option<(&'static str, &str)> {
    match &score.verdict {
        Verdict::Scored { .. } => None,
        Verdict::Failed { failure, detail } => Some((failure.name(), detail)),
    }
}

pub(crate) fn write(rows: &[Row<'_>]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let all = || rows.iter().map(|&(_, score)| score);
    let mut columns = Columns::default();
    columns.int("seq", rows.iter().map(|(seq, _)| seq.0));
    columns.text("inference_id", all().map(|s| s.inference.to_string()));
    target::write(&mut columns, all().map(|s| Ok(&s.target)));
    columns.text("evaluator", all().map(|s| s.evaluator.as_str()));
    columns.text("fingerprint", all().map(|s| s.fingerprint.to_string()));
    columns.word("kind", all().map(|s| s.kind));
    columns.text("dimension", all().map(|s| s.dimension.as_str()));
    columns.float_or_null("value", all().map(|s| said(s).map(|said| said.0)));
    columns.bool_or_null("pass", all().map(|s| said(s).map(|said| said.1)));
    columns.text_or_null("label", all().map(|s| said(s).and_then(|said| said.2)));
    columns.text_or_null("explanation", all().map(|s| said(s).and_then(|said| said.3)));
    columns.text_or_null("failure", all().map(|s| failed(s).map(|failed| failed.0)));
    columns.text_or_null("failure_detail", all().map(|s| failed(s).map(|failed| failed.1)));
    columns.float("inclusion_probability", all().map(|s| s.inclusion.get()));
    columns.float("capture_probability", all().map(|s| s.capture.get()));
    columns.text("stratum", all().map(|s| s.stratum.as_str()));
    columns.time("time", all().map(|s| s.time));
    columns.time("scored_at", all().map(|s| s.scored_at));
    columns.float("latency_seconds", all().map(|s| s.latency_seconds));
    columns.float_or_null("cost_usd", all().map(|s| s.cost.usd));
    columns.int("cost_input_tokens", all().map(|s| u64::from(s.cost.input_tokens)));
    columns.int("cost_output_tokens", all().map(|s| u64::from(s.cost.output_tokens)));
    columns.finish()
}

pub(crate) fn read(batch: &RecordBatch, path: &Path) -> Result<Vec<(Seq, Score<Redacted>)>, Error> {
    let rows = Rows::new(batch, path);
    let targets = Targets::of(&rows)?;
    let (seq, id, evaluator) = (rows.int("seq")?, rows.text("inference_id")?, rows.text("evaluator")?);
    let (fingerprint, kind) = (rows.text("fingerprint")?, rows.text("kind")?);
    let (dimension, value, pass) = (rows.text("dimension")?, rows.float("value")?, rows.bool("pass")?);
    let (label, explanation) = (rows.text("label")?, rows.text("explanation")?);
    let (failure, detail) = (rows.text("failure")?, rows.text("failure_detail")?);
    let inclusion = rows.float("inclusion_probability")?;
    let capture = rows.float("capture_probability")?;
    let (stratum, time, scored_at) = (rows.text("stratum")?, rows.time("time")?, rows.time("scored_at")?);
    let (latency, usd) = (rows.float("latency_seconds")?, rows.float("cost_usd")?);
    let (input, output) = (rows.int("cost_input_tokens")?, rows.int("cost_output_tokens")?);
    let mut found = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let verdict = match (float_at(value, row).and_then(Unit::new), text_at(failure, row)) {
            (Some(value), None) => Verdict::Scored {
                value,
                pass: bool_at(pass, row).unwrap_or(false),
                label: text_at(label, row).map(str::to_owned),
                explanation: text_at(explanation, row).map(|text| rows.word(text)).transpose()?,
            },
            (None, Some(failure)) => Verdict::Failed {
                failure: rows.word(failure)?,
                detail: text_at(detail, row).unwrap_or_default().to_owned(),
            },
            _ => return Err(rows.wrong("a score that is neither a value nor a failure".to_owned())),
        };
        let count = |count: u64| u32::try_from(count).map_err(|_| rows.wrong(format!("{count} tokens")));
        let score = Score {
            inference: parse_id(&rows, id.value(row))?,
            target: targets.at(row).map_err(|_| rows.wrong("a row without a target".to_owned()))?,
            evaluator: evaluator.value(row).to_owned(),
            fingerprint: parse_fingerprint(&rows, fingerprint.value(row))?,
            kind: rows.word(kind.value(row))?,
            dimension: Dimension::new(dimension.value(row)),
            verdict,
            inclusion: probability(&rows, inclusion.value(row))?,
            capture: probability(&rows, capture.value(row))?,
            stratum: stratum.value(row).to_owned(),
            time: time.at(row),
            scored_at: scored_at.at(row),
            latency_seconds: latency.value(row),
            cost: Cost {
                usd: float_at(usd, row),
                input_tokens: count(input.at(row))?,
                output_tokens: count(output.at(row))?,
            },
        };
        found.push((Seq(seq.at(row)), score));
    }
    Ok(found)
}

/// The columns from which the set of known scores is rebuilt at start.
pub(crate) const KEY_COLUMNS: &[&str] = &["inference_id", "fingerprint", "dimension", "time"];

/// Who scored what about which inference, and the inference's time.
pub(crate) type Key = (InferenceId, Fingerprint, Dimension, Timestamp);

pub(crate) fn read_keys(batch: &RecordBatch, path: &Path) -> Result<Vec<Key>, Error> {
    let rows = Rows::new(batch, path);
    let (id, fingerprint) = (rows.text("inference_id")?, rows.text("fingerprint")?);
    let (dimension, time) = (rows.text("dimension")?, rows.time("time")?);
    let key = |row| {
        let id = parse_id(&rows, id.value(row))?;
        let fingerprint = parse_fingerprint(&rows, fingerprint.value(row))?;
        Ok((id, fingerprint, Dimension::new(dimension.value(row)), time.at(row)))
    };
    (0..rows.len()).map(key).collect()
}

pub(super) fn parse_fingerprint(rows: &Rows<'_>, text: &str) -> Result<Fingerprint, Error> {
    let parsed = u64::from_str_radix(text, 16);
    parsed.map(Fingerprint).map_err(|_| rows.wrong(format!("`{text}` is no fingerprint")))
}
