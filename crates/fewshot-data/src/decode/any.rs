//! Images of any format.

use super::raster::{Alpha, Decoded, Ground};
use super::{Format, jpeg, others, png};

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
        Format::Jpeg => Ok(Decoded { raster: jpeg::decode(bytes)?, alpha: Alpha::Opaque, largest: None }),
        Format::Png => png::decode(bytes, ground),
        Format::Other(format) => others::decode(bytes, format, ground),
        Format::Unread(name) => Err(unread(name)),
    }
}

fn unread(format: &str) -> String {
    format!("it is {format}, which is not read: convert it to JPEG, PNG or WebP")
}
