//! The demo's fleet in process, second by second of simulated time, for seeds that are drawn when the test runs: every
//! incident gets its state and no other, the component beside it stays healthy, and undisturbed runs page nothing.
//!
//! Environment: `BIFOCAL_SEED=N` fixes the first seed, `BIFOCAL_LONG=1` runs 20 seeds and longer incidents.

#![expect(clippy::print_stdout, reason = "seeds must be seen, so that a failure can be run again")]

pub(crate) mod scenario;
mod told;

use bifocal_model::{Cause, StateName};
use bifocal_sim::Incident;
use scenario::{
    OTHER, Past, STRUCK, blameless, disturbed, first_seed, is_long, median, on_all_cases, quiet, world,
};

use bifocal::simulated::Run;

/// Seconds of simulated time: 60 s of wall time at speed 20.
pub(crate) const WITHIN_SECS: u64 = 1200;

/// The fleets that are run, each with its past: so many in daily use, 20 in the long set.
fn pasts(daily: u64) -> Vec<Past> {
    let first = first_seed();
    let count = if is_long() { 20 } else { daily };
    println!("seeds {first} to {}; BIFOCAL_SEED={first} runs them again", first + count - 1);
    let seeds: Vec<u64> = (first..first + count).collect();
    on_all_cases(&seeds, Past::write).into_iter().map(|(_, past)| past).collect()
}

/// Incidents that put the struck component into a state, with that state.
const DISTURBING: [(Incident, StateName); 4] = [
    (Incident::SilentDegradation, StateName::SilentDegradation),
    (Incident::Overload, StateName::Overloaded),
    (Incident::Outage, StateName::Outage),
    (Incident::CostWaste, StateName::Wasteful),
];

/// Incidents that are not the model's doing, with the cause that must be named; `None`: nothing may be told.
const BLAMELESS: [(Incident, Option<Cause>); 3] = [
    (Incident::HarmlessDeployment, None),
    (Incident::JudgeSwap, Some(Cause::Judge)),
    (Incident::MixShift, Some(Cause::Mix)),
];

#[test]
fn simulation_incidents_have_the_right_state_and_the_other_stays_healthy() {
    let pasts = pasts(4);
    let cases: Vec<(&Past, Incident, StateName)> = DISTURBING
        .iter()
        .flat_map(|(incident, state)| pasts.iter().map(|past| (past, *incident, *state)))
        .collect();
    let reports = on_all_cases(&cases, |(past, incident, state)| disturbed(past, incident, state));
    for (incident, _) in DISTURBING {
        let of_incident = || reports.iter().filter(|(case, _)| case.1 == incident).map(|(_, report)| report);
        let good = of_incident().filter(|report| report.wrong.is_empty()).count();
        println!(
            "{incident}: right on {good} of {} seeds; median {:.0} s to the state, {:.0} s back to healthy",
            pasts.len(),
            median(of_incident().filter_map(|report| report.to_state_secs)),
            median(of_incident().filter_map(|report| report.to_healthy_secs)),
        );
    }
    let wrong: Vec<String> = reports
        .iter()
        .filter(|(_, report)| !report.wrong.is_empty())
        .map(|((past, incident, _), report)| format!("seed {}, {incident}: {report}", past.seed))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn simulation_blameless_incidents_are_named_as_what_they_are() {
    let pasts = pasts(2);
    let cases: Vec<(&Past, Incident, Option<Cause>)> = BLAMELESS
        .iter()
        .flat_map(|(incident, cause)| pasts.iter().map(|past| (past, *incident, *cause)))
        .collect();
    let reports = on_all_cases(&cases, |(past, incident, cause)| blameless(past, incident, cause));
    for (incident, _) in BLAMELESS {
        let of_incident = || reports.iter().filter(|(case, _)| case.1 == incident).map(|(_, report)| report);
        let good = of_incident().filter(|report| report.wrong.is_empty()).count();
        let secs = median(of_incident().filter_map(|report| report.to_state_secs));
        println!("{incident}: right on {good} of {} seeds; median {secs:.0} s to its name", pasts.len());
    }
    let wrong: Vec<String> = reports
        .iter()
        .filter(|(_, report)| !report.wrong.is_empty())
        .map(|((past, incident, _), report)| format!("seed {}, {incident}: {report}", past.seed))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn simulation_quiet_runs_page_nothing() {
    let pasts = pasts(4);
    let cases: Vec<&Past> = pasts.iter().collect();
    let reports = on_all_cases(&cases, quiet);
    let wrong: Vec<String> = reports
        .iter()
        .filter(|(_, report)| !report.wrong.is_empty())
        .map(|(past, report)| format!("seed {}: {report}", past.seed))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn simulation_same_seed_gives_the_same_bytes() {
    let seed = first_seed();
    println!("BIFOCAL_SEED={seed}");
    let bytes = |seed| {
        let folder = scenario::folder();
        let mut run = Run::open(world(seed, folder.path())).unwrap();
        scenario::past(&mut run, seed);
        let mut all = Vec::new();
        for second in 0..90 {
            if second == 30 {
                run.start(Incident::SilentDegradation, STRUCK);
            }
            run.second().unwrap();
            all.extend(serde_json::to_vec(&*run.snapshot()).unwrap());
        }
        (all, run.pipeline().watch_state().unwrap())
    };
    let (snapshots, state) = bytes(seed);
    let (again, state_again) = bytes(seed);
    assert!(snapshots.len() > 100_000 && state.len() > 10_000, "{} {}", snapshots.len(), state.len());
    assert!(snapshots == again, "the snapshots of two runs differ");
    assert!(state == state_again, "the watch states of two runs differ");
    let (other, _) = bytes(seed + 1);
    assert!(snapshots != other, "another seed is another world");
    assert!(String::from_utf8_lossy(&snapshots).contains(OTHER));
}
