use bifocal_model::{FinishReason, TokenCount};

use super::*;
use crate::sample::answered;

fn config(text: &str) -> CustomConfig {
    toml::from_str(text).unwrap()
}

fn compiled(text: &str) -> Result<Customs, Error> {
    Customs::compile(&[config(text)])
}

/// What one evaluator says of an answer.
fn says(customs: &Customs, call: &Inference<Redacted>) -> Option<(bool, Option<String>)> {
    let scores = customs.scores(call, call.time);
    let score = scores.into_iter().next()?;
    let Verdict::Scored { pass, label, value, .. } = score.verdict else { return None };
    assert_eq!(value.get() == 1.0, pass);
    Some((pass, label))
}

const NO_LINKS: &str = "name = \"no_links\"\nkind = \"regex\"\npattern = \"https?://\"\n";

#[test]
fn a_pattern_that_must_not_be_there() {
    let customs = compiled(NO_LINKS).unwrap();
    assert_eq!(says(&customs, &answered("See the manual.")), Some((true, None)));
    assert_eq!(says(&customs, &answered("See https://example.com.")), Some((false, None)));
    let asked = compiled(&format!("{NO_LINKS}passes_on = \"match\"\n")).unwrap();
    assert_eq!(says(&asked, &answered("See https://example.com.")), Some((true, None)));
    let score = &customs.scores(&answered("x"), Timestamp::from_secs(1))[0];
    assert_eq!((score.evaluator.as_str(), score.dimension.as_str()), ("custom:no_links", "no_links"));
    let mut failed = answered("x");
    failed.error = Some(bifocal_model::ErrorClass::Upstream);
    assert!(customs.scores(&failed, failed.time).is_empty());
}

#[test]
fn a_schema_of_the_json_in_the_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ticket.json");
    fs::write(&path, r#"{"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}"#)
        .unwrap();
    let text = format!("name = \"ticket\"\nkind = \"json_schema\"\nschema = {:?}\n", path.to_str().unwrap());
    let customs = compiled(&text).unwrap();
    let said = |answer: &str| says(&customs, &answered(answer));
    assert_eq!(said("{\"id\": 7}"), Some((true, None)));
    assert_eq!(said("```json\n{\"id\": 7}\n```"), Some((true, None)), "dug out of a fence");
    assert_eq!(said("{\"id\": \"7\"}"), Some((false, Some("type".to_owned()))));
    assert_eq!(said("{}"), Some((false, Some("required".to_owned()))));
    assert_eq!(said("I cannot."), Some((false, Some("no_json".to_owned()))));
    assert_eq!(said("{\"id\": \"4111 1111 1111 1111\"}"), None, "redacted: it cannot be told");
    let mut cut = answered("{\"id\":");
    cut.completeness = Completeness::AnswerTruncated;
    assert_eq!(says(&customs, &cut), None, "our own capture cut it");
    let before = customs.0[0].fingerprint;
    fs::write(&path, r#"{"type": "object"}"#).unwrap();
    assert_ne!(compiled(&text).unwrap().0[0].fingerprint, before, "another schema is another evaluator");
}

#[test]
fn a_condition_on_what_is_known() {
    let text = |condition: &str| format!("name = \"brief\"\nkind = \"cel\"\npasses_when = {condition:?}\n");
    let said = |condition: &str| {
        let mut call = answered("Die Rechnung ist nicht bezahlt und wird heute gemahnt.");
        call.finish_reason = Some(FinishReason::Stop);
        call.usage.output = Some(TokenCount::server(12));
        says(&compiled(&text(condition)).unwrap(), &call).map(|(pass, _)| pass)
    };
    assert_eq!(said("value('answer_words') < 20"), Some(true));
    assert_eq!(said("value('output_tokens') > 20 || answer_has('gemahnt')"), Some(true));
    assert_eq!(said("finish_reason == 'stop' && language == 'german' && !question_has('warum')"), Some(true));
    assert_eq!(said("value('answer_chars') < 10"), Some(false));
    assert_eq!(said("value('ttft_seconds') < 1.0"), None, "what is not known decides nothing");
    assert_eq!(said("tenant == 'acme'"), None);
    for (wrong, part) in [
        ("value('answer_length') < 10", "answer_length"),
        ("state == 'outage'", "state"),
        ("upper('relevance') < 0.5", "upper"),
        ("answer_has(language)", "quotes"),
        ("value('answer_chars')", "not true or false"),
    ] {
        let err = compiled(&text(wrong)).unwrap_err().to_string();
        assert!(err.contains(part), "{wrong}: {err}");
    }
}

#[test]
fn definitions_that_cannot_be_used_are_refused_with_their_name() {
    for (text, part) in [
        ("name = \"refusal\"\npattern = \"a\"\n", "taken"),
        ("name = \"No Links\"\npattern = \"a\"\n", "lower case"),
        ("name = \"x\"\n", "needs `pattern`"),
        ("name = \"x\"\npattern = \"a\"\nschema = \"s.json\"\n", "goes with"),
        ("name = \"x\"\npattern = \"(\"\n", "unclosed"),
        ("name = \"x\"\npattern = \"(?=a)\"\n", "look-around"),
        ("name = \"x\"\npattern = \"((a{1000}){1000}){1000}\"\n", "size limit"),
        ("name = \"x\"\nkind = \"json_schema\"\nschema = \"/no/such.json\"\n", "read the schema"),
    ] {
        let err = compiled(text).unwrap_err().to_string();
        assert!(err.contains(part), "{text}: {err}");
    }
    let twice = Customs::compile(&[config(NO_LINKS), config(NO_LINKS)]).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
    assert!(toml::from_str::<CustomConfig>("nmae = \"x\"\n").is_err());
}

#[test]
fn limits_of_own_evaluators() {
    let many: Vec<CustomConfig> =
        (0..=CUSTOM_EVALUATORS).map(|i| CustomConfig { name: format!("e{i}"), ..config(NO_LINKS) }).collect();
    assert!(Customs::compile(&many).is_err());
    assert!(Customs::compile(&many[1..]).is_ok());
    let long = format!("name = \"x\"\npattern = \"{}\"\n", "a".repeat(PATTERN_BYTES + 1));
    assert!(compiled(&long).unwrap_err().to_string().contains("longer than"));
    // Compiles to more than REGEX_BYTES.
    let wide = format!("name = \"x\"\npattern = \"a{{{}}}\"\n", REGEX_BYTES / 16);
    assert!(compiled(&wide).unwrap_err().to_string().contains("size limit"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.json");
    let padding = " ".repeat(usize::try_from(SCHEMA_BYTES).unwrap());
    fs::write(&path, format!("{{}}{padding}")).unwrap();
    let text = format!("name = \"x\"\nkind = \"json_schema\"\nschema = {:?}\n", path.to_str().unwrap());
    assert!(compiled(&text).unwrap_err().to_string().contains("longer than"));
}

#[test]
fn no_answer_stops_them() {
    let customs = Customs::compile(&[
        config(NO_LINKS),
        config(
            "name = \"b\"\nkind = \"cel\"\npasses_when = \"value('answer_chars') > 0 || answer_has('ä')\"\n",
        ),
    ])
    .unwrap();
    for answer in ["", "\u{0}", "ä😀\u{202e}\u{200b}", &"ä".repeat(HEURISTIC_BYTES), &"{\"a\":".repeat(2_000)]
    {
        assert_eq!(customs.scores(&answered(answer), Timestamp::from_secs(1)).len(), 2);
    }
}
