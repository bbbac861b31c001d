use proptest::prelude::*;

use super::*;

fn read(page: &str) -> Exposition {
    parse(page.as_bytes()).unwrap()
}

fn value(page: &Exposition, name: &str) -> f64 {
    let mut found = page.samples.iter().filter(|sample| sample.name == name);
    let sample = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} twice");
    sample.value
}

#[test]
fn the_pages_of_real_servers_are_read_whole() {
    for (page, samples) in [
        (include_str!("../../testdata/llamacpp-metrics.txt"), 15),
        (include_str!("../../testdata/llamacpp-metrics-busy.txt"), 15),
        (include_str!("../../testdata/vllm-0.32.0-cpu-metrics.txt"), 442),
        (include_str!("../../testdata/vllm-0.32.0-cpu-metrics-busy.txt"), 442),
    ] {
        let page = read(page);
        assert_eq!((page.samples.len(), page.bad_lines, page.left_out), (samples, 0, 0));
    }
    let llamacpp = read(include_str!("../../testdata/llamacpp-metrics-busy.txt"));
    assert_eq!(value(&llamacpp, "llamacpp:requests_processing"), 2.0);
    assert_eq!(value(&llamacpp, "llamacpp:requests_deferred"), 10.0);
    assert_eq!(value(&llamacpp, "llamacpp:n_busy_slots_per_decode"), 1.81176);
    let vllm = read(include_str!("../../testdata/vllm-0.32.0-cpu-metrics-busy.txt"));
    assert_eq!(value(&vllm, "vllm:num_requests_running"), 4.0);
    assert_eq!(value(&vllm, "vllm:num_requests_waiting"), 8.0);
    assert_eq!(value(&vllm, "vllm:kv_cache_usage_perc"), 0.02203856749311295);
    assert_eq!(value(&vllm, "vllm:generation_tokens_total"), 368.0);
    let running = vllm.samples.iter().find(|s| s.name == "vllm:num_requests_running").unwrap();
    assert_eq!(running.label("model_name"), Some("smollm2"));
    assert_eq!(running.label("engine"), Some("0"));
    assert_eq!(running.label("none"), None);
}

#[test]
fn the_corners_of_the_format() {
    let page = read(concat!(
        "# HELP a b\n# TYPE a counter\n\n",
        "plain 1\n",
        "  spaced  {  a = \"x\" , b=\"y\" , }  2.5e3   1395066363000\r\n",
        "escapes{a=\"q\\\"b\\\\n\\nl\\t\"} -0\n",
        "bucket{le=\"+Inf\"} 7 # {trace_id=\"abc\"} 0.5 1.0\n",
        "nan NaN\ninf +Inf\nless -Inf\n",
        "{\"quoted.name\",\"quoted.label\"=\"v\"} 3\n",
        "brace{a=\"}\"} 4\n",
        "# EOF\nafter 9\n",
    ));
    assert_eq!(page.bad_lines, 0);
    let names: Vec<&str> = page.samples.iter().map(|sample| sample.name.as_str()).collect();
    assert_eq!(names, ["plain", "spaced", "escapes", "bucket", "nan", "inf", "less", "quoted.name", "brace"]);
    assert_eq!(page.samples[1].value, 2500.0);
    assert_eq!((page.samples[1].label("a"), page.samples[1].label("b")), (Some("x"), Some("y")));
    assert_eq!(page.samples[2].label("a"), Some("q\"b\\n\nl\\t"));
    assert_eq!((page.samples[3].value, page.samples[3].label("le")), (7.0, Some("+Inf")));
    assert!(page.samples[4].value.is_nan());
    assert_eq!(page.samples[5].value, f64::INFINITY);
    assert_eq!(page.samples[6].value, f64::NEG_INFINITY);
    assert_eq!(page.samples[7].label("quoted.label"), Some("v"));
    assert_eq!(page.samples[8].label("a"), Some("}"));
}

#[test]
fn one_bad_line_hides_no_other() {
    for bad in [
        "novalue",
        "9name 1",
        "a{b=\"c\" 1",
        "a{b=c} 1",
        "a{b} 1",
        "a{=\"c\"} 1",
        "a{b=\"c\"d=\"e\"} 1",
        "a one",
        "a infinity",
        "a 0x10",
        "a{b=\"c\\\"} 1",
        "{} 1",
        "{\"only\"} ",
        "-a 1",
        "a{b=\"c\"}",
        "a 1e",
        "é 1",
    ] {
        let page = read(&format!("before 1\n{bad}\nafter 2\n"));
        assert_eq!((page.samples.len(), page.bad_lines), (2, 1), "{bad}");
    }
    let page = parse(b"before 1\na{b=\"\xff\"} 1\nafter 2").unwrap();
    assert_eq!((page.samples.len(), page.bad_lines), (2, 1));
}

#[test]
fn every_limit_is_reached() {
    let line = |length: usize| format!("a{{b=\"{}\"}} 1\n", "x".repeat(length - "a{b=\"\"} 1".len()));
    let page = read(&(line(SAMPLE_LINE_BYTES) + &line(SAMPLE_LINE_BYTES + 1)));
    assert_eq!((page.samples.len(), page.bad_lines), (1, 1));

    let labels = |n: usize| format!("a{{{}}} 1\n", vec!["b=\"c\""; n].join(","));
    let page = read(&(labels(LABELS) + &labels(LABELS + 1)));
    assert_eq!((page.samples.len(), page.bad_lines), (1, 1));

    let page = read(&"a 1\n".repeat(SAMPLES + 3));
    assert_eq!((page.samples.len(), page.left_out), (SAMPLES, 3));

    let err = parse(&vec![b'\n'; EXPOSITION_BYTES + 1]).unwrap_err();
    assert_eq!(err.reason(), "too_long");
    assert_eq!(
        err.to_string(),
        "read a Prometheus page of more than 33554432 bytes (limit `exposition_bytes`)"
    );
}

fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        name in "[a-z_:][a-z0-9_:]{0,10}",
        labels in prop::collection::vec(("[a-z_]{1,5}", "\\PC{0,10}|[\"\\\\\n{}=, ]{0,6}"), 0..5),
        number in prop::num::f64::NORMAL,
    ) {
        let list: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", quoted(value))).collect();
        let page = read(&format!("{name}{{{}}} {number}\n", list.join(",")));
        prop_assert_eq!(page.bad_lines, 0);
        prop_assert_eq!(&page.samples, &vec![Sample { name, labels, value: number }]);
    }

    #[test]
    fn any_page_will_do(page in prop::collection::vec(any::<u8>(), 0..200)) {
        let lines = page.split(|byte| *byte == b'\n').count();
        let read = parse(&page).unwrap();
        prop_assert!(read.samples.len() <= lines);
    }

    #[test]
    fn any_line_of_likely_bytes_will_do(line in "[a{}\"=,\\\\ 1.e+#é]{0,30}") {
        let read = read(&line);
        prop_assert!(read.samples.len() as u64 + read.bad_lines <= 1);
    }
}
