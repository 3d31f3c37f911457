//! Random changes of training images, drawn and applied while a batch is made.

use fewshot_space::random;
use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use crate::{DataError, Shape};

/// What is done to each training image, in this order: flip, pad and crop, scale to 0..1, normalise, cut out.
///
/// The order is that of NAS-Bench-201 (X. Dong and Y. Yang, ICLR 2020) and of the CIFAR practice before it. Padding
/// comes before normalising, so its pixels are black, not the mean colour; the cut-out square comes after, so it is the
/// mean colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Augment {
    /// Mirror left and right with probability 1/2. Not for images that mirroring makes wrong, such as digits and text.
    pub flip: bool,
    /// Pixels of black padding on each side before a random crop of the original size. 0: none. Below the shorter side.
    pub crop_pad: usize,
    /// Side in pixels of a square of zeros at a uniformly drawn centre, cut at the borders (T. DeVries and G. W.
    /// Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017; there 16 for CIFAR-10). 0:
    /// none. At most twice the longer side.
    pub cutout: usize,
}

impl Augment {
    /// No change at all.
    pub fn none() -> Augment {
        Augment { flip: false, crop_pad: 0, cutout: 0 }
    }

    /// The usual choice for images of this shape: flip, and pad by an eighth of the shorter side (4 for CIFAR's 32, 2
    /// for 16 pixels); greyscale by a fourteenth (2 for the 28 of Fashion-MNIST, whose objects fill the frame). No
    /// cutout.
    pub fn for_shape(shape: Shape) -> Augment {
        let part = if shape.channels == 1 { 14 } else { 8 };
        Augment { flip: true, crop_pad: shape.height.min(shape.width) / part, cutout: 0 }
    }

    /// Refuses values that do not suit images of this shape.
    pub(crate) fn check(&self, shape: Shape) -> Result<(), DataError> {
        let shorter = shape.height.min(shape.width);
        if self.crop_pad >= shorter {
            return Err(DataError::setting("`crop_pad`", self.crop_pad, format!("below the shorter side, {shorter}")));
        }
        let most = 2 * shape.height.max(shape.width);
        if self.cutout > most {
            return Err(DataError::setting("`cutout`", self.cutout, format!("at most twice the longer side, {most}")));
        }
        Ok(())
    }
}

/// What was drawn for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw {
    flip: bool,
    /// Top left corner of the crop within the image: `-crop_pad` to `crop_pad`, rows and columns.
    crop: (isize, isize),
    /// Rows and columns of the square of zeros: half-open, within the image.
    cutout: Option<[(usize, usize); 2]>,
}

impl Draw {
    pub fn nothing() -> Draw {
        Draw { flip: false, crop: (0, 0), cutout: None }
    }

    /// The draw for the image at `position` of `epoch`: it depends on nothing else, so neither threads nor an
    /// interruption can change it.
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
        Draw { flip, crop, cutout }
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
    fn apply_channels<const C: usize>(
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
        if let Some([(top, bottom), (left, right)]) = self.cutout {
            for row in out.chunks_exact_mut(width * C).take(bottom).skip(top) {
                row[left * C..right * C].fill(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Value v of channel c becomes 1000 c + v + 0.5: mixed-up channels show, and so does black (0.5) in place of zero.
    fn tables(channels: usize) -> Vec<[f32; 256]> {
        (0..channels).map(|channel| std::array::from_fn(|value| (1000 * channel + value) as f32 + 0.5)).collect()
    }

    /// The definition, pixel by pixel.
    fn reference(draw: &Draw, image: &[u8], shape: Shape, tables: &[[f32; 256]]) -> Vec<f32> {
        let Shape { height, width, channels } = shape;
        let mut out = Vec::new();
        for y in 0..height {
            for x in 0..width {
                for (channel, table) in tables.iter().enumerate() {
                    let (row, column) = (y as isize + draw.crop.0, x as isize + draw.crop.1);
                    let inside = (0..height as isize).contains(&row) && (0..width as isize).contains(&column);
                    let value = if inside {
                        let column = if draw.flip { width as isize - 1 - column } else { column };
                        image[(row as usize * width + column as usize) * channels + channel]
                    } else {
                        0
                    };
                    let cut = draw.cutout.is_some_and(|[rows, columns]| {
                        (rows.0..rows.1).contains(&y) && (columns.0..columns.1).contains(&x)
                    });
                    out.push(if cut { 0.0 } else { table[usize::from(value)] });
                }
            }
        }
        out
    }

    proptest! {
        #[test]
        fn loops_do_what_the_definition_says(
            (height, width) in (1..9_usize, 1..9_usize),
            channels in prop_oneof![Just(1), Just(3)],
            (pad, cutout) in (0..8_usize, 0..12_usize),
            (flip, seed) in any::<(bool, u64)>(),
        ) {
            let shape = Shape { height, width, channels };
            let augment = Augment { flip, crop_pad: pad.min(height.min(width) - 1), cutout };
            let image: Vec<u8> = (1..=shape.bytes()).map(|value| value as u8).collect();
            let tables = tables(channels);
            for position in 0..4 {
                let draw = Draw::of(&augment, shape, seed, 1, position);
                let mut out = vec![f32::NAN; shape.bytes()];
                draw.apply(&image, shape, &tables, &mut out);
                prop_assert_eq!(out, reference(&draw, &image, shape, &tables), "{:?}", draw);
            }
        }
    }

    #[test]
    fn flip_and_crop_by_hand() {
        let shape = Shape { height: 2, width: 3, channels: 1 };
        let image = [1, 2, 3, 4, 5, 6];
        let apply = |draw: Draw| {
            let mut out = [0.0; 6];
            draw.apply(&image, shape, &tables(1), &mut out);
            out.iter().map(|value| value - 0.5).collect::<Vec<f32>>()
        };
        assert_eq!(apply(Draw::nothing()), [1., 2., 3., 4., 5., 6.]);
        assert_eq!(apply(Draw { flip: true, ..Draw::nothing() }), [3., 2., 1., 6., 5., 4.]);
        assert_eq!(apply(Draw { crop: (1, -1), ..Draw::nothing() }), [0., 4., 5., 0., 0., 0.]);
        assert_eq!(apply(Draw { flip: true, crop: (0, 1), cutout: None }), [2., 1., 0., 5., 4., 0.]);
    }

    /// Every choice occurs about as often as it should: 4,000 draws, bounds at five standard deviations.
    #[test]
    fn draws_are_uniform() {
        let shape = Shape { height: 6, width: 6, channels: 1 };
        let augment = Augment { flip: true, crop_pad: 2, cutout: 3 };
        let (mut flips, mut offsets, mut cut_pixels) = (0, [[0; 5]; 2], vec![0; 36]);
        for position in 0..4000 {
            let draw = Draw::of(&augment, shape, 3, 0, position);
            flips += usize::from(draw.flip);
            offsets[0][(draw.crop.0 + 2) as usize] += 1;
            offsets[1][(draw.crop.1 + 2) as usize] += 1;
            let [rows, columns] = draw.cutout.unwrap();
            (rows.0..rows.1).for_each(|y| (columns.0..columns.1).for_each(|x| cut_pixels[y * 6 + x] += 1));
        }
        assert!((1842..=2158).contains(&flips), "{flips}");
        assert!(offsets.iter().flatten().all(|count| (674..=926).contains(count)), "{offsets:?}");
        // An inner pixel is cut by 9 of the 36 centres, a corner by 4.
        assert!((837..=1163).contains(&cut_pixels[14]), "{cut_pixels:?}");
        assert!((345..=543).contains(&cut_pixels[0]), "{cut_pixels:?}");
    }

    #[test]
    fn defaults_and_limits() {
        let shape = |height, width, channels| Shape { height, width, channels };
        assert_eq!(Augment::for_shape(shape(32, 32, 3)), Augment { flip: true, crop_pad: 4, cutout: 0 });
        assert_eq!(Augment::for_shape(shape(28, 28, 1)), Augment { flip: true, crop_pad: 2, cutout: 0 });
        assert!(Augment::for_shape(shape(1, 1, 3)).check(shape(1, 1, 3)).is_ok());
        let refused = |augment: Augment| augment.check(shape(8, 10, 3)).unwrap_err().to_string();
        assert!(refused(Augment { crop_pad: 8, ..Augment::none() }).contains("below the shorter side, 8"));
        assert!(refused(Augment { cutout: 21, ..Augment::none() }).contains("twice the longer side, 20"));
    }
}
