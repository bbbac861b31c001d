//! Evaluation rules: which answers may be judged, on what, and how many of them.
//!
//! The first rule that is for an answer decides; an answer that no rule is for is not judged. A condition that rests on
//! something that is not known of an answer does not hold.

use bifocal_model::{Dimension, Fingerprint, Inference, TargetKey, stratum as facets};
use bifocal_redact::Redacted;
use serde::{Deserialize, Serialize};

use crate::custom::AnswerCondition;
use crate::limits::{CONDITION_CHARS, RULES};
use crate::pacer::Terms;

/// `[[evaluate]]`: the first rule that is for an answer decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluateRule {
    /// A model's or component's name, or `*`.
    #[serde(default = "any")]
    pub target: String,
    /// Only of this tenant. Since 0.2.
    pub tenant: Option<String>,
    /// Only questions in this language, as strata name them: `en`, `de`, `fr`, `es`, `it`, `pt`, `zh`, `ja`, `ko`, `ru`, `ar`,
    /// `hi`, `other`. Since 0.2.
    pub language: Option<String>,
    /// Only answers that ended so: `stop`, `length`, `tool_calls`, `content_filter`, or the server's own word. Since 0.2.
    pub finish_reason: Option<String>,
    /// Only answers of at least so many characters. Since 0.2.
    pub min_chars: Option<usize>,
    /// Only answers of at most so many characters. Since 0.2.
    pub max_chars: Option<usize>,
    /// Only answers of which this holds: a condition in CEL as of an evaluator of kind `cel`. Since 0.2.
    pub when: Option<String>,
    /// The share of answers that is judged at most, in (0, 1]; the budget may pay for less.
    pub rate: f64,
    /// What they are judged on; default: all dimensions of `[judge]`. Since 0.2.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluators: Vec<String>,
    /// Judgements of each stratum a day, as far as the budget pays for them; default 5. Since 0.2.
    #[serde(default = "five")]
    pub floor: u64,
    /// How many times as likely answers are judged that were cut, filtered, empty or slow, 1 to 100; default 3. The weights are
    /// known, so that no estimate is bent. Since 0.2.
    #[serde(default = "three")]
    pub oversample: f64,
}

fn any() -> String {
    "*".to_owned()
}

fn five() -> u64 {
    5
}

fn three() -> f64 {
    3.0
}

/// The rules, ready to be asked.
#[derive(Debug, Default)]
pub struct Rules(Vec<Rule>);

/// One rule.
#[derive(Debug)]
pub struct Rule {
    config: EvaluateRule,
    when: Option<AnswerCondition>,
}

impl EvaluateRule {
    /// This share of the answers of a target, and nothing else said.
    pub fn of(target: &str, rate: f64) -> Self {
        Self {
            target: target.to_owned(),
            tenant: None,
            language: None,
            finish_reason: None,
            min_chars: None,
            max_chars: None,
            when: None,
            rate,
            evaluators: Vec::new(),
            floor: five(),
            oversample: three(),
        }
    }

    /// The same chance for every answer: no floors, nothing oversampled.
    #[must_use]
    pub fn plain(self) -> Self {
        Self { floor: 0, oversample: 1.0, ..self }
    }

    /// Whether it may be for answers of a target of this name.
    pub fn may_be_for(&self, name: &str) -> bool {
        self.target == "*" || self.target == name
    }

    /// Whether it is for some answers of its target only.
    pub fn selects(&self) -> bool {
        let Self { tenant, language, finish_reason, min_chars, max_chars, when, .. } = self;
        [tenant, language, finish_reason, when].into_iter().any(Option::is_some)
            || min_chars.or(*max_chars).is_some()
    }

    fn check(&self, dimensions: &[String]) -> Result<(), String> {
        if !(self.rate > 0.0 && self.rate <= 1.0) {
            return Err(format!("rate {} is no share in (0, 1]", self.rate));
        }
        if !(1.0..=100.0).contains(&self.oversample) {
            return Err(format!("oversample {} does not lie in [1, 100]", self.oversample));
        }
        if self.min_chars.zip(self.max_chars).is_some_and(|(least, most)| least > most) {
            return Err("min_chars is more than max_chars: the rule is for no answer".to_owned());
        }
        if let Some(name) = self.evaluators.iter().find(|name| !dimensions.contains(name)) {
            return Err(format!(
                "evaluators: `{name}` is not judged; [judge] judges {}",
                dimensions.join(", ")
            ));
        }
        Ok(())
    }
}

impl Rules {
    /// Checks and reads them. `dimensions`: what the judge judges; without a judge, rules about it are not checked against it.
    pub fn compile(configs: &[EvaluateRule], dimensions: Option<&[String]>) -> Result<Self, String> {
        if configs.len() > RULES {
            return Err(format!("there are {} rules; at most {RULES} are looked at", configs.len()));
        }
        let mut rules = Vec::with_capacity(configs.len());
        for (at, config) in configs.iter().enumerate() {
            let wrong = |what: String| format!("rule {} (target `{}`): {what}", at + 1, config.target);
            config.check(dimensions.unwrap_or(&config.evaluators)).map_err(wrong)?;
            let condition = config.when.as_deref();
            if condition.is_some_and(|condition| condition.chars().count() > CONDITION_CHARS) {
                return Err(wrong(format!("`when` is longer than {CONDITION_CHARS} characters")));
            }
            let when = condition.map(AnswerCondition::compile).transpose();
            let when = when.map_err(|what| wrong(format!("`when`: {what}")))?;
            rules.push(Rule { config: config.clone(), when });
        }
        Ok(Self(rules))
    }

    /// The rule for an answer of this stratum.
    pub fn rule_for(&self, call: &Inference<Redacted>, stratum: &str) -> Option<&Rule> {
        self.0.iter().find(|rule| rule.is_for(call, stratum))
    }

    /// The lowest rate of all rules that may be for a target: every answer that is judged at all has at least this chance
    /// where the budget allows.
    pub fn least_rate(&self, target: &TargetKey) -> f64 {
        let rules = self.0.iter().filter(|rule| rule.config.may_be_for(target.name()));
        rules.map(|rule| rule.config.rate).fold(1.0, f64::min)
    }
}

impl Rule {
    /// What it says.
    pub fn terms(&self) -> Terms {
        let EvaluateRule { rate, oversample, floor, .. } = self.config;
        Terms { rate, oversample, floor }
    }

    /// Those of a judge that it asks for.
    pub fn judges(&self, all: &[(Dimension, Fingerprint)]) -> Vec<(Dimension, Fingerprint)> {
        let wanted = &self.config.evaluators;
        let is_wanted =
            |dimension: &Dimension| wanted.is_empty() || wanted.iter().any(|name| name == dimension.as_str());
        all.iter().filter(|(dimension, _)| is_wanted(dimension)).cloned().collect()
    }

    fn is_for(&self, call: &Inference<Redacted>, stratum: &str) -> bool {
        let config = &self.config;
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let finish = call.finish_reason.as_ref().map(|reason| reason.name());
        let counts = config.min_chars.is_some() || config.max_chars.is_some();
        let chars = if counts { call.answer.as_str().chars().count() } else { 0 };
        config.may_be_for(call.target.name())
            && is(&config.tenant, call.tenant.as_deref())
            && is(&config.language, facets::facet(stratum, "language"))
            && is(&config.finish_reason, finish)
            && config.min_chars.is_none_or(|least| chars >= least)
            && config.max_chars.is_none_or(|most| chars <= most)
            && self.when.as_ref().is_none_or(|when| when.holds(call) == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use bifocal_model::FinishReason;

    use super::*;
    use crate::sample::inference;

    const STRATUM: &str = "language=de;length=short;end=ok";

    fn rules(text: &str) -> Result<Rules, String> {
        #[derive(Deserialize)]
        struct File {
            evaluate: Vec<EvaluateRule>,
        }
        let file: File = toml::from_str(text).map_err(|err| err.to_string())?;
        Rules::compile(&file.evaluate, Some(&["relevance".to_owned(), "safety".to_owned()]))
    }

    #[test]
    fn the_first_rule_that_is_for_an_answer_decides() {
        let rules = rules(
            r#"
            [[evaluate]]
            tenant = "acme"
            rate = 1.0
            evaluators = ["safety"]
            [[evaluate]]
            language = "de"
            finish_reason = "length"
            min_chars = 3
            max_chars = 40
            rate = 0.5
            floor = 9
            oversample = 2.0
            [[evaluate]]
            when = "value('answer_words') > 5 && finish_reason == 'stop'"
            rate = 0.25
            [[evaluate]]
            target = "other"
            rate = 0.01
            "#,
        )
        .unwrap();
        let all = [(Dimension::new("relevance"), Fingerprint(1)), (Dimension::new("safety"), Fingerprint(2))];
        let mut call = inference(1, "warum?", "because of that");
        assert!(rules.rule_for(&call, STRATUM).is_none());
        call.finish_reason = Some(FinishReason::Length);
        let rule = rules.rule_for(&call, STRATUM).unwrap();
        assert_eq!(rule.terms(), Terms { rate: 0.5, oversample: 2.0, floor: 9 });
        assert_eq!(rule.judges(&all), all);
        assert!(rules.rule_for(&call, "language=en;length=short;end=ok").is_none());
        call.tenant = Some("acme".to_owned());
        let rule = rules.rule_for(&call, STRATUM).unwrap();
        assert_eq!((rule.terms().floor, rule.judges(&all)), (5, all[1..].to_vec()));
        let long = inference(2, "why?", "because it was so on that day");
        assert_eq!(rules.rule_for(&long, STRATUM).unwrap().terms().rate, 0.25);
        assert_eq!(rules.least_rate(&long.target), 0.25);
        let empty = inference(3, "why?", "xx");
        assert!(rules.rule_for(&empty, STRATUM).is_none(), "too short");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        for (rule, says) in [
            ("rate = 0.0", "rate 0 is no share"),
            ("rate = 1.5", "rate 1.5 is no share"),
            ("rate = 0.5\noversample = 0.5", "oversample 0.5 does not lie"),
            ("rate = 0.5\nmin_chars = 9\nmax_chars = 3", "for no answer"),
            ("rate = 0.5\nevaluators = [\"tone\"]", "`tone` is not judged; [judge] judges relevance, safety"),
            ("rate = 0.5\nwhen = \"value('nothing') > 1\"", "`when`"),
            ("rate = 0.5\ntenent = \"acme\"", "tenent"),
        ] {
            let said = rules(&format!("[[evaluate]]\nrate = 1.0\n[[evaluate]]\n{rule}\n")).unwrap_err();
            assert!(said.contains(says), "{rule}: {said}");
        }
    }

    #[test]
    fn limits_evaluation_rules_and_evaluation_condition_chars() {
        let many = vec![EvaluateRule::of("*", 0.5); RULES + 1];
        assert!(Rules::compile(&many, None).unwrap_err().contains("65 rules"));
        assert!(Rules::compile(&many[1..], None).is_ok());
        let long = format!("value('turns') > 1 {}", " ".repeat(CONDITION_CHARS));
        let long = EvaluateRule { when: Some(long), ..EvaluateRule::of("*", 0.5) };
        assert!(Rules::compile(&[long], None).unwrap_err().contains("longer than 2000"));
    }
}
