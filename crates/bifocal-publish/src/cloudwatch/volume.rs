//! How much goes to CloudWatch Logs, for a plan: events of their real form with texts of a said length.

use std::collections::BTreeMap;

use bifocal_model::{InferenceId, TargetKey, Timestamp};
use bifocal_store::Call;

use super::config::WriteBackConfig;
use super::log::{Judged, Said, embedded};
use super::put::{Datum, Put, Unit, Value};

/// What AWS bills of each event beside its text.
const EVENT_OVERHEAD: usize = 26;
/// Bytes of what a judge says of one dimension: two sentences.
const EXPLANATION_BYTES: usize = 200;
/// Names of dimensions, evaluators, components and endpoints are some 16 characters long.
const NAME: &str = "sixteen-letters-";

impl WriteBackConfig {
    /// Bytes that the event of a judged answer is billed as, with the answer itself where it is known. Without it the event
    /// holds no text: those of question and answer are to be added.
    pub fn event_bytes(&self, call: Option<&Call>, dimensions: usize) -> usize {
        let said = |i: usize| {
            let words = Said {
                evaluator: NAME.to_owned(),
                value: Some(0.75),
                pass: Some(true),
                explanation: Some("x".repeat(EXPLANATION_BYTES)),
                failure: None,
            };
            (format!("{NAME}{i}"), words)
        };
        let verdicts: BTreeMap<String, Said> = (0..=dimensions).map(said).collect();
        let target = TargetKey::of_model(NAME, NAME).with(|names| {
            names.endpoint = NAME.to_owned();
            names.variant = NAME.to_owned();
        });
        let time = Timestamp::from_secs(1_800_000_000);
        let judged = Judged::for_size(InferenceId::v7(time, [0; 10]), target, time, verdicts);
        judged.entry(self, call).message.len() + EVENT_OVERHEAD
    }

    /// Bytes that the metrics of one target are billed as each time that they are written in the embedded format.
    pub fn embedded_bytes(&self, dimensions: usize) -> usize {
        let per_namespace =
            self.metrics_of_target(dimensions) / (1 + usize::from(self.second_namespace.is_some()));
        let datum = |i: usize| Datum {
            metric: format!("{NAME}{i}_score"),
            dimensions: ["InferenceComponentName", "InferenceComponentLabel", "EndpointName"]
                .map(|name| (name, NAME.to_owned()))
                .to_vec(),
            time: Timestamp::from_secs(1_800_000_000),
            unit: Unit::None,
            value: Value::One(0.123_456_789_012_345_6),
        };
        let namespaces = [Some(&self.namespace), self.second_namespace.as_ref()];
        let put = |namespace: &super::Namespace| Put {
            namespace: namespace.named(NAME, NAME),
            data: (0..per_namespace).map(datum).collect(),
        };
        let entries = namespaces.into_iter().flatten().flat_map(|namespace| embedded(self, &put(namespace)));
        entries.map(|entry| entry.message.len() + EVENT_OVERHEAD).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_grows_with_what_is_asked_for() {
        let config = WriteBackConfig { logs: true, ..WriteBackConfig::default() };
        let bare = WriteBackConfig { log_text: false, ..config.clone() };
        let (with, without) = (config.event_bytes(None, 3), bare.event_bytes(None, 3));
        // Three dimensions and the composite explain themselves.
        assert!(with >= without + 4 * EXPLANATION_BYTES, "{with}, {without}");
        assert!((500..1_500).contains(&without), "{without}");
        assert!(config.event_bytes(None, 4) > with);
        let emf = WriteBackConfig { write: true, emf: true, ..WriteBackConfig::default() };
        let twice = WriteBackConfig {
            second_namespace: Some(super::super::Namespace::try_from("q".to_owned()).unwrap()),
            ..emf.clone()
        };
        let (one, two) = (emf.embedded_bytes(3), twice.embedded_bytes(3));
        assert!((600..2_000).contains(&one), "{one}");
        assert!(two > one + one / 2 && two < 2 * one + 1, "{one}, {two}");
    }
}
