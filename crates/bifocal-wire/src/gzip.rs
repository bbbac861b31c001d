//! Compressed bodies (`content-encoding: gzip`), unpacked as the bytes come in and to a limit: a few bytes can hold
//! gigabytes.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use crate::error::WireError;
use crate::limits::UNPACKED_BYTES;

/// The decoder. After an error it stays in it.
pub struct Decoder {
    inner: MultiGzDecoder<Bounded>,
    failed: Option<WireError>,
}

/// What was unpacked and not yet taken.
struct Bounded {
    unpacked: Vec<u8>,
    room: usize,
    is_full: bool,
}

impl Decoder {
    /// Whether a content encoding is the one that this decodes.
    pub fn is_for(encoding: &str) -> bool {
        ["gzip", "x-gzip"].iter().any(|name| encoding.trim().eq_ignore_ascii_case(name))
    }

    /// Unpacks the next bytes. On an error what came before it was added too.
    pub fn push(&mut self, bytes: &[u8], unpacked: &mut Vec<u8>) -> Result<(), WireError> {
        if let Some(err) = &self.failed {
            return Err(err.clone());
        }
        // Without the flush a short piece would wait for the next one, and its time would be that one's.
        let result = self.inner.write_all(bytes).and_then(|()| self.inner.flush());
        let bounded = self.inner.get_mut();
        unpacked.append(&mut bounded.unpacked);
        let err = match result {
            Ok(()) => return Ok(()),
            Err(_) if bounded.is_full => {
                WireError::TooLong { what: "an unpacked body", name: "unpacked_bytes", limit: UNPACKED_BYTES }
            }
            Err(_) => WireError::NotGzip,
        };
        self.failed = Some(err.clone());
        Err(err)
    }

    /// Whether the end of the bytes is the end of the packed body, checksum and all.
    pub fn finish(mut self) -> bool {
        self.failed.is_none() && self.inner.try_finish().is_ok()
    }
}

impl Default for Decoder {
    fn default() -> Self {
        let bounded = Bounded { unpacked: Vec::new(), room: UNPACKED_BYTES, is_full: false };
        Self { inner: MultiGzDecoder::new(bounded), failed: None }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("failed", &self.failed).finish_non_exhaustive()
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room);
        if taken == 0 && !bytes.is_empty() {
            self.is_full = true;
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.room -= taken;
        self.unpacked.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn each_piece_gives_what_it_holds_at_once() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let (mut decoder, mut sent) = (Decoder::default(), 0);
        for event in ["data: one\n\n", "data: two\n\n"] {
            encoder.write_all(event.as_bytes()).unwrap();
            encoder.flush().unwrap();
            let mut unpacked = Vec::new();
            decoder.push(&encoder.get_ref()[sent..], &mut unpacked).unwrap();
            sent = encoder.get_ref().len();
            assert_eq!(unpacked, event.as_bytes());
        }
        assert!(!decoder.finish(), "it was cut off");
    }

    #[test]
    fn a_bomb_is_unpacked_to_the_limit() {
        let bomb = packed(&vec![0; UNPACKED_BYTES + 1]);
        assert!(bomb.len() < UNPACKED_BYTES / 500, "{}", bomb.len());
        let (mut decoder, mut unpacked) = (Decoder::default(), Vec::new());
        let err = decoder.push(&bomb, &mut unpacked).unwrap_err();
        assert!(matches!(err, WireError::TooLong { name: "unpacked_bytes", .. }), "{err}");
        assert_eq!(unpacked.len(), UNPACKED_BYTES);
        assert_eq!(decoder.push(b"more", &mut unpacked), Err(err));
        let (mut decoder, mut unpacked) = (Decoder::default(), Vec::new());
        decoder.push(&packed(&vec![0; UNPACKED_BYTES]), &mut unpacked).unwrap();
        assert!(decoder.finish());
    }

    #[test]
    fn what_is_no_gzip_is_an_error_and_no_text() {
        let mut unpacked = Vec::new();
        let err = Decoder::default().push(b"{\"choices\": []} and so on", &mut unpacked).unwrap_err();
        assert_eq!((err, unpacked), (WireError::NotGzip, Vec::new()));
        assert!(Decoder::is_for("GZIP") && Decoder::is_for("x-gzip"));
        assert!(!Decoder::is_for("br") && !Decoder::is_for("gzip, br"));
    }

    proptest! {
        #[test]
        fn the_cut_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..2000), step in 1usize..300) {
            let (mut decoder, mut unpacked) = (Decoder::default(), Vec::new());
            for piece in packed(&bytes).chunks(step) {
                decoder.push(piece, &mut unpacked).unwrap();
            }
            prop_assert!(decoder.finish());
            prop_assert_eq!(unpacked, bytes);
        }
    }
}
