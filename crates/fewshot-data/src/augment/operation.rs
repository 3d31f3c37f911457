//! One operation on the bytes of an image, with all that was drawn for it.

use super::pillow::{self, Affine};
use super::spline::Surface;
use crate::decode::Raster;

/// What is done, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Operation {
    /// Pixels come from the nearest ones.
    ShearX(f64),
    ShearY(f64),
    /// Pixels to the right.
    TranslateX(i32),
    /// Pixels down.
    TranslateY(i32),
    /// Degrees, counter-clockwise.
    Rotate(f64),
    /// Any of the five above, but with cubic splines.
    Spline(Surface),
    /// Factors: 1 changes nothing.
    Brightness(f32),
    Color(f32),
    Contrast(f32),
    Sharpness(f32),
    /// 255ths of the circle.
    Hue(u8),
    /// Bits that are kept.
    Posterize(u32),
    /// What is at or above it is inverted.
    Solarize(f64),
    AutoContrast,
    Equalize,
    Invert,
}

/// An image that operations are applied to, one after the other.
#[derive(Debug)]
pub(super) struct Canvas {
    pub image: Raster,
    /// Where the image was moved away from; those pixels are black. `None` where nobody asks.
    pub blank: Option<Vec<bool>>,
}

impl Operation {
    pub fn apply(self, canvas: &mut Canvas) {
        let image = &mut canvas.image;
        match self {
            Operation::ShearX(slope) => canvas.warp(Affine::shear_x(slope)),
            Operation::ShearY(slope) => canvas.warp(Affine::shear_y(slope)),
            Operation::TranslateX(pixels) => canvas.warp(Affine::translate(pixels, 0)),
            Operation::TranslateY(pixels) => canvas.warp(Affine::translate(0, pixels)),
            Operation::Rotate(degrees) => {
                let turned = Affine::rotate(degrees, image.height, image.width);
                canvas.warp(turned);
            }
            Operation::Spline(surface) => surface.warp(image),
            Operation::Brightness(factor) => pillow::brightness(image, factor),
            Operation::Color(factor) => pillow::color(image, factor),
            Operation::Contrast(factor) => pillow::contrast(image, factor),
            Operation::Sharpness(factor) => pillow::sharpness(image, factor),
            Operation::Hue(shift) => pillow::hue(image, shift),
            Operation::Posterize(_)
            | Operation::Solarize(_)
            | Operation::AutoContrast
            | Operation::Equalize
            | Operation::Invert => canvas.map_levels(self),
        }
    }
}

impl Canvas {
    fn warp(&mut self, affine: Affine) {
        let Raster { width, channels, pixels, .. } = &mut self.image;
        match channels {
            1 => *pixels = pillow::warp(pixels, *width, affine, 0),
            _ => *pixels = pillow::warp(pixels.as_chunks::<3>().0, *width, affine, [0; 3]).into_flattened(),
        }
        if let Some(blank) = &mut self.blank {
            *blank = pillow::warp(blank, *width, affine, true);
        }
    }

    /// These go through an image without an alpha channel where blank pixels are known by theirs (`tensorflow/models`), and
    /// after that they are pixels as any other.
    fn map_levels(&mut self, operation: Operation) {
        let image = &mut self.image;
        match operation {
            Operation::Posterize(bits) => pillow::posterize(image, bits),
            Operation::Solarize(threshold) => pillow::solarize(image, threshold),
            Operation::AutoContrast => pillow::auto_contrast(image),
            Operation::Equalize => pillow::equalize(image),
            Operation::Invert => pillow::invert(image),
            _ => return,
        }
        if let Some(blank) = &mut self.blank {
            blank.fill(false);
        }
    }
}
