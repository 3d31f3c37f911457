//! Shears, shifts and rotations, each pixel from the nearest one.

/// From pixels of the output to places in the input: column `a x + b y + c`, row `d x + e y + f`, in pixels, where the pixel
/// in column `x` reaches from `x` to `x + 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    pub a: f64,
    pub b: f64,
    pub c: f64,
    pub d: f64,
    pub e: f64,
    pub f: f64,
}

impl Affine {
    const IDENTITY: Affine = Affine { a: 1.0, b: 0.0, c: 0.0, d: 0.0, e: 1.0, f: 0.0 };

    /// Moves each row by `slope` times its height, the top one by nothing: to the left if `slope` is above 0.
    pub fn shear_x(slope: f64) -> Affine {
        Affine { b: slope, ..Affine::IDENTITY }
    }

    /// Moves each column by `slope` times its distance from the left: upwards if `slope` is above 0.
    pub fn shear_y(slope: f64) -> Affine {
        Affine { d: slope, ..Affine::IDENTITY }
    }

    /// Moves by whole pixels, to the right and down.
    pub fn translate(right: i32, down: i32) -> Affine {
        Affine { c: f64::from(-right), f: f64::from(-down), ..Affine::IDENTITY }
    }

    /// Turns counter-clockwise around the centre of an image of `height` x `width` pixels.
    pub fn rotate(degrees: f64, height: usize, width: usize) -> Affine {
        let angle = -degrees.rem_euclid(360.0).to_radians();
        let (cos, sin) = (to_15_decimals(angle.cos()), to_15_decimals(angle.sin()));
        let (x, y) = (width as f64 / 2.0, height as f64 / 2.0);
        Affine { a: cos, b: sin, c: cos * -x + sin * -y + x, d: -sin, e: cos, f: -sin * -x + cos * -y + y }
    }
}

/// Pillow rounds sine and cosine so, in decimal.
fn to_15_decimals(value: f64) -> f64 {
    format!("{value:.15}").parse().unwrap_or(value)
}

/// The `pixels` of rows of `width`, moved as `affine` says. What lies outside of the image is `fill`.
///
/// Places are counted in 1/65536 pixel, as Pillow does it: doubles would take other pixels where places lie between two.
pub fn warp<P: Copy>(pixels: &[P], width: usize, affine: Affine, fill: P) -> Vec<P> {
    let Affine { a, b, c, d, e, f } = affine;
    let height = pixels.len() / width;
    // The place of the centre of the first pixel, and how far it goes on with each column and row.
    let start = [fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5)];
    let [column, row] = [[fixed(a), fixed(d)], [fixed(b), fixed(e)]];
    let mut out = Vec::with_capacity(pixels.len());
    for y in 0..height as i64 {
        let [mut from_x, mut from_y] = [start[0] + row[0] * y, start[1] + row[1] * y];
        for _ in 0..width {
            let (x, y) = (from_x >> FRACTION, from_y >> FRACTION);
            let inside = (0..width as i64).contains(&x) && (0..height as i64).contains(&y);
            out.push(if inside { pixels[y as usize * width + x as usize] } else { fill });
            from_x += column[0];
            from_y += column[1];
        }
    }
    out
}

/// Bits behind the point of a place.
const FRACTION: u32 = 16;

fn fixed(place: f64) -> i64 {
    (place * f64::from(1 << FRACTION) + 0.5).floor() as i64
}
