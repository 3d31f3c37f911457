//! BMP, GIF, TIFF and WebP, through the `image` crate.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::limits::{MAX_PIXELS, MAX_SIDE, check, compressed_to};
use super::orientation::Orientation;
use super::raster::{Alpha, Decoded, Ground, Raster, flatten, high_bytes};
use super::room::Room;

/// Bytes that a pixel may take while it is decoded: four channels of 16 bits, twice.
const DECODING_BYTES: u64 = 16;
/// Most pixels that are decoded.
const MOST: usize = MAX_PIXELS / 2;
/// The longest run of pixels that one code of GIF's compression (of 3 bits at least) can stand for.
const DENSEST_GIF: usize = 4096 * 8 / 3;

fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder + '_, String> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE as u32), Some(MAX_SIDE as u32));
    limits.max_alloc = Some(DECODING_BYTES * MOST as u64);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| error.to_string())
}

/// Height, width and orientation.
fn header(decoder: &mut impl ImageDecoder) -> Result<(usize, usize, Orientation), String> {
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    check(height, width)?;
    if height * width > MOST {
        return Err(format!("its size is {height}x{width}; up to {MOST} pixels are read in this format"));
    }
    let orientation = decoder.orientation().map_err(|error| error.to_string())?;
    Ok((height, width, Orientation::from_tag(orientation.to_exif().into())))
}

pub(super) fn dimensions(bytes: &[u8], format: ImageFormat) -> Result<(usize, usize), String> {
    let (height, width, orientation) = header(&mut decoder(bytes, format)?)?;
    Ok(orientation.turned(height, width))
}

pub(super) fn decode(bytes: &[u8], format: ImageFormat, ground: Option<Ground>) -> Result<Decoded, String> {
    let mut decoder = decoder(bytes, format)?;
    let (height, width, orientation) = header(&mut decoder)?;
    if format == ImageFormat::Gif {
        check_first_frame(bytes, height, width)?;
    }
    let _room = Room::take(DECODING_BYTES * (height * width) as u64);
    let image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    // As of PNG files, of samples of 16 bits the high byte counts.
    let (colours, has_alpha, (samples, largest)) = match image {
        DynamicImage::ImageLuma8(image) => (1, false, (image.into_raw(), None)),
        DynamicImage::ImageRgb8(image) => (3, false, (image.into_raw(), None)),
        DynamicImage::ImageLumaA8(image) => (1, true, (image.into_raw(), None)),
        DynamicImage::ImageRgba8(image) => (3, true, (image.into_raw(), None)),
        DynamicImage::ImageLuma16(image) => (1, false, high_bytes(image.into_raw().into_iter(), 1, 1)),
        DynamicImage::ImageRgb16(image) => (3, false, high_bytes(image.into_raw().into_iter(), 3, 3)),
        DynamicImage::ImageLumaA16(image) => (1, true, high_bytes(image.into_raw().into_iter(), 2, 1)),
        DynamicImage::ImageRgba16(image) => (3, true, high_bytes(image.into_raw().into_iter(), 4, 3)),
        _ => return Err("its samples are no whole numbers of 8 or 16 bits".into()),
    };
    let (channels, pixels, alpha) =
        if has_alpha { flatten(&samples, colours, ground) } else { (colours, samples, Alpha::Opaque) };
    Ok(Decoded { raster: orientation.apply(Raster::new(height, width, channels, pixels)?), alpha, largest })
}

/// The first frame of a GIF may be larger than its canvas, and the `image` crate asks for its memory whatever the limits are:
/// a frame that reaches beyond the canvas, or holds more than its file can, is refused.
fn check_first_frame(bytes: &[u8], height: usize, width: usize) -> Result<(), String> {
    let cut = || "it is cut off before its first frame".to_string();
    let byte = |at: usize| bytes.get(at).copied().map(usize::from).ok_or_else(cut);
    let short = |at: usize| Ok::<usize, String>(byte(at)? | byte(at + 1)? << 8);
    // Signature and canvas take 13 bytes; a flag there says whether a table of colours follows, and how long it is.
    let flags = byte(10)?;
    let mut at = 13 + if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) };
    while byte(at)? == 0x21 {
        at += 2;
        while byte(at)? != 0 {
            at += 1 + byte(at)?;
        }
        at += 1;
    }
    if byte(at)? != 0x2C {
        return Err("it has no frame".into());
    }
    let (left, top, frame_width, frame_height) = (short(at + 1)?, short(at + 3)?, short(at + 5)?, short(at + 7)?);
    if left + frame_width > width || top + frame_height > height {
        return Err(format!(
            "its first frame of {frame_height}x{frame_width} reaches beyond its {height}x{width} pixels"
        ));
    }
    compressed_to(bytes.len(), frame_height * frame_width / DENSEST_GIF, (frame_height, frame_width))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gif(canvas: [u8; 2], frame: [u8; 4]) -> Vec<u8> {
        let [width, height] = canvas;
        let [left, top, frame_width, frame_height] = frame;
        let extension = [0x21, 0xFE, 2, b'h', b'i', 0];
        let descriptor = [0x2C, left, 0, top, 0, frame_width, 0, frame_height, 0, 0];
        let start = [b'G', b'I', b'F', b'8', b'9', b'a', width, 0, height, 0, 0x80, 0, 0, 9, 9, 9, 200, 0, 0];
        // Two-bit codes: clear, the first colour, end.
        [&start[..], &extension, &descriptor, &[2, 2, 0b0100_0100, 0b0000_0001, 0, 0x3B]].concat()
    }

    #[test]
    fn frames_of_gifs_stay_on_their_canvas() {
        assert_eq!(check_first_frame(&gif([1, 1], [0, 0, 1, 1]), 1, 1), Ok(()));
        let beyond = check_first_frame(&gif([4, 4], [2, 0, 3, 1]), 4, 4).unwrap_err();
        assert!(beyond.contains("1x3 reaches beyond its 4x4"), "{beyond}");
        for kept in 0..34 {
            assert!(check_first_frame(&gif([1, 1], [0, 0, 1, 1])[..kept], 1, 1).is_err(), "{kept}");
        }
    }
}
