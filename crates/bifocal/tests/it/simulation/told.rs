//! Which shipped rules are told of each kind of incident, as docs/guide/alerts.md says it.

use bifocal_sim::Incident;

const OF_ANSWERS: &[&str] =
    &["answers degraded", "relevance pass rate", "safety pass rate", "composite quality"];
/// Until the cause is known nothing tells a change of the judge or of the questions from one of the model.
const UNTIL_THE_CAUSE_IS_KNOWN: &[&str] = &[
    "silent degradation",
    "answers degraded",
    "relevance pass rate",
    "safety pass rate",
    "composite quality",
];

/// Rules that must be told of an incident and rules that may be; all others must not.
pub(crate) struct Told {
    pub(crate) must: &'static [&'static str],
    pub(crate) may: &'static [&'static str],
}

pub(crate) const fn told(incident: Incident) -> Told {
    match incident {
        Incident::SilentDegradation => Told { must: &["silent degradation"], may: OF_ANSWERS },
        Incident::Overload => Told { must: &["overloaded"], may: &["service degraded", "slo burn"] },
        Incident::Outage => Told { must: &["outage"], may: &["service degraded", "slo burn"] },
        Incident::CostWaste => Told { must: &["wasteful"], may: &[] },
        Incident::HarmlessDeployment => Told { must: &[], may: &[] },
        Incident::JudgeSwap => Told { must: &["judge drifted"], may: UNTIL_THE_CAUSE_IS_KNOWN },
        Incident::MixShift => Told { must: &[], may: UNTIL_THE_CAUSE_IS_KNOWN },
    }
}

impl Told {
    /// What is not as it should be in the rules that were told as firing.
    pub(crate) fn wrong(&self, firing: &[&str]) -> Vec<String> {
        let is_among = |rules: &[&str], rule: &str| rules.contains(&rule);
        let missing = self.must.iter().filter(|rule| !is_among(firing, rule));
        let missing = missing.map(|rule| format!("`{rule}` was not told"));
        let more = firing.iter().filter(|rule| !is_among(self.must, rule) && !is_among(self.may, rule));
        let more = more.map(|rule| format!("`{rule}` was told and must not be"));
        missing.chain(more).collect()
    }
}

#[test]
fn the_guide_s_table_of_incidents_is_what_the_simulation_asks_for() {
    let guide = include_str!("../../../../../docs/guide/alerts.md");
    for incident in Incident::ALL {
        let Told { must, may } = told(incident);
        let names = |rules: &[&str]| if rules.is_empty() { "–".to_owned() } else { rules.join(", ") };
        let row = format!("| `{incident}` | {} | {} | all others |", names(must), names(may));
        assert!(guide.contains(&row), "docs/guide/alerts.md lacks this row: {row}");
    }
}
