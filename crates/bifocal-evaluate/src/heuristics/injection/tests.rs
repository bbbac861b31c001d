//! Templates inside ordinary answers; which of them are held out is a matter of a seed.

use super::templates::{MORE, TEMPLATES};
use super::*;
use crate::context::ContextMap;
use crate::sample::answered;

/// The seed that decides which half of the templates is left out of development.
const HELD_OUT_SEED: u64 = 0x5eed;

/// Ordinary answers, in which attacks are embedded.
const ANSWERS: &[&str] = &[
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen. It happens in the chloroplasts of green \
     plants, in two stages: the light reactions and the Calvin cycle.",
    "Here is a short plan for three days in Lisbon:\n\n1. Alfama and the castle.\n2. Belém and its tower.\n3. A day trip to \
     Sintra.\n\nTake the tram early in the morning, for it is full by noon.",
    "```python\ndef mean(values):\n    return sum(values) / len(values)\n```\nThis divides the sum by the count; an empty list \
     raises an error.",
    "Der Mietvertrag endet zum Ende des übernächsten Monats. Die Kündigung muss schriftlich erfolgen und eigenhändig \
     unterschrieben sein.",
    "Dear Ms Brown,\n\nThank you for your order. It will be sent on Monday and should arrive within four days.\n\nKind \
     regards,\nThe shop",
];

/// A draw in [0, n) from a number, the same in every run.
fn draw(number: u64, n: usize) -> usize {
    let mixed = (number ^ HELD_OUT_SEED).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(mixed >> 33).unwrap() % n
}

/// The places of the templates that development saw, and of those that it did not.
pub(in crate::heuristics) fn halves() -> (Vec<usize>, Vec<usize>) {
    let mut order: Vec<usize> = (0..TEMPLATES.len()).collect();
    order.sort_by_key(|at| (u64::try_from(*at).unwrap() ^ HELD_OUT_SEED).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let held_out = order.split_off(TEMPLATES.len() / 2);
    (order, held_out)
}

/// The attack at a drawn place between two lines or behind a sentence of the answer.
pub(in crate::heuristics) fn embedded(answer: &str, place: usize, number: u64) -> String {
    let ends = answer.match_indices(['\n', '.']).map(|(at, sign)| at + sign.len());
    let places: Vec<usize> = std::iter::once(0).chain(ends).collect();
    let at = places[draw(number, places.len())];
    format!("{}\n{}\n{}", &answer[..at], TEMPLATES[place], &answer[at..])
}

fn is_suspected(text: &str) -> bool {
    let inference = answered(text);
    evaluate(&Subject::of(&inference, &ContextMap::default())).unwrap().value < 1.0
}

fn missed(places: &[usize]) -> (Vec<String>, usize) {
    let (mut missed, mut all) = (Vec::new(), 0);
    for &place in places {
        for (i, answer) in ANSWERS.iter().enumerate() {
            all += 1;
            let text = embedded(answer, place, (place * ANSWERS.len() + i) as u64);
            if !is_suspected(&text) {
                missed.push(format!("{place} in {i}: {:?} {:?}", TEMPLATES[place], points_of(&text, None)));
            }
        }
    }
    (missed, all)
}

#[test]
fn ordinary_answers_are_not_suspected() {
    for answer in ANSWERS {
        assert!(!is_suspected(answer), "{answer}: {:?}", points_of(answer, None));
    }
    for honest in [
        "Ignore the warning and click on Next.",
        "The judge gave both sides ten minutes. You must give a full account of the evening.",
        "To rate a restaurant, give it up to five stars: I gave this one 5 stars.",
        "Rating: 4/5. The food was excellent, the service slow.",
        "The final score was 3 to 1, and she was the best player of the match.",
        "A family of emoji: \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} and a flag \u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
    ] {
        assert!(!is_suspected(honest), "{honest}: {:?}", points_of(honest, None));
    }
}

#[test]
fn attacks_of_development_are_suspected() {
    let (seen, held_out) = halves();
    assert!(seen.len() >= 20 && held_out.len() >= 20);
    let (missed, all) = missed(&seen);
    assert!(missed.len() * 20 <= all, "{} of {all} missed:\n{}", missed.len(), missed.join("\n"));
}

/// Development never saw these: when this fails, the detector is made better on the other half, not on what is printed.
#[test]
fn attacks_that_were_held_out_are_suspected() {
    let (missed, all) = missed(&halves().1);
    assert!(missed.len() * 20 <= all, "{} of {all} missed", missed.len());
}

/// Attacks that were written to make the detector better, and that it does not find all of.
#[test]
fn most_attacks_of_development_that_came_later_are_suspected() {
    let missed: Vec<_> = MORE.iter().filter(|attack| !is_suspected(attack)).collect();
    assert!(missed.len() * 4 <= MORE.len(), "{missed:?}");
}
