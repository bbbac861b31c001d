use proptest::prelude::*;

use super::*;

/// A frame as the service writes one.
pub(crate) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut written = Vec::new();
    for (name, value) in headers {
        written.push(u8::try_from(name.len()).unwrap());
        written.extend(name.bytes());
        written.push(7);
        written.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        written.extend(value.bytes());
    }
    raw_frame(&written, payload)
}

fn raw_frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = |n: usize| u32::try_from(n).unwrap().to_be_bytes();
    let mut frame = Vec::new();
    frame.extend(length(16 + headers.len() + payload.len()));
    frame.extend(length(headers.len()));
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

pub(crate) fn part(payload: &[u8]) -> Vec<u8> {
    let headers = [
        (":message-type", "event"),
        (":event-type", "PayloadPart"),
        (":content-type", "application/octet-stream"),
    ];
    frame(&headers, payload)
}

pub(crate) fn exception(kind: &str, payload: &str) -> Vec<u8> {
    frame(&[(":message-type", "exception"), (":exception-type", kind)], payload.as_bytes())
}

/// A frame of botocore's own test suite (`tests/unit/test_eventstream.py`, Apache-2.0): headers of every kind.
const BOTOCORE: &[u8] = &[
    0x00, 0x00, 0x00, 0x3d, 0x00, 0x00, 0x00, 0x20, 0x07, 0xfd, 0x83, 0x96, 0x0c, b'c', b'o', b'n', b't',
    b'e', b'n', b't', b'-', b't', b'y', b'p', b'e', 0x07, 0x00, 0x10, b'a', b'p', b'p', b'l', b'i', b'c',
    b'a', b't', b'i', b'o', b'n', b'/', b'j', b's', b'o', b'n', b'{', b'\'', b'f', b'o', b'o', b'\'', b':',
    b'\'', b'b', b'a', b'r', b'\'', b'}', 0x8d, 0x9c, 0x08, 0xb1,
];

#[test]
fn a_frame_of_another_implementation_is_read() {
    assert_eq!(Decoder::default().push(BOTOCORE).unwrap(), [Frame::Other]);
    // The same without headers and payload, from the same suite.
    let empty = [0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff];
    assert_eq!(Decoder::default().push(&empty).unwrap(), [Frame::Other]);
    assert_eq!(raw_frame(b"", b""), empty);
}

#[test]
fn parts_failures_and_other_events() {
    let frames = [
        part(b"Hel"),
        part(b""),
        frame(&[(":message-type", "event"), (":event-type", "Weather")], b"rain"),
        exception("ModelStreamError", r#"{"Message":"m","ErrorCode":"StreamBroken"}"#),
        frame(
            &[
                (":message-type", "error"),
                (":error-code", "InternalError"),
                (":error-message", "An internal server error occurred"),
            ],
            b"",
        ),
        exception("rm -rf", "x"),
    ];
    let failure = |kind: &str, payload: &str| Frame::Failure {
        kind: kind.into(),
        payload: payload.as_bytes().to_vec(),
    };
    let want = [
        Frame::Part(b"Hel".to_vec()),
        Frame::Part(Vec::new()),
        Frame::Other,
        failure("ModelStreamError", r#"{"Message":"m","ErrorCode":"StreamBroken"}"#),
        failure("InternalError", "An internal server error occurred"),
        failure("unknown", "x"),
    ];
    let mut decoder = Decoder::default();
    assert_eq!(decoder.push(&frames.concat()).unwrap(), want);
    assert!(decoder.is_between_frames());
    decoder.push(&[0]).unwrap();
    assert!(!decoder.is_between_frames());
}

#[test]
fn values_of_every_kind_are_passed_over() {
    let mut headers = Vec::new();
    for (kind, value) in [
        (0, vec![]),
        (1, vec![]),
        (2, vec![1]),
        (3, vec![1; 2]),
        (4, vec![1; 4]),
        (5, vec![1; 8]),
        (6, vec![0, 2, 1, 1]),
        (8, vec![1; 8]),
        (9, vec![1; 16]),
    ] {
        headers.extend([1, b'x', kind]);
        headers.extend(value);
    }
    headers.extend(b"\x0b:event-type\x07\x00\x0bPayloadPart");
    let frames = Decoder::default().push(&raw_frame(&headers, b"p")).unwrap();
    assert_eq!(frames, [Frame::Part(b"p".to_vec())]);
}

#[test]
fn a_wrong_bit_anywhere_is_seen_and_stays_an_error() {
    let good = part(b"some text");
    for at in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[at / 8] ^= 1 << (at % 8);
        let mut decoder = Decoder::default();
        let err = decoder.push(&bad).unwrap_err();
        assert_eq!(err.reason(), "bad_frame", "bit {at}");
        assert_eq!(decoder.push(&good), Err(err), "no way back into step");
        assert!(!decoder.is_between_frames());
    }
}

#[test]
fn headers_and_lengths_that_make_no_sense_are_errors() {
    let reason = |frame: &[u8]| Decoder::default().push(frame).unwrap_err().to_string();
    assert!(reason(&raw_frame(&[5, b'x'], b"")).contains("end too early"));
    assert!(reason(&raw_frame(&[1, b'x', 7, 0, 9, b'y'], b"")).contains("end too early"));
    assert!(reason(&raw_frame(&[1, b'x', 42], b"")).contains("unknown kind"));
    for (total, headers) in [(15_u32, 0_u32), (0, 0), (20, 5), (u32::MAX, u32::MAX)] {
        let mut prelude = [total.to_be_bytes(), headers.to_be_bytes()].concat();
        prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
        assert!(reason(&prelude).contains("contradict"), "{total} {headers}");
    }
}

#[test]
fn a_frame_past_its_limit_fails_before_it_is_kept() {
    let prelude = |total: usize, headers: usize| {
        let lengths = [total, headers].map(|n| u32::try_from(n).unwrap().to_be_bytes());
        let mut prelude = lengths.concat();
        prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
        prelude
    };
    let name = |prelude: &[u8]| match Decoder::default().push(prelude) {
        Err(WireError::TooLong { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name(&prelude(FRAME_BYTES + 1, 0)), "frame_bytes");
    assert_eq!(name(&prelude(FRAME_BYTES, FRAME_HEADER_BYTES + 1)), "frame_header_bytes");
    Decoder::default().push(&prelude(FRAME_BYTES, FRAME_HEADER_BYTES)).unwrap();
    let longest = raw_frame(b"\x0b:event-type\x07\x00\x0bPayloadPart", &vec![b'x'; FRAME_BYTES - 16 - 26]);
    assert_eq!(longest.len(), FRAME_BYTES);
    assert_eq!(Decoder::default().push(&longest).unwrap().len(), 1);
}

proptest! {
    #[test]
    fn any_split_gives_the_same_frames(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6),
        step in 1usize..80,
        spoil in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut stream: Vec<u8> = payloads.iter().flat_map(|payload| part(payload)).collect();
        if let Some((at, byte)) = spoil && !stream.is_empty() {
            let at = at.index(stream.len());
            stream[at] = byte;
        }
        let mut whole = (Vec::new(), Decoder::default());
        let mut at_once = |frame: FrameView<'_>| { whole.0.push(Frame::from(frame)); Ok(()) };
        let result = whole.1.feed(&stream, &mut at_once);
        let mut frames = Vec::new();
        let mut decoder = Decoder::default();
        let mut last = Ok(());
        for piece in stream.chunks(step) {
            last = decoder.feed(piece, &mut |frame| { frames.push(Frame::from(frame)); Ok(()) });
        }
        prop_assert_eq!(frames, whole.0);
        prop_assert_eq!(last, result);
        prop_assert_eq!(decoder.is_between_frames(), whole.1.is_between_frames());
    }
}
