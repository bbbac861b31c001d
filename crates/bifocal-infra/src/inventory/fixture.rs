//! Inventories for tests.

use super::*;

/// What a copy holds, and how many there are on one type.
pub(crate) fn copies(instance_type: Option<&str>, count: u32, accelerators: f64) -> Copies {
    Copies { instance_type: instance_type.map(str::to_owned), count, accelerators, cpu_cores: None }
}

pub(crate) fn component(name: &str, copies: Vec<Copies>) -> Component {
    let wanted = copies.iter().map(|copies| copies.count).sum();
    Component {
        name: name.to_owned(),
        variant: Some("AllTraffic".to_owned()),
        status: Some("InService".to_owned()),
        copies,
        copies_wanted: Some(wanted),
        image: Some("vllm@sha256:1".to_owned()),
        ..Component::default()
    }
}

pub(crate) fn adapter(name: &str, base: &str) -> Component {
    Component { base: Some(base.to_owned()), variant: None, ..component(name, vec![copies(None, 0, 0.0)]) }
}

/// An endpoint with one variant.
pub(crate) fn endpoint(pools: &[(&str, u32)], components: Vec<Component>) -> Endpoint {
    let pools = pools.iter().map(|(name, instances)| Pool {
        instance_type: (!name.is_empty()).then(|| (*name).to_owned()),
        instances: *instances,
    });
    let variant = Variant { name: "AllTraffic".to_owned(), pools: pools.collect(), ..Variant::default() };
    Endpoint {
        name: "llm-prod".to_owned(),
        config: Some("llm-prod-1".to_owned()),
        status: Some("InService".to_owned()),
        variants: BTreeMap::from([("AllTraffic".to_owned(), variant)]),
        components: components.into_iter().map(|component| (component.name.clone(), component)).collect(),
        ..Endpoint::default()
    }
}

/// One endpoint at a time in seconds.
pub(crate) fn inventory(secs: i64, endpoint: Endpoint) -> Inventory {
    Inventory {
        origin: "sagemaker/123456789012/us-east-1".to_owned(),
        time: Timestamp::from_secs(secs),
        endpoints: BTreeMap::from([(endpoint.name.clone(), endpoint)]),
    }
}
