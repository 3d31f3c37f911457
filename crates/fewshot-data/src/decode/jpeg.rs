//! JPEG.

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::limits::{MAX_SIDE, check, compressed_to};
use super::orientation::orientation;
use super::raster::Raster;
use super::room::Room;

/// A block of 8x8 pixels takes a bit at least, whatever is in it: so many pixels a byte.
const DENSEST: usize = 1024;
/// Bytes that a pixel may take while it is decoded: three coefficients of a progressive file, and its colours.
const DECODING_BYTES: u64 = 9;

/// What a decoder says, on one line: some of its words hold line breaks, or the letters `\n` that stand for them.
fn words(error: impl std::fmt::Display) -> String {
    let text = error.to_string().replace("\\n", "\n");
    let parts: Vec<&str> = text.lines().map(|part| part.trim().trim_matches('"').trim()).collect();
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

fn reader(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    // Strict: the lenient mode fills the rest of a cut file with grey and reports success.
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(usize, usize), String> {
    let mut decoder = reader(bytes);
    decoder.decode_headers().map_err(words)?;
    let (width, height) = decoder.dimensions().ok_or("the header names no size")?;
    check(height, width)?;
    Ok(orientation(decoder.exif().map(Vec::as_slice)).turned(height, width))
}

pub(super) fn decode(bytes: &[u8]) -> Result<Raster, String> {
    let mut decoder = reader(bytes);
    decoder.decode_headers().map_err(words)?;
    let (width, height) = decoder.dimensions().ok_or("the header names no size")?;
    check(height, width)?;
    compressed_to(bytes.len(), height * width / DENSEST, (height, width))?;
    let _room = Room::take(DECODING_BYTES * (height * width) as u64);
    let (space, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    let orientation = orientation(decoder.exif().map(Vec::as_slice));
    let raster = if is_unusual(bytes) {
        decode_unusual(bytes, height, width)?
    } else {
        decoder.set_options(decoder.options().jpeg_set_out_colorspace(space));
        let pixels = decoder.decode().map_err(words)?;
        Raster::new(height, width, channels, pixels)?
    };
    Ok(orientation.apply(raster))
}

/// Whether `zune-jpeg` 0.5.15 returns wrong colours for this file without a word, or refuses what others read: sequential
/// files whose components lie in scans of their own (it takes their blocks for interleaved ones), and components that
/// are sampled more finely than the first, or three times as finely.
fn is_unusual(bytes: &[u8]) -> bool {
    let (mut is_sequential, mut components) = (false, 0);
    let mut rest = &bytes[2..];
    while let [0xFF, marker, after @ ..] = rest {
        match (marker, after) {
            (0xFF, _) => {
                rest = &rest[1..]; // fill bytes may precede a marker
                continue;
            }
            // Frames of baseline, extended sequential and progressive files: length, precision, height, width, then each
            // component's name, samples across and down, and table.
            (0xC0..=0xC2, [_, _, _, _, _, _, _, count, tables @ ..]) => {
                (is_sequential, components) = (*marker != 0xC2, *count);
                let sampling =
                    tables.chunks_exact(3).take(usize::from(*count)).map(|table| (table[1] >> 4, table[1] & 15));
                let first = sampling.clone().next().unwrap_or((1, 1));
                let mut others = sampling;
                if others.any(|(across, down)| across > first.0 || down > first.1 || across == 3 || down == 3) {
                    return true;
                }
            }
            (0xDA, [_, _, count, ..]) => return is_sequential && components > 1 && *count < components,
            _ => {}
        }
        let [high, low, ..] = after else { return false };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        rest = after.get(length..).unwrap_or(&[]);
    }
    false
}

/// With `jpeg-decoder`, which knows such files; it is slower, and refuses arithmetic coding as `zune-jpeg` does.
fn decode_unusual(bytes: &[u8], height: usize, width: usize) -> Result<Raster, String> {
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(3 * height * width);
    let pixels = decoder.decode().map_err(words)?;
    let info = decoder.info().ok_or("the header names no size")?;
    let channels = match info.pixel_format {
        jpeg_decoder::PixelFormat::L8 => 1,
        jpeg_decoder::PixelFormat::RGB24 => 3,
        other => return Err(format!("this layout of components is read for colour, not for {other:?}")),
    };
    Raster::new(info.height.into(), info.width.into(), channels, pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_decoder_says_is_one_line() {
        assert_eq!(words("the file is cut"), "the file is cut");
        assert_eq!(words("\"No more bytes\\n\""), "No more bytes");
        assert_eq!(words("Exhausted data\n  after 3 rows\n"), "Exhausted data after 3 rows");
    }
}
