//! Images of several classes: parts or shares of other images, and targets to match.

use rand::{Rng, RngExt};
use serde::{Deserialize, Serialize};

use super::key::Key;
use crate::{DataError, Shape};

/// Boxes of other training images, already changed and normalised, pasted over an image, and their share of its label (S. Yun
/// et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features", ICCV 2019).
///
/// As in `ildoonet/cutmix`, which LaNet's recipe uses: for each paste, with `probability`, λ is drawn from Beta(`beta`,
/// `beta`) and a partner from all training images of the loader. The box has `⌊side √(1 - λ)⌋` pixels a side, the half of
/// that (rounded down) to each side of a uniform centre, and is cut at the borders. What it covers of the image is the
/// partner's share of the label; earlier shares are scaled down to the rest.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CutMix {
    /// Of each paste, 0 to 1. Default 0.5.
    pub probability: f64,
    /// Both parameters of the Beta distribution of λ, 0.1 to 1. Default 1, which is uniform.
    pub beta: f64,
    /// How many pastes are tried, 1 to 8. Default 2.
    pub pastes: usize,
}

impl Default for CutMix {
    fn default() -> CutMix {
        CutMix { probability: 0.5, beta: 1.0, pastes: 2 }
    }
}

/// The weighted mean of two images, and of their labels (H. Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR
/// 2018). Each image has its own partner, drawn from all training images of the loader, and its own weight.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MixUp {
    /// Both parameters of the Beta distribution of the image's weight, 0.1 to 1. Default 0.2, as there for ImageNet.
    pub alpha: f64,
}

impl Default for MixUp {
    fn default() -> MixUp {
        MixUp { alpha: 0.2 }
    }
}

/// Partners that an image can have at most.
pub(crate) const MAX_PARTNERS: usize = 8;

impl CutMix {
    pub(super) fn check(&self) -> Result<(), DataError> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(DataError::setting("`cut_mix.probability`", self.probability, "0 to 1"));
        }
        if !(1..=MAX_PARTNERS).contains(&self.pastes) {
            return Err(DataError::setting("`cut_mix.pastes`", self.pastes, format!("1 to {MAX_PARTNERS}")));
        }
        check_beta("`cut_mix.beta`", self.beta)
    }
}

impl MixUp {
    pub(super) fn check(&self) -> Result<(), DataError> {
        check_beta("`mix_up.alpha`", self.alpha)
    }
}

fn check_beta(name: &'static str, value: f64) -> Result<(), DataError> {
    if (0.1..=1.0).contains(&value) {
        return Ok(());
    }
    Err(DataError::setting(name, value, "0.1 to 1"))
}

/// What another image does to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mixture {
    /// Place of the other image in the order of the epoch.
    pub partner: usize,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    /// Rows and columns, half-open, that are the partner's.
    Paste([(usize, usize); 2]),
    /// The image's own weight.
    Mean(f64),
}

impl Mixture {
    /// What is pasted over the image of `key`, of `shape` and one of `images`, in this order.
    pub fn of_cut_mix(cut_mix: &CutMix, shape: Shape, images: usize, key: Key) -> Vec<Mixture> {
        let mut random = key.stream("data/cut-mix");
        let mut pastes = Vec::new();
        for _ in 0..cut_mix.pastes {
            if random.random::<f64>() >= cut_mix.probability {
                continue;
            }
            let cut = (1.0 - beta(cut_mix.beta, &mut random)).sqrt();
            let partner = random.random_range(0..images);
            let span = [shape.height, shape.width].map(|side| {
                let reach = (side as f64 * cut) as usize / 2;
                let centre = random.random_range(0..side);
                (centre.saturating_sub(reach), (centre + reach).min(side))
            });
            pastes.push(Mixture { partner, how: How::Paste(span) });
        }
        pastes
    }

    /// What the image of `key`, one of `images`, is mixed with.
    pub fn of_mix_up(mix_up: &MixUp, images: usize, key: Key) -> Mixture {
        let mut random = key.stream("data/mix-up");
        let own = beta(mix_up.alpha, &mut random);
        Mixture { partner: random.random_range(0..images), how: How::Mean(own) }
    }

    /// Puts `partner` into `image`, both of `shape`; returns the share of the label that stays.
    pub fn apply(&self, image: &mut [f32], partner: &[f32], shape: Shape) -> f64 {
        match self.how {
            How::Paste([(top, bottom), (left, right)]) => {
                let line = shape.width * shape.channels;
                let columns = left * shape.channels..right * shape.channels;
                let rows = image.chunks_exact_mut(line).zip(partner.chunks_exact(line));
                for (row, partner) in rows.take(bottom).skip(top) {
                    row[columns.clone()].copy_from_slice(&partner[columns.clone()]);
                }
                let area = (bottom - top) * (right - left);
                1.0 - area as f64 / (shape.height * shape.width) as f64
            }
            How::Mean(own) => {
                let (own_weight, weight) = (own as f32, (1.0 - own) as f32);
                image
                    .iter_mut()
                    .zip(partner)
                    .for_each(|(value, partner)| *value = own_weight * *value + weight * partner);
                own
            }
        }
    }
}

/// From Beta(`shape`, `shape`), `shape` at most 1 (M. D. Jöhnk, "Erzeugung von betaverteilten und gammaverteilten
/// Zufallszahlen", Metrika 1964): at least every other pair is taken.
fn beta(shape: f64, random: &mut impl Rng) -> f64 {
    if shape == 1.0 {
        return random.random();
    }
    loop {
        let [first, second] = [random.random::<f64>(), random.random::<f64>()].map(|uniform| uniform.powf(1.0 / shape));
        let sum = first + second;
        if sum > 0.0 && sum <= 1.0 {
            return first / sum;
        }
    }
}

#[cfg(test)]
#[path = "mix_tests.rs"]
mod tests;
