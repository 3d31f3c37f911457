//! PNG.

use std::io::Cursor;

use super::limits::{MAX_PIXELS, check, compressed_to};
use super::orientation::orientation;
use super::raster::{Alpha, Decoded, Ground, Raster, flatten, high_bytes};
use super::room::Room;

/// deflate makes of one byte 1,032 at most.
const DENSEST: usize = 1032;

fn reader(bytes: &[u8]) -> png::Decoder<Cursor<&[u8]>> {
    let limits = png::Limits { bytes: 4 * MAX_PIXELS };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    // Samples of 16 bits stay as they are, so that their values are seen.
    decoder.set_transformations(png::Transformations::EXPAND);
    decoder.set_ignore_text_chunk(true);
    decoder
}

pub(super) fn dimensions(bytes: &[u8]) -> Result<(usize, usize), String> {
    let reader = reader(bytes).read_info().map_err(|error| error.to_string())?;
    let info = reader.info();
    let (height, width) = (info.height as usize, info.width as usize);
    check(height, width)?;
    Ok(orientation(info.exif_metadata.as_deref()).turned(height, width))
}

pub(super) fn decode(bytes: &[u8], ground: Option<Ground>) -> Result<Decoded, String> {
    let mut reader = reader(bytes).read_info().map_err(|error| error.to_string())?;
    let (height, width) = (reader.info().height as usize, reader.info().width as usize);
    check(height, width)?;
    compressed_to(bytes.len(), reader.info().raw_bytes() / DENSEST, (height, width))?;
    let size = reader.output_buffer_size().ok_or("its size overflows")?;
    let _room = Room::take(2 * size as u64);
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    pixels.truncate(frame.buffer_size());
    let orientation = orientation(reader.info().exif_metadata.as_deref());
    let (height, width) = (frame.height as usize, frame.width as usize);
    let (pixels, largest) = match frame.bit_depth {
        png::BitDepth::Sixteen => {
            let channels = frame.color_type.samples();
            let alpha = matches!(frame.color_type, png::ColorType::GrayscaleAlpha | png::ColorType::Rgba);
            let samples = pixels.chunks_exact(2).map(|sample| u16::from_be_bytes([sample[0], sample[1]]));
            high_bytes(samples, channels, channels - usize::from(alpha))
        }
        _ => (pixels, None),
    };
    let opaque = |channels, pixels| Ok((channels, pixels, Alpha::Opaque));
    let (channels, pixels, alpha) = match frame.color_type {
        png::ColorType::Grayscale => opaque(1, pixels),
        png::ColorType::Rgb => opaque(3, pixels),
        png::ColorType::GrayscaleAlpha => Ok(flatten(&pixels, 1, ground)),
        png::ColorType::Rgba => Ok(flatten(&pixels, 3, ground)),
        png::ColorType::Indexed => Err("its palette could not be applied"),
    }?;
    let raster = Raster::new(height, width, channels, pixels)?;
    Ok(Decoded { raster: orientation.apply(raster), alpha, largest })
}
