//! A thousand simulated days of judging on five dollars a day, through the sampler, the pace, the budget and the estimator of the
//! product, on a clock that only the test moves: every day is spent and none overspent, the intervals cover, and are hardly wider
//! than those of an allocation that knows everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use bifocal::pipeline::{Chooser, Choosing};
use bifocal_evaluate::SlowAfter;
use bifocal_evaluate::judge::{Budget, Judge, JudgeConfig, Rubrics, Spent};
use bifocal_evaluate::rule::{EvaluateRule, Rules};
use bifocal_model::{
    Cost, Dimension, EvaluatorKind, Failure, Findings, Fingerprint, FinishReason, Identity, Inference,
    InferenceId, Score, Selection, Shed, Source, Span, Timestamp, Unit, Verdict, Window, stratum,
};
use bifocal_redact::Redacted;
use bifocal_store::{Options, Record, Store};
use bifocal_telemetry::{ManualClock, Telemetry};
use bifocal_watch::{Quantiles, Watch, WatchConfig};

use super::harness::{self, Random};
use super::simulation::scenario::{folder, median, on_all_cases};

/// Twenty-five days each of forty worlds: each begins with a day of which nothing is known.
const WORLDS: u64 = 40;
const DAYS: i64 = 25;
/// In daily use.
const WORLDS_DAILY: u64 = 8;
const CAP: f64 = 5.0;
const SPENT_AT_LEAST: f64 = 4.5;
/// 935 of 1,000, and for fewer days what four standard deviations below 95% allow at most.
const COVERED: f64 = 0.935;
const WIDER_AT_MOST: f64 = 1.3;
/// Dollars for a million tokens.
const PRICES: [f64; 2] = [3.0, 15.0];
/// Days since 1970 of the first day.
const FIRST_DAY: i64 = 20_000;
/// The bit of `injection`: the answer does not speak to its judge.
const FIT: u64 = 1 << 5;

/// One kind of answer.
struct Kind {
    template: Inference<Redacted>,
    share: f64,
    /// Chances of the grades 1 to 5.
    grades: [f64; 5],
}

/// What a day came to.
#[derive(Clone, Copy, Debug)]
struct Day {
    spent: f64,
    judged: usize,
    covered: bool,
    /// Of the interval's width, by that of the allocation that knows the day.
    width: f64,
    demanded: f64,
    shed: usize,
}

struct World {
    random: Random,
    kinds: Vec<Kind>,
    chooser: Chooser,
    budget: Budget,
    watch: Watch,
    made: u64,
    /// Judge calls under way: when they end, of which answer, what it will be graded and cost.
    under_way: BTreeMap<(Timestamp, u64), Call>,
}

/// A call of the judge: of which answer, the grade that it will give (0 where it fails), what it costs and what is reserved.
type Call = (Selection, Arc<Inference<Redacted>>, f64, Cost, u64);

struct NoQuantiles;

impl Quantiles for NoQuantiles {
    fn quantile(&self, _: &bifocal_model::TargetKey, _: &str, _: f64, _: Window) -> Option<f64> {
        None
    }
}

fn kinds(random: &mut Random) -> Vec<Kind> {
    let questions = [
        ("What is the best way to store this kind of grain for the winter?", 0.5),
        ("Wie ist das mit der Miete und warum ist sie nicht bezahlt?", 0.25),
        ("Comment est calculé le prix dans une ville et pourquoi ?", 0.05),
    ];
    let long = " and how is this to be understood in the light of what was said before".repeat(5);
    let ends =
        [(FinishReason::Stop, 1.0, 0.9), (FinishReason::Length, 1.0, 0.06), (FinishReason::Stop, 40.0, 0.04)];
    let mut kinds = Vec::new();
    for (question, asked) in questions {
        for (tail, length) in [("", 0.6), (long.as_str(), 0.4)] {
            for (finish, seconds, ended) in &ends {
                let text = format!("{question}{tail}");
                let mut template = harness::call("template", Timestamp::default(), &text, "It depends.");
                template.finish_reason = Some(finish.clone());
                template.timing.duration_seconds = Some(*seconds);
                template.findings = Findings { passed: FIT, values: Vec::new() };
                let badly = *finish == FinishReason::Length || *seconds > 30.0;
                // Good answers to a 5 in half of the cases; bad ones all over the scale.
                let good: [f64; 5] = [0.01, 0.04, 0.15, 0.3, 0.5];
                let bad: [f64; 5] = [0.3, 0.25, 0.2, 0.15, 0.1];
                let base = if badly { bad } else { good };
                let grades = base.map(|p| p * (0.6 + 0.8 * random.unit()));
                let sum: f64 = grades.iter().sum();
                kinds.push(Kind { template, share: asked * length * ended, grades: grades.map(|p| p / sum) });
            }
        }
    }
    kinds
}

impl World {
    fn new(seed: u64, rule: EvaluateRule) -> Self {
        let config = JudgeConfig {
            base_url: "http://127.0.0.1:9/v1".to_owned(),
            dimensions: vec!["relevance".to_owned()],
            budget_usd_per_day: Some(CAP),
            usd_per_million_input_tokens: Some(PRICES[0]),
            usd_per_million_output_tokens: Some(PRICES[1]),
            ..JudgeConfig::default()
        };
        let budget = Budget::new(config.cap(), Spent::default());
        let rules = Rules::compile(&[rule], Some(&config.dimensions)).unwrap();
        let judge = Judge::new(config, &Rubrics::shipped().unwrap()).unwrap();
        let slow_after = SlowAfter { ttft_seconds: 2.0, duration_seconds: 30.0 };
        let mut secret = [5; 16];
        secret[..8].copy_from_slice(&seed.to_le_bytes());
        let choosing = Choosing { secret: Some(secret), rules, slow_after, judge };
        let (data, clock) = (folder(), Arc::new(ManualClock::new(Timestamp::default())));
        let (store, _) = Store::open(Options::new(data.path(), clock), Telemetry::new()).unwrap();
        let chooser = choosing.open(&store.small_state(), None).unwrap();
        let mut watch = WatchConfig::default();
        watch.quality.window_seconds = 86_400.0;
        let mut random = Random::new(seed);
        Self {
            kinds: kinds(&mut random),
            random,
            chooser,
            budget,
            watch: Watch::new(watch, Telemetry::new()).unwrap(),
            made: 0,
            under_way: BTreeMap::new(),
        }
    }

    fn take(&mut self, record: &Record) {
        self.watch.apply(record);
        self.chooser.see(record);
    }

    /// Judge calls end up to a moment.
    fn finish(&mut self, until: Timestamp) {
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= until) {
            let (at, _) = *entry.key();
            let (selection, call, grade, cost, reserved) = entry.remove();
            self.budget.settle(at, reserved, &cost);
            let verdict = if grade > 0.0 {
                let value = Unit::clamped((grade - 1.0) / 4.0);
                Verdict::Scored { value, pass: grade >= 4.0, label: None, explanation: None }
            } else {
                Verdict::Failed { failure: Failure::Provider, detail: "503".to_owned() }
            };
            let (dimension, fingerprint): (Dimension, Fingerprint) = selection.judges[0].clone();
            let score = Score {
                inference: call.id,
                target: call.target.clone(),
                evaluator: "judge:j".to_owned(),
                fingerprint,
                kind: EvaluatorKind::Judge,
                dimension,
                verdict,
                inclusion: selection.inclusion,
                capture: call.capture_probability,
                stratum: selection.stratum.clone(),
                time: call.time,
                scored_at: at,
                latency_seconds: 1.0,
                cost,
            };
            self.take(&Record::Score(Arc::new(score)));
        }
    }

    /// A day with so many answers, expected, and an hour in which the judge is down, if any. `worse_by`: how much the scores of
    /// the afternoon are lower. `lost`: the share of the afternoon's chosen answers that the queue has no room for.
    fn day(&mut self, day: i64, level: f64, down: Option<i64>, worse_by: f64, lost: f64) -> Day {
        let midnight = Timestamp::from_secs((FIRST_DAY + day) * 86_400);
        let hours: Vec<f64> = (0..24u32)
            .map(|h| 1.0 + 0.8 * (f64::from(h) / 24.0 * std::f64::consts::TAU - 2.5).sin())
            .collect();
        let hourly: f64 = hours.iter().sum();
        let mut all: Vec<(String, f64)> = Vec::new();
        let (mut demanded, mut judged, mut shed) = (0.0, 0, 0);
        let mut time = midnight;
        loop {
            let hour = usize::try_from(time.since(midnight).as_nanos() / 3_600_000_000_000).unwrap();
            let Some(rate) = hours.get(hour) else { break };
            let gap = -self.random.unit().max(1e-12).ln() / (level * rate / hourly / 3_600.0);
            time = time + Span::from_secs_f64(gap);
            if time.since(midnight) >= Span::from_secs(86_400) {
                break;
            }
            self.finish(time);
            let afternoon = hour >= 12;
            let (mut call, grade) = self.answer(time, if afternoon { worse_by } else { 0.0 });
            self.chooser.turn(time);
            let selection = self.chooser.select(&mut call, false);
            let class = stratum::class(&call.chance.as_ref().unwrap().stratum);
            all.push((class, (grade - 1.0) / 4.0));
            let cost = self.cost();
            demanded += cost.usd.unwrap();
            let call = Arc::new(call);
            self.take(&Record::Inference(Arc::clone(&call)));
            let Some(selection) = selection else { continue };
            self.take(&Record::Selection(selection.clone()));
            let reserved = u64::from(cost.input_tokens) + 512;
            let full = afternoon && self.random.unit() < lost;
            if full || !self.budget.try_reserve(time, reserved) {
                shed += 1;
                let why = if full { Shed::QueueFull } else { Shed::Budget };
                self.take(&Record::Selection(Selection { shed: Some(why), ..selection }));
                continue;
            }
            let fails = down == Some(i64::try_from(hour).unwrap());
            let (grade, cost) = if fails { (0.0, Cost::default()) } else { (grade, cost) };
            judged += usize::from(!fails);
            let ends = time + Span::from_secs_f64(1.0 + 20.0 * self.random.unit());
            self.under_way.insert((ends, self.made), (selection, call, grade, cost, reserved));
        }
        let end = midnight + Span::from_nanos(86_400 * 1_000_000_000 - 1);
        self.finish(end);
        // What ends past midnight is the next day's money.
        let spent = self.budget.spent().usd;
        let snapshot = self.watch.tick(end, &NoQuantiles).snapshot;
        let estimate = snapshot.targets[0].streams[0].estimate.unwrap();
        let truth = all.iter().map(|(_, value)| value).sum::<f64>() / all.len() as f64;
        let knowing = width_of_who_knows(&all, CAP / (demanded / all.len() as f64));
        let covered = estimate.lower <= truth && truth <= estimate.upper;
        Day { spent, judged, covered, width: (estimate.upper - estimate.lower) / knowing, demanded, shed }
    }

    fn answer(&mut self, time: Timestamp, worse_by: f64) -> (Inference<Redacted>, f64) {
        self.made += 1;
        let mut at = self.random.unit() * self.kinds.iter().map(|kind| kind.share).sum::<f64>();
        let kind = self.kinds.iter().find(|kind| {
            at -= kind.share;
            at <= 0.0
        });
        let kind = kind.unwrap_or(&self.kinds[0]);
        let mut call = kind.template.clone();
        call.identity = Identity { source: Source::Simulated, key: self.made.to_string() };
        call.id = InferenceId::of_identity(&call.identity, time);
        call.time = time;
        let mut left = self.random.unit();
        let grade = kind.grades.iter().position(|p| {
            left -= p;
            left <= 0.0
        });
        let grade = grade.map_or(5.0, |at| at as f64 + 1.0);
        let grade = if self.random.unit() < worse_by { 1.0 } else { grade };
        (call, grade)
    }

    /// Tokens as of WildBench: 1,712 in on average with a long tail, 229 out.
    fn cost(&mut self) -> Cost {
        let tokens = 900.0 - 812.0 * self.random.unit().max(1e-9).ln();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most 6,000, at least 0"
        )]
        let input_tokens = tokens.min(6_000.0) as u32;
        let output_tokens = 150 + u32::try_from(self.random.below(160)).unwrap();
        let usd = (f64::from(input_tokens) * PRICES[0] + f64::from(output_tokens) * PRICES[1]) / 1e6;
        Cost { usd: Some(usd), input_tokens, output_tokens }
    }
}

/// The width of a 95% interval of who knows every stratum's size and spread and what a judgement costs: Neyman's allocation of
/// the whole cap, with the correction for finite strata.
fn width_of_who_knows(all: &[(String, f64)], judgements: f64) -> f64 {
    let mut strata: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (class, value) in all {
        strata.entry(class).or_default().push(*value);
    }
    let spread = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() as f64 - 1.0).max(1.0)).sqrt()
    };
    let n = all.len() as f64;
    let sum: f64 = strata.values().map(|values| values.len() as f64 / n * spread(values)).sum();
    let variance = strata.values().map(|values| {
        let (size, sd) = (values.len() as f64, spread(values));
        let share = size / n;
        let judged = (judgements * share * sd / sum).clamp(1.0, size);
        share * share * sd * sd / judged * (1.0 - judged / size)
    });
    2.0 * 1.96 * variance.sum::<f64>().sqrt()
}

/// The first seed, always the same one unless another is asked for, and how many.
fn worlds() -> (u64, u64) {
    let first = std::env::var("BIFOCAL_SEED").map_or(1, |seed| seed.parse().unwrap());
    let long = std::env::var_os("BIFOCAL_LONG").is_some();
    (first, if long { WORLDS } else { WORLDS_DAILY })
}

#[test]
fn simulation_days_are_spent_and_never_overspent_and_their_intervals_cover() {
    let (first, count) = worlds();
    let seeds: Vec<u64> = (first..first + count).collect();
    let all = on_all_cases(&seeds, |seed| {
        let mut world = World::new(seed, EvaluateRule::of("*", 1.0));
        let usual = 2_500.0 + 3_500.0 * world.random.unit();
        let days = (0..DAYS).map(|day| {
            let level = usual * (0.7 + 0.6 * world.random.unit());
            let down = (world.random.unit() < 0.1).then(|| i64::try_from(world.random.below(24)).unwrap());
            world.day(day, level, down, 0.1, 0.0)
        });
        days.collect::<Vec<Day>>()
    });
    let days: Vec<Day> = all.into_iter().flat_map(|(_, days)| days).collect();
    let n = days.len() as f64;
    let least = days.iter().map(|day| day.spent).fold(f64::MAX, f64::min);
    let most = days.iter().map(|day| day.spent).fold(0.0, f64::max);
    let covered = days.iter().filter(|day| day.covered).count() as f64;
    let width = median(days.iter().map(|day| day.width));
    println!(
        "{n} days: ${least:.3} to ${most:.3} a day, {covered} covered, median width {width:.3} of who knows all; \
         {} judged and {} shed a day; demand at least {:.1} times the cap",
        days.iter().map(|day| day.judged).sum::<usize>() / days.len(),
        days.iter().map(|day| day.shed).sum::<usize>() as f64 / n,
        days.iter().map(|day| day.demanded).fold(f64::MAX, f64::min) / CAP,
    );
    assert!(days.iter().all(|day| day.demanded >= 2.0 * CAP));
    assert!(least >= SPENT_AT_LEAST && most <= CAP, "${least} to ${most}");
    let slack = if n >= 1_000.0 { 0.0 } else { 4.0 * (0.05 * 0.95 / n).sqrt() - 0.015 };
    assert!(covered / n >= COVERED - slack.max(0.0), "{covered} of {n}");
    assert!(width <= WIDER_AT_MOST, "{width}");
}

/// Nine tenths of what is chosen in the afternoon is given up, and the afternoon is much worse: a mean of what was judged would
/// be that of the morning.
#[test]
fn simulation_work_that_was_shed_widens_intervals_and_bends_none() {
    let (first, _) = worlds();
    let seeds: Vec<u64> = (first..first + 60).collect();
    let run = |lost: f64| {
        let days = on_all_cases(&seeds, |seed| {
            let mut world = World::new(seed, EvaluateRule::of("*", 0.5));
            world.day(0, 4_000.0, None, 0.0, 0.0);
            world.day(1, 4_000.0, None, 0.5, lost)
        });
        let covered = days.iter().filter(|(_, day)| day.covered).count();
        (covered, median(days.iter().map(|(_, day)| day.width)))
    };
    let ((covered, wide), (whole, narrow)) = (run(0.9), run(0.0));
    println!("of 60 days: {covered} covered, width {wide:.2}; with nothing shed {whole}, {narrow:.2}");
    // 60 days at 95%: fewer than 52 come once in ten thousand runs.
    assert!(covered >= 52 && whole >= 52, "{covered} {whole}");
    assert!(wide > 1.3 * narrow, "{wide} {narrow}");
}
