//! What is drawn for one image, and how it is applied.

use rand::{Rng, RngExt};

use super::crop::Part;
use super::key::Key;
use super::operation::{Canvas, Operation};
use crate::decode::Raster;
use crate::{Augment, AutoForm, Shape};

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
    /// The part of the image that it becomes, in place of a crop.
    pub(super) part: Option<Part>,
    /// What AutoAugment and jitter do to the bytes, in this order.
    pub(super) operations: [Option<Operation>; 6],
    /// Whether what operations leave empty gets the mean colour, and not black.
    pub(super) mean_fill: bool,
}

impl Draw {
    pub fn nothing() -> Draw {
        Draw {
            flip: false,
            crop: (0, 0),
            holes: [None; 2],
            zoom: None,
            light: None,
            part: None,
            operations: [None; 6],
            mean_fill: false,
        }
    }

    /// The draw for the image of `key`, of `shape`: it depends on nothing else, so neither threads nor an
    /// interruption can change it.
    ///
    /// What is off draws nothing, and what came later is drawn last, or from a stream of its own: so recorded runs keep
    /// their bits.
    pub fn of(augment: &Augment, shape: Shape, key: Key) -> Draw {
        if *augment == Augment::none() {
            return Draw::nothing();
        }
        let part = augment.resized_crop.map(|crop| crop.draw(shape, key));
        let shape = augment.output(shape);
        let mut random = key.stream("data/augment");
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
        let auto = augment.auto_augment.map_or([None; 2], |auto| auto.draw(shape, key));
        let jitter = augment.jitter.draw(key);
        let mut operations = [None; 6];
        operations[..2].copy_from_slice(&auto);
        operations[2..].copy_from_slice(&jitter);
        let mean_fill = augment.auto_augment.is_some_and(|auto| auto.form == AutoForm::TensorFlow);
        Draw { flip, crop, holes: [cutout, erase], zoom, light, part, operations, mean_fill }
    }

    /// Writes the changed and normalised `image`, of `shape`, to `out`, of the shape that [`Augment::output`] says.
    pub fn apply(&self, image: &[u8], shape: Shape, tables: &[[f32; 256]], out: &mut [f32]) {
        match tables {
            [grey] => self.apply_channels(image, shape, &[grey], out),
            [red, green, blue] => self.apply_channels(image, shape, &[red, green, blue], out),
            _ => debug_assert!(false, "a data set has 1 or 3 channels"),
        }
    }

    /// The same with the number of channels known to the compiler, which makes the inner loop twice as fast.
    fn apply_channels<const C: usize>(&self, image: &[u8], shape: Shape, tables: &[&[f32; 256]; C], out: &mut [f32]) {
        let width = self.part.map_or(shape.width, |part| part.side);
        if self.part.is_none() && self.zoom.is_none() && self.operations == [None; 6] {
            self.place::<C, f32>(image, shape, tables, out);
        } else {
            let canvas = self.canvas::<C>(image, shape);
            Draw::nothing().place::<C, f32>(&canvas.image.pixels, canvas.image.shape(), tables, out);
            for (pixel, blank) in out.as_chunks_mut::<C>().0.iter_mut().zip(canvas.blank.unwrap_or_default()) {
                if blank {
                    *pixel = [0.0; C];
                }
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
            for row in out.chunks_exact_mut(width * C).take(bottom).skip(top) {
                row[left * C..right * C].fill(0.0);
            }
        }
    }

    /// All that is done to bytes.
    fn canvas<const C: usize>(&self, image: &[u8], shape: Shape) -> Canvas {
        let flipped = |image: &[u8], draw: Draw, shape: Shape| {
            let mut out = vec![0; shape.bytes()];
            draw.place::<C, u8>(image, shape, &[&SAME; C], &mut out);
            out
        };
        let (pixels, shape) = match (self.part, self.zoom) {
            (Some(part), _) => {
                let resized = Shape { height: part.side, width: part.side, ..shape };
                let flip = Draw { flip: self.flip, ..Draw::nothing() };
                (flipped(&part.of(image, shape), flip, resized), resized)
            }
            (None, Some(factor)) => (self.zoomed::<C>(image, shape, factor), shape),
            (None, None) => (flipped(image, *self, shape), shape),
        };
        let Shape { height, width, channels } = shape;
        let blank = self.mean_fill.then(|| vec![false; height * width]);
        let mut canvas = Canvas { image: Raster { height, width, channels, pixels }, blank };
        for operation in self.operations.into_iter().flatten() {
            operation.apply(&mut canvas);
        }
        canvas
    }

    /// Flips, crops and looks up what each byte becomes.
    fn place<const C: usize, T: Copy>(
        &self,
        image: &[u8],
        Shape { height, width, .. }: Shape,
        tables: &[&[T; 256]; C],
        out: &mut [T],
    ) {
        let black: [T; C] = tables.map(|table| table[0]);
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
            let convert = |out: &mut [T; C], pixel: &[u8; C]| {
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

/// Bytes that stay as they are.
static SAME: [u8; 256] = {
    let mut table = [0; 256];
    let mut value = 0;
    while value < 256 {
        table[value] = value as u8;
        value += 1;
    }
    table
};

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
