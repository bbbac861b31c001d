use std::collections::BTreeSet;

use bifocal_aws::Dimension;
use bifocal_model::{Component, TargetNames};

use super::*;

fn component(name: &str) -> Watched {
    let target = TargetKey::new(TargetNames {
        origin: "sagemaker/1/us-east-1".into(),
        endpoint: "llm-prod".into(),
        variant: "AllTraffic".into(),
        component: Component::InferenceComponent(name.into()),
    });
    Watched { target, gpus_per_instance: Some(4.0) }
}

fn variant(gpus_per_instance: Option<f64>) -> Watched {
    let target = component("").target.with(|names| names.component = Component::Model("m".into()));
    Watched { target, gpus_per_instance }
}

fn metric(namespace: &str, name: &str, dimensions: &[(&str, &str)]) -> Metric {
    let dimension = |&(name, value): &(&str, &str)| Dimension { name: name.into(), value: value.into() };
    Metric {
        namespace: namespace.into(),
        metric_name: name.into(),
        dimensions: dimensions.iter().map(dimension).collect(),
    }
}

const V: [(&str, &str); 2] = [("EndpointName", "llm-prod"), ("VariantName", "AllTraffic")];

fn of(name: &str) -> (&str, &str) {
    ("InferenceComponentName", name)
}

/// One metric under every set of dimensions that SageMaker counts it under.
fn every_set(namespace: &str, name: &str, ic: &str) -> Vec<Metric> {
    let zone = [("Region", "us-east-1"), ("AvailabilityZone", "a"), ("InstanceType", "ml.g5.12xlarge")];
    let place = [V[0], V[1], of(ic), ("InstanceId", "i-0"), ("ContainerId", "c-0")];
    let sets = [
        vec![V[1], V[0]],
        [&V[..], &zone].concat(),
        vec![V[0], V[1], ("InstanceId", "i-0")],
        vec![of(ic)],
        [&[of(ic)][..], &zone].concat(),
        place.to_vec(),
        vec![("InferenceComponentName", "of-another-endpoint")],
    ];
    sets.iter().map(|set| metric(namespace, name, set)).collect()
}

#[test]
fn one_set_stands_for_each_number() {
    let metrics = every_set("AWS/SageMaker", "Invocations", "qwen");
    let chosen = choose(&metrics, &[component("qwen"), variant(None)], Detail::Target).series;
    let sets: Vec<(&str, Vec<&str>)> =
        chosen.iter().map(|s| (s.signal, s.metric.dimension_names())).collect();
    assert_eq!(
        sets,
        [
            ("requests_per_second", vec!["InferenceComponentName"]),
            ("requests_per_second", vec!["EndpointName", "VariantName"]),
        ]
    );
    assert_eq!(chosen[0].factor, 1.0 / 60.0);
}

/// However metrics are listed, no number of a target has two series.
#[test]
fn no_number_has_two_series() {
    let mut metrics = Vec::new();
    for namespace in NAMESPACES {
        for number in OF_CALLS.iter().chain(OF_COMPONENTS).chain(OF_VARIANTS) {
            metrics.extend(every_set(namespace, number.metric, "qwen"));
        }
    }
    for turn in 0..metrics.len() {
        metrics.rotate_left(turn);
        for detail in [Detail::Target, Detail::Gpu { series_max: 9 }] {
            let chosen = choose(&metrics, &[component("qwen"), variant(Some(4.0))], detail).series;
            let keys: BTreeSet<_> = chosen.iter().map(|s| (&s.target, s.signal, &s.part)).collect();
            assert_eq!(keys.len(), chosen.len());
            assert_eq!(chosen.len(), 14 + 15, "10 of calls with 4 or 5 of hardware");
            assert!(chosen.iter().all(|s| s.metric.dimensions.len() <= 2));
        }
    }
}

fn gpus(dimension: &str) -> Vec<Metric> {
    let mut metrics = every_set(COMPONENTS, "GPUUtilizationNormalized", "qwen");
    for gpu in ["gpu_0", "gpu_1"] {
        let set = [V[0], V[1], of("qwen"), ("InstanceId", "i-0"), ("ContainerId", "c-0"), (dimension, gpu)];
        metrics.push(metric(COMPONENTS, "GPUUtilizationNormalized", &set));
        // Shorter sets that are told of too: never read beside the longer ones.
        metrics.push(metric(COMPONENTS, "GPUUtilizationNormalized", &[of("qwen"), (dimension, gpu)]));
    }
    metrics
}

#[test]
fn gpus_are_read_under_either_name_and_in_place_of_the_whole() {
    for dimension in GPU_DIMENSIONS {
        let fine = choose(&gpus(dimension), &[component("qwen")], Detail::Gpu { series_max: 2 }).series;
        let parts: Vec<&str> = fine.iter().map(|s| s.part.as_str()).collect();
        assert_eq!(parts, ["c-0/gpu_0", "c-0/gpu_1"]);
        // More GPUs than there is room for: the whole stands for all.
        let whole = choose(&gpus(dimension), &[component("qwen")], Detail::Gpu { series_max: 1 });
        assert!(whole.too_many_gpus);
        let whole = whole.series;
        assert_eq!(whole.len(), 1);
        assert_eq!(whole[0].metric.dimension_names(), ["InferenceComponentName"]);
    }
}

#[test]
fn a_sum_over_gpus_needs_their_number() {
    let metrics = [metric(ENDPOINTS, "GPUUtilization", &V)];
    let chosen = choose(&metrics, &[variant(Some(4.0))], Detail::Target).series;
    assert_eq!((chosen[0].signal, chosen[0].factor), ("gpu_utilization_ratio", 0.0025));
    assert_eq!(choose(&metrics, &[variant(None)], Detail::Target).series, []);
    // Where there is a normalised one it is taken, whatever comes first.
    let both = [metrics[0].clone(), metric(ENDPOINTS, "GPUUtilizationNormalized", &V)];
    assert_eq!(choose(&both, &[variant(Some(4.0))], Detail::Target).series[0].factor, 0.01);
}

#[test]
fn signals_are_of_the_registry() {
    for number in OF_CALLS.iter().chain(OF_COMPONENTS).chain(OF_VARIANTS) {
        assert!(bifocal_model::signal::find(number.signal).is_some(), "{}", number.signal);
        assert!(NAMESPACES.contains(&number.namespace));
    }
}
