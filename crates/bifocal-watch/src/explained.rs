//! What cheap signals say of answers, kept until a judge has spoken, so that it is seen how much of the judge they explain.
//!
//! Nothing here decides anything and nothing of it is saved: after a restart it is learnt anew.

use std::collections::VecDeque;

use bifocal_model::evaluator::EVALUATORS;
use bifocal_model::feature::{BEHAVIOUR, OUTPUT};
use bifocal_model::{FeatureValues, Findings, InferenceId};

use crate::limits::{SIGNALS_CHOSEN, SIGNALS_NEWEST};

const FEATURES: usize = OUTPUT.len() + BEHAVIOUR.len();

/// What is known of one answer without a judge: logarithms of features, then what evaluators say (1 where they say nothing).
type Row = Box<[f32]>;

/// Rows of one target that no judge has spoken about yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    newest: VecDeque<(InferenceId, Row)>,
    chosen: VecDeque<(InferenceId, Row)>,
}

impl Signals {
    /// An answer came.
    pub(crate) fn see(&mut self, id: InferenceId, findings: &Findings, values: &FeatureValues) {
        let (Some(output), Some(behaviour)) = (&values.output, &values.behaviour) else { return };
        push(&mut self.newest, (id, row(findings, output.iter().chain(behaviour))), SIGNALS_NEWEST);
    }

    /// An answer is to be judged: its row is kept while others pass.
    pub(crate) fn choose(&mut self, id: InferenceId) {
        if let Some(at) = self.newest.iter().rposition(|(known, _)| *known == id)
            && let Some(row) = self.newest.remove(at)
        {
            push(&mut self.chosen, row, SIGNALS_CHOSEN);
        }
    }

    /// What is known of a judged answer.
    pub(crate) fn of(&self, id: InferenceId) -> Option<Vec<f64>> {
        let (_, row) =
            self.chosen.iter().rev().chain(self.newest.iter().rev()).find(|(known, _)| *known == id)?;
        Some(row.iter().map(|x| f64::from(*x)).collect())
    }
}

fn push(rows: &mut VecDeque<(InferenceId, Row)>, row: (InferenceId, Row), limit: usize) {
    if rows.len() >= limit {
        rows.pop_front();
    }
    rows.push_back(row);
}

fn row<'a>(findings: &Findings, features: impl Iterator<Item = &'a f64>) -> Row {
    #[expect(clippy::cast_possible_truncation, reason = "six digits are plenty for a regression")]
    let narrow = |x: f64| if x.is_finite() { x.max(0.0).ln_1p() as f32 } else { 0.0 };
    let mut row: Vec<f32> = Vec::with_capacity(FEATURES + EVALUATORS.len());
    row.extend(features.map(|x| narrow(*x)));
    row.resize(FEATURES + EVALUATORS.len(), 1.0);
    for (at, value) in &findings.values {
        if let Some(cell) = row.get_mut(FEATURES + usize::from(*at)) {
            *cell = *value;
        }
    }
    row.into()
}

/// What waits for a judge is no state: a restart forgets it.
impl PartialEq for Signals {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::Timestamp;

    use super::*;

    fn values(x: f64) -> FeatureValues {
        FeatureValues {
            input: [x; 6],
            output: Some([x; OUTPUT.len()]),
            behaviour: Some([x; BEHAVIOUR.len()]),
        }
    }

    #[test]
    fn chosen_rows_stay_while_others_pass_and_both_have_a_limit() {
        let mut signals = Signals::default();
        let id = |i: usize| InferenceId::v7(Timestamp::from_secs(i64::try_from(i).unwrap()), [0; 10]);
        let ids: Vec<InferenceId> = (0..2 * (SIGNALS_NEWEST + SIGNALS_CHOSEN)).map(id).collect();
        let findings = Findings { passed: 0, values: vec![(12, 0.25)] };
        signals.see(ids[0], &findings, &values(0.0));
        signals.choose(ids[0]);
        for id in &ids[1..] {
            signals.see(*id, &findings, &values(1.0));
        }
        assert_eq!(signals.newest.len(), SIGNALS_NEWEST);
        let row = signals.of(ids[0]).unwrap();
        assert_eq!((row.len(), row[0]), (FEATURES + EVALUATORS.len(), 0.0));
        assert_eq!((row[FEATURES], row[FEATURES + 12]), (1.0, 0.25), "1 where an evaluator says nothing");
        assert!(signals.of(ids[1]).is_none(), "passed without being chosen");
        for id in &ids {
            signals.see(*id, &findings, &values(f64::NAN));
            signals.choose(*id);
        }
        assert_eq!(signals.chosen.len(), SIGNALS_CHOSEN);
        assert!(signals.of(ids[0]).is_none());
        signals.see(ids[0], &findings, &FeatureValues { behaviour: None, ..values(1.0) });
        assert!(signals.of(ids[0]).is_none(), "no answer, nothing known");
    }
}
