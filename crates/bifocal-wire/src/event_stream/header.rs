//! The headers of a frame: those that say what the frame is; the rest is passed over by its length.

use crate::error::WireError;

const CUT: WireError = WireError::BadFrame { what: "its headers end too early" };

/// What the headers say; empty where they do not.
#[derive(Debug, Default)]
pub(super) struct Headers<'a> {
    /// `event`, `exception` or `error`.
    pub(super) message_type: &'a str,
    pub(super) event_type: &'a str,
    exception_type: &'a str,
    error_code: &'a str,
    pub(super) error_message: &'a str,
}

impl<'a> Headers<'a> {
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut headers = Self::default();
        while !bytes.is_empty() {
            let name_length = usize::from(take(&mut bytes, 1)?[0]);
            let name = take(&mut bytes, name_length)?;
            let value = value(&mut bytes)?;
            let known = match name {
                b":message-type" => &mut headers.message_type,
                b":event-type" => &mut headers.event_type,
                b":exception-type" => &mut headers.exception_type,
                b":error-code" => &mut headers.error_code,
                b":error-message" => &mut headers.error_message,
                _ => continue,
            };
            *known = value.and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
        }
        Ok(headers)
    }

    /// The failure's name, where it is one: letters and digits, so that it can be shown.
    pub(super) fn failure_kind(&self) -> &'a str {
        let said = if self.exception_type.is_empty() { self.error_code } else { self.exception_type };
        let is_name = (1..=64).contains(&said.len()) && said.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_name { said } else { "unknown" }
    }
}

/// Takes one value; `None` for one that is no text.
fn value<'a>(bytes: &mut &'a [u8]) -> Result<Option<&'a [u8]>, WireError> {
    let kind = take(bytes, 1)?[0];
    let fixed = match kind {
        // true, false
        0 | 1 => 0,
        // 8, 16, 32 and 64 bits
        2 => 1,
        3 => 2,
        4 => 4,
        5 => 8,
        // bytes, text
        6 | 7 => {
            let length = take(bytes, 2)?;
            let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
            let value = take(bytes, length)?;
            return Ok((kind == 7).then_some(value));
        }
        // time
        8 => 8,
        // UUID
        9 => 16,
        _ => return Err(WireError::BadFrame { what: "a header has a value of an unknown kind" }),
    };
    take(bytes, fixed)?;
    Ok(None)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], WireError> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(CUT)?;
    *bytes = rest;
    Ok(taken)
}
