//! What is seen of SageMaker: account, region, endpoints, and what is missing.

use std::collections::BTreeSet;
use std::sync::Arc;

use bifocal_aws::permission::permission;
use bifocal_aws::{Error, Kind, LogSearch};
use bifocal_infra::cost::{PriceBook, account};
use bifocal_infra::inventory::{Endpoint, Inventory};
use bifocal_model::{Span, Timestamp};
use bifocal_telemetry::{Clock, SystemClock, Telemetry};

use super::{Tried, capture};
use crate::config::SageMakerTarget;
use crate::iam::Scope;
use crate::sagemaker::{Source, connect};

/// Tries every call that watching needs.
pub(super) async fn check(target: &SageMakerTarget) -> Vec<Tried> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let what = format!("SageMaker `{}`", target.pattern);
    let mut source = match connect(target, &clock, &Telemetry::new()).await {
        Ok(source) => source,
        Err(err) => {
            let region = target.region.as_deref().unwrap_or("*");
            return vec![failed(what, &err, "everything", &scope(target, region, "*"))];
        }
    };
    let scope = scope(target, &source.region, &source.identity.account);
    let caller =
        format!("account {}, region {}, as {}", source.identity.account, source.region, source.identity.arn);
    let mut tried = vec![Tried { what: what.clone(), ok: true, detail: caller }];
    match source.look().await {
        Err(err) => tried.push(failed(what.clone(), &err, "what runs, GPUs and costs", &scope)),
        Ok(look) => {
            let inventory = source.inventory();
            tried.extend(inventory.map(|seen| found(seen, &target.book)).unwrap_or_default());
            for problem in look.problems {
                let place = format!("{what}: {}", problem.resource);
                tried.push(failed(place, &problem.error, problem.lost, &scope));
            }
        }
    }
    tried.extend(capture::check(target, &source, &scope, clock.now()).await);
    let measured = source.discover().await;
    tried.push(match measured {
        Err(err) => failed(format!("{what}: CloudWatch"), &err, "what CloudWatch measures", &scope),
        Ok(()) => cloudwatch(&what, &source),
    });
    if let Err(err) = source.measure().await {
        tried.push(failed(format!("{what}: CloudWatch"), &err, "what CloudWatch measures", &scope));
    }
    tried.extend(in_detail(&what, &mut source, &scope).await);
    if target.container_logs {
        tried.push(container_logs(&what, &source, &scope, clock.now()).await);
    }
    tried
}

/// Whether what containers wrote may be read: of each group one event of the last minute is asked for.
async fn container_logs(what: &str, source: &Source, scope: &Scope, now: Timestamp) -> Tried {
    let what = format!("{what}: container logs");
    let groups: BTreeSet<String> = source.log_groups().into_iter().flat_map(|(_, groups)| groups).collect();
    let millis = |time: Timestamp| time.as_nanos() / 1_000_000;
    let (mut there, mut missing) = (0, Vec::new());
    for group in groups {
        let search = LogSearch {
            log_group_name: group.clone(),
            start_time: millis(now - Span::from_mins(1)),
            end_time: millis(now),
            filter_pattern: None,
            limit: 1,
        };
        match source.aws().find_log_events(&search, None).await {
            Ok(_) => there += 1,
            Err(err) if err.kind() == Kind::NotFound => missing.push(group),
            Err(err) => return failed(what, &err, "what containers wrote around an incident", scope),
        }
    }
    let missing = match missing.as_slice() {
        [] => String::new(),
        groups => format!("; not there (nothing was written yet): {}", groups.join(", ")),
    };
    Tried { what, ok: true, detail: format!("{there} log groups may be read{missing}") }
}

/// What PromQL has, where it is asked.
async fn in_detail(what: &str, source: &mut Source, scope: &Scope) -> Option<Tried> {
    let asked = source.measure_in_detail().await;
    let (warnings, names) = source.in_detail()?;
    let what = format!("{what}: PromQL");
    Some(match asked {
        Err(err) => failed(what, &err, "what the collector on the instances measures", scope),
        Ok(_) if !warnings.is_empty() => Tried { what, ok: false, detail: warnings.join("; ") },
        Ok(_) if names == 0 => {
            let detail =
                "no metric that is known: is detailed observability on in the endpoint's configuration?";
            Tried { what, ok: false, detail: detail.to_owned() }
        }
        Ok(readings) => {
            let detail = format!("{names} metrics that are known, {} readings now", readings.len());
            Tried { what, ok: true, detail }
        }
    })
}

/// A line for each endpoint.
fn found(inventory: &Inventory, book: &PriceBook) -> Vec<Tried> {
    if inventory.endpoints.is_empty() {
        let detail = "no endpoint of this name; look at the name, the region and the account".to_owned();
        return vec![Tried { what: "endpoints".to_owned(), ok: false, detail }];
    }
    let line = |endpoint: &Endpoint| Tried {
        what: format!("endpoint {}", endpoint.name),
        ok: true,
        detail: describe(inventory, endpoint, book),
    };
    inventory.endpoints.values().map(line).collect()
}

fn describe(inventory: &Inventory, endpoint: &Endpoint, book: &PriceBook) -> String {
    let status = endpoint.status.as_deref().unwrap_or("status unknown");
    let Some(accounting) = account(inventory, endpoint, book) else {
        return format!("{status}; out of scope ({:?}): nothing is computed for it", endpoint.out_of_scope);
    };
    let instances: u32 = endpoint.variants.values().map(bifocal_infra::inventory::Variant::instances).sum();
    let copies = endpoint.components.values().map(|component| match component.copies() {
        Some(copies) => format!("{} x {copies}", component.name),
        None => format!("{} x unknown", component.name),
    });
    let components: Vec<String> = copies.collect();
    let gpus = match (accounting.gpus_used, accounting.gpus_free) {
        (Some(used), Some(free)) => format!("{used} GPUs used, {free} free"),
        (Some(used), None) => format!("{used} GPUs used; how many are free is unknown"),
        (None, _) => "GPUs used unknown".to_owned(),
    };
    let cost = match accounting.fleet.usd {
        Some(usd) => format!("${usd:.2} an hour"),
        None => "cost unknown".to_owned(),
    };
    format!("{status}; {instances} instances; components: {}; {gpus}; {cost}", components.join(", "))
}

fn cloudwatch(what: &str, source: &Source) -> Tried {
    let (series, plan) = source.plan();
    let detail = format!(
        "{series} series every {:.0} s: {:.0} calls and {:.0} billed series, ${:.2} a month{}",
        plan.every.as_secs_f64(),
        plan.calls_per_month,
        plan.series_per_month,
        plan.usd_per_month,
        if plan.is_capped { " (rarer, to keep cloudwatch_usd_per_month)" } else { "" },
    );
    Tried { what: format!("{what}: CloudWatch"), ok: plan.is_within_cap, detail }
}

/// What watching the target needs, for the resources of calls that are refused.
fn scope(target: &SageMakerTarget, region: &str, account: &str) -> Scope {
    Scope {
        role: target.role_arn.clone(),
        queues: target.queue.iter().map(|queue| queue.arn(region)).collect(),
        ..Scope::reading(region, account, vec![target.pattern.clone()])
    }
}

/// A call that failed, with what is lost. Of one that the policy refuses also on what it is to be allowed.
pub(super) fn failed(what: String, err: &Error, lost: &str, scope: &Scope) -> Tried {
    let refused = err.action().filter(|_| err.kind() == Kind::AccessDenied).and_then(permission);
    let detail = match (refused, err.action()) {
        (Some(permission), Some(action)) => {
            let resources = scope.resources(permission.resource).join(", ");
            format!("failed to {err}; lost: {}; allow {action} on {resources}", permission.without)
        }
        _ => format!("failed to {err}; lost: {lost}; {}", err.advice()),
    };
    Tried { what, ok: false, detail }
}
