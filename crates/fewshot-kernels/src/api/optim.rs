//! The optimizer's step.

use burn::tensor::Tensor;

use crate::{Sgd, flex, portable};

/// One step of gradient descent: returns the new weight and the new velocity.
///
/// All tensors are without autodiff and of one shape; `velocity` is `None` at the first step.
/// Works in place on the tensors that have no other handle.
///
/// # Panics
/// When the shapes differ.
pub fn sgd_step<const D: usize>(
    w: Tensor<D>,
    grad: Tensor<D>,
    velocity: Option<Tensor<D>>,
    sgd: &Sgd,
) -> (Tensor<D>, Tensor<D>) {
    assert!(
        w.dims() == grad.dims() && velocity.as_ref().is_none_or(|v| v.dims() == w.dims()),
        "sgd_step: weight {:?}, gradient {:?} and velocity must have one shape",
        w.dims(),
        grad.dims()
    );
    let plain = |t: &Tensor<D>| flex::is_fast(t) && !t.device().is_autodiff();
    if plain(&w) && plain(&grad) && velocity.as_ref().is_none_or(plain) {
        flex::sgd_step(w, grad, velocity, sgd)
    } else {
        portable::sgd_step(w, grad, velocity, sgd)
    }
}

/// Sum of the squares of all elements, in double precision and a fixed order.
pub fn sum_squares<const D: usize>(t: Tensor<D>) -> f64 {
    if flex::is_fast(&t) && !t.device().is_autodiff() { flex::sum_squares(t) } else { portable::sum_squares(t) }
}
