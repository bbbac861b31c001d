//! What runs: endpoints, their variants and instances, inference components with copies and accelerators, adapters.
//!
//! Life of the data: [`Endpoint::described`] makes an [`Endpoint`] from what SageMaker answers, an [`Inventory`] holds all of one
//! account and region at one moment, and [`diff`] tells what happened between two of them as events. Everything here is
//! plain data and pure functions; what is not said is `None`, not zero.
//!
//! Out of scope are asynchronous, serverless and multi-model endpoints: they are recognised and named as such, and
//! nothing is computed for them.

mod changes;
mod describe;

use std::collections::BTreeMap;

use bifocal_model::{Component as TargetComponent, TargetKey, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

pub use changes::{Changed, diff};
pub use describe::Described;

/// All endpoints of one account and region at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// `sagemaker/<account>/<region>`.
    pub origin: String,
    /// When it was taken.
    pub time: Timestamp,
    /// By name.
    pub endpoints: BTreeMap<String, Endpoint>,
}

/// One endpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The name.
    pub name: String,
    /// The configuration that it runs.
    pub config: Option<String>,
    /// `InService`, `Updating`, …
    pub status: Option<String>,
    /// Why it failed, in SageMaker's words.
    pub failure: Option<String>,
    /// Why nothing is computed for it; `None` for an endpoint in real time.
    pub out_of_scope: Option<OutOfScope>,
    /// By name.
    pub variants: BTreeMap<String, Variant>,
    /// By name, adapters among them.
    pub components: BTreeMap<String, Component>,
    /// Data Capture.
    pub capture: Capture,
    /// What is published to CloudWatch.
    pub metrics: Metrics,
    /// Whether a deployment is in progress.
    pub is_deploying: bool,
    /// When SageMaker changed it last.
    pub modified: Option<Timestamp>,
}

/// A kind of endpoint for which nothing is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutOfScope {
    /// Answers are put into a bucket.
    Asynchronous,
    /// Instances are not seen, and not paid by the hour.
    Serverless,
    /// Models come and go on one container.
    MultiModel,
}

/// One production variant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// The name.
    pub name: String,
    /// Its model; `None` where inference components run on it.
    pub model: Option<String>,
    /// Instances now, by type. A variant that is scaled to zero has pools of 0.
    pub pools: Vec<Pool>,
    /// Instances that it is going to have.
    pub instances_wanted: Option<u32>,
    /// Its share of the traffic, relative to the other weights.
    pub weight: Option<f64>,
    /// Bounds of SageMaker's own scaling, where it is on.
    pub scaling: Option<Bounds>,
    /// Images that run, with their digests where they are known.
    pub images: Vec<String>,
    /// Steps of a deployment in progress: `Creating`, `ActivatingTraffic`, `Baking`, …
    pub steps: Vec<String>,
}

/// Instances of one type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// `ml.g6.12xlarge`; `None` when the configuration could not be read.
    pub instance_type: Option<String>,
    /// How many run.
    pub instances: u32,
}

/// How far something is scaled by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// At least; 0: it scales to zero.
    pub min: u32,
    /// At most.
    pub max: u32,
}

/// One inference component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Component {
    /// The name.
    pub name: String,
    /// The variant that it runs on.
    pub variant: Option<String>,
    /// `InService`, `Creating`, …
    pub status: Option<String>,
    /// Why it failed, in SageMaker's words.
    pub failure: Option<String>,
    /// The component in whose copies an adapter runs; an adapter holds nothing of its own.
    pub base: Option<String>,
    /// Copies now, by instance type.
    pub copies: Vec<Copies>,
    /// Copies that it is going to have.
    pub copies_wanted: Option<u32>,
    /// The model resource or the weights' address.
    pub model: Option<String>,
    /// The image, with its digest where it is known.
    pub image: Option<String>,
    /// When SageMaker changed it last.
    pub modified: Option<Timestamp>,
}

/// Copies on one instance type, and what each of them holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Copies {
    /// The type; `None` where the variant has one.
    pub instance_type: Option<String>,
    /// How many run.
    pub count: u32,
    /// Accelerators of one copy; 0 of one that needs none.
    pub accelerators: f64,
    /// Cores that one copy reserves.
    pub cpu_cores: Option<f64>,
}

/// Data Capture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Capture {
    /// Whether it is on and has not stopped.
    pub is_on: bool,
    /// Percent of the calls.
    pub percent: Option<f64>,
    /// `s3://BUCKET/PREFIX`.
    pub destination: Option<String>,
    /// The key that they are encrypted with: its ARN or its id.
    pub key: Option<String>,
    /// `Input`, `Output`.
    pub modes: Vec<String>,
}

/// What is published to CloudWatch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// Per instance, container and GPU.
    pub is_enhanced: bool,
    /// OpenTelemetry metrics; `None` when SageMaker does not say: it depends on the configuration's age.
    pub is_detailed: Option<bool>,
    /// Seconds between two points.
    pub period_seconds: Option<u32>,
}

impl Inventory {
    /// The targets of an endpoint: its components that are no adapters and its adapters, or the models of its
    /// variants. Of an endpoint out of scope there are none.
    pub fn targets<'a>(&'a self, endpoint: &'a Endpoint) -> impl Iterator<Item = TargetKey> + 'a {
        let is_seen = endpoint.out_of_scope.is_none();
        let components =
            endpoint.components.values().map(|component| self.component_key(endpoint, component));
        let models = endpoint.variants.values().filter_map(|variant| self.variant_key(endpoint, variant));
        components.chain(models).filter(move |_| is_seen)
    }

    /// The key of a component.
    pub fn component_key(&self, endpoint: &Endpoint, component: &Component) -> TargetKey {
        TargetKey::new(TargetNames {
            origin: self.origin.clone(),
            endpoint: endpoint.name.clone(),
            variant: endpoint.variant_of(component).unwrap_or_default().to_owned(),
            component: TargetComponent::InferenceComponent(component.name.clone()),
        })
    }

    /// The key of a variant that serves one model; `None` for one that holds components.
    pub fn variant_key(&self, endpoint: &Endpoint, variant: &Variant) -> Option<TargetKey> {
        Some(TargetKey::new(TargetNames {
            origin: self.origin.clone(),
            endpoint: endpoint.name.clone(),
            variant: variant.name.clone(),
            component: TargetComponent::Model(variant.model.clone()?),
        }))
    }
}

impl Endpoint {
    /// The variant of a component: its own word, its base's, or the only one there is.
    pub fn variant_of<'a>(&'a self, component: &'a Component) -> Option<&'a str> {
        let base = component.base.as_ref().and_then(|base| self.components.get(base));
        let said = component.variant.as_deref().or_else(|| base.and_then(|base| base.variant.as_deref()));
        let only = (self.variants.len() == 1).then(|| self.variants.keys().next()).flatten();
        said.or_else(|| only.map(String::as_str))
    }
}

impl Variant {
    /// Instances that run, of all types.
    pub fn instances(&self) -> u32 {
        self.pools.iter().map(|pool| pool.instances).sum()
    }
}

impl Component {
    /// Copies that run, on all types; `None` when nothing says how many.
    pub fn copies(&self) -> Option<u32> {
        let known = !self.copies.is_empty();
        known.then(|| self.copies.iter().map(|copies| copies.count).sum())
    }

    /// Accelerators that its copies hold.
    pub fn accelerators(&self) -> f64 {
        self.copies.iter().map(|copies| f64::from(copies.count) * copies.accelerators).sum()
    }
}

#[cfg(test)]
pub(crate) mod fixture;
