use super::*;
use crate::test_random::Random;

/// Traffic of three languages and two lengths; scores fall by `german` for German and by `all` for everybody.
fn drawn(n: usize, german: f64, all: f64, random: &mut Random) -> Vec<(String, f64)> {
    let mut samples = Vec::new();
    for _ in 0..n {
        let language = if random.uniform() < 0.3 {
            "de"
        } else if random.uniform() < 0.6 {
            "en"
        } else {
            "fr"
        };
        let length = if random.uniform() < 0.5 { "short" } else { "long" };
        let mean = 0.75 - all - if language == "de" { german } else { 0.0 };
        let value = (mean + 0.5 * (random.uniform() - 0.5)).clamp(0.0, 1.0);
        samples.push((format!("language={language};length={length}"), value));
    }
    samples
}

fn found(german: f64, all: f64, seed: u64) -> Vec<Slice> {
    let mut random = Random::new(seed);
    let (mut before, mut names) = (Strata::default(), Strata::default());
    for (name, value) in drawn(500, 0.0, 0.0, &mut random) {
        before.add(&name, value, 1.0);
    }
    let after: Vec<After> = drawn(400, german, all, &mut random)
        .into_iter()
        .map(|(name, value)| (names.add(&name, value, 1.0), value, 1.0))
        .collect();
    search(&before, &names, &after)
}

#[test]
fn the_slice_that_fell_is_named_with_its_share() {
    let (mut named, mut covered) = (0, 0);
    for seed in 0..40 {
        let slices = found(0.3, 0.0, seed);
        let first = slices.first();
        named += u32::from(first.is_some_and(|slice| slice.name == "language=de"));
        covered += u32::from(first.is_some_and(|slice| slice.share_upper == 1.0 && slice.share_lower > 0.5));
    }
    assert!(named >= 38 && covered >= 36, "{named} {covered}");
}

/// A fall of everybody alike is no slice's: at most one run in ten names any. The control takes the slice with the
/// largest fall without asking whether it fell more than the rest, and names one always.
#[test]
fn a_fall_of_all_names_no_slice_and_without_the_test_it_would() {
    let wrong = (0..100).filter(|seed| !found(0.0, 0.15, 1_000 + seed).is_empty()).count();
    assert!(wrong <= 10, "{wrong}");
    let mut random = Random::new(5);
    let mut names = Strata::default();
    for (name, value) in drawn(400, 0.0, 0.15, &mut random) {
        names.add(&name, value, 1.0);
    }
    let largest = names.iter().filter_map(|(_, sums)| sums.mean()).fold(1.0, f64::min);
    assert!(largest < names.of(|_| true).mean().unwrap(), "one stratum is always the worst");
}

#[test]
fn too_little_or_one_stratum_names_nothing() {
    let mut names = Strata::default();
    let after: Vec<After> =
        (0..200).map(|i| (names.add("language=de", 0.1, 1.0), f64::from(i % 2) * 0.2, 1.0)).collect();
    let mut before = Strata::default();
    (0..200).for_each(|_| {
        before.add("language=de", 0.9, 1.0);
    });
    assert_eq!(search(&before, &names, &after), []);
    assert_eq!(search(&Strata::default(), &Strata::default(), &[]), []);
}

/// Twelve keys of two values, each of which makes an answer a little worse: more slices than are tried (12 x 2 facets
/// and their pairs would be 288; 20 keys give 800), and more that fell than are shown.
#[test]
fn no_more_than_slices_tried_and_slices_shown() {
    let mut random = Random::new(6);
    let kinds: Vec<(String, u32)> = (0..150)
        .map(|_| {
            let bits: Vec<u32> = (0..20).map(|_| u32::from(random.uniform() < 0.5)).collect();
            let name = bits
                .iter()
                .enumerate()
                .map(|(key, bit)| format!("k{key}={bit}"))
                .collect::<Vec<_>>()
                .join(";");
            (name, bits.iter().take(12).sum())
        })
        .collect();
    let (mut before, mut names, mut after) = (Strata::default(), Strata::default(), Vec::new());
    for _ in 0..12 {
        for (name, ones) in &kinds {
            before.add(name, 0.9 + 0.1 * (random.uniform() - 0.5), 1.0);
            let value = 0.9 - 0.05 * f64::from(*ones) + 0.1 * (random.uniform() - 0.5);
            after.push((names.add(name, value, 1.0), value, 1.0));
        }
    }
    assert!(facet_sets(&names).len() > SLICES_TRIED);
    assert_eq!(candidates(&before, &names, &after).len(), SLICES_TRIED);
    assert_eq!(search(&before, &names, &after).len(), SLICES_SHOWN);
}
