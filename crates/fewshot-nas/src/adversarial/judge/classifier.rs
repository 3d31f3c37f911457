//! A trained classifier of this program as the network that judges images.

use burn::tensor::{Tensor, TensorData};
use fewshot_data::Shape;
use fewshot_fid::softmax;
use fewshot_kernels as kernels;

use super::feature_net::{FeatureNet, Looks};
use crate::adversarial::error::GanError;
use crate::model::Model;
use crate::nets::to_vec;

/// A classifier whose features are what its last layer reads. Its numbers are called proxies: they are comparable with each other, and
/// never with published ones.
#[derive(Debug)]
pub struct Classifier {
    model: Model,
    digest: String,
    features: usize,
}

impl Classifier {
    /// Takes a trained model; `digest` is that of its file.
    ///
    /// # Errors
    /// When its network has no features to look at.
    pub fn new(mut model: Model, digest: String) -> Result<Self, GanError> {
        let blank = vec![0; model.shape().bytes()];
        let (features, _) = model.features(&pixels(&model, &blank, model.shape())?)?;
        let [_, features] = features.dims();
        Ok(Self { model, digest, features })
    }
}

impl FeatureNet for Classifier {
    fn names(&self) -> [&'static str; 2] {
        ["proxy-IS", "proxy-FID"]
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn features(&self) -> usize {
        self.features
    }

    fn classes(&self) -> usize {
        self.model.card().classes.len()
    }

    fn accuracy(&self) -> Option<f64> {
        let card = self.model.card();
        card.test_accuracy.or(card.held_out_accuracy)
    }

    fn look(&mut self, images: &[u8], shape: Shape) -> Result<Looks, GanError> {
        let pixels = pixels(&self.model, images, shape)?;
        let (features, logits) = kernels::on_kernel_threads(|| self.model.features(&pixels))?;
        let probabilities = softmax(&to_vec(&logits), self.classes())?;
        Ok(Looks { features: to_vec(&features), probabilities })
    }
}

/// Images as the model takes them: smaller ones are enlarged between the centres of their pixels, then all normalised.
fn pixels(model: &Model, images: &[u8], shape: Shape) -> Result<Tensor<4>, GanError> {
    let wanted = model.shape();
    let factor = wanted.height / shape.height.max(1);
    let fits = factor > 0
        && (shape.height * factor, shape.width * factor, shape.channels)
            == (wanted.height, wanted.width, wanted.channels);
    if !fits {
        return Err(GanError::OtherImages { found: shape.to_string(), expected: wanted.to_string() });
    }
    let count = images.len() / shape.bytes().max(1);
    let values: Vec<f32> = images.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let dims = [count, shape.height, shape.width, shape.channels];
    let images = Tensor::<4>::from_data(TensorData::new(values, dims), model.device());
    Ok(if factor > 1 { kernels::upsample_bilinear(images, factor) } else { images })
}
