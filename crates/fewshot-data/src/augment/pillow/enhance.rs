//! Enhancements: an image is moved away from, or towards, a degenerate form of itself.

use crate::decode::Raster;
use crate::load::luma;

/// Factor 0 makes the image black.
pub fn brightness(image: &mut Raster, factor: f32) {
    image.pixels.iter_mut().for_each(|value| *value = blend(0, *value, factor));
}

/// Factor 0 makes the image grey. A grey image stays as it is.
pub fn color(image: &mut Raster, factor: f32) {
    if image.channels == 1 {
        return;
    }
    for pixel in image.pixels.as_chunks_mut::<3>().0 {
        let grey = luma(pixel);
        *pixel = pixel.map(|value| blend(grey, value, factor));
    }
}

/// Factor 0 gives all pixels the mean brightness of the image.
pub fn contrast(image: &mut Raster, factor: f32) {
    let brightness = |pixel: &[u8]| if pixel.len() == 3 { luma(pixel) } else { pixel[0] };
    let sum: u64 = image.pixels.chunks_exact(image.channels).map(|pixel| u64::from(brightness(pixel))).sum();
    let mean = sum as f64 / (image.height * image.width) as f64;
    let grey = (mean + 0.5) as u8;
    image.pixels.iter_mut().for_each(|value| *value = blend(grey, *value, factor));
}

/// Factor 0 smooths the image: the mean of 3x3 pixels, of which the middle one counts five times. Pixels at the border are
/// not smoothed.
pub fn sharpness(image: &mut Raster, factor: f32) {
    let smooth = smoothed(image);
    for (value, smooth) in image.pixels.iter_mut().zip(smooth) {
        *value = blend(smooth, *value, factor);
    }
}

/// `from + factor * (to - from)`, in `f32` and cut off, not rounded.
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    let (from, to) = (f32::from(from), f32::from(to));
    // `as` cuts off at 0 and 255, and rounds towards 0.
    (from + factor * (to - from)) as u8
}

fn smoothed(image: &Raster) -> Vec<u8> {
    let mut out = image.pixels.clone();
    let (height, width, channels) = (image.height, image.width, image.channels);
    if height < 3 || width < 3 {
        return out;
    }
    let line = width * channels;
    let inner = channels..line - channels;
    for (rows, out) in image.pixels.windows(3 * line).step_by(line).zip(out[line..].chunks_exact_mut(line)) {
        for at in inner.clone() {
            let mut sum = 4 * u32::from(rows[line + at]);
            for row in 0..3 {
                let middle = row * line + at;
                sum +=
                    u32::from(rows[middle - channels]) + u32::from(rows[middle]) + u32::from(rows[middle + channels]);
            }
            // Thirteenths never lie halfway between two levels.
            out[at] = ((sum + 6) / 13) as u8;
        }
    }
    out
}
