//! The core as the rest sees it: bytes, their determinism, and what each incident does to them.

use bifocal_model::{FinishReason, Span, Timestamp, TokenSource};
use bifocal_wire::{CallRequest, CallResponse, StreamDecoder, StreamKind, prometheus};

use super::*;
use crate::component::COMPONENTS;
use crate::load::{MEAN_ANSWER_TOKENS, MEAN_PROMPT_TOKENS};

fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

fn qwen() -> &'static Component {
    Fleet::component("qwen2.5-7b-instruct").unwrap()
}

fn read(response: &Response) -> CallResponse {
    if !response.is_streamed() {
        return CallResponse::parse(&response.body()).unwrap();
    }
    let mut decoder = StreamDecoder::new(StreamKind::Sse);
    for chunk in &response.chunks {
        decoder.push(&chunk.bytes).unwrap();
    }
    assert_eq!(decoder.bad_events(), 0);
    decoder.finish()
}

/// The exchanges of some seconds from noon.
fn exchanges(seed: u64, component: &Component, seconds: i64, incidents: &Incidents) -> Vec<Exchange> {
    let fleet = Fleet::new(seed);
    let to = noon() + Span::from_secs(seconds);
    let arrivals = fleet.arrivals(component, noon(), to, incidents);
    arrivals.iter().map(|due| fleet.exchange(component, due.index, due.time, incidents)).collect()
}

fn share(exchanges: &[Exchange], holds: impl Fn(&Exchange) -> bool) -> f64 {
    exchanges.iter().filter(|exchange| holds(exchange)).count() as f64 / exchanges.len() as f64
}

fn ttft(exchange: &Exchange) -> f64 {
    exchange.response.chunks[0].delay_seconds
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn is_streamed_answer(exchange: &&Exchange) -> bool {
    exchange.response.is_streamed()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_does_not() {
    let none = Incidents::none();
    let first = exchanges(1, qwen(), 30, &none);
    assert_eq!(first, exchanges(1, qwen(), 30, &none));
    assert_ne!(first, exchanges(2, qwen(), 30, &none));
    let fleet = Fleet::new(1);
    assert_eq!(fleet.metrics_text(noon(), &none), Fleet::new(1).metrics_text(noon(), &none));
    for exchange in &first {
        assert_eq!(fleet.time_of(qwen(), exchange.index), Some(exchange.time));
        assert_eq!(fleet.request(qwen(), exchange.index, exchange.time, &none), exchange.request);
    }
    // Cutting the time elsewhere changes nothing.
    let half = noon() + Span::from_secs_f64(15.5);
    let mut parts = fleet.arrivals(qwen(), noon(), half, &none);
    parts.extend(fleet.arrivals(qwen(), half, noon() + Span::from_secs(30), &none));
    let numbers: Vec<u64> = first.iter().map(|exchange| exchange.index).collect();
    assert_eq!(parts.iter().map(|due| due.index).collect::<Vec<_>>(), numbers);
}

#[test]
fn every_exchange_reads_as_openai_traffic() {
    for component in &COMPONENTS {
        let all = exchanges(5, component, 400, &Incidents::none());
        let (mut prompt_tokens, mut answer_tokens, mut stops, mut answers) = (0.0, 0.0, 0.0, 0.0);
        for exchange in &all {
            let request = CallRequest::parse(&exchange.request.body).unwrap();
            assert_eq!(request.model.as_deref(), Some(component.name));
            assert_eq!(request.messages.len(), 2);
            assert_eq!(request.stream, request.include_usage);
            let response = read(&exchange.response);
            if exchange.response.status != 200 {
                assert_eq!(response.error.unwrap().code, Some(exchange.response.status));
                continue;
            }
            assert_eq!(request.stream, exchange.response.is_streamed());
            assert!(response.complete && !response.text.is_empty());
            assert_eq!(response.served_model.as_deref(), Some(component.name));
            let output = response.usage.output.unwrap();
            assert_eq!(output.source, TokenSource::Server);
            prompt_tokens += f64::from(response.usage.input.unwrap().count);
            answer_tokens += f64::from(output.count);
            stops += f64::from(u8::from(response.finish_reason == Some(FinishReason::Stop)));
            answers += 1.0;
            let delays: Vec<f64> = exchange.response.chunks.iter().map(|chunk| chunk.delay_seconds).collect();
            assert!(delays.is_sorted() && delays[0] > 0.05, "{delays:?}");
        }
        assert!(answers / all.len() as f64 > 0.99);
        assert!(stops / answers > 0.98);
        assert!(
            (prompt_tokens / answers / MEAN_PROMPT_TOKENS - 1.0).abs() < 0.1,
            "{}",
            prompt_tokens / answers
        );
        assert!(
            (answer_tokens / answers / MEAN_ANSWER_TOKENS - 1.0).abs() < 0.1,
            "{}",
            answer_tokens / answers
        );
        assert!((share(&all, |exchange| exchange.response.is_streamed()) - 0.7).abs() < 0.03);
        let first_tokens = median(all.iter().filter(is_streamed_answer).map(ttft).collect());
        assert!((first_tokens / component.ttft_seconds - 1.0).abs() < 0.1, "{first_tokens}");
    }
}

#[test]
fn at_least_ten_requests_a_second_at_any_hour() {
    for component in &COMPONENTS {
        let rates: Vec<f64> = (0..24).map(|hour| component.rate(f64::from(hour) * 3600.0)).collect();
        assert!(rates.iter().all(|rate| *rate >= 10.0));
        assert!(rates.iter().copied().fold(0.0, f64::max) > 1.1 * rates.iter().copied().fold(99.0, f64::min));
    }
    let arrivals = exchanges(9, qwen(), 600, &Incidents::none()).len() as f64 / 600.0;
    let expected = qwen().rate(noon().as_secs_f64());
    assert!((arrivals - expected).abs() < 4.0 * (expected / 600.0).sqrt(), "{arrivals} {expected}");
}

#[test]
fn a_second_has_at_most_so_many_arrivals() {
    let busy = Component { requests_per_second: 500.0, ..COMPONENTS_ONE };
    let to = noon() + Span::from_secs(1);
    let arrivals = Fleet::new(1).arrivals(&busy, noon(), to, &Incidents::none());
    assert_eq!(arrivals.len() as u64, crate::limits::ARRIVALS_PER_SECOND);
}

const COMPONENTS_ONE: Component = Component {
    name: "busy",
    number: 9,
    requests_per_second: 0.0,
    busiest_hour: 12.0,
    ttft_seconds: 0.3,
    itl_seconds: (0.01, 0.02),
    gpus: &[],
    gpu_busy: 0.5,
    kv_cache: 0.3,
    gpu_memory_mib: 1.0,
};

#[test]
fn a_silent_degradation_changes_most_answers_and_no_latency() {
    let quiet = exchanges(3, qwen(), 300, &Incidents::none());
    let silent = exchanges(3, qwen(), 300, &Incidents::one(Incident::SilentDegradation, qwen().name, noon()));
    assert_eq!(quiet.len(), silent.len());
    let pairs: Vec<_> = quiet.iter().zip(&silent).collect();
    let changed = pairs.iter().filter(|(a, b)| read(&a.response).text != read(&b.response).text).count();
    let changed = changed as f64 / pairs.len() as f64;
    assert!((changed - 0.6).abs() < 0.04, "{changed}");
    for (before, after) in pairs.iter().filter(|(a, _)| a.response.is_streamed()) {
        assert_eq!(ttft(before), ttft(after));
        assert_eq!(before.response.status, after.response.status);
        assert_eq!(before.request, after.request);
    }
    let other = &COMPONENTS[0];
    let elsewhere = Incidents::one(Incident::SilentDegradation, qwen().name, noon());
    assert_eq!(exchanges(3, other, 60, &Incidents::none()), exchanges(3, other, 60, &elsewhere));
}

#[test]
fn an_overload_delays_the_first_token_and_leaves_the_answers() {
    let from = noon() - Span::from_secs(120);
    let overload = Incidents::one(Incident::Overload, qwen().name, from);
    let quiet = exchanges(3, qwen(), 120, &Incidents::none());
    let busy = exchanges(3, qwen(), 120, &overload);
    let waits: Vec<f64> = busy.iter().filter(is_streamed_answer).map(ttft).collect();
    assert!(waits.iter().all(|wait| (4.9..17.0).contains(wait)), "{waits:?}");
    assert!(share(&busy, |exchange| exchange.response.status >= 500) < 0.01);
    for (before, after) in quiet.iter().zip(&busy).filter(|(_, after)| after.response.status == 200) {
        assert_eq!(read(&before.response).text, read(&after.response).text);
    }
}

#[test]
fn an_outage_fails_most_requests() {
    let failing = exchanges(3, qwen(), 120, &Incidents::one(Incident::Outage, qwen().name, noon()));
    let failed = share(&failing, |exchange| exchange.response.status == 503);
    assert!((0.85..0.98).contains(&failed), "{failed}");
}

#[test]
fn a_harmless_deployment_changes_the_served_name_alone() {
    let quiet = exchanges(3, qwen(), 120, &Incidents::none());
    let renewed =
        exchanges(3, qwen(), 120, &Incidents::one(Incident::HarmlessDeployment, qwen().name, noon()));
    for (before, after) in quiet.iter().zip(&renewed).filter(|(before, _)| before.response.status == 200) {
        let (old, new) = (read(&before.response), read(&after.response));
        assert_eq!((&old.text, ttft(before), &before.request), (&new.text, ttft(after), &after.request));
        assert_eq!(new.served_model, old.served_model.map(|name| format!("{name}-r2")));
    }
}

#[test]
fn a_shift_of_the_mix_asks_in_german_and_answers_as_well_as_before() {
    let quiet = exchanges(3, qwen(), 300, &Incidents::none());
    let shifted = exchanges(3, qwen(), 300, &Incidents::one(Incident::MixShift, qwen().name, noon()));
    let german = |all: &[Exchange]| {
        share(all, |e| String::from_utf8_lossy(&e.request.body).contains("Assistent eines"))
    };
    assert!((german(&quiet) - 0.2).abs() < 0.03, "{}", german(&quiet));
    assert!((german(&shifted) - 0.76).abs() < 0.03, "{}", german(&shifted));
    let judge = Judge::new(3, JudgeTable::of_corpus());
    // What German answers are worth is the same before and after; what all are worth together is not.
    let worth = |all: &[Exchange], language: &str| {
        let of_language = all.iter().filter(|e| {
            String::from_utf8_lossy(&e.request.body).contains(language) && e.response.status == 200
        });
        let scores: Vec<f64> = of_language
            .filter_map(|e| {
                let request = CallRequest::parse(&e.request.body).unwrap();
                judge.frozen_score("relevance", &request.messages[1].text, &read(&e.response).text)
            })
            .collect();
        scores.iter().sum::<f64>() / scores.len() as f64
    };
    assert!((worth(&quiet, "Assistent eines") - worth(&shifted, "Assistent eines")).abs() < 0.03);
    assert!(worth(&quiet, "max_tokens") - worth(&shifted, "max_tokens") > 0.05);
    let (other, only) = (&COMPONENTS[0], Incidents::one(Incident::MixShift, qwen().name, noon()));
    assert_eq!(exchanges(3, other, 60, &Incidents::none()), exchanges(3, other, 60, &only));
}

#[test]
fn waste_keeps_a_few_requests() {
    let quiet = exchanges(3, qwen(), 600, &Incidents::none()).len() as f64;
    let idle =
        exchanges(3, qwen(), 600, &Incidents::one(Incident::CostWaste, qwen().name, noon())).len() as f64;
    assert!((0.01..0.035).contains(&(idle / quiet)), "{idle} of {quiet}");
}

fn gauge(page: &str, name: &str, component: &str) -> f64 {
    let page = prometheus::parse(page.as_bytes()).unwrap();
    assert_eq!((page.bad_lines, page.left_out), (0, 0));
    let mut found = page
        .samples
        .iter()
        .filter(|sample| sample.name == name && sample.label("model_name") == Some(component));
    found.next().unwrap_or_else(|| panic!("no {name} of {component}")).value
}

#[test]
fn metrics_tell_each_incident() {
    let fleet = Fleet::new(4);
    let later = noon() + Span::from_secs(300);
    let page = |incident| fleet.metrics_text(later, &Incidents::one(incident, qwen().name, noon()));
    let of = |page: &str, name| gauge(page, name, qwen().name);
    let quiet = fleet.metrics_text(later, &Incidents::none());
    assert_eq!(of(&quiet, "vllm:num_requests_waiting"), 0.0);
    assert!((5.0..50.0).contains(&of(&quiet, "vllm:num_requests_running")));
    assert!((50.0..80.0).contains(&of(&quiet, "DCGM_FI_DEV_GPU_UTIL")));
    let overload = page(Incident::Overload);
    assert!(of(&overload, "vllm:num_requests_waiting") > 50.0);
    assert!(of(&overload, "vllm:kv_cache_usage_perc") > 0.95);
    let waste = page(Incident::CostWaste);
    assert!(of(&waste, "DCGM_FI_DEV_GPU_UTIL") <= 2.0);
    assert_eq!(of(&waste, "DCGM_FI_DEV_FB_USED"), of(&quiet, "DCGM_FI_DEV_FB_USED"));
    assert_eq!(page(Incident::SilentDegradation), quiet);
    for name in ["vllm:num_requests_waiting", "DCGM_FI_DEV_GPU_UTIL"] {
        assert_eq!(gauge(&overload, name, COMPONENTS[0].name), gauge(&quiet, name, COMPONENTS[0].name));
    }
    let gpus = quiet.lines().filter(|line| line.starts_with("DCGM_FI_DEV_FB_FREE{gpu=")).count();
    assert_eq!(gpus, 3);
}

#[test]
fn counters_never_fall_and_the_past_stays() {
    let fleet = Fleet::new(4);
    let mut incidents = Incidents::none();
    let counters = ["vllm:prompt_tokens_total", "vllm:generation_tokens_total", "vllm:num_preemptions_total"];
    let mut last = [0.0; 3];
    let mut pages = Vec::new();
    for minute in 0..120 {
        let time = noon() + Span::from_mins(minute);
        let kinds = Incident::ALL;
        if minute % 20 == 5 {
            let kind = kinds[usize::try_from(minute).unwrap() / 20 % kinds.len()];
            assert!(incidents.start(kind, qwen().name, time));
        }
        if minute % 20 == 15 {
            incidents.stop_all(time);
        }
        let page = fleet.metrics_text(time, &incidents);
        for (name, last) in counters.iter().zip(&mut last) {
            let now = gauge(&page, name, qwen().name);
            assert!(now >= *last, "{name} fell from {last} to {now} in minute {minute}");
            *last = now;
        }
        pages.push((time, page));
    }
    assert!(last[2] > 10.0, "an overload preempts: {last:?}");
    for (time, page) in pages {
        assert_eq!(fleet.metrics_text(time, &incidents), page, "{time}");
    }
}

#[test]
fn a_history_is_an_even_thinning_of_seven_days() {
    let mut history = history(11, noon(), 7);
    let (start, probability) = (history.start(), history.capture_probability());
    let (mut exchanges, mut pages, mut last) = (0.0, 0_u32, start);
    let mut by_day = [0.0; 7];
    for item in history.by_ref() {
        let time = match item {
            HistoryItem::Exchange(exchange) => {
                exchanges += 1.0;
                let day = exchange.time.since(start).as_secs_f64() / 86_400.0;
                by_day[(0..7).find(|number| day < f64::from(*number + 1)).unwrap() as usize] += 1.0;
                exchange.time
            }
            HistoryItem::Metrics { time, text } => {
                assert!(text.contains("DCGM_FI_DEV_GPU_UTIL"));
                pages += 1;
                time
            }
        };
        assert!(last <= time && time < noon());
        last = time;
    }
    assert_eq!(pages, 7 * 1440);
    assert!((exchanges - 20_000.0_f64).abs() < 1_000.0, "{exchanges}");
    let counted = exchanges * probability.weight();
    let full = history.full_count() as f64;
    assert!((counted / full - 1.0).abs() < 0.03, "{counted} of {full}");
    assert!(full > 7.0 * 86_400.0 * 2.0 * 10.0);
    assert!(by_day.iter().all(|day| (day / (exchanges / 7.0) - 1.0_f64).abs() < 0.1), "{by_day:?}");
}
