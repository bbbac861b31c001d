//! The frames of a response stream, as the service writes them.

const EVENT: [(&str, &str); 3] = [
    (":message-type", "event"),
    (":event-type", "PayloadPart"),
    (":content-type", "application/octet-stream"),
];

/// Bytes of the model as the service hands them on: in two parts, cut without regard to lines or characters.
pub(super) fn parts(bytes: &[u8]) -> Vec<u8> {
    let (head, tail) = bytes.split_at(bytes.len() * 2 / 3);
    [head, tail].into_iter().filter(|part| !part.is_empty()).flat_map(|part| frame(&EVENT, part)).collect()
}

/// The last frame of a stream that failed.
pub(super) fn exception(kind: &str, body: &str) -> Vec<u8> {
    let headers =
        [(":message-type", "exception"), (":exception-type", kind), (":content-type", "application/json")];
    frame(&headers, body.as_bytes())
}

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut of_headers = Vec::new();
    for (name, value) in headers {
        // All names and values here are short constants.
        of_headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        of_headers.extend_from_slice(name.as_bytes());
        of_headers.push(7);
        of_headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        of_headers.extend_from_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = Vec::with_capacity(16 + of_headers.len() + payload.len());
    frame.extend_from_slice(&length(16 + of_headers.len() + payload.len()));
    frame.extend_from_slice(&length(of_headers.len()));
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&of_headers);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}
