//! SageMaker as a source: what runs, what it costs and what CloudWatch measures, as readings and events.
//!
//! Life of the data: [`connect`] finds out who calls, [`Source::look`] asks the control plane what runs and makes of it
//! readings of copies, GPUs and costs and events of what changed, [`Source::measure`] reads CloudWatch when the plan
//! says so, and [`Source::captures`] says where the answers lie. They fail apart: a CloudWatch that is forbidden takes no
//! GPU count away.

use std::sync::Arc;

use bifocal_aws::{Aws, Endpoints, Error, Identity, Options, Role};
use bifocal_capture::data_capture::{Attribution, BucketOptions, Sight, Tally};
use bifocal_infra::GPU_SERIES;
use bifocal_infra::cloudwatch::{Budget, Calls, Detail, Plan, Poll, Watched};
use bifocal_infra::cost::{PriceBook, readings};
use bifocal_infra::inventory::{Endpoint, Inventory, diff};
use bifocal_infra::promql::{Endpoints as Watching, PromPoll};
use bifocal_infra::survey::{Problem, Survey};
use bifocal_model::{Event, Reading, ReadingSubject, Span, TargetKey};
use bifocal_telemetry::{Clock, Telemetry};
use bifocal_wire::Fields;

use crate::config::SageMakerTarget;

/// Endpoints of one account and region.
#[derive(Debug)]
pub struct Source {
    /// Who calls.
    pub identity: Identity,
    /// The region that is called.
    pub region: String,
    aws: Aws,
    survey: Survey,
    poll: Poll,
    /// What the collector on the instances measures, where that is asked for.
    detailed: Option<PromPoll>,
    book: PriceBook,
    inventory: Option<Inventory>,
    clock: Arc<dyn Clock>,
}

/// What a look at the control plane gave.
#[derive(Debug)]
pub struct Look {
    /// Copies, GPUs, costs.
    pub readings: Vec<Reading>,
    /// What changed since the last look.
    pub events: Vec<Event>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// Finds credentials and asks who they are.
pub async fn connect(
    target: &SageMakerTarget,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> Result<Source, Error> {
    let mut aws = client(target, clock, telemetry).await?;
    if let Some(arn) = &target.role_arn {
        aws = aws.assuming(Role { arn: arn.clone(), external_id: target.external_id.clone() });
    }
    let identity = aws.caller_identity().await?;
    let budget = Budget {
        every: Span::from_secs_f64(target.cloudwatch_every_seconds),
        usd_per_month: Some(target.cloudwatch_usd_per_month),
        ..Budget::default()
    };
    let detail = if target.per_gpu { Detail::Gpu { series_max: GPU_SERIES } } else { Detail::Target };
    Ok(Source {
        region: aws.region().to_owned(),
        survey: Survey::new(aws.clone(), &identity.account, &target.pattern),
        detailed: target.detailed_observability.then(|| {
            let origin = format!("sagemaker/{}/{}", identity.account, aws.region());
            PromPoll::new(aws.clone(), &origin, Arc::clone(clock), telemetry.clone())
        }),
        poll: Poll::new(aws.clone(), budget, detail, Arc::clone(clock), telemetry.clone()),
        aws,
        identity,
        book: target.book.clone(),
        inventory: None,
        clock: Arc::clone(clock),
    })
}

/// With the keys that the target has, or those that are found in the usual places.
async fn client(
    target: &SageMakerTarget,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> Result<Aws, Error> {
    let given = (&target.credentials, &target.region, &target.aws_endpoint);
    if let (Some(keys), Some(region), Some(address)) = given {
        let endpoints = Endpoints::at(address)?;
        return Aws::with_credentials(region, keys.clone(), endpoints, Arc::clone(clock), telemetry.clone());
    }
    let options =
        Options { region: target.region.clone(), profile: None, endpoint: target.aws_endpoint.clone() };
    Aws::connect(&options, Arc::clone(clock), telemetry.clone()).await
}

impl Source {
    /// How long to wait until the next look.
    pub fn every(&self) -> Span {
        self.survey.every()
    }

    /// What runs, as it was seen last.
    pub fn inventory(&self) -> Option<&Inventory> {
        self.inventory.as_ref()
    }

    /// With what it calls.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// Where the captured answers of each endpoint lie, as it was seen last.
    /// `fields`: those of requests that hold context.
    pub fn captures(&self, fields: &Fields) -> Vec<BucketOptions> {
        let Some(inventory) = &self.inventory else { return Vec::new() };
        let found = inventory.endpoints.values().filter_map(|endpoint| captured(inventory, endpoint));
        found.map(|options| BucketOptions { fields: fields.clone(), ..options }).collect()
    }

    /// The log groups of each target's containers, in the order in which they are to be tried.
    pub fn log_groups(&self) -> Vec<(TargetKey, Vec<String>)> {
        let Some(inventory) = &self.inventory else { return Vec::new() };
        let in_scope = inventory.endpoints.values().filter(|endpoint| endpoint.out_of_scope.is_none());
        let of_endpoint =
            |endpoint| inventory.targets(endpoint).map(move |target| log_groups(endpoint, target));
        in_scope.flat_map(of_endpoint).collect()
    }

    /// What is asked of CloudWatch: how many series, how often, for how much.
    pub fn plan(&self) -> (usize, Plan) {
        (self.poll.series().len(), self.poll.plan())
    }

    /// Asks what runs.
    pub async fn look(&mut self) -> Result<Look, Error> {
        let found = self.survey.look(self.clock.now()).await?;
        let readings = readings(&found.inventory, &self.book, bifocal_model::Source::SageMaker);
        let events = self.inventory.as_ref().map(|old| diff(old, &found.inventory)).unwrap_or_default();
        self.inventory = Some(found.inventory);
        Ok(Look { readings, events, problems: found.problems })
    }

    /// Looks which metrics there are, when that is due or `now` is asked.
    pub async fn discover(&mut self) -> Result<(), Error> {
        let watched = self.watched();
        self.poll.discover(&watched).await
    }

    /// What CloudWatch measured since the last time, when it is time to ask.
    pub async fn measure(&mut self) -> Result<Vec<Reading>, Error> {
        if self.poll.is_discovery_due() {
            self.discover().await?;
        }
        if self.poll.is_due() { self.poll.poll().await } else { Ok(Vec::new()) }
    }

    /// What the collector on the instances measured, when it is time to ask. Where CloudWatch has the same number of a
    /// target, that one counts: two sources of one number are never mixed.
    pub async fn measure_in_detail(&mut self) -> Result<Vec<Reading>, Error> {
        let endpoints = self.endpoints();
        let Some(detailed) = self.detailed.as_mut().filter(|detailed| detailed.is_due()) else {
            return Ok(Vec::new());
        };
        let mut readings = detailed.poll(&endpoints).await?;
        let series = self.poll.series();
        let has = |reading: &Reading| {
            series.iter().any(|series| {
                let same =
                    matches!(&reading.subject, ReadingSubject::Target(target) if *target == series.target);
                same && series.signal == reading.signal
            })
        };
        readings.retain(|reading| !has(reading));
        Ok(readings)
    }

    /// What the service said of its answers in detail, and how many names were asked for.
    pub fn in_detail(&self) -> Option<(Vec<String>, usize)> {
        let detailed = self.detailed.as_ref()?;
        Some((detailed.warnings().iter().cloned().collect(), detailed.names().len()))
    }

    fn endpoints(&self) -> Watching {
        let Some(inventory) = &self.inventory else { return Watching::new() };
        let in_scope = inventory.endpoints.values().filter(|endpoint| endpoint.out_of_scope.is_none());
        in_scope.map(|endpoint| (endpoint.name.clone(), inventory.targets(endpoint).collect())).collect()
    }

    fn watched(&self) -> Vec<Watched> {
        let Some(inventory) = &self.inventory else { return Vec::new() };
        let of_endpoint = |endpoint| {
            inventory.targets(endpoint).map(move |target: TargetKey| {
                let pools = endpoint.variants.get(&target.variant).map(|variant| variant.pools.as_slice());
                let types = pools.unwrap_or_default().iter().map(|pool| pool.instance_type.as_deref());
                let mut gpus = types.map(|kind| self.book.accelerators(kind?));
                let first = gpus.next().flatten();
                // A sum over GPUs of instances of several sizes cannot be made a share.
                let gpus_per_instance =
                    first.filter(|first| gpus.all(|other| other == Some(*first))).map(f64::from);
                Watched { target, gpus_per_instance }
            })
        };
        inventory.endpoints.values().flat_map(of_endpoint).collect()
    }
}

/// Where the captured answers of an endpoint lie, and whose they are; `None` where none are captured.
pub fn captured(inventory: &Inventory, endpoint: &Endpoint) -> Option<BucketOptions> {
    if endpoint.out_of_scope.is_some() || !endpoint.capture.is_on {
        return None;
    }
    let named = |name: &String| (name.clone(), name.clone());
    let of_model = endpoint.components.values().filter_map(|component| {
        let model = component.model.as_ref()?;
        let is_only =
            endpoint.components.values().filter(|other| other.model.as_ref() == Some(model)).count() == 1;
        is_only.then(|| (model.clone(), component.name.clone()))
    });
    let attribution = Attribution {
        components: endpoint.components.keys().cloned().collect(),
        models: endpoint.components.keys().map(named).chain(of_model).collect(),
        variants: endpoint
            .variants
            .values()
            .filter_map(|variant| Some((variant.name.clone(), variant.model.clone()?)))
            .collect(),
    };
    BucketOptions::at(
        &inventory.origin,
        &endpoint.name,
        endpoint.variants.keys().cloned().collect(),
        endpoint.capture.destination.as_deref()?,
        endpoint.capture.percent,
        attribution,
    )
}

/// A component writes into the group of its name, an adapter into its base's; a model of a variant, and what SageMaker
/// itself says, into the endpoint's.
fn log_groups(endpoint: &Endpoint, target: TargetKey) -> (TargetKey, Vec<String>) {
    let component = target.inference_component();
    let base = endpoint.components.get(component).and_then(|component| component.base.as_deref());
    let of_component = Some(base.unwrap_or(component)).filter(|name| !name.is_empty());
    let of_component = of_component.map(|name| format!("/aws/sagemaker/InferenceComponents/{name}"));
    let of_endpoint = format!("/aws/sagemaker/Endpoints/{}", endpoint.name);
    let groups = of_component.into_iter().chain(std::iter::once(of_endpoint)).collect();
    (target, groups)
}

/// What was captured of an hour beside the calls that CloudWatch counted. Where nothing tells how many streams there were
/// and the configuration says that there are none, there were none.
pub fn sight(target: &SageMakerTarget, options: &BucketOptions, tally: &Tally, counted: Calls) -> Sight {
    Sight {
        calls: counted.all,
        streams: counted.streams.or_else(|| (!target.streams).then_some(0)),
        attributed: tally.attributed(),
        unattributed: tally.unattributed(),
        probability: options.capture_probability.get(),
    }
}
