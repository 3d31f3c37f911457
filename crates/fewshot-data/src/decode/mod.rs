//! The bytes of an image file to pixels.

mod format;
mod jpeg;
mod orientation;
mod others;
mod png;
mod room;

pub(crate) use format::{Format, hex};
pub(crate) use room::ROOM;

use crate::Shape;

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

impl Raster {
    pub fn shape(&self) -> Shape {
        Shape { height: self.height, width: self.width, channels: self.channels }
    }
}

/// An image, and what became of its transparency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub raster: Raster,
    pub alpha: Alpha,
}

/// What an alpha channel that was dropped had to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alpha {
    /// Nothing: there was none, all of it was opaque, or it was laid on a ground.
    Opaque,
    /// Some pixels are transparent.
    Partly,
    /// Everything: without it, all pixels have one colour.
    Alone,
}

/// The colour (red, green, blue) on which transparent images are laid.
pub type Ground = [u8; 3];

/// Longest side that is decoded. Larger headers are taken for damage, not for a reason to ask for gigabytes.
const MAX_SIDE: usize = 16_384;
/// Most pixels that are decoded, as above.
const MAX_PIXELS: usize = 1 << 27;

/// Height and width of an image as it is to be seen (EXIF orientation applied), from its header.
///
/// `bytes` may stop anywhere after the header.
pub(crate) fn dimensions(bytes: &[u8]) -> Result<(usize, usize), String> {
    match Format::of(bytes)? {
        Format::Jpeg => jpeg::dimensions(bytes),
        Format::Png => png::dimensions(bytes),
        Format::Other(format) => others::dimensions(bytes, format),
        Format::Unread(name) => Err(unread(name)),
    }
}

/// Decodes an image: 8 bits a channel; greyscale stays one channel, everything else becomes red, green, blue.
///
/// Samples of 16 bits keep their high byte, palettes are looked up, the EXIF orientation is applied. An alpha channel is
/// dropped (as the usual Python loaders do) unless there is a `ground` to lay the image on. Of an animation the first
/// frame counts. A file that is cut off or whose data are damaged is refused, even where a viewer would show a part of
/// it: half-grey images teach a network nonsense.
pub(crate) fn decode(bytes: &[u8], ground: Option<Ground>) -> Result<Decoded, String> {
    match Format::of(bytes)? {
        Format::Jpeg => Ok(Decoded { raster: jpeg::decode(bytes)?, alpha: Alpha::Opaque }),
        Format::Png => png::decode(bytes, ground),
        Format::Other(format) => others::decode(bytes, format, ground),
        Format::Unread(name) => Err(unread(name)),
    }
}

fn unread(format: &str) -> String {
    format!("it is {format}, which is not read: convert it to JPEG, PNG or WebP")
}

fn check(height: usize, width: usize) -> Result<(), String> {
    if height == 0 || width == 0 {
        return Err(format!("its size is {height}x{width}"));
    }
    if height.max(width) > MAX_SIDE || height.saturating_mul(width) > MAX_PIXELS {
        return Err(format!("its size is {height}x{width}; sides to {MAX_SIDE} and {MAX_PIXELS} pixels are read"));
    }
    Ok(())
}

/// Refuses a file of `length` bytes whose pixels need at least `least`, before memory is asked for them.
fn compressed_to(length: usize, least: usize, (height, width): (usize, usize)) -> Result<(), String> {
    match length < least {
        true => Err(format!(
            "it is cut off: its header announces {height}x{width} pixels, which {length} bytes cannot hold"
        )),
        false => Ok(()),
    }
}

/// Pixels of `colours` channels and one of alpha, without the latter: laid on the ground, or as they are stored below
/// it. Also the number of channels that is left.
fn flatten(pixels: &[u8], colours: usize, ground: Option<Ground>) -> (usize, Vec<u8>, Alpha) {
    let of_pixels = || pixels.chunks_exact(colours + 1);
    let opaque = of_pixels().all(|pixel| pixel[colours] == u8::MAX);
    let Some(ground) = ground.filter(|_| !opaque) else {
        let plain: Vec<u8> = of_pixels().flat_map(|pixel| &pixel[..colours]).copied().collect();
        let first = plain.get(..colours).unwrap_or(&[]);
        let alpha = match (opaque, plain.chunks_exact(colours).all(|pixel| pixel == first)) {
            (true, _) => Alpha::Opaque,
            (false, true) => Alpha::Alone,
            (false, false) => Alpha::Partly,
        };
        return (colours, plain, alpha);
    };
    let channels = if ground.iter().all(|&value| value == ground[0]) { colours } else { 3 };
    let on_ground = |pixel: &[u8]| {
        let alpha = u32::from(pixel[colours]);
        std::array::from_fn::<u8, 3, _>(|channel| {
            // Rounded as Pillow's `paste` with a mask rounds it.
            let colour = u32::from(pixel[channel.min(colours - 1)]);
            let sum = colour * alpha + u32::from(ground[channel]) * (255 - alpha) + 128;
            (((sum >> 8) + sum) >> 8) as u8
        })
    };
    let laid: Vec<u8> = of_pixels().flat_map(|pixel| on_ground(pixel).into_iter().take(channels)).collect();
    (channels, laid, Alpha::Opaque)
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

#[cfg(test)]
mod tests;
