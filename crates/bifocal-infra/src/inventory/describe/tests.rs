use bifocal_aws::sagemaker::ConfigVariant;

use super::*;

macro_rules! described {
    ($name:literal) => {
        serde_json::from_str(include_str!(concat!("../../../../bifocal-aws/testdata/sagemaker/", $name)))
            .unwrap()
    };
}

fn endpoint() -> EndpointDescription {
    described!("describe_endpoint.response.json")
}

fn config() -> EndpointConfig {
    described!("describe_endpoint_config.response.json")
}

fn components() -> Vec<ComponentDescription> {
    vec![
        described!("describe_inference_component.response.json"),
        described!("describe_adapter.response.json"),
    ]
}

fn read(endpoint: &EndpointDescription, config: Option<&EndpointConfig>) -> Endpoint {
    Endpoint::described(Described { endpoint, config, components: &components(), loads_models: false })
}

#[test]
fn a_mixed_fleet_with_an_adapter_is_read_whole() {
    let endpoint = read(&endpoint(), Some(&config()));
    assert_eq!((endpoint.out_of_scope, endpoint.is_deploying), (None, true), "the variant is updating");
    assert_eq!(endpoint.config.as_deref(), Some("llm-prod-7"));
    let variant = &endpoint.variants["AllTraffic"];
    let pool = |name: &str, instances| Pool { instance_type: Some(name.to_owned()), instances };
    assert_eq!(variant.pools, [pool("ml.g6.12xlarge", 2), pool("ml.g5.12xlarge", 1)]);
    assert_eq!((variant.model.as_deref(), variant.scaling), (None, Some(Bounds { min: 0, max: 4 })));
    assert_eq!(variant.steps, ["Updating"]);
    let qwen = &endpoint.components["qwen"];
    let copies = |name: &str, count| Copies {
        instance_type: Some(name.to_owned()),
        count,
        accelerators: 2.0,
        cpu_cores: None,
    };
    assert_eq!(qwen.copies, [copies("ml.g6.12xlarge", 2), copies("ml.g5.12xlarge", 1)]);
    assert_eq!((qwen.copies(), qwen.accelerators(), qwen.copies_wanted), (Some(3), 6.0, Some(3)));
    assert_eq!(qwen.image.as_deref(), Some("repo/vllm@sha256:00"), "the digest, not the tag");
    assert_eq!((qwen.model.as_deref(), qwen.base.as_deref()), (Some("qwen2-5-7b"), None));
    let legal = &endpoint.components["qwen-legal"];
    assert_eq!((legal.base.as_deref(), legal.accelerators()), (Some("qwen"), 0.0));
    assert_eq!(endpoint.variant_of(legal), Some("AllTraffic"), "where its base runs");
    let capture = &endpoint.capture;
    assert_eq!((capture.is_on, capture.percent, capture.modes.len()), (true, Some(25.0), 2));
    assert_eq!(endpoint.metrics, Metrics { is_enhanced: true, is_detailed: None, period_seconds: Some(10) });
    assert!(!format!("{endpoint:?}").contains("hf_secret"));
}

#[test]
fn the_type_of_a_plain_variant_is_the_configurations_and_unknown_without_it() {
    let mut endpoint = endpoint();
    endpoint.production_variants[0].instance_pools.clear();
    let mut config = config();
    config.production_variants[0] = ConfigVariant {
        variant_name: "AllTraffic".to_owned(),
        instance_type: Some("ml.g5.xlarge".to_owned()),
        model_name: Some("m".to_owned()),
        ..ConfigVariant::default()
    };
    let pools = |config| read(&endpoint, config).variants["AllTraffic"].pools.clone();
    assert_eq!(pools(Some(&config)), [Pool { instance_type: Some("ml.g5.xlarge".to_owned()), instances: 3 }]);
    assert_eq!(pools(None), [Pool { instance_type: None, instances: 3 }]);
    let model = read(&endpoint, Some(&config)).variants["AllTraffic"].model.clone();
    assert_eq!(model.as_deref(), Some("m"));
}

#[test]
fn scaled_to_zero_is_none_of_each_type_and_not_unknown() {
    let mut endpoint = endpoint();
    let variant = &mut endpoint.production_variants[0];
    variant.instance_pools.clear();
    variant.current_instance_count = Some(0);
    let read = read(&endpoint, Some(&config()));
    let variant = &read.variants["AllTraffic"];
    assert_eq!((variant.pools.len(), variant.instances()), (2, 0));
    assert!(variant.pools.iter().all(|pool| pool.instance_type.is_some()));
}

#[test]
fn kinds_out_of_scope_are_named() {
    let kind = |change: fn(&mut EndpointDescription), loads_models| {
        let mut endpoint = endpoint();
        change(&mut endpoint);
        let described = Described { endpoint: &endpoint, config: None, components: &[], loads_models };
        Endpoint::described(described).out_of_scope
    };
    assert_eq!(kind(|e| e.is_async = true, true), Some(OutOfScope::Asynchronous));
    assert_eq!(kind(|e| e.production_variants[0].is_serverless = true, false), Some(OutOfScope::Serverless));
    assert_eq!(kind(|_| {}, true), Some(OutOfScope::MultiModel));
    assert_eq!(kind(|_| {}, false), None);
}

#[test]
fn capture_that_has_stopped_is_off_and_what_is_not_said_is_not_there() {
    let mut stopped = endpoint();
    stopped.data_capture_config.as_mut().unwrap().capture_status = Some("Stopped".to_owned());
    assert!(!read(&stopped, None).capture.is_on);
    let nothing = EndpointDescription { endpoint_name: "x".to_owned(), ..EndpointDescription::default() };
    let bare = Endpoint::described(Described {
        endpoint: &nothing,
        config: None,
        components: &[ComponentDescription::default()],
        loads_models: false,
    });
    assert!(bare.variants.is_empty() && !bare.capture.is_on && !bare.is_deploying);
    assert_eq!(bare.components[""].copies, [], "not said is not zero copies");
}
