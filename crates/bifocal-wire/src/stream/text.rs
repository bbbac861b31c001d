//! A stream that is nothing but the answer's text. A character that is cut waits for its other half.

/// The decoder.
#[derive(Debug, Default)]
pub(super) struct Text {
    /// The start of a character; at most three bytes.
    partial: Vec<u8>,
}

impl Text {
    pub(super) fn feed(&mut self, bytes: &[u8], give: &mut impl FnMut(&str)) {
        let joined;
        let bytes = if self.partial.is_empty() {
            bytes
        } else {
            joined = [self.partial.as_slice(), bytes].concat();
            self.partial.clear();
            &joined
        };
        let whole = bytes.len() - cut_at_end(bytes);
        let (whole, partial) = bytes.split_at(whole);
        self.partial.extend_from_slice(partial);
        if !whole.is_empty() {
            give(&String::from_utf8_lossy(whole));
        }
    }

    pub(super) fn end(self, give: &mut impl FnMut(&str)) {
        if !self.partial.is_empty() {
            give(&String::from_utf8_lossy(&self.partial));
        }
    }
}

/// Bytes at the end that are the start of a character and could become a whole one.
fn cut_at_end(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    let begin = tail.iter().rposition(|byte| byte & 0b1100_0000 != 0b1000_0000);
    let Some(begin) = begin else { return 0 };
    let last = &tail[begin..];
    match std::str::from_utf8(last) {
        // An early end, not a wrong byte.
        Err(err) if err.error_len().is_none() => last.len(),
        _ => 0,
    }
}
