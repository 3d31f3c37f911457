//! The EXIF orientation: cameras store photographs lying, and say so.

use super::Raster;

/// EXIF orientation as three steps: transpose, then mirror rows left to right, then top to bottom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Orientation {
    transpose: bool,
    mirror: bool,
    flip: bool,
}

/// The orientation in an EXIF block; upright where there is none or it cannot be read.
pub(super) fn orientation(exif: Option<&[u8]>) -> Orientation {
    let value = exif
        .and_then(|block| exif::Reader::new().read_raw(block.to_vec()).ok())
        .and_then(|exif| exif.get_field(exif::Tag::Orientation, exif::In::PRIMARY)?.value.get_uint(0));
    Orientation::from_tag(value.unwrap_or(1))
}

impl Orientation {
    /// The eight values of EXIF tag 0x0112 say where the stored first row and first column are to be seen.
    pub fn from_tag(value: u32) -> Orientation {
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
    pub fn turned(self, height: usize, width: usize) -> (usize, usize) {
        if self.transpose { (width, height) } else { (height, width) }
    }

    pub fn apply(self, raster: Raster) -> Raster {
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
