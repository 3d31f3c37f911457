//! Tensors that an operation may be called without.

use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::ops::NodeGuard;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, ExtensionType, Flex};
use burn::tensor::{DType, Shape};
use burn_flex::FlexTensor;

/// A tensor that may be left out.
#[derive(ExtensionType)]
pub enum Maybe<B: Backend> {
    /// It is there.
    Present(FloatTensor<B>),
    /// It is not.
    Absent,
}

impl<B: Backend> Maybe<B> {
    pub(super) fn into_option(self) -> Option<FloatTensor<B>> {
        match self {
            Self::Present(tensor) => Some(tensor),
            Self::Absent => None,
        }
    }
}

/// The tensors of a batch norm.
#[derive(ExtensionType)]
pub struct NormParts<B: Backend> {
    /// Scale per channel.
    #[extension_type]
    pub scale: Maybe<B>,
    /// Shift per channel.
    #[extension_type]
    pub shift: Maybe<B>,
    /// Mean from outside.
    #[extension_type]
    pub mean: Maybe<B>,
    /// Variance from outside.
    #[extension_type]
    pub var: Maybe<B>,
}

/// A tensor in the autodiff graph.
pub(super) type Tracked = FloatTensor<Autodiff<Flex>>;

/// Splits a tensor of the autodiff graph into its values and its place in the graph; what is left
/// out becomes a constant.
pub(super) fn split<C: CheckpointStrategy>(maybe: Maybe<Autodiff<Flex, C>>) -> (Option<FlexTensor>, NodeGuard) {
    match maybe.into_option() {
        Some(tensor) => {
            let (primitive, guard) = tensor.into_parts();
            (Some(primitive), guard)
        }
        None => {
            let nothing = FlexTensor::zeros(Shape::from([1]), DType::F32);
            (None, Tracked::new(nothing).node())
        }
    }
}
