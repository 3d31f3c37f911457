//! JPEG and PNG bytes to pixels.

use std::io::Cursor;

use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// One decoded image, before it gets the size of its data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raster {
    pub height: usize,
    pub width: usize,
    /// 1 or 3.
    pub channels: usize,
    /// `[height, width, channels]`, row by row.
    pub pixels: Vec<u8>,
}

/// Longest side that is decoded. Larger headers are taken for damage, not for a reason to ask for gigabytes.
const MAX_SIDE: usize = 16_384;
/// Most pixels that are decoded, as above.
const MAX_PIXELS: usize = 1 << 27;

/// The two formats, told apart by their first bytes: names lie more often (a `.jpg` from the web is often a PNG).
enum Format {
    Jpeg,
    Png,
}

fn format(bytes: &[u8]) -> Result<Format, String> {
    match bytes {
        [] => Err("it has no bytes".into()),
        [0xFF, 0xD8, ..] => Ok(Format::Jpeg),
        [0x89, b'P', b'N', b'G', ..] => Ok(Format::Png),
        _ => Err(format!("neither JPEG nor PNG: it begins with {}", hex(bytes))),
    }
}

/// The first (at most 8) bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// Height and width of an image as it is to be seen (EXIF orientation applied), from its header.
///
/// `bytes` may stop anywhere after the header.
pub(crate) fn dimensions(bytes: &[u8]) -> Result<(usize, usize), String> {
    match format(bytes)? {
        Format::Jpeg => {
            let mut decoder = jpeg(bytes);
            decoder.decode_headers().map_err(|error| error.to_string())?;
            let (width, height) = decoder.dimensions().ok_or("the header names no size")?;
            check(height, width)?;
            Ok(orientation(decoder.exif().map(Vec::as_slice)).turned(height, width))
        }
        Format::Png => {
            let reader = png(bytes).read_info().map_err(|error| error.to_string())?;
            let info = reader.info();
            let (height, width) = (info.height as usize, info.width as usize);
            check(height, width)?;
            Ok(orientation(info.exif_metadata.as_deref()).turned(height, width))
        }
    }
}

/// Decodes an image: 8 bits a channel; greyscale stays one channel, everything else becomes red, green, blue.
///
/// 16-bit samples keep their high byte, palettes are looked up, an alpha channel is dropped (as the usual Python
/// loaders do), the EXIF orientation is applied. Of an animation the first frame counts. A file that is cut off or
/// whose data are damaged is refused, even where a viewer would show a part of it: half-grey images teach a network
/// nonsense.
pub(crate) fn decode(bytes: &[u8]) -> Result<Raster, String> {
    match format(bytes)? {
        Format::Jpeg => decode_jpeg(bytes),
        Format::Png => decode_png(bytes),
    }
}

fn jpeg(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    // Strict: the lenient mode fills the rest of a cut file with grey and reports success.
    let options = DecoderOptions::default().set_strict_mode(true).set_max_width(MAX_SIDE).set_max_height(MAX_SIDE);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

fn decode_jpeg(bytes: &[u8]) -> Result<Raster, String> {
    let mut decoder = jpeg(bytes);
    decoder.decode_headers().map_err(|error| error.to_string())?;
    let (width, height) = decoder.dimensions().ok_or("the header names no size")?;
    check(height, width)?;
    let (space, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    let orientation = orientation(decoder.exif().map(Vec::as_slice));
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(space));
    let pixels = decoder.decode().map_err(|error| error.to_string())?;
    Raster::new(height, width, channels, pixels).map(|raster| orientation.apply(raster))
}

fn png(bytes: &[u8]) -> png::Decoder<Cursor<&[u8]>> {
    let limits = png::Limits { bytes: 4 * MAX_PIXELS };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder
}

fn decode_png(bytes: &[u8]) -> Result<Raster, String> {
    let mut reader = png(bytes).read_info().map_err(|error| error.to_string())?;
    check(reader.info().height as usize, reader.info().width as usize)?;
    let size = reader.output_buffer_size().ok_or("its size overflows")?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    pixels.truncate(frame.buffer_size());
    let orientation = orientation(reader.info().exif_metadata.as_deref());
    let (channels, pixels) = match frame.color_type {
        png::ColorType::Grayscale => (1, pixels),
        png::ColorType::GrayscaleAlpha => (1, pixels.chunks_exact(2).map(|pixel| pixel[0]).collect()),
        png::ColorType::Rgb => (3, pixels),
        png::ColorType::Rgba => (3, pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect()),
        png::ColorType::Indexed => return Err("its palette could not be applied".into()),
    };
    Raster::new(frame.height as usize, frame.width as usize, channels, pixels).map(|raster| orientation.apply(raster))
}

fn check(height: usize, width: usize) -> Result<(), String> {
    if height == 0 || width == 0 {
        return Err(format!("its size is {height}x{width}"));
    }
    if height.max(width) > MAX_SIDE || height * width > MAX_PIXELS {
        return Err(format!("its size is {height}x{width}; sides to {MAX_SIDE} and {MAX_PIXELS} pixels are read"));
    }
    Ok(())
}

impl Raster {
    fn new(height: usize, width: usize, channels: usize, pixels: Vec<u8>) -> Result<Raster, String> {
        if pixels.len() == height * width * channels {
            Ok(Raster { height, width, channels, pixels })
        } else {
            Err(format!("{} bytes were decoded for {height}x{width}x{channels}", pixels.len()))
        }
    }
}

/// EXIF orientation as three steps: transpose, then mirror rows left to right, then top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Orientation {
    transpose: bool,
    mirror: bool,
    flip: bool,
}

/// The orientation in an EXIF block; upright where there is none or it cannot be read.
fn orientation(exif: Option<&[u8]>) -> Orientation {
    let value = exif
        .and_then(|block| exif::Reader::new().read_raw(block.to_vec()).ok())
        .and_then(|exif| exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?.value.get_uint(0));
    Orientation::from_tag(value.unwrap_or(1))
}

impl Orientation {
    /// The eight values of EXIF tag 0x0112 say where the stored first row and first column are to be seen.
    fn from_tag(value: u32) -> Orientation {
        let (transpose, mirror, flip) = match value {
            2 => (false, true, false),  // top, right: mirrored
            3 => (false, true, true),   // bottom, right: turned by 180 degrees
            4 => (false, false, true),  // bottom, left: upside down in a mirror
            5 => (true, false, false),  // left, top: transposed
            6 => (true, true, false),   // right, top: to be turned clockwise
            7 => (true, true, true),    // right, bottom: transposed along the other diagonal
            8 => (true, false, true),   // left, bottom: to be turned counter-clockwise
            _ => (false, false, false), // top, left: upright
        };
        Orientation { transpose, mirror, flip }
    }

    /// Height and width after the turn.
    fn turned(self, height: usize, width: usize) -> (usize, usize) {
        if self.transpose { (width, height) } else { (height, width) }
    }

    fn apply(self, raster: Raster) -> Raster {
        if self == Orientation::from_tag(1) {
            return raster;
        }
        let (height, width) = self.turned(raster.height, raster.width);
        let channels = raster.channels;
        let mut pixels = Vec::with_capacity(raster.pixels.len());
        for y in 0..height {
            for x in 0..width {
                let y = if self.flip { height - 1 - y } else { y };
                let x = if self.mirror { width - 1 - x } else { x };
                let (row, column) = if self.transpose { (x, y) } else { (y, x) };
                let start = (row * raster.width + column) * channels;
                pixels.extend_from_slice(&raster.pixels[start..start + channels]);
            }
        }
        Raster { height, width, channels, pixels }
    }
}

#[cfg(test)]
#[path = "decode_tests.rs"]
mod tests;
