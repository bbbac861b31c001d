//! What is tried again, what is not, and what the error then says.

use bifocal_telemetry::Metric as Own;

use crate::limits::{ATTEMPTS, FAULT_BYTES, JSON_BYTES, XML_BYTES};
use crate::testing::{Fake, Prepared};
use crate::{Datum, Error, Kind, Role};

fn datum(value: f64) -> Datum {
    Datum {
        metric_name: "relevance".into(),
        dimensions: Vec::new(),
        timestamp: "2026-11-24T12:00:00Z".parse().unwrap(),
        value: Some(value),
        statistics: None,
        unit: "None".into(),
    }
}

#[tokio::test]
async fn throttling_and_faults_are_tried_again_and_each_attempt_is_counted() {
    let answers = [
        Prepared::refusal("ThrottlingException", "Rate exceeded"),
        Prepared::new(503, ""),
        Prepared::new(500, "<html>"),
        Prepared::ok(r#"{"Endpoints":[]}"#),
    ];
    let fake = Fake::answering(answers).await;
    assert_eq!(fake.aws.list_endpoints(None).await.unwrap(), []);
    let counted = |outcome| fake.telemetry.value(Own::AwsCalls, &["sagemaker", "ListEndpoints", outcome]);
    assert_eq!(["throttled", "unavailable", "ok"].map(counted), [1, 2, 1]);
}

#[tokio::test]
async fn attempts_end() {
    let fake = Fake::answering((0..20).map(|_| Prepared::refusal("SlowDown", ""))).await;
    let err = fake.aws.list_endpoints(None).await.unwrap_err();
    assert_eq!((err.kind(), err.action()), (Kind::Throttled, Some("sagemaker:ListEndpoints")));
    assert_eq!(fake.asked().len(), ATTEMPTS as usize);
    assert_eq!(fake.telemetry.value(Own::LimitHits, &["aws_attempts"]), 1);
}

#[tokio::test]
async fn a_write_that_may_have_counted_is_not_repeated() {
    let fake = Fake::answering([Prepared::new(500, ""), Prepared::ok("{}")]).await;
    let err = fake.aws.put_metric_data("n", &[datum(0.5)]).await.unwrap_err();
    assert_eq!(err.kind(), Kind::Ambiguous);
    assert_eq!(fake.asked().len(), 1);
    // Refused is not carried out: this one is.
    let fake = Fake::answering([Prepared::refusal("ThrottlingException", ""), Prepared::ok("{}")]).await;
    fake.aws.put_metric_data("n", &[datum(0.5)]).await.unwrap();
    assert_eq!(fake.asked().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_written_is_not_sent() {
    let fake = Fake::answering([]).await;
    for data in [vec![datum(f64::NAN)], vec![datum(f64::INFINITY)], vec![datum(0.0); 1001]] {
        let err = fake.aws.put_metric_data("n", &data).await.unwrap_err();
        assert_eq!(err.kind(), Kind::Refused);
    }
    assert_eq!(fake.telemetry.value(Own::LimitHits, &["aws_datums_per_call"]), 1);
    assert_eq!(fake.asked().len(), 0);
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_with_the_service_s() {
    let skewed = || Prepared::refusal("InvalidSignatureException", "Signature expired");
    let date = "Tue, 24 Nov 2026 14:00:00 GMT";
    let fake = Fake::answering([skewed().header("date", date), Prepared::ok("{}"), Prepared::ok("{}")]).await;
    fake.aws.list_endpoints(None).await.unwrap();
    fake.aws.list_endpoints(None).await.unwrap();
    let dates: Vec<String> =
        fake.asked().iter().map(|asked| asked.headers["x-amz-date"].to_str().unwrap().to_owned()).collect();
    assert_eq!(dates, ["20261124T120000Z", "20261124T140000Z", "20261124T140000Z"]);
    // A signature that is refused at the right time is a wrong key, and is not tried again.
    let date = "Tue, 24 Nov 2026 12:00:01 GMT";
    let fake = Fake::answering([skewed().header("date", date)]).await;
    let err = fake.aws.list_endpoints(None).await.unwrap_err();
    assert!(matches!(err, Error::RefusedCredentials { .. }), "{err}");
    assert_eq!(fake.asked().len(), 1);
}

#[tokio::test]
async fn errors_name_the_action_and_say_what_to_do() {
    let cases = [
        (
            Prepared::refusal("AccessDeniedException", "no identity-based policy"),
            Kind::AccessDenied,
            "allow sagemaker:",
        ),
        (Prepared::refusal("ExpiredTokenException", "expired"), Kind::Credentials, "renew"),
        (
            Prepared::refusal("ValidationException", "Could not find endpoint \"x\"."),
            Kind::NotFound,
            "region",
        ),
        (Prepared::refusal("ValidationException", "1 validation error"), Kind::Refused, "message"),
        (Prepared::ok("<html>"), Kind::Malformed, "AWS's"),
        (Prepared::ok(r#"{"EndpointName":7}"#), Kind::Malformed, "AWS's"),
    ];
    for (answer, kind, advice) in cases {
        let fake = Fake::answering([answer]).await;
        let err = fake.aws.describe_endpoint("x").await.unwrap_err();
        assert_eq!(err.kind(), kind, "{err}");
        assert!(err.to_string().contains("sagemaker:DescribeEndpoint"), "{err}");
        assert!(err.advice().contains(advice), "{}", err.advice());
        assert_eq!(fake.asked().len(), 1, "{err}");
    }
}

#[tokio::test]
async fn a_longer_answer_than_is_read_is_refused() {
    let fake = Fake::answering([Prepared::ok(vec![b' '; JSON_BYTES + 1])]).await;
    let err = fake.aws.describe_endpoint("x").await.unwrap_err();
    assert!(matches!(err, Error::TooLarge { limit: JSON_BYTES, .. }), "{err}");
    assert_eq!(fake.telemetry.value(Own::LimitHits, &["aws_json_bytes"]), 1);

    let fake = Fake::answering([Prepared::ok(vec![b' '; XML_BYTES + 1])]).await;
    let err = fake.aws.list_objects("b", "", None, None).await.unwrap_err();
    assert!(matches!(err, Error::TooLarge { limit: XML_BYTES, .. }), "{err}");
    assert_eq!(fake.telemetry.value(Own::LimitHits, &["aws_xml_bytes"]), 1);

    // An error's body is told from its status alone when it is too long to read.
    let fake = Fake::answering([Prepared::new(403, vec![b' '; FAULT_BYTES + 1])]).await;
    assert_eq!(fake.aws.describe_endpoint("x").await.unwrap_err().kind(), Kind::AccessDenied);
    assert_eq!(fake.telemetry.value(Own::LimitHits, &["aws_fault_bytes"]), 1);

    let fake = Fake::answering([Prepared::ok(vec![b'x'; 100]), Prepared::ok(vec![b'x'; 100])]).await;
    assert!(matches!(fake.aws.get_object("b", "k", 99).await, Err(Error::TooLarge { limit: 99, .. })));
    assert_eq!(fake.aws.get_object("b", "k", 100).await.unwrap().read().await.unwrap().len(), 100);
}

#[tokio::test]
async fn a_page_token_that_never_ends_is_cut() {
    let page = || Prepared::ok(r#"{"Endpoints":[],"NextToken":"again"}"#);
    let fake = Fake::answering((0..1001).map(|_| page())).await;
    assert_eq!(fake.aws.list_endpoints(None).await.unwrap_err().kind(), Kind::Malformed);
    assert_eq!(fake.asked().len(), 1000);
    assert_eq!(fake.telemetry.value(Own::LimitHits, &["aws_pages"]), 1);
}

#[tokio::test]
async fn a_role_is_assumed_once_and_again_when_it_expires() {
    let role = |token: &str, expires: &str| {
        Prepared::ok(
            include_str!("../../testdata/sts/assume_role.response.xml")
                .replace("TOKEN", token)
                .replace("EXPIRES", expires),
        )
    };
    let answers = [
        role("first", "2026-11-24T13:00:00Z"),
        Prepared::ok("{}"),
        Prepared::ok("{}"),
        role("second", "2026-11-24T14:00:00Z"),
        Prepared::ok("{}"),
        Prepared::refusal("ExpiredTokenException", "revoked"),
        role("third", "2026-11-24T15:00:00Z"),
        Prepared::ok("{}"),
    ];
    let fake = Fake::answering(answers).await;
    let arn = "arn:aws:iam::123456789012:role/watcher";
    let aws = fake
        .aws
        .assuming(Role { arn: arn.into(), external_id: Some("agreed".into()) })
        .in_region("eu-west-1");
    aws.list_endpoints(None).await.unwrap();
    aws.list_endpoints(None).await.unwrap();
    fake.clock.set("2026-11-24T12:56:00Z".parse().unwrap());
    aws.list_endpoints(None).await.unwrap();
    aws.list_endpoints(None).await.unwrap();
    let asked = fake.asked();
    let tokens: Vec<&str> =
        asked.iter().map(|asked| asked.headers["x-amz-security-token"].to_str().unwrap()).collect();
    // The fifth call was answered with a refusal; its session was made anew.
    assert_eq!(tokens, ["token", "first", "first", "token", "second", "second", "token", "third"]);
    assert_eq!(
        asked[0].body,
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fwatcher&RoleSessionName=bifocal&ExternalId=agreed"
    );
    assert!(asked[1].headers["authorization"].to_str().unwrap().contains("/eu-west-1/sagemaker/"));
}

#[tokio::test]
async fn nothing_listens_there() {
    let fake = Fake::answering([]).await;
    let err = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let aws = crate::Aws::with_credentials(
            "us-east-1",
            crate::Credentials::new("id", "secret", None),
            crate::Endpoints::at(&address).unwrap(),
            fake.clock.clone(),
            fake.telemetry.clone(),
        );
        aws.unwrap().list_endpoints(None).await.unwrap_err()
    };
    assert_eq!(err.kind(), Kind::Unavailable);
    assert_eq!(err.to_string(), "call sagemaker:ListEndpoints: no answer");
}
