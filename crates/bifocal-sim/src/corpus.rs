//! What people ask and what is answered: the project's own texts, each with a good answer and a worse one.
//!
//! Texts hold slots such as `{product}`; [`Slots`] fills them per request, so that no two answers need be the same.

use serde::Deserialize;

use crate::random::Random;

/// One question with its answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// A short name, unique.
    pub id: String,
    /// What is asked.
    pub prompt: String,
    /// A good answer.
    pub good: String,
    /// An answer that sounds plausible and is of little use: vague, beside the point, or wrong.
    pub worse: String,
    #[serde(default)]
    pub language: Language,
    #[serde(default)]
    pub format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    #[default]
    En,
    De,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Format {
    #[default]
    Text,
    Json,
}

/// Which answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quality {
    Good,
    Worse,
}

const FILES: [&str; 5] = [
    include_str!("../corpus/support.json"),
    include_str!("../corpus/coding.json"),
    include_str!("../corpus/summaries.json"),
    include_str!("../corpus/german.json"),
    include_str!("../corpus/structured.json"),
];

/// What a model says that declines, by language.
pub(crate) const REFUSALS: [(Language, &str); 4] = [
    (
        Language::En,
        "I'm sorry, but I can't help with that request. If you have another question about our products or your order, I will gladly answer it, and a colleague from the support team can look at everything else.",
    ),
    (
        Language::En,
        "I am unable to assist with this request because it may conflict with the rules that I have to follow. Please contact our support team, who can check it and give you a binding answer.",
    ),
    (
        Language::De,
        "Es tut mir leid, aber dabei kann ich Ihnen nicht helfen. Bitte wenden Sie sich mit diesem Anliegen an unseren Kundendienst, der Ihnen eine verbindliche Auskunft geben kann.",
    ),
    (
        Language::De,
        "Es tut mir leid, aber ich kann diese Anfrage nicht beantworten, da sie gegen meine Richtlinien verstoßen könnte. Unser Kundendienst hilft Ihnen gern weiter.",
    ),
];

impl Entry {
    /// The answer of a quality, slots not yet filled.
    pub(crate) fn answer(&self, quality: Quality) -> &str {
        match quality {
            Quality::Good => &self.good,
            Quality::Worse => &self.worse,
        }
    }
}

/// All entries.
#[expect(clippy::expect_used, reason = "the files are part of the binary and a test reads them")]
pub(crate) fn entries() -> Vec<Entry> {
    let parse = |file: &&str| serde_json::from_str::<Vec<Entry>>(file).expect("corpus files are valid");
    FILES.iter().flat_map(parse).collect()
}

/// What fills the slots of one request.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    values: [(&'static str, String); 10],
}

const NAMES: [&str; 12] = [
    "Ms Weber",
    "Mr Okafor",
    "Ms Lindqvist",
    "Mr Tanaka",
    "Ms Rossi",
    "Mr Novak",
    "Ms Haddad",
    "Mr Silva",
    "Ms Kowalska",
    "Mr Dubois",
    "Ms Jansen",
    "Mr Yilmaz",
];
const LOGINS: [&str; 8] = ["weber", "okafor", "lindqvist", "tanaka", "rossi", "novak", "haddad", "silva"];
const PRODUCTS: [&str; 10] = [
    "Nimbus 14 notebook",
    "Aria headset",
    "Volt E-Scooter",
    "Lumen desk lamp",
    "Brava espresso machine",
    "Terra vacuum cleaner",
    "Pico projector",
    "Cirrus tablet",
    "Solis power bank",
    "Orbit camera",
];
const CITIES: [&str; 10] =
    ["Leipzig", "Utrecht", "Lyon", "Graz", "Porto", "Malmö", "Bologna", "Ghent", "Bremen", "Basel"];
/// Numbers that card companies publish for tests: they pass Luhn's check and belong to nobody.
const CARDS: [&str; 3] = ["4111 1111 1111 1111", "5555 5555 5555 4444", "3782 822463 10005"];
/// Example accounts of the registry of the standard.
const IBANS: [&str; 3] =
    ["DE89 3704 0044 0532 0130 00", "NL91 ABNA 0417 1643 00", "AT61 1904 3002 3457 3201"];

impl Slots {
    /// Draws all values.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let login = format!("{}{}@example.com", random.of(&LOGINS), random.below(900) + 100);
        let phone = format!("+49 30 {:07}", 1_000_000 + random.below(8_999_999));
        Self {
            values: [
                ("{name}", (*random.of(&NAMES)).to_owned()),
                ("{order}", format!("A-{:05}", random.below(90_000) + 10_000)),
                ("{product}", (*random.of(&PRODUCTS)).to_owned()),
                ("{city}", (*random.of(&CITIES)).to_owned()),
                ("{days}", (random.below(9) + 3).to_string()),
                ("{amount}", format!("{}.{:02}", random.below(400) + 9, random.below(100))),
                ("{email}", login),
                ("{phone}", phone),
                ("{card}", (*random.of(&CARDS)).to_owned()),
                ("{iban}", (*random.of(&IBANS)).to_owned()),
            ],
        }
    }

    /// The text with its slots filled.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some(at) = rest.find('{') {
            filled.push_str(&rest[..at]);
            rest = &rest[at..];
            let slot = self.values.iter().find(|(slot, _)| rest.starts_with(slot));
            let taken = slot.map_or(1, |(slot, _)| slot.len());
            filled.push_str(slot.map_or("{", |(_, value)| value));
            rest = &rest[taken..];
        }
        filled.push_str(rest);
        filled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_is_large_enough_and_whole() {
        let entries = entries();
        assert!(entries.len() >= 40, "{}", entries.len());
        let ids: std::collections::HashSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids.len(), entries.len());
        assert!(entries.iter().filter(|entry| entry.language == Language::De).count() >= 8);
        let slots = Slots::draw(&mut Random::keyed(1, &[]));
        for entry in &entries {
            for text in [&entry.prompt, &entry.good, &entry.worse] {
                let filled = slots.fill(text);
                let left = ["{name", "{order", "{product", "{city", "{days", "{amount", "{email", "{iban"];
                assert!(!left.iter().any(|slot| filled.contains(slot)), "{filled}");
            }
            let tokens = |text: &str| text.chars().count() / 4;
            assert!((40..=200).contains(&tokens(&entry.good)), "{}", entry.id);
            assert!((40..=200).contains(&tokens(&entry.worse)), "{}", entry.id);
        }
    }

    #[test]
    fn answers_in_json_stay_json() {
        let json: Vec<Entry> = entries().into_iter().filter(|entry| entry.format == Format::Json).collect();
        assert!(json.len() >= 4);
        for seed in 0..20 {
            let slots = Slots::draw(&mut Random::keyed(seed, &[]));
            for entry in &json {
                for quality in [Quality::Good, Quality::Worse] {
                    let text = slots.fill(entry.answer(quality));
                    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
                }
            }
        }
    }
}
