//! The optimizer's step.

use burn::tensor::Tensor;

use crate::Sgd;

/// One step of gradient descent; see [`crate::sgd_step`].
pub fn sgd_step<const D: usize>(
    w: Tensor<D>,
    grad: Tensor<D>,
    velocity: Option<Tensor<D>>,
    sgd: &Sgd,
) -> (Tensor<D>, Tensor<D>) {
    let grad = grad + w.clone() * sgd.weight_decay;
    let velocity = match velocity {
        Some(velocity) => velocity * sgd.momentum + grad.clone(),
        None => grad.clone(),
    };
    let step = if sgd.nesterov { grad + velocity.clone() * sgd.momentum } else { velocity.clone() };
    (w - step * sgd.lr, velocity)
}

/// Sum of squares in double precision; see [`crate::sum_squares`].
pub fn sum_squares<const D: usize>(t: Tensor<D>) -> f64 {
    let squares = t.into_data().convert::<f32>();
    squares.iter::<f32>().map(|value| f64::from(value) * f64::from(value)).sum()
}
