//! Who holds an endpoint's accelerators, and what of its cost is whose.
//!
//! An instance's price is split by its accelerators: a component pays for those that its copies hold, wherever they
//! run; the rest is idle. A component that holds none, on instances that have some, pays nothing: it takes no
//! accelerator from anyone. On instances without accelerators the price is split by cores. A variant that serves one
//! model without components is that model's as a whole. Adapters hold nothing: their base pays.
//!
//! Invariant: for each endpoint, allocated + idle = cost of the fleet. While SageMaker moves copies, more can be said to
//! be held than there is; then all shares of that type are cut alike, and the figures say so.

use std::collections::BTreeMap;

use bifocal_model::TargetKey;
use serde::Serialize;

use super::figure::{Basis, Figure};
use super::price_book::PriceBook;
use crate::inventory::{Component, Copies, Endpoint, Inventory, Pool, Variant};

/// What one endpoint holds and costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Accounting {
    /// Accelerators of all instances; `None` when a type is unknown.
    pub gpus: Option<f64>,
    /// Those that copies hold; `None` when it is unknown how many copies there are.
    pub gpus_used: Option<f64>,
    /// Those that nobody holds; `None` when a type or a number of copies is unknown.
    pub gpus_free: Option<f64>,
    /// All instances, an hour.
    pub fleet: Figure,
    /// What nobody holds, an hour.
    pub idle: Figure,
    /// Whose the rest is.
    pub shares: Vec<Share>,
}

/// What one target holds and costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// Whose.
    pub target: TargetKey,
    /// The target that pays, for an adapter.
    pub paid_by: Option<TargetKey>,
    /// Copies that run; `None` for a variant without components, and when it is unknown.
    pub copies: Option<u32>,
    /// Accelerators that it holds; `None` when it is unknown.
    pub gpus: Option<f64>,
    /// An hour, by what it holds.
    pub allocated: Figure,
}

impl Share {
    /// What of the allocation was in use: by the mean share of time that its accelerators were busy.
    pub fn in_use(&self, utilization: Option<f64>) -> Figure {
        match utilization {
            Some(share) if (0.0..=1.0).contains(&share) => self.allocated.clone().times(share, Basis::Use),
            _ => Figure::unknown(Basis::Use, "how busy its accelerators were"),
        }
    }
}

/// The accounts of an endpoint. An endpoint out of scope has none.
pub fn account(inventory: &Inventory, endpoint: &Endpoint, book: &PriceBook) -> Option<Accounting> {
    if endpoint.out_of_scope.is_some() {
        return None;
    }
    let region = inventory.origin.rsplit('/').next().unwrap_or_default();
    let mut accounting = Accounting {
        gpus: Some(0.0),
        gpus_used: Some(0.0),
        gpus_free: Some(0.0),
        fleet: Figure::known(0.0, Basis::Fleet),
        idle: Figure::known(0.0, Basis::Idle),
        shares: Vec::new(),
    };
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    for component in endpoint.components.values().filter(|component| component.base.is_none()) {
        shares.insert(&component.name, empty_share(inventory, endpoint, component));
    }
    for variant in endpoint.variants.values() {
        for pool in &variant.pools {
            let pool = Priced::of(pool, region, book);
            let mut left = accounting.add_pool(&pool);
            if let Some(target) = inventory.variant_key(endpoint, variant) {
                accounting.hold_whole(target, &pool, &mut left);
            } else {
                hold_parts(endpoint, variant, &pool, &mut shares, &mut accounting, &mut left);
            }
            accounting.idle = accounting.idle.plus(&left.cost);
            accounting.gpus_free = sum(accounting.gpus_free, left.gpus);
        }
    }
    hold_nowhere(endpoint, &mut shares, &mut accounting);
    for adapter in endpoint.components.values() {
        let Some(base) = &adapter.base else { continue };
        let mut share = empty_share(inventory, endpoint, adapter);
        share.paid_by = endpoint.components.get(base).map(|base| inventory.component_key(endpoint, base));
        share.allocated = Figure::known(0.0, Basis::PaidByBase);
        accounting.shares.push(share);
    }
    accounting.shares.extend(shares.into_values());
    accounting.shares.sort_by(|a, b| a.target.cmp(&b.target));
    Some(accounting)
}

fn empty_share(inventory: &Inventory, endpoint: &Endpoint, component: &Component) -> Share {
    Share {
        target: inventory.component_key(endpoint, component),
        paid_by: None,
        copies: component.copies(),
        gpus: Some(0.0),
        allocated: Figure::known(0.0, Basis::Allocation),
    }
}

/// Instances of one type with what they cost and hold.
struct Priced<'a> {
    pool: &'a Pool,
    gpus: Option<f64>,
    cores: Option<f64>,
    cost: Figure,
}

/// What is left of a pool.
struct Left {
    cost: Figure,
    gpus: Option<f64>,
}

impl<'a> Priced<'a> {
    fn of(pool: &'a Pool, region: &str, book: &PriceBook) -> Self {
        let instances = f64::from(pool.instances);
        let known = pool.instance_type.as_deref();
        // No instance holds and costs nothing, whatever its type.
        let of_type = |each: Option<u32>| {
            if pool.instances == 0 { Some(0.0) } else { each.map(|n| f64::from(n) * instances) }
        };
        let cost = match known.map(|known| (known, book.price(known, region))) {
            _ if pool.instances == 0 => Figure::known(0.0, Basis::Fleet),
            Some((known, Some(price))) => {
                let figure = Figure::known(price.usd_per_hour * instances, Basis::Fleet);
                if price.verified {
                    figure
                } else {
                    figure.noted(format!(
                        "the price of {known} is not verified for hosting ({}, {})",
                        price.source, price.date
                    ))
                }
            }
            Some((known, None)) => Figure::unknown(Basis::Fleet, format!("the price of {known} in {region}")),
            None => Figure::unknown(Basis::Fleet, "the type of an instance"),
        };
        Self {
            pool,
            gpus: of_type(known.and_then(|known| book.accelerators(known))),
            cores: of_type(known.and_then(|known| book.vcpus(known))),
            cost,
        }
    }
}

impl Accounting {
    fn add_pool(&mut self, pool: &Priced<'_>) -> Left {
        self.fleet = self.fleet.clone().plus(&pool.cost);
        self.gpus = sum(self.gpus, pool.gpus);
        Left { cost: pool.cost.clone().times(1.0, Basis::Idle), gpus: pool.gpus }
    }

    /// A variant that serves one model.
    fn hold_whole(&mut self, target: TargetKey, pool: &Priced<'_>, left: &mut Left) {
        self.gpus_used = sum(self.gpus_used, pool.gpus);
        let cost = pool.cost.clone().times(1.0, Basis::WholeVariant);
        match self.shares.iter_mut().find(|share| share.target == target) {
            Some(share) => {
                share.gpus = sum(share.gpus, pool.gpus);
                share.allocated = share.allocated.clone().plus(&cost);
            }
            None => {
                let gpus = pool.gpus;
                self.shares.push(Share { target, paid_by: None, copies: None, gpus, allocated: cost });
            }
        }
        *left = Left { cost: Figure::known(0.0, Basis::Idle), gpus: pool.gpus.map(|_| 0.0) };
    }
}

/// What the components of a variant hold of one pool.
fn hold_parts(
    endpoint: &Endpoint,
    variant: &Variant,
    pool: &Priced<'_>,
    shares: &mut BTreeMap<&str, Share>,
    accounting: &mut Accounting,
    left: &mut Left,
) {
    let is_split_by_cores = pool.gpus == Some(0.0) && pool.pool.instances > 0;
    let whole = if is_split_by_cores { pool.cores } else { pool.gpus };
    let mut holds: Vec<(&str, f64, f64)> = Vec::new();
    for component in endpoint.components.values().filter(|component| component.base.is_none()) {
        if endpoint.variant_of(component) != Some(variant.name.as_str()) {
            continue;
        }
        for copies in &component.copies {
            let count = f64::from(copies.count);
            if is_on(copies, pool.pool, variant) {
                let gpus = count * copies.accelerators;
                let amount = if is_split_by_cores { count * copies.cpu_cores.unwrap_or(0.0) } else { gpus };
                holds.push((&component.name, gpus, amount));
            }
        }
    }
    let held: f64 = holds.iter().map(|(_, _, amount)| amount).sum();
    let cut = match whole {
        Some(whole) if held > whole && held > 0.0 => whole / held,
        _ => 1.0,
    };
    for (name, gpus, amount) in holds {
        accounting.gpus_used = sum(accounting.gpus_used, Some(gpus));
        let Some(share) = shares.get_mut(name) else { continue };
        share.gpus = sum(share.gpus, Some(gpus));
        let mut cost = match whole {
            Some(whole) if whole > 0.0 => pool.cost.clone().times(cut * amount / whole, Basis::Allocation),
            Some(_) => Figure::known(0.0, Basis::Allocation),
            None if amount > 0.0 => Figure::unknown(
                Basis::Allocation,
                format!("what one {} holds", pool.pool.instance_type.as_deref().unwrap_or("instance")),
            ),
            None => Figure::known(0.0, Basis::Allocation),
        };
        if cut < 1.0 {
            cost = cost.noted("copies are said to hold more than there is: shares are cut alike");
        }
        share.allocated = share.allocated.clone().plus(&cost);
    }
    match whole {
        Some(whole) if whole > 0.0 => {
            left.cost = pool.cost.clone().times(1.0 - cut * held / whole, Basis::Idle);
            left.gpus = pool.gpus.map(|gpus| if is_split_by_cores { 0.0 } else { (gpus - held).max(0.0) });
        }
        Some(_) => {}
        None if held > 0.0 => left.cost = Figure::unknown(Basis::Idle, "what an instance holds"),
        None => {}
    }
}

/// Copies of which nothing says on what they run: they hold accelerators, and what those cost is unknown. Where not even
/// their number is known, nothing of the endpoint's split is.
fn hold_nowhere(endpoint: &Endpoint, shares: &mut BTreeMap<&str, Share>, accounting: &mut Accounting) {
    for component in endpoint.components.values().filter(|component| component.base.is_none()) {
        let variant = endpoint.variant_of(component).and_then(|name| endpoint.variants.get(name));
        let has_place = |copies: &&Copies| {
            variant.is_some_and(|variant| variant.pools.iter().any(|pool| is_on(copies, pool, variant)))
        };
        let lost = component.copies.iter().filter(|copies| copies.count > 0 && !has_place(copies));
        let held: Vec<f64> = lost.map(|copies| f64::from(copies.count) * copies.accelerators).collect();
        let (held, missing) = match component.copies() {
            None => (None, "how many copies run"),
            Some(_) if held.is_empty() => continue,
            Some(_) => (Some(held.iter().sum::<f64>()), "on what its copies run"),
        };
        accounting.gpus_used = sum(accounting.gpus_used, held);
        accounting.gpus_free =
            accounting.gpus_free.zip(held).map(|(free, held): (f64, f64)| (free - held).max(0.0));
        accounting.idle = accounting.idle.clone().plus(&Figure::unknown(Basis::Idle, missing));
        let Some(share) = shares.get_mut(component.name.as_str()) else { continue };
        share.gpus = sum(share.gpus, held);
        share.allocated = share.allocated.clone().plus(&Figure::unknown(Basis::Allocation, missing));
    }
}

/// Whether copies run on a pool of their variant.
fn is_on(copies: &Copies, pool: &Pool, variant: &Variant) -> bool {
    match (&copies.instance_type, &pool.instance_type) {
        (Some(of_copies), Some(of_pool)) => of_copies == of_pool,
        // One type: nothing else to run on.
        _ => variant.pools.len() == 1,
    }
}

/// Unknown where one of them is.
fn sum(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    a.zip(b).map(|(a, b)| a + b)
}

#[cfg(test)]
mod tests;
