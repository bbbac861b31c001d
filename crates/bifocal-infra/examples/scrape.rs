//! Reads the recorded vLLM pages again and again, as those of eight engines, with the DCGM exporter's: run by
//! `cargo xtask bench scrape`. Prints how many samples it read; who runs it measures the CPU time.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints its result")]

use std::collections::HashMap;

use bifocal_infra::scrape::Scraper;
use bifocal_model::Timestamp;

const VLLM: [&str; 2] = [
    include_str!("../testdata/vllm-0.32.0-cpu-metrics-busy.txt"),
    include_str!("../testdata/vllm-0.32.0-cpu-metrics.txt"),
];
const DCGM: &str = include_str!("../testdata/dcgm-prof.txt");
const ENGINES: usize = 8;

fn main() {
    let rounds: u32 = std::env::args().nth(1).map_or(200, |rounds| rounds.parse().unwrap());
    let pages = VLLM.map(|page| {
        let engines = (0..ENGINES).map(|i| page.replace("engine=\"0\"", &format!("engine=\"{i}\"")));
        engines.collect::<String>() + DCGM
    });
    let samples = pages.each_ref().map(|page| page.lines().filter(|line| !line.starts_with('#')).count());
    let mut scraper = Scraper::new("local", HashMap::new());
    let (mut read, mut readings) = (0, 0);
    for round in 0..rounds {
        let which = usize::from(round % 2 == 1);
        let now = Timestamp::from_secs(i64::from(round) * 10);
        readings += scraper.read(pages[which].as_bytes(), now).unwrap().len();
        read += samples[which];
    }
    println!("{{\"samples\": {read}, \"readings\": {readings}}}");
}
