//! Every call that moto has, against moto: an emulator that other people wrote and test with boto3.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use bifocal_model::Span;
use bifocal_telemetry::{Clock as _, SystemClock, Telemetry};
use serde_json::Value;

use crate::{
    Aws, Credentials, Datum, Dimension, DimensionFilter, Endpoints, Kind, LogEvent, LogSearch, MetricQuery,
    MetricStat, Role,
};

/// A running moto; dropped, it ends.
struct Moto {
    child: Child,
    up: Value,
}

impl Moto {
    fn start() -> Option<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testbed/aws-mock");
        let mut child = Command::new(script)
            .arg("--watch-stdin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Some(addresses) = line.strip_prefix("READY ") else {
            assert_eq!(child.wait().unwrap().code(), Some(77), "testbed/aws-mock failed");
            assert!(
                std::env::var_os("BIFOCAL_CI").is_none(),
                "testbed/aws-mock cannot run here, and CI allows no skip"
            );
            println!("skipped: testbed/aws-mock cannot run on this machine");
            return None;
        };
        Some(Self { up: serde_json::from_str(addresses).unwrap(), child })
    }

    fn address(&self) -> &str {
        self.up["aws"].as_str().unwrap()
    }

    fn prepare(&self) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/moto/prepare.py");
        let python = self.up["python"].as_str().unwrap();
        let done = Command::new(python).arg(script).arg(self.address()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn e2e_moto_answers_every_call_that_it_has() {
    let Some(moto) = Moto::start() else { return };
    moto.prepare();
    let clock = Arc::new(SystemClock::new());
    let keys = Credentials::new("AKIDEXAMPLE", "secret", None);
    let endpoints = Endpoints::at(moto.address()).unwrap();
    let aws = Aws::with_credentials("us-east-1", keys, endpoints, clock.clone(), Telemetry::new()).unwrap();

    assert_eq!(aws.caller_identity().await.unwrap().account, "123456789012");
    let role = Role { arn: "arn:aws:iam::123456789012:role/watcher".into(), external_id: None };
    let assumed = aws.assuming(role).caller_identity().await.unwrap();
    assert!(assumed.arn.contains("assumed-role/watcher/bifocal"), "{}", assumed.arn);

    // Endpoints: more than a default page of ten.
    assert_eq!(aws.list_endpoints(None).await.unwrap().len(), 12);
    let endpoint = aws.describe_endpoint("llm-3").await.unwrap();
    assert_eq!(endpoint.endpoint_status.as_deref(), Some("InService"));
    let config =
        aws.describe_endpoint_config(endpoint.endpoint_config_name.as_deref().unwrap()).await.unwrap();
    assert_eq!(config.production_variants[0].instance_type.as_deref(), Some("ml.g4dn.xlarge"));
    assert_eq!(config.data_capture_config.unwrap().destination_s3_uri.as_deref(), Some("s3://capture/prod"));
    let missing = aws.describe_endpoint("no-such").await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound, "{missing}");

    // S3: two pages, odd keys, and a key that is not there.
    let first = aws.list_objects("capture", "prod/llm 0/", None, None).await.unwrap();
    let second = aws.list_objects("capture", "prod/llm 0/", None, first.next.as_deref()).await.unwrap();
    assert_eq!((first.objects.len(), second.objects.len(), second.next), (1000, 5, None));
    let object = aws.get_object("capture", &first.objects[7].key, 100).await.unwrap();
    assert_eq!(object.etag(), Some(first.objects[7].etag.as_str()));
    assert_eq!(object.read().await.unwrap(), b"line 7\n");
    let after = aws.list_objects("capture", "prod/", Some(&second.objects[3].key), None).await.unwrap();
    assert_eq!(after.objects, second.objects[4..]);
    assert_eq!(aws.get_object("capture", "no", 1).await.unwrap_err().kind(), Kind::NotFound);

    // CloudWatch: written, listed, read.
    let now = clock.now();
    let minute = now.floor_to(Span::from_mins(1)) - Span::from_mins(2);
    let dimensions = vec![Dimension { name: "InferenceComponentName".into(), value: "qwen".into() }];
    let datum = |value: f64| Datum {
        metric_name: "composite_quality_score".into(),
        dimensions: dimensions.clone(),
        timestamp: minute,
        value: Some(value),
        statistics: None,
        unit: "None".into(),
    };
    let namespace = "/aws/sagemaker/inference-quality/qwen";
    aws.put_metric_data(namespace, &[datum(0.5), datum(1.0)]).await.unwrap();
    let filter = DimensionFilter { name: "InferenceComponentName".into(), value: Some("qwen".into()) };
    let listed = aws.list_metrics(namespace, &[filter]).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].dimensions, dimensions);
    let query = |id: &str, stat: &str| MetricQuery {
        id: id.into(),
        metric_stat: MetricStat { metric: listed[0].clone(), period: 60, stat: stat.into() },
    };
    let queries = [query("a", "Average"), query("n", "SampleCount")];
    let series = aws.metric_data(&queries, minute, minute + Span::from_mins(1)).await.unwrap();
    let points: Vec<Vec<_>> = series.iter().map(|series| series.points().collect()).collect();
    assert_eq!(points, [vec![(minute, 0.75)], vec![(minute, 2.0)]]);

    // Logs: put into two streams, found by time, page and word.
    let group = "/aws/sagemaker/InferenceComponents/qwen";
    aws.create_log_group(group).await.unwrap();
    let millis = |minutes: i64| (now - Span::from_mins(minutes)).as_nanos() / 1_000_000;
    for (stream, said) in [("AllTraffic/a", "INFO all is well"), ("AllTraffic/b", "ERROR out of memory")] {
        aws.create_log_stream(group, stream).await.unwrap();
        let events = [50, 5].map(|ago| LogEvent { timestamp: millis(ago), message: said.to_owned() });
        aws.put_log_events(group, stream, &events).await.unwrap();
    }
    let search = LogSearch {
        log_group_name: group.to_owned(),
        start_time: millis(10),
        end_time: millis(0),
        filter_pattern: None,
        limit: 100,
    };
    let all = aws.find_log_events(&search, None).await.unwrap();
    let mut streams: Vec<&str> = all.events.iter().map(|event| event.log_stream_name.as_str()).collect();
    streams.sort_unstable();
    assert_eq!(streams, ["AllTraffic/a", "AllTraffic/b"]);
    let first = aws.find_log_events(&LogSearch { limit: 1, ..search.clone() }, None).await.unwrap();
    let page = LogSearch { limit: 1, ..search.clone() };
    let second = aws.find_log_events(&page, first.next_token.as_deref()).await.unwrap();
    assert_eq!((first.events.len(), second.events.len()), (1, 1));
    assert_ne!(first.events[0].event_id, second.events[0].event_id);
    let word = LogSearch { filter_pattern: Some("ERROR".to_owned()), ..search.clone() };
    let found = aws.find_log_events(&word, None).await.unwrap();
    assert_eq!(found.events.len(), 1);
    assert_eq!(
        (found.events[0].message.as_str(), found.events[0].timestamp),
        ("ERROR out of memory", millis(5))
    );
    let nowhere = LogSearch { log_group_name: "/aws/sagemaker/Endpoints/no".to_owned(), ..search };
    assert_eq!(aws.find_log_events(&nowhere, None).await.unwrap_err().kind(), Kind::NotFound);

    // Alarms and dashboards: made, described, overwritten, deleted; what is not there is no error of deleting.
    let alarm = |threshold: f64| {
        serde_json::json!({
            "AlarmName": "bifocal-e-c-r", "AlarmDescription": "d", "ActionsEnabled": true, "AlarmActions": [],
            "Namespace": namespace, "MetricName": "relevance_score", "Statistic": "Average", "Period": 60,
            "Dimensions": [{"Name": "InferenceComponentName", "Value": "qwen"}], "EvaluationPeriods": 5,
            "DatapointsToAlarm": 5, "Threshold": threshold, "ComparisonOperator": "LessThanThreshold",
            "TreatMissingData": "missing",
        })
    };
    aws.put_metric_alarm(&alarm(0.7)).await.unwrap();
    aws.put_metric_alarm(&alarm(0.8)).await.unwrap();
    let described = aws.describe_alarms("bifocal-").await.unwrap();
    assert_eq!((described.metric.len(), described.composite.len()), (1, 0));
    assert_eq!(described.metric[0]["Threshold"].as_f64(), Some(0.8));
    assert!(aws.describe_alarms("other-").await.unwrap().metric.is_empty());
    assert_eq!(aws.get_dashboard("bifocal-llm").await.unwrap(), None);
    aws.put_dashboard("bifocal-llm", r#"{"widgets":[]}"#).await.unwrap();
    assert_eq!(aws.get_dashboard("bifocal-llm").await.unwrap().as_deref(), Some(r#"{"widgets":[]}"#));
    aws.delete_alarms(&["bifocal-e-c-r".to_owned()]).await.unwrap();
    assert!(aws.describe_alarms("bifocal-").await.unwrap().metric.is_empty());
}
