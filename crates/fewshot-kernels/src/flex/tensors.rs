//! Tensors of `Flex` and their sizes.

use burn::tensor::{DType, Tensor};
use burn_flex::FlexTensor;

use crate::memory::Buffer;

/// Whether the tensor lives where the kernels run.
pub(crate) fn is_fast<const D: usize>(tensor: &Tensor<D>) -> bool {
    use burn::backend::DispatchDevice;
    tensor.dtype() == DType::F32 && matches!(tensor.device().without_autodiff().as_dispatch(), DispatchDevice::Flex(_))
}

/// Sizes of a tensor of known rank.
pub(super) fn dims<const D: usize>(tensor: &FlexTensor) -> [usize; D] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|i| shape[i])
}

/// A tensor of rank 1.
pub(super) fn vector(values: &[f32]) -> FlexTensor {
    let mut buffer = Buffer::new(values.len());
    buffer.copy_from_slice(values);
    buffer.into_tensor([values.len()])
}
