//! A picture as PNG: eight bits of red, green and blue, one zlib stream.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n'];

/// The file. `pixels` holds three bytes each, row by row.
pub(super) fn encode(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut file = SIGNATURE.to_vec();
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    // Eight bits, true colour, and the only methods there are.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut file, *b"IHDR", &header);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    let row = width as usize * 3;
    // Writing to a Vec cannot fail.
    for line in pixels.chunks(row.max(1)) {
        let _ = packed.write_all(&[0]);
        let _ = packed.write_all(line);
    }
    chunk(&mut file, *b"IDAT", &packed.finish().unwrap_or_default());
    chunk(&mut file, *b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    file.extend(kind);
    file.extend(data);
    let mut sum = crc32fast::Hasher::new();
    sum.update(&kind);
    sum.update(data);
    file.extend(sum.finalize().to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn chunks_have_their_sums_and_the_pixels_come_back() {
        let pixels = [255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9];
        let file = encode(2, 2, &pixels);
        assert_eq!(file[..8], SIGNATURE);
        assert_eq!(&file[12..16], b"IHDR");
        // The end of every PNG, with its well-known sum.
        assert_eq!(file[file.len() - 12..], [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82]);
        let at = file.windows(4).position(|four| four == b"IDAT").unwrap();
        let length = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
        let mut rows = Vec::new();
        flate2::read::ZlibDecoder::new(&file[at + 4..at + 4 + length]).read_to_end(&mut rows).unwrap();
        assert_eq!(rows, [&[0], &pixels[..6], &[0], &pixels[6..]].concat());
    }
}
