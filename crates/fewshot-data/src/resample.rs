//! Resampling of bytes, bit by bit as Pillow does it.
//!
//! A trained network is run elsewhere too, mostly from Python, and there Pillow resizes: `ImageOps.fit(image, (width,
//! height), Image.Resampling.LANCZOS)`, or `image.resize((width, height), ..)` under torchvision. What a network sees there
//! must be what it was trained on, so this follows Pillow's arithmetic step by step: the centre box in `f32`, weights
//! normalised in `f64` and rounded to 2^-22, two steps, each rounded to bytes, in the order of Pillow 13 and later.
//! `tools/check-pixels.py` compares the two for Lanczos, `tools/augment-golden.py` writes the checksums that tests compare
//! the others with.

use serde::{Deserialize, Serialize};

use crate::Shape;

/// Bits behind the point of a weight: 8 bits of a pixel and 22 leave two for the sums, which can be negative or too large.
const FRACTION: u32 = 32 - 8 - 2;

/// What pixels of another size are weighted sums of. Shrinking widens all of them, so that fine patterns do not alias.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// A triangle of reach 1: torchvision's default, and so that of most ImageNet recipes.
    #[default]
    Bilinear,
    /// The cubic of reach 2 with slope -1/2 (R. Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981).
    Bicubic,
    /// A sinc of reach 3, windowed by another.
    Lanczos,
}

impl Filter {
    /// How far it reaches to each side, in pixels of the coarser of the two images.
    fn reach(self) -> f64 {
        match self {
            Filter::Bilinear => 1.0,
            Filter::Bicubic => 2.0,
            Filter::Lanczos => 3.0,
        }
    }

    /// The weight, not yet normalised, of a pixel at distance `x`.
    fn weight(self, x: f64) -> f64 {
        match self {
            Filter::Bilinear => (1.0 - x.abs()).max(0.0),
            Filter::Bicubic => cubic(x.abs()),
            Filter::Lanczos => lanczos(x),
        }
    }
}

fn cubic(x: f64) -> f64 {
    const SLOPE: f64 = -0.5;
    if x < 1.0 {
        ((SLOPE + 2.0) * x - (SLOPE + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * SLOPE
    } else {
        0.0
    }
}

fn lanczos(x: f64) -> f64 {
    let reach = Filter::Lanczos.reach();
    let sinc = |x: f64| {
        let x = x * std::f64::consts::PI;
        if x == 0.0 { 1.0 } else { x.sin() / x }
    };
    if (-reach..reach).contains(&x) { sinc(x) * sinc(x / reach) } else { 0.0 }
}

/// Resamples images; keeps the weights and the buffer, for most images of a data set resemble the one before.
#[derive(Default)]
pub(crate) struct Resampler {
    /// Weights of the columns and of the rows.
    axes: [Option<Axis>; 2],
    /// The image between the two steps.
    between: Vec<u8>,
    sums: Vec<i32>,
}

impl Resampler {
    /// Cuts the largest centred part with the aspect ratio of `height` x `width` out of `pixels`, of shape `source`, and
    /// resamples it with the Lanczos filter, as Pillow's `ImageOps.fit` does it.
    pub fn fit(&mut self, pixels: &[u8], source: Shape, height: usize, width: usize) -> Vec<u8> {
        self.part(pixels, source, centre(source, height, width), (height, width), Filter::Lanczos)
    }

    /// Resamples all of `pixels`, of shape `source`, as Pillow's `resize` does it.
    pub fn resize(&mut self, pixels: &[u8], source: Shape, size: (usize, usize), filter: Filter) -> Vec<u8> {
        let whole = [(0.0, source.width as f32), (0.0, source.height as f32)];
        self.part(pixels, source, whole, size, filter)
    }

    fn part(
        &mut self,
        pixels: &[u8],
        source: Shape,
        part: [(f32, f32); 2],
        size: (usize, usize),
        filter: Filter,
    ) -> Vec<u8> {
        match source.channels {
            1 => self.part_channels::<1>(pixels, source, part, size, filter),
            _ => self.part_channels::<3>(pixels, source, part, size, filter),
        }
    }

    fn part_channels<const C: usize>(
        &mut self,
        pixels: &[u8],
        source: Shape,
        [across, down]: [(f32, f32); 2],
        (height, width): (usize, usize),
        filter: Filter,
    ) -> Vec<u8> {
        let Resampler { axes: [columns, rows], between, sums } = self;
        let columns = Axis::cached(columns, filter, source.width, across, width);
        let rows = Axis::cached(rows, filter, source.height, down, height);
        // Rows that nothing depends on are left out.
        let (first, last) = rows.span();
        let seen = &pixels[first * source.width * C..last * source.width * C];
        between.clear();
        let mut out = Vec::with_capacity(height * width * C);
        // Pillow's rule for which step saves the other most.
        let [loses_rows, loses_columns] =
            [(source.height, height), (source.width, width)].map(|(from, to)| from as i64 - to as i64);
        if loses_rows > 0 && loses_rows > 2 * loses_columns {
            resample_columns(seen, source.width * C, first, rows, sums, between);
            resample_rows::<C>(between, columns, &mut out);
        } else {
            resample_rows::<C>(seen, columns, between);
            resample_columns(between, width * C, first, rows, sums, &mut out);
        }
        out
    }
}

/// Left and right, top and bottom of the largest centred part of `source` with the aspect ratio of the target.
///
/// In `f64` first and then rounded to `f32`, as Pillow hands it over.
fn centre(source: Shape, height: usize, width: usize) -> [(f32, f32); 2] {
    let [full_height, full_width, height, width] = [source.height, source.width, height, width].map(|side| side as f64);
    let (ratio, wanted) = (full_width / full_height, width / height);
    let (part_width, part_height) = if ratio == wanted {
        (full_width, full_height)
    } else if ratio >= wanted {
        (wanted * full_height, full_height)
    } else {
        (full_width, full_width / wanted)
    };
    [(full_width, part_width), (full_height, part_height)].map(|(full, part)| {
        let start = (full - part) * 0.5;
        (start as f32, (start + part) as f32)
    })
}

/// The weights by which the pixels of a line become those of another line.
struct Axis {
    filter: Filter,
    /// Pixels of the source line.
    source: usize,
    /// The part of it that is used.
    part: (f32, f32),
    taps: Vec<Tap>,
}

/// What one pixel is the sum of.
struct Tap {
    /// The first source pixel.
    start: usize,
    /// Weights of the source pixels from there on, in 2^-[`FRACTION`].
    weights: Vec<i32>,
}

impl Axis {
    /// The one that is kept, if it is the one wanted; else it is made and kept.
    fn cached(kept: &mut Option<Axis>, filter: Filter, source: usize, part: (f32, f32), target: usize) -> &Axis {
        let same = |axis: &Axis| {
            axis.filter == filter && axis.source == source && axis.part == part && axis.taps.len() == target
        };
        let axis = kept.take().filter(same).unwrap_or_else(|| Axis::new(filter, source, part, target));
        kept.insert(axis)
    }

    fn new(filter: Filter, source: usize, part: (f32, f32), target: usize) -> Axis {
        let scale = f64::from(part.1 - part.0) / target as f64;
        // Shrinking widens the filter, so that fine patterns do not alias.
        let widened = scale.max(1.0);
        let (reach, narrow) = (filter.reach() * widened, 1.0 / widened);
        let tap = |at: usize| {
            let centre = f64::from(part.0) + (at as f64 + 0.5) * scale;
            // `as` cuts negative numbers off at 0.
            let start = (centre - reach + 0.5) as usize;
            let end = ((centre + reach + 0.5) as usize).min(source);
            let mut weights: Vec<f64> =
                (start..end).map(|pixel| filter.weight((pixel as f64 - centre + 0.5) * narrow)).collect();
            let sum: f64 = weights.iter().sum();
            if sum != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
            let fixed = |weight: &f64| (weight * f64::from(1 << FRACTION)).round() as i32;
            Tap { start, weights: weights.iter().map(fixed).collect() }
        };
        Axis { filter, source, part, taps: (0..target).map(tap).collect() }
    }

    /// Whether the line stays as it is.
    fn identity(&self) -> bool {
        self.taps.len() == self.source && self.part == (0.0, self.source as f32)
    }

    /// The first source pixel that is looked at, and the one after the last. All, if the line stays.
    fn span(&self) -> (usize, usize) {
        match (self.taps.first(), self.taps.last()) {
            (Some(first), Some(last)) if !self.identity() => (first.start, last.start + last.weights.len()),
            _ => (0, self.source),
        }
    }
}

/// Half a grey level, so that cutting off rounds.
const HALF: i32 = 1 << (FRACTION - 1);

fn byte(sum: i32) -> u8 {
    (sum >> FRACTION).clamp(0, 255) as u8
}

/// Appends what `axis` makes of each row of `pixels` to `out`.
fn resample_rows<const C: usize>(pixels: &[u8], axis: &Axis, out: &mut Vec<u8>) {
    if axis.identity() {
        return out.extend_from_slice(pixels);
    }
    for row in pixels.chunks_exact(axis.source * C) {
        let row = row.as_chunks::<C>().0;
        for Tap { start, weights } in &axis.taps {
            let mut sums = [HALF; C];
            for (pixel, weight) in row[*start..].iter().zip(weights) {
                for channel in 0..C {
                    sums[channel] += i32::from(pixel[channel]) * weight;
                }
            }
            out.extend(sums.map(byte));
        }
    }
}

/// Appends what `axis` makes of the columns of `pixels` to `out`. Rows have `width` bytes; the first is row `first` of the
/// source.
fn resample_columns(pixels: &[u8], width: usize, first: usize, axis: &Axis, sums: &mut Vec<i32>, out: &mut Vec<u8>) {
    if axis.identity() {
        return out.extend_from_slice(pixels);
    }
    for Tap { start, weights } in &axis.taps {
        sums.clear();
        sums.resize(width, HALF);
        for (row, weight) in pixels[(start - first) * width..].chunks_exact(width).zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += i32::from(value) * weight;
            }
        }
        out.extend(sums.iter().map(|&sum| byte(sum)));
    }
}

#[cfg(test)]
#[path = "resample_tests.rs"]
mod tests;
