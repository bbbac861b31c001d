//! Objectives over weeks: what is left of their budgets, and how fast they burn.

use bifocal_watch::{SloView, Snapshot, TargetView};

use super::exposition::with;
use super::text::Text;

type Pick = fn(&SloView) -> Option<f64>;

/// Name, help and value of what an objective has one number of.
const GAUGES: [(&str, &str, Pick); 3] = [
    ("bifocal_slo_objective_ratio", "the share that must be good", |slo| Some(slo.objective)),
    ("bifocal_slo_good_ratio", "the share that was good over the period so far", |slo| slo.good_share),
    (
        "bifocal_slo_budget_left_ratio",
        "share of the period's error budget that is left; below zero where it is overdrawn",
        |slo| slo.budget_left,
    ),
];

/// Labels are bounded: eight objectives of each target, five windows.
pub(super) fn render(text: &mut Text, snapshot: &Snapshot) {
    let all = || snapshot.targets.iter().flat_map(|view| view.slos.iter().map(move |slo| (view, slo)));
    // An objective of what was never seen has no numbers, not even the one that was written down.
    let seen = |(_, slo): &(&TargetView, &SloView)| slo.n > 0;
    for (name, help, pick) in GAUGES {
        text.family(name, "gauge", help);
        for (view, slo) in all().filter(seen) {
            if let Some(value) = pick(slo) {
                text.sample(name, &with(&view.key, &[("slo", &slo.name)]), value);
            }
        }
    }
    let help = "how many times faster than allowed the budget burns; of sampled answers the lower 95% bound";
    text.family("bifocal_slo_burn_rate", "gauge", help);
    for (view, slo) in all().filter(seen) {
        for burn in &slo.burns {
            if let Some(rate) = burn.decides {
                let labels = [("slo", slo.name.as_str()), ("window", burn.window)];
                text.sample("bifocal_slo_burn_rate", &with(&view.key, &labels), rate);
            }
        }
    }
}
