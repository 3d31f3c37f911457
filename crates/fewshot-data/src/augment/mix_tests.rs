//! Tests of `mix.rs`.

use fewshot_space::random;

use super::*;

const SHAPE: Shape = Shape { height: 32, width: 32, channels: 1 };

fn key(position: u64) -> Key {
    Key { seed: 4, epoch: 2, position }
}

#[test]
fn pastes_follow_the_rule() {
    let cut_mix = CutMix::default();
    let mut counts = [0; 3];
    let (mut areas, mut uncut, mut partners) = (0.0, 0, vec![0; 10]);
    for position in 0..4000 {
        let pastes = Mixture::of_cut_mix(&cut_mix, SHAPE, 10, key(position));
        counts[pastes.len()] += 1;
        for paste in &pastes {
            partners[paste.partner] += 1;
            let mut image = vec![1.0; SHAPE.bytes()];
            let stays = paste.apply(&mut image, &vec![2.0; SHAPE.bytes()], SHAPE);
            let pasted = image.iter().filter(|&&value| value == 2.0).count();
            assert_eq!(stays, 1.0 - pasted as f64 / 1024.0, "the share is that of the pixels");
            let How::Paste([(top, bottom), (left, right)]) = paste.how else { panic!("{paste:?}") };
            assert!(top <= bottom && bottom <= 32 && left <= right && right <= 32);
            if top > 0 && bottom < 32 && left > 0 && right < 32 {
                assert_eq!(bottom - top, right - left, "a box that is not cut is a square");
                assert_eq!((bottom - top) % 2, 0, "as much to each side of the centre");
                uncut += 1;
            }
            areas += 1.0 - stays;
        }
    }
    // None, one and two: 1000, 2000, 1000, give or take five standard deviations.
    assert!((863..=1137).contains(&counts[0]) && (863..=1137).contains(&counts[2]), "{counts:?}");
    assert!(partners.iter().all(|count| (300..=500).contains(count)), "{partners:?}");
    // Half of the area before boxes are cut at the borders; about 0.3 after.
    let mean = areas / partners.iter().sum::<usize>() as f64;
    assert!((0.26..=0.34).contains(&mean) && uncut > 100, "{mean}, {uncut}");
}

#[test]
fn shares_of_two_pastes_multiply() {
    let paste = |span| Mixture { partner: 0, how: How::Paste(span) };
    let mut image = vec![0.0; SHAPE.bytes()];
    let first = paste([(0, 16), (0, 32)]).apply(&mut image, &vec![1.0; SHAPE.bytes()], SHAPE);
    let second = paste([(8, 24), (0, 16)]).apply(&mut image, &vec![2.0; SHAPE.bytes()], SHAPE);
    assert_eq!((first, second), (0.5, 0.75));
    let at = |y: usize, x: usize| image[y * 32 + x];
    assert_eq!([at(0, 0), at(15, 31), at(8, 0), at(23, 15), at(24, 0), at(31, 31)], [1.0, 1.0, 2.0, 2.0, 0.0, 0.0]);
}

#[test]
fn means_weigh_both_images() {
    let mixture = Mixture { partner: 0, how: How::Mean(0.25) };
    let mut image = [4.0, 8.0];
    let stays = mixture.apply(&mut image, &[0.0, 16.0], Shape { height: 1, width: 2, channels: 1 });
    assert_eq!((stays, image), (0.25, [1.0, 14.0]));
}

/// Mean 1/2 and variance 1/(8 a + 4) of Beta(a, a), within five standard errors.
#[test]
fn weights_have_the_moments_of_the_beta_distribution() {
    for shape in [0.1, 0.2, 0.5, 1.0] {
        let mut random = random::stream(1, "beta", 0, 0);
        let values: Vec<f64> = (0..20_000).map(|_| beta(shape, &mut random)).collect();
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let variance = values.iter().map(|value| (value - 0.5).powi(2)).sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.016, "{shape}: mean {mean}");
        assert!((variance - 1.0 / (8.0 * shape + 4.0)).abs() < 0.004, "{shape}: variance {variance}");
    }
}

#[test]
fn what_is_out_of_range_is_refused() {
    assert!(CutMix::default().check().is_ok() && MixUp::default().check().is_ok());
    for probability in [-0.1, 1.1, f64::NAN] {
        assert!(CutMix { probability, ..CutMix::default() }.check().is_err());
    }
    for pastes in [0, 9] {
        assert!(CutMix { pastes, ..CutMix::default() }.check().is_err());
    }
    for value in [0.0, 0.09, 1.01, f64::NAN] {
        assert!(CutMix { beta: value, ..CutMix::default() }.check().is_err());
        assert!(MixUp { alpha: value }.check().is_err());
    }
}
