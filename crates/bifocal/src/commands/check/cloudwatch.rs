//! Whether what is to be written to CloudWatch may be.

use std::sync::Arc;

use bifocal_aws::{Aws, Error, Kind, Options};
use bifocal_publish::cloudwatch::WriteBackConfig;
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use super::Tried;
use super::sagemaker::failed;
use crate::iam::Scope;
use crate::outbound::log_stream;

/// A line for each namespace, and one for the connection where there is none. Nothing is written.
pub(super) async fn check(config: &WriteBackConfig) -> Vec<Tried> {
    let options = Options { region: config.region.clone(), ..Options::default() };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let what = "[cloudwatch]";
    let region = config.region.as_deref().unwrap_or("*");
    let groups = vec![config.log_group.pattern()];
    let scope = Scope { log_groups: groups, ..Scope::reading(region, "*", Vec::new()) };
    let lost = "quality metrics in CloudWatch";
    let aws = match Aws::connect(&options, clock, Telemetry::new()).await {
        Ok(aws) => aws,
        Err(err) => return vec![failed(what.to_owned(), &err, lost, &scope)],
    };
    let mut tried = Vec::new();
    let namespaces = std::iter::once(&config.namespace).chain(&config.second_namespace);
    for namespace in namespaces.filter(|_| config.write && !config.emf) {
        // What differs by target is filled in with a name that no target has.
        let pattern = namespace.pattern();
        let what = format!("{what} namespace {pattern}");
        tried.push(match aws.may_put_metric_data(&pattern.replace('*', "bifocal-check")).await {
            Ok(()) => Tried { what, ok: true, detail: "may be written (nothing was)".to_owned() },
            Err(err) => failed(what, &err, lost, &scope),
        });
    }
    if config.writes_logs() {
        tried.extend(logs(&aws, config, &scope).await);
    }
    tried
}

/// Makes the log group of a component that there is not, says how long it keeps its events, makes a stream in it, and
/// puts nothing there.
async fn logs(aws: &Aws, config: &WriteBackConfig, scope: &Scope) -> Vec<Tried> {
    let group = config.log_group_of("bifocal-check", "bifocal-check");
    let what = || format!("[cloudwatch] log group {}", config.log_group.pattern());
    let lost = "judged answers in CloudWatch Logs";
    let mut tried = Vec::new();
    let mut attempt = |done: Result<(), Error>| match done {
        Ok(()) => {}
        // Without a group there is nothing to keep or to make a stream in: what made no group is told.
        Err(err) if err.kind() == Kind::NotFound => {}
        Err(err) => tried.push(failed(what(), &err, lost, scope)),
    };
    attempt(aws.create_log_group(&group).await.map(drop));
    if config.log_retention_days > 0 {
        attempt(aws.keep_log_events(&group, config.log_retention_days).await);
    }
    let stream = log_stream(0);
    attempt(aws.create_log_stream(&group, &stream).await.map(drop));
    attempt(aws.may_put_log_events(&group, &stream).await);
    if tried.is_empty() {
        let detail = format!("may be written (nothing was; the empty group {group} was made to see it)");
        tried.push(Tried { what: what(), ok: true, detail });
    }
    tried
}
