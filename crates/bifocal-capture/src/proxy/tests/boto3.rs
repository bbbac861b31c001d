//! AWS's own client through the proxy, against the simulated runtime, which checks signatures and their host.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use bifocal_aws::{Aws, Credentials, Endpoints};
use bifocal_model::{Completeness, ErrorClass};
use bifocal_sim::sagemaker::runtime::{
    Access, Family, Objects, RuntimeComponent, RuntimeEndpoint, RuntimeOptions, RuntimeServer,
};
use bifocal_sim::{Fleet, serve::IncidentSwitch};
use bifocal_telemetry::{Clock, ManualClock, SystemClock, TaskGroup, Telemetry};
use serde_json::Value;

use super::harness::{proxy, signing_proxy};
use crate::aws_mock;
use crate::proxy::{ProxyOptions, Signing};

const AWS_HOST: &str = "runtime.sagemaker.us-east-1.amazonaws.com";
const KEY: (&str, &str) = ("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");

/// The runtime, on a clock that stands still, so that a question always has the same answer.
async fn runtime(tasks: &TaskGroup, host: Option<&str>) -> SocketAddr {
    let component = |name: &str, family, breaks_after| RuntimeComponent {
        name: Some(name.to_owned()),
        model: "gpt-oss-20b".to_owned(),
        family,
        breaks_after,
    };
    let endpoint = RuntimeEndpoint {
        name: "llm-prod".to_owned(),
        variant: "AllTraffic".to_owned(),
        components: vec![
            component("lmi-ic", Family::Lmi, None),
            component("tgi-ic", Family::Tgi, None),
            component("open-ic", Family::OpenAi, None),
            component("weak-ic", Family::Lmi, Some(2)),
        ],
        capture: None,
    };
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new("2026-11-24T12:00:00Z".parse().unwrap()));
    let options = RuntimeOptions {
        endpoints: vec![endpoint],
        access: Access {
            keys: vec![(KEY.0.to_owned(), KEY.1.to_owned())],
            bearer_tokens: Vec::new(),
            host: host.map(str::to_owned),
        },
        objects: Objects::default(),
        script: Arc::new(Fleet::new(5)),
        switch: IncidentSwitch::new(Arc::clone(&clock)),
        clock,
    };
    let server = RuntimeServer::bind("127.0.0.1:0".parse().unwrap(), options).await.unwrap();
    let address = server.address();
    tasks.spawn("simulated runtime", server.run(tasks.drain()));
    address
}

async fn boto3(python: &Path, way: &'static str, address: SocketAddr) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/proxy/tests/aws_client.py");
    let mut command = tokio::process::Command::new(python);
    command.arg("-B").arg(script).arg(way).arg(address.to_string());
    let output = command.stderr(Stdio::inherit()).output().await.unwrap();
    assert!(output.status.success(), "aws_client.py {way} failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn to_aws(options: &mut ProxyOptions) {
    options.upstream_host = Some(AWS_HOST.to_owned());
}

fn signing() -> Signing {
    let keys = Credentials::new(KEY.0, KEY.1, None);
    let clock = Arc::new(SystemClock::new());
    let aws = Aws::with_credentials("us-east-1", keys, Endpoints::of_aws(), clock, Telemetry::new()).unwrap();
    Signing::new(aws, vec!["llm-prod".to_owned()], "secret-1".to_owned()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn real_boto3_gets_the_same_bodies_through_the_proxy_and_leaves_whole_inferences() {
    let Some(mock) = aws_mock::start() else { return };
    let tasks = TaskGroup::new();
    let plain = runtime(&tasks, None).await;
    let strict = runtime(&tasks, Some(AWS_HOST)).await;
    let straight = boto3(&mock.python, "straight", plain).await;
    assert!(straight.get("refused").is_none(), "{straight}");
    assert!(straight["streamed lmi-ic"]["parts"].as_u64().unwrap() > 4, "{straight}");
    assert_eq!(straight["whole lmi-ic"]["variant"], "AllTraffic");
    let broken = straight["streamed weak-ic"]["error"].as_str().unwrap();
    assert!(broken.contains("ModelStreamError"), "{broken}");

    let passing = proxy(strict, to_aws).await;
    let signing = signing_proxy(strict, signing(), to_aws).await;
    for (way, running) in [("aws-host", &passing), ("token", &signing)] {
        assert_eq!(boto3(&mock.python, way, running.address).await, straight, "{way}");
        let recorded = running.sink.inferences(7).await;
        assert_eq!(recorded.len(), 7);
        for call in &recorded {
            let id = call.labels["inference_id"].as_str();
            let component = call.target.inference_component();
            let (kind, named) = id.split_once('-').unwrap();
            assert_eq!(named, component);
            assert_eq!(
                (call.target.endpoint.as_str(), call.target.variant.as_str()),
                ("llm-prod", "AllTraffic")
            );
            assert_eq!(call.completeness, Completeness::Complete, "{id}");
            assert_eq!(call.messages[0].text.as_str(), "How do I cancel my yearly subscription?", "{id}");
            assert!(!call.answer.as_str().is_empty(), "{id}");
            assert_eq!(call.timing.ttft_seconds.is_some(), kind == "streamed", "{id}");
            assert!(call.timing.duration_seconds.is_some(), "{id}");
            let error = (component == "weak-ic").then_some(ErrorClass::MidStream);
            assert_eq!(call.error, error, "{id}");
            if error.is_none() {
                assert_eq!(call.finish_reason.as_ref().unwrap().name(), "stop", "{id}");
                assert_eq!(call.usage.output.unwrap().source, bifocal_model::TokenSource::Server, "{id}");
            }
        }
    }
    tasks.stop_and_join().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_boto3_in_the_wrong_way_shows_one_clear_error() {
    let Some(mock) = aws_mock::start() else { return };
    let tasks = TaskGroup::new();
    let strict = runtime(&tasks, Some(AWS_HOST)).await;
    let passing = proxy(strict, to_aws).await;
    let signing = signing_proxy(strict, signing(), to_aws).await;
    for (running, code) in [(&passing, "B0230"), (&signing, "B0231")] {
        let said = boto3(&mock.python, "wrong", running.address).await;
        let refused = said["refused"].as_str().unwrap();
        assert!(refused.contains(code) && refused.contains("InvokeEndpoint"), "{refused}");
        assert!(running.sink.inferences.lock().unwrap().is_empty());
    }
    tasks.stop_and_join().await;
}
