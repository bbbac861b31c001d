//! The wire format of protobuf, as much as is written here, and the block format of snappy without compression.

/// A message in the making.
#[derive(Debug, Default)]
pub(super) struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            #[expect(clippy::cast_possible_truncation, reason = "seven bits of it")]
            self.0.push((value as u8 & 0x7f) | 0x80);
            value >>= 7;
        }
        #[expect(clippy::cast_possible_truncation, reason = "below 128")]
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field << 3 | wire_type));
    }

    /// A whole number, an enum or a truth value.
    pub(super) fn whole(&mut self, field: u32, value: u64) {
        self.tag(field, 0);
        self.varint(value);
    }

    /// Eight bytes.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, 1);
        self.0.extend(value.to_le_bytes());
    }

    /// A floating-point number.
    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// Eight-byte numbers, packed.
    pub(super) fn packed64(&mut self, field: u32, values: impl ExactSizeIterator<Item = u64>) {
        self.tag(field, 2);
        self.varint(values.len() as u64 * 8);
        values.for_each(|value| self.0.extend(value.to_le_bytes()));
    }

    /// A text.
    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.tag(field, 2);
        self.varint(text.len() as u64);
        self.0.extend(text.as_bytes());
    }

    /// A message within.
    pub(super) fn inner(&mut self, field: u32, fill: impl FnOnce(&mut Message)) {
        let mut inner = Message::default();
        fill(&mut inner);
        self.tag(field, 2);
        self.varint(inner.0.len() as u64);
        self.0.append(&mut inner.0);
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Bytes of one literal: its length fits in two bytes.
const LITERAL: usize = 1 << 16;

/// Snappy's block format of literals alone: every reader takes it, and a page of metrics is small.
pub(super) fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = Message(Vec::with_capacity(bytes.len() + bytes.len() / LITERAL * 3 + 16));
    out.varint(bytes.len() as u64);
    for chunk in bytes.chunks(LITERAL) {
        let length = u16::try_from(chunk.len() - 1).unwrap_or(u16::MAX);
        // Tag 61: a literal whose length less one follows in two bytes.
        out.0.push(61 << 2);
        out.0.extend(length.to_le_bytes());
        out.0.extend(chunk);
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the encoding guide of protobuf.
    #[test]
    fn the_published_bytes() {
        let mut message = Message::default();
        message.whole(1, 150);
        assert_eq!(message.into_bytes(), [0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.text(2, "testing");
        assert_eq!(message.into_bytes(), [0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67]);
        let mut message = Message::default();
        message.inner(3, |inner| inner.whole(1, 150));
        assert_eq!(message.into_bytes(), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        let mut message = Message::default();
        message.packed64(6, [1, 2].into_iter());
        assert_eq!(message.into_bytes().len(), 2 + 16);
    }

    #[test]
    fn literals_hold_every_byte_with_its_length_before() {
        let bytes: Vec<u8> = (0..150_000_u32).map(|i| (i % 251) as u8).collect();
        let packed = snappy(&bytes);
        // 150,000 as a varint, then chunks of 65,536, 65,536 and 18,928.
        assert_eq!(packed[..3], [0xf0, 0x93, 0x09]);
        assert_eq!(packed.len(), 3 + 3 * 3 + bytes.len());
        assert_eq!(packed[3..6], [0xf4, 0xff, 0xff]);
        assert_eq!(packed[6..6 + LITERAL], bytes[..LITERAL]);
        assert_eq!(snappy(b""), [0]);
    }
}
