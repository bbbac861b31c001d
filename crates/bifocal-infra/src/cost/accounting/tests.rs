use proptest::prelude::*;

use super::*;
use crate::inventory::fixture::{adapter, component, copies, endpoint, inventory};
use crate::inventory::{Copies, OutOfScope};

fn book() -> PriceBook {
    let mut book = PriceBook::builtin();
    // Round numbers: $1 and $2 an accelerator.
    book.set("ml.g6.12xlarge", None, 4.0).unwrap();
    book.set("ml.g5.12xlarge", None, 8.0).unwrap();
    book.set("ml.c5.xlarge", None, 0.2).unwrap();
    book
}

fn of(endpoint: Endpoint) -> Accounting {
    let inventory = inventory(0, endpoint);
    account(&inventory, &inventory.endpoints["llm-prod"], &book()).unwrap()
}

/// Dollars an hour by target.
fn usd(accounting: &Accounting) -> BTreeMap<&str, Option<f64>> {
    accounting.shares.iter().map(|share| (share.target.name(), share.allocated.usd)).collect()
}

#[test]
fn accelerators_are_paid_by_those_who_hold_them_and_the_rest_is_idle() {
    let qwen = component("qwen", vec![copies(None, 2, 2.0)]);
    let llama = component("llama", vec![copies(None, 1, 1.0)]);
    let accounting = of(endpoint(&[("ml.g6.12xlarge", 2)], vec![qwen, llama, adapter("legal", "qwen")]));
    assert_eq!(
        (accounting.gpus, accounting.gpus_used, accounting.gpus_free),
        (Some(8.0), Some(5.0), Some(3.0))
    );
    assert_eq!((accounting.fleet.usd, accounting.idle.usd), (Some(8.0), Some(3.0)));
    let want = [("legal", Some(0.0)), ("llama", Some(1.0)), ("qwen", Some(4.0))];
    assert_eq!(usd(&accounting), BTreeMap::from(want));
    let legal = accounting.shares.iter().find(|share| share.target.name() == "legal").unwrap();
    assert_eq!(legal.allocated.basis, Basis::PaidByBase);
    assert_eq!(legal.paid_by.as_ref().map(TargetKey::name), Some("qwen"));
    let qwen = accounting.shares.iter().find(|share| share.target.name() == "qwen").unwrap();
    assert_eq!((qwen.gpus, qwen.copies, qwen.allocated.basis), (Some(4.0), Some(2), Basis::Allocation));
    assert_eq!((qwen.in_use(Some(0.25)).usd, qwen.in_use(Some(0.25)).basis), (Some(1.0), Basis::Use));
    assert_eq!(qwen.in_use(None).usd, None, "not measured is not idle");
}

#[test]
fn a_mixed_fleet_costs_by_the_types_that_copies_run_on() {
    let both = vec![copies(Some("ml.g6.12xlarge"), 2, 2.0), copies(Some("ml.g5.12xlarge"), 1, 2.0)];
    let accounting =
        of(endpoint(&[("ml.g6.12xlarge", 2), ("ml.g5.12xlarge", 1)], vec![component("qwen", both)]));
    assert_eq!(
        (accounting.gpus, accounting.gpus_used, accounting.gpus_free),
        (Some(12.0), Some(6.0), Some(6.0))
    );
    assert_eq!(usd(&accounting), BTreeMap::from([("qwen", Some(4.0 + 4.0))]));
    assert_eq!((accounting.fleet.usd, accounting.idle.usd), (Some(16.0), Some(8.0)));
}

#[test]
fn a_component_without_accelerators_pays_on_instances_without_and_not_beside_gpus() {
    let small = Copies { cpu_cores: Some(1.0), ..copies(None, 2, 0.0) };
    let beside = of(endpoint(&[("ml.g6.12xlarge", 1)], vec![component("small", vec![small.clone()])]));
    assert_eq!((usd(&beside)["small"], beside.idle.usd, beside.gpus_free), (Some(0.0), Some(4.0), Some(4.0)));
    let alone = of(endpoint(&[("ml.c5.xlarge", 1)], vec![component("small", vec![small])]));
    assert_eq!((usd(&alone)["small"], alone.idle.usd, alone.gpus), (Some(0.1), Some(0.1), Some(0.0)));
}

#[test]
fn scaled_to_zero_costs_nothing_and_that_is_known() {
    let accounting =
        of(endpoint(&[("ml.p4de.24xlarge", 0)], vec![component("qwen", vec![copies(None, 0, 2.0)])]));
    assert_eq!(
        (accounting.gpus, accounting.gpus_free, accounting.fleet.usd),
        (Some(0.0), Some(0.0), Some(0.0))
    );
    assert_eq!(usd(&accounting), BTreeMap::from([("qwen", Some(0.0))]));
    let none = of(endpoint(&[], vec![]));
    assert_eq!(none.fleet.usd, Some(0.0));
}

#[test]
fn an_unknown_price_leaves_counts_known_and_amounts_unknown() {
    let accounting =
        of(endpoint(&[("ml.p4de.24xlarge", 1)], vec![component("qwen", vec![copies(None, 1, 2.0)])]));
    assert_eq!((accounting.gpus, accounting.gpus_free), (Some(8.0), Some(6.0)));
    assert_eq!((accounting.fleet.usd, accounting.idle.usd, usd(&accounting)["qwen"]), (None, None, None));
    assert!(accounting.fleet.notes.contains("the price of ml.p4de.24xlarge in us-east-1"));
    for unknown in ["", "ml.x9.xlarge"] {
        let accounting = of(endpoint(&[(unknown, 1)], vec![component("qwen", vec![copies(None, 1, 2.0)])]));
        assert_eq!(
            (accounting.gpus, accounting.gpus_free, accounting.gpus_used),
            (None, None, Some(2.0)),
            "{unknown}"
        );
        assert_eq!((accounting.fleet.usd, usd(&accounting)["qwen"]), (None, None));
    }
}

#[test]
fn copies_without_a_place_hold_accelerators_and_cost_an_unknown_amount() {
    let lost = component("lost", vec![copies(Some("ml.p5.48xlarge"), 1, 2.0)]);
    let qwen = component("qwen", vec![copies(None, 1, 1.0)]);
    let accounting = of(endpoint(&[("ml.g6.12xlarge", 1)], vec![lost, qwen.clone()]));
    assert_eq!((accounting.gpus_used, accounting.gpus_free), (Some(3.0), Some(1.0)));
    assert_eq!(usd(&accounting), BTreeMap::from([("lost", None), ("qwen", Some(1.0))]));
    assert_eq!((accounting.fleet.usd, accounting.idle.usd), (Some(4.0), None));
    assert!(accounting.shares[0].allocated.notes.contains("on what its copies run"));
    // Of a component of which not even the number of copies is known nothing is 0.
    let accounting = of(endpoint(&[("ml.g6.12xlarge", 1)], vec![component("lost", vec![]), qwen]));
    assert_eq!((accounting.gpus_used, accounting.gpus_free, accounting.idle.usd), (None, None, None));
    let lost = &accounting.shares[0];
    assert_eq!((lost.copies, lost.gpus, lost.allocated.usd), (None, None, None));
    assert_eq!(usd(&accounting)["qwen"], Some(1.0), "what is known stays known");
}

#[test]
fn a_price_that_is_not_verified_says_so_in_every_figure_made_of_it() {
    let accounting =
        of(endpoint(&[("ml.g5.4xlarge", 1)], vec![component("qwen", vec![copies(None, 1, 1.0)])]));
    let note = "the price of ml.g5.4xlarge is not verified for hosting (price of training, 2026-07-02)";
    assert!(accounting.fleet.notes.contains(note));
    assert!(accounting.shares[0].allocated.notes.contains(note));
}

#[test]
fn a_variant_with_one_model_is_that_models_as_a_whole() {
    let mut plain = endpoint(&[("ml.g6.12xlarge", 3)], vec![]);
    plain.variants.get_mut("AllTraffic").unwrap().model = Some("qwen".to_owned());
    let accounting = of(plain);
    assert_eq!(usd(&accounting), BTreeMap::from([("qwen", Some(12.0))]));
    assert_eq!(accounting.shares[0].allocated.basis, Basis::WholeVariant);
    assert_eq!(
        (accounting.gpus_used, accounting.gpus_free, accounting.idle.usd),
        (Some(12.0), Some(0.0), Some(0.0))
    );
}

#[test]
fn endpoints_out_of_scope_have_no_account() {
    let mut out = endpoint(&[("ml.g6.12xlarge", 3)], vec![]);
    out.out_of_scope = Some(OutOfScope::Asynchronous);
    let inventory = inventory(0, out);
    assert_eq!(account(&inventory, &inventory.endpoints["llm-prod"], &book()), None);
}

const TYPES: [&str; 4] = ["ml.g6.12xlarge", "ml.g5.12xlarge", "ml.g5.4xlarge", "ml.c5.xlarge"];

fn any_component(index: usize) -> impl Strategy<Value = Component> {
    let placed = (prop::sample::select(TYPES.to_vec()), 0..5_u32, 0..4_u32, prop::option::of(0.25..6.0_f64));
    prop::collection::vec(placed, 1..4).prop_map(move |placed| {
        let each = placed.into_iter().map(|(instance_type, count, accelerators, cpu_cores)| Copies {
            cpu_cores,
            ..copies(Some(instance_type), count, f64::from(accelerators))
        });
        component(&format!("c{index}"), each.collect())
    })
}

proptest! {
    /// Whatever is said to run where, also when that is more than there is.
    #[test]
    fn allocated_and_idle_are_the_cost_of_the_fleet(
        counts in prop::array::uniform4(0..4_u32),
        a in any_component(0),
        b in any_component(1),
    ) {
        let pools: Vec<(&str, u32)> = TYPES.into_iter().zip(counts).collect();
        let accounting = of(endpoint(&pools, vec![a, b, adapter("x", "c0")]));
        let allocated: f64 = accounting.shares.iter().map(|share| share.allocated.usd.unwrap()).sum();
        let (fleet, idle) = (accounting.fleet.usd.unwrap(), accounting.idle.usd.unwrap());
        prop_assert!((allocated + idle - fleet).abs() < 1e-9, "{allocated} + {idle} for {fleet}");
        prop_assert!(idle >= -1e-9 && accounting.shares.iter().all(|share| share.allocated.usd >= Some(0.0)));
        let (gpus, free) = (accounting.gpus.unwrap(), accounting.gpus_free.unwrap());
        prop_assert!(free >= 0.0 && free <= gpus);
        let held: f64 = accounting.shares.iter().map(|share| share.gpus.unwrap()).sum();
        prop_assert!(held + free >= gpus - 1e-9, "nothing is lost: {held} + {free} for {gpus}");
    }
}
