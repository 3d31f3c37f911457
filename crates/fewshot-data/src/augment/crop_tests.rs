//! Tests of `crop.rs`.

use super::*;

const SHAPE: Shape = Shape { height: 40, width: 60, channels: 3 };

fn parts(crop: ResizedCrop, shape: Shape, count: u64) -> Vec<Part> {
    (0..count).map(|position| crop.draw(shape, Key { seed: 7, epoch: 1, position })).collect()
}

#[test]
fn parts_lie_within_and_have_the_area_and_ratio_asked_for() {
    let crop = ResizedCrop { side: 8, ..ResizedCrop::default() };
    let parts = parts(crop, SHAPE, 4000);
    let (mut least, mut most) = (1.0_f64, 0.0_f64);
    for part in &parts {
        assert!(part.top + part.height <= SHAPE.height && part.left + part.width <= SHAPE.width, "{part:?}");
        let area = (part.height * part.width) as f64 / 2400.0;
        (least, most) = (least.min(area), most.max(area));
        // Sides are rounded to pixels: of the smallest, 12x16, half a pixel is 4 %.
        let ratio = part.width as f64 / part.height as f64;
        assert!((0.7..=1.43).contains(&ratio) && area > 0.07, "{part:?}");
    }
    // The largest part that is not wider than 4/3 has 40x53 pixels.
    assert!(least < 0.1 && most > 0.8, "{least} to {most}");
    // All four corners are reached.
    assert!(parts.iter().any(|part| part.top == 0) && parts.iter().any(|part| part.left == 0));
    assert!(
        parts.iter().any(|part| part.top + part.height == 40) && parts.iter().any(|part| part.left + part.width == 60)
    );
}

/// Where no draw fits, the largest centred part of an allowed shape is taken.
#[test]
fn long_images_give_their_centre() {
    let crop = ResizedCrop { side: 8, area: [1.0, 1.0], ..ResizedCrop::default() };
    let part = |height, width| {
        let part = crop.draw(Shape { height, width, channels: 1 }, Key { seed: 0, epoch: 0, position: 0 });
        (part.top, part.left, part.height, part.width)
    };
    assert_eq!(part(30, 90), (0, 25, 30, 40));
    assert_eq!(part(90, 30), (25, 0, 40, 30));
    assert_eq!(part(1, 500), (0, 249, 1, 1));
    assert_eq!(ResizedCrop { ratio: [1.0, 3.0], ..crop }.centred(SHAPE).height, 40);
}

#[test]
fn what_is_out_of_range_is_refused() {
    let default = ResizedCrop::default();
    assert!(default.check().is_ok());
    let refused = |crop: ResizedCrop, words: &str| {
        let message = crop.check().unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    refused(ResizedCrop { side: 0, ..default }, "1 to 4096 pixels");
    refused(ResizedCrop { side: 4097, ..default }, "1 to 4096 pixels");
    for area in [[0.0, 1.0], [0.5, 0.4], [0.5, 1.1], [f64::NAN, 1.0], [0.5, f64::NAN]] {
        refused(ResizedCrop { area, ..default }, "`resized_crop.area`");
    }
    for ratio in [[0.0, 1.0], [2.0, 1.0], [1.0, 101.0], [1.0, f64::NAN]] {
        refused(ResizedCrop { ratio, ..default }, "`resized_crop.ratio`");
    }
    let centre = CentreCrop::default();
    assert!(centre.check(SHAPE).is_ok());
    assert!(CentreCrop { side: 0, ..centre }.check(SHAPE).is_err());
    assert!(CentreCrop { share: 0.09, ..centre }.check(SHAPE).is_err());
    assert!(CentreCrop { share: f64::NAN, ..centre }.check(SHAPE).is_err());
    let line = Shape { height: 1, width: 10_000_000, channels: 1 };
    assert!(centre.check(line).unwrap_err().to_string().contains("at most 134217728 pixels"));
}
