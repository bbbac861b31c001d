use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<Line<'_>, LineError> {
    Line::parse(text.as_bytes(), &mut BTreeSet::new())
}

#[test]
fn a_judged_line_an_unjudged_one_and_an_anchor() {
    let judged = r#"{"t":"2026-11-24T13:51:00Z","target":"a","dimension":"relevance","score":0.75,"proxy":0.5,"pi":0.1,"stratum":"de","judge":"j1"}"#;
    let Line::Score(line) = parse(judged).unwrap() else { panic!("no score") };
    assert_eq!(line.judged, Some(Judged { score: 0.75, pi: Probability::new(0.1).unwrap() }));
    assert_eq!(
        (line.proxy, line.stratum.as_deref(), line.judge.as_deref()),
        (Some(0.5), Some("de"), Some("j1"))
    );
    let unjudged = r#" {"score":null,"t":"2026-11-24T14:51:00+01:00","target":"a\u0041","dimension":"relevance","pi":null} "#;
    let Line::Score(line) = parse(unjudged).unwrap() else { panic!("no score") };
    assert_eq!((line.judged, &*line.target), (None, "aA"));
    assert_eq!(line.time, "2026-11-24T13:51:00Z".parse().unwrap());
    let anchor =
        r#"{"t":"2026-11-24T13:51:00Z","anchor":"x1","dimension":"relevance","score":1,"frozen":0.9}"#;
    let Line::Anchor(line) = parse(anchor).unwrap() else { panic!("no anchor") };
    assert_eq!((&*line.anchor, line.score, line.frozen, line.target), ("x1", 1.0, Some(0.9), None));
}

#[test]
fn what_is_wrong_is_said_with_its_column() {
    let with = |rest: &str| format!(r#"{{"t":"2026-11-24T13:51:00Z","target":"a","dimension":"d",{rest}}}"#);
    for (rest, part) in [
        (r#""score":1.5,"pi":1"#, "`score` is 1.5, not in [0, 1]"),
        (r#""score":-0.1,"pi":1"#, "`score` is -0.1"),
        (r#""score":0.5,"pi":0"#, "`pi` is 0, no inclusion probability in (0, 1]"),
        (r#""score":0.5,"pi":1.01"#, "`pi` is 1.01"),
        (r#""score":0.5,"pi":-1"#, "`pi` is -1"),
        (r#""score":0.5"#, "`pi` is missing"),
        (r#""pi":1"#, "`score` is missing"),
        (r#""score":NaN,"pi":1"#, "expected value"),
        (r#""score":1e999,"pi":1"#, "number out of range"),
        (r#""score":"0.5","pi":1"#, "invalid type: string"),
        (r#""score":0.5,"pi":1,"cost_usd":-1"#, "`cost_usd` is -1, below 0"),
        (r#""score":null,"anchor":"a""#, "an anchor's `score` is null"),
        (r#""score":0.5,"pi":1} x"#, "trailing characters"),
    ] {
        let text = with(rest);
        let err = parse(&text).unwrap_err();
        assert!(err.what.contains(part), "{rest}: {err:?}");
        assert!(err.column.is_some_and(|column| column > 40 && column <= text.len() + 1), "{rest}: {err:?}");
        assert!(!err.what.contains("at line"), "{err:?}");
    }
    for (text, part) in [
        ("[{}]", "one JSON object a line"),
        ("t,target", "expected"),
        ("{}", "`t` is missing"),
        (r#"{"t":"yesterday"}"#, "`t` is `yesterday`, no RFC 3339 time"),
        (r#"{"t":1764000000}"#, "a text for `t`"),
        (r#"{"t":"2026-11-24T13:51:00Z","dimension":"d","score":null}"#, "`target` is missing"),
    ] {
        let err = parse(text).unwrap_err();
        assert!(err.what.contains(part), "{text}: {err:?}");
    }
}

#[test]
fn names_longer_than_the_limit_are_refused_and_unknown_fields_are_told_up_to_theirs() {
    let long = "x".repeat(HISTORY_NAME_BYTES + 1);
    let text = format!(r#"{{"t":"2026-11-24T13:51:00Z","target":"{long}","dimension":"d","score":null}}"#);
    assert!(parse(&text).unwrap_err().what.contains("`target` has 513 bytes"));
    let many: String = (0..HISTORY_UNKNOWN_FIELDS + 4).map(|i| format!(r#","f{i:02}":[{i}]"#)).collect();
    let text = format!(r#"{{"t":"2026-11-24T13:51:00Z","target":"a","dimension":"d","score":null{many}}}"#);
    let mut unknown = BTreeSet::new();
    assert!(Line::parse(text.as_bytes(), &mut unknown).is_ok());
    assert_eq!((unknown.len(), unknown.first().map(String::as_str)), (HISTORY_UNKNOWN_FIELDS, Some("f00")));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Line::parse(&bytes, &mut BTreeSet::new());
    }

    #[test]
    fn a_line_that_is_cut_or_changed_is_an_error_or_in_range(cut in 0usize..170, at in 0usize..170, byte in any::<u8>()) {
        let whole = br#"{"t":"2026-11-24T13:51:00Z","target":"a","dimension":"relevance","score":0.75,"proxy":0.5,"pi":0.1,"stratum":"de","judge":"j1","id":"i","cost_usd":0.01,"x":[1,{"y":2}]}"#;
        let mut bytes = whole[..cut % whole.len()].to_vec();
        prop_assert!(Line::parse(&bytes, &mut BTreeSet::new()).is_err());
        bytes = whole.to_vec();
        let at = at.min(bytes.len() - 1);
        bytes[at] = byte;
        if let Ok(Line::Score(line)) = Line::parse(&bytes, &mut BTreeSet::new()) {
            if let Some(judged) = line.judged {
                prop_assert!((0.0..=1.0).contains(&judged.score) && judged.pi.get() > 0.0 && judged.pi.get() <= 1.0);
            }
            prop_assert!(line.proxy.is_none_or(f64::is_finite));
        }
    }
}
