//! What the level of an operation is in pixels, degrees and factors.

use super::AutoForm;
use super::policy::Kind;
use crate::Shape;
use crate::augment::operation::Operation;
use crate::augment::spline::Surface;

/// What was drawn for one operation, before its level is a magnitude.
#[derive(Debug, Clone, Copy)]
pub(in crate::augment) struct Chance {
    /// Whether a magnitude that has a sign is below 0.
    pub negative: bool,
    /// Where in the part of a range, 0 to 1.
    pub within: f64,
}

/// The operation of `kind` at `level`, 0 to 9, on an image of `shape`.
pub(in crate::augment) fn operation(
    form: AutoForm,
    kind: Kind,
    level: usize,
    chance: Chance,
    shape: Shape,
) -> Operation {
    match form {
        AutoForm::Pil => pil(kind, level, chance, shape),
        AutoForm::TensorFlow => tensorflow(kind, level, chance, shape),
        AutoForm::LaNet => lanet(kind, level, chance, shape),
    }
}

/// The largest shift as a share of the side: 150 pixels of 331, the size of the paper's images of ImageNet.
const LARGEST_SHIFT: f64 = 150.0 / 331.0;

fn pil(kind: Kind, level: usize, chance: Chance, shape: Shape) -> Operation {
    // Magnitudes are in `f32`, as torch has them.
    let signed = |most: f64| {
        let magnitude = f64::from(tenth_point(0.0, most as f32, level));
        if chance.negative { -magnitude } else { magnitude }
    };
    let shift = |side: usize| signed(LARGEST_SHIFT * side as f64) as i32;
    let factor = || (1.0 + signed(0.9)) as f32;
    match kind {
        Kind::ShearX => Operation::ShearX(signed(0.3)),
        Kind::ShearY => Operation::ShearY(signed(0.3)),
        Kind::TranslateX => Operation::TranslateX(shift(shape.width)),
        Kind::TranslateY => Operation::TranslateY(shift(shape.height)),
        Kind::Rotate => Operation::Rotate(signed(30.0)),
        Kind::Brightness => Operation::Brightness(factor()),
        Kind::Color => Operation::Color(factor()),
        Kind::Contrast => Operation::Contrast(factor()),
        Kind::Sharpness => Operation::Sharpness(factor()),
        Kind::Posterize => Operation::Posterize(8 - (level as f64 / 2.25).round() as u32),
        Kind::Solarize => Operation::Solarize(f64::from(tenth_point(255.0, 0.0, level))),
        Kind::AutoContrast => Operation::AutoContrast,
        Kind::Equalize => Operation::Equalize,
        Kind::Invert => Operation::Invert,
    }
}

/// Point `at`, 0 to 9, of ten evenly spread ones: from the nearer end, as torch counts them.
fn tenth_point(from: f32, to: f32, at: usize) -> f32 {
    let step = (to - from) / 9.0;
    if at < 5 { from + step * at as f32 } else { to - step * (9 - at) as f32 }
}

fn tensorflow(kind: Kind, level: usize, chance: Chance, shape: Shape) -> Operation {
    let level = level as f64;
    let signed = |magnitude: f64| if chance.negative { -magnitude } else { magnitude };
    // Its images have 32 pixels a side, and `level` is what content moves to the left or up.
    let shift = |side: usize| -(signed(level * side as f64 / 32.0) as i32);
    let factor = (level * 1.8 / 10.0 + 0.1) as f32;
    match kind {
        Kind::ShearX => Operation::ShearX(signed(level * 0.3 / 10.0)),
        Kind::ShearY => Operation::ShearY(signed(level * 0.3 / 10.0)),
        Kind::TranslateX => Operation::TranslateX(shift(shape.width)),
        Kind::TranslateY => Operation::TranslateY(shift(shape.height)),
        Kind::Rotate => Operation::Rotate(signed((level * 30.0 / 10.0).floor())),
        Kind::Brightness => Operation::Brightness(factor),
        Kind::Color => Operation::Color(factor),
        Kind::Contrast => Operation::Contrast(factor),
        Kind::Sharpness => Operation::Sharpness(factor),
        Kind::Posterize => Operation::Posterize(4 - (level * 4.0 / 10.0) as u32),
        Kind::Solarize => Operation::Solarize(256.0 - (level * 256.0 / 10.0).floor()),
        Kind::AutoContrast => Operation::AutoContrast,
        Kind::Equalize => Operation::Equalize,
        Kind::Invert => Operation::Invert,
    }
}

fn lanet(kind: Kind, level: usize, chance: Chance, Shape { height, width, .. }: Shape) -> Operation {
    let within = |from: f64, to: f64| {
        let part = (to - from) / 10.0;
        from + part * (level as f64 + chance.within)
    };
    let factor = || within(0.1, 1.9) as f32;
    let shift = || within(-LARGEST_SHIFT, LARGEST_SHIFT);
    let surface = |matrix: [[f64; 2]; 2], shift: [f64; 2]| {
        Operation::Spline(Surface::around_centre(matrix, shift, height, width))
    };
    const UPRIGHT: [[f64; 2]; 2] = [[1.0, 0.0], [0.0, 1.0]];
    match kind {
        Kind::ShearX => surface([[1.0, within(-0.3, 0.3)], [0.0, 1.0]], [0.0; 2]),
        Kind::ShearY => surface([[1.0, 0.0], [within(-0.3, 0.3), 1.0]], [0.0; 2]),
        Kind::TranslateX => surface(UPRIGHT, [0.0, width as f64 * shift()]),
        Kind::TranslateY => surface(UPRIGHT, [height as f64 * shift(), 0.0]),
        Kind::Rotate => {
            let (sin, cos) = within(-30.0, 30.0).to_radians().sin_cos();
            surface([[cos, -sin], [sin, cos]], [0.0; 2])
        }
        Kind::Brightness => Operation::Brightness(factor()),
        Kind::Color => Operation::Color(factor()),
        Kind::Contrast => Operation::Contrast(factor()),
        Kind::Sharpness => Operation::Sharpness(factor()),
        Kind::Posterize => Operation::Posterize(within(4.0, 8.0).round_ties_even() as u32),
        Kind::Solarize => Operation::Solarize(within(0.0, 256.0)),
        Kind::AutoContrast => Operation::AutoContrast,
        Kind::Equalize => Operation::Equalize,
        Kind::Invert => Operation::Invert,
    }
}
