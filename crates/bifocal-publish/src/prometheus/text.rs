//! The text format: families with their help and type, samples with escaped labels.

use std::fmt::Write as _;

/// Builds an exposition. Families must be written one after the other, all samples of one together.
#[derive(Debug, Default)]
pub(crate) struct Text {
    out: String,
}

impl Text {
    /// Begins a family.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Writes one sample. A value that is not finite is left out: absent is not zero.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
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
        let _ = writeln!(self.out, "{close} {value}");
    }

    pub(crate) fn into_string(self) -> String {
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
}
