//! Batch norm and the fused edge of a cell.

use burn::tensor::Tensor;

use crate::{Conv, Norm, Normed, Stats};

/// Batch norm; see [`crate::batch_norm`].
pub fn batch_norm(x: Tensor<4>, norm: Norm) -> Normed {
    let channels = x.dims()[3];
    let row = |t: Tensor<1>| t.reshape([1, 1, 1, channels]);
    let (mean, var, centred) = match norm.stats {
        Stats::Batch => {
            let mean = x.clone().mean_dims(&[0, 1, 2]);
            let centred = x - mean.clone();
            let var = (centred.clone() * centred.clone()).mean_dims(&[0, 1, 2]);
            (mean, var, centred)
        }
        Stats::Fixed { mean, var } => {
            let (mean, var) = (row(mean.detach()), row(var.detach()));
            (mean.clone(), var, x - mean)
        }
    };
    let mut out = centred / (var.clone() + norm.eps).sqrt();
    if let Some((scale, shift)) = norm.affine {
        out = out * row(scale) + row(shift);
    }
    Normed { out, mean: mean.reshape([channels]).detach(), var: var.reshape([channels]).detach() }
}

/// Convolution, batch norm and an optional sum; see [`crate::conv_bn`].
pub fn conv_bn(x: Tensor<4>, weight: Tensor<4>, conv: Conv, norm: Norm, add: Option<Tensor<4>>) -> Normed {
    let mut normed = batch_norm(super::conv2d(x, weight, conv), norm);
    if let Some(add) = add {
        normed.out = add + normed.out;
    }
    normed
}

/// Instance norm; see [`crate::instance_norm`].
pub fn instance_norm(x: Tensor<4>, affine: Option<(Tensor<1>, Tensor<1>)>, eps: f32) -> Tensor<4> {
    let channels = x.dims()[3];
    let centred = x.clone() - x.mean_dims(&[1, 2]);
    let var = (centred.clone() * centred.clone()).mean_dims(&[1, 2]);
    let out = centred / (var + eps).sqrt();
    match affine {
        Some((scale, shift)) => out * scale.reshape([1, 1, 1, channels]) + shift.reshape([1, 1, 1, channels]),
        None => out,
    }
}
