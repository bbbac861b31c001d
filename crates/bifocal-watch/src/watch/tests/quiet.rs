//! Weeks in which nothing happens, scores alone: how often the rules of the budget page.

use bifocal_stats::poisson;

use super::*;
use crate::QualityConfig;

const WEEKS: u64 = 200;
const MINUTES: usize = 7 * 24 * 60;
/// Between two ticks: an alarm lasts longer.
const TICK: usize = 10;

/// Pages of the budgeted rules, and those of a rolling z-test on the same scores.
fn week(seed: u64) -> (usize, u64) {
    let quality = QualityConfig { comparison: true, ..QualityConfig::default() };
    let config = WatchConfig { rules: shipped_rules(), quality, ..WatchConfig::default() };
    let mut watch = Watch::new(config, Telemetry::new()).unwrap();
    let mut targets = ["a", "b"].map(|name| Traffic::new(name, seed * 2 + u64::from(name == "b")));
    let (mut told, mut rolling) = (0, 0);
    for minute in 0..MINUTES {
        for traffic in &mut targets {
            traffic.second += 60;
            let value = (0.85 + 0.5 * (traffic.uniform() - 0.5)).clamp(0.0, 1.0);
            let id = InferenceId::v7(traffic.now(), [0; 10]);
            watch.apply(&Record::Score(Arc::new(traffic.score(id, value))));
        }
        if minute % TICK == 0 || minute + 1 == MINUTES {
            let outcome = watch.tick(targets[0].now(), &NoQuantiles);
            // An alarm is one page, whatever other rules say of it as well, and whichever of them is told.
            let fired = outcome.events.iter().filter(|event| event.kind == EventKind::AlertFired);
            told += fired.filter(|event| event.id.ends_with(":answers degraded")).count();
            let streams = outcome.snapshot.targets.iter().flat_map(|view| &view.streams);
            let comparisons = streams.flat_map(|stream| &stream.comparisons);
            rolling =
                comparisons.filter(|other| other.detector == "rolling z").map(|other| other.pages).sum();
        }
    }
    (told, rolling)
}

#[test]
fn simulation_two_hundred_quiet_weeks_page_within_the_budget() {
    let weeks: Vec<(usize, u64)> = std::thread::scope(|scope| {
        let half = |from: u64| {
            scope.spawn(move || (from..from + WEEKS / 2).map(|i| week(1_000 + i)).collect::<Vec<_>>())
        };
        let halves = [half(0), half(WEEKS / 2)];
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    });
    let months = WEEKS as f64 * 7.0 / 30.0;
    // One false page in 30 days is the default budget.
    let upper = |pages: u64| poisson::interval(pages, 0.1).upper / months;
    let pages = weeks.iter().map(|(told, _)| *told as u64).sum();
    let rolling = weeks.iter().map(|(_, rolling)| rolling).sum();
    eprintln!(
        "{WEEKS} quiet weeks: {pages} pages, at most {:.3} in 30 days; rolling z: {rolling}",
        upper(pages)
    );
    assert!(upper(pages) <= 1.5, "{pages} pages");
    // The control: what others run breaks the bound on the same scores.
    assert!(upper(rolling) > 1.5, "{rolling} pages of a rolling z-test");
}
