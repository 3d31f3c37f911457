//! Tests of `resample.rs`.

use super::*;
use crate::decode::Raster;

/// Height, width and channels.
type Size = (usize, usize, usize);

fn pattern((height, width, channels): Size) -> Raster {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            pixels.extend((0..channels).map(|channel| (x * 37 + y * 91 + channel * 53 + x * y * 7) as u8));
        }
    }
    Raster { height, width, channels, pixels }
}

/// What Pillow 13.0.0 makes of the pattern: `numpy.asarray(ImageOps.fit(image, (WIDTH, HEIGHT),
/// Image.Resampling.LANCZOS)).ravel()`.
#[test]
fn pixels_are_those_of_pillow() {
    // Shrunk and cut at the sides, in colour; cut above and below; enlarged; columns stay; rows and columns shrink alike;
    // rows stay, columns are cut between pixels; high and narrow, so columns come first.
    let cases: [(Size, (usize, usize), &[u8]); 7] = [
        (
            (9, 14, 3),
            (4, 5),
            &[
                115, 130, 146, 125, 140, 144, 119, 121, 132, 110, 125, 144, 120, 143, 111, 139, 132, 134, 146, 140,
                130, 134, 128, 124, 131, 131, 129, 134, 141, 143, 115, 143, 112, 141, 124, 116, 143, 141, 127, 123,
                128, 98, 143, 109, 131, 128, 115, 160, 128, 118, 124, 119, 123, 126, 127, 125, 134, 131, 92, 156,
            ],
        ),
        ((13, 7, 1), (3, 6), &[171, 65, 123, 174, 117, 137, 51, 142, 101, 75, 143, 220, 170, 138, 81, 190, 103, 85]),
        (
            (3, 4, 1),
            (5, 7),
            &[
                0, 4, 29, 47, 64, 89, 102, 22, 30, 57, 95, 133, 160, 169, 87, 101, 131, 157, 183, 213, 227, 149, 184,
                210, 151, 92, 119, 153, 173, 221, 244, 126, 7, 31, 78,
            ],
        ),
        (
            (6, 9, 1),
            (6, 6),
            &[
                58, 93, 130, 160, 232, 113, 153, 230, 117, 4, 83, 118, 130, 25, 111, 149, 235, 130, 108, 156, 249, 150,
                51, 141, 239, 143, 51, 145, 238, 146, 20, 123, 224, 139, 48, 193,
            ],
        ),
        (
            (9, 6, 3),
            (3, 6),
            &[
                17, 70, 123, 75, 128, 181, 133, 186, 239, 191, 244, 41, 249, 46, 99, 51, 104, 157, 108, 161, 214, 173,
                226, 23, 238, 35, 88, 47, 100, 153, 112, 165, 218, 177, 230, 27, 199, 252, 49, 15, 68, 121, 87, 140,
                193, 159, 212, 9, 231, 28, 81, 47, 100, 153,
            ],
        ),
        (
            (16, 12, 1),
            (16, 3),
            &[
                160, 232, 113, 4, 83, 121, 149, 235, 130, 150, 51, 138, 145, 238, 147, 139, 48, 190, 134, 241, 164,
                128, 51, 207, 123, 94, 18, 123, 54, 224, 112, 97, 35, 106, 92, 84, 101, 94, 87, 95, 95, 95, 90, 97,
                104, 49, 104, 112,
            ],
        ),
        (
            (20, 8, 3),
            (4, 5),
            &[
                144, 76, 153, 113, 128, 156, 139, 92, 155, 116, 135, 109, 135, 83, 151, 115, 116, 93, 179, 121, 143,
                165, 138, 127, 82, 164, 108, 138, 106, 166, 181, 120, 168, 167, 63, 129, 126, 116, 103, 97, 162, 113,
                89, 119, 186, 123, 147, 103, 121, 140, 91, 108, 164, 72, 97, 149, 89, 79, 138, 186,
            ],
        ),
    ];
    // One for all: what it keeps must not be mistaken for another image's.
    let mut resampler = Resampler::default();
    for (size, (height, width), pixels) in cases {
        for _ in 0..2 {
            let image = pattern(size);
            let found = resampler.fit(&image.pixels, image.shape(), height, width);
            assert_eq!(found, pixels, "{size:?} to {height}x{width}");
        }
    }
}

/// No pixels make the sums overflow, which would panic in the development build.
#[test]
fn sums_stay_in_range() {
    for filter in [Filter::Bilinear, Filter::Bicubic, Filter::Lanczos] {
        for source in 1..40 {
            for target in [1, 2, 3, 7, 16, 64, 500] {
                for tap in Axis::new(filter, source, (0.0, source as f32), target).taps {
                    let sum: i64 = tap.weights.iter().map(|&weight| i64::from(weight.abs())).sum();
                    let fits = sum * 255 + i64::from(HALF) < i64::from(i32::MAX);
                    assert!(fits, "{filter:?}, {source} to {target}: {sum}");
                }
            }
        }
    }
}
