use std::collections::BTreeMap;

use super::*;
use crate::limits::SERIES;

const LLAMACPP_BUSY: &[u8] = include_bytes!("../../../testdata/llamacpp-metrics-busy.txt");
const LLAMACPP_IDLE: &[u8] = include_bytes!("../../../testdata/llamacpp-metrics.txt");
const VLLM_BUSY: &[u8] = include_bytes!("../../../testdata/vllm-0.32.0-cpu-metrics-busy.txt");
const VLLM_IDLE: &[u8] = include_bytes!("../../../testdata/vllm-0.32.0-cpu-metrics.txt");
const DCGM: &[u8] = include_bytes!("../../../testdata/dcgm-metrics.txt");

const T0: Timestamp = Timestamp::from_secs(100);
const T1: Timestamp = Timestamp::from_secs(110);

fn scraper() -> Scraper {
    Scraper::new("local", HashMap::new())
}

/// Latencies apart: they have tests of their own.
fn plain(readings: &[Reading]) -> BTreeMap<(&str, &str), f64> {
    values(readings).into_iter().filter(|((signal, _), _)| !signal.ends_with("_seconds")).collect()
}

fn values(readings: &[Reading]) -> BTreeMap<(&str, &str), f64> {
    readings.iter().map(|r| ((r.signal.as_str(), r.part.as_str()), r.value)).collect()
}

#[test]
fn llamacpp_under_load_and_idle() {
    let mut scraper = scraper();
    let busy = scraper.read(LLAMACPP_BUSY, T0).unwrap();
    let want = BTreeMap::from([(("requests_running", ""), 2.0), (("requests_waiting", ""), 10.0)]);
    assert_eq!(values(&busy), want, "a first page has gauges and no rates");
    assert!(busy.iter().all(|r| r.subject == ReadingSubject::Origin("local".into()) && r.time == T0));

    let idle = scraper.read(LLAMACPP_IDLE, T1).unwrap();
    let count = |name: &str| {
        let page = prometheus::parse(LLAMACPP_IDLE).unwrap();
        page.samples.iter().find(|s| s.name == name).unwrap().value
    };
    let values = values(&idle);
    assert_eq!(values[&("requests_running", "")], 0.0);
    let output = (count("llamacpp:tokens_predicted_total") - 16.0) / 10.0;
    let cached = count("llamacpp:prompt_tokens_cached_total") - 89.0;
    let input = (count("llamacpp:prompt_tokens_total") - 95.0 + cached) / 10.0;
    assert!(output > 0.0 && input > 0.0);
    assert_eq!(values[&("output_tokens_per_second", "")], output);
    assert_eq!(values[&("input_tokens_per_second", "")], input);
}

#[test]
fn vllm_names_its_model() {
    let mapped = TargetKey::of_model("local", "smollm2").with(|names| names.variant = "AllTraffic".into());
    let mut scraper = Scraper::new("local", HashMap::from([("smollm2".to_owned(), mapped.clone())]));
    let busy = scraper.read(VLLM_BUSY, T0).unwrap();
    let seen = values(&busy);
    assert_eq!(seen[&("requests_running", "")], 4.0);
    assert_eq!(seen[&("requests_waiting", "")], 8.0);
    assert_eq!(seen[&("kv_cache_usage_ratio", "")], 0.022_038_567_493_112_95);
    assert_eq!(seen.len(), 3, "a first page has no rates and no latencies");
    assert!(busy.iter().all(|r| r.subject == ReadingSubject::Target(mapped.clone())));

    let idle = scraper.read(VLLM_IDLE, T1).unwrap();
    let seen = values(&idle);
    assert_eq!(seen[&("preemptions_per_second", "")], 0.0, "zero is a value");
    let page = prometheus::parse(VLLM_IDLE).unwrap();
    let total = page.samples.iter().find(|s| s.name == "vllm:generation_tokens_total").unwrap().value;
    assert_eq!(seen[&("output_tokens_per_second", "")], (total - 368.0) / 10.0);
}

#[test]
fn a_model_that_is_not_mapped_is_its_own_target() {
    let readings = scraper().read(VLLM_BUSY, T0).unwrap();
    assert_eq!(readings[0].subject, ReadingSubject::Target(TargetKey::of_model("local", "smollm2")));
}

#[test]
fn dcgm_has_a_part_for_each_gpu_and_ratios() {
    let readings = scraper().read(DCGM, T0).unwrap();
    let want = BTreeMap::from([
        (("gpu_utilization_ratio", "0"), 0.87),
        (("gpu_utilization_ratio", "1"), 0.0),
        (("gpu_memory_used_ratio", "0"), 0.75),
        (("gpu_memory_used_ratio", "1"), 0.0),
        (("gpu_memory_used_bytes", "0"), 12_000.0 * 1_048_576.0),
        (("gpu_memory_used_bytes", "1"), 0.0),
    ]);
    assert_eq!(values(&readings), want);
}

#[test]
fn a_reset_counter_makes_no_reading_and_then_goes_on() {
    let mut scraper = scraper();
    let page = |n: u32| format!("vllm:generation_tokens_total{{model_name=\"m\"}} {n}\n");
    assert!(scraper.read(page(1000).as_bytes(), T0).unwrap().is_empty());
    assert!(scraper.read(page(10).as_bytes(), T1).unwrap().is_empty());
    let readings = scraper.read(page(60).as_bytes(), Timestamp::from_secs(120)).unwrap();
    assert_eq!(readings[0].value, 5.0);
    assert!(
        scraper.read(page(70).as_bytes(), Timestamp::from_secs(120)).unwrap().is_empty(),
        "no time passed"
    );
    scraper.forget();
    assert!(scraper.read(page(90).as_bytes(), Timestamp::from_secs(130)).unwrap().is_empty());
}

#[test]
fn engines_add_up_and_ratios_are_averaged() {
    let page = b"vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 2\nvllm:num_requests_running{engine=\"1\",model_name=\"m\"} 3\nvllm:kv_cache_usage_perc{engine=\"0\",model_name=\"m\"} 0.2\nvllm:kv_cache_usage_perc{engine=\"1\",model_name=\"m\"} 0.4\n";
    let readings = scraper().read(page, T0).unwrap();
    let seen = values(&readings);
    assert_eq!(seen[&("requests_running", "")], 5.0);
    assert!((seen[&("kv_cache_usage_ratio", "")] - 0.3).abs() < 1e-12);
}

#[test]
fn what_is_missing_or_no_number_is_absent() {
    let page = b"node_memory_MemAvailable_bytes 10\nDCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} NaN\nother 1\n\xff\xff\n";
    assert!(scraper().read(page, T0).unwrap().is_empty());
    assert!(scraper().read(b"", T0).unwrap().is_empty());
}

#[test]
fn series_past_the_limit_are_left_out_and_counted() {
    use std::fmt::Write as _;
    let mut page = String::new();
    for n in 0..SERIES + 5 {
        writeln!(page, "vllm:prompt_tokens_total{{model_name=\"m\",engine=\"{n}\"}} 1").unwrap();
    }
    let mut scraper = scraper();
    scraper.read(page.as_bytes(), T0).unwrap();
    assert_eq!(scraper.oddities().left_out, 5);
}

#[test]
fn the_histograms_of_the_recorded_pages_give_mean_and_quantiles() {
    let mut scraper = scraper();
    scraper.read(VLLM_BUSY, T0).unwrap();
    let readings = scraper.read(VLLM_IDLE, T1).unwrap();
    let seen = values(&readings);
    // Eight requests got their first token in between: four from 5 to 7.5 s, four from 10 to 20 s.
    let mean = (82.168_131_351_470_95 - 10.343_627_214_431_763) / 8.0;
    for (part, want) in [("mean", mean), ("p50", 7.5), ("p95", 19.0), ("p99", 19.8)] {
        assert!((seen[&("ttft_seconds", part)] - want).abs() < 1e-9, "{part}");
    }
    let seen = plain(&readings);
    for (signal, part, want) in [
        ("requests_per_second", "", 1.2),
        ("errors_per_second", "abort", 0.0),
        ("errors_per_second", "rejected", 0.0),
        ("errors_per_second", "4xx", 0.0),
        ("prefix_cache_hit_ratio", "", 0.0),
    ] {
        assert_eq!(seen[&(signal, part)], want, "{signal} {part}");
    }
    let of_server = readings.iter().find(|r| r.part == "4xx").unwrap();
    assert_eq!(
        of_server.subject,
        ReadingSubject::Origin("local".into()),
        "http_requests_total names no model"
    );
    // Nothing is asked of the server: no latency, and no share of no tokens.
    let quiet = scraper.read(VLLM_IDLE, Timestamp::from_secs(120)).unwrap();
    assert!(quiet.iter().all(|r| !r.signal.ends_with("_seconds") && r.signal != "prefix_cache_hit_ratio"));
    assert_eq!(values(&quiet)[&("requests_per_second", "")], 0.0);
}

#[test]
fn a_sum_of_which_one_part_cannot_be_read_is_unknown() {
    let page = |a: &str, b: &str| {
        format!(
            "vllm:num_requests_running{{engine=\"0\"}} {a}\nvllm:num_requests_running{{engine=\"1\"}} {b}\nvllm:prompt_tokens_total{{engine=\"0\"}} {a}\nvllm:prompt_tokens_total{{engine=\"1\"}} {b}\n"
        )
    };
    let mut scraper = scraper();
    scraper.read(page("100", "100").as_bytes(), T0).unwrap();
    for odd in ["NaN", "+Inf", "-1", "5"] {
        let readings = scraper.read(page("200", odd).as_bytes(), T1).unwrap();
        let seen = values(&readings);
        assert!(!seen.contains_key(&("input_tokens_per_second", "")), "{odd}: {seen:?}");
        assert_eq!(seen.contains_key(&("requests_running", "")), odd == "5", "{odd}");
    }
    assert_eq!(scraper.oddities().resets, 1);
}

#[test]
fn a_counter_that_begins_between_two_pages_counts_from_zero_and_one_of_unknown_age_does_not() {
    let old = "http_requests_total{handler=\"/invocations\",status=\"4xx\"} 7\n";
    let fresh = "http_requests_total{handler=\"/invocations\",status=\"5xx\"} 3\n";
    let created =
        |secs: u32| format!("http_requests_created{{status=\"5xx\",handler=\"/invocations\"}} {secs}.5\n");
    let errors = |second: String| {
        let mut scraper = scraper();
        scraper.read(old.as_bytes(), T0).unwrap();
        let readings = scraper.read(second.as_bytes(), T1).unwrap();
        readings.iter().map(|r| (r.part.clone(), r.value)).collect::<Vec<_>>()
    };
    let quiet = ("4xx".to_owned(), 0.0);
    assert_eq!(errors(format!("{old}{fresh}{}", created(105))), [quiet.clone(), ("5xx".to_owned(), 0.3)]);
    assert_eq!(errors(format!("{old}{fresh}{}", created(90))), std::slice::from_ref(&quiet));
    assert_eq!(errors(format!("{old}{fresh}")), [quiet]);
}

#[test]
fn a_series_that_stands_there_twice_counts_once() {
    let line = "vllm:num_requests_running{engine=\"0\",model_name=\"m\"} 2\n";
    let turned = "vllm:num_requests_running{model_name=\"m\",engine=\"0\"} 9\n";
    let mut scraper = scraper();
    let readings = scraper.read(format!("{line}{line}{turned}").as_bytes(), T0).unwrap();
    assert_eq!(values(&readings), BTreeMap::from([(("requests_running", ""), 2.0)]));
    assert_eq!(scraper.oddities().duplicates, 2);
}

#[test]
fn of_two_spellings_the_first_counts_and_each_alone_is_enough() {
    let spelt = |names: &[&str]| {
        let page: String = names.iter().enumerate().map(|(i, name)| format!("{name} 0.{i}1\n")).collect();
        let readings = scraper().read(page.as_bytes(), T0).unwrap();
        values(&readings).get(&("kv_cache_usage_ratio", "")).copied()
    };
    assert_eq!(spelt(&["vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc"]), Some(0.11));
    for name in ["vllm_kv_cache_usage_perc", "vllm:gpu_cache_usage_perc", "{\"vllm.kv_cache_usage_perc\"}"] {
        assert_eq!(spelt(&[name]), Some(0.01), "{name}");
    }
    assert_eq!(spelt(&["vllm:cpu_cache_usage_perc"]), None);
}

#[test]
fn values_out_of_range_are_no_readings_and_are_counted() {
    let page = b"DCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} 187\nDCGM_FI_PROF_SM_ACTIVE{gpu=\"0\"} 61\n";
    let mut scraper = scraper();
    assert!(scraper.read(page, T0).unwrap().is_empty());
    assert_eq!(scraper.oddities().out_of_range, 2);
}

#[test]
fn gpus_of_several_hosts_keep_apart() {
    let page = b"DCGM_FI_DEV_GPU_UTIL{gpu=\"0\",Hostname=\"a\"} 80\nDCGM_FI_DEV_GPU_UTIL{gpu=\"0\",Hostname=\"b\"} 0\n";
    let readings = scraper().read(page, T0).unwrap();
    let want =
        BTreeMap::from([(("gpu_utilization_ratio", "a/0"), 0.8), (("gpu_utilization_ratio", "b/0"), 0.0)]);
    assert_eq!(values(&readings), want);
}
