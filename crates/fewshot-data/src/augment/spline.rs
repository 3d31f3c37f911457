//! Geometry with cubic splines, as SciPy's `ndimage.affine_transform` does it with its defaults.
//!
//! The pixels of an image are taken for samples of a surface of cubic B-splines that goes through them (M. Unser, "Splines: A
//! Perfect Fit for Signal and Image Processing", IEEE Signal Processing Magazine 1999), mirrored at the outermost pixels. A
//! place outside of the image is black.

use crate::decode::Raster;

/// From pixels of the output to places in the input, both as (row, column), where pixel (0, 0) is at (0, 0).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Surface {
    matrix: [[f64; 2]; 2],
    offset: [f64; 2],
}

impl Surface {
    /// `matrix` around the point that lies a pixel below and to the right of the image's centre, and a shift: as LaNet has
    /// it.
    pub fn around_centre(matrix: [[f64; 2]; 2], shift: [f64; 2], height: usize, width: usize) -> Surface {
        let centre = [height, width].map(|side| side as f64 / 2.0 + 0.5);
        let offset = [0, 1].map(|axis| {
            let [rows, columns] = matrix[axis];
            rows * -centre[0] + columns * -centre[1] + (shift[axis] + centre[axis])
        });
        Surface { matrix, offset }
    }

    /// Moves `image` as this says.
    pub fn warp(&self, image: &mut Raster) {
        let Raster { height, width, channels, .. } = *image;
        for channel in 0..channels {
            let mut values: Vec<f64> =
                image.pixels[channel..].iter().step_by(channels).map(|&value| f64::from(value)).collect();
            to_coefficients(&mut values, height, width);
            let mut out = image.pixels[channel..].iter_mut().step_by(channels);
            for y in 0..height {
                for (x, out) in (0..width).zip(&mut out) {
                    let [row, column] = [0, 1].map(|axis| {
                        self.matrix[axis][0] * y as f64 + self.matrix[axis][1] * x as f64 + self.offset[axis]
                    });
                    let sampled = sample(&values, [height, width], [row, column]);
                    *out = (sampled + 0.5) as u8; // `as` cuts off at 0 and 255
                }
            }
        }
    }
}

/// The height of the surface at `place`; 0 outside.
fn sample(coefficients: &[f64], sides: [usize; 2], place: [f64; 2]) -> f64 {
    let inside = |axis: usize| (0.0..=(sides[axis] - 1) as f64).contains(&place[axis]);
    if !inside(0) || !inside(1) {
        return 0.0;
    }
    let rows = weights(place[0]);
    let columns = weights(place[1]);
    let [top, left] = place.map(|at| at.floor() as isize - 1);
    let mut sum = 0.0;
    for (y, row) in (top..).zip(rows) {
        let line = &coefficients[mirrored(y, sides[0]) * sides[1]..][..sides[1]];
        for (x, column) in (left..).zip(columns) {
            sum += line[mirrored(x, sides[1])] * row * column;
        }
    }
    sum
}

/// Weights of the four coefficients around a place, the first of which is at its floor less 1.
fn weights(place: f64) -> [f64; 4] {
    let after = place - place.floor();
    let before = 1.0 - after;
    let middle = |distance: f64| (distance * distance * (distance - 2.0) * 3.0 + 4.0) / 6.0;
    let first = before * before * before / 6.0;
    let (second, third) = (middle(after), middle(before));
    [first, second, third, 1.0 - first - second - third]
}

/// The pixel that `at`, at most three pixels outside of a line of `length`, is the mirror image of.
fn mirrored(at: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let around = at.rem_euclid(2 * last);
    around.min(2 * last - around) as usize
}

/// The pole of the cubic B-spline's filter, `sqrt(3) - 2`.
const POLE: f64 = -0.267_949_192_431_122_7;

/// Turns samples into the coefficients of the splines through them, rows and columns alike.
fn to_coefficients(values: &mut [f64], height: usize, width: usize) {
    let mut column = vec![0.0; height];
    for x in 0..width {
        column.iter_mut().zip(values[x..].iter().step_by(width)).for_each(|(to, from)| *to = *from);
        filter(&mut column);
        values[x..].iter_mut().step_by(width).zip(&column).for_each(|(to, from)| *to = *from);
    }
    values.chunks_exact_mut(width).for_each(filter);
}

/// The recursive filter, there and back, of one line that is mirrored at both ends.
fn filter(line: &mut [f64]) {
    let [.., _, _] = line else { return };
    let last = line.len() - 1;
    line.iter_mut().for_each(|value| *value *= 6.0);
    // The sum over all that lies before the line.
    let round = POLE.powi(last as i32);
    let mut first = line[0] + round * line[last];
    let mut power = POLE;
    for at in 1..last {
        first += power * (line[at] + round * line[last - at]);
        power *= POLE;
    }
    line[0] = first / (1.0 - round * round);
    for at in 1..=last {
        line[at] += POLE * line[at - 1];
    }
    line[last] = POLE / (POLE * POLE - 1.0) * (POLE * line[last - 1] + line[last]);
    for at in (0..last).rev() {
        line[at] = POLE * (line[at + 1] - line[at]);
    }
}
