//! Whether the budget of false pages may be believed: its conditions over all watched streams, each at its worst.

use bifocal_stats::conditions::{Condition, Facts, Requirement, Standing, check};

use crate::snapshot::{StreamView, TargetView};

/// The four conditions. `planned`: judged in 30 days and stream that thresholds are made for; `has_anchors`: whether a
/// stream's judge has any.
pub(crate) fn conditions(
    views: &[TargetView],
    planned: Option<f64>,
    has_anchors: impl Fn(&StreamView) -> bool,
) -> Vec<Condition> {
    let mut worst: Vec<Condition> = Vec::new();
    for stream in views.iter().flat_map(|view| &view.streams).filter(|stream| stream.watched) {
        let facts = Facts {
            baseline: stream.baseline.map_or((stream.judged, u64::MAX), |baseline| (baseline.n, baseline.of)),
            spans_week: stream.baseline.is_some_and(|baseline| baseline.seasonality_covered),
            // What a probe's answers are checked against does not move.
            judge_as_before: (stream.is_probe() || has_anchors(stream)).then_some(!stream.judge_drifted),
            hours_adjusted: stream.mix.hours,
            strata: stream.mix.strata,
            unseen_share: stream.mix.unseen_share,
            judged: stream.judged_in_30_days,
            planned,
        };
        for condition in check(&facts).map(|condition| told(condition, stream)) {
            match worst.iter_mut().find(|other| other.requirement == condition.requirement) {
                Some(other) if other.standing < condition.standing => *other = condition,
                Some(_) => {}
                None => worst.push(condition),
            }
        }
    }
    worst
}

fn told(condition: Condition, stream: &StreamView) -> Condition {
    let detail = match condition.requirement {
        Requirement::MixAdjusted if stream.mix.strata == 0 => {
            "detectors are not adjusted: after an alarm the mix is told from the answers".to_owned()
        }
        Requirement::BaselineRepresentative if stream.baseline.is_none() => {
            format!("{}: no baseline yet", stream.dimension)
        }
        _ if condition.standing == Standing::Holds => condition.detail,
        _ => format!("{}: {}", stream.dimension, condition.detail),
    };
    Condition { detail, ..condition }
}
