//! Images as the network takes them: 299x299 pixels around 0.

use fewshot_data::Shape;

use super::form::Form;

/// Height and width that the network takes.
pub(super) const SIDE: usize = 299;
/// Red, green and blue.
pub(super) const CHANNELS: usize = 3;

/// Where a row or column of the enlarged image lies between two of the source.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Place {
    low: usize,
    high: usize,
    /// Share of `high`.
    share: f32,
}

/// Enlarges or shrinks images, bytes `[height, width, 3]` each or grey ones, `[height, width, 1]`, bilinearly (without a filter) to 299x299, in the way of `form`.
pub(super) fn enlarged(images: &[u8], shape: Shape, form: Form) -> Vec<f32> {
    let (rows, columns) = (places(shape.height, form), places(shape.width, form));
    let mut pixels = Vec::with_capacity(images.len() / shape.bytes().max(1) * SIDE * SIDE * CHANNELS);
    for image in images.chunks_exact(shape.bytes().max(1)) {
        let at = |row: usize, column: usize, channel: usize| {
            // Grey is equal parts of all colours.
            f32::from(image[(row * shape.width + column) * shape.channels + channel.min(shape.channels - 1)])
        };
        for row in &rows {
            for column in &columns {
                for channel in 0..CHANNELS {
                    let along = |row: usize| {
                        let (low, high) = (at(row, column.low, channel), at(row, column.high, channel));
                        low + (high - low) * column.share
                    };
                    let (low, high) = (along(row.low), along(row.high));
                    pixels.push(form.normalised(low + (high - low) * row.share));
                }
            }
        }
    }
    pixels
}

fn places(size: usize, form: Form) -> Vec<Place> {
    let step = size as f32 / SIDE as f32;
    let place = |index: usize| {
        let source = form.source(index as f32, step);
        let low = (source as usize).min(size - 1);
        Place { low, high: (low + 1).min(size - 1), share: source - low as f32 }
    };
    (0..SIDE).map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_place_pixels_in_their_way() {
        // Two grey pixels side by side, 0 and 200.
        let shape = Shape { height: 1, width: 2, channels: CHANNELS };
        let image = [[0; 3], [200; 3]].concat();
        let row = |form: Form| {
            let pixels = enlarged(&image, shape, form);
            assert_eq!(pixels.len(), SIDE * SIDE * CHANNELS);
            pixels[..SIDE * CHANNELS].iter().step_by(CHANNELS).copied().collect::<Vec<f32>>()
        };
        // From the corner: pixel 100 is at 200 / 299, the right half lies beyond the last centre.
        let legacy = row(Form::Tensorflow);
        assert_eq!(legacy[0], -1.0);
        assert!((legacy[100] - (200.0 * 200.0 / 299.0 - 128.0) / 128.0).abs() < 1e-5);
        assert_eq!(legacy[150], (200.0 - 128.0) / 128.0);
        let grey = Shape { channels: 1, ..shape };
        assert_eq!(enlarged(&[0, 200], grey, Form::Tensorflow), enlarged(&image, shape, Form::Tensorflow));
        // Between the centres, and symmetric.
        let centred = row(Form::Torchvision);
        assert_eq!(centred[0], -1.0);
        assert!((centred[149] - (100.0 / 127.5 - 1.0)).abs() < 1e-5);
        assert!((centred[100] + centred[198] - 2.0 * centred[149]).abs() < 1e-5);
    }
}
