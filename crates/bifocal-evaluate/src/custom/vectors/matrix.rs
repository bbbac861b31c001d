//! A matrix in a safetensors file: eight bytes with the length of a header, a header in JSON, then the numbers.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Longest header, bytes: one matrix needs a hundred.
const HEADER_BYTES: usize = 64 << 10;

/// Rows of numbers.
#[derive(Debug)]
pub(super) struct Matrix {
    width: usize,
    numbers: Vec<f32>,
}

#[derive(Deserialize)]
struct Tensor {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

impl Matrix {
    /// Reads the only matrix of a file; an error says what is wrong.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let no_file = || "it is no safetensors file".to_owned();
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(no_file)?;
        let length =
            usize::try_from(u64::from_le_bytes(*length)).ok().filter(|length| *length <= HEADER_BYTES);
        let (header, data) = rest.split_at_checked(length.ok_or_else(no_file)?).ok_or_else(no_file)?;
        let mut header: BTreeMap<String, serde_json::Value> =
            serde_json::from_slice(header).map_err(|_| no_file())?;
        header.remove("__metadata__");
        let count = header.len();
        let only = header.into_values().next().filter(|_| count == 1);
        let only =
            only.ok_or_else(|| format!("it holds {count} tensors: one matrix of vectors is wanted"))?;
        let Tensor { dtype, shape, data_offsets: [from, to] } =
            serde_json::from_value(only).map_err(|_| no_file())?;
        let [rows, width] = shape[..] else {
            return Err(format!("its tensor has {} dimensions: a matrix has two", shape.len()));
        };
        let data = data.get(from..to).ok_or_else(|| "it ends before its numbers do".to_owned())?;
        let numbers: Vec<f32> = match dtype.as_str() {
            "F16" => data.as_chunks::<2>().0.iter().map(|half| of_half(u16::from_le_bytes(*half))).collect(),
            "F32" => data.as_chunks::<4>().0.iter().map(|single| f32::from_le_bytes(*single)).collect(),
            other => return Err(format!("its numbers are {other}: F16 and F32 are read")),
        };
        if rows == 0 || width == 0 || rows.checked_mul(width) != Some(numbers.len()) {
            return Err(format!("it has {} numbers for {rows} rows of {width}", numbers.len()));
        }
        if numbers.iter().any(|number| !number.is_finite()) {
            return Err("it holds a number that is none (NaN or infinite)".to_owned());
        }
        Ok(Self { width, numbers })
    }

    pub(super) fn rows(&self) -> usize {
        self.numbers.len() / self.width
    }

    /// The mean of these rows; `None` without any.
    pub(super) fn mean(&self, rows: &[u32]) -> Option<Vec<f32>> {
        let mut sum = vec![0.0; self.width];
        let mut count = 0_u32;
        for row in rows {
            let from = usize::try_from(*row).ok()?.checked_mul(self.width)?;
            let Some(row) = self.numbers.get(from..from + self.width) else { continue };
            sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
            count += 1;
        }
        (count > 0).then(|| sum.into_iter().map(|sum: f32| sum / count as f32).collect())
    }
}

/// IEEE 754 half precision: a sign, five bits of exponent, ten of fraction.
fn of_half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2.0_f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_what_ieee_says() {
        for (bits, wanted) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
        ] {
            assert_eq!(of_half(bits), wanted, "{bits:04x}");
        }
        assert!(of_half(0x7c00).is_infinite() && of_half(0x7e01).is_nan());
    }
}
