//! What is drawn for one image, and how it is applied.

use fewshot_space::random;
use rand::{Rng, RngExt};

use crate::{Augment, Shape};

/// Rows and columns of a rectangle: half-open, within the image.
type Rectangle = [(usize, usize); 2];

/// What was drawn for one image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Draw {
    pub(super) flip: bool,
    /// Top left corner of the crop within the image: `-crop_pad` to `crop_pad`, rows and columns.
    pub(super) crop: (isize, isize),
    /// The square of zeros, and the rectangle.
    pub(super) holes: [Option<Rectangle>; 2],
    /// Factor of the size: above 1 enlarges.
    pub(super) zoom: Option<f64>,
    /// Factors of contrast and brightness.
    pub(super) light: Option<(f32, f32)>,
}

impl Draw {
    pub fn nothing() -> Draw {
        Draw { flip: false, crop: (0, 0), holes: [None; 2], zoom: None, light: None }
    }

    /// The draw for the image at `position` of `epoch`: it depends on nothing else, so neither threads nor an
    /// interruption can change it.
    ///
    /// What is off draws nothing, and what came later is drawn last: so recorded runs keep their bits.
    pub fn of(augment: &Augment, shape: Shape, seed: u64, epoch: u64, position: u64) -> Draw {
        if *augment == Augment::none() {
            return Draw::nothing();
        }
        let mut random = random::stream(seed, "data/augment", epoch, position);
        let flip = augment.flip && random.next_u32() & 1 == 1;
        let pad = augment.crop_pad;
        let mut offset = || if pad == 0 { 0 } else { random.random_range(0..=2 * pad) as isize - pad as isize };
        let crop = (offset(), offset());
        let cutout = (augment.cutout > 0).then(|| {
            [shape.height, shape.width].map(|length| {
                let centre = random.random_range(0..length);
                let start = centre as isize - (augment.cutout / 2) as isize;
                let end = start + augment.cutout as isize;
                (start.max(0) as usize, (end.max(0) as usize).min(length))
            })
        });
        let erased = augment.erase > 0 && random.random_range(0..100) < augment.erase;
        let erase = erased.then(|| rectangle(shape, &mut random));
        let mut factor = |per_cent: usize| 1.0 + per_cent as f64 / 100.0 * (2.0 * random.random::<f64>() - 1.0);
        let zoom = (augment.zoom > 0).then(|| factor(augment.zoom));
        let light = (augment.light > 0).then(|| (factor(augment.light) as f32, factor(augment.light) as f32));
        Draw { flip, crop, holes: [cutout, erase], zoom, light }
    }

    /// Writes the changed and normalised `image` to `out`; both `[height, width, channels]`.
    pub fn apply(&self, image: &[u8], shape: Shape, tables: &[[f32; 256]], out: &mut [f32]) {
        match tables {
            [grey] => self.apply_channels(image, shape, &[grey], out),
            [red, green, blue] => self.apply_channels(image, shape, &[red, green, blue], out),
            _ => debug_assert!(false, "a data set has 1 or 3 channels"),
        }
    }

    /// The same with the number of channels known to the compiler, which makes the inner loop twice as fast.
    fn apply_channels<const C: usize>(&self, image: &[u8], shape: Shape, tables: &[&[f32; 256]; C], out: &mut [f32]) {
        match self.zoom {
            None => self.place::<C>(image, shape, tables, out),
            // Zoomed bytes are flipped and cropped already.
            Some(factor) => {
                let zoomed = self.zoomed::<C>(image, shape, factor);
                Draw::nothing().place::<C>(&zoomed, shape, tables, out);
            }
        }
        if let Some((contrast, brightness)) = self.light {
            // Normalised, `(v - mean) * contrast + mean * brightness` is `x * contrast - (1 - brightness) * mean / std`,
            // and black is normalised to `-mean / std`.
            let shift: [f32; C] = tables.map(|table| (1.0 - brightness) * table[0]);
            for pixel in out.as_chunks_mut::<C>().0 {
                for channel in 0..C {
                    pixel[channel] = pixel[channel] * contrast + shift[channel];
                }
            }
        }
        for [(top, bottom), (left, right)] in self.holes.into_iter().flatten() {
            for row in out.chunks_exact_mut(shape.width * C).take(bottom).skip(top) {
                row[left * C..right * C].fill(0.0);
            }
        }
    }

    /// Flips, crops and normalises.
    fn place<const C: usize>(
        &self,
        image: &[u8],
        Shape { height, width, .. }: Shape,
        tables: &[&[f32; 256]; C],
        out: &mut [f32],
    ) {
        let black: [f32; C] = tables.map(|table| table[0]);
        let (down, right) = self.crop;
        // Output columns that lie over the image: source column = column + right.
        let start = (-right).clamp(0, width as isize) as usize;
        let end = (width as isize - right).clamp(start as isize, width as isize) as usize;
        for (y, out) in out.chunks_exact_mut(width * C).enumerate() {
            let out = out.as_chunks_mut::<C>().0;
            let source = y as isize + down;
            if source < 0 || source >= height as isize {
                out.fill(black);
                continue;
            }
            let row = image[source as usize * width * C..][..width * C].as_chunks::<C>().0;
            out[..start].fill(black);
            out[end..].fill(black);
            let out = &mut out[start..end];
            let convert = |out: &mut [f32; C], pixel: &[u8; C]| {
                for channel in 0..C {
                    out[channel] = tables[channel][usize::from(pixel[channel])];
                }
            };
            // `first` is the source column under output column `start`, in the (perhaps mirrored) row.
            let first = (start as isize + right) as usize;
            if self.flip {
                let row = &row[width - first - out.len()..width - first];
                out.iter_mut().zip(row.iter().rev()).for_each(|(out, pixel)| convert(out, pixel));
            } else {
                let row = &row[first..first + out.len()];
                out.iter_mut().zip(row).for_each(|(out, pixel)| convert(out, pixel));
            }
        }
    }

    /// Flips, zooms by `factor` and crops.
    fn zoomed<const C: usize>(&self, image: &[u8], Shape { height, width, .. }: Shape, factor: f64) -> Vec<u8> {
        let rows = (0..height).map(|y| Between::new(y as isize + self.crop.0, height, factor, false));
        let columns: Vec<Between> =
            (0..width).map(|x| Between::new(x as isize + self.crop.1, width, factor, self.flip)).collect();
        let mut out = Vec::with_capacity(height * width * C);
        let mut line: Vec<[u32; C]> = Vec::with_capacity(width);
        for down in rows {
            let [upper, lower] = down.at.map(|row| image[row * width * C..][..width * C].as_chunks::<C>().0);
            let mix = |a: &[u8; C], b: &[u8; C]| {
                std::array::from_fn(|channel| {
                    u32::from(a[channel]) * down.weight[0] + u32::from(b[channel]) * down.weight[1]
                })
            };
            line.clear();
            line.extend(upper.iter().zip(lower).map(|(upper, lower)| mix(upper, lower)));
            for right in &columns {
                let [near, far] = right.at.map(|column| line[column]);
                out.extend((0..C).map(|channel| {
                    let sum = near[channel] * right.weight[0] + far[channel] * right.weight[1];
                    ((sum + ONE * ONE / 2) / (ONE * ONE)) as u8
                }));
            }
        }
        out
    }
}

/// Weights of neighbouring pixels are in 1/256: integers, so that the result does not depend on the order of sums.
pub(super) const ONE: u32 = 256;

/// Two neighbouring rows or columns between which a point lies, and the share of each.
struct Between {
    at: [usize; 2],
    /// In 1/[`ONE`]. Outside of the image 0, which is black.
    weight: [u32; 2],
}

impl Between {
    /// Where pixel `place` of a line of `length` pixels comes from when the line is scaled by `factor` around its
    /// centre, having been mirrored before if `mirrored`.
    fn new(place: isize, length: usize, factor: f64, mirrored: bool) -> Between {
        let fine = source(place, length, factor);
        let first = fine.div_euclid(i64::from(ONE));
        let share = fine.rem_euclid(i64::from(ONE)) as u32;
        let last = length as i64 - 1;
        let weight = |at: i64, share: u32| if (0..=last).contains(&at) { share } else { 0 };
        let at = |at: i64| {
            let at = at.clamp(0, last);
            (if mirrored { last - at } else { at }) as usize
        };
        Between { at: [at(first), at(first + 1)], weight: [weight(first, ONE - share), weight(first + 1, share)] }
    }
}

/// The place in a line of `length` pixels, in 1/[`ONE`] pixel, that scaling by `factor` around the centre moves to
/// `place`.
pub(super) fn source(place: isize, length: usize, factor: f64) -> i64 {
    // The centre of pixel i is at i + 1/2.
    let centre = length as f64 / 2.0;
    let from = (place as f64 + 0.5 - centre) / factor + centre - 0.5;
    (from * f64::from(ONE)).round() as i64
}

/// A rectangle of 2 % to 25 % of the area, up to 3.3 times as long one way as the other, somewhere in the image.
///
/// Draws a uniform ratio and which side is the longer one, not a uniform ratio of height to width as Zhong et al. do,
/// which is rarely below 1. In images that are narrower than the rectangle it is cut.
fn rectangle(shape: Shape, random: &mut impl Rng) -> Rectangle {
    let area = random.random_range(0.02..0.25) * (shape.height * shape.width) as f64;
    let ratio = random.random_range(1.0..3.3_f64);
    let sides = [(area * ratio).sqrt(), (area / ratio).sqrt()];
    let turned = random.random_bool(0.5);
    let [height, width] = if turned { [sides[1], sides[0]] } else { sides };
    let mut span = |side: f64, length: usize| {
        let side = (side.round() as usize).clamp(1, length);
        let start = random.random_range(0..=length - side);
        (start, start + side)
    };
    [span(height, shape.height), span(width, shape.width)]
}
