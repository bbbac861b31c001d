//! The Prometheus text format (and OpenMetrics as far as it is the same): names, labels, values.
//!
//! A line that cannot be read is skipped and counted: one broken exporter must not hide the others. Types, help,
//! timestamps and exemplars are passed over.

use std::borrow::Cow;

use crate::error::WireError;
use crate::limits::{EXPOSITION_BYTES, LABELS, SAMPLE_LINE_BYTES, SAMPLES};

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The metric's name, such as `vllm:num_requests_running`.
    pub name: String,
    /// Its labels in the order of the page.
    pub labels: Vec<(String, String)>,
    /// The value; NaN and infinities are values too.
    pub value: f64,
}

/// What a page holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exposition {
    /// The samples in the order of the page.
    pub samples: Vec<Sample>,
    /// Lines that could not be read.
    pub bad_lines: u64,
    /// Samples left out because the page has more than the limit.
    pub left_out: u64,
}

/// One sample as it stands on the page: what holds no escape is not copied.
#[derive(Clone, Debug, PartialEq)]
pub struct Line<'p> {
    /// The metric's name.
    pub name: Cow<'p, str>,
    /// Its labels in the order of the page.
    pub labels: Vec<(Cow<'p, str>, Cow<'p, str>)>,
    /// The value; NaN and infinities are values too.
    pub value: f64,
}

/// What a page held beside its samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Lines that could not be read.
    pub bad_lines: u64,
    /// Samples left out because the page has more than the limit.
    pub left_out: u64,
}

impl Sample {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Line<'_> {
    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }
}

/// Reads a page.
pub fn parse(page: &[u8]) -> Result<Exposition, WireError> {
    let mut samples = Vec::new();
    let passed = visit(page, |line| {
        let labels = line.labels.iter().map(|(key, value)| (key.to_string(), value.to_string()));
        samples.push(Sample { name: line.name.to_string(), labels: labels.collect(), value: line.value });
    })?;
    Ok(Exposition { samples, bad_lines: passed.bad_lines, left_out: passed.left_out })
}

/// Reads a page and shows its samples one by one.
pub fn visit<'p>(page: &'p [u8], mut each: impl FnMut(&Line<'p>)) -> Result<Passed, WireError> {
    if page.len() > EXPOSITION_BYTES {
        let name = "exposition_bytes";
        return Err(WireError::TooLong { what: "a Prometheus page", name, limit: EXPOSITION_BYTES });
    }
    let mut passed = Passed::default();
    let mut samples = 0;
    // One line is read into the same place again and again.
    let mut sample = Line { name: Cow::Borrowed(""), labels: Vec::new(), value: 0.0 };
    for line in page.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line == b"# EOF" {
            break;
        }
        if line.is_empty() || line[0] == b'#' {
            continue;
        }
        let text = Some(line).filter(|line| line.len() <= SAMPLE_LINE_BYTES);
        match text.and_then(|line| std::str::from_utf8(line).ok()).and_then(|line| read(line, &mut sample)) {
            None => passed.bad_lines += 1,
            Some(()) if samples == SAMPLES => passed.left_out += 1,
            Some(()) => {
                samples += 1;
                each(&sample);
            }
        }
    }
    Ok(passed)
}

fn read<'p>(line: &'p str, sample: &mut Line<'p>) -> Option<()> {
    let name_length = line.bytes().position(|byte| !is_name_byte(byte)).unwrap_or(line.len());
    let (name, rest) = line.split_at(name_length);
    sample.name = Cow::Borrowed(name);
    sample.labels.clear();
    let rest = match rest.trim_start().strip_prefix('{') {
        Some(labels) => read_labels(labels, sample)?,
        None => rest,
    };
    if sample.name.is_empty() || sample.name.as_bytes()[0].is_ascii_digit() {
        return None;
    }
    // What follows the value is a timestamp or an exemplar.
    sample.value = value_of(rest.split_ascii_whitespace().next()?)?;
    Some(())
}

/// Reads labels up to the closing brace; gives what follows it.
fn read_labels<'p>(text: &'p str, sample: &mut Line<'p>) -> Option<&'p str> {
    let mut text = text.trim_start();
    loop {
        if let Some(rest) = text.strip_prefix('}') {
            return Some(rest);
        }
        let (key, rest) = match text.strip_prefix('"') {
            Some(quoted) => read_quoted(quoted)?,
            None => {
                let length = text.bytes().position(|byte| !is_name_byte(byte))?;
                (Cow::Borrowed(&text[..length]), &text[length..])
            }
        };
        let was_quoted = text.starts_with('"');
        let rest = rest.trim_start();
        text = match rest.strip_prefix('=') {
            Some(rest) => {
                let (value, rest) = read_quoted(rest.trim_start().strip_prefix('"')?)?;
                if key.is_empty() || sample.labels.len() == LABELS {
                    return None;
                }
                sample.labels.push((key, value));
                rest
            }
            // `{"a.name", label="x"}`: a name that is no identifier stands among the labels.
            None if was_quoted && sample.name.is_empty() => {
                sample.name = key;
                rest
            }
            None => return None,
        };
        text = text.trim_start();
        match text.strip_prefix(',') {
            Some(rest) => text = rest.trim_start(),
            None if text.starts_with('}') => {}
            None => return None,
        }
    }
}

/// Reads up to the closing quote; gives what follows it.
fn read_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut stop = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
    if text.as_bytes()[stop] == b'"' {
        return Some((Cow::Borrowed(&text[..stop]), &text[stop + 1..]));
    }
    let mut value = String::new();
    let mut rest = text;
    loop {
        value.push_str(&rest[..stop]);
        let after = &rest[stop + 1..];
        if rest.as_bytes()[stop] == b'"' {
            return Some((Cow::Owned(value), after));
        }
        let escaped = after.chars().next()?;
        match escaped {
            'n' => value.push('\n'),
            '\\' | '"' => value.push(escaped),
            // Unknown escapes stay as they are, as Prometheus does.
            other => value.extend(['\\', other]),
        }
        rest = &after[escaped.len_utf8()..];
        stop = memchr::memchr2(b'"', b'\\', rest.as_bytes())?;
    }
}

fn value_of(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        // Rust also reads `infinity` and `nan` in any case; the format does not.
        _ if text.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E')) => None,
        _ => text.parse().ok(),
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')
}

#[cfg(test)]
mod tests;
