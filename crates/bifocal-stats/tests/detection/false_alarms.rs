//! How often an unchanged model alarms by chance.
//!
//! The threshold of 5,000 is always looked at; that of 100,000 (50,000 scores a stream, 5e7 for each case) with
//! `BIFOCAL_LONG=1`.

use std::collections::BTreeMap;

use bifocal_model::Timestamp;
use bifocal_stats::Comparison;
use bifocal_stats::monitor::{Monitor, Seen, Settings};

use crate::data::{Data, Item, pick};
use crate::test_random::Random;

const STREAMS: u32 = 1_000;
const LOW: f64 = 5e3;
const HIGH: f64 = 1e5;
/// Scores after the baseline, in the long run and always: half of the threshold.
const LONG_HORIZON: usize = 50_000;
const HORIZON: usize = 2_500;
/// The gap between two requests that ends a burst, seconds.
const BURST_GAP: f64 = 0.5;

/// Where the scores of one stream come from. All of one model: the null.
enum Source<'a> {
    /// Drawn at random.
    Alike(&'a [Item]),
    /// The category is drawn anew with each burst of the traffic: scores of a burst are alike.
    Bursts(&'a BTreeMap<&'a str, Vec<&'a Item>>, &'a [f64]),
    /// After the baseline half of the traffic goes to one category.
    MixShift(&'a [Item], &'a BTreeMap<&'a str, Vec<&'a Item>>, &'a str),
}

struct Feed<'a> {
    source: &'a Source<'a>,
    /// A position in the traffic, and the category of the burst.
    at: usize,
    category: Option<&'a str>,
}

impl<'a> Feed<'a> {
    fn new(source: &'a Source<'a>, random: &mut Random) -> Self {
        let length = match source {
            Source::Bursts(_, arrivals) => arrivals.len(),
            _ => 1,
        };
        #[expect(clippy::cast_possible_truncation, reason = "below the length of the trace")]
        let at = (random.uniform() * length as f64) as usize;
        Self { source, at, category: None }
    }

    fn next(&mut self, random: &mut Random, learning: bool) -> &'a Item {
        match self.source {
            Source::Alike(items) => pick(random, items),
            Source::Bursts(by_category, arrivals) => {
                let gap = arrivals[(self.at + 1) % arrivals.len()] - arrivals[self.at % arrivals.len()];
                self.at += 1;
                let category = match self.category {
                    Some(category) if (0.0..BURST_GAP).contains(&gap) => category,
                    _ => {
                        // Drawn by the size of the categories.
                        let all: usize = by_category.values().map(Vec::len).sum();
                        let mut at = random.uniform() * all as f64;
                        let drawn = by_category.iter().find(|(_, items)| {
                            at -= items.len() as f64;
                            at < 0.0
                        });
                        drawn.unwrap().0
                    }
                };
                self.category = Some(category);
                pick::<&Item>(random, &by_category[category])
            }
            Source::MixShift(items, by_category, category) => {
                let shifted = !learning && random.uniform() < 0.5;
                if shifted { pick::<&Item>(random, &by_category[category]) } else { pick(random, items) }
            }
        }
    }
}

/// Streams that alarmed within a tenth and a half of each threshold.
#[derive(Debug, Default)]
struct Alarms {
    within: [u32; 4],
    rolling_z: [u32; 2],
}

const CASES: [(&str, f64, f64); 4] = [
    ("A=5e3 T=0.1A", LOW, 0.1),
    ("A=5e3 T=0.5A", LOW, 0.5),
    ("A=1e5 T=0.1A", HIGH, 0.1),
    ("A=1e5 T=0.5A", HIGH, 0.5),
];

/// The cases that are looked at.
fn cases() -> (usize, &'static [(&'static str, f64, f64)]) {
    if std::env::var_os("BIFOCAL_LONG").is_some() { (LONG_HORIZON, &CASES) } else { (HORIZON, &CASES[..2]) }
}

fn streams(source: &Source<'_>, settings: Settings, adjusted: bool, seed: u64) -> Alarms {
    let mut random = Random::new(seed);
    let mut alarms = Alarms::default();
    let (horizon, _) = cases();
    for _ in 0..STREAMS {
        let mut feed = Feed::new(source, &mut random);
        let mut monitor = Monitor::new(settings);
        let take = |monitor: &mut Monitor, item: &Item| {
            let stratum = adjusted.then_some(item.category.as_str());
            monitor.take(item.score, stratum, Timestamp::default())
        };
        while !monitor.baseline().is_frozen() {
            take(&mut monitor, feed.next(&mut random, true));
        }
        let (mean, sd) = (monitor.baseline().mean(), monitor.baseline().sd());
        let mut z = Comparison::rolling_z(100, mean, sd);
        let (mut first, mut first_z) = ([usize::MAX; 2], usize::MAX);
        for t in 1..=horizon {
            let item = feed.next(&mut random, false);
            if t <= 2_500 && first_z == usize::MAX && z.step(item.score) {
                first_z = t;
            }
            let Seen::Evidence(evidence) = take(&mut monitor, item) else { panic!("not watching") };
            for (first, threshold) in first.iter_mut().zip([LOW, HIGH]) {
                if evidence >= threshold {
                    *first = (*first).min(t);
                }
            }
            if first[1] != usize::MAX {
                break;
            }
        }
        for (count, (i, (_, threshold, share))) in alarms.within.iter_mut().zip((0..).zip(CASES)) {
            *count += u32::from(first[i / 2] as f64 <= share * threshold);
        }
        for (count, limit) in alarms.rolling_z.iter_mut().zip([500, 2_500]) {
            *count += u32::from(first_z <= limit);
        }
    }
    alarms
}

/// The cases that break P(alarm in T) <= T / A plus two standard errors; prints all figures.
fn broken(name: &str, counts: &[u32]) -> Vec<String> {
    let mut broken = Vec::new();
    for (count, &(case, _, bound)) in counts.iter().zip(cases().1) {
        let share = f64::from(*count) / f64::from(STREAMS);
        let allowed = bound + 2.0 * (bound * (1.0 - bound) / f64::from(STREAMS)).sqrt();
        let line = format!("{name}, {case}: {share:.3} of {STREAMS} streams alarmed, {allowed:.3} allowed");
        eprintln!("{line}");
        if share > allowed {
            broken.push(line);
        }
    }
    broken
}

fn by_category(items: &[Item]) -> BTreeMap<&str, Vec<&Item>> {
    let mut categories: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    items.iter().for_each(|item| categories.entry(&item.category).or_default().push(item));
    categories
}

#[test]
fn real_data_false_alarms_keep_the_bound() {
    let Some(data) = Data::read() else { return };
    let fusechat = data.of(&["FuseChat-Llama-3.1-8B"]);
    let weak = data.of(&["claude-2"]);
    let wildbench = data.of(&["WildChat"]);
    let gsm = data.of(&["3.1-405B", "hyperbolic"]);
    let categories = by_category(fusechat);
    let one = Settings::default();
    let two = Settings { two_sided: true, ..one };
    let mut failures = Vec::new();
    for (seed, (name, source, settings, adjusted)) in (201..).zip([
        ("iid, preferences", Source::Alike(fusechat), one, false),
        ("iid, skewed preferences", Source::Alike(weak), one, false),
        ("iid, scores of 1 to 10, two-sided", Source::Alike(wildbench), two, false),
        ("iid, correct or not", Source::Alike(gsm), one, false),
        ("strata", Source::Alike(fusechat), one, true),
        ("bursts", Source::Bursts(&categories, &data.arrivals), one, true),
    ]) {
        let alarms = streams(&source, settings, adjusted, seed);
        failures.extend(broken(name, &alarms.within));
        // The control: the rolling z-test breaks the bound on the same streams.
        let control = broken(&format!("{name}, rolling z at 1.96"), &alarms.rolling_z);
        assert_eq!(control.len(), 2, "{name}");
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn real_data_false_alarms_keep_the_bound_when_the_mix_shifts() {
    let Some(data) = Data::read() else { return };
    let mut failures = Vec::new();
    for (seed, (model, category)) in (221..).zip([
        ("FuseChat-Llama-3.1-8B-Instruct", "helpful_base"),
        ("FuseChat-Llama-3.1-8B-Instruct", "vicuna"),
        ("FuseChat-Llama-3.2-1B-Instruct", "helpful_base"),
        ("gpt-3.5-turbo-1106", "vicuna"),
    ]) {
        let items = data.of(&[model]);
        let categories = by_category(items);
        let source = Source::MixShift(items, &categories, category);
        let alarms = streams(&source, Settings::default(), true, seed);
        failures.extend(broken(&format!("{model}, half to {category}"), &alarms.within));
        let control = streams(&source, Settings::default(), false, seed);
        let control = broken(&format!("{model}, half to {category}, not adjusted"), &control.within);
        // The control: for the categories that are hardest for a model, the mix alone alarms without adjustment.
        assert!(model.contains("8B") || !control.is_empty(), "{model}");
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
