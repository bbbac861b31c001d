//! What the page shows of drift: how far each feature of the newest inferences is from the reference.

use bifocal_model::{FeatureGroup, Timestamp};
use bifocal_stats::drift::{Direction, Histogram, Scale, psi};
use serde::Serialize;

use super::{Drift, Group, Phase, REFERENCE};

/// Rows from which on distances are shown.
const SHOWN_FROM: usize = 100;
/// Rows after which they are measured again.
const FRESH_FOR: u64 = 250;
const BOOTSTRAP_ROUNDS: u32 = 99;

/// Where a group stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DriftStatus {
    /// The reference is being learned.
    Learning,
    /// It is what it was, as far as the evidence goes.
    Steady,
    /// It has drifted.
    Drifted,
}

/// One group of features at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct GroupDriftView {
    /// Which.
    pub group: FeatureGroup,
    /// Where it stands.
    pub status: DriftStatus,
    /// Rows of the reference so far.
    pub n: u64,
    /// Rows that it will have.
    pub of: u64,
    /// The detector's evidence now; alarm at the threshold. `None` while learning.
    pub evidence: Option<f64>,
    /// The threshold.
    pub threshold: f64,
    /// Inferences since the reference began.
    pub seen: u64,
    /// The drift that is not over.
    pub alarm: Option<DriftAlarmView>,
    /// Inferences that the distances below are of; 0 while there are too few.
    pub window: u64,
    /// How far each feature is from its reference, most evidence first.
    pub features: Vec<FeatureDriftView>,
}

/// An alarm of drift.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DriftAlarmView {
    /// When the evidence crossed the threshold.
    pub time: Timestamp,
    /// Inferences up to it, reference included.
    pub index: u64,
    /// The change began after this.
    pub onset_from: Timestamp,
    /// The change began before this.
    pub onset_to: Timestamp,
    /// Evidence at the alarm.
    pub evidence: f64,
    /// The feature with the most evidence.
    pub feature: &'static str,
}

/// One feature: the newest inferences against the reference. Its p-values hold for one look.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FeatureDriftView {
    /// Which.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Its part in the evidence.
    pub evidence: f64,
    /// Which way it went, as far as the evidence goes.
    pub direction: Direction,
    /// Median in the reference and in the window.
    pub reference_median: Option<f64>,
    /// Median in the window.
    pub window_median: Option<f64>,
    /// Population stability index; `None` where one side has no value.
    pub psi: Option<f64>,
    /// Its bootstrap p-value.
    pub psi_p_value: Option<f64>,
    /// Wasserstein-1 distance, in the feature's unit.
    pub wasserstein: Option<f64>,
    /// Kolmogorov-Smirnov distance.
    pub ks: Option<f64>,
    /// Its p-value.
    pub ks_p_value: Option<f64>,
}

/// What was measured last.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    at: u64,
    features: Vec<FeatureDriftView>,
    window: u64,
}

/// What is shown is no part of the state.
impl PartialEq for Shown {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Drift {
    /// All groups at one moment.
    pub(crate) fn views(&mut self) -> Vec<GroupDriftView> {
        self.groups.iter_mut().filter(|group| group.seen > 0).map(Group::view).collect()
    }
}

impl Group {
    fn view(&mut self) -> GroupDriftView {
        let is_stale = self.seen < self.shown.at || self.seen - self.shown.at >= FRESH_FOR;
        if self.shown.features.is_empty() || is_stale {
            self.measure();
        }
        let (n, evidence) = match &self.phase {
            Phase::Learning(learning) => (learning.as_ref().map_or(0, |learning| learning.rows()), None),
            Phase::Watching(detector) => (detector.reference().rows(), Some(detector.evidence())),
        };
        let features = self.group.features();
        let alarm = self.alarm.as_ref().map(|alarm| DriftAlarmView {
            time: alarm.time,
            index: alarm.index,
            onset_from: alarm.onset_from,
            onset_to: alarm.onset_to,
            evidence: alarm.evidence,
            feature: features.get(alarm.feature).map_or("", |feature| feature.name),
        });
        let status = match (evidence, &alarm) {
            (None, _) => DriftStatus::Learning,
            (Some(_), None) => DriftStatus::Steady,
            (Some(_), Some(_)) => DriftStatus::Drifted,
        };
        GroupDriftView {
            group: self.group,
            status,
            n,
            of: REFERENCE,
            evidence,
            threshold: self.threshold,
            seen: self.seen,
            alarm,
            window: self.shown.window,
            features: self.shown.features.clone(),
        }
    }

    /// Distances of the newest rows; nothing while there is no reference or too few rows since.
    fn measure(&mut self) {
        let Phase::Watching(detector) = &self.phase else { return };
        let since =
            usize::try_from(self.seen - detector.reference().rows().min(self.seen)).unwrap_or(usize::MAX);
        let rows = self.recent.len().min(since);
        if rows < SHOWN_FROM {
            return;
        }
        let window = self.recent.iter().skip(self.recent.len() - rows);
        let by_column = detector.by_column();
        let features = by_column.into_iter().filter_map(|evidence| {
            let feature = self.group.features().get(evidence.column)?;
            let reference = detector.reference().columns().get(evidence.column)?.histogram();
            let mut values = Histogram::of_fixed_bins();
            for row in window.clone() {
                values.add(row.get(evidence.column).copied().flatten().map_or(f64::NAN, f64::from));
            }
            let distances = reference.distances(&values, Scale::Linear).ok();
            let index = psi(&reference, &values, BOOTSTRAP_ROUNDS, self.seen).ok();
            Some(FeatureDriftView {
                name: feature.name,
                unit: feature.unit,
                help: feature.help,
                evidence: evidence.evidence,
                direction: evidence.direction,
                reference_median: reference.quantile(0.5),
                window_median: values.quantile(0.5),
                psi: index.map(|index| index.psi),
                psi_p_value: index.map(|index| index.p_value),
                wasserstein: distances.map(|distances| distances.wasserstein),
                ks: distances.map(|distances| distances.ks),
                ks_p_value: distances.map(|distances| distances.ks_p_value),
            })
        });
        self.shown.features = features.collect();
        (self.shown.at, self.shown.window) = (self.seen, rows as u64);
    }
}
