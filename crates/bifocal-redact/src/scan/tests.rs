use proptest::prelude::*;

use super::*;

fn clean(text: &str) -> String {
    redact(text).0.into_string()
}

/// Key-like strings are put together here so that no scanner of repositories takes them for leaked ones.
fn key(prefix: &str, body: &str) -> String {
    format!("{prefix}{body}")
}

const BODY: &str = "AbCdEfGh1JkLmN0pQrStUvWxYz0123456789AbCd";

#[test]
fn finds_what_it_should() {
    let aws_id = key("AKIA", "IOSFODNN7EXAMPLE");
    let cases: Vec<(String, &str)> = vec![
        ("write to jane.doe+x@mail.example.co.uk.".into(), "write to [email]."),
        ("<müller@bücher.example>".into(), "<[email]>"),
        ("api_key: jane.doe.the.third@example.org".into(), "api_key: [email]"),
        ("bearer jane1.doe@example.org".into(), "bearer [email]"),
        ("sk-1@example.org sk-learning@example.org".into(), "[email] [email]"),
        ("'o'brien@example.org'".into(), "'[email]'"),
        ("a@b.com,c@d.org".into(), "[email],[email]"),
        ("call +1 (415) 555-2671 now".into(), "call [phone] now"),
        ("call (415) 555-2671 now".into(), "call [phone] now"),
        ("415.555.2671 or 415-555-2671".into(), "[phone] or [phone]"),
        ("1-800-555-0199".into(), "[phone]"),
        ("+49 30 901820, +442079460958".into(), "[phone], [phone]"),
        ("London 020 7946 0958; mobile 07700 900123".into(), "London [phone]; mobile [phone]"),
        ("Berlin 0171/1234567".into(), "Berlin [phone]"),
        ("Paris 01 23 45 67 89".into(), "Paris [phone]"),
        ("my phone number: 4155552671".into(), "my phone number: [phone]"),
        ("Tel. 5552671".into(), "Tel. [phone]"),
        ("12 415-555-2671 77".into(), "12 [phone] 77"),
        ("pay 4111 1111 1111 1111 today".into(), "pay [card] today"),
        ("4111111111111111,378282246310005".into(), "[card],[card]"),
        ("amex 3782-822463-10005".into(), "amex [card]"),
        ("card_4111111111111111".into(), "card_[card]"),
        ("价格4111111111111111元".into(), "价格[card]元"),
        ("415-555-2671 4111 1111 1111 1111".into(), "[phone] [card]"),
        ("to DE89 3704 0044 0532 0130 00 AND THEN".into(), "to [iban] AND THEN"),
        ("GB82WEST12345698765432.".into(), "[iban]."),
        ("no9386011117947".into(), "[iban]"),
        ("pay 4111.1111.1111.1111 today".into(), "pay [card] today"),
        ("no-break 4111\u{a0}1111\u{a0}1111\u{a0}1111!".into(), "no-break [card]!"),
        ("narrow 3782\u{202f}822463\u{202f}10005".into(), "narrow [card]"),
        ("hidden 4111\u{200b}1111\u{200b}1111\u{200b}1111\u{200b} é".into(), "hidden [card]\u{200b} é"),
        ("soft 41\u{ad}1111111\u{2060}1111111".into(), "soft [card]"),
        ("dashes 4111\u{2013}1111\u{2013}1111\u{2013}1111 ü".into(), "dashes [card] ü"),
        ("Größe 3, Tel. 020\u{a0}7946\u{a0}0958, é".into(), "Größe 3, Tel. [phone], é"),
        ("DE89\u{a0}3704\u{a0}0044\u{a0}0532\u{a0}0130\u{a0}00".into(), "[iban]"),
        ("GET /?mail=jane.doe%40example.org&x=1".into(), "GET /?mail=[email]&x=1"),
        ("postgres://app:hunter2@db.example.org/x".into(), "postgres://app:[password]@db.example.org/x"),
        ("redis://:p@ss!word@10.0.0.1:6379 now".into(), "redis://:[password]@10.0.0.1:6379 now"),
        ("\"https://me:s3cret%21@host\"".into(), "\"https://me:[password]@host\""),
        (format!("id {aws_id}!"), "id [cloud_key]!"),
        (format!("aws_secret_access_key = {}", &BODY[..40]), "aws_secret_access_key = [cloud_key]"),
        (format!("\"SecretAccessKey\": \"{}\"", &BODY[..40]), "\"SecretAccessKey\": \"[cloud_key]\""),
        (format!("AccountKey={}{}==;Endpoint", BODY, BODY), "AccountKey=[cloud_key];Endpoint"),
        (format!("api-key: {}", "0123456789abcdef0123456789abcdef"), "api-key: [cloud_key]"),
        (key("AIza", &BODY[..35]), "[cloud_key]"),
        (key("sk-proj-", BODY), "[cloud_key]"),
        (key("sk-ant-api03-", BODY), "[cloud_key]"),
        (key("ghp_", &BODY[..36]), "[cloud_key]"),
        (key("github_pat_", BODY), "[cloud_key]"),
        (key("xoxb-", "123456789012-abcdefGHIJ"), "[cloud_key]"),
        (key("sk_live_", &BODY[..24]), "[cloud_key]"),
        (key("hf_", &BODY[..34]), "[cloud_key]"),
        (format!("Authorization: Bearer {BODY}"), "Authorization: Bearer [bearer_token]"),
        ("\"authorization\":\"Basic dXNlcjpwYXNz\"".into(), "\"authorization\":\"Basic [bearer_token]\""),
        (format!("use bearer {BODY} please"), "use bearer [bearer_token] please"),
        (key("eyJ", "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"), "[bearer_token]"),
        (
            format!("a {}\nMIIEvQ\n{} b", "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
            "a [private_key] b",
        ),
        (format!("cut {}\nMIIEvQIBADANBgkqh", "-----BEGIN PRIVATE KEY-----"), "cut [private_key]"),
        (
            format!(
                "{}\\nb3Bl\\n{}",
                "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
            ),
            "[private_key]",
        ),
    ];
    for (text, want) in cases {
        let (got, findings) = redact(&text);
        assert_eq!(got.as_str(), want, "from {text}");
        assert!(!findings.is_empty(), "{text}");
    }
}

#[test]
fn leaves_near_misses_alone() {
    for text in [
        "",
        "4111 1111 1111 1112 fails Luhn",
        "1795508087123 ms, 1795508087 s",
        "0.4111111111111111",
        "version 1.2.3.4, host 192.168.100.200:8080, 10.0.0.1",
        "2026-11-24T13:51:00Z, 24/11/2026 13:51, 01.02.2026 10:30",
        "ISBN 978-3-16-148410-0, ISBN 0-306-40615-2",
        "$1,234,567 and 1234567.89",
        "550e8400-e29b-41d4-a716-446655440000",
        "table 100 200 3000 400 500 6000",
        "pi 3.14159265358979323846",
        "user@localhost, @decorator.name, package@1.2.3",
        "DE88 3704 0044 0532 0130 00 has wrong check digits",
        "XX12 ABCD EFGH IJKL MNOP",
        "sk-learn-compatible-estimators-everywhere",
        "the bearer internationalization-effort",
        "api_key: your-long-placeholder-here",
        "AKIA is a prefix; AKIA1234 is short",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "call 911",
        "(1999) 54 123-130",
        "order 5552671, 4155552671",
        "sha256 12345678",
        "10\u{a0}000\u{a0}000 people, 1990\u{2013}2000, 4\u{a0}111\u{a0}111\u{a0}111",
        "4111\u{a0}1111\u{a0}1111\u{a0}1112 fails Luhn too",
        "4111.1111.1111.1112 and 1.4111.1111.1111.1111",
        "http://localhost:8080/a@b, https://host:443, postgres://db.example.org/x",
        "100%40 or 50%40off",
    ] {
        let (got, findings) = redact(text);
        assert_eq!(got.as_str(), text);
        assert_eq!(findings, [], "{text}");
    }
}

#[test]
fn counts_by_kind() {
    let (_, findings) = redact("a@b.org c@d.org 4111111111111111");
    assert_eq!(findings, [Finding { kind: Kind::Email, count: 2 }, Finding { kind: Kind::Card, count: 1 }]);
}

#[test]
fn passes_are_enough_for_the_worst_chain_known() {
    // Phones and cards that touch each other: each replacement lays bare what it touched.
    let chain = "415-555-2671-4111 1111 1111 1111-".repeat(200);
    let once = clean(&chain);
    assert_eq!(clean(&once), once);
    assert!(!once.contains("4111") && !once.contains("2671"), "{once}");
    // As `redact` does it, without the limit: more than one pass is needed, and the limit leaves room.
    let mut text = chain;
    let mut passes = 0;
    loop {
        passes += 1;
        let found = hits(&text);
        if found.is_empty() {
            break;
        }
        text = replaced(&text, &found);
    }
    assert_eq!(text, once);
    assert!((2..=PASSES / 2).contains(&passes), "{passes}");
}

#[test]
fn long_hostile_texts_take_one_pass_each() {
    // Quadratic behaviour would take minutes here.
    let pieces = [
        "sk-",
        "1 ",
        "4111 ",
        "a.",
        "DE89 ",
        "bearer ",
        "api_key=",
        "api_key=1 ",
        "sk-1 ",
        "415-555-2671 ",
        "eyJ",
        "415-555-2671-",
    ];
    for text in pieces.map(|piece| piece.repeat(50_000)) {
        assert!(redact(&text).0.len() <= text.len() * 2);
    }
}

/// Pieces that are likely to meet badly.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("a@b.org".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("4111111111111111".to_owned()),
        Just("415-555-2671".to_owned()),
        Just("+49 30 901820".to_owned()),
        Just("020 7946 0958".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("DE89 3704 0044 0532 0130 00".to_owned()),
        Just("AKIAIOSFODNN7EXAMPLE".to_owned()),
        Just("phone ".to_owned()),
        Just("Bearer ".to_owned()),
        Just("api_key=".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("-----END PRIVATE KEY-----".to_owned()),
        Just("eyJhbGciOiJI.eyJzdWIiOiIx.sig".to_owned()),
        Just("sk-abcdefghijklmnopqrst1".to_owned()),
        "[ .@+()_=:/-]{1,3}",
        "[0-9]{1,5}",
        "[A-Za-z]{1,4}",
        "\\PC{1,3}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn twice_is_once(text in pieces()) {
        let (once, _) = redact(&text);
        let (twice, findings) = redact(once.as_str());
        prop_assert_eq!(findings, vec![]);
        prop_assert_eq!(twice, once);
    }

    #[test]
    fn any_string_will_do(text in any::<String>()) {
        let (once, _) = redact(&text);
        prop_assert_eq!(redact(once.as_str()).0, once);
    }

    #[test]
    fn a_planted_secret_is_gone(
        before in "[a-zA-Z ,.\n]{0,20}",
        after in "[a-zA-Z ,.\n]{0,20}",
        secret in prop::sample::select(vec![
            "jane@example.org", "4111 1111 1111 1111", "378282246310005", "+1 415-555-2671",
            "GB82WEST12345698765432", "AKIAIOSFODNN7EXAMPLE", "eyJhbGciOiJI.eyJzdWIiOiIx.sig",
        ]),
    ) {
        let (out, findings) = redact(&format!("{before} {secret} {after}"));
        prop_assert!(!out.as_str().contains(secret), "{}", out);
        prop_assert!(!findings.is_empty());
    }
}
