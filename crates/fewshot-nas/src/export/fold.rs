//! Batch norms put into the convolutions before them.

use super::ExportError;
use crate::nets::{Graph, NamedValues, Op};
use crate::run::TensorF32;

/// The tensor called `name`.
pub(super) fn tensor<'a>(tensors: &'a NamedValues, name: &str) -> Result<&'a TensorF32, ExportError> {
    tensors.get(name).ok_or_else(|| ExportError::MissingTensor(name.to_string()))
}

/// Per channel, what a batch norm multiplies by and then adds: `scale/√(var + ε)` and `shift - mean·scale/√(var + ε)`.
fn affine(
    tensors: &NamedValues,
    layer: &str,
    channels: usize,
    has_affine: bool,
    eps: f32,
) -> Result<(Vec<f64>, Vec<f64>), ExportError> {
    let of = |part: &str| -> Result<&[f32], ExportError> { Ok(tensor(tensors, &format!("{layer}.{part}"))?.data()) };
    let (mean, var) = (of("running_mean")?, of("running_var")?);
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    let (scale, shift) = if has_affine { (of("scale")?, of("shift")?) } else { (&ones[..], &zeros[..]) };
    let factors: Vec<f64> = scale
        .iter()
        .zip(var)
        .map(|(&scale, &var)| f64::from(scale) / (f64::from(var) + f64::from(eps)).sqrt())
        .collect();
    let terms = shift.iter().zip(mean).zip(&factors);
    let terms = terms.map(|((&shift, &mean), factor)| f64::from(shift) - f64::from(mean) * factor).collect();
    Ok((factors, terms))
}

/// Replaces each batch norm that alone reads a convolution without bias by other weights and a bias of that convolution,
/// computed in double precision. Norms of sums stay.
///
/// # Errors
/// [`ExportError::MissingTensor`] if `tensors` is not of the network.
pub fn fold_norms(mut graph: Graph, mut tensors: NamedValues) -> Result<(Graph, NamedValues), ExportError> {
    for index in 0..graph.nodes.len() {
        let Op::BatchNorm { layer: norm, channels, affine: has_affine, eps } = &graph.nodes[index].op else {
            continue;
        };
        let source = graph.nodes[index].inputs[0];
        let Some((layer, output)) = without_bias(&graph.nodes[source].op) else {
            continue;
        };
        let uses = graph.nodes.iter().filter(|node| without_bias(&node.op).is_some_and(|(other, _)| other == layer));
        if graph.readers(source) != 1 || uses.count() != 1 {
            continue;
        }
        let (factors, terms) = affine(&tensors, norm, *channels, *has_affine, *eps)?;
        let weight = tensor(&tensors, &format!("{layer}.weight"))?;
        // The output channel runs fastest.
        let values = weight.data().iter().zip(factors.iter().cycle());
        let values: Vec<f32> = values.map(|(&value, factor)| (f64::from(value) * factor) as f32).collect();
        let folded = TensorF32::new(weight.shape().to_vec(), values).map_err(crate::model::ModelError::from)?;
        let bias = terms.iter().map(|&term| term as f32).collect();
        let bias = TensorF32::new(vec![output], bias).map_err(crate::model::ModelError::from)?;
        tensors.insert(format!("{layer}.weight"), folded);
        tensors.insert(format!("{layer}.bias"), bias);
        // The norm's place is taken by the convolution; the old one is no longer read.
        let (mut op, inputs) = (graph.nodes[source].op.clone(), graph.nodes[source].inputs.clone());
        if let Op::Conv { bias, .. } | Op::Depthwise { bias, .. } = &mut op {
            *bias = true;
        }
        graph.nodes[index].op = op;
        graph.nodes[index].inputs = inputs;
    }
    Ok((graph.pruned(), tensors))
}

/// Name and channels out of a convolution that has no bias yet.
fn without_bias(op: &Op) -> Option<(&str, usize)> {
    match op {
        Op::Conv { layer, output, bias: false, .. } => Some((layer, *output)),
        Op::Depthwise { layer, channels, bias: false, .. } => Some((layer, *channels)),
        _ => None,
    }
}
