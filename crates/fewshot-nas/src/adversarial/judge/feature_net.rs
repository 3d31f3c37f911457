//! Networks through which images are looked at.

use fewshot_data::Shape;

use crate::adversarial::error::GanError;

/// A frozen network through which images are looked at.
pub trait FeatureNet: Send {
    /// What the score of its probabilities is called, say `proxy-IS`, and the distance of its features, `proxy-FID`.
    fn names(&self) -> [&'static str; 2];

    /// SHA-256 of all that its numbers depend on, in hexadecimal digits.
    fn digest(&self) -> &str;

    /// Numbers per image.
    fn features(&self) -> usize;

    /// Probabilities per image.
    fn classes(&self) -> usize;

    /// Share of images that it was not trained on which it tells rightly, where that is known.
    fn accuracy(&self) -> Option<f64> {
        None
    }

    /// Looks at images of `shape`, one after the other, bytes `[height, width, channels]` each.
    ///
    /// # Errors
    /// When it cannot look at such images.
    fn look(&mut self, images: &[u8], shape: Shape) -> Result<Looks, GanError>;
}

/// What a [`FeatureNet`] makes of some images, row by row.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    /// [`FeatureNet::features`] for each.
    pub features: Vec<f32>,
    /// [`FeatureNet::classes`] for each.
    pub probabilities: Vec<f64>,
}
