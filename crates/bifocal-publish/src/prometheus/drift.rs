//! Drift in `/metrics`: the detectors' evidence, and how far each feature of the newest inferences is from its reference.

use bifocal_watch::{DriftStatus, FeatureDriftView, GroupDriftView, Snapshot, TargetView};

use super::exposition::with;
use super::text::Text;

type OfGroup = fn(&GroupDriftView) -> Option<f64>;
type OfFeature = fn(&FeatureDriftView) -> Option<f64>;

const GROUPS: [(&str, &str, OfGroup); 4] = [
    ("bifocal_drift_evidence", "evidence that a group of features drifted; alarm at the threshold", |view| {
        view.evidence
    }),
    ("bifocal_drift_evidence_threshold", "evidence at which the drift detector alarms", |view| {
        Some(view.threshold)
    }),
    ("bifocal_drift_active", "1 while a group of features has drifted", |view| {
        (view.status != DriftStatus::Learning)
            .then(|| f64::from(u8::from(view.status == DriftStatus::Drifted)))
    }),
    ("bifocal_drift_reference_inferences", "inferences of the reference so far", |view| Some(view.n as f64)),
];

const FEATURES: [(&str, &str, OfFeature); 3] = [
    (
        "bifocal_drift_psi",
        "population stability index of the newest inferences against the reference",
        |view| view.psi,
    ),
    ("bifocal_drift_ks", "Kolmogorov-Smirnov distance of the newest inferences from the reference", |view| {
        view.ks
    }),
    ("bifocal_drift_ks_p_value", "p-value of the Kolmogorov-Smirnov distance, for one look", |view| {
        view.ks_p_value
    }),
];

/// Labels are bounded: targets by the watch's limit, groups and features by their registry.
pub(super) fn render(text: &mut Text, snapshot: &Snapshot) {
    for (name, help, pick) in GROUPS {
        text.family(name, "gauge", help);
        for (target, view) in groups(snapshot) {
            if let Some(value) = pick(view) {
                text.sample(name, &with(&target.key, &[("group", view.group.name())]), value);
            }
        }
    }
    for (name, help, pick) in FEATURES {
        text.family(name, "gauge", help);
        for (target, view) in groups(snapshot) {
            for feature in &view.features {
                if let Some(value) = pick(feature) {
                    let labels = [("group", view.group.name()), ("feature", feature.name)];
                    text.sample(name, &with(&target.key, &labels), value);
                }
            }
        }
    }
}

fn groups(snapshot: &Snapshot) -> impl Iterator<Item = (&TargetView, &GroupDriftView)> {
    snapshot.targets.iter().flat_map(|target| target.drift.iter().map(move |view| (target, view)))
}
