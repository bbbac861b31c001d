use proptest::prelude::*;

use super::*;
use crate::limits::STREAM_LINE_BYTES;

fn decode(pieces: &[&[u8]]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for piece in pieces {
        events.extend(decoder.push(piece).unwrap());
    }
    events.extend(decoder.finish());
    events
}

fn event(kind: &str, data: &str) -> Event {
    Event { kind: kind.to_owned(), data: data.as_bytes().to_vec() }
}

#[test]
fn lines_fields_and_comments() {
    let stream = b"\xef\xbb\xbf: ping\n\ndata: one\r\ndata:two\r\rid: 7\nretry: 3\nevent: error\ndata\n\nevent: lost\n\ndata:  last";
    let want = [event("", "one\ntwo"), event("error", ""), event("", " last")];
    assert_eq!(decode(&[stream]), want);
}

#[test]
fn a_long_line_is_an_error_that_stays() {
    let line = vec![b'a'; STREAM_LINE_BYTES + 1];
    let mut decoder = Decoder::default();
    let err = decoder.push(&line).unwrap_err();
    assert_eq!(err.reason(), "too_long");
    assert_eq!(decoder.push(b"\n\ndata: x\n\n").unwrap_err(), err);
    assert_eq!(decoder.finish(), None);

    // An event of many lines, each short.
    let mut decoder = Decoder::default();
    let line = [b"data: ".as_slice(), &vec![b'a'; STREAM_LINE_BYTES / 2], b"\n"].concat();
    assert!(decoder.push(&line).is_ok());
    assert_eq!(decoder.push(&line).unwrap_err().reason(), "too_long");

    // The limit itself is allowed, in two pieces too.
    let mut decoder = Decoder::default();
    let line = vec![b':'; STREAM_LINE_BYTES];
    assert!(decoder.push(&line[..100]).is_ok());
    assert!(decoder.push(&line[100..]).is_ok());
    assert!(decoder.push(b"\n").is_ok());
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        &b"\n"[..],
        b"\r",
        b"\r\n",
        b"data: ",
        b"data:",
        b"data",
        b"event: e",
        b": c",
        b"x",
        b" ",
        b":",
        b"\xef\xbb\xbf",
        b"\xff",
        b"\xc3\xa9",
        b"{\"a\":1}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_split_gives_the_same_events(stream in stream(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &stream[cut[0]..cut[1]]).collect();
        prop_assert_eq!(decode(&pieces), decode(&[&stream]));
    }
}
