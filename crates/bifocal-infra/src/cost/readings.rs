//! Copies, accelerators and hourly cost of an inventory as readings, so that their history can be seen.

use bifocal_model::{Reading, ReadingSubject, Source, TargetKey};

use super::accounting::account;
use super::figure::Basis;
use super::price_book::PriceBook;
use crate::inventory::{Inventory, Variant};

/// The readings of one moment. What is unknown makes none. What belongs to no target (instances, free accelerators and
/// what they cost) is the origin's, with the endpoint as its part. Adapters have copies of none and pay nothing: no reading.
pub fn readings(inventory: &Inventory, book: &PriceBook, source: Source) -> Vec<Reading> {
    let reading = |signal: &str, subject, part: &str, value| Reading {
        signal: signal.to_owned(),
        subject,
        part: part.to_owned(),
        time: inventory.time,
        value,
        source,
    };
    let of_target = |signal, target: &TargetKey, value| {
        reading(signal, ReadingSubject::Target(target.clone()), "", value)
    };
    let mut all = Vec::new();
    for endpoint in inventory.endpoints.values() {
        let Some(accounting) = account(inventory, endpoint, book) else { continue };
        for share in accounting.shares.iter().filter(|share| share.allocated.basis != Basis::PaidByBase) {
            let component = endpoint.components.get(share.target.inference_component());
            let wanted = component.and_then(|component| component.copies_wanted);
            let known = [
                ("copies", share.copies.map(f64::from)),
                ("copies_wanted", wanted.map(f64::from)),
                ("gpus_used", share.gpus),
                ("cost_usd_per_hour", share.allocated.usd),
            ];
            let known = known.into_iter().filter_map(|(signal, value)| Some((signal, value?)));
            all.extend(known.map(|(signal, value)| of_target(signal, &share.target, value)));
        }
        let instances: u32 = endpoint.variants.values().map(Variant::instances).sum();
        let of_endpoint = [
            ("instances", Some(f64::from(instances))),
            ("gpus_free", accounting.gpus_free),
            ("cost_idle_usd_per_hour", accounting.idle.usd),
        ];
        for (signal, value) in of_endpoint {
            let subject = ReadingSubject::Origin(inventory.origin.clone());
            all.extend(value.map(|value| reading(signal, subject, &endpoint.name, value)));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use bifocal_model::signal;

    use super::*;
    use crate::inventory::fixture::{adapter, component, copies, endpoint, inventory};

    #[test]
    fn what_is_known_is_a_reading_and_what_is_not_is_none() {
        let parts = vec![component("qwen", vec![copies(None, 2, 1.0)]), adapter("legal", "qwen")];
        let said = |instance_type: &str| {
            let inventory = inventory(60, endpoint(&[(instance_type, 1)], parts.clone()));
            let readings = readings(&inventory, &PriceBook::builtin(), Source::Scrape);
            let each = readings.iter().map(|reading| {
                assert!(signal::find(&reading.signal).is_some(), "{}", reading.signal);
                let whose = match &reading.subject {
                    ReadingSubject::Target(target) => target.name().to_owned(),
                    ReadingSubject::Origin(_) => reading.part.clone(),
                };
                format!("{whose} {} {:.3}", reading.signal, reading.value)
            });
            each.collect::<Vec<_>>()
        };
        assert_eq!(
            said("ml.g6.12xlarge"),
            [
                "qwen copies 2.000",
                "qwen copies_wanted 2.000",
                "qwen gpus_used 2.000",
                "qwen cost_usd_per_hour 2.876",
                "llm-prod instances 1.000",
                "llm-prod gpus_free 2.000",
                "llm-prod cost_idle_usd_per_hour 2.876",
            ]
        );
        let unknown = [
            "qwen copies 2.000",
            "qwen copies_wanted 2.000",
            "qwen gpus_used 2.000",
            "llm-prod instances 1.000",
            "llm-prod gpus_free 6.000",
        ];
        assert_eq!(said("ml.p4de.24xlarge"), unknown, "no price, no cost");
    }
}
