//! Shares of options: from numbers, and to draw by.

use std::ops::Sub;

use rand::{Rng, RngExt};

/// e to the power of each number, divided by the sum of these; in double precision, of differences in the precision of the numbers.
/// A number that is none makes all shares so.
pub fn softmax<T: Copy + PartialOrd + Sub<Output = T> + Into<f64>>(numbers: &[T]) -> Vec<f64> {
    let Some(largest) =
        numbers.iter().copied().reduce(|largest, number| if number > largest { number } else { largest })
    else {
        return Vec::new();
    };
    let powers: Vec<f64> = numbers.iter().map(|&number| (number - largest).into().exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// A place, each as likely as its share of the sum; 0 where no share is above 0.
pub fn draw<R: Rng + ?Sized>(shares: &[f64], rng: &mut R) -> usize {
    let mut left = rng.random::<f64>() * shares.iter().sum::<f64>();
    for (place, share) in shares.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return place;
        }
    }
    // Rounding has left something behind the last one that can be drawn.
    shares.iter().rposition(|&share| share > 0.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::stream;

    #[test]
    fn shares_are_those_of_powers_and_sum_to_one() {
        assert_eq!(softmax(&[0.0_f64, 0.0]), [0.5, 0.5]);
        assert!((softmax(&[0.0_f32, 3.0_f32.ln()])[1] - 0.75).abs() < 1e-6);
        let far = softmax(&[1e4_f64, 1e4 - 2.0_f64.ln(), -1e4]);
        assert!((far[0] - 2.0 / 3.0).abs() < 1e-12 && far[2] == 0.0, "{far:?}");
        assert!((softmax(&[1.0_f32, 200.0, -3.0]).iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(softmax::<f64>(&[]).is_empty());
        assert!(softmax(&[0.0, f64::NAN]).iter().chain(&softmax(&[f64::NAN, 0.0])).all(|share| share.is_nan()));
    }

    #[test]
    fn places_are_drawn_as_often_as_their_shares_and_never_those_of_none() {
        let mut counts = [0; 5];
        for index in 0..4000 {
            counts[draw(&[0.0, 3.0, 0.0, 1.0, 0.0], &mut stream(1, "shares", index, 0))] += 1;
        }
        assert_eq!((counts[0], counts[2], counts[4]), (0, 0, 0));
        assert!((counts[1] as f64 / 4000.0 - 0.75).abs() < 0.03, "{counts:?}");
        assert_eq!(draw(&[0.0, 0.0], &mut stream(1, "shares", 0, 0)), 0);
    }
}
