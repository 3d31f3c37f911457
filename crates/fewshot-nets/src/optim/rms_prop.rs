//! RMSprop.

use burn::tensor::Tensor;

use super::{Rule, Step};

/// RMSprop as TensorFlow has it (Tieleman and Hinton, 2012), by which MobileNets and EfficientNets were trained:
/// g ← g + wd·w; s ← ρs + (1−ρ)g², from s = 1; v ← momentum·v + lr·g/√(s + ε); w ← w − v. PyTorch's starts at s = 0, has ε outside
/// of the root, and multiplies by the learning rate in the end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RmsProp {
    /// Share of the mean of squares that is kept, 0 up to but not including 1; ρ.
    pub decay: f64,
    /// Share of the velocity that is kept, 0 up to but not including 1.
    pub momentum: f64,
    /// Added to the squares, above 0.
    pub eps: f64,
}

impl Rule for RmsProp {
    fn slots(&self) -> &'static [&'static str] {
        &["rms_prop/square", "rms_prop/velocity"]
    }

    fn starts(&self) -> &'static [f64] {
        &[1.0, 0.0]
    }

    fn update(&self, value: Tensor<1>, gradient: Tensor<1>, kept: &mut [Option<Tensor<1>>], step: &Step) -> Tensor<1> {
        let RmsProp { decay, momentum, eps } = *self;
        let gradient = gradient + value.clone().mul_scalar(step.weight_decay);
        let square = kept[0].take().unwrap_or_else(|| value.ones_like());
        let velocity = kept[1].take().unwrap_or_else(|| value.zeros_like());
        let square = square.mul_scalar(decay) + (gradient.clone() * gradient.clone()).mul_scalar(1.0 - decay);
        let scaled = gradient.mul_scalar(step.lr) / square.clone().add_scalar(eps).sqrt();
        let velocity = velocity.mul_scalar(momentum) + scaled;
        (kept[0], kept[1]) = (Some(square), Some(velocity.clone()));
        value - velocity
    }
}
