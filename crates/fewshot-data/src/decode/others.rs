//! BMP, GIF, TIFF and WebP, through the `image` crate.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::orientation::Orientation;
use super::room::Room;
use super::{Alpha, Decoded, Ground, MAX_PIXELS, MAX_SIDE, Raster, check, flatten};

/// Bytes that a pixel may take while it is decoded: four channels of 16 bits, twice.
const DECODING_BYTES: u64 = 16;

fn decoder(bytes: &[u8], format: ImageFormat) -> Result<impl ImageDecoder + '_, String> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(MAX_SIDE as u32), Some(MAX_SIDE as u32));
    limits.max_alloc = Some(DECODING_BYTES * MAX_PIXELS as u64);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| error.to_string())
}

/// Height, width and orientation.
fn header(decoder: &mut impl ImageDecoder) -> Result<(usize, usize, Orientation), String> {
    let (width, height) = decoder.dimensions();
    let (height, width) = (height as usize, width as usize);
    check(height, width)?;
    let orientation = decoder.orientation().map_err(|error| error.to_string())?;
    Ok((height, width, Orientation::from_tag(orientation.to_exif().into())))
}

pub(super) fn dimensions(bytes: &[u8], format: ImageFormat) -> Result<(usize, usize), String> {
    let (height, width, orientation) = header(&mut decoder(bytes, format)?)?;
    Ok(orientation.turned(height, width))
}

pub(super) fn decode(bytes: &[u8], format: ImageFormat, ground: Option<Ground>) -> Result<Decoded, String> {
    let mut decoder = decoder(bytes, format)?;
    let (height, width, orientation) = header(&mut decoder)?;
    let _room = Room::take(DECODING_BYTES * (height * width) as u64);
    let image = DynamicImage::from_decoder(decoder).map_err(|error| error.to_string())?;
    let high = |samples: Vec<u16>| -> Vec<u8> { samples.into_iter().map(|sample| (sample >> 8) as u8).collect() };
    let (channels, pixels, alpha) = match image {
        DynamicImage::ImageLuma8(image) => (1, image.into_raw(), Alpha::Opaque),
        DynamicImage::ImageRgb8(image) => (3, image.into_raw(), Alpha::Opaque),
        DynamicImage::ImageLumaA8(image) => flatten(&image.into_raw(), 1, ground),
        DynamicImage::ImageRgba8(image) => flatten(&image.into_raw(), 3, ground),
        // As of PNG files, of samples of 16 bits the high byte counts.
        DynamicImage::ImageLuma16(image) => (1, high(image.into_raw()), Alpha::Opaque),
        DynamicImage::ImageRgb16(image) => (3, high(image.into_raw()), Alpha::Opaque),
        DynamicImage::ImageLumaA16(image) => flatten(&high(image.into_raw()), 1, ground),
        DynamicImage::ImageRgba16(image) => flatten(&high(image.into_raw()), 3, ground),
        _ => return Err("its samples are no whole numbers of 8 or 16 bits".into()),
    };
    Ok(Decoded { raster: orientation.apply(Raster::new(height, width, channels, pixels)?), alpha })
}
