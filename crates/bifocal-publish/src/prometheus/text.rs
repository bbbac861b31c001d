//! The text formats: families with their help and type, samples with escaped labels.

use std::fmt::Write as _;

use bifocal_model::{InferenceId, Timestamp};

/// Which of the two text forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Prometheus's own, version 0.0.4.
    #[default]
    Plain,
    /// OpenMetrics 1.0: with an exemplar for each bucket, and an end.
    Open,
}

/// One call of those that a bucket counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Exemplar {
    pub(crate) inference: InferenceId,
    /// What it was counted with, in the histogram's unit.
    pub(crate) value: f64,
    pub(crate) time: Timestamp,
}

/// Builds an exposition. Families must be written one after the other, all samples of one together.
#[derive(Debug, Default)]
pub(crate) struct Text {
    out: String,
    form: Form,
}

impl Text {
    pub(crate) fn new(form: Form) -> Self {
        Self { out: String::new(), form }
    }

    /// Begins a family.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // A counter's family is called without the ending of its samples there.
        let name = if self.form == Form::Open && kind == "counter" {
            name.strip_suffix("_total").unwrap_or(name)
        } else {
            name
        };
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Writes one sample. A value that is not finite is left out: absent is not zero.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.sample_like(name, labels, value, None);
    }

    /// The same, with one of those that it counts.
    pub(crate) fn sample_like(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        value: f64,
        exemplar: Option<Exemplar>,
    ) {
        if !value.is_finite() && !name.ends_with("_bucket") {
            return;
        }
        self.out.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let open = if i == 0 { '{' } else { ',' };
            let _ = write!(self.out, "{open}{label}=\"");
            escape(&mut self.out, text);
            self.out.push('"');
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = write!(self.out, "{close} {value}");
        if let Some(Exemplar { inference, value, time }) = exemplar.filter(|_| self.form == Form::Open) {
            let seconds = time.as_secs_f64();
            let _ = write!(self.out, " # {{inference_id=\"{inference}\"}} {value} {seconds:.3}");
        }
        self.out.push('\n');
    }

    /// A bucket's bound as its label: OpenMetrics wants a float that looks like one.
    pub(crate) fn bound(&self, bound: f64) -> String {
        match self.form {
            Form::Plain => format!("{bound}"),
            Form::Open => format!("{bound:?}"),
        }
    }

    pub(crate) fn into_string(mut self) -> String {
        if self.form == Form::Open {
            self.out.push_str("# EOF\n");
        }
        self.out
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_absent_values_left_out() {
        let mut text = Text::default();
        text.family("a", "gauge", "help");
        text.sample("a", &[("x", "say \"hi\"\\\n"), ("y", "")], 1.5);
        text.sample("a", &[], f64::NAN);
        assert_eq!(
            text.into_string(),
            "# HELP a help\n# TYPE a gauge\na{x=\"say \\\"hi\\\"\\\\\\n\",y=\"\"} 1.5\n"
        );
    }

    #[test]
    fn the_open_form_has_exemplars_an_end_and_counters_without_their_ending() {
        let write = |form| {
            let mut text = Text::new(form);
            text.family("a_total", "counter", "help");
            let (inference, time) = (InferenceId::from_bytes([7; 16]), Timestamp::from_secs(5));
            text.sample_like("a_total", &[], 2.0, Some(Exemplar { inference, value: 0.5, time }));
            (text.bound(1.0), text.into_string())
        };
        let id = InferenceId::from_bytes([7; 16]);
        assert_eq!(
            write(Form::Open),
            (
                "1.0".to_owned(),
                format!(
                    "# HELP a help\n# TYPE a counter\na_total 2 # {{inference_id=\"{id}\"}} 0.5 5.000\n# EOF\n"
                )
            )
        );
        assert_eq!(
            write(Form::Plain),
            ("1".to_owned(), "# HELP a_total help\n# TYPE a_total counter\na_total 2\n".to_owned())
        );
    }
}
