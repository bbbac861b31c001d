//! Calls as rows.

use std::collections::BTreeMap;
use std::path::Path;

use arrow_array::{Array as _, RecordBatch};
use bifocal_model::{
    Chance, Findings, Identity, Inference, InferenceId, Probability, Timing, TokenCount, Usage,
};
use bifocal_redact::Redacted;

use super::columns::{Columns, Ints, Rows, float_at, text_at};
use super::findings;
use super::target::{self, Targets};
use crate::joins;
use crate::{Error, Seq};

/// What the JSON of a message has beside its text: role, names, some escapes.
const MESSAGE_BYTES: usize = 64;

type Row<'a> = (Seq, &'a Inference<Redacted>);

pub(crate) fn write(rows: &[Row<'_>]) -> Result<RecordBatch, arrow_schema::ArrowError> {
    let all = || rows.iter().map(|&(_, inference)| inference);
    let mut columns = Columns::default();
    columns.int("seq", rows.iter().map(|(seq, _)| seq.0));
    columns.displayed("id", all().map(|i| i.id));
    columns.text("source", all().map(|i| i.identity.source.name()));
    columns.text("identity_key", all().map(|i| i.identity.key.as_str()));
    target::write(&mut columns, all().map(|i| Ok(&i.target)));
    columns.json("labels", 0, all().map(|i| &i.labels));
    columns.text_or_null("tenant", all().map(|i| i.tenant.as_deref()));
    columns.time("time", all().map(|i| i.time));
    let messages = all().flat_map(|i| &i.messages).map(|message| message.text.as_str().len() + MESSAGE_BYTES);
    columns.json("messages", messages.sum(), all().map(|i| &i.messages));
    columns.long_text("answer", all().map(|i| i.answer.as_str()));
    columns
        .text_or_null("finish_reason", all().map(|i| i.finish_reason.as_ref().map(|reason| reason.name())));
    columns.int_or_null("input_tokens", all().map(|i| i.usage.input.map(|t| u64::from(t.count))));
    columns.word_or_null("input_tokens_source", all().map(|i| i.usage.input.map(|t| t.source)));
    columns.int_or_null("output_tokens", all().map(|i| i.usage.output.map(|t| u64::from(t.count))));
    columns.word_or_null("output_tokens_source", all().map(|i| i.usage.output.map(|t| t.source)));
    columns.float_or_null("ttft_seconds", all().map(|i| i.timing.ttft_seconds));
    columns.float_or_null("itl_seconds", all().map(|i| i.timing.itl_seconds));
    columns.float_or_null("duration_seconds", all().map(|i| i.timing.duration_seconds));
    columns.int_or_null("status", all().map(|i| i.status.map(u64::from)));
    columns.text_or_null("error_class", all().map(|i| i.error.map(|error| error.name())));
    columns.word("completeness", all().map(|i| &i.completeness));
    columns.float("capture_probability", all().map(|i| i.capture_probability.get()));
    columns.word("format_asked", all().map(|i| i.format_asked));
    columns.bool("streamed", all().map(|i| i.streamed));
    columns.json("redactions", 0, all().map(|i| &i.redactions));
    columns.json("findings", 0, all().map(|i| findings::found(&i.findings)));
    let chances = || all().map(|i| i.chance.as_ref());
    columns.text_or_null("judge_stratum", chances().map(|chance| Some(chance?.stratum.as_str())));
    columns.float_or_null("judge_inclusion", chances().map(|chance| Some(chance?.inclusion.get())));
    columns.float_or_null("judge_base", chances().map(|chance| Some(chance?.base.get())));
    columns.finish()
}

pub(crate) fn read(batch: &RecordBatch, path: &Path) -> Result<Vec<(Seq, Inference<Redacted>)>, Error> {
    let rows = Rows::new(batch, path);
    let targets = Targets::of(&rows)?;
    let (seq, id, source) = (rows.int("seq")?, rows.text("id")?, rows.text("source")?);
    let (key, labels, tenant) = (rows.text("identity_key")?, rows.text("labels")?, rows.text("tenant")?);
    let (time, messages, answer) = (rows.time("time")?, rows.text("messages")?, rows.text("answer")?);
    let (finish, status) = (rows.text("finish_reason")?, rows.int("status")?);
    let (error, completeness) = (rows.text("error_class")?, rows.text("completeness")?);
    let input = (rows.int("input_tokens")?, rows.text("input_tokens_source")?);
    let output = (rows.int("output_tokens")?, rows.text("output_tokens_source")?);
    let (ttft, itl) = (rows.float("ttft_seconds")?, rows.float("itl_seconds")?);
    let (duration, capture) = (rows.float("duration_seconds")?, rows.float("capture_probability")?);
    let (format, streamed) = (rows.text("format_asked")?, rows.bool("streamed")?);
    let redactions = rows.text("redactions")?;
    let found_good = rows.text_since("findings");
    let strata = rows.text_since("judge_stratum");
    let (inclusion, base) = (rows.float_since("judge_inclusion"), rows.float_since("judge_base"));
    let chance = |row: usize| {
        let (Some(strata), Some(inclusion), Some(base)) = (strata, inclusion, base) else { return Ok(None) };
        let Some(stratum) = text_at(strata, row) else { return Ok(None) };
        let of = |column| probability(&rows, float_at(column, row).unwrap_or(f64::NAN));
        let (inclusion, base) = (of(inclusion)?, of(base)?);
        Ok::<_, Error>(Some(Chance { stratum: stratum.to_owned(), inclusion, base }))
    };
    let tokens = |(count, source): (Ints<'_>, &arrow_array::StringArray), row: usize| {
        let Some((count, source)) = count.get(row).zip(text_at(source, row)) else { return Ok(None) };
        let count = u32::try_from(count).map_err(|_| rows.wrong(format!("{count} tokens")))?;
        Ok::<_, Error>(Some(TokenCount { count, source: rows.word(source)? }))
    };
    let mut found = Vec::with_capacity(rows.len());
    for row in 0..rows.len() {
        let status = status.get(row).map(u16::try_from).transpose();
        let inference = Inference {
            id: parse_id(&rows, id.value(row))?,
            identity: Identity { source: rows.word(source.value(row))?, key: key.value(row).to_owned() },
            target: targets.at(row).map_err(|_| rows.wrong("a row without a target".to_owned()))?,
            labels: rows.json(labels.value(row))?,
            tenant: text_at(tenant, row).map(str::to_owned),
            time: time.at(row),
            messages: rows.json(messages.value(row))?,
            answer: rows.word(answer.value(row))?,
            finish_reason: text_at(finish, row).map(|reason| rows.word(reason)).transpose()?,
            usage: Usage { input: tokens(input, row)?, output: tokens(output, row)? },
            timing: Timing {
                ttft_seconds: float_at(ttft, row),
                itl_seconds: float_at(itl, row),
                duration_seconds: float_at(duration, row),
            },
            status: status.map_err(|err| rows.wrong(err.to_string()))?,
            error: text_at(error, row).map(|error| rows.word(error)).transpose()?,
            completeness: rows.word(completeness.value(row))?,
            capture_probability: probability(&rows, capture.value(row))?,
            format_asked: rows.word(format.value(row))?,
            streamed: streamed.is_valid(row) && streamed.value(row),
            redactions: rows.json(redactions.value(row))?,
            findings: found_good
                .map_or_else(|| Ok(Findings::default()), |column| findings::read(&rows, column.value(row)))?,
            chance: chance(row)?,
            signs: bifocal_model::Signs::default(),
        };
        found.push((Seq(seq.at(row)), inference));
    }
    Ok(found)
}

/// The columns from which identities are rebuilt at start.
pub(crate) const IDENTITY_COLUMNS: &[&str] = &["source", "identity_key", "time", "endpoint", "labels"];

/// What makes a call the same one, and what joins its views.
pub(crate) struct Known {
    pub(crate) identity: Identity,
    pub(crate) time: bifocal_model::Timestamp,
    pub(crate) join: Option<u128>,
}

pub(crate) fn read_identities(batch: &RecordBatch, path: &Path) -> Result<Vec<Known>, Error> {
    let rows = Rows::new(batch, path);
    let (source, key, time) = (rows.text("source")?, rows.text("identity_key")?, rows.time("time")?);
    let (endpoint, labels) = (rows.text("endpoint")?, rows.text("labels")?);
    let known = |row| {
        let identity = Identity { source: rows.word(source.value(row))?, key: key.value(row).to_owned() };
        let mut join = None;
        // Most calls have no such id: their labels are not parsed.
        if labels.value(row).contains(joins::INFERENCE_ID) {
            let labels: BTreeMap<String, String> = rows.json(labels.value(row))?;
            let id = labels.get(joins::INFERENCE_ID);
            join = id.and_then(|id| joins::key_of(identity.source, endpoint.value(row), id));
        }
        Ok(Known { identity, time: time.at(row), join })
    };
    (0..rows.len()).map(known).collect()
}

pub(super) fn parse_id(rows: &Rows<'_>, text: &str) -> Result<InferenceId, Error> {
    text.parse().map_err(|_| rows.wrong(format!("`{text}` is no id")))
}

pub(super) fn probability(rows: &Rows<'_>, p: f64) -> Result<Probability, Error> {
    Probability::new(p).ok_or_else(|| rows.wrong(format!("{p} is no inclusion probability")))
}
