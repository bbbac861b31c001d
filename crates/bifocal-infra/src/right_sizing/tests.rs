#![expect(clippy::cast_possible_truncation, reason = "indices and rounds, far below the limits")]

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;

use super::serving::{Request, broken_share, serve};
use super::*;
use crate::cost::Basis;

const OBJECTIVES: Objectives =
    Objectives { ttft_p95_seconds: Some(3.0), itl_p95_seconds: Some(0.060), duration_p95_seconds: None };

fn price() -> Figure {
    Figure::known(2.0, Basis::Allocation)
}

/// Uniform numbers in [0, 1), the same in every run.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }
}

/// Minutes of a made-up target: ITL 10 ms + 0.5 ms for each request in flight on a copy.
fn minutes(hours: i64, copies: f64, rate: impl Fn(i64) -> f64) -> Vec<Interval> {
    let minute = |m: i64| {
        let requests = rate(m / 60) * 60.0;
        // 100 tokens: b = r (1 + 0.05 b), r requests a second on a copy.
        let each = requests / 60.0 / copies;
        let in_flight = each / (1.0 - 0.05 * each);
        Interval {
            start: Timestamp::from_secs(m * 60),
            seconds: 60.0,
            requests,
            copies,
            concurrency: Some(in_flight * copies),
            duration_mean_seconds: Some(1.0 + 0.05 * in_flight),
            ttft_p95_seconds: Some(0.2),
            itl_p95_seconds: Some(0.010 + 0.000_5 * in_flight),
            kv_cache_usage: Some(0.01 * in_flight),
            waiting: Some(0.0),
            ..Interval::default()
        }
    };
    (0..hours * 60).map(minute).collect()
}

#[test]
fn an_idle_fleet_is_told_how_many_would_do_and_what_that_saves() {
    let day = minutes(48, 10.0, |hour| if hour % 24 < 8 { 2.0 } else { 20.0 });
    let advice = advise(&day, &OBJECTIVES, &price()).unwrap();
    // At most twice what was seen on a copy, with room: fewer than half, and not one.
    assert!((4..10).contains(&advice.copies), "{advice:?}");
    assert_eq!((advice.certainty, advice.hours, advice.hours_broken), (Certainty::Extrapolated, 48, 0));
    assert_eq!(advice.saving.usd, Some(2.0 * (10.0 - f64::from(advice.copies))));
    let quiet: Vec<u32> = advice.by_hour.iter().take(8).map(|(_, copies)| *copies).collect();
    assert!(quiet.iter().all(|copies| *copies < advice.copies), "{quiet:?}");
    let unknown = advise(&day, &OBJECTIVES, &Figure::unknown(Basis::Allocation, "the price")).unwrap();
    assert_eq!(unknown.saving.usd, None, "an unknown price saves nothing known");
}

#[test]
fn without_the_caches_use_a_copy_is_asked_for_no_more_than_was_seen() {
    let mut day = minutes(48, 10.0, |_| 20.0);
    day.iter_mut().for_each(|minute| minute.kv_cache_usage = None);
    let advice = advise(&day, &OBJECTIVES, &price()).unwrap();
    assert_eq!((advice.certainty, advice.capacity.bound), (Certainty::Measured, Bound::Seen));
    assert!(advice.copies >= 10, "as loaded as it is: nothing says that fewer would do: {advice:?}");
}

#[test]
fn rare_hours_may_break_and_frequent_ones_may_not() {
    // 80 hours; one in 40, or one in 10, has six times the load. What is left of it breaks the hour after it too.
    let rare = minutes(80, 10.0, |hour| if hour % 40 == 3 { 60.0 } else { 10.0 });
    let often = minutes(80, 10.0, |hour| if hour % 10 == 3 { 60.0 } else { 10.0 });
    let (rare, often) =
        (advise(&rare, &OBJECTIVES, &price()).unwrap(), advise(&often, &OBJECTIVES, &price()).unwrap());
    assert_eq!((rare.hours_broken, often.hours_broken), (4, 0));
    assert!(rare.copies < often.copies);
}

#[test]
fn too_few_copies_are_told_to_be_more_and_the_cost_is_said() {
    let mut day = minutes(48, 2.0, |hour| if hour % 24 < 12 { 2.0 } else { 30.0 });
    for minute in day.iter_mut().filter(|minute| minute.requests > 600.0) {
        minute.waiting = Some(20.0);
        minute.ttft_p95_seconds = Some(9.0);
    }
    let advice = advise(&day, &OBJECTIVES, &price()).unwrap();
    assert!(advice.copies > 2 && advice.saving.usd.unwrap() < 0.0, "{advice:?}");
}

#[test]
fn what_cannot_be_told_is_not_told() {
    let day = minutes(48, 4.0, |_| 10.0);
    let ask = |intervals: &[Interval], objectives: &Objectives| {
        advise(intervals, objectives, &price()).unwrap_err()
    };
    assert_eq!(ask(&day, &Objectives::default()), NoAdvice::NoObjective);
    assert_eq!(ask(&day[..60 * 11], &OBJECTIVES), NoAdvice::TooFewHours);
    assert_eq!(ask(&[], &OBJECTIVES), NoAdvice::NoConcurrency);
    let strict = Objectives { itl_p95_seconds: Some(0.001), ..OBJECTIVES };
    assert_eq!(ask(&day, &strict), NoAdvice::NeverKept);
    let no_copies: Vec<Interval> = day.iter().map(|minute| Interval { copies: 0.0, ..*minute }).collect();
    assert_eq!(ask(&no_copies, &OBJECTIVES), NoAdvice::NoConcurrency);
    let mut flood = day.clone();
    for minute in &mut flood[60 * 24..] {
        minute.concurrency = Some(1e6);
        minute.waiting = Some(1e6 - 40.0);
        minute.itl_p95_seconds = None;
        minute.ttft_p95_seconds = None;
    }
    assert_eq!(ask(&flood, &OBJECTIVES), NoAdvice::TooMany, "past the limit copies_tried");
    assert_eq!(fewest(|copies| copies >= 700), Some(700));
    assert_eq!(fewest(|copies| copies > COPIES_MAX), None);
}

#[test]
fn concurrency_that_is_not_measured_comes_from_durations() {
    let measured = minutes(48, 4.0, |hour| 5.0 + (hour % 12) as f64);
    let derived: Vec<Interval> =
        measured.iter().map(|minute| Interval { concurrency: None, ..*minute }).collect();
    let (a, b) =
        (advise(&measured, &OBJECTIVES, &price()).unwrap(), advise(&derived, &OBJECTIVES, &price()).unwrap());
    assert_eq!(a.copies, b.copies);
}

/// A file of the shared data; `None`, with a word on stderr, when it is not there.
fn shared(name: &str) -> Option<String> {
    let Some(shared) = std::env::var_os("BIFOCAL_SHARED") else {
        eprintln!("skipped: no shared data");
        return None;
    };
    let path = PathBuf::from(shared).join("data").join(name);
    let file = File::open(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text)
}

/// Arrivals at the rates of ServeGen (ten-minute bins, scaled to `mean_rps`), with the lengths that its clients had at
/// that time.
fn servegen(category: &str, mean_rps: f64) -> Option<Vec<Request>> {
    let (rates, tokens) = (shared("trace_servegen_rates.csv.gz")?, shared("trace_servegen_tokens.jsonl.gz")?);
    let bins: Vec<(f64, f64)> = rates
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|row| row[2] == category && row[3] == "ALL")
        .map(|row| (row[0].parse().unwrap(), row[1].parse().unwrap()))
        .collect();
    assert!(bins.len() >= 144, "{category}");
    let rows: Vec<serde_json::Value> =
        tokens.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rows: Vec<&serde_json::Value> = rows.iter().filter(|row| row["category"] == category).collect();
    let scale = mean_rps * bins.len() as f64 / bins.iter().map(|(_, rate)| rate).sum::<f64>();
    let mut random = Random(1);
    let mut requests = Vec::new();
    for (start, rate) in bins {
        let of_time: Vec<&&serde_json::Value> =
            rows.iter().filter(|row| (row["t_s"].as_f64().unwrap() - start).abs() < 21_600.0).collect();
        let known = if of_time.is_empty() { rows.iter().collect() } else { of_time };
        let mut at = start;
        loop {
            at += random.exponential(1.0 / (rate * scale).max(1e-9));
            if at >= start + 600.0 {
                break;
            }
            let row = known[(random.uniform() * known.len() as f64) as usize];
            let input = length(&row["input_tokens"], random.uniform());
            requests.push(Request { at, input, output: length(&row["output_tokens"], random.uniform()) });
        }
    }
    Some(requests)
}

/// A length at a quantile, on lines between the known ones.
fn length(of: &serde_json::Value, u: f64) -> f64 {
    let known = [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0];
    let at = |q: f64| of["q"][q.to_string()].as_f64().unwrap();
    let percent = (u * 100.0).clamp(1.0, 99.0);
    let upper = known.iter().position(|q| *q >= percent).unwrap().max(1);
    let (below, above) = (known[upper - 1], known[upper]);
    (at(below) + (at(above) - at(below)) * (percent - below) / (above - below)).max(1.0)
}

/// Azure's conversations of 33 minutes, with their own arrivals, again and again for a day whose load rises and falls.
fn azure() -> Option<Vec<Request>> {
    let trace = shared("trace_azure2023_conv.csv.gz")?;
    let rows: Vec<[f64; 3]> = trace
        .lines()
        .skip(1)
        .map(|line| {
            let numbers: Vec<f64> = line.split(',').map(|number| number.parse().unwrap()).collect();
            [numbers[0], numbers[1], numbers[2]]
        })
        .collect();
    let length = rows.last().unwrap()[0] + 1.0;
    let mut random = Random(2);
    let mut requests = Vec::new();
    for round in 0..(86_400.0 / length) as u32 {
        for [t, input, output] in &rows {
            let at = f64::from(round) * length + t;
            let share = 0.6 - 0.4 * (at / 86_400.0 * std::f64::consts::TAU).cos();
            if random.uniform() < share {
                requests.push(Request { at, input: *input, output: output.max(1.0) });
            }
        }
    }
    Some(requests)
}

/// Takes advice until it says no more, and serves the same load on what it says.
fn follow(name: &str, requests: &[Request], start: usize) {
    let mut copies = start;
    let mut intervals = serve(requests, copies);
    assert_eq!(broken_share(&intervals, &OBJECTIVES), 0.0, "{name}: there is plenty at first");
    for step in 0.. {
        let advice = advise(&intervals, &OBJECTIVES, &price()).unwrap();
        let now = advice.copies as usize;
        eprintln!("{name}: {} {:?} {}/{}", advice.copies, advice.capacity, advice.hours_broken, advice.hours);
        if now >= copies || step == 6 {
            break;
        }
        intervals = serve(requests, now);
        let broken = broken_share(&intervals, &OBJECTIVES);
        eprintln!(
            "{name}: {copies} to {now} copies ({:?}, {:?}), {:.1}% of hours broken",
            advice.capacity.bound,
            advice.certainty,
            100.0 * broken
        );
        assert!(broken <= BROKEN_SHARE, "{name}: {now} copies break {broken}");
        copies = now;
    }
    assert!(copies < start, "{name}: a fleet that idles is told so");
    // How much is left: the fewest that would have kept the 5%.
    let mut least = copies;
    while least > 1 && broken_share(&serve(requests, least - 1), &OBJECTIVES) <= BROKEN_SHARE {
        least -= 1;
    }
    eprintln!("{name}: ends at {copies} copies, {least} would have been enough");
    assert!(copies <= 2 * least, "{name}: {copies} where {least} would do is no advice");
}

#[test]
fn real_data_right_sizing_of_eight_days_of_chat_keeps_its_five_percent() {
    if let Some(requests) = servegen("language/m-large", 2.0) {
        follow("servegen m-large", &requests, 8);
    }
}

#[test]
fn real_data_right_sizing_of_a_day_of_reasoning_keeps_its_five_percent() {
    if let Some(requests) = servegen("reason/deepseek-r1", 2.0) {
        follow("servegen deepseek-r1", &requests, 40);
    }
}

#[test]
fn real_data_right_sizing_of_azure_conversations_keeps_its_five_percent() {
    if let Some(requests) = azure() {
        follow("azure conversations", &requests, 12);
    }
}
