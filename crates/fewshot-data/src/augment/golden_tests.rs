//! Checksums of what Pillow, torchvision and SciPy make of small images: `tools/augment-golden.py` writes them.

use std::cell::RefCell;

use super::auto::AutoForm;
use super::auto::levels::{self, Chance};
use super::auto::policy::{self, Kind};
use super::crop::{CentreCrop, Part};
use super::operation::{Canvas, Operation};
use crate::decode::Raster;
use crate::resample::Resampler;
use crate::{Filter, Shape};

const GOLDEN: &str = include_str!("../../tests/golden/augment.csv");

/// A line of the file.
struct Case {
    image: &'static str,
    arguments: Vec<&'static str>,
    checksum: &'static str,
}

impl Case {
    /// Argument `at` as a number.
    fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, at: usize) -> T {
        self.arguments[at].parse().unwrap()
    }

    fn filter(&self, at: usize) -> Filter {
        match self.arguments[at] {
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            other => panic!("filter {other}"),
        }
    }
}

/// Runs all cases called `name`, of which there must be `count`, and tells which have another checksum.
fn compare(name: &str, count: usize, run: impl Fn(&Case) -> Vec<u8>) {
    let (mut found, mut wrong) = (0, Vec::new());
    for line in GOLDEN.lines().skip(1) {
        let fields: Vec<&'static str> = line.split(',').collect();
        let &[case, image, arguments, checksum] = fields.as_slice() else { panic!("{line}") };
        if case != name {
            continue;
        }
        found += 1;
        let case = Case { image, arguments: arguments.split(' ').collect(), checksum };
        if fnv(&run(&case)) != case.checksum {
            wrong.push(line);
        }
    }
    assert_eq!(found, count);
    assert!(wrong.is_empty(), "{} of {count} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn fnv(bytes: &[u8]) -> String {
    let mix = |sum: u64, &byte: &u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", bytes.iter().fold(0xcbf2_9ce4_8422_2325, mix))
}

/// High bytes of a linear congruential generator, started at 1.
fn noise() -> impl FnMut() -> usize {
    let mut state = 1_u32;
    move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as usize
    }
}

fn image(name: &str) -> Raster {
    let sizes: Vec<usize> = name.split('x').filter_map(|size| size.parse().ok()).collect();
    let &[height, width, channels] = sizes.as_slice() else { return named(name, [32, 32, 3]) };
    named("", [height, width, channels])
}

fn named(name: &str, [height, width, channels]: [usize; 3]) -> Raster {
    let mut noise = noise();
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                let n = noise();
                let slope = 20 * c + 6 * x + 3 * y + (n >> 3);
                let value = match name {
                    "noise" => n,
                    "grad" => [8 * x, 8 * y, 4 * (x + y)][c],
                    "low" => 64 + (n >> 2),
                    "flat" => [10, 128, 250][c],
                    "photo" => slope.saturating_sub(16).min(255),
                    _ => slope % 256,
                };
                pixels.push(value as u8);
            }
        }
    }
    Raster { height, width, channels, pixels }
}

fn kind(name: &str) -> Kind {
    match name {
        "ShearX" => Kind::ShearX,
        "ShearY" => Kind::ShearY,
        "TranslateX" => Kind::TranslateX,
        "TranslateY" => Kind::TranslateY,
        "Rotate" => Kind::Rotate,
        "Brightness" => Kind::Brightness,
        "Color" => Kind::Color,
        "Contrast" => Kind::Contrast,
        "Sharpness" => Kind::Sharpness,
        "Posterize" => Kind::Posterize,
        "Solarize" => Kind::Solarize,
        "AutoContrast" => Kind::AutoContrast,
        "Equalize" => Kind::Equalize,
        "Invert" => Kind::Invert,
        other => panic!("operation {other}"),
    }
}

fn signed(sign: i32) -> Chance {
    Chance { negative: sign < 0, within: 0.0 }
}

fn apply(operation: Operation, image: Raster) -> Raster {
    let mut canvas = Canvas { image, blank: None };
    operation.apply(&mut canvas);
    canvas.image
}

/// The 1,015 of the published table, and those of other sizes and of grey images.
#[test]
fn operations_are_those_of_torchvision_on_pillow() {
    compare("operation", 1267, |case| {
        let image = image(case.image);
        let (kind, sign) = (kind(case.arguments[0]), signed(case.number(2)));
        apply(levels::operation(AutoForm::Pil, kind, case.number(1), sign, image.shape()), image).pixels
    });
}

#[test]
fn sub_policies_are_those_of_torchvision_on_pillow() {
    compare("policy", 100, |case| {
        let mut image = image(case.image);
        for step in policy::CIFAR10[case.number::<usize>(0)] {
            let operation =
                levels::operation(AutoForm::Pil, step.kind, step.level, signed(case.number(1)), image.shape());
            image = apply(operation, image);
        }
        image.pixels
    });
}

#[test]
fn what_is_left_empty_is_what_tensorflow_models_takes_for_it() {
    compare("tensorflow", 140, |case| {
        let image = image(case.image);
        let blank = Some(vec![false; image.height * image.width]);
        let mut canvas = Canvas { image, blank };
        for name in &case.arguments[..2] {
            let shape = canvas.image.shape();
            // A positive shift of theirs is one to the left or up, as ours of that form.
            levels::operation(AutoForm::TensorFlow, kind(name), case.number(2), signed(1), shape).apply(&mut canvas);
        }
        let pixels = canvas.image.pixels.as_chunks::<3>().0.iter().zip(canvas.blank.unwrap());
        pixels.flat_map(|(&[red, green, blue], blank)| [red, green, blue, if blank { 0 } else { 255 }]).collect()
    });
}

#[test]
fn splines_are_those_of_scipy() {
    compare("spline", 200, |case| {
        let image = image(case.image);
        let chance = Chance { negative: false, within: case.number::<f64>(2) / 4.0 };
        let kind = kind(case.arguments[0]);
        apply(levels::operation(AutoForm::LaNet, kind, case.number(1), chance, image.shape()), image).pixels
    });
}

#[test]
fn sizes_are_those_of_pillow() {
    compare("resize", 72, |case| {
        let image = image(case.image);
        let size = (case.number(0), case.number(1));
        Resampler::default().resize(&image.pixels, image.shape(), size, case.filter(2))
    });
}

#[test]
fn centres_are_those_of_torchvision() {
    let resampler = RefCell::new(Resampler::default());
    compare("centre", 48, |case| {
        let image = image(case.image);
        let crop = CentreCrop { side: case.number(0), filter: case.filter(1), ..CentreCrop::default() };
        // One for all: what it keeps must not be mistaken for another image's.
        crop.of(&image.pixels, image.shape(), &mut resampler.borrow_mut())
    });
}

#[test]
fn parts_are_those_of_torchvision() {
    compare("part", 48, |case| {
        let image = image(case.image);
        let [top, left, height, width, side] = [0, 1, 2, 3, 4].map(|at| case.number(at));
        Part { top, left, height, width, side, filter: case.filter(5) }.of(&image.pixels, image.shape())
    });
}

#[test]
fn jitter_is_that_of_torchvision_on_pillow() {
    let factor = |case: &Case| case.number::<f64>(0) as f32;
    compare("brightness", 28, |case| apply(Operation::Brightness(factor(case)), image(case.image)).pixels);
    compare("contrast", 28, |case| apply(Operation::Contrast(factor(case)), image(case.image)).pixels);
    compare("saturation", 28, |case| apply(Operation::Color(factor(case)), image(case.image)).pixels);
    compare("hue", 34, |case| {
        let turn = (case.number::<f64>(0) * 255.0) as i32 as u8;
        let image = if case.image == "colours" { colours() } else { image(case.image) };
        apply(Operation::Hue(turn), image).pixels
    });
}

/// Every fifth red, green and blue.
fn colours() -> Raster {
    let levels = || (0..=255_u8).step_by(5);
    let pixels =
        levels().flat_map(|red| levels().flat_map(move |green| levels().flat_map(move |blue| [red, green, blue])));
    let pixels: Vec<u8> = pixels.collect();
    Raster { height: 1, width: pixels.len() / 3, channels: 3, pixels }
}

/// Images that are smaller than what an operation looks at.
#[test]
fn operations_stand_the_smallest_images() {
    for (height, width, channels) in [(1, 1, 1), (1, 1, 3), (1, 7, 3), (2, 1, 1), (3, 3, 3)] {
        let shape = Shape { height, width, channels };
        for form in [AutoForm::Pil, AutoForm::TensorFlow, AutoForm::LaNet] {
            for step in policy::CIFAR10.as_flattened() {
                let chance = Chance { negative: true, within: 0.5 };
                let image = named("noise", [height, width, channels]);
                let changed = apply(levels::operation(form, step.kind, step.level, chance, shape), image);
                assert_eq!(changed.shape(), shape);
                assert_eq!(changed.pixels.len(), shape.bytes());
            }
        }
    }
}
