//! The demo's account of SageMaker: its control plane and CloudWatch, its runtime, and the pages of its containers.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use bifocal_aws::Credentials;
use bifocal_model::Reading;
use bifocal_sim::sagemaker::control::{ControlServer, Policy};
use bifocal_sim::sagemaker::runtime::{
    Access, Family, Objects, RuntimeComponent, RuntimeEndpoint, RuntimeOptions, RuntimeServer,
};
use bifocal_sim::sagemaker::{LiveFleet, Scenario};
use bifocal_sim::serve::{IncidentSwitch, UpstreamServer};
use bifocal_sim::{ENDPOINT, Fleet};
use bifocal_telemetry::{Clock, TaskGroup, Telemetry};

use super::FREE_PORT;
use crate::config::{Resolved, TargetSection};
use crate::sagemaker::connect;

/// The origin of its targets: account and region of the scenario.
pub(super) const ORIGIN: &str = "sagemaker/123456789012/us-east-1";
const REGION: &str = "us-east-1";
const VARIANT: &str = "AllTraffic";

/// Where the account's surfaces listen.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// Control plane, CloudWatch and identity.
    pub control: SocketAddr,
    /// Invocations.
    pub runtime: SocketAddr,
    /// The containers' own metrics.
    pub containers: SocketAddr,
}

impl Addresses {
    /// The endpoint as a target of SageMaker.
    pub(super) fn target(&self) -> TargetSection {
        TargetSection {
            region: Some(REGION.to_owned()),
            aws_endpoint: Some(format!("http://{}", self.control)),
            ..TargetSection::of_sagemaker(ENDPOINT)
        }
    }
}

/// Keys that the simulated account lets in, as it does all others.
pub(super) fn keys() -> Credentials {
    Credentials::new("AKIDSIMULATED", "simulated", None)
}

/// The servers of the account, listening.
pub(super) struct Account {
    control: ControlServer,
    runtime: RuntimeServer,
    containers: UpstreamServer,
}

impl Account {
    pub(super) async fn bind(
        fleet: &Fleet,
        switch: &IncidentSwitch,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let scenario = Scenario::of_demo().context("read the demo's scenario")?;
        let live = Arc::new(LiveFleet::new(fleet.clone(), switch.clone()));
        let control =
            ControlServer::bind(FREE_PORT, scenario, Policy::open(), Access::default(), Arc::clone(clock))
                .await?;
        let component = |component: &bifocal_sim::Component| RuntimeComponent {
            name: Some(component.name.to_owned()),
            model: component.name.to_owned(),
            family: Family::OpenAi,
            breaks_after: None,
        };
        let endpoint = RuntimeEndpoint {
            name: ENDPOINT.to_owned(),
            variant: VARIANT.to_owned(),
            components: Fleet::components().iter().map(component).collect(),
            // The proxy sees every answer; files of the same calls would only be joined to them.
            capture: None,
        };
        let script = Arc::new(fleet.clone());
        let runtime = RuntimeServer::bind(
            FREE_PORT,
            RuntimeOptions {
                endpoints: vec![endpoint],
                access: Access::default(),
                objects: Objects::default(),
                script: script.clone(),
                switch: switch.clone(),
                clock: Arc::clone(clock),
            },
        )
        .await?;
        let containers = UpstreamServer::bind(FREE_PORT, script, switch.clone(), Arc::clone(clock)).await?;
        Ok(Self { control: control.with_live(live), runtime, containers })
    }

    pub(super) fn addresses(&self) -> Addresses {
        Addresses {
            control: self.control.address(),
            runtime: self.runtime.address(),
            containers: self.containers.address(),
        }
    }

    pub(super) fn run(self, tasks: &TaskGroup) {
        tasks.spawn("simulated SageMaker", self.control.run(tasks.drain()));
        tasks.spawn("simulated runtime", self.runtime.run(tasks.drain()));
        tasks.spawn("simulated containers", self.containers.run(tasks.drain()));
    }
}

/// What the control plane tells now: copies, GPUs and costs of the endpoint.
pub(super) async fn standing(
    config: &Resolved,
    clock: &Arc<dyn Clock>,
    telemetry: &Telemetry,
) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::new();
    for target in &config.sagemaker {
        let failed =
            |err: bifocal_aws::Error| anyhow::anyhow!("ask the simulated SageMaker: failed to {err}");
        let mut source = connect(target, clock, telemetry).await.map_err(failed)?;
        readings.extend(source.look().await.map_err(failed)?.readings);
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use bifocal_telemetry::SystemClock;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_demo_s_account_has_the_gpus_and_costs_of_its_scenario() {
        let truth = Scenario::of_demo().unwrap().phases.remove(0).truth;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let fleet = Fleet::new(7);
        let account = Account::bind(&fleet, &IncidentSwitch::new(Arc::clone(&clock)), &clock).await.unwrap();
        let target = account.addresses().target();
        let tasks = TaskGroup::new();
        account.run(&tasks);
        let mut config =
            Resolved::of(crate::config::ConfigFile { target: vec![target], ..Default::default() }).unwrap();
        config.sagemaker[0].credentials = Some(keys());
        let readings = standing(&config, &clock, &Telemetry::new()).await.unwrap();
        let of = |signal: &str| -> Vec<(String, f64)> {
            let of = readings.iter().filter(|reading| reading.signal == signal);
            of.map(|reading| (format!("{:?}", reading.subject), reading.value)).collect()
        };
        for (name, usd) in &truth.usd_per_hour {
            let cost = of("cost_usd_per_hour");
            let found = cost.iter().find(|(subject, _)| subject.contains(name.as_str())).unwrap();
            assert!((found.1 - usd).abs() < 1e-9 && found.0.contains(ORIGIN), "{found:?}");
        }
        let used: f64 = of("gpus_used").iter().map(|(_, gpus)| gpus).sum();
        assert_eq!(used, truth.gpus_used);
        let free: Vec<f64> = of("gpus_free").iter().map(|(_, free)| *free).collect();
        assert_eq!(free, [truth.gpus_free], "one reading, of the one endpoint");
        tasks.stop_and_join().await;
    }
}
