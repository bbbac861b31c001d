//! A Prometheus histogram whose counts may be weighted by 1 / capture probability.

use super::text::{Exemplar, Text};

/// Upper bounds in seconds: from a cached first token to a very long answer.
const BOUNDS: [f64; 14] = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0];

/// Counts by upper bound, and their sum, with the newest of each.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Histogram {
    counts: [f64; BOUNDS.len()],
    all: f64,
    sum: f64,
    newest: [Option<Exemplar>; BOUNDS.len() + 1],
}

impl Histogram {
    /// Counts a call, or what was said of one.
    pub(crate) fn add(&mut self, weight: f64, exemplar: Exemplar) {
        let seconds = exemplar.value;
        self.all += weight;
        self.sum += seconds * weight;
        let at = BOUNDS.iter().position(|bound| seconds <= *bound);
        if let Some(at) = at {
            self.counts[at] += weight;
        }
        self.newest[at.unwrap_or(BOUNDS.len())] = Some(exemplar);
    }

    /// Writes `_bucket`, `_sum` and `_count`.
    pub(crate) fn render(&self, text: &mut Text, name: &str, labels: &[(&str, &str)]) {
        let bucket = format!("{name}_bucket");
        let mut below = 0.0;
        for (i, (bound, count)) in BOUNDS.iter().zip(self.counts).enumerate() {
            below += count;
            let bound = text.bound(*bound);
            text.sample_like(&bucket, &[labels, &[("le", &bound)]].concat(), below, self.newest[i]);
        }
        let last = self.newest[BOUNDS.len()];
        text.sample_like(&bucket, &[labels, &[("le", "+Inf")]].concat(), self.all, last);
        text.sample(&format!("{name}_sum"), labels, self.sum);
        text.sample(&format!("{name}_count"), labels, self.all);
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::{InferenceId, Timestamp};

    use super::*;
    use crate::prometheus::Form;

    #[test]
    fn buckets_are_cumulative_and_hold_all() {
        let mut histogram = Histogram::default();
        for seconds in [0.04, 0.25, 2.0, 100.0] {
            let (inference, time) = (InferenceId::from_bytes([7; 16]), Timestamp::from_secs(5));
            histogram.add(2.0, Exemplar { inference, value: seconds, time });
        }
        let render = |form| {
            let mut text = Text::new(form);
            histogram.render(&mut text, "h", &[("a", "b")]);
            text.into_string()
        };
        let text = render(Form::Plain);
        assert!(text.contains("h_bucket{a=\"b\",le=\"0.05\"} 2\n"), "{text}");
        assert!(text.contains("h_bucket{a=\"b\",le=\"2\"} 6\n"), "a bound belongs to its bucket: {text}");
        assert!(text.contains("h_bucket{a=\"b\",le=\"+Inf\"} 8\n"));
        let open = render(Form::Open);
        let like = |seconds| {
            format!(" # {{inference_id=\"{}\"}} {seconds} 5.000\n", InferenceId::from_bytes([7; 16]))
        };
        assert!(open.contains(&format!("h_bucket{{a=\"b\",le=\"2.0\"}} 6{}", like(2.0))), "{open}");
        assert!(open.contains(&format!("h_bucket{{a=\"b\",le=\"+Inf\"}} 8{}", like(100.0))), "{open}");
        assert!(open.contains("h_bucket{a=\"b\",le=\"3.0\"} 6\n"), "none fell into this one: {open}");
        assert!(text.contains("h_sum{a=\"b\"} 204.58\n") && text.contains("h_count{a=\"b\"} 8\n"), "{text}");
    }
}
