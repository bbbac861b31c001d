use super::*;

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
    let input = (count("llamacpp:prompt_tokens_total") - 95.0) / 10.0;
    assert!(output > 0.0 && input > 0.0);
    assert_eq!(values[&("output_tokens_per_second", "")], output);
    assert_eq!(values[&("input_tokens_per_second", "")], input);
}

#[test]
fn vllm_names_its_model() {
    let mapped = TargetKey { variant: "AllTraffic".into(), ..TargetKey::of_model("local", "smollm2") };
    let mut scraper = Scraper::new("local", HashMap::from([("smollm2".to_owned(), mapped.clone())]));
    let busy = scraper.read(VLLM_BUSY, T0).unwrap();
    let seen = values(&busy);
    assert_eq!(seen[&("requests_running", "")], 4.0);
    assert_eq!(seen[&("requests_waiting", "")], 8.0);
    assert_eq!(seen[&("kv_cache_usage_ratio", "")], 0.022_038_567_493_112_95);
    assert_eq!(seen.len(), 3);
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
    let page = b"DCGM_FI_DEV_FB_USED{gpu=\"0\"} 10\nDCGM_FI_DEV_GPU_UTIL{gpu=\"0\"} NaN\nother 1\n\xff\xff\n";
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
    assert_eq!(scraper.left_out(), 5);
}
