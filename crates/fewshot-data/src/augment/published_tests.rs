//! Tests of the changes that published recipes make: what is drawn, and in which order it is applied.

use super::tests::{draw_of, tables};
use super::*;
use crate::Shape;

/// All that has a random stream of its own.
fn everything() -> Augment {
    Augment {
        auto_augment: Some(AutoAugment::default()),
        jitter: Jitter::STRONG,
        resized_crop: Some(ResizedCrop { side: 5, ..ResizedCrop::default() }),
        cut_mix: Some(CutMix::default()),
        ..Augment::none()
    }
}

/// Each switch moves only what it is for.
#[test]
fn streams_are_apart() {
    let shape = Shape { height: 12, width: 9, channels: 3 };
    let all = Augment { flip: true, cutout: 4, ..everything() };
    for position in 0..50 {
        let draw = |augment: Augment| draw_of(&augment, shape, 3, 1, position);
        let whole = draw(all);
        let without_auto = draw(Augment { auto_augment: None, ..all });
        assert_eq!(without_auto.operations[..2], [None; 2]);
        assert_eq!(Draw { operations: whole.operations, ..without_auto }, whole);
        assert_eq!(without_auto.operations[2..], whole.operations[2..]);
        let without_jitter = draw(Augment { jitter: Jitter::default(), ..all });
        assert_eq!(without_jitter.operations[2..], [None; 4]);
        assert_eq!(Draw { operations: whole.operations, ..without_jitter }, whole);
        let whole_image = draw(Augment { resized_crop: None, ..all });
        assert_eq!((whole_image.part, whole_image.flip), (None, whole.flip));
        assert_eq!(draw(Augment { flip: false, cutout: 0, ..all }).operations, whole.operations);
        assert_eq!(draw(Augment { flip: false, cutout: 0, ..all }).part, whole.part);
    }
}

/// 4,000 draws: each sub-policy, step and sign as often as it should, at five standard deviations.
#[test]
fn the_policy_is_drawn_as_it_says() {
    let shape = Shape { height: 32, width: 32, channels: 3 };
    let augment = Augment { auto_augment: Some(AutoAugment::default()), ..Augment::none() };
    let draws: Vec<Draw> = (0..4000).map(|position| draw_of(&augment, shape, 5, 0, position)).collect();
    let count = |wanted: &dyn Fn(&Draw) -> bool| draws.iter().filter(|draw| wanted(draw)).count();
    use operation::Operation::*;
    // Sub-policy 1 rotates with probability 0.7: 112 of 4,000, half of them either way.
    let left =
        count(&|draw| draw.operations[0].is_some_and(|operation| matches!(operation, Rotate(turn) if turn > 0.0)));
    let right =
        count(&|draw| draw.operations[0].is_some_and(|operation| matches!(operation, Rotate(turn) if turn < 0.0)));
    assert!((19..=93).contains(&left) && (19..=93).contains(&right), "{left} and {right}");
    // 21 and 24 begin with a shift down of level 9, and so does 12, by less: (0.9 + 0.7) / 25.
    let far = count(&|draw| draw.operations[0].is_some_and(|operation| matches!(operation, TranslateY(14 | -14))));
    assert!((179..=333).contains(&far), "{far}");
    // The tenths of first and second steps add up to 12.9 and 11.7.
    let tenths = |at: usize| auto::policy::CIFAR10.iter().map(|steps| steps[at].tenths).sum::<u32>();
    for at in [0, 1] {
        let applied = count(&|draw| draw.operations[at].is_some());
        let expected = 4000.0 * f64::from(tenths(at)) / 250.0;
        assert!((applied as f64 - expected).abs() < 158.0, "step {at}: {applied} of {expected}");
    }
    // Never drawn: sub-policy 14's second step has probability 0.
    assert_eq!(count(&|draw| matches!(draw.operations, [Some(Solarize(_)), Some(Invert), ..])), 0);
}

/// Bytes are changed after flip and crop and before they are normalised; holes come last.
#[test]
fn the_order_is_crop_flip_bytes_normalise_cut_out() {
    let shape = Shape { height: 1, width: 3, channels: 1 };
    let mut operations = [None; 6];
    operations[0] = Some(operation::Operation::Invert);
    let holes = [Some([(0, 1), (1, 2)]), None];
    let draw = Draw { flip: true, crop: (0, 1), holes, operations, ..Draw::nothing() };
    let mut out = [f32::NAN; 3];
    draw.apply(&[10, 20, 30], shape, &tables(1), &mut out);
    // Flipped 30 20 10, moved 20 10 0, inverted; padding is black before it is inverted.
    assert_eq!(out, [235.5, 0.0, 255.5]);
}

#[test]
fn what_tensorflow_leaves_empty_is_the_mean() {
    let shape = Shape { height: 1, width: 3, channels: 3 };
    let mut operations = [None; 6];
    operations[0] = Some(operation::Operation::TranslateX(1));
    let apply = |draw: Draw| {
        let mut out = [f32::NAN; 9];
        draw.apply(&[1, 2, 3, 4, 5, 6, 7, 8, 9], shape, &tables(3), &mut out);
        out
    };
    let black = Draw { operations, ..Draw::nothing() };
    assert_eq!(apply(black)[..4], [0.5, 1000.5, 2000.5, 1.5]);
    let mean = Draw { mean_fill: true, ..black };
    assert_eq!(apply(mean)[..4], [0.0, 0.0, 0.0, 1.5]);
    // An operation on levels makes pixels of them.
    operations[1] = Some(operation::Operation::Invert);
    assert_eq!(apply(Draw { operations, ..mean })[..4], [255.5, 1255.5, 2255.5, 254.5]);
}

#[test]
fn a_resized_crop_gives_its_side() {
    let shape = Shape { height: 9, width: 14, channels: 3 };
    let image: Vec<u8> = (0..shape.bytes()).map(|at| (at * 7) as u8).collect();
    let augment = Augment { flip: true, cutout: 3, ..everything() };
    augment.check(shape).unwrap();
    assert_eq!(augment.output(shape), Shape { height: 5, width: 5, channels: 3 });
    for position in 0..50 {
        let mut out = [f32::NAN; 75];
        let draw = draw_of(&augment, shape, 1, 1, position);
        draw.apply(&image, shape, &tables(3), &mut out);
        assert!(out.iter().all(|value| value.is_finite()));
        let [(top, bottom), (left, right)] = draw.holes[0].unwrap();
        assert!(bottom <= 5 && right <= 5);
        assert!((top..bottom).all(|y| (left..right).all(|x| out[(5 * y + x) * 3] == 0.0)));
    }
}

#[test]
fn jitter_has_the_range_asked_for_and_every_order() {
    let shape = Shape { height: 2, width: 2, channels: 3 };
    let augment = Augment { jitter: Jitter::STRONG, ..Augment::none() };
    let mut firsts = [0; 4];
    let (mut least, mut most) = (2.0_f32, 0.0_f32);
    for position in 0..4000 {
        use operation::Operation::*;
        let draw = draw_of(&augment, shape, 9, 0, position);
        for (at, operation) in draw.operations[2..].iter().enumerate() {
            let (kind, factor) = match operation.unwrap() {
                Brightness(factor) => (0, factor),
                Contrast(factor) => (1, factor),
                Color(factor) => (2, factor),
                Hue(turn) => {
                    assert!(!(26..=230).contains(&turn), "{turn}");
                    (3, 1.0)
                }
                other => panic!("{other:?}"),
            };
            firsts[kind] += usize::from(at == 0);
            (least, most) = (least.min(factor), most.max(factor));
        }
    }
    assert!((0.6..0.61).contains(&least) && (1.39..=1.4).contains(&most), "{least} to {most}");
    assert!(firsts.iter().all(|count| (863..=1137).contains(count)), "{firsts:?}");
    let mild = draw_of(&Augment { jitter: Jitter::MILD, ..augment }, shape, 9, 0, 0);
    assert_eq!(mild.operations.iter().flatten().count(), 2);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let shape = Shape { height: 32, width: 32, channels: 3 };
    let refused = |augment: Augment, words: &str| {
        let message = augment.check(shape).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    let all = everything();
    assert!(all.check(shape).is_ok());
    refused(Augment { crop_pad: 4, ..all }, "`resized_crop` is on, `crop_pad` 4 and `zoom` 0");
    refused(Augment { zoom: 4, ..all }, "`resized_crop` is on");
    refused(Augment { mix_up: Some(MixUp::default()), ..all }, "`cut_mix` is on, and so is `mix_up`");
    // The side after the crop counts.
    refused(Augment { cutout: 11, ..all }, "twice the longer side, 10");
    refused(Augment { cut_mix: Some(CutMix { pastes: 0, ..CutMix::default() }), ..all }, "`cut_mix.pastes`");
    refused(
        Augment { resized_crop: Some(ResizedCrop { side: 0, ..ResizedCrop::default() }), ..all },
        "resized_crop.side",
    );
    for jitter in [
        Jitter { brightness: 1.1, ..Jitter::default() },
        Jitter { contrast: -0.1, ..Jitter::default() },
        Jitter { saturation: f64::NAN, ..Jitter::default() },
        Jitter { hue: 0.6, ..Jitter::default() },
    ] {
        refused(Augment { jitter, ..all }, "`jitter.");
    }
}

#[test]
fn settings_can_be_written_and_read() {
    let all = Augment { flip: true, ..everything() };
    assert_eq!(serde_json::from_str::<Augment>(&serde_json::to_string(&all).unwrap()).unwrap(), all);
    // What is off is not written, so files of older settings stay as they are.
    let text = serde_json::to_string(&Augment { flip: true, ..Augment::none() }).unwrap();
    assert_eq!(text, r#"{"flip":true,"crop_pad":0,"cutout":0,"erase":0,"zoom":0,"light":0}"#);
    for (name, form) in [
        ("pil", AutoForm::Pil),
        ("torchvision", AutoForm::Pil),
        ("tensorflow", AutoForm::TensorFlow),
        ("lanet", AutoForm::LaNet),
    ] {
        let auto: AutoAugment = serde_json::from_str(&format!(r#"{{"form":"{name}"}}"#)).unwrap();
        assert_eq!(auto.form, form);
    }
    let told = Augment { flip: true, ..everything() }.to_string();
    assert_eq!(
        told,
        "flip, resized crop 5 pixels, AutoAugment (pil), brightness 40 %, contrast 40 %, saturation 40 %, hue 10 %, CutMix 50 %"
    );
}
