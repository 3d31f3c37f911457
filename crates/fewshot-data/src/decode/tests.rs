//! Tests of `decode.rs`.

use proptest::prelude::*;
use proptest::sample::Index;

use super::limits::check;
use super::orientation::Orientation;
use super::*;

fn raster(bytes: &[u8]) -> Result<Raster, String> {
    decode(bytes, None).map(|decoded| decoded.raster)
}

/// A PNG of the given colour type and depth from raw sample bytes.
fn encode_png(width: u32, height: u32, colour: ::png::ColorType, depth: ::png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ::png::ColorType::Indexed {
        encoder.set_palette(vec![0, 0, 0, 255, 0, 0, 0, 0, 255]);
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    bytes
}

fn encode_jpeg(width: u16, height: u16, colour: jpeg_encoder::ColorType, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 95).encode(data, width, height, colour).unwrap();
    bytes
}

/// `jpeg` with an EXIF block that holds just the orientation.
fn with_orientation(jpeg: &[u8], value: u8) -> Vec<u8> {
    let mut block = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    block.extend([value, 0, 0, 0, 0, 0, 0]);
    let length = (block.len() + 2) as u16;
    [&jpeg[..2], &[0xFF, 0xE1], &length.to_be_bytes(), &block, &jpeg[2..]].concat()
}

#[test]
fn png_colour_types_become_bytes_without_alpha() {
    use ::png::{BitDepth, ColorType};
    type Case = (ColorType, BitDepth, &'static [u8], usize, &'static [u8]);
    let cases: [Case; 7] = [
        (ColorType::Grayscale, BitDepth::Eight, &[7, 9], 1, &[7, 9]),
        (ColorType::Grayscale, BitDepth::Sixteen, &[7, 255, 9, 1], 1, &[7, 9]),
        (ColorType::Grayscale, BitDepth::One, &[0b0100_0000], 1, &[0, 255]),
        (ColorType::GrayscaleAlpha, BitDepth::Eight, &[7, 0, 9, 255], 1, &[7, 9]),
        (ColorType::Rgb, BitDepth::Eight, &[1, 2, 3, 4, 5, 6], 3, &[1, 2, 3, 4, 5, 6]),
        (ColorType::Rgba, BitDepth::Eight, &[1, 2, 3, 0, 4, 5, 6, 9], 3, &[1, 2, 3, 4, 5, 6]),
        (ColorType::Indexed, BitDepth::Eight, &[2, 1], 3, &[0, 0, 255, 255, 0, 0]),
    ];
    for (colour, depth, data, channels, pixels) in cases {
        let bytes = encode_png(2, 1, colour, depth, data);
        assert_eq!(dimensions(&bytes), Ok((1, 2)));
        let expected = Raster { height: 1, width: 2, channels, pixels: pixels.to_vec() };
        assert_eq!(raster(&bytes), Ok(expected), "{colour:?} {depth:?}");
    }
}

/// As TIFF, with the `image` crate.
fn encode_tiff(image: image::DynamicImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Tiff).unwrap();
    bytes.into_inner()
}

#[test]
fn the_largest_colour_of_16_bits_is_known() {
    use ::png::{BitDepth, ColorType};
    let bytes = |samples: &[u16]| samples.iter().flat_map(|sample| sample.to_be_bytes()).collect::<Vec<u8>>();
    let png = |colour, samples: &[u16]| encode_png(1, 1, colour, BitDepth::Sixteen, &bytes(samples));
    for (file, pixels, largest) in [
        (png(ColorType::Grayscale, &[4095]), &[15][..], 4095),
        // Alpha is no colour.
        (png(ColorType::GrayscaleAlpha, &[300, 65_535]), &[1], 300),
        (png(ColorType::Rgb, &[1, 513, 70]), &[0, 2, 0], 513),
        (png(ColorType::Rgba, &[1, 2, 3, 65_535]), &[0, 0, 0], 3),
        (
            encode_tiff(image::ImageBuffer::<image::Luma<u16>, _>::from_vec(1, 1, vec![1023]).unwrap().into()),
            &[3],
            1023,
        ),
        (
            encode_tiff(image::ImageBuffer::<image::Rgb<u16>, _>::from_vec(1, 1, vec![256, 900, 2]).unwrap().into()),
            &[1, 3, 0],
            900,
        ),
    ] {
        let decoded = decode(&file, None).unwrap();
        assert_eq!((decoded.raster.pixels.as_slice(), decoded.largest), (pixels, Some(largest)));
    }
    let eight = encode_png(1, 1, ColorType::Grayscale, BitDepth::Eight, &[200]);
    assert_eq!(decode(&eight, None).unwrap().largest, None);
}

#[test]
fn jpeg_keeps_grey_as_one_channel() {
    let grey = encode_jpeg(5, 3, jpeg_encoder::ColorType::Luma, &[100; 15]);
    assert_eq!(dimensions(&grey), Ok((3, 5)));
    assert_eq!(raster(&grey), Ok(Raster { height: 3, width: 5, channels: 1, pixels: vec![100; 15] }));
    let colour = raster(&encode_jpeg(9, 3, jpeg_encoder::ColorType::Rgb, &[200, 30, 30].repeat(27))).unwrap();
    assert_eq!((colour.height, colour.width, colour.channels), (3, 9, 3));
    for pixel in colour.pixels.chunks(3) {
        assert!(pixel[0].abs_diff(200) < 8 && pixel[1].abs_diff(30) < 8 && pixel[2].abs_diff(30) < 8, "{pixel:?}");
    }
}

#[test]
fn cmyk_jpegs_are_read_as_colour() {
    let cmyk = encode_jpeg(8, 8, jpeg_encoder::ColorType::Cmyk, &[0, 0, 0, 0].repeat(64));
    assert_eq!(raster(&cmyk).map(|raster| raster.channels), Ok(3));
}

/// A 16x8 image whose left half is bright, stored in each of the eight ways.
#[test]
fn exif_orientation_is_applied() {
    let halves: Vec<u8> = (0..16 * 8).map(|at| if at % 16 < 8 { 255 } else { 0 }).collect();
    let upright = encode_jpeg(16, 8, jpeg_encoder::ColorType::Luma, &halves);
    // (height, width, a bright place, a dark place)
    let cases = [
        (8, 16, (4, 2), (4, 13)),
        (8, 16, (4, 13), (4, 2)),
        (8, 16, (4, 13), (4, 2)),
        (8, 16, (4, 2), (4, 13)),
        (16, 8, (2, 4), (13, 4)),
        (16, 8, (2, 4), (13, 4)),
        (16, 8, (13, 4), (2, 4)),
        (16, 8, (13, 4), (2, 4)),
    ];
    for (value, (height, width, bright, dark)) in (1..).zip(cases) {
        let bytes = with_orientation(&upright, value);
        assert_eq!(dimensions(&bytes), Ok((height, width)), "orientation {value}");
        let raster = decode(&bytes, None).unwrap().raster;
        assert_eq!((raster.height, raster.width), (height, width), "orientation {value}");
        let at = |(y, x): (usize, usize)| raster.pixels[y * width + x];
        assert!(at(bright) > 200 && at(dark) < 55, "orientation {value}");
    }
}

/// The corner that tells all eight apart: the stored first pixel, and where it must be seen.
#[test]
fn the_eight_orientations_by_their_first_pixel() {
    let stored = Raster { height: 2, width: 3, channels: 1, pixels: vec![9, 0, 0, 5, 0, 0] };
    let seen: [&[u8]; 8] = [
        &[9, 0, 0, 5, 0, 0],
        &[0, 0, 9, 0, 0, 5],
        &[0, 0, 5, 0, 0, 9],
        &[5, 0, 0, 9, 0, 0],
        &[9, 5, 0, 0, 0, 0],
        &[5, 9, 0, 0, 0, 0],
        &[0, 0, 0, 0, 5, 9],
        &[0, 0, 0, 0, 9, 5],
    ];
    for (value, pixels) in (1..).zip(seen) {
        assert_eq!(Orientation::from_tag(value).apply(stored.clone()).pixels, pixels, "orientation {value}");
    }
}

#[test]
fn damaged_images_are_refused() {
    let noise: Vec<u8> = (0..64 * 64 * 3_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let jpeg = encode_jpeg(64, 64, jpeg_encoder::ColorType::Rgb, &noise);
    let png = encode_png(64, 64, ::png::ColorType::Rgb, ::png::BitDepth::Eight, &noise);
    for bytes in [&jpeg, &png] {
        assert!(raster(bytes).is_ok());
        for keep in [1, 2, 10, 30, bytes.len() / 2, bytes.len() * 9 / 10] {
            assert!(raster(&bytes[..keep]).is_err(), "the first {keep} of {} bytes", bytes.len());
        }
    }
    let mut flipped = png.clone();
    flipped[png.len() / 2] ^= 0x10;
    assert!(raster(&flipped).is_err(), "a PNG has checksums");
    assert!(raster(b"").unwrap_err().contains("no bytes"));
    assert!(raster(b"GIF8").unwrap_err().contains("it begins with 47 49 46 38"));
}

#[test]
fn absurd_sizes_are_refused_before_memory_is_asked_for() {
    let mut png = encode_png(1, 1, ::png::ColorType::Grayscale, ::png::BitDepth::Eight, &[0]);
    png[16..24].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF]);
    assert!(raster(&png).is_err());
    assert!(check(20_000, 1).unwrap_err().contains("16384"));
    assert!(check(16_000, 16_000).is_err());
    assert!(check(0, 5).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Damaged bytes, EXIF block included: no panic, and the header's size is the one that decoding gives.
    #[test]
    fn damaged_bytes_never_panic(
        which in 0..3_usize,
        changes in prop::collection::vec(any::<(Index, u8)>(), 0..4),
        cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        let pixels: Vec<u8> = (0..20 * 12 * 3).map(|at| (at * 37) as u8).collect();
        let mut bytes = match which {
            0 => encode_png(20, 12, ::png::ColorType::Rgb, ::png::BitDepth::Eight, &pixels),
            1 => with_orientation(&encode_jpeg(20, 12, jpeg_encoder::ColorType::Rgb, &pixels), 6),
            _ => encode_jpeg(20, 12, jpeg_encoder::ColorType::Luma, &pixels[..240]),
        };
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok(raster) = raster(&bytes) {
            prop_assert_eq!(dimensions(&bytes), Ok((raster.height, raster.width)));
            prop_assert_eq!(raster.pixels.len(), raster.height * raster.width * raster.channels);
        }
    }
}
