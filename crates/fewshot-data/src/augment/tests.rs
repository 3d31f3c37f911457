//! Tests of the changes of images.

use proptest::prelude::*;

use super::draw::{ONE, source};
use super::*;
use crate::Shape;

/// The draw of a position of an epoch.
pub(super) fn draw_of(augment: &Augment, shape: Shape, seed: u64, epoch: u64, position: u64) -> Draw {
    Draw::of(augment, shape, Key { seed, epoch, position })
}

/// Value v of channel c becomes 1000 c + v + 0.5: mixed-up channels show, and so does black (0.5) in place of zero.
pub(super) fn tables(channels: usize) -> Vec<[f32; 256]> {
    (0..channels).map(|channel| std::array::from_fn(|value| (1000 * channel + value) as f32 + 0.5)).collect()
}

/// The definition, pixel by pixel.
fn reference(draw: &Draw, image: &[u8], shape: Shape, tables: &[[f32; 256]]) -> Vec<f32> {
    let Shape { height, width, channels } = shape;
    // The flipped image on endless black.
    let flipped = |row: i64, column: i64, channel: usize| {
        if !(0..height as i64).contains(&row) || !(0..width as i64).contains(&column) {
            return 0;
        }
        let column = if draw.flip { width as i64 - 1 - column } else { column };
        image[(row as usize * width + column as usize) * channels + channel]
    };
    let zoomed = |row: isize, column: isize, channel: usize| {
        let Some(factor) = draw.zoom else { return flipped(row as i64, column as i64, channel) };
        let one = i64::from(ONE);
        let (row, column) = (source(row, height, factor), source(column, width, factor));
        let mut sum = 0;
        for (down, right) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let share = |fine: i64, step| if step == 0 { one - fine.rem_euclid(one) } else { fine.rem_euclid(one) };
            let (y, x) = (row.div_euclid(one) + down, column.div_euclid(one) + right);
            sum += i64::from(flipped(y, x, channel)) * share(row, down) * share(column, right);
        }
        (sum as f64 / (one * one) as f64).round() as u8
    };
    let mut out = Vec::new();
    for y in 0..height {
        for x in 0..width {
            for (channel, table) in tables.iter().enumerate() {
                let value = zoomed(y as isize + draw.crop.0, x as isize + draw.crop.1, channel);
                let mut value = table[usize::from(value)];
                if let Some((contrast, brightness)) = draw.light {
                    value = value * contrast + (1.0 - brightness) * table[0];
                }
                let cut = draw
                    .holes
                    .iter()
                    .flatten()
                    .any(|[rows, columns]| (rows.0..rows.1).contains(&y) && (columns.0..columns.1).contains(&x));
                out.push(if cut { 0.0 } else { value });
            }
        }
    }
    out
}

proptest! {
    #[test]
    fn loops_do_what_the_definition_says(
        (height, width) in (1..9_usize, 1..9_usize),
        channels in prop_oneof![Just(1), Just(3)],
        (pad, cutout) in (0..8_usize, 0..12_usize),
        erase in prop_oneof![Just(0), 1..=100_usize],
        zoom in prop_oneof![Just(0), 1..=90_usize],
        light in prop_oneof![Just(0), 1..=90_usize],
        (flip, seed) in any::<(bool, u64)>(),
    ) {
        let shape = Shape { height, width, channels };
        let augment = Augment { flip, crop_pad: pad.min(height.min(width) - 1), cutout, erase, zoom, light, ..Augment::none() };
        let image: Vec<u8> = (1..=shape.bytes()).map(|value| (value * 41) as u8).collect();
        let tables = tables(channels);
        for position in 0..4 {
            let draw = draw_of(&augment, shape, seed, 1, position);
            let mut out = vec![f32::NAN; shape.bytes()];
            draw.apply(&image, shape, &tables, &mut out);
            prop_assert_eq!(out, reference(&draw, &image, shape, &tables), "{:?}", draw);
        }
    }

    /// Recorded runs were drawn without what came later: it must not move what they drew.
    #[test]
    fn what_is_added_leaves_the_older_draws(
        (flip, crop_pad, cutout, seed) in any::<(bool, bool, bool, u64)>(),
        (erase, zoom, light) in (0..=100_usize, 0..=90_usize, 0..=90_usize),
    ) {
        let shape = Shape { height: 12, width: 9, channels: 3 };
        let old = Augment { flip, crop_pad: 3 * usize::from(crop_pad), cutout: 4 * usize::from(cutout), ..Augment::none() };
        let before = draw_of(&old, shape, seed, 2, 5);
        let after = draw_of(&Augment { erase, zoom, light, ..old }, shape, seed, 2, 5);
        prop_assert_eq!((after.flip, after.crop, after.holes[0]), (before.flip, before.crop, before.holes[0]));
        prop_assert_eq!((before.holes[1], before.zoom, before.light), (None, None, None));
    }
}

#[test]
fn flip_and_crop_by_hand() {
    let shape = Shape { height: 2, width: 3, channels: 1 };
    let image = [1, 2, 3, 4, 5, 6];
    let apply = |draw: Draw| {
        let mut out = [0.0; 6];
        draw.apply(&image, shape, &tables(1), &mut out);
        out.iter().map(|value| value - 0.5).collect::<Vec<f32>>()
    };
    let nothing = Draw::nothing();
    assert_eq!(apply(nothing), [1., 2., 3., 4., 5., 6.]);
    assert_eq!(apply(Draw { flip: true, ..nothing }), [3., 2., 1., 6., 5., 4.]);
    assert_eq!(apply(Draw { crop: (1, -1), ..nothing }), [0., 4., 5., 0., 0., 0.]);
    assert_eq!(apply(Draw { flip: true, crop: (0, 1), ..nothing }), [2., 1., 0., 5., 4., 0.]);
    // A factor of 1 is no zoom.
    assert_eq!(apply(Draw { flip: true, crop: (0, 1), zoom: Some(1.0), ..nothing }), [2., 1., 0., 5., 4., 0.]);
}

#[test]
fn zoom_by_hand() {
    let shape = Shape { height: 1, width: 4, channels: 1 };
    let apply = |draw: Draw| {
        let mut out = [0.0; 4];
        draw.apply(&[40, 80, 120, 160], shape, &tables(1), &mut out);
        out.map(|value| value - 0.5)
    };
    // Doubled around the centre, pixel 0 comes from 3/4, pixel 1 from 5/4, and so on; the one row stays where it is.
    assert_eq!(apply(Draw { zoom: Some(2.0), ..Draw::nothing() }), [70., 90., 110., 130.]);
    // Halved, pixel 0 comes from -3/2, where all is black, and pixel 1 from 1/2.
    assert_eq!(apply(Draw { zoom: Some(0.5), ..Draw::nothing() }), [0., 60., 140., 0.]);
    assert_eq!(apply(Draw { zoom: Some(0.5), flip: true, crop: (0, 1), ..Draw::nothing() }), [140., 60., 0., 0.]);
}

#[test]
fn light_by_hand() {
    // Mean 0.5, standard deviation 0.25: black is -2, 204 (0.8) is 1.2.
    let table = std::array::from_fn(|value| (value as f32 / 255.0 - 0.5) / 0.25);
    let shape = Shape { height: 1, width: 2, channels: 1 };
    let draw = Draw { light: Some((0.5, 1.2)), holes: [Some([(0, 1), (1, 2)]), None], ..Draw::nothing() };
    let mut out = [0.0; 2];
    draw.apply(&[204, 204], shape, &[table], &mut out);
    // (0.8 - 0.5) * 0.5 + 0.5 * 1.2 = 0.75; what is cut out stays the mean.
    assert!((out[0] - 1.0).abs() < 1e-6 && out[1] == 0.0, "{out:?}");
}

/// Every choice occurs about as often as it should: 4,000 draws, bounds at five standard deviations.
#[test]
fn draws_are_uniform() {
    let shape = Shape { height: 6, width: 6, channels: 1 };
    let augment = Augment { flip: true, crop_pad: 2, cutout: 3, ..Augment::none() };
    let (mut flips, mut offsets, mut cut_pixels) = (0, [[0; 5]; 2], vec![0; 36]);
    for position in 0..4000 {
        let draw = draw_of(&augment, shape, 3, 0, position);
        flips += usize::from(draw.flip);
        offsets[0][(draw.crop.0 + 2) as usize] += 1;
        offsets[1][(draw.crop.1 + 2) as usize] += 1;
        let [rows, columns] = draw.holes[0].unwrap();
        (rows.0..rows.1).for_each(|y| (columns.0..columns.1).for_each(|x| cut_pixels[y * 6 + x] += 1));
    }
    assert!((1842..=2158).contains(&flips), "{flips}");
    assert!(offsets.iter().flatten().all(|count| (674..=926).contains(count)), "{offsets:?}");
    // An inner pixel is cut by 9 of the 36 centres, a corner by 4.
    assert!((837..=1163).contains(&cut_pixels[14]), "{cut_pixels:?}");
    assert!((345..=543).contains(&cut_pixels[0]), "{cut_pixels:?}");
}

#[test]
fn rectangles_zooms_and_lights_have_the_range_asked_for() {
    let shape = Shape { height: 100, width: 100, channels: 3 };
    let augment = Augment { erase: 30, zoom: 20, light: 40, ..Augment::none() };
    let draws: Vec<Draw> = (0..4000).map(|position| draw_of(&augment, shape, 3, 0, position)).collect();
    let erased: Vec<[usize; 2]> =
        draws.iter().filter_map(|draw| Some(draw.holes[1]?.map(|(start, end)| end - start))).collect();
    // 1,200, give or take five standard deviations of 29.
    assert!((1055..=1345).contains(&erased.len()), "{}", erased.len());
    // Sides are rounded to pixels.
    for &[height, width] in &erased {
        let area = height * width;
        assert!((180..=2600).contains(&area), "{height}x{width}");
        assert!(height.max(width) as f64 / height.min(width) as f64 <= 3.8, "{height}x{width}");
    }
    // All values lie within, and some near both ends.
    let spread = |values: Vec<f64>, from: f64, to: f64, near: f64| {
        assert!(values.iter().all(|value| (from..=to).contains(value)));
        assert!(values.iter().any(|&value| value < from + near) && values.iter().any(|&value| value > to - near));
    };
    spread(erased.iter().map(|[height, width]| (height * width) as f64 / 1e4).collect(), 0.018, 0.26, 0.02);
    // Either side can be the longer one.
    spread(erased.iter().map(|&[height, width]| (height as f64 / width as f64).log2()).collect(), -1.93, 1.93, 0.3);
    spread(draws.iter().filter_map(|draw| draw.zoom).collect(), 0.8, 1.2, 0.01);
    spread(draws.iter().filter_map(|draw| Some(f64::from(draw.light?.0))).collect(), 0.599, 1.401, 0.02);
    spread(draws.iter().filter_map(|draw| Some(f64::from(draw.light?.1))).collect(), 0.599, 1.401, 0.02);
    let narrow = Shape { height: 1, width: 40, channels: 3 };
    for position in 0..200 {
        let Some([rows, columns]) = draw_of(&augment, narrow, 3, 0, position).holes[1] else { continue };
        assert!(rows == (0, 1) && columns.0 < columns.1 && columns.1 <= 40);
    }
}

#[test]
fn defaults_and_limits() {
    let shape = |height, width, channels| Shape { height, width, channels };
    let none = Augment::none();
    assert_eq!(Augment::for_shape(shape(32, 32, 3)), Augment { flip: true, crop_pad: 4, ..none });
    assert_eq!(Augment::for_shape(shape(28, 28, 1)), Augment { flip: true, crop_pad: 2, ..none });
    assert!(Augment::for_shape(shape(1, 1, 3)).check(shape(1, 1, 3)).is_ok());
    let refused = |augment: Augment| augment.check(shape(8, 10, 3)).unwrap_err().to_string();
    assert!(refused(Augment { crop_pad: 8, ..none }).contains("below the shorter side, 8"));
    assert!(refused(Augment { cutout: 21, ..none }).contains("twice the longer side, 20"));
    assert!(refused(Augment { erase: 101, ..none }).contains("`erase`"));
    assert!(refused(Augment { zoom: 91, ..none }).contains("0 to 90 per cent"));
    assert!(refused(Augment { light: 91, ..none }).contains("`light`"));
}

#[test]
fn the_choice_by_size_is_told() {
    let shape = |side, channels| Shape { height: side, width: side, channels };
    for (shape, images, text) in [
        (shape(28, 1), 100, "flip, crop 2 pixels, because the images are grey"),
        (
            shape(64, 3),
            999,
            "flip, crop 8 pixels, erase 50 %, zoom 15 %, light 20 %, because there are fewer than 1000 images a class",
        ),
        (shape(32, 3), 1000, "flip, crop 4 pixels, cutout 8 pixels, because there are at least 1000 images a class"),
    ] {
        let (augment, told) = Augment::by_size(shape, images);
        assert_eq!(told, text);
        assert!(augment.check(shape).is_ok());
    }
    assert_eq!(Augment::none().to_string(), "no change");
}

#[test]
fn older_files_can_be_read() {
    let old: Augment = serde_json::from_str(r#"{"flip":true,"crop_pad":2,"cutout":0}"#).unwrap();
    assert_eq!(old, Augment { flip: true, crop_pad: 2, ..Augment::none() });
}
