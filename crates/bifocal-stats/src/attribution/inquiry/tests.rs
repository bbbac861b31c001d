use super::*;
use crate::attribution::{Case, Rescore, attribute};
use crate::test_random::Random;

/// What moves in a simulated incident, on top of scores around 0.75 for `easy` and 0.55 for `hard` questions.
#[derive(Clone, Copy, Default)]
struct Moves {
    system: f64,
    judge: f64,
    hard_share: f64,
    cut_share: f64,
}

const CALM: Moves = Moves { system: 0.0, judge: 0.0, hard_share: 0.3, cut_share: 0.0 };

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn drawn(n: i64, from: i64, moves: Moves, random: &mut Random) -> Vec<(Timestamp, f64, &'static str)> {
    let one = |i| {
        let hard = random.uniform() < moves.hard_share;
        let cut = random.uniform() < moves.cut_share;
        let mean = if hard { 0.55 } else { 0.75 } - moves.system - moves.judge - if cut { 0.4 } else { 0.0 };
        let value = (mean + 0.5 * (random.uniform() - 0.5)).clamp(0.0, 1.0);
        let stratum = match (hard, cut) {
            (false, false) => "language=en;end=ok",
            (true, false) => "language=de;end=ok",
            (false, true) => "language=en;end=truncated",
            (true, true) => "language=de;end=truncated",
        };
        (at(from + i), value, stratum)
    };
    (0..n).map(one).collect()
}

fn samples<'a>(drawn: &'a [(Timestamp, f64, &'static str)]) -> Vec<Sample<'a>> {
    let probability = Probability::new(0.05).unwrap();
    drawn.iter().map(|&(time, value, stratum)| Sample { time, value, probability, stratum }).collect()
}

const OPENING: Opening = Opening {
    opened: Timestamp::from_secs(1_000),
    onset_from: Timestamp::from_secs(930),
    onset_to: Timestamp::from_secs(960),
};

fn verdict(moves: Moves, n_after: i64, anchors: bool, seed: u64) -> Attribution {
    let mut random = Random::new(seed);
    let (before, after) = (drawn(500, 0, CALM, &mut random), drawn(n_after, 1_000, moves, &mut random));
    let names: Vec<String> = (0..100).map(|i| format!("a{i}")).collect();
    let rescores: Vec<Rescore<'_>> = (0..600i64)
        .zip(names.iter().cycle())
        .filter(|_| anchors)
        .map(|(i, anchor)| {
            // One sweep before the change, then one re-score a second.
            let time = at(if i < 200 { i } else { 760 + i });
            let shift = if i < 200 { 0.0 } else { moves.judge };
            let value = 0.7 - shift + 0.3 * (random.uniform() - 0.5);
            Rescore { anchor, time, frozen: 0.7, value }
        })
        .collect();
    attribute(&Case {
        opening: OPENING,
        reference: &samples(&before),
        after: &samples(&after),
        anchors: &rescores,
    })
}

fn outcome(attribution: &Attribution, of: Cause) -> CheckOutcome {
    attribution.checks.iter().find(|check| check.of == of).unwrap().outcome
}

#[test]
fn each_cause_is_named() {
    for seed in 0..10 {
        let system = verdict(Moves { system: 0.1, ..CALM }, 400, true, seed);
        assert_eq!(system.cause, Cause::System, "{system:?}");
        assert!(
            system.why.contains("judge drift above 0.0") && system.why.contains("ruled out"),
            "{}",
            system.why
        );
        let judge = verdict(Moves { judge: 0.1, ..CALM }, 400, true, seed);
        assert_eq!(judge.cause, Cause::Judge, "{judge:?}");
        let mix = verdict(Moves { hard_share: 0.85, ..CALM }, 400, true, seed);
        assert_eq!(mix.cause, Cause::Mix, "{mix:?}");
        let path = verdict(Moves { cut_share: 0.3, ..CALM }, 400, true, seed);
        assert_eq!(path.cause, Cause::DataPath, "{path:?}");
    }
}

#[test]
fn without_anchors_the_judge_is_not_checkable_and_the_system_is_not_blamed() {
    let attribution = verdict(Moves { system: 0.15, ..CALM }, 400, false, 1);
    assert_eq!(attribution.cause, Cause::Undecided);
    assert_eq!(outcome(&attribution, Cause::Judge), CheckOutcome::NotCheckable);
    assert_eq!(attribution.why, "the judge cannot be checked: there are no anchors");
    assert!(
        attribution.checks.iter().all(|check| check.of != Cause::Judge || !check.line.contains("ruled out"))
    );
    let mix = verdict(Moves { hard_share: 0.9, ..CALM }, 400, false, 1);
    assert_eq!(mix.cause, Cause::Mix, "the mix is told without anchors");
}

#[test]
fn too_few_after_the_alarm_is_undecided_and_says_how_many_are_needed() {
    let attribution = verdict(Moves { system: 0.2, ..CALM }, 49, true, 2);
    assert_eq!((attribution.cause, attribution.effect), (Cause::Undecided, None));
    assert_eq!(attribution.why, "49 were judged after the alarm; 50 are needed");
    let nothing = attribute(&Case { opening: OPENING, reference: &[], after: &[], anchors: &[] });
    assert_eq!(nothing.cause, Cause::Undecided);
}

#[test]
fn a_false_alarm_ends_as_no_fall() {
    let attribution = verdict(CALM, 800, true, 3);
    assert_eq!(attribution.cause, Cause::Undecided);
    assert_eq!(attribution.why, "no fall is measured on 800 judged after the alarm");
}

#[test]
fn two_changes_at_once_are_not_laid_on_one() {
    for seed in 0..10 {
        let both = verdict(Moves { system: 0.12, judge: 0.10, ..CALM }, 400, true, seed);
        assert_ne!(both.cause, Cause::System, "{both:?}");
    }
}

#[test]
fn late_samples_numbers_that_are_none_and_what_comes_after_the_last_look_are_left_out() {
    let mut random = Random::new(4);
    let before = drawn(500, 0, CALM, &mut random);
    let mut reference = Reference::new(500);
    samples(&before).iter().for_each(|sample| reference.push(sample));
    let (anchors, mut inquiry) = (AnchorWatch::default(), Inquiry::open(&reference, OPENING));
    let sample =
        Sample { time: at(1_001), value: 0.5, probability: Probability::ONE, stratum: "language=en;end=ok" };
    inquiry.take(&Sample { time: at(999), ..sample }, &anchors);
    inquiry.take(&Sample { value: f64::NAN, ..sample }, &anchors);
    assert_eq!(inquiry.n_after(), 0);
    let looks = (0..1_000).filter(|_| inquiry.take(&sample, &anchors)).count();
    assert_eq!((inquiry.n_after(), looks), (800, 5));
    assert_eq!(inquiry.attribution().effect.unwrap().n_after, 800);
    let json = serde_json::to_string(&inquiry).unwrap();
    assert_eq!(serde_json::from_str::<Inquiry>(&json).unwrap(), inquiry);
}
