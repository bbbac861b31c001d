//! One simulated incident on real scores: a baseline, a quiet time, a change, an alarm, and what comes after it.

use bifocal_model::{Attribution, Difference, Probability, Timestamp};
use bifocal_stats::attribution::{AnchorWatch, Case, Opening, Rescore, Sample, attribute};
use bifocal_stats::{Baseline, Detector, Moments};

use super::data::Data;
use super::test_random::Random;

/// Scores with their strata and the weight that each is drawn with.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    items: Vec<(&'static str, f64)>,
    /// The share of one stratum, where it is not that of the items.
    share: Option<(&'static str, f64)>,
}

/// What changes and what does not.
#[derive(Clone, Debug)]
pub(crate) struct World<'a> {
    pub(crate) name: String,
    pub(crate) before: Population,
    pub(crate) after: Population,
    /// Anchors: the score of the first judge, and of the second.
    pub(crate) frozen: Vec<(f64, f64)>,
    pub(crate) judge_changes: bool,
    pub(crate) anchors: bool,
    pub(crate) threshold: f64,
    pub(crate) noise: &'a [f64],
}

/// What became of one incident.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) attribution: Attribution,
    /// The alarm came before the change.
    pub(crate) false_alarm: bool,
    pub(crate) changed_at: usize,
    pub(crate) likeliest: usize,
    /// The change began after the first and not after the second sample.
    pub(crate) onset: (usize, usize),
    /// The fall as the samples from the likeliest start to the alarm have it.
    pub(crate) before_the_alarm: Option<Difference>,
}

const BASELINE: usize = 500;
const QUIET_MAX: usize = 2_000;
const AFTER: usize = 800;
/// In quiet times one anchor is scored again for 20 judged answers; once an alarm is near or there, one for each.
const ANCHOR_EVERY: usize = 20;

impl Population {
    pub(crate) fn of(items: impl IntoIterator<Item = (&'static str, f64)>) -> Self {
        Self { items: items.into_iter().collect(), share: None }
    }

    pub(crate) fn plain(scores: impl IntoIterator<Item = f64>) -> Self {
        Self::of(scores.into_iter().map(|score| ("all", score)))
    }

    pub(crate) fn with_share(self, stratum: &'static str, share: f64) -> Self {
        Self { share: Some((stratum, share)), ..self }
    }

    fn draw(&self, random: &mut Random) -> (&'static str, f64) {
        let Some((stratum, share)) = self.share else {
            return self.items[random_index(random, self.items.len())];
        };
        let inside = random.uniform() < share;
        loop {
            let item = self.items[random_index(random, self.items.len())];
            if (item.0 == stratum) == inside {
                return item;
            }
        }
    }

    fn mean(&self) -> f64 {
        let mean = |fits: &dyn Fn(&str) -> bool| {
            let scores: Vec<f64> = self.items.iter().filter(|item| fits(item.0)).map(|item| item.1).collect();
            scores.iter().sum::<f64>() / scores.len() as f64
        };
        match self.share {
            None => mean(&|_| true),
            Some((stratum, share)) => {
                share * mean(&|s| s == stratum) + (1.0 - share) * mean(&|s| s != stratum)
            }
        }
    }
}

impl<'a> World<'a> {
    pub(crate) fn new(name: String, noise: &'a [f64]) -> Self {
        let empty = Population::plain([]);
        let (before, after) = (empty.clone(), empty);
        Self {
            name,
            before,
            after,
            frozen: Vec::new(),
            judge_changes: false,
            anchors: true,
            threshold: 5_000.0,
            noise,
        }
    }

    pub(crate) fn true_fall(&self) -> f64 {
        self.before.mean() - self.after.mean()
    }

    /// An anchor's score now: by the judge of the time, with the noise of a second scoring.
    fn rescore(&self, anchor: usize, changed: bool, random: &mut Random) -> f64 {
        let (first, second) = self.frozen[anchor];
        let score = if changed && self.judge_changes { second } else { first };
        (score + self.noise[random_index(random, self.noise.len())]).clamp(0.0, 1.0)
    }
}

impl Outcome {
    pub(crate) fn onset_covers(&self) -> bool {
        self.onset.0 <= self.changed_at && self.changed_at <= self.onset.1
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of items")]
fn random_index(random: &mut Random, n: usize) -> usize {
    ((random.uniform() * n as f64) as usize).min(n - 1)
}

fn at(i: usize) -> Timestamp {
    Timestamp::from_secs(i64::try_from(i).unwrap())
}

/// 100 anchors of the world's, drawn without replacement.
fn anchors(world: &World<'_>, random: &mut Random) -> Vec<usize> {
    let mut order: Vec<usize> = (0..world.frozen.len()).collect();
    for i in 0..100 {
        let j = i + random_index(random, order.len() - i);
        order.swap(i, j);
    }
    order.truncate(100);
    order
}

/// One incident whose alarm comes after its change: an earlier one is a false alarm, and is drawn again.
pub(crate) fn run_changed(world: &World<'_>, random: &mut Random) -> Option<Outcome> {
    (0..50).find_map(|_| match run(world, random) {
        Some(outcome) if outcome.false_alarm => None,
        outcome => Some(outcome),
    })?
}

/// One incident; `None` without an alarm in the quiet time and 6,000 judged more.
pub(crate) fn run(world: &World<'_>, random: &mut Random) -> Option<Outcome> {
    let chosen = anchors(world, random);
    let names: Vec<String> = chosen.iter().map(|anchor| format!("a{anchor}")).collect();
    let changed_at = BASELINE + 200 + random_index(random, QUIET_MAX - 200);
    let quiet = world.true_fall().abs() < 1e-12;
    let end = if quiet { BASELINE + QUIET_MAX } else { changed_at + 6_000 };

    let mut drawn: Vec<(&'static str, f64)> = Vec::new();
    let mut rescores: Vec<Rescore<'_>> = Vec::new();
    let mut baseline = Baseline::default();
    let mut detector = Detector::degradation(0.0, 1.0);
    let (mut alarm, mut swept) = (None, 0usize);
    for i in 0.. {
        let changed = i >= changed_at && !quiet;
        let item = if changed { world.after.draw(random) } else { world.before.draw(random) };
        drawn.push(item);
        if i < BASELINE {
            baseline.push(item.1, at(i));
            detector = Detector::degradation(baseline.lcb(), 1.0);
        } else if alarm.is_none() && detector.step(item.1, world.threshold).alarm {
            alarm = Some(i);
        }
        // Anchors must out-run the detector: all are scored once its evidence passes two thirds of the way, in logarithms.
        let near = alarm.is_some() || detector.evidence() >= world.threshold.powf(2.0 / 3.0);
        if world.anchors && (near || i % ANCHOR_EVERY == 0) {
            let which = swept % chosen.len();
            let value = world.rescore(chosen[which], changed, random);
            rescores.push(Rescore {
                anchor: &names[which],
                time: at(i),
                frozen: world.frozen[chosen[which]].0,
                value,
            });
            swept += 1;
        }
        match alarm {
            Some(alarm) if i >= alarm + AFTER => break,
            None if i >= end => return None,
            _ => {}
        }
    }
    let alarm = alarm?;
    let probability = Probability::new(0.05).unwrap();
    let samples: Vec<Sample<'_>> = drawn
        .iter()
        .enumerate()
        .map(|(i, (stratum, value))| Sample { time: at(i), value: *value, probability, stratum })
        .collect();
    let watched: Vec<f64> = drawn[BASELINE..=alarm].iter().map(|item| item.1).collect();
    let set = detector_at(&baseline, &watched).onset_set(&watched)?;
    let likeliest = BASELINE + set.likeliest;
    let onset = (BASELINE + set.first, BASELINE + set.last);
    // The change lies after the sample before the first supported start.
    let opening =
        Opening { opened: at(alarm + 1), onset_from: at(onset.0.saturating_sub(1)), onset_to: at(onset.1) };
    let case =
        Case { opening, reference: &samples[..BASELINE], after: &samples[alarm + 1..], anchors: &rescores };
    let attribution = attribute(&case);
    let before_the_alarm = naive(&samples[..BASELINE], &samples[likeliest..=alarm]);
    let false_alarm = alarm < changed_at;
    Some(Outcome { attribution, false_alarm, changed_at, likeliest, onset, before_the_alarm })
}

fn detector_at(baseline: &Baseline, watched: &[f64]) -> Detector {
    let mut detector = Detector::degradation(baseline.lcb(), 1.0);
    watched.iter().for_each(|value| {
        detector.update(*value);
    });
    detector
}

/// The fall as somebody would measure it who takes the samples that raised the alarm: a normal interval at 95%.
fn naive(before: &[Sample<'_>], selected: &[Sample<'_>]) -> Option<Difference> {
    let moments = |samples: &[Sample<'_>]| {
        let mut moments = Moments::default();
        samples.iter().for_each(|sample| moments.add(sample.value, 1.0));
        moments
    };
    let (before, after) = (moments(before), moments(selected));
    let value = before.mean()? - after.mean()?;
    let margin = 1.96 * before.standard_error()?.hypot(after.standard_error()?);
    Some(Difference {
        value,
        lower: value - margin,
        upper: value + margin,
        n_before: before.n,
        n_after: after.n,
    })
}

/// Re-scores from the judge's change to the alarm on its anchors.
pub(crate) fn judge_delay(data: &Data, threshold: f64, random: &mut Random) -> usize {
    let frozen: Vec<(f64, f64)> = data.both.values().flatten().copied().collect();
    let world = World { frozen, judge_changes: true, ..World::new("judge".to_owned(), &data.noise) };
    let chosen = anchors(&world, random);
    let mut watch = AnchorWatch::default();
    let mut since = 0;
    for i in 0..5_000 {
        let which = i % chosen.len();
        let value = world.rescore(chosen[which], i >= 300, random);
        let name = format!("a{which}");
        watch.take(&Rescore { anchor: &name, time: at(i), frozen: world.frozen[chosen[which]].0, value });
        since += usize::from(i >= 300);
        // A false alarm before the change starts the watch over and costs the swap its clean sheet.
        if watch.moved(threshold).is_some() && i >= 300 {
            return since;
        }
    }
    since
}
