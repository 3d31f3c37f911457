//! Parts of images, brought to one size, as torchvision does it.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::resample::Resampler;
use crate::{DataError, Filter, Shape};

/// Largest side, in pixels, that images are brought to.
const MAX_SIDE: usize = 4096;

/// A random part of the image, brought to a square: torchvision's `RandomResizedCrop`, the same pixels to the bit for the
/// same part.
///
/// Area and shape of the part are drawn up to ten times; if none fits into the image, it is the largest centred part whose
/// shape is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResizedCrop {
    /// Side of the square in pixels, 1 to 4096. Default 224.
    pub side: usize,
    /// Least and greatest area as shares of the image's, above 0, at most 1; uniform. Default 0.08 to 1, as C. Szegedy et
    /// al., "Going Deeper with Convolutions" (CVPR 2015) and most since.
    pub area: [f64; 2],
    /// Least and greatest width divided by height, 0.01 to 100; uniform in the logarithm. Default 3/4 to 4/3, likewise.
    pub ratio: [f64; 2],
    /// How the part is resampled. Default bilinear, as torchvision's and that of Once-for-All.
    pub filter: Filter,
}

impl Default for ResizedCrop {
    fn default() -> ResizedCrop {
        ResizedCrop { side: 224, area: [0.08, 1.0], ratio: [3.0 / 4.0, 4.0 / 3.0], filter: Filter::Bilinear }
    }
}

impl ResizedCrop {
    pub(super) fn check(&self) -> Result<(), DataError> {
        check_side("`resized_crop.side`", self.side)?;
        let [least, most] = self.area;
        if !(least > 0.0 && least <= most && most <= 1.0) {
            let wanted = "two shares, above 0 and at most 1, the lesser first";
            return Err(DataError::setting("`resized_crop.area`", format!("{least} to {most}"), wanted));
        }
        let [least, most] = self.ratio;
        if !(least >= 0.01 && least <= most && most <= 100.0) {
            let wanted = "two ratios of 0.01 to 100, the lesser first";
            return Err(DataError::setting("`resized_crop.ratio`", format!("{least} to {most}"), wanted));
        }
        Ok(())
    }

    /// The part of the image of `key`, of `shape`.
    pub(super) fn draw(&self, shape: Shape, key: Key) -> Part {
        let mut random = key.stream("data/resized-crop");
        let mut uniform = |from: f64, to: f64| from + (to - from) * random.random::<f64>();
        let whole = (shape.height * shape.width) as f64;
        let [narrow, wide] = self.ratio;
        for _ in 0..10 {
            let area = whole * uniform(self.area[0], self.area[1]);
            let ratio = uniform(narrow.ln(), wide.ln()).exp();
            let [place_y, place_x] = [uniform(0.0, 1.0), uniform(0.0, 1.0)];
            let width = (area * ratio).sqrt().round_ties_even() as usize;
            let height = (area / ratio).sqrt().round_ties_even() as usize;
            if (1..=shape.height).contains(&height) && (1..=shape.width).contains(&width) {
                let start = |place: f64, free: usize| ((place * (free + 1) as f64) as usize).min(free);
                let (top, left) = (start(place_y, shape.height - height), start(place_x, shape.width - width));
                return Part { top, left, height, width, side: self.side, filter: self.filter };
            }
        }
        self.centred(shape)
    }

    /// The largest centred part whose shape is allowed.
    fn centred(&self, shape: Shape) -> Part {
        let [narrow, wide] = self.ratio;
        let (mut height, mut width) = (shape.height, shape.width);
        let ratio = width as f64 / height as f64;
        if ratio < narrow {
            height = ((width as f64 / narrow).round_ties_even() as usize).clamp(1, shape.height);
        } else if ratio > wide {
            width = ((height as f64 * wide).round_ties_even() as usize).clamp(1, shape.width);
        }
        let (top, left) = ((shape.height - height) / 2, (shape.width - width) / 2);
        Part { top, left, height, width, side: self.side, filter: self.filter }
    }
}

/// What was drawn: a part that lies within the image, and what it is brought to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub top: usize,
    pub left: usize,
    pub height: usize,
    pub width: usize,
    pub side: usize,
    pub filter: Filter,
}

impl Part {
    /// The part of `image`, of `shape`, at its new size. It is cut out first: what lies beside it plays no part.
    pub fn of(&self, image: &[u8], shape: Shape) -> Vec<u8> {
        let part = Shape { height: self.height, width: self.width, channels: shape.channels };
        let cut = cut(image, shape, (self.top, self.left), part);
        Resampler::default().resize(&cut, part, (self.side, self.side), self.filter)
    }
}

/// What images are brought to for evaluation: the shorter side is resized to more than is needed, and the centre cut out.
///
/// The same pixels as those of torchvision's `Resize(ceil(side / share))` and `CenterCrop(side)` on images of Pillow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CentreCrop {
    /// Side of the square in pixels, 1 to 4096. Default 224.
    pub side: usize,
    /// What it is of the shorter side, 0.1 to 1. Default 0.875: 224 of 256.
    pub share: f64,
    /// How images are resampled. Default bilinear, as torchvision's and that of Once-for-All.
    pub filter: Filter,
}

impl Default for CentreCrop {
    fn default() -> CentreCrop {
        CentreCrop { side: 224, share: 0.875, filter: Filter::Bilinear }
    }
}

/// Most pixels that an image may have between resizing and cutting: a very long one would have very many.
const MAX_PIXELS: usize = 1 << 27;

impl CentreCrop {
    pub(crate) fn check(&self, shape: Shape) -> Result<(), DataError> {
        check_side("`side` of the centre crop", self.side)?;
        if !(0.1..=1.0).contains(&self.share) {
            return Err(DataError::setting("`share` of the centre crop", self.share, "0.1 to 1"));
        }
        let (height, width) = self.resized(shape);
        if height.saturating_mul(width) > MAX_PIXELS {
            let wanted = format!("so small that images of {shape} resized for it have at most {MAX_PIXELS} pixels");
            return Err(DataError::setting("`side` of the centre crop", self.side, wanted));
        }
        Ok(())
    }

    /// The size, height and width, between resizing and cutting.
    fn resized(&self, shape: Shape) -> (usize, usize) {
        let shorter = (self.side as f64 / self.share).ceil() as usize;
        let longer = |long: usize, short: usize| shorter.saturating_mul(long) / short;
        if shape.width <= shape.height {
            (longer(shape.height, shape.width), shorter)
        } else {
            (shorter, longer(shape.width, shape.height))
        }
    }

    /// The shape of what [`of`](CentreCrop::of) returns.
    pub(crate) fn output(&self, shape: Shape) -> Shape {
        Shape { height: self.side, width: self.side, ..shape }
    }

    /// The centre of `image`, of `shape`.
    pub(crate) fn of(&self, image: &[u8], shape: Shape, resampler: &mut Resampler) -> Vec<u8> {
        let (height, width) = self.resized(shape);
        let resized = resampler.resize(image, shape, (height, width), self.filter);
        let start = |length: usize| ((length - self.side) as f64 / 2.0).round_ties_even() as usize;
        let place = (start(height), start(width));
        cut(&resized, Shape { height, width, ..shape }, place, self.output(shape))
    }
}

fn check_side(name: &'static str, side: usize) -> Result<(), DataError> {
    if (1..=MAX_SIDE).contains(&side) {
        return Ok(());
    }
    Err(DataError::setting(name, side, format!("1 to {MAX_SIDE} pixels")))
}

/// The pixels of `part` of `image`, from row and column `place` on.
fn cut(image: &[u8], shape: Shape, (top, left): (usize, usize), part: Shape) -> Vec<u8> {
    let rows = image.chunks_exact(shape.width * shape.channels).skip(top).take(part.height);
    let mut out = Vec::with_capacity(part.bytes());
    for row in rows {
        out.extend_from_slice(&row[left * shape.channels..][..part.width * shape.channels]);
    }
    out
}

#[cfg(test)]
#[path = "crop_tests.rs"]
mod tests;
