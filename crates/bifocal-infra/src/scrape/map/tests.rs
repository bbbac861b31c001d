use std::collections::{BTreeMap, BTreeSet, HashMap};

use bifocal_model::Timestamp;

use super::*;
use crate::scrape::Scraper;

macro_rules! page {
    ($name:literal) => {
        include_bytes!(concat!("../../../testdata/", $name))
    };
}

/// Two pages of one server ten seconds apart, and all that they say.
type Case = (&'static str, &'static [u8], &'static [u8], &'static [(&'static str, &'static str, f64)]);

const SGLANG: Case = (
    "sglang",
    page!("sglang-1.txt"),
    page!("sglang-2.txt"),
    &[
        ("ttft_seconds", "mean", 0.2),
        ("ttft_seconds", "p50", 0.1),
        ("ttft_seconds", "p95", 1.0),
        ("ttft_seconds", "p99", 1.0),
        ("itl_seconds", "mean", 0.02),
        ("itl_seconds", "p50", 0.02),
        ("itl_seconds", "p95", 0.047),
        ("itl_seconds", "p99", 0.0494),
        ("duration_seconds", "mean", 2.5),
        ("duration_seconds", "p50", 1.0 + 4.0 / 3.0),
        ("duration_seconds", "p95", 1.0 + 4.0 * 14.0 / 15.0),
        ("duration_seconds", "p99", 1.0 + 4.0 * 14.8 / 15.0),
        ("queue_seconds", "mean", 0.05),
        ("queue_seconds", "p50", 0.01),
        ("queue_seconds", "p95", 0.091),
        ("queue_seconds", "p99", 0.0982),
        ("requests_per_second", "", 2.0),
        ("errors_per_second", "abort", 0.1),
        ("input_tokens_per_second", "", 200.0),
        ("output_tokens_per_second", "", 30.0),
        // Two ranks say six each, and two priorities say what the six are.
        ("requests_running", "", 6.0),
        ("requests_waiting", "", 3.0),
        ("saturation_ratio", "", 0.75),
        ("kv_cache_usage_ratio", "", 0.28),
        ("prefix_cache_hit_ratio", "", 0.25),
        ("preemptions_per_second", "", 0.5),
    ],
);

const TGI: Case = (
    "tgi",
    page!("tgi-1.txt"),
    page!("tgi-2.txt"),
    &[
        ("itl_seconds", "mean", 0.02),
        ("itl_seconds", "p50", 0.01),
        ("itl_seconds", "p95", 0.046),
        ("itl_seconds", "p99", 0.0492),
        ("duration_seconds", "mean", 0.6),
        ("duration_seconds", "p50", 0.5),
        ("duration_seconds", "p95", 0.95),
        ("duration_seconds", "p99", 0.99),
        ("queue_seconds", "mean", 0.05),
        ("queue_seconds", "p50", 0.01),
        ("queue_seconds", "p95", 0.091),
        ("queue_seconds", "p99", 0.0982),
        ("model_duration_seconds", "mean", 0.3),
        ("model_duration_seconds", "p50", 0.1 + 0.4 / 3.0),
        ("model_duration_seconds", "p95", 0.1 + 0.4 * 14.0 / 15.0),
        ("model_duration_seconds", "p99", 0.1 + 0.4 * 14.8 / 15.0),
        ("requests_per_second", "", 2.0),
        ("errors_per_second", "overloaded", 0.2),
        ("errors_per_second", "validation", 0.0),
        ("input_tokens_per_second", "", 400.0),
        ("output_tokens_per_second", "", 250.0),
        ("requests_running", "", 5.0),
        ("requests_waiting", "", 3.0),
    ],
);

const DJL: Case = (
    "djl",
    page!("djl-1.txt"),
    page!("djl-2.txt"),
    &[
        ("itl_seconds", "mean", 0.02),
        ("duration_seconds", "mean", 1.5),
        ("queue_seconds", "mean", 0.0025),
        ("model_duration_seconds", "mean", 1.2),
        ("requests_per_second", "", 4.5),
        ("errors_per_second", "4xx", 0.5),
        ("errors_per_second", "5xx", 1.0),
        ("requests_running", "", 7.0),
        ("gpu_memory_used_bytes", "0", 8_589_934_592.0),
        ("gpu_memory_used_bytes", "1", 0.0),
    ],
);

const DCGM: Case = (
    "dcgm",
    page!("dcgm-prof.txt"),
    page!("dcgm-prof.txt"),
    &[
        ("gpu_utilization_ratio", "0", 0.87),
        ("gpu_utilization_ratio", "1", 0.0),
        ("gpu_sm_active_ratio", "0", 0.61),
        ("gpu_sm_active_ratio", "1", 0.0),
        ("gpu_tensor_active_ratio", "0", 0.33),
        ("gpu_tensor_active_ratio", "1", 0.0),
        // The profiling field, not the 40% of the copy engine.
        ("gpu_memory_bandwidth_ratio", "0", 0.45),
        ("gpu_memory_bandwidth_ratio", "1", 0.0),
        ("gpu_memory_used_ratio", "0", 0.75),
        ("gpu_memory_used_ratio", "1", 0.0),
        ("gpu_memory_used_bytes", "0", 12_582_912_000.0),
        ("gpu_memory_used_bytes", "1", 0.0),
        ("gpu_temperature_celsius", "0", 61.0),
        ("gpu_temperature_celsius", "1", 33.0),
        ("gpu_power_watts", "0", 71.5),
        ("gpu_power_watts", "1", 16.25),
    ],
);

/// As SageMaker ships it: memory in bytes, `DEV_SM_ACTIVE`, no profiling fields.
const DCGM_BYTES: Case = (
    "dcgm",
    page!("dcgm-bytes.txt"),
    page!("dcgm-bytes.txt"),
    &[
        ("gpu_utilization_ratio", "0", 0.87),
        ("gpu_utilization_ratio", "1", 0.0),
        ("gpu_sm_active_ratio", "0", 0.61),
        ("gpu_sm_active_ratio", "1", 0.0),
        ("gpu_memory_bandwidth_ratio", "0", 0.4),
        ("gpu_memory_bandwidth_ratio", "1", 0.0),
        ("gpu_memory_used_ratio", "0", 0.75),
        ("gpu_memory_used_ratio", "1", 0.0),
        ("gpu_memory_used_bytes", "0", 12_582_912_000.0),
        ("gpu_memory_used_bytes", "1", 0.0),
        ("gpu_temperature_celsius", "0", 61.0),
        ("gpu_temperature_celsius", "1", 33.0),
        ("gpu_power_watts", "0", 71.5),
        ("gpu_power_watts", "1", 16.25),
    ],
);

const NODE: Case = (
    "node",
    page!("node-1.txt"),
    page!("node-2.txt"),
    &[("cpu_utilization_ratio", "", 0.4), ("memory_used_ratio", "", 0.75), ("disk_used_ratio", "/", 0.75)],
);

/// Recorded. Times between the pages are not: rates are growth by ten seconds.
const LLAMACPP: Case = (
    "llamacpp",
    page!("llamacpp-metrics-busy.txt"),
    page!("llamacpp-metrics.txt"),
    &[
        ("itl_seconds", "mean", (38.0358 - 0.179_391) / 1440.0),
        ("input_tokens_per_second", "", 50.2),
        ("output_tokens_per_second", "", 144.0),
        ("requests_running", "", 0.0),
        ("requests_waiting", "", 0.0),
        ("prefix_cache_hit_ratio", "", 280.0 / 502.0),
    ],
);

/// Recorded. The latencies' quantiles are looked at in the reader's tests.
const VLLM: Case = (
    "vllm",
    page!("vllm-0.32.0-cpu-metrics-busy.txt"),
    page!("vllm-0.32.0-cpu-metrics.txt"),
    &[
        ("ttft_seconds", "mean", (82.168_131_351_470_95 - 10.343_627_214_431_763) / 8.0),
        ("itl_seconds", "mean", (64.785_053_091_998_63 - 15.541_666_611_998_153) / 1088.0),
        ("duration_seconds", "mean", (146.946_340_322_494_5 - 10.293_936_491_012_573) / 12.0),
        ("queue_seconds", "mean", (68.876_690_627_998_87 - 8.302_200_058_096_787e-5) / 12.0),
        ("prefill_seconds", "mean", (12.004_677_097_997_956 - 9.608_714_385_999_52) / 12.0),
        ("decode_seconds", "mean", (64.785_053_091_998_63 - 0.661_878_095_999_782_1) / 12.0),
        ("requests_per_second", "", 1.2),
        ("errors_per_second", "abort", 0.0),
        ("errors_per_second", "error", 0.0),
        ("errors_per_second", "rejected", 0.0),
        ("errors_per_second", "4xx", 0.0),
        ("input_tokens_per_second", "", 40.2),
        ("output_tokens_per_second", "", 109.6),
        ("requests_running", "", 0.0),
        ("requests_waiting", "", 0.0),
        ("kv_cache_usage_ratio", "", 0.0),
        ("prefix_cache_hit_ratio", "", 0.0),
        ("preemptions_per_second", "", 0.0),
    ],
);

const CASES: [Case; 8] = [VLLM, SGLANG, TGI, DJL, LLAMACPP, DCGM, DCGM_BYTES, NODE];

/// What two pages ten seconds apart say in the end.
fn read(first: &[u8], second: &[u8]) -> BTreeMap<(String, String), f64> {
    let mut scraper = Scraper::new("local", HashMap::new());
    scraper.read(first, Timestamp::from_secs(100)).unwrap();
    let readings = scraper.read(second, Timestamp::from_secs(110)).unwrap();
    readings.into_iter().map(|reading| ((reading.signal, reading.part), reading.value)).collect()
}

#[test]
fn the_pages_of_every_server_give_what_their_numbers_mean() {
    for (server, first, second, wanted) in CASES {
        let mut seen = read(first, second);
        for (signal, part, want) in wanted {
            let key = ((*signal).to_owned(), (*part).to_owned());
            let got = seen.remove(&key).unwrap_or_else(|| panic!("{server}: no {signal} {part}"));
            assert!(
                (got - want).abs() <= 1e-9 * want.abs().max(1e-3),
                "{server} {signal} {part}: {got} for {want}"
            );
        }
        seen.retain(|(_, part), _| server != "vllm" || !["p50", "p95", "p99"].contains(&part.as_str()));
        assert_eq!(seen, BTreeMap::new(), "{server}: not looked at");
    }
}

/// Every row of the table is exercised: the map without it says less about some pair of pages.
#[test]
fn every_row_of_the_map_has_a_test() {
    let map = builtin();
    let mut tested: BTreeSet<(usize, &str)> = BTreeSet::new();
    for (server, _, _, wanted) in CASES {
        for (index, known) in map.servers.iter().enumerate() {
            if known.name.starts_with(server) {
                tested.extend(wanted.iter().map(|(signal, ..)| (index, *signal)));
            }
        }
    }
    for rule in &map.rules {
        let server = &map.servers[rule.server];
        // Removed from llama.cpp before the version that was recorded; its spelling is looked at below.
        let is_old = (server.name.as_str(), rule.signal.name) == ("llamacpp", "kv_cache_usage_ratio");
        let is_tested = is_old || tested.contains(&(rule.server, rule.signal.name));
        assert!(is_tested, "the row `{}` of `{}` has no test", rule.signal.name, server.name);
    }
    let old = read(b"", b"llamacpp:kv_cache_usage_ratio 0.4\n");
    assert_eq!(old[&("kv_cache_usage_ratio".to_owned(), String::new())], 0.4);
}

#[test]
fn every_spelling_of_every_row_is_read() {
    let map = builtin();
    for rule in
        map.rules.iter().filter(|rule| rule.kind == Kind::Gauge && rule.unit != Unit::MebibytesOrBytes)
    {
        for prefix in &map.servers[rule.server].prefixes {
            for name in rule.spellings.iter().filter(|name| !name.ends_with('*')) {
                // A name with a dot stands in quotes among the labels.
                let line = match prefix.contains('.') {
                    true => format!("{{\"{prefix}{name}\"}} 0.5\n"),
                    false => format!("{prefix}{name} 0.5\n"),
                };
                let seen = read(b"", line.as_bytes());
                let value = seen.iter().find(|((signal, _), _)| signal == rule.signal.name);
                assert_eq!(value.map(|(_, v)| *v), Some(0.5 * rule.unit.factor()), "{prefix}{name}");
            }
        }
    }
}

#[test]
fn counters_are_found_with_and_without_total() {
    let signals = |name: &str| -> Vec<&str> {
        let map = builtin();
        map.roles(name).iter().map(|role| map.rules[role.rule].signal.name).collect()
    };
    for name in ["vllm:generation_tokens", "vllm:generation_tokens_total", "vllm_generation_tokens_total"] {
        assert_eq!(signals(name), ["output_tokens_per_second"], "{name}");
    }
    for unknown in [
        "llamacpp:predicted_tokens_seconds",
        "vllm:num_requests",
        "vllm:num_requests_waiting_by_reason",
        "vllm:iteration_tokens_total",
        "sglang:num_running_reqs_total",
        "GPUMemory_",
    ] {
        assert_eq!(signals(unknown), [] as [&str; 0], "{unknown}");
    }
    let created = builtin().roles("vllm:generation_tokens_created");
    assert!(created.iter().all(|role| role.term == Term::Created), "a time is no count");
}

#[test]
fn rows_that_contradict_themselves_are_refused() {
    let parse = |row: &str| {
        let head = "version = 1\n[[server]]\nname = \"x\"\ntitle = \"X\"\nprefixes = [\"\"]\nmodel_labels = []\n[[server.series]]\n";
        Map::parse(&format!("{head}{row}")).map(|_| ()).unwrap_err().to_string()
    };
    for (row, want) in [
        (
            "signal = \"nothing\"\nnames = [\"a\"]\nkind = \"gauge\"\nunit = \"ratio\"\nacross = \"sum\"",
            "no such signal",
        ),
        (
            "signal = \"ttft_seconds\"\nnames = [\"a\"]\nkind = \"gauge\"\nunit = \"ratio\"\nacross = \"mean\"",
            "cannot become",
        ),
        ("signal = \"ttft_seconds\"\nnames = [\"a\"]\nkind = \"gauge\"\nunit = \"seconds\"", "`across`"),
        (
            "signal = \"memory_used_ratio\"\nnames = [\"a\"]\nkind = \"gauge_ratio\"\nunit = \"ratio\"",
            "`per`",
        ),
        ("signal = \"ttft_seconds\"\nnames = []\nkind = \"histogram\"\nunit = \"seconds\"", "`names`"),
        ("signal = \"ttft_seconds\"\nnames = [\"a\"]\nkind = \"guess\"\nunit = \"seconds\"", "read the map"),
    ] {
        let err = parse(row);
        assert!(err.contains(want), "{err}");
    }
}

#[test]
fn the_page_of_the_guide_is_made_from_the_map() {
    let guide = include_str!("../../../../../docs/guide/signals.md");
    assert!(
        guide == rows::guide(builtin()),
        "docs/guide/signals.md is stale: cargo run -p bifocal-infra --example signals > docs/guide/signals.md"
    );
}
