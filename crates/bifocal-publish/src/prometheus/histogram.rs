//! A Prometheus histogram whose counts may be weighted by 1 / capture probability.

use super::text::Text;

/// Upper bounds in seconds: from a cached first token to a very long answer.
const BOUNDS: [f64; 14] = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0];

/// Counts by upper bound, and their sum.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Histogram {
    counts: [f64; BOUNDS.len()],
    all: f64,
    sum: f64,
}

impl Histogram {
    pub(crate) fn add(&mut self, seconds: f64, weight: f64) {
        self.all += weight;
        self.sum += seconds * weight;
        if let Some(at) = BOUNDS.iter().position(|bound| seconds <= *bound) {
            self.counts[at] += weight;
        }
    }

    /// Writes `_bucket`, `_sum` and `_count`.
    pub(crate) fn render(&self, text: &mut Text, name: &str, labels: &[(&str, &str)]) {
        let bucket = format!("{name}_bucket");
        let mut below = 0.0;
        for (bound, count) in BOUNDS.iter().zip(self.counts) {
            below += count;
            let bound = bound.to_string();
            text.sample(&bucket, &[labels, &[("le", &bound)]].concat(), below);
        }
        text.sample(&bucket, &[labels, &[("le", "+Inf")]].concat(), self.all);
        text.sample(&format!("{name}_sum"), labels, self.sum);
        text.sample(&format!("{name}_count"), labels, self.all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_hold_all() {
        let mut histogram = Histogram::default();
        for seconds in [0.04, 0.25, 2.0, 100.0] {
            histogram.add(seconds, 2.0);
        }
        let mut text = Text::default();
        histogram.render(&mut text, "h", &[("a", "b")]);
        let text = text.into_string();
        assert!(text.contains("h_bucket{a=\"b\",le=\"0.05\"} 2\n"), "{text}");
        assert!(text.contains("h_bucket{a=\"b\",le=\"2\"} 6\n"), "a bound belongs to its bucket: {text}");
        assert!(text.contains("h_bucket{a=\"b\",le=\"+Inf\"} 8\n"));
        assert!(text.contains("h_sum{a=\"b\"} 204.58\n") && text.contains("h_count{a=\"b\"} 8\n"), "{text}");
    }
}
