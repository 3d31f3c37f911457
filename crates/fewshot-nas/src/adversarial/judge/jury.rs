//! Looks at images, made into a score and a distance.

use std::sync::Arc;

use fewshot_data::{Dataset, Shape};
use fewshot_fid::{Gaussian, InceptionTally, Moments, frechet_distance};
use serde::{Deserialize, Serialize};

use super::feature_net::FeatureNet;
use crate::adversarial::error::GanError;
use crate::run::Interrupt;

/// Inception Score and Fréchet distance of some images.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// Mean of the score over its parts, 1 to the number of classes; higher is better.
    pub score: f64,
    /// Population deviation over the parts.
    pub score_deviation: f64,
    /// Distance of the features from those of real images, 0 or more; lower is better. Absent where only the score was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<f64>,
    /// Images that were looked at.
    pub images: u64,
}

/// Looks at batch after batch of images and judges them all.
pub struct Jury<'a> {
    net: &'a mut dyn FeatureNet,
    tally: InceptionTally,
    moments: Option<Moments>,
    shape: Shape,
    images: u64,
}

impl<'a> Jury<'a> {
    /// For `images` images of `shape`, whose score is made of `parts` parts; with `moments` their features are kept too.
    ///
    /// # Errors
    /// When there are fewer images than parts.
    pub fn new(
        net: &'a mut dyn FeatureNet,
        shape: Shape,
        images: usize,
        parts: usize,
        moments: bool,
    ) -> Result<Self, GanError> {
        let tally = InceptionTally::new(net.classes(), images, parts)?;
        let moments = moments.then(|| Moments::new(net.features())).transpose()?;
        Ok(Self { net, tally, moments, shape, images: 0 })
    }

    /// Some more of the images.
    ///
    /// # Errors
    /// When there are more than announced, or the network cannot look at them.
    pub fn look(&mut self, images: &[u8]) -> Result<(), GanError> {
        let looks = self.net.look(images, self.shape)?;
        self.tally.push(&looks.probabilities)?;
        if let Some(moments) = &mut self.moments {
            moments.push(&looks.features)?;
        }
        self.images += (images.len() / self.shape.bytes().max(1)) as u64;
        Ok(())
    }

    /// What all images are worth, and the statistics of their features where these were kept; `real` are those of real images.
    ///
    /// # Errors
    /// When fewer images came than were announced.
    pub fn judge(self, real: Option<&Gaussian>) -> Result<(Judgement, Option<Gaussian>), GanError> {
        let found = self.tally.score()?;
        let own = self.moments.map(Moments::gaussian).transpose()?;
        let distance = match (&own, real) {
            (Some(own), Some(real)) => Some(frechet_distance(own, real)?),
            _ => None,
        };
        let judgement =
            Judgement { score: found.mean, score_deviation: found.deviation, distance, images: self.images };
        Ok((judgement, own))
    }
}

/// Images that go through a network together.
const BATCH: usize = 100;

/// Score and statistics of the images at `indices`.
///
/// # Errors
/// When there are fewer than two, or the network cannot look at them.
pub fn judge_real(
    net: &mut dyn FeatureNet,
    images: &Arc<Dataset>,
    indices: &[u32],
    parts: usize,
    real: Option<&Gaussian>,
    interrupt: &Interrupt,
) -> Result<(Judgement, Gaussian), GanError> {
    let mut jury = Jury::new(net, images.shape(), indices.len(), parts, true)?;
    for chunk in indices.chunks(BATCH) {
        interrupt.check()?;
        let bytes: Vec<u8> = chunk.iter().flat_map(|&index| images.image(index as usize)).copied().collect();
        jury.look(&bytes)?;
    }
    let (judgement, own) = jury.judge(real)?;
    let own = own.ok_or_else(|| GanError::State("no statistics were kept".to_string()))?;
    Ok((judgement, own))
}
