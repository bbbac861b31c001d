//! What SageMaker answers, as an endpoint of the inventory.

use bifocal_aws::sagemaker::{
    ComponentDescription, DeployedImage, EndpointConfig, EndpointDescription, ManagedInstanceScaling,
    Specification, Variant as VariantDescription,
};

use super::{Bounds, Capture, Component, Copies, Endpoint, Metrics, OutOfScope, Pool, Variant};

/// States in which an endpoint becomes another one.
const IN_BETWEEN: [&str; 4] = ["Creating", "Updating", "SystemUpdating", "RollingBack"];

/// All that SageMaker says of one endpoint.
#[derive(Clone, Copy, Debug)]
pub struct Described<'a> {
    /// `DescribeEndpoint`.
    pub endpoint: &'a EndpointDescription,
    /// `DescribeEndpointConfig` of its configuration; `None` when it could not be read: instance types are unknown then.
    pub config: Option<&'a EndpointConfig>,
    /// `DescribeInferenceComponent` of each of its components.
    pub components: &'a [ComponentDescription],
    /// Whether its metrics count models that are loaded and unloaded: a multi-model endpoint is told by nothing else that
    /// is asked for.
    pub loads_models: bool,
}

impl Endpoint {
    /// An endpoint as SageMaker describes it.
    pub fn described(from: Described<'_>) -> Self {
        let Described { endpoint, config, components, loads_models } = from;
        let of_config = |name: &str| {
            config.and_then(|config| config.production_variants.iter().find(|v| v.variant_name == name))
        };
        let variants = endpoint.production_variants.iter().map(|variant| {
            let configured = of_config(&variant.variant_name);
            let model = configured.and_then(|configured| configured.model_name.clone());
            let types: Vec<&str> = match configured {
                Some(configured) if !configured.instance_pools.is_empty() => configured
                    .instance_pools
                    .iter()
                    .filter_map(|pool| pool.instance_type.as_deref())
                    .collect(),
                Some(configured) => configured.instance_type.as_deref().into_iter().collect(),
                None => Vec::new(),
            };
            let scaling = configured.and_then(|configured| configured.managed_instance_scaling.as_ref());
            let variant = Variant {
                name: variant.variant_name.clone(),
                model,
                pools: pools(variant, &types),
                instances_wanted: variant.desired_instance_count,
                weight: variant.current_weight,
                scaling: variant.managed_instance_scaling.as_ref().or(scaling).and_then(bounds),
                images: variant.deployed_images.iter().filter_map(image).collect(),
                steps: variant.variant_status.iter().filter_map(|step| step.status.clone()).collect(),
            };
            (variant.name.clone(), variant)
        });
        let is_serverless = endpoint.production_variants.iter().any(|variant| variant.is_serverless)
            || config.is_some_and(|config| config.production_variants.iter().any(|v| v.is_serverless));
        let is_async = endpoint.is_async || config.is_some_and(|config| config.is_async);
        let variants: std::collections::BTreeMap<_, _> = variants.collect();
        let is_deploying = endpoint.has_pending_deployment
            || endpoint.endpoint_status.as_deref().is_some_and(|status| IN_BETWEEN.contains(&status))
            || variants.values().any(|variant| !variant.steps.is_empty());
        let metrics = endpoint.metrics_config.as_ref();
        let metrics = metrics.or_else(|| config.and_then(|config| config.metrics_config.as_ref()));
        Self {
            name: endpoint.endpoint_name.clone(),
            config: endpoint.endpoint_config_name.clone(),
            status: endpoint.endpoint_status.clone(),
            failure: endpoint.failure_reason.clone(),
            out_of_scope: match (is_async, is_serverless, loads_models) {
                (true, ..) => Some(OutOfScope::Asynchronous),
                (_, true, _) => Some(OutOfScope::Serverless),
                (.., true) => Some(OutOfScope::MultiModel),
                _ => None,
            },
            variants,
            components: components.iter().map(component).map(|c| (c.name.clone(), c)).collect(),
            capture: capture(endpoint, config),
            metrics: Metrics {
                is_enhanced: metrics.and_then(|m| m.enable_enhanced_metrics).unwrap_or(false),
                is_detailed: metrics.and_then(|m| m.enable_detailed_observability),
                period_seconds: metrics.and_then(|m| m.metric_publish_frequency_in_seconds),
            },
            is_deploying,
            modified: endpoint.last_modified_time,
        }
    }
}

/// Instances by type. The description tells types only where there are several; `types` are the configuration's.
fn pools(variant: &VariantDescription, types: &[&str]) -> Vec<Pool> {
    if !variant.instance_pools.is_empty() {
        let pool = variant.instance_pools.iter().map(|pool| Pool {
            instance_type: pool.instance_type.clone(),
            instances: pool.current_instance_count.unwrap_or(0),
        });
        return pool.collect();
    }
    let Some(instances) = variant.current_instance_count else { return Vec::new() };
    match types {
        [only] => vec![Pool { instance_type: Some((*only).to_owned()), instances }],
        // Scaled to zero: none of any type.
        several if instances == 0 => several
            .iter()
            .map(|name| Pool { instance_type: Some((*name).to_owned()), instances: 0 })
            .collect(),
        _ => vec![Pool { instance_type: None, instances }],
    }
}

fn bounds(scaling: &ManagedInstanceScaling) -> Option<Bounds> {
    let is_on = scaling.status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("ENABLED"));
    let (min, max) = scaling.min_instance_count.zip(scaling.max_instance_count)?;
    is_on.then_some(Bounds { min, max })
}

/// The image with its digest where it is known, so that a moved tag is seen.
fn image(image: &DeployedImage) -> Option<String> {
    image.resolved_image.clone().or_else(|| image.specified_image.clone())
}

fn capture(endpoint: &EndpointDescription, config: Option<&EndpointConfig>) -> Capture {
    let modes = config.and_then(|config| config.data_capture_config.as_ref());
    let modes = modes.map(|capture| capture.capture_options.clone()).unwrap_or_default();
    let Some(summary) = &endpoint.data_capture_config else { return Capture { modes, ..Capture::default() } };
    let has_stopped = summary.capture_status.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("Stopped"));
    Capture {
        is_on: summary.enable_capture.unwrap_or(false) && !has_stopped,
        percent: summary.current_sampling_percentage,
        destination: summary.destination_s3_uri.clone(),
        key: summary.kms_key_id.clone().filter(|key| !key.is_empty()),
        modes,
    }
}

fn component(from: &ComponentDescription) -> Component {
    let first = from.specification.as_ref().or_else(|| from.specifications.first());
    let of_type = |instance_type: Option<&str>| {
        let exact = from.specifications.iter().find(|spec| spec.instance_type.as_deref() == instance_type);
        exact.or(first)
    };
    let runtime = from.runtime_config.as_ref();
    let placements = runtime.map(|runtime| runtime.placement_status.as_slice()).unwrap_or_default();
    let mut copies: Vec<Copies> = placements
        .iter()
        .filter_map(|placement| {
            let spec = of_type(placement.instance_type.as_deref());
            Some(held(placement.instance_type.clone(), placement.current_copy_count?, spec))
        })
        .collect();
    let now = runtime.and_then(|runtime| runtime.current_copy_count);
    if let (true, Some(count)) = (copies.is_empty(), now) {
        let instance_type = first.and_then(|spec| spec.instance_type.clone());
        copies.push(held(instance_type, count, first));
    }
    let container = first.and_then(|spec| spec.container.as_ref());
    let weights = container.and_then(|container| container.artifact_url.clone());
    Component {
        name: from.inference_component_name.clone(),
        variant: from.variant_name.clone(),
        status: from.inference_component_status.clone(),
        failure: from.failure_reason.clone(),
        base: first.and_then(|spec| spec.base_inference_component_name.clone()),
        copies,
        copies_wanted: runtime.and_then(|runtime| runtime.desired_copy_count),
        model: first.and_then(|spec| spec.model_name.clone()).or(weights),
        image: container.and_then(|container| container.deployed_image.as_ref()).and_then(image),
        modified: from.last_modified_time,
    }
}

fn held(instance_type: Option<String>, count: u32, spec: Option<&Specification>) -> Copies {
    let needs = spec.and_then(|spec| spec.compute_resource_requirements.as_ref());
    Copies {
        instance_type,
        count,
        // Absent: the component needs no accelerator.
        accelerators: needs.and_then(|needs| needs.number_of_accelerator_devices_required).unwrap_or(0.0),
        cpu_cores: needs.and_then(|needs| needs.number_of_cpu_cores_required),
    }
}

#[cfg(test)]
mod tests;
