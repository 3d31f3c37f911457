//! The optimizer's step on `Flex`.

use burn::backend::Flex;
use burn::tensor::Tensor;
use burn_flex::FlexTensor;

use crate::Sgd;
use crate::kernels::elementwise;
use crate::memory::{Buffer, contiguous, elements, elements_mut};
use crate::simd::level;

/// The tensor's values for changing in place; copied first when something else holds them.
fn owned(tensor: FlexTensor) -> FlexTensor {
    let mut tensor = contiguous(tensor);
    if elements_mut(&mut tensor).is_none() {
        let mut copy = Buffer::new(elements(&tensor).len());
        copy.copy_from_slice(elements(&tensor));
        let shape = tensor.layout().shape().clone();
        let len = copy.len();
        let flat = copy.into_tensor([len]);
        tensor = flat.with_layout(burn_flex::Layout::contiguous(shape));
    }
    tensor
}

/// A plain tensor of `Flex`.
fn primitive<const D: usize>(tensor: Tensor<D>) -> FlexTensor {
    tensor.try_into_primitive::<Flex>().expect("the caller has seen that the tensor is a plain one of Flex")
}

/// One step of gradient descent on plain tensors of `Flex`.
pub(crate) fn sgd_step<const D: usize>(
    w: Tensor<D>,
    grad: Tensor<D>,
    velocity: Option<Tensor<D>>,
    sgd: &Sgd,
) -> (Tensor<D>, Tensor<D>) {
    let mut w = owned(primitive(w));
    let grad = contiguous(primitive(grad));
    let first = velocity.is_none();
    let mut velocity = match velocity {
        Some(velocity) => owned(primitive(velocity)),
        None => {
            let shape = w.layout().shape().clone();
            let len = elements(&w).len();
            let flat = Buffer::new(len).into_tensor([len]);
            flat.with_layout(burn_flex::Layout::contiguous(shape))
        }
    };
    if let (Some(w), Some(velocity)) = (elements_mut(&mut w), elements_mut(&mut velocity)) {
        elementwise::sgd(level(), sgd, first, w, elements(&grad), velocity);
    }
    (Tensor::from_primitive::<Flex>(w), Tensor::from_primitive::<Flex>(velocity))
}

/// Sum of squares of a plain tensor of `Flex`.
pub(crate) fn sum_squares<const D: usize>(t: Tensor<D>) -> f64 {
    elementwise::sum_squares(elements(&contiguous(primitive(t))))
}
