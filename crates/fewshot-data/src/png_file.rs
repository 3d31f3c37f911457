//! Images written as PNG files.

use crate::{DataError, Shape};

/// The bytes of a PNG file of one image, `[height, width, channels]` row by row.
///
/// # Errors
/// [`DataError::Inconsistent`] unless there are as many bytes as the shape says, of 1 or 3 channels.
pub fn png_bytes(pixels: &[u8], shape: Shape) -> Result<Vec<u8>, DataError> {
    let refuse = |reason: String| DataError::Inconsistent { name: "image".to_owned(), reason };
    let color = match shape.channels {
        1 => png::ColorType::Grayscale,
        3 => png::ColorType::Rgb,
        channels => return Err(refuse(format!("{channels} channels; a PNG file of it has 1 or 3"))),
    };
    let sides = [shape.width, shape.height].map(u32::try_from);
    let [Ok(width), Ok(height)] = sides else { return Err(refuse(format!("{shape} is too large for a PNG file"))) };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    written.map_err(|error| refuse(error.to_string()))?;
    Ok(bytes)
}

/// Images of `shape` side by side in rows of `columns`, with a black pixel between them, as one image; places that are left stay black.
///
/// # Errors
/// [`DataError::Inconsistent`] where an image is not of that size, or there is no column.
pub fn grid(images: &[Vec<u8>], shape: Shape, columns: usize) -> Result<(Vec<u8>, Shape), DataError> {
    let refuse = |reason: String| DataError::Inconsistent { name: "grid of images".to_owned(), reason };
    if columns == 0 || images.is_empty() {
        return Err(refuse(format!("{} images in {columns} columns", images.len())));
    }
    if let Some(image) = images.iter().find(|image| image.len() != shape.bytes()) {
        return Err(refuse(format!("{} bytes for an image of {shape}", image.len())));
    }
    let columns = columns.min(images.len());
    let rows = images.len().div_ceil(columns);
    let (height, width) = (rows * (shape.height + 1) - 1, columns * (shape.width + 1) - 1);
    let whole = Shape { height, width, channels: shape.channels };
    let mut pixels = vec![0; whole.bytes()];
    let line = shape.width * shape.channels;
    for (place, image) in images.iter().enumerate() {
        let (top, left) = (place / columns * (shape.height + 1), place % columns * (shape.width + 1));
        for (row, values) in image.chunks(line).enumerate() {
            let start = ((top + row) * width + left) * shape.channels;
            pixels[start..start + line].copy_from_slice(values);
        }
    }
    Ok((pixels, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_every_image_at_its_place() {
        let shape = Shape { height: 2, width: 2, channels: 1 };
        let images: Vec<Vec<u8>> = (1..=3).map(|value| vec![value * 10; 4]).collect();
        let (pixels, whole) = grid(&images, shape, 2).unwrap();
        assert_eq!((whole.height, whole.width), (5, 5));
        let rows: Vec<&[u8]> = pixels.chunks(5).collect();
        assert_eq!(rows[..2], [[10, 10, 0, 20, 20], [10, 10, 0, 20, 20]]);
        assert_eq!(rows[2..], [[0; 5], [30, 30, 0, 0, 0], [30, 30, 0, 0, 0]]);
        assert!(grid(&images, Shape { height: 3, ..shape }, 2).is_err() && grid(&[], shape, 2).is_err());
    }

    #[test]
    fn what_is_written_is_read_back() {
        let shape = Shape { height: 3, width: 4, channels: 3 };
        let pixels: Vec<u8> = (0..36).map(|value| value * 7).collect();
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("image.png");
        std::fs::write(&file, png_bytes(&pixels, shape).unwrap()).unwrap();
        assert_eq!(crate::read_image(&file, shape, None).unwrap(), pixels);
        assert!(png_bytes(&pixels[1..], shape).is_err());
    }
}
