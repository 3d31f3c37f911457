//! Operations that map each grey level to another one.

use crate::decode::Raster;

/// What each of the 256 levels becomes.
type Table = [u8; 256];

/// Turns bright into dark.
pub fn invert(image: &mut Raster) {
    image.pixels.iter_mut().for_each(|value| *value = 255 - *value);
}

/// Keeps the highest `bits`, 0 to 8, of each value.
pub fn posterize(image: &mut Raster, bits: u32) {
    let mask = !(0xff_u16 >> bits) as u8;
    image.pixels.iter_mut().for_each(|value| *value &= mask);
}

/// Inverts what is at or above `threshold`, 0 to 256.
pub fn solarize(image: &mut Raster, threshold: f64) {
    let solarized = |value: u8| if f64::from(value) < threshold { value } else { 255 - value };
    let table: Table = std::array::from_fn(|value| solarized(value as u8));
    image.pixels.iter_mut().for_each(|value| *value = table[usize::from(*value)]);
}

/// Spreads the levels of each channel to 0..=255.
///
/// In `f64`, cut off, in this order: so the brightest level becomes 254 for some spans.
pub fn auto_contrast(image: &mut Raster) {
    map_channels(image, |counts| {
        let lowest = counts.iter().position(|&count| count > 0)?;
        let highest = counts.iter().rposition(|&count| count > 0)?;
        if highest <= lowest {
            return None;
        }
        let scale = 255.0 / (highest - lowest) as f64;
        let offset = -(lowest as f64) * scale;
        // `as` cuts off at 0 and 255, and rounds towards 0.
        Some(std::array::from_fn(|level| (level as f64 * scale + offset) as u8))
    });
}

/// Makes all levels of each channel about equally frequent.
///
/// A step is a whole number of pixels, a 255th of all but the brightest: 3 of 1,024, so a quarter of the levels of an image
/// of 32x32 stays unused.
pub fn equalize(image: &mut Raster) {
    map_channels(image, |counts| {
        let brightest = *counts.iter().rfind(|&&count| count > 0)?;
        let step = (counts.iter().sum::<usize>() - brightest) / 255;
        if step == 0 {
            return None;
        }
        let mut below = step / 2;
        Some(std::array::from_fn(|level| {
            let equalized = (below / step).min(255) as u8;
            below += counts[level];
            equalized
        }))
    });
}

/// Maps each channel by what `table` makes of the counts of its levels; `None` leaves it as it is.
fn map_channels(image: &mut Raster, table: impl Fn(&[usize; 256]) -> Option<Table>) {
    let channels = image.channels;
    for channel in 0..channels {
        let mut counts = [0; 256];
        for &value in image.pixels[channel..].iter().step_by(channels) {
            counts[usize::from(value)] += 1;
        }
        let Some(table) = table(&counts) else { continue };
        for value in image.pixels[channel..].iter_mut().step_by(channels) {
            *value = table[usize::from(*value)];
        }
    }
}
