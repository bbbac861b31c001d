//! What must hold for any bytes, one function a parser. `fuzz_targets/` hands them to libFuzzer, `tests/` to
//! proptest. A breach is a panic.

#[cfg(feature = "backtest")]
mod backtest;
#[cfg(feature = "evaluate")]
mod evaluate;
#[cfg(feature = "evaluate")]
mod judge;

use bifocal_wire::{
    CAPTURE_LINE_BYTES, CallRequest, CallResponse, StreamDecoder, StreamKind, UNPACKED_BYTES, WireError,
    data_capture, event_stream, gzip, jsonlines, prometheus, promql, s3_notice, sse,
};

#[cfg(feature = "backtest")]
pub use backtest::backtest;
#[cfg(feature = "evaluate")]
pub use evaluate::evaluate;
#[cfg(feature = "evaluate")]
pub use judge::judge;

/// Streams: the first byte picks the kind and where to cut; the cut changes nothing.
pub fn stream(bytes: &[u8]) {
    let Some((choice, stream)) = bytes.split_first() else { return };
    let kind = if choice & 1 == 0 { StreamKind::Sse } else { StreamKind::JsonLines };
    let cut = usize::from(choice >> 1) * stream.len() / 127;
    let pieces = [&stream[..cut.min(stream.len())], &stream[cut.min(stream.len())..]];

    let mut at_once = StreamDecoder::new(kind);
    at_once.push(stream).expect("short of every limit");
    let mut in_two = StreamDecoder::new(kind);
    for piece in pieces {
        in_two.push(piece).expect("short of every limit");
    }
    assert_eq!(at_once.bad_events(), in_two.bad_events());
    let answer = at_once.finish();
    assert_eq!(answer, in_two.finish());
    assert!(answer.text.len() <= stream.len());

    let mut whole = sse::Decoder::default();
    let mut cut = sse::Decoder::default();
    let events = whole.push(stream).expect("short of every limit");
    let of_pieces: Vec<_> = pieces.iter().flat_map(|piece| cut.push(piece).expect("short")).collect();
    assert_eq!(events, of_pieces);
    assert_eq!(whole.finish(), cut.finish());

    let mut whole = jsonlines::Decoder::default();
    let mut cut = jsonlines::Decoder::default();
    let lines = whole.push(stream).expect("short of every limit");
    let of_pieces: Vec<_> = pieces.iter().flat_map(|piece| cut.push(piece).expect("short")).collect();
    assert_eq!(lines, of_pieces);
    assert_eq!(whole.finish(), cut.finish());
}

/// Frames of an event stream: the first byte picks where to cut; the cut changes nothing. The bytes as they are
/// are seldom frames, so they are also put into some, cut where the second byte says.
pub fn event_stream(bytes: &[u8]) {
    let [cut, step, stream @ ..] = bytes else { return };
    let framed: Vec<u8> = stream.chunks(usize::from(*step).max(1)).flat_map(part).collect();
    for stream in [stream, &framed] {
        let (head, tail) = stream.split_at(usize::from(*cut) * stream.len() / 255);
        let (mut whole, mut in_two) = (event_stream::Decoder::default(), event_stream::Decoder::default());
        let at_once = whole.push(stream);
        let of_pieces = in_two.push(head).and_then(|mut frames| {
            frames.extend(in_two.push(tail)?);
            Ok(frames)
        });
        assert_eq!(at_once, of_pieces);
        assert_eq!(whole.is_between_frames(), in_two.is_between_frames());
        let (mut whole, mut in_two) = (StreamDecoder::of_frames(None), StreamDecoder::of_frames(None));
        let failed = whole.push(stream).err();
        assert_eq!(in_two.push(head).err().or_else(|| in_two.push(tail).err()), failed);
        assert_eq!(whole.finish(), in_two.finish());
    }
    let mut plain = StreamDecoder::of_frames(Some("text/plain"));
    plain.push(&framed).expect("well formed");
    assert_eq!(plain.finish().text, String::from_utf8_lossy(stream));
}

/// A frame with a part of an answer, as the service writes one.
fn part(payload: &[u8]) -> Vec<u8> {
    const HEADERS: &[u8] = b"\x0d:message-type\x07\x00\x05event\x0b:event-type\x07\x00\x0bPayloadPart";
    let length = |n: usize| u32::try_from(n).expect("short").to_be_bytes();
    let mut frame = [length(16 + HEADERS.len() + payload.len()), length(HEADERS.len())].concat();
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(HEADERS);
    frame.extend(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

/// A packed body: the first byte picks where to cut; the cut changes nothing but how much came before an error.
pub fn packed(bytes: &[u8]) {
    let Some((choice, body)) = bytes.split_first() else { return };
    let (head, tail) = body.split_at(usize::from(*choice) * body.len() / 255);
    let (mut whole, mut cut) = (gzip::Decoder::default(), gzip::Decoder::default());
    let (mut at_once, mut in_two) = (Vec::new(), Vec::new());
    let result = whole.push(body, &mut at_once);
    let of_pieces = cut.push(head, &mut in_two).and_then(|()| cut.push(tail, &mut in_two));
    assert_eq!(result.is_ok(), of_pieces.is_ok());
    assert!(at_once.len() <= UNPACKED_BYTES && in_two.len() <= UNPACKED_BYTES);
    if result.is_ok() {
        assert_eq!(at_once, in_two);
        assert_eq!(whole.finish(), cut.finish());
    }
}

/// Calls of tools: the first byte picks where to cut. As a request's tools and an answer's calls the bytes are seldom either, so
/// they are arguments too, whole and in two pieces of a stream: the cut changes nothing.
pub fn tool_calls(bytes: &[u8]) {
    const TOOLS: &str = r#"{"messages":[],"tools":[{"function":{"name":"f","parameters":
        {"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}}}]}"#;
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let cut = text.floor_char_boundary(usize::from(*cut) * text.len() / 255);
    let piece = |index: u32, name: &str, text: &str| {
        serde_json::json!({"choices": [{"delta": {"tool_calls":
            [{"index": index, "function": {"name": name, "arguments": text}}]}}]})
        .to_string()
    };
    let calls = |pieces: &[String]| {
        let mut decoder = StreamDecoder::new(StreamKind::Sse);
        for piece in pieces {
            decoder.push(format!("data: {piece}\n\n").as_bytes()).expect("short of every limit");
        }
        decoder.finish().tool_calls
    };
    let whole = calls(&[piece(0, "f", &text)]);
    assert_eq!(whole, calls(&[piece(0, "f", &text[..cut]), piece(0, "", &text[cut..])]));
    let tools = CallRequest::parse(TOOLS.as_bytes()).expect("a request").tools.expect("a tool");
    let said = tools.check(&whole).expect("one call");
    let fits = serde_json::from_str::<serde_json::Value>(&text)
        .is_ok_and(|value| value["a"].is_i64() || value["a"].is_u64());
    assert!(!fits || said.fault.is_none(), "{text}");
    if let Ok(CallRequest { tools: Some(tools), .. }) = CallRequest::parse(bytes) {
        let _ = tools.check(&whole);
    }
    if let Ok(response) = CallResponse::parse(bytes) {
        let _ = tools.check(&response.tool_calls);
    }
}

/// A line of a Data Capture file.
pub fn capture_line(bytes: &[u8]) {
    assert!(bytes.len() <= CAPTURE_LINE_BYTES);
    match data_capture::parse_line(bytes) {
        Ok(call) => {
            assert!(call.request.is_some() || call.response.is_some() || call.failed.is_some());
            assert!(call.response.is_none() || call.failed.is_none());
        }
        Err(err) => assert!(!err.reason().is_empty()),
    }
}

/// A notification of S3: every object that it tells of has a bucket and a key.
pub fn s3_notice(bytes: &[u8]) {
    match s3_notice::parse(bytes) {
        Ok(notice) => {
            let is_whole = |object: &s3_notice::WrittenObject| !object.bucket.is_empty() && !object.key.is_empty();
            assert!(notice.written.iter().all(is_whole));
            assert!(notice.written.len() as u64 + notice.others <= bytes.len() as u64);
        }
        Err(err) => assert_quiet(&err, bytes),
    }
}

/// An answer of PromQL: every series has a value, and an error names no text.
pub fn promql(bytes: &[u8]) {
    for result in [promql::vector(bytes).map(|found| found.series.len()), promql::names(bytes).map(|found| found.names.len())] {
        match result {
            Ok(found) => assert!(found <= bytes.len()),
            Err(err) => assert_quiet(&err, bytes),
        }
    }
}

/// A Prometheus page: each line is a sample, bad, or passed over.
pub fn prometheus(bytes: &[u8]) {
    let page = prometheus::parse(bytes).expect("short of the limit");
    let lines = bytes.split(|byte| *byte == b'\n').count();
    assert!(page.samples.len() as u64 + page.bad_lines + page.left_out <= lines as u64);
    // Shown one by one they are the same.
    let mut shown = page.samples.iter();
    let passed = prometheus::visit(bytes, |line| {
        let sample = shown.next().expect("as many as were read");
        assert_eq!(
            (line.name.as_ref(), line.value.to_bits()),
            (sample.name.as_str(), sample.value.to_bits())
        );
        for (key, value) in &sample.labels {
            assert!(line.labels.iter().any(|(k, v)| k == key && v == value));
        }
    });
    assert_eq!(passed.expect("short of the limit").bad_lines, page.bad_lines);
    assert!(shown.next().is_none());
    for sample in &page.samples {
        assert!(!sample.name.is_empty());
        assert!(sample.labels.iter().all(|(key, _)| !key.is_empty()));
    }
}

/// The body of a request.
pub fn request(bytes: &[u8]) {
    match CallRequest::parse(bytes) {
        Ok(request) => {
            assert!(request.model.is_none_or(|model| !model.is_empty()));
            let roles = ["system", "developer", "user", "assistant", "tool", "function", "other"];
            assert!(request.messages.iter().all(|message| roles.contains(&message.role.as_str())));
        }
        Err(err) => assert_quiet(&err, bytes),
    }
}

/// The body of a response.
pub fn response(bytes: &[u8]) {
    match CallResponse::parse(bytes) {
        Ok(response) => {
            assert!(response.complete && !response.truncated);
            assert!(response.has_text || response.text.is_empty());
        }
        Err(err) => assert_quiet(&err, bytes),
    }
}

/// Text of any kind: redacting twice changes nothing and finds nothing.
pub fn redact(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (once, findings) = bifocal_redact::redact(&text);
    assert!(findings.iter().all(|finding| finding.count > 0));
    if findings.is_empty() {
        assert_eq!(once.as_str(), text);
    }
    let (twice, more) = bifocal_redact::redact(once.as_str());
    assert!(more.is_empty(), "found again: {more:?}");
    assert_eq!(once, twice);
}

/// An error names a place, never the text: it must not grow with what was read.
fn assert_quiet(err: &WireError, bytes: &[u8]) {
    assert!(err.to_string().len() < 200, "{err} for {} bytes", bytes.len());
}
