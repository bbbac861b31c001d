//! Whether what is to be written to CloudWatch may be.

use std::sync::Arc;

use bifocal_aws::{Aws, Options};
use bifocal_publish::cloudwatch::WriteBackConfig;
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use super::Tried;
use super::sagemaker::failed;
use crate::iam::Scope;

/// A line for each namespace, and one for the connection where there is none. Nothing is written.
pub(super) async fn check(config: &WriteBackConfig) -> Vec<Tried> {
    let options = Options { region: config.region.clone(), ..Options::default() };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let what = "[cloudwatch]";
    let region = config.region.as_deref().unwrap_or("*");
    let scope = Scope::reading(region, "*", Vec::new());
    let lost = "quality metrics in CloudWatch";
    let aws = match Aws::connect(&options, clock, Telemetry::new()).await {
        Ok(aws) => aws,
        Err(err) => return vec![failed(what.to_owned(), &err, lost, &scope)],
    };
    let mut tried = Vec::new();
    for namespace in std::iter::once(&config.namespace).chain(&config.second_namespace) {
        // What differs by target is filled in with a name that no target has.
        let pattern = namespace.pattern();
        let what = format!("{what} namespace {pattern}");
        tried.push(match aws.may_put_metric_data(&pattern.replace('*', "bifocal-check")).await {
            Ok(()) => Tried { what, ok: true, detail: "may be written (nothing was)".to_owned() },
            Err(err) => failed(what, &err, lost, &scope),
        });
    }
    tried
}
