//! Prometheus remote write, version 1: `WriteRequest` of `prompb`, snappy.

use bifocal_model::Timestamp;

use super::Series;
use super::protobuf::{Message, snappy};

/// The body of a POST with `Content-Encoding: snappy` and `X-Prometheus-Remote-Write-Version: 0.1.0`.
pub fn remote_write_body(series: &[Series], time: Timestamp) -> Vec<u8> {
    let millis = time.as_nanos().div_euclid(1_000_000);
    let mut request = Message::default();
    for one in series {
        request.inner(1, |series| {
            // Receivers ask for labels in order, the name among them; an empty label is none.
            let name = ("__name__".to_owned(), one.name.clone());
            let mut labels: Vec<&(String, String)> = one.labels.iter().chain([&name]).collect();
            labels.retain(|(_, value)| !value.is_empty());
            labels.sort();
            for (label, value) in labels {
                series.inner(1, |pair| {
                    pair.text(1, label);
                    pair.text(2, value);
                });
            }
            series.inner(2, |sample| {
                sample.double(1, one.value);
                sample.whole(2, u64::try_from(millis).unwrap_or_default());
            });
        });
    }
    snappy(&request.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::SeriesKind;

    #[test]
    fn labels_are_sorted_and_empty_ones_left_out() {
        let label = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let one = Series {
            family: "m".into(),
            name: "m".into(),
            labels: vec![label("z", "1"), label("a", "2"), label("b", "")],
            value: 0.5,
            kind: SeriesKind::Gauge,
        };
        let body = remote_write_body(&[one], Timestamp::from_secs(2));
        let text = String::from_utf8_lossy(&body);
        let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}"));
        assert!(
            place("__name__") < place("a\u{12}\u{1}2") && place("a\u{12}\u{1}2") < place("z\u{12}\u{1}1")
        );
        assert!(!text.contains("\u{a}\u{1}b"), "an empty label");
    }
}
