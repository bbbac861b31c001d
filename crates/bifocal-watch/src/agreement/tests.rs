use bifocal_model::{Cost, Identity, Probability, Source, TargetKey, Unit, Verdict};
use bifocal_stats::drift::Seeded;

use super::*;

fn id(i: u32) -> InferenceId {
    let identity = Identity { source: Source::Proxy, key: format!("i{i}") };
    InferenceId::of_identity(&identity, at(i))
}

fn at(i: u32) -> Timestamp {
    Timestamp::from_secs(1_795_528_260 + i64::from(i))
}

fn score(i: u32, value: f64) -> Score<String> {
    Score {
        inference: id(i),
        target: TargetKey::of_model("local", "m"),
        evaluator: "judge:j".to_owned(),
        fingerprint: Fingerprint(9),
        kind: EvaluatorKind::Judge,
        dimension: Dimension::new("relevance"),
        verdict: Verdict::Scored {
            value: Unit::clamped(value),
            pass: value >= 0.75,
            label: None,
            explanation: None,
        },
        inclusion: Probability::new(0.1).unwrap(),
        capture: Probability::ONE,
        stratum: String::new(),
        time: at(i),
        scored_at: at(i),
        latency_seconds: 0.0,
        cost: Cost::default(),
    }
}

fn label(i: u32, who: &str, mark: Mark, judged: Vec<Judged>) -> Label<String> {
    Label {
        inference: id(i),
        target: TargetKey::of_model("local", "m"),
        dimension: Dimension::new("relevance"),
        who: who.to_owned(),
        mark: Some(mark),
        correction: None,
        time: at(i),
        labelled_at: at(i),
        judged,
    }
}

fn grade(value: f64) -> u8 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "1 to 5")]
    let grade = (value * 4.0).round() as u8;
    grade + 1
}

fn shown(book: &mut AgreementBook) -> AgreementView {
    let mut views = Vec::new();
    book.add_to(&mut views);
    assert_eq!(views.len(), 1);
    assert_eq!((views[0].anchors, views[0].difference), (0, None), "a judge without anchors");
    views[0].agreement.clone().unwrap()
}

/// A judge that is a quarter too kind to every second answer: 2,000 judged, of which 200 are labelled by two people.
fn world(label_first: bool) -> AgreementBook {
    let (mut book, mut random) = (AgreementBook::default(), Seeded::new(7));
    for i in 0..2_000 {
        let truth = (1 + random.below(3)) as f64 / 4.0;
        let said = score(i, truth + if i % 2 == 0 { 0.25 } else { 0.0 });
        let is_labelled = i % 10 < 2 && i < 1_000;
        if !(is_labelled && label_first) {
            book.take_score(&said);
        }
        if is_labelled {
            let judged = if label_first { Vec::new() } else { vec![Judged::of(&said).unwrap()] };
            book.take_label(&label(i, "ann", Mark::Grade(grade(truth)), judged.clone()));
            book.take_label(&label(i, "bob", Mark::Grade(grade(truth)), judged));
        }
        if is_labelled && label_first {
            book.take_score(&said);
        }
    }
    book
}

#[test]
fn a_kind_judge_is_measured_and_corrected() {
    let mut book = world(false);
    let view = shown(&mut book);
    assert_eq!((view.labelled, view.people, view.scale), (200, 2, "grades"));
    let (kappa, alpha) = (view.kappa.unwrap(), view.alpha.unwrap());
    assert!(kappa.value > 0.6 && kappa.value < 0.95 && kappa.lower < kappa.value, "{kappa:?}");
    assert!(alpha.value > 0.8 && alpha.value < 1.0 && alpha.upper <= 1.0, "{alpha:?}");
    assert_eq!(view.people_alpha.unwrap().value, 1.0, "the two say the same");
    // The truth is 0.5 on average, the judge says 0.625.
    let (raw, fixed) = (view.mean.unwrap(), view.corrected_mean.unwrap());
    assert!((raw - 0.625).abs() < 0.02 && (fixed.value - 0.5).abs() < 0.03, "{raw} {fixed:?}");
    assert!(fixed.lower < 0.5 && fixed.upper > 0.5, "{fixed:?}");
    // A third passes with people, half with the judge.
    let (raw, fixed) = (view.pass_rate.unwrap(), view.corrected_pass_rate.unwrap());
    assert!(
        (raw - 0.5).abs() < 0.03 && fixed.lower < 1.0 / 3.0 && fixed.upper > 1.0 / 3.0,
        "{raw} {fixed:?}"
    );
    assert!(fixed.value < 0.45, "{fixed:?}");
}

#[test]
fn which_came_first_makes_no_difference_and_a_restart_neither() {
    let (mut later, mut earlier) = (world(false), world(true));
    let view = shown(&mut later);
    assert_eq!(view, shown(&mut earlier));
    let saved = serde_json::to_vec(&later).unwrap();
    let mut read: AgreementBook = serde_json::from_slice(&saved).unwrap();
    assert_eq!(view, shown(&mut read));
}

#[test]
fn a_score_made_while_its_label_was_on_its_way_is_not_lost() {
    let mut book = AgreementBook::default();
    book.take_score(&score(1, 0.5));
    book.take_label(&label(1, "ann", Mark::Grade(3), Vec::new()));
    assert_eq!(shown(&mut book).labelled, 1);
    (2..2 + u32::try_from(RECENT).unwrap()).for_each(|i| book.take_score(&score(i, 0.5)));
    assert_eq!(book.recent.len(), RECENT);
}

#[test]
fn thumbs_are_compared_as_pass_and_fail_and_a_new_word_replaces_the_old_one() {
    let mut book = AgreementBook::default();
    for i in 0..40 {
        let good = i % 4 != 0;
        let said = score(i, if good { 1.0 } else { 0.0 });
        book.take_score(&said);
        let judged = vec![Judged::of(&said).unwrap()];
        book.take_label(&label(i, "ann", Mark::Thumbs(!good), judged.clone()));
        if i < 19 {
            continue;
        }
        book.take_label(&label(i, "ann", Mark::Thumbs(good), judged));
    }
    let view = shown(&mut book);
    assert_eq!((view.labelled, view.people, view.scale), (40, 1, "pass"));
    let kappa = view.kappa.unwrap();
    assert!(kappa.value.abs() < 0.3, "about half was taken back: {kappa:?}");
    assert_eq!(view.corrected_mean, None, "no grades");
    assert_eq!(view.corrected_pass_rate, None, "the judge hardly tells pass from fail");
}

#[test]
fn few_labels_are_counted_only() {
    let mut book = AgreementBook::default();
    for i in 0..19 {
        let said = score(i, f64::from(i % 5) / 4.0);
        book.take_score(&said);
        book.take_label(&label(i, "ann", Mark::Grade(3), vec![Judged::of(&said).unwrap()]));
    }
    let view = shown(&mut book);
    assert_eq!((view.labelled, view.of, view.kappa, view.alpha), (19, 20, None, None));
    assert_eq!((view.corrected_pass_rate, view.corrected_mean), (None, None));
}

#[test]
fn limits_of_labels() {
    let mut book = AgreementBook::default();
    let limit = u32::try_from(LABELLED_MAX).unwrap();
    let full =
        (0..limit + 1).filter(|i| book.take_label(&label(*i, "ann", Mark::Pass(true), Vec::new()))).count();
    assert_eq!((full, book.answers.len()), (1, LABELLED_MAX));
    for i in 0..PEOPLE_MAX + 3 {
        book.take_label(&label(limit, &format!("p{i}"), Mark::Pass(true), Vec::new()));
    }
    assert_eq!(book.answers[&id(limit)][0].people.len(), PEOPLE_MAX);
    for i in 0..COMPARED_MAX as u64 + 3 {
        let mut other = score(1, 0.5);
        other.fingerprint = Fingerprint(i);
        book.take_score(&other);
    }
    assert_eq!(book.judges.len(), COMPARED_MAX);
    let day = |i: i64| Judged {
        probability: Probability::ONE,
        ..Judged::of(&score(u32::try_from(i).unwrap(), 0.5)).unwrap()
    };
    (0..40).for_each(|i| book.judges[0].add(30_000 + i, &day(i)));
    assert_eq!(book.judges[0].days.len() as i64, DAYS);
    book.judges[0].add(30_005, &day(5));
    assert_eq!(book.judges[0].days.len() as i64, DAYS, "older than the window");
}
