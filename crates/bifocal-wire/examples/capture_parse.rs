//! How fast files of Data Capture can be read at most: what `bench/capture.py` runs beside Bifocal.
//!
//! `capture_parse FILE...` prints one JSON object: lines, bytes, and processor seconds of three ways of reading them:
//! `typed` by the JSON library alone, into structs that borrow from the line, the payloads that stand in it as text
//! included; `tree` the same into trees; `own` by Bifocal's reader, which makes a call of each line.
#![expect(clippy::print_stdout, reason = "a program that prints its result")]

use std::borrow::Cow;
use std::error::Error;
use std::hint::black_box;

use bifocal_wire::data_capture::parse_line;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    #[serde(borrow)]
    capture_data: Data<'a>,
    #[serde(borrow)]
    event_metadata: Metadata<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    endpoint_input: Side<'a>,
    #[serde(borrow)]
    endpoint_output: Side<'a>,
}

#[derive(Deserialize)]
struct Side<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    #[serde(borrow)]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    inference_time: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    choices: Vec<Choice<'a>>,
    usage: IgnoredAny,
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow)]
    message: Message<'a>,
}

fn main() -> Outcome<()> {
    let mut files = Vec::new();
    for path in std::env::args().skip(1) {
        files.push(std::fs::read(path)?);
    }
    let bytes: usize = files.iter().map(Vec::len).sum();
    let whole = || files.iter().flat_map(|file| file.split(|byte| *byte == b'\n'));
    let lines = || whole().filter(|line| !line.is_empty());
    let typed = seconds(|| lines().try_for_each(|line| typed(line).map(|n| _ = black_box(n))))?;
    let tree = seconds(|| lines().try_for_each(|line| tree(line).map(|made| drop(black_box(made)))))?;
    let own = seconds(|| {
        lines().try_for_each(|line| parse_line(line).map(|made| drop(black_box(made))).map_err(Into::into))
    })?;
    let result = serde_json::json!({
        "lines": lines().count(), "bytes": bytes, "typed": typed, "tree": tree, "own": own,
    });
    println!("{result}");
    Ok(())
}

fn typed(line: &[u8]) -> Outcome<usize> {
    let record: Record<'_> = serde_json::from_slice(line)?;
    let asked: Request<'_> = serde_json::from_str(&record.capture_data.endpoint_input.data)?;
    let said: Answer<'_> = serde_json::from_str(&record.capture_data.endpoint_output.data)?;
    black_box(&said.usage);
    let metadata = record.event_metadata.event_id.len() + record.event_metadata.inference_time.len();
    let asked: usize = asked.messages.iter().map(|message| message.content.len()).sum();
    Ok(metadata + asked + said.choices.iter().map(|choice| choice.message.content.len()).sum::<usize>())
}

fn tree(line: &[u8]) -> Outcome<[Value; 3]> {
    let record: Value = serde_json::from_slice(line)?;
    let side = |name: &str| record["captureData"][name]["data"].as_str().unwrap_or_default().to_owned();
    let (asked, said) = (side("endpointInput"), side("endpointOutput"));
    Ok([record, serde_json::from_str(&asked)?, serde_json::from_str(&said)?])
}

/// Processor time of this thread, which others on the machine do not lengthen.
fn processor_seconds() -> Outcome<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = text.split_whitespace().next().ok_or("no schedstat")?.parse::<f64>()?;
    Ok(nanos / 1e9)
}

/// Of the second pass; the first warms up.
fn seconds(mut pass: impl FnMut() -> Outcome<()>) -> Outcome<f64> {
    pass()?;
    let before = processor_seconds()?;
    pass()?;
    Ok(processor_seconds()? - before)
}
