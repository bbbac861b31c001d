//! What happened between two inventories.

use std::collections::BTreeSet;

use bifocal_model::{Event, EventKind, TargetKey, Timestamp, fnv1a};

use super::{Component, Endpoint, Inventory, Variant};

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// It was not there.
    Created,
    /// It is no longer there.
    Deleted,
    /// Copies or instances.
    Scaled,
    /// Image, model, configuration's name, or a deployment began, ended or failed.
    Deployed,
    /// Capture, metrics, bounds of scaling, weights.
    Configured,
}

impl Changed {
    const fn kind(self) -> EventKind {
        match self {
            Self::Created | Self::Deleted | Self::Deployed => EventKind::Deployment,
            Self::Scaled => EventKind::Scaling,
            Self::Configured => EventKind::Configuration,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Deleted => "deleted",
            Self::Scaled => "scaled",
            Self::Deployed => "deployed",
            Self::Configured => "configured",
        }
    }
}

/// The events between two inventories of one origin, in the order of their names. The same pair always gives the same
/// events with the same ids. A first inventory is compared with nothing: hand it over as `old` only when there was one.
pub fn diff(old: &Inventory, new: &Inventory) -> Vec<Event> {
    let mut found = Found { old, new, events: Vec::new() };
    let names: BTreeSet<&String> = old.endpoints.keys().chain(new.endpoints.keys()).collect();
    for name in names {
        match (old.endpoints.get(name), new.endpoints.get(name)) {
            (None, Some(now)) => {
                found.of_endpoint(new, now, now.modified, Changed::Created, "endpoint was created".into());
            }
            (Some(was), None) => {
                found.of_endpoint(old, was, None, Changed::Deleted, "endpoint was deleted".into());
            }
            (Some(was), Some(now)) => found.endpoint(was, now),
            (None, None) => {}
        }
    }
    found.events
}

struct Found<'a> {
    old: &'a Inventory,
    new: &'a Inventory,
    events: Vec<Event>,
}

impl Found<'_> {
    fn endpoint(&mut self, was: &Endpoint, now: &Endpoint) {
        if was.out_of_scope.is_some() && now.out_of_scope.is_some() {
            return;
        }
        for (changed, summary) in endpoint_changes(was, now) {
            self.of_endpoint(self.new, now, now.modified, changed, summary);
        }
        let names: BTreeSet<&String> = was.variants.keys().chain(now.variants.keys()).collect();
        for name in names {
            match (was.variants.get(name), now.variants.get(name)) {
                (Some(before), Some(after)) => {
                    for (changed, summary) in variant_changes(before, after) {
                        self.of_variant(now, name, changed, &summary);
                    }
                }
                (None, Some(_)) => self.of_variant(now, name, Changed::Created, "was created"),
                (Some(_), None) => {
                    let summary = format!("variant `{name}` was deleted");
                    self.of_endpoint(self.new, now, now.modified, Changed::Deleted, summary);
                }
                (None, None) => {}
            }
        }
        let names: BTreeSet<&String> = was.components.keys().chain(now.components.keys()).collect();
        for name in names {
            match (was.components.get(name), now.components.get(name)) {
                (Some(before), Some(after)) => {
                    for (changed, summary) in component_changes(before, after) {
                        let key = self.new.component_key(now, after);
                        self.add(changed, key, after.modified, format!("`{name}` {summary}"));
                    }
                }
                (None, Some(after)) => {
                    let key = self.new.component_key(now, after);
                    let what = after.base.as_ref().map(|base| format!(" as an adapter of `{base}`"));
                    let summary = format!("`{name}` was created{}", what.unwrap_or_default());
                    self.add(Changed::Created, key, after.modified, summary);
                }
                (Some(before), None) => {
                    let key = self.old.component_key(was, before);
                    self.add(Changed::Deleted, key, None, format!("`{name}` was deleted"));
                }
                (None, None) => {}
            }
        }
    }

    /// Something of a variant happens to all that runs on it.
    fn of_variant(&mut self, endpoint: &Endpoint, variant: &str, changed: Changed, summary: &str) {
        let summary = format!("variant `{variant}` {summary}");
        let keys: Vec<TargetKey> = self.new.targets(endpoint).filter(|key| key.variant == variant).collect();
        for key in keys {
            self.add(changed, key, endpoint.modified, summary.clone());
        }
    }

    /// Something of an endpoint happens to all its targets.
    fn of_endpoint(
        &mut self,
        inventory: &Inventory,
        endpoint: &Endpoint,
        modified: Option<Timestamp>,
        changed: Changed,
        summary: String,
    ) {
        let keys: Vec<TargetKey> = inventory.targets(endpoint).collect();
        for key in keys {
            self.add(changed, key, modified, format!("`{}`: {summary}", endpoint.name));
        }
    }

    /// It happened when SageMaker says it did, if that lies between the two looks; else by the second one.
    fn add(&mut self, changed: Changed, target: TargetKey, modified: Option<Timestamp>, summary: String) {
        let between = modified.filter(|time| *time > self.old.time && *time <= self.new.time);
        let time = between.unwrap_or(self.new.time);
        let words = format!("{target:?}\n{summary}\n{}", time.as_nanos());
        let id = format!("sagemaker-{}-{:016x}", changed.name(), fnv1a(words.bytes()));
        self.events.push(Event { time, kind: changed.kind(), target: Some(target), id, summary });
    }
}

fn endpoint_changes(was: &Endpoint, now: &Endpoint) -> Vec<(Changed, String)> {
    let mut changes = Vec::new();
    if was.config != now.config {
        let (before, after) = (named(was.config.as_deref()), named(now.config.as_deref()));
        changes.push((Changed::Deployed, format!("configuration {before} to {after}")));
    }
    match (was.is_deploying, now.is_deploying) {
        (false, true) => changes.push((Changed::Deployed, "a deployment began".to_owned())),
        (true, false) => {
            let status = now.status.as_deref().unwrap_or("unknown");
            changes.push((Changed::Deployed, format!("the deployment ended, status {status}")));
        }
        _ if was.status != now.status => {
            let (before, after) = (named(was.status.as_deref()), named(now.status.as_deref()));
            changes.push((Changed::Deployed, format!("status {before} to {after}")));
        }
        _ => {}
    }
    if was.capture != now.capture {
        let word = |endpoint: &Endpoint| match (endpoint.capture.is_on, endpoint.capture.percent) {
            (false, _) => "off".to_owned(),
            (true, Some(percent)) => format!("{percent}% of calls"),
            (true, None) => "on".to_owned(),
        };
        let (before, after) = (word(was), word(now));
        let summary = if before == after {
            "data capture goes elsewhere or keeps something else".to_owned()
        } else {
            format!("data capture {before} to {after}")
        };
        changes.push((Changed::Configured, summary));
    }
    if was.metrics != now.metrics {
        changes.push((Changed::Configured, "other metrics are published".to_owned()));
    }
    changes
}

fn variant_changes(was: &Variant, now: &Variant) -> Vec<(Changed, String)> {
    let mut changes = Vec::new();
    if was.pools != now.pools {
        changes.push((Changed::Scaled, format!("{} to {}", pools(was), pools(now))));
    } else if was.instances_wanted != now.instances_wanted {
        let wanted = now.instances_wanted.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
        changes.push((Changed::Scaled, format!("is going to have {wanted} instances")));
    }
    if was.model != now.model || was.images != now.images {
        let (before, after) = (named(was.model.as_deref()), named(now.model.as_deref()));
        let what = if was.model == now.model {
            "has another image".to_owned()
        } else {
            format!("model {before} to {after}")
        };
        changes.push((Changed::Deployed, what));
    }
    if was.scaling != now.scaling {
        let word = |variant: &Variant| match variant.scaling {
            None => "by hand".to_owned(),
            Some(bounds) => format!("{} to {} instances", bounds.min, bounds.max),
        };
        changes.push((Changed::Configured, format!("is scaled {}, was {}", word(now), word(was))));
    }
    if was.weight != now.weight {
        let word = |weight: Option<f64>| weight.map_or_else(|| "unknown".to_owned(), |w| w.to_string());
        changes.push((Changed::Configured, format!("weight {} to {}", word(was.weight), word(now.weight))));
    }
    changes
}

fn component_changes(was: &Component, now: &Component) -> Vec<(Changed, String)> {
    let mut changes = Vec::new();
    // What is not known has not changed.
    if let (Some(before), Some(after)) = (was.copies(), now.copies()) {
        if before != after {
            changes.push((Changed::Scaled, format!("{before} to {after} copies")));
        } else if was.copies_wanted != now.copies_wanted {
            let wanted = now.copies_wanted.map_or_else(|| "unknown".to_owned(), |n| n.to_string());
            changes.push((Changed::Scaled, format!("is going to have {wanted} copies")));
        } else if places(was) != places(now) {
            changes.push((Changed::Scaled, "copies moved to other instance types".to_owned()));
        }
        if needs(was) != needs(now) {
            changes.push((Changed::Configured, "a copy reserves something else".to_owned()));
        }
    }
    if was.image != now.image || was.model != now.model || was.base != now.base {
        let what = if was.image == now.image { "another model" } else { "another image" };
        changes.push((Changed::Deployed, format!("runs {what}")));
    }
    if was.status != now.status {
        let (before, after) = (named(was.status.as_deref()), named(now.status.as_deref()));
        changes.push((Changed::Deployed, format!("status {before} to {after}")));
    }
    changes
}

fn named(name: Option<&str>) -> String {
    name.map_or_else(|| "unknown".to_owned(), |name| format!("`{name}`"))
}

fn pools(variant: &Variant) -> String {
    let each = variant.pools.iter().map(|pool| {
        format!("{} {}", pool.instances, pool.instance_type.as_deref().unwrap_or("instances of unknown type"))
    });
    let all: Vec<String> = each.collect();
    if all.is_empty() { "no instances".to_owned() } else { all.join(" and ") }
}

fn places(component: &Component) -> Vec<(Option<&str>, u32)> {
    component.copies.iter().map(|copies| (copies.instance_type.as_deref(), copies.count)).collect()
}

/// What a copy reserves, by type; types without copies do not matter.
fn needs(component: &Component) -> Vec<(Option<&str>, u64, u64)> {
    let bits = |x: Option<f64>| x.unwrap_or(-1.0).to_bits();
    let each = component.copies.iter();
    each.map(|c| (c.instance_type.as_deref(), c.accelerators.to_bits(), bits(c.cpu_cores))).collect()
}

#[cfg(test)]
mod tests;
